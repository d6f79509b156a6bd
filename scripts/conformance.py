"""Runs `tenon verify` over a suite of models and holds the result against the list of those that pass.

    conformance.py check  SUITE [TARGET] [OPTIONS]   every model on the list must pass; else exit 1
    conformance.py update SUITE                      runs the whole suite and rewrites the list

Suites:
    node      the onnx package's backend tests; list in test/conformance/passing.txt
    node-dynamic         the same with unknown dimensions; list in test/conformance/passing-dynamic.txt
    node-dynamic-inputs  and with axes, shapes, sizes and the like as inputs; list in passing-dynamic-inputs.txt
    node-cuda            on a simulated GPU, compiled for the target of CUDA; list in passing-cuda.txt
    cases     the small models of test/conformance/cases; all of them must pass
    cases-cuda           some of them, on simulated GPUs of several generations; list in test/conformance/cases-cuda.txt
    field     small models of faults seen in the field, in ../cases beside TENON_MODELS; list in test/models/field.txt
    models    real models in TENON_MODELS (default ../shared/models); list in test/models/passing.txt
    models-cuda          on a simulated GPU; list in test/models/passing-cuda.txt
    models-2  more of them, in ../models-2 beside TENON_MODELS; list in test/models/passing-2.txt

Options of `check`:
    --every N        only every N-th model (default TENON_EVERY, or 1)
    --names A,B      only these of them
    --largest KB     only models whose folder has at most so many kilobytes (default TENON_LARGEST, or all)
    --guard          each buffer by itself between pages that may not be touched (tenon verify --guard)
    --threads LIST   numbers of threads that run a model (tenon verify --threads)
    --run-with CMD   an emulator of TARGET that runs the models (tenon verify --run-with); those that it cannot be given
                     count as passed

`check` runs only what is listed, so a line can leave a list only through `update` and a reviewed change. Of the backend
tests every other one must be in test/conformance/failing.txt, with the reason why it does not pass.
Of real models it also checks that their buffers are packed tightly.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# How much larger than the bytes that live at one time the arena of a real model may be.
ARENA_SLACK = 1.1
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))


def node_tests():
    return made("generate.py", "conformance")


def dynamic_tests(form):
    return made("generate_dynamic.py", f"conformance-dynamic-{form}", form)


def own_cases():
    return made("make_cases.py", "cases")


def cuda_cases():
    return made("make_cases.py", "cases-cuda", "float8_products", "quantize_precision")


def made(script, name, *arguments):
    """The folder in the build directory that `script` writes."""
    folder = BUILD / name
    subprocess.run([sys.executable, ROOT / "test" / "conformance" / script, folder, *arguments], check=True)
    return folder


def real_models():
    return Path(os.environ.get("TENON_MODELS", ROOT.parent / "shared" / "models"))


# Where the models are and which must pass: those in a list, or all.
TESTS = ROOT / "test"
SUITES = {
    "node": (node_tests, TESTS / "conformance" / "passing.txt"),
    "node-dynamic": (lambda: dynamic_tests("constants"), TESTS / "conformance" / "passing-dynamic.txt"),
    "node-dynamic-inputs": (lambda: dynamic_tests("inputs"), TESTS / "conformance" / "passing-dynamic-inputs.txt"),
    "node-cuda": (node_tests, TESTS / "conformance" / "passing-cuda.txt"),
    "cases": (own_cases, None),
    "cases-cuda": (cuda_cases, TESTS / "conformance" / "cases-cuda.txt"),
    "field": (lambda: real_models().parent / "cases", TESTS / "models" / "field.txt"),
    "models": (real_models, TESTS / "models" / "passing.txt"),
    "models-cuda": (real_models, TESTS / "models" / "passing-cuda.txt"),
    "models-2": (lambda: real_models().parent / "models-2", TESTS / "models" / "passing-2.txt"),
}
# The backend tests that do not pass, and why.
FAILING = TESTS / "conformance" / "failing.txt"
# Suites of real models whose buffers must be packed tightly. Of models-2, conv_tasnet_dy has 1.18 times what it needs.
REAL = ("models",)
# Suites that a simulated GPU runs, one thread beside it.
ON_CUDA = ["--device", "cuda-sim", "--threads", "1", "--timeout", "1800"]
CUDA = (["cuda:sm_80"], ON_CUDA)
DEVICES = {"node-cuda": CUDA, "models-cuda": CUDA, "cases-cuda": (["cuda:sm_80", "cuda:sm_89", "cuda:sm_90a"], ON_CUDA)}


def read_list(file):
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def read_reasons():
    """Suite → reason → names of the tests that do not pass because of it. In the file "[SUITE]" begins a suite,
    and what is indented below a reason are names."""
    suites, reasons, names = {}, None, None
    for line in read_list(FAILING):
        if line.startswith("["):
            reasons = suites.setdefault(line.strip("[]"), {})
        elif line.startswith(" "):
            names.extend(line.split())
        else:
            names = reasons.setdefault(line, [])
    return suites


def unexplained(suite, tests, passing):
    """What is wrong with the reasons: tests that have none, or that have one and pass or do not exist."""
    reasons = read_reasons().get(suite)
    if reasons is None:
        return []
    explained = [name for names in reasons.values() for name in names]
    where = FAILING.relative_to(ROOT)
    return [
        *(f"{name} neither passes nor has a reason in {where}" for name in sorted(tests - set(passing) - set(explained))),
        *(f"{where} gives a reason for {name}, which passes" for name in explained if name in passing),
        *(f"{where} names {name}, which is no test" for name in explained if name not in tests),
        *(f"{where} names {name} twice" for name in sorted(set(explained)) if explained.count(name) > 1),
    ]


def verify(folders, target, options):
    """Runs tenon verify, whose output goes where ours goes; returns name → result. A simulated GPU is of the target's chip."""
    if target.startswith("cuda:"):
        os.environ["TENON_CUDA_SIM"] = target.removeprefix("cuda:")
    jobs = os.environ.get("TENON_JOBS", str(len(os.sched_getaffinity(0))))
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [BUILD / "bin" / "tenon", "verify", "--target", target, "--jobs", jobs, "--json", report,
                   *options, *folders]
        status = subprocess.run(command, stdin=subprocess.DEVNULL).returncode
        if not report.exists():
            sys.exit(f"tenon verify wrote no report (exit status {status})")
        results = json.loads(report.read_text())["results"]
    return {Path(result["name"]).name: result for result in results}


