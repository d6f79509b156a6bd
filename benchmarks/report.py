#!/usr/bin/env python3
"""Writes the tables of docs/performance.md from what compare.py measured.

    report.py RESULT.json... > tables.md

Each file comes from `compare.py --json`: with one thread, with two, with --startup, with other peers. It
gets a table of its own, with a row for each model, after one table of all their means. Times are those of
the fastest runs, or for --startup medians. A dash stands where there is nothing to tell; below a table stands
what could not be measured, and whose results disagree.
"""
import json
import sys
from pathlib import Path

from comparison import machine
from comparison.measuring import is_ours

DASH = "–"


def command(run):
    what = "--startup" if run["startup"] else f"--threads {run['machine']['threads']}"
    forms = "".join(f" --tenon '{form.removeprefix('tenon-')}={options}'" for form, options in run["tenon"].items()
                    if options)
    how = "" if run["startup"] else f" --blocks {run['blocks']} --runs {run['runs']}"
    return f"compare.py {what} --peers {','.join(run['peers'])}{forms}{how}"


def describe(run):
    lines = machine.header(run["machine"], run["versions"], run["peers"])
    return f"- `{command(run)}`: " + ". ".join(lines) + "."


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def what_was_measured(run):
    return "start to first output" if run["startup"] else f"{run['machine']['threads']} thread(s)"


def summary_table(runs):
    rows = []
    for run in runs:
        for entry in run["summary"]:
            means = ", ".join(f"{value:.2f} ({key.replace('_', ' ')})" for key, value in entry.get("means", {}).items())
            lowest = entry.get("lowest")
            rows.append([what_was_measured(run), f"{entry['ours']}, {entry['peer']}", entry["group"],
                         str(entry["models"]) + (f" ({len(entry['left_out'])} left out)" if entry["left_out"] else ""),
                         means or DASH, f"{lowest['median']:.2f} ({lowest['name']})" if lowest else DASH])
    return table(["measured", "engines", "models", "number", "geometric mean of ratios", "lowest median"], rows)


def time_of(entry):
    """What a table shows of an engine: its fastest run, or the median time from loading."""
    value = entry.get("min_ms", entry.get("part_ms"))
    if value is None:
        return DASH
    return f"{value:.3f}" + (" (disagrees)" if entry.get("disagreement") else "")


def ratio_of(ratio):
    """Of minima, and of medians with their range; or of load and run, which compares like with like."""
    if ratio is None:
        return DASH
    if "range" in ratio:
        low, high = ratio["range"]
        return f"{ratio['min']:.2f} / {ratio['median']:.2f} ({low:.2f}{DASH}{high:.2f})"
    return f"{ratio['load_and_run']:.1f}"


def model_row(row, ours, peers):
    engines = row["engines"]
    cells = [row["name"], row.get("kind", DASH)]
    cells += [time_of(engines[form]) for form in ours]
    for peer in peers:
        cells.append(time_of(engines[peer]))
        cells += [ratio_of(row["ratios"].get(form, {}).get(peer)) for form in ours]
    return cells


def model_table(run):
    ours, peers = list(run["tenon"]), run["peers"]
    what = "" if run["startup"] else ", min / median (range)"
    header = ["model", "kind", *(f"{form}, ms" for form in ours)]
    for peer in peers:
        header += [f"{peer}, ms", *(f"over {form}{what}" for form in ours)]
    return table(header, [model_row(row, ours, peers) for row in run["models"] if "engines" in row and "ratios" in row])


def remarks(run):
    """What the table cannot say, an engine a line."""
    found = {}
    for row in run["models"]:
        if "error" in row:
            found.setdefault("Failed", []).append(f"{row['name']} ({row['error']})")
        for engine, entry in row.get("engines", {}).items():
            if "error" in entry:
                found.setdefault(f"Not run by {engine}", []).append(f"{row['name']} ({entry['error']})")
            if entry.get("disagreement"):
                found.setdefault(f"Disagreement of {engine}", []).append(f"{row['name']} ({entry['disagreement']})")
    return "\n".join(f"- {what}: {'; '.join(each)}." for what, each in found.items())


def report(runs):
    parts = ["\n".join(map(describe, runs)), summary_table(runs)]
    for run in runs:
        parts += [what_was_measured(run).capitalize() + ":", model_table(run), remarks(run)]
    return "\n\n".join(filter(None, parts))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    print(report([json.loads(Path(name).read_text()) for name in sys.argv[1:]]))


if __name__ == "__main__":
    main()
