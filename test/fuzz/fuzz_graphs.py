"""Compares Tenon with ONNX's reference evaluator on random small graphs (see graphs/__init__.py).

    fuzz_graphs.py --count 200                       the graphs 0 to 199 of seed 1
    fuzz_graphs.py --seed 7 --count 20000 --keep finds
    fuzz_graphs.py --seed 7 --first 4711 --count 1   one graph again
    fuzz_graphs.py --ops                             operators that Tenon imports but no recipe draws

Needs build/python in PYTHONPATH. Exit code 1 if there is a finding; refusals of valid models are listed, and are
findings with --refusals.
"""

import argparse
import collections
import os
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

from graphs import findings, report, workers
from graphs.generate import generate
from graphs.recipes import RECIPES, WITHOUT
from graphs.shrink import shrink

BUILD = Path(os.environ.get("TENON_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))


def registered():
    """(domain, operator) of all that Tenon imports."""
    text = subprocess.run([BUILD / "bin" / "tenon", "info", "--ops"], check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    return {("" if domain == "ai.onnx" else domain, name) for domain, name, _ in lines}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first graph")
    parser.add_argument("--count", type=int, default=200, help="how many graphs")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--target", default="native", help="as for tenon compile")
    parser.add_argument("--dynamic", type=float, default=0.5, help="share of graphs with sizes that only a run tells")
    parser.add_argument("--only", nargs="*", default=None, help="operators of which every graph has one")
    parser.add_argument("--shrink", type=int, default=150, help="attempts to make a finding smaller; 0: none")
    parser.add_argument("--keep", type=Path, default=BUILD / "finds", help="folder for what is found")
    parser.add_argument("--each", type=int, default=3, help="findings kept per kind")
    parser.add_argument("--refusals", action="store_true", help="count refusals as findings")
    parser.add_argument("--limit", type=float, default=60, help="seconds before a graph is taken to hang")
    parser.add_argument("--ops", action="store_true", help="only say which operators are never drawn")
    return parser.parse_args()


class Run:
    def __init__(self, options):
        self.options = options
        self.backend = findings.Backend(options.target)
        self.only = [key for key in RECIPES if key[1] in options.only] if options.only else None
        self.kinds = collections.defaultdict(list)
        self.shrunk = set()
        self.drawn = collections.Counter()
        self.done = self.empty = 0

    def generate(self, index):
        return generate(self.options.seed, index, self.options.dynamic, self.only)

    def work(self, index, stage):
        """In a worker: (operators of the graph, finding)."""
        try:
            case = self.generate(index)
            if case is None:
                return (), None
            return case.ops, findings.check(case, self.backend, stage, workers.Guard())
        except Exception:
            return (), findings.Finding("tool", traceback.format_exc()[-600:])

    def drawn_by_the_dead(self, index, finding):
        """What a worker that died of `finding` could not say: the operators of its graph."""
        return () if finding.kind == "tool" else self.generate(index).ops

    def loop(self):
        options = self.options
        indices = range(options.first, options.first + options.count)
        for index, answer in workers.run(indices, self.work, options.jobs, options.limit):
            ops, finding = answer if isinstance(answer, tuple) else (self.drawn_by_the_dead(index, answer), answer)
            self.drawn.update(ops)
            self.done += 1
            self.empty += not ops
            if finding:
                self.found(index, finding)

    def found(self, index, finding):
        """Shrinks it, and keeps it unless there are enough with the same operators already."""
        options = self.options
        kind = finding.signature
        if finding.kind == "tool":
            print(f"{options.seed}-{index}: {finding.message}", flush=True)
            self.kinds[kind].append(index)
            return
        if kind in self.shrunk and finding.kind in (findings.REFUSED, "error"):
            self.kinds[kind].append(index)
            return
        case = self.generate(index)
        if options.shrink and finding.kind != "hang":
            # What steps propose may be too much for the libraries that compute it.
            large = case
            case = workers.isolated(lambda: shrink(large, lambda other: self.persists(other, finding), options.shrink), large)
        self.shrunk.add(kind)
        # Of the small case ONNX Runtime may know more.
        finding = workers.check_case(case, self.backend, options.limit) or finding
        kind = finding.signature.replace("wrong", finding.kind)
        if finding.kind not in (findings.REFUSED, "error"):
            kind += " in " + " ".join(sorted(name for _, name in case.ops))
        self.kinds[kind].append(index)
        if len(self.kinds[kind]) <= options.each:
            self.keep(index, finding, case)

    def persists(self, case, finding):
        found = workers.check_case(case, self.backend, self.options.limit)
        return found is not None and found.signature == finding.signature

    def keep(self, index, finding, case):
        options = self.options
        command = f"fuzz_graphs.py --seed {options.seed} --first {index} --count 1 --dynamic {options.dynamic:g}"
        command += f" --target {options.target}" if options.target != "native" else ""
        command += f" --only {' '.join(options.only)}" if options.only else ""
        folder = options.keep / f"{finding.kind}-{options.seed}-{index}"
        text = report.write(folder, case, finding, command)
        print(f"{options.seed}-{index}: {finding.kind}: {finding.message.splitlines()[0][:400]}")
        print("\n".join(line[:300] for line in text.splitlines()[4:]))
        print(f"  {command}\n  tenon verify {folder}", flush=True)

    def summary(self, seconds):
        print(f"{self.done} graphs in {seconds:.0f} s ({self.done / seconds:.1f} per second), {self.empty} empty")
        failures = 0
        for signature, indices in sorted(self.kinds.items(), key=lambda item: -len(item[1])):
            kind = signature.split()[0]
            counted = kind not in (findings.REFUSED, findings.DOUBTFUL) or (kind == findings.REFUSED and self.options.refusals)
            failures += len(indices) if counted else 0
            print(f"{len(indices):6} {signature} (first: {indices[0]})")
        return failures


def never_drawn():
    """Says which imported operators have no recipe, and why; returns how many have no reason."""
    missing = sorted(registered() - set(RECIPES))
    for domain, name in missing:
        print(f"never drawn: {domain or 'ai.onnx'} {name}: {WITHOUT.get((domain, name), 'no reason')}")
    print(f"{len(RECIPES)} operators have a recipe, {len(missing)} that are imported have none")
    return len(set(missing) - set(WITHOUT))


def main():
    warnings.simplefilter("ignore")
    options = parse()
    if options.ops:
        return 1 if never_drawn() else 0
    run = Run(options)
    start = time.monotonic()
    run.loop()
    failures = run.summary(time.monotonic() - start)
    print(f"{failures} findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
