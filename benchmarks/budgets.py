"""Whether budgets are kept: models are quantized, and measured again on samples that the tool never saw.

    PYTHONPATH=build/python .venv/bin/python benchmarks/budgets.py PLACE... --json FILE [--limit SECONDS] [--minutes N]
    PYTHONPATH=build/python .venv/bin/python benchmarks/budgets.py --json FILE

PLACE is a folder of models, or a model's own (see samples.py). For each model and budget, in dB of signal to noise,
tenon.quantize_each makes a compiled model with 32 samples, a quarter of which it holds back, or refuses. Natural
samples and codes of tokens differ more, so there are 128 of them unless they are large. Compiled models run beside fp32
on 64 further samples. One keeps its budget if the noise of its worst output is at most SLACK beyond it: two sets of
samples differ by as much.

Each model has a process and --limit seconds of its own, smallest files first, so that one that crashes or takes too
long costs no other. What is known is added to FILE after each model; models that are in it are not measured again
(with --again, those are that failed or did not end). Without PLACE, only what is in FILE is shown.

The table has a line for each model with what unseen samples say of each budget in dB, and the precisions of groups. At
the end: how many budgets came to what, and for how many models the noise predicted from single groups is within a
factor of 3 of the measured one (as amplitudes; as powers, too). The exit status is 1 if a budget is violated, or
something failed.
"""
import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx

import tenon
from samples import find_models, open_samples

SLACK = 0.5 # dB
LARGE = 100_000 # numbers
FACTOR = 20 * np.log10(3) # of amplitudes

MET, REFUSED, VIOLATED = "met", "refused", "VIOLATED"
UNCHANGED, NO_NUMBERS, SLOW, FAILED = "nothing to lower", "no numbers", "not ended", "FAILED"
OUTCOMES = (MET, REFUSED, VIOLATED, UNCHANGED, NO_NUMBERS, SLOW, FAILED)
# What errors mean: the model stays as it is, or no budget says anything of it.
MEANINGS = {"has no products of f32 to lower": UNCHANGED, "nothing of it gets faster": UNCHANGED,
            "only tensors of numbers": NO_NUMBERS, "no output of floating point": NO_NUMBERS}


# ---- One model, in a process of its own

def classify(error):
    """The outcome that an error stands for, with its first line."""
    text = str(error).splitlines()[0] if str(error) else type(error).__name__
    return {"outcome": next((kind for part, kind in MEANINGS.items() if part in text), FAILED), "reason": text}


def count_precisions(report):
    counts = {}
    for group in report["groups"]:
        counts[group["precision"]] = counts.get(group["precision"], 0) + 1
    return " ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def describe(budget, result):
    """What came of a budget."""
    row = {"budget": budget}
    if isinstance(result, tenon.BudgetError):
        result, row["outcome"] = result.result, REFUSED
    elif isinstance(result, Exception):
        return {**row, **classify(result)}
    report = result.report
    return {**row, "measured": report.get("loss"), "bound": report.get("bound"), "groups": count_precisions(report),
            "predicted": result.recipe.get("predicted", [{}])[0].get("sqnr"), "comparisons": report["comparisons"],
            "speedup": report["milliseconds_before"] / max(report["milliseconds_after"], 1e-9)}


def judge(reference, models, samples):
    """Signal to noise of each model's worst output, in dB."""
    noise = [{} for _ in models]
    signal = {}
    for sample in samples:
        expected = {name: np.array(value, np.float64) for name, value in reference.run(sample).items()
                    if isinstance(value, np.ndarray) and value.dtype.kind == "f"}
        for name, value in expected.items():
            signal[name] = signal.get(name, 0) + (value[np.isfinite(value)] ** 2).sum()
        for model, sums in zip(models, noise):
            got = model.run(sample)
            for name, value in expected.items():
                sums[name] = sums.get(name, 0) + find_noise(value, np.asarray(got[name], np.float64))
    # An output that loses nothing counts as 300 dB, also if it is zero.
    return [float(min(10 * np.log10(max(signal[name], 1e-300) / sums[name]) if sums[name] else 300 for name in signal))
            for sums in noise]