def wasteful_arenas(results):
    """Models whose arena is larger than what lives at one time by more than ARENA_SLACK."""
    return [
        f"{name}: the arena has {result['arena_bytes']} bytes, {result['arena_bytes'] / bound:.2f} times what it needs"
        for name, result in results.items()
        if (bound := result["arena_lower_bound"]) and result["arena_bytes"] > ARENA_SLACK * bound
    ]


def kilobytes(folder):
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1024


def chosen(source, names, options):
    """Those of the models that the options do not leave out."""
    chosen_names = options.names.split(",") if options.names else names
    if unknown := set(chosen_names) - set(names):
        sys.exit(f"not on the list: {', '.join(sorted(unknown))}")
    names = [name for name in names if name in chosen_names]
    small = [name for name in names if options.largest == float("inf") or kilobytes(source / name) <= options.largest]
    few = small[:: options.every]
    if len(few) < len(names):
        print(f"checking {len(few)} of {len(names)} models")
    return few


def check(suite, options):
    find, listing = SUITES[suite]
    source = find()
    if listing is None:
        names, where = [file.parent.name for file in sorted(source.glob("*/model.onnx"))], str(source)
    else:
        names, where = read_list(listing), str(listing.relative_to(ROOT))
    if not names:
        print(f"{where} is empty: run scripts/update-conformance {suite}")
        return 1
    wrong = unexplained(suite, {file.parent.name for file in source.glob("*/model.onnx")}, names)
    for line in wrong:
        print(line)
    names = chosen(source, names, options)
    folders = [source / name for name in names if (source / name / "model.onnx").exists()]
    targets, device = DEVICES.get(suite, ([options.target], []))
    lost = {}
    for target in targets:
        results = verify(folders, target, options.verify + device)
        lost |= failures(names, results, options, where, target)
    # Guarded buffers are not packed.
    wasteful = wasteful_arenas(results) if suite in REAL and not options.guard else []
    for line in wasteful:
        print(line)
    return 1 if lost or wasteful or wrong else 0


def failures(names, results, options, where, target):
    # Neither skipped nor vanished is passed.
    statuses = {name: results[name]["status"] if name in results else "missing" for name in names}
    accepted = ("passed", "skipped") if options.run_with else ("passed",)
    lost = {name: status for name, status in statuses.items() if status not in accepted}
    for name, status in lost.items():
        print(f"{where} lists {name}, which is {status} for {target}")
    return lost


def update(suite):
    find, listing = SUITES[suite]
    if listing is None or suite == "cases-cuda":
        sys.exit(f"all of {suite} must pass: there is no list that passing makes")
    source = find()
    folders = sorted(file.parent for file in source.glob("*/model.onnx"))
    if not folders:
        sys.exit(f"no models in {source} (TENON_MODELS says where the real models are)")
    targets, device = DEVICES.get(suite, (["cpu:native"], []))
    results = verify(folders, targets[0], device)
    passed = sorted(name for name, result in results.items() if result["status"] == "passed")
    before = read_list(listing)
    for sign, names in (("-", set(before) - set(passed)), ("+", set(passed) - set(before))):
        for name in sorted(names):
            print(f"{sign} {name}")
    comment = f"# Must pass; written by scripts/update-conformance {suite}.\n"
    listing.write_text(comment + "".join(f"{name}\n" for name in passed))
    print(f"{listing.relative_to(ROOT)}: {len(passed)} of {len(results)} pass (before: {len(before)})")
    for line in unexplained(suite, set(results), passed):
        print(line)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    checking, updating = commands.add_parser("check"), commands.add_parser("update")
    for command in (checking, updating):
        command.add_argument("suite", choices=SUITES)
    checking.add_argument("target", nargs="?", default="cpu:native")
    checking.add_argument("--every", type=int, default=int(os.environ.get("TENON_EVERY", 1)))
    checking.add_argument("--largest", type=float, default=float(os.environ.get("TENON_LARGEST", "inf")))
    checking.add_argument("--names")
    checking.add_argument("--guard", action="store_true")
    checking.add_argument("--threads")
    checking.add_argument("--run-with")
    options = parser.parse_args()
    if options.command == "update":
        sys.exit(update(options.suite))
    options.verify = ["--guard"] * options.guard
    if options.threads:
        options.verify += ["--threads", options.threads]
    if options.run_with:
        options.verify += ["--run-with", options.run_with]
    sys.exit(check(options.suite, options))


if __name__ == "__main__":
    main()
