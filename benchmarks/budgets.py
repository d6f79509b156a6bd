"""Whether budgets are kept: models are quantized, and measured again on samples that the tool never saw.

    PYTHONPATH=build/python .venv/bin/python benchmarks/budgets.py PLACE... [--names NAME,...] [--budgets 20,30,40]

PLACE is a folder of models, or a model's own (see samples.py). For each model and budget, in dB of
signal to noise, tenon.quantize makes a compiled model with 32 samples (a quarter of which it holds back), or
refuses. A compiled model runs beside fp32 on 64 further samples. It keeps its budget if the noise of its worst output
is at most SLACK beyond it: two sets of samples differ by as much.

Each line has what the tool predicted from single groups, what it measured itself, and what the unseen samples
say, in dB. At the end: how many budgets were met, refused and violated, and for how many models the predicted
noise is within a factor of 3 of the measured one (as amplitudes; as powers, too). The exit status is 1 if a
budget is violated.
"""
import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

import tenon
from samples import find_models, open_samples

SLACK = 0.5 # dB
FACTOR = 20 * np.log10(3) # of amplitudes


def judge(reference, model, samples):
    """Signal to noise of the worst output, in dB."""
    signal, noise = {}, {}
    for sample in samples:
        expected = {name: np.array(value) for name, value in reference.run(sample).items()}
        for name, got in model.run(sample).items():
            if expected[name].dtype.kind != "f":
                continue
            a, b = expected[name].astype(np.float64), np.asarray(got, np.float64)
            finite = np.isfinite(a) & np.isfinite(b)
            signal[name] = signal.get(name, 0) + (a[finite] ** 2).sum()
            noise[name] = noise.get(name, 0) + ((a - b)[finite] ** 2).sum()
    # An output that loses nothing counts as 300 dB, also if it is zero.
    return float(min(10 * np.log10(max(signal[name], 1e-300) / noise[name]) if noise[name] else 300 for name in signal))


def count_precisions(report):
    counts = {}
    for group in report["groups"]:
        counts[group["precision"]] = counts.get(group["precision"], 0) + 1
    return " ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def measure(folder, budget, arguments):
    """What came of one budget."""
    model = onnx.load(folder / "model.onnx")
    maker = open_samples(folder, model)
    start = time.time()
    row = {"budget": budget, "samples": maker.kind}
    with tempfile.TemporaryDirectory() as temporary:
        try:
            result = tenon.quantize(model, maker.make(arguments.samples, 1), budget=f"sqnr={budget}dB",
                                    output=Path(temporary) / "model.so", allow=arguments.allow.split(","))
        except tenon.BudgetError as error:
            result, row["outcome"] = error.result, "refused"
        row["seconds"] = time.time() - start
        row["measured"] = result.report.get("loss")
        row["predicted"] = result.recipe.get("predicted", [{}])[0].get("sqnr")
        row["groups"] = count_precisions(result.report)
        row["speedup"] = result.report["milliseconds_before"] / max(result.report["milliseconds_after"], 1e-9)
        if result.model:
            row["unseen"] = judge(tenon.compile(model), result.model, maker.make(arguments.judged, 2))
            row["outcome"] = "met" if row["unseen"] >= budget - SLACK else "VIOLATED"
    return row


def show(name, row):
    def dB(key):
        return "-" if row.get(key) is None else f"{row[key]:.1f}"
    print(f"| {name} | {row['budget']:g} | {row['outcome']} | {dB('predicted')} | {dB('measured')} | {dB('unseen')} | "
          f"{row['groups']} | {row['speedup']:.2f} | {row['seconds']:.0f} |", flush=True)


def summarize(rows):
    outcomes = [row["outcome"] for row in rows]
    print(", ".join(f"{outcomes.count(kind)} {kind}" for kind in ("met", "refused", "VIOLATED")))
    distances = {}
    for row in rows:
        measured = row.get("unseen", row["measured"])
        if row["predicted"] is not None and measured is not None and measured < 250:
            distances.setdefault(row["model"], []).append(abs(row["predicted"] - measured))
    for kind, limit in (("amplitudes", FACTOR), ("powers", FACTOR / 2)):
        near = sum(max(each) <= limit for each in distances.values())
        print(f"predicted within 3x of measured ({kind}, {limit:.1f} dB) at all budgets: "
              f"{near} of {len(distances)} models")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="+", type=Path)
    parser.add_argument("--names", default="")
    parser.add_argument("--budgets", default="20,30,40")
    parser.add_argument("--allow", default="int8,bf16")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--judged", type=int, default=64)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print("| model | budget | outcome | predicted | measured | unseen | groups | speedup | seconds |\n"
          "|---|---:|---|---:|---:|---:|---|---:|---:|", flush=True)
    rows = []
    for folder in find_models(arguments.places, [name for name in arguments.names.split(",") if name]):
        for budget in map(float, arguments.budgets.split(",")):
            try:
                row = {"model": folder.name, **measure(folder, budget, arguments)}
            except Exception as error: # the next model may do
                print(f"  {folder.name}: {str(error).splitlines()[0][:160]}", flush=True)
                break
            rows.append(row)
            show(folder.name, row)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=1))
    summarize(rows)
    return int(any(row["outcome"] == "VIOLATED" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