def find_noise(expected, got):
    """Infinities and other shapes must be the same; nothing makes up for one that is not."""
    finite = np.isfinite(expected)
    if got.shape != expected.shape or not np.array_equal(expected[~finite], got[~finite], equal_nan=True):
        return np.inf
    with np.errstate(invalid="ignore"):
        noise = ((expected - got)[finite] ** 2).sum()
    return noise if np.isfinite(noise) else np.inf


def measure(folder, settings, send):
    """Sends the kind of the samples, what is going on, and a row for each budget."""
    model = folder / "model.onnx"
    maker = open_samples(folder, onnx.load(model, load_external_data=False))
    send({"samples": maker.kind})
    what = ""

    def progress(now, done, planned):
        nonlocal what
        if now != what:
            what = now
            send({"doing": now})

    count = settings.diverse if maker.is_diverse and maker.size < LARGE else settings.samples
    results = tenon.quantize_each(
        model, maker.make(count, 1), [f"sqnr={budget}dB" for budget in settings.budgets],
        [Path(tempfile.gettempdir()) / f"{budget}.so" for budget in settings.budgets],
        allow=settings.allow.split(","), repair=settings.repair, progress=progress)
    rows = [describe(budget, result) for budget, result in zip(settings.budgets, results)]
    kept = [(row, result.model) for row, result in zip(rows, results) if not isinstance(result, Exception)]
    if kept:
        send({"doing": "running unseen samples"})
        losses = judge(tenon.compile(model), [compiled for _, compiled in kept], maker.make(settings.judged, 2))
        for (row, _), loss in zip(kept, losses):
            row.update(unseen=loss, outcome=MET if loss >= row["budget"] - SLACK else VIOLATED)
    for row in rows:
        send({"row": row})


def work(folder, settings, temporary, connection):
    """The process. What it leaves in the temporary folder goes with it, however it ends."""
    os.environ["TMPDIR"] = temporary
    try:
        measure(folder, settings, connection.send)
    except Exception as error: # all budgets came to this
        connection.send({"error": classify(error)})


def measure_apart(folder, settings):
    """What is known of a model when its process has ended, or its time is over."""
    context = multiprocessing.get_context("spawn")
    start = time.time()
    found = {"limit": settings.limit, "rows": []}
    rest, doing = None, "loading"
    with tempfile.TemporaryDirectory() as temporary:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(folder, settings, temporary, sender))
        process.start()
        sender.close()
        try:
            while rest is None and receiver.poll(max(0, start + settings.limit - time.time())):
                message = receiver.recv()
                found["samples"] = message.get("samples", found.get("samples"))
                doing = message.get("doing", doing)
                rest = message.get("error")
                if "row" in message:
                    found["rows"].append(message["row"])
            if rest is None:
                rest = {"outcome": SLOW, "reason": doing}
        except EOFError:
            process.join()
            rest = {"outcome": FAILED, "reason": f"process ended with status {process.exitcode} while {doing}"}
        process.kill()
        process.join()
    known = [row["budget"] for row in found["rows"]]
    found["rows"] += [{"budget": budget, **rest} for budget in settings.budgets if budget not in known]
    found["rows"].sort(key=lambda row: row["budget"])
    found["seconds"] = time.time() - start
    return found


# ---- All models

def show(name, found):
    cells = [f"{row['unseen']:.1f}: {row['groups']}" if "unseen" in row else
             f"{row['outcome']} ({row['measured']:.1f})" if row.get("measured") is not None else
             row["outcome"] for row in found["rows"]]
    return f"| {name} | {found['samples']} | {' | '.join(cells)} | {find_distance(found['rows']):.1f} |"


