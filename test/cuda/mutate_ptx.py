"""Plants bugs into PTX that Tenon emits, one at a time, and requires that each is found: by the simulated GPU, which
stops at a fault, or by a wrong result. Kernels without a bug raise no alarm, whatever the order of warps.

    mutate_ptx.py [--per N] [--kernels A,B] [--seeds N] [-v]

Of each operator (mutants.py) `--per` mutants of each kernel (kernels.py) are tried, spread over the text. A mutant that changes nothing
that a kernel computes is listed in EQUIVALENT, with the reason.
"""

import argparse
import collections
import os
import re
import sys
import tempfile
from pathlib import Path

import kernels
import numpy as np
from device import Fault, Simulator, differs, quiet
from mutants import mutants

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))

# (kernel, operator, pattern of the instruction): why it is no bug.
EQUIVALENT = [
    ("(float8_|two_of_four_)?pipeline|cluster", "no fence", r"fence\.proxy.*", "of barriers that were just made the simulator does not tell who sees them"),
    ("(float8_|two_of_four_)?pipeline|cluster", "the same lane twice", r"shfl\.sync\.idx.*", "all lanes of a warp have the number of their warpgroup"),
    (
        "cluster",
        "wait for the own block alone",
        r"mbarrier\.try_wait\S* over, \[%rd58\], .*",
        "of products: what is waited for are copies, which are complete for whoever waits, and an arrival of the own block",
    ),
    (
        "gemm_few_rows",
        "loop with one step too many",
        r"setp\.lt\.u64.*, 33;",
        "of the other operand one column more is read, in the next row, and not stored",
    ),
    (
        "float8",
        "loop with one step too many",
        r"setp\.lt\.u64\s+%p4, .*, 45;",
        "columns from 48 on are compared with it",
    ),
    (
        "attention_.*",
        "loop with one step too many",
        r"setp\.lt\.[su]64.*, (12|20|36|150);",
        "a key more, or an element more of a query, key or value, meets zeros of the other operand, or is not stored",
    ),
    ("two_of_four_pipeline", "no fence", r"wgmma\.fence.*", "of a missing one behind the first the simulator does not tell"),
    (
        "two_of_four",
        "loop with one step too many",
        r"setp\.lt\.[su]64.*, (48|352);",
        "values of an output that is not stored, or of a depth whose rows are zeros",
    ),
    (
        "two_of_four",
        "loop with one step too many",
        r"setp\.lt\.u64\s+%p6, .*, 70;",
        "a thread's second chunk is of the rows 16 to 31 of a tile, of which none is the last",
    ),
]


def is_equivalent(name, mutant):
    return any(
        re.fullmatch(kernel, name) and operator == mutant.operator and re.fullmatch(pattern, mutant.before)
        for kernel, operator, pattern, _ in EQUIVALENT
    )


def spread(candidates, count):
    """That many of them, the first one and the others at equal distances."""
    step = max(1, -(-len(candidates) // count)) if count else 1
    return candidates[::step]


def find_bug(simulator, case, ptx, launch):
    """What tells of a bug; None if nothing does."""
    results = [np.zeros_like(value) for value in case.expected]
    try:
        with quiet():
            simulator.run(ptx, case.inputs, results, case.blocks, launch)
    except Fault as fault:
        return str(fault)
    return "a wrong result" if differs(case.expected, results, case.tolerance) else None


def find_bug_by_seeds(simulator, case, ptx, launch, seeds):
    """The same with each order of warps until one tells: the seed, and what tells."""
    for seed in range(1, seeds + 1):
        os.environ["TENON_CUDA_SIM_SEED"] = str(seed)
        if how := find_bug(simulator, case, ptx, launch):
            return seed, how
    return None, None


def check_original(simulator, case, ptx, launch, seeds):
    seed, problem = find_bug_by_seeds(simulator, case, ptx, launch, seeds)
    return [f"without a bug, seed {seed}: {problem}"] if problem else []


def check_kernel(simulator, name, options, found):
    """What is wrong: alarms without a bug, and mutants that nothing tells of."""
    case = kernels.KERNELS[name]()
    with tempfile.TemporaryDirectory() as folder:
        ptx, launch = kernels.compile_ptx(BUILD / "bin" / "tenon", case, folder)
    os.environ["TENON_CUDA_SIM"] = case.target
    os.environ["TENON_CUDA_SIM_MAX_STEPS"] = str(case.steps)
    if len(re.findall(r"\.entry ", ptx)) != 1:
        return [f"{name}: the model is not one kernel"]
    problems = check_original(simulator, case, ptx, launch, options.seeds)
    by_operator = collections.defaultdict(list)
    for mutant in mutants(ptx):
        if not is_equivalent(name, mutant):
            by_operator[mutant.operator].append(mutant)
    for operator, candidates in by_operator.items():
        for mutant in spread(candidates, options.per):
            _, how = find_bug_by_seeds(simulator, case, mutant.text, launch, options.seeds)
            where = f"{name}, {operator}, line {mutant.line}: {mutant.before} -> {mutant.after or 'nothing'}"
            found[operator, "result" if how == "a wrong result" else "fault"] += how is not None
            if how is None:
                problems.append(f"not found: {where}")
            elif options.verbose:
                print(f"{where}\n    {how}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--per", type=int, default=10)
    parser.add_argument("--kernels", default=",".join(kernels.KERNELS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("-v", "--verbose", action="store_true")
    options = parser.parse_args()
    simulator = Simulator(BUILD / "lib" / "libtenon_cuda_sim.so", "sm_80")
    found, problems = collections.Counter(), []
    for name in options.kernels.split(","):
        problems += check_kernel(simulator, name, options, found)
    for operator in sorted({operator for operator, _ in found}):
        print(f"{operator}: {found[operator, 'fault']} by faults, {found[operator, 'result']} by results")
    print(f"{sum(found.values())} bugs found, {len(problems)} problems")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
