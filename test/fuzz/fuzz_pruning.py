#!/usr/bin/env python3
"""Random models that lose channels, by `tenon prune` and as dead channels of `tenon compile`.

    fuzz_pruning.py [--seed N] [--count N]

Each model is pruned, and computes what ONNX Runtime makes of the dense one with zeros for the weights
that are gone; the dense one with these zeros is compiled, loses its dead channels, and computes the
same. A model in which nothing can be removed must be refused with that reason.
"""
import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

from pruning.checks import check_dead, check_pruned, list_slices, mask, prune
from pruning.generate import generate


def check(seed, folder):
    """Whether anything could be removed."""
    rng = np.random.default_rng(seed)
    model = generate(seed)
    scope = "--global" if rng.integers(2) else "--per-layer"
    part = rng.uniform(0.2, 0.8)
    smaller, report = prune(model, folder, f"--channels={part:.2f}", "--round=1", scope)
    if smaller is None:
        assert "no channels can be removed" in report or "less than one of any group" in report, report
        return False
    check_pruned(model, smaller, report, seed)
    check_dead(mask(model, list_slices(report)), folder, seed)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=500)
    arguments = parser.parse_args()
    pruned, failed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seed, arguments.seed + arguments.count):
            try:
                pruned += check(seed, Path(folder))
            except Exception:
                failed.append(seed)
                print(f"seed {seed}:\n{traceback.format_exc()}", file=sys.stderr)
            for file in Path(folder).iterdir():
                file.unlink()
    print(f"{arguments.count} models, {pruned} pruned, {len(failed)} failed" + (f": {failed}" if failed else ""))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