def find_distance(rows):
    """How far predictions are from what is measured, in dB, at most; NaN if there are none."""
    distances = [abs(row["predicted"] - row.get("unseen", row["measured"])) for row in rows
                 if row.get("predicted") is not None and row.get("unseen", row["measured"]) is not None]
    return max([distance for distance in distances if distance < 200], default=np.nan)


def summarize(results):
    """Prints the table of models that were lowered, and what the others and all budgets came to."""
    rows = [row for found in results.values() for row in found["rows"]]
    budgets = sorted({row["budget"] for row in rows})
    print(f"\n| model | samples | {' | '.join(f'{budget:g} dB' for budget in budgets)} | prediction off by |\n"
          f"|---|---|{'---|' * len(budgets)}---:|")
    silent = {}
    for name, found in results.items():
        outcomes = {row["outcome"] for row in found["rows"]}
        if len(outcomes) == 1 and not outcomes & {MET, REFUSED, VIOLATED}:
            silent.setdefault(outcomes.pop(), []).append(name)
        else:
            print(show(name, found))
    for kind, names in silent.items():
        print(f"\n{kind}: {', '.join(names)}")
        if kind in (SLOW, FAILED):
            for name in names:
                print(f"  {name}: {results[name]['rows'][0]['reason']}")
    outcomes = [row["outcome"] for row in rows]
    print(f"\n{len(rows)} budgets of {len(results)} models: " +
          ", ".join(f"{outcomes.count(kind)} {kind}" for kind in OUTCOMES))
    distances = [find_distance(found["rows"]) for found in results.values()]
    known = [distance for distance in distances if np.isfinite(distance)]
    for kind, limit in (("amplitudes", FACTOR), ("powers", FACTOR / 2)):
        print(f"predicted within 3x of measured ({kind}, {limit:.1f} dB) at all budgets: "
              f"{sum(distance <= limit for distance in known)} of {len(known)} models")
    print(f"{sum(found['seconds'] for found in results.values()) / 60:.0f} minutes in all")
    return int(VIOLATED in outcomes or FAILED in outcomes)


def find_folders(places, names):
    """Smallest models first."""
    return sorted(find_models(places, [name for name in names.split(",") if name]),
                  key=lambda folder: sum(path.stat().st_size for path in folder.glob("*") if path.is_file()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("places", nargs="*", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--names", default="")
    parser.add_argument("--budgets", default="20,30,40", type=lambda text: sorted(map(float, text.split(","))))
    parser.add_argument("--allow", default="int8,bf16")
    parser.add_argument("--no-repair", dest="repair", action="store_false")
    parser.add_argument("--samples", type=int, default=32)
    parser.add_argument("--diverse", type=int, default=128, help="samples that are small pictures, sounds or codes")
    parser.add_argument("--judged", type=int, default=64)
    parser.add_argument("--limit", type=float, default=240, help="seconds for a model")
    parser.add_argument("--minutes", type=float, default=np.inf, help="no model is begun after so many")
    parser.add_argument("--again", action="store_true", help="measure those again that failed or did not end")
    settings = parser.parse_args()
    results = json.loads(settings.json.read_text()) if settings.json.exists() else {}
    start = time.time()
    for folder in find_folders(settings.places, settings.names):
        before = {row["outcome"] for row in results.get(folder.name, {"rows": []})["rows"]}
        if before and not (settings.again and before & {SLOW, FAILED}):
            continue
        if time.time() > start + 60 * settings.minutes:
            print("the time is over; the next call goes on from here")
            break
        found = results[folder.name] = measure_apart(folder, settings)
        print(f"{show(folder.name, found)} {found['seconds']:.0f} s" +
              "".join(f"\n  {reason}" for reason in sorted({row["reason"] for row in found["rows"] if "reason" in row})),
              flush=True)
        settings.json.write_text(json.dumps(results, indent=1))
    return summarize(results)


if __name__ == "__main__":
    sys.exit(main())
