"""Whether mixed precision pays: at the error of all in bf16, how fast is what tenon.quantize finds?

    PYTHONPATH=build/python .venv/bin/python benchmarks/assignments.py PLACE... [--names NAME,...] --dir FOLDER
    PYTHONPATH=build/python .venv/bin/python benchmarks/assignments.py --time --dir FOLDER

PLACE is a folder of models, or a model's own (see samples.py). The first call makes for each model in FOLDER/NAME

    fp32.so
    bf16.so   all products in bf16; what it loses, with the margin for other samples, is the budget of the others
    int8.so   int8 as far as the budget allows, else fp32
    mixed.so  all that --allow lists, as the budget allows, else fp32

and the second one, for a quiet machine, measures all of them in turn, with one thread: the median over rounds of the
shortest of some runs, in milliseconds. (Searching for assignments takes long and needs no quiet; kernel times are the
shortest of several runs.)
"""
import argparse
import json
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnx

import tenon
from samples import find_models, open_samples

KINDS = ["fp32", "bf16", "int8", "mixed"]


def make(folder, place, arguments):
    model = onnx.load(folder / "model.onnx")
    maker = open_samples(folder, model)
    place.mkdir(parents=True, exist_ok=True)
    np.savez(place / "input.npz", **next(maker.make(1, 2)))
    tenon.compile(model, output=place / "fp32.so")

    def quantize(kind, **options):
        result = tenon.quantize(model, maker.make(arguments.samples, 1), output=place / f"{kind}.so", **options)
        return result.report

    bf16 = quantize("bf16", budget=None, allow=["bf16"], repair=False)
    budget = bf16["bound"]
    facts = {"budget": budget, "bf16": bf16["loss"]}
    for kind, allow in (("int8", ["int8"]), ("mixed", arguments.allow.split(","))):
        try:
            report = quantize(kind, budget=f"sqnr={budget:.3f}dB", allow=allow)
            facts[kind] = report["loss"]
            facts[kind + " groups"] = [group["precision"] for group in report["groups"]]
        except ValueError as error:
            if not isinstance(error, tenon.BudgetError) and "nothing of it gets faster" not in str(error):
                raise
            facts[kind] = None
            shutil.copy(place / "fp32.so", place / f"{kind}.so")
            print(f"  {folder.name}: no {kind}: {str(error).splitlines()[0]}", flush=True)
    (place / "facts.json").write_text(json.dumps(facts))


def measure(place, rounds=7, seconds=0.05):
    """Medians of the shortest runs, in milliseconds."""
    sample = dict(np.load(place / "input.npz"))
    models = {kind: tenon.load(place / f"{kind}.so", threads=1) for kind in KINDS if (place / f"{kind}.so").exists()}
    times = {kind: [] for kind in models}
    for _ in range(rounds):
        for kind, model in models.items():
            runs, end = [], time.perf_counter() + seconds
            while time.perf_counter() < end or len(runs) < 3:
                start = time.perf_counter()
                model.run(sample)
                runs.append(time.perf_counter() - start)
            times[kind].append(min(runs) * 1e3)
    return {kind: float(np.median(each)) for kind, each in times.items()}


def show(place):
    facts, times = json.loads((place / "facts.json").read_text()), measure(place)
    counts = Counter(facts.get("mixed groups", []))
    cells = [f"{times[kind]:.3f}" if kind in times else "-" for kind in KINDS]
    groups = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    print(f"| {place.name} | {facts['budget']:.1f} | " + " | ".join(cells) + f" | {groups} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="*", type=Path)
    parser.add_argument("--names", default="")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--allow", default="int8,bf16,f16,int8-weights")
    parser.add_argument("--time", action="store_true")
    arguments = parser.parse_args()
    for folder in find_models(arguments.places, [name for name in arguments.names.split(",") if name]):
        make(folder, arguments.dir / folder.name, arguments)
    if arguments.time:
        print("| model | dB | " + " | ".join(KINDS) + " | groups |\n|---|---:|---:|---:|---:|---:|---|", flush=True)
        for place in sorted(path.parent for path in arguments.dir.glob("*/facts.json")):
            show(place)


if __name__ == "__main__":
    main()
