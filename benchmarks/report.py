#!/usr/bin/env python3
"""Writes the tables of docs/performance.md from what compare.py measured.

    report.py ONE.json TWO.json STARTUP.json > tables.md

ONE and TWO come from `compare.py --json` with one and two threads, STARTUP from `compare.py --startup
--json`. A model that is missing in one of them gets a dash there.
"""
import json
import sys
from pathlib import Path


def describe(run):
    versions = run["versions"]
    what = "--startup" if run["startup"] else f"--threads {run['threads']} --rounds {run['rounds']}"
    return (f"`compare.py {what}`, {run['date'][:10]}, {run['cpu']}, {run['cpus']} virtual cores, "
            f"ONNX Runtime {versions['onnxruntime']}, Python {versions['python']}")


def cell(row, *path, digits=2):
    for key in path:
        if not isinstance(row, dict) or key not in row:
            return "–"
        row = row[key]
    return f"{row:.{digits}f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def summary_table(runs):
    rows = []
    for run in runs:
        what = "start to first output" if run["startup"] else f"{run['threads']} thread(s)"
        for group, s in run["summary"].items():
            means = {k[8:]: v for k, v in s.items() if k.startswith("geomean_")}
            rows.append([what, group, str(s["models"]),
                         ", ".join(f"{v:.2f} ({k.replace('_', ' ')})" for k, v in means.items()),
                         f"{s['worst_median']:.2f} ({s['worst']})"])
    return table(["measured", "models", "number", "geometric mean of ratios", "lowest median"], rows)


def model_table(one, two, startup):
    rows = []
    by_name = [{r["name"]: r for r in run["models"]} for run in (one, two, startup)]
    for name, row in by_name[0].items():
        if "ratio" not in row:
            continue
        second, start = (rows_of.get(name, {}) for rows_of in by_name[1:])
        rows.append([name, row["kind"], cell(row, "ort", "min_ms", digits=3),
                     cell(row, "ours", "min_ms", digits=3), cell(row, "ratio", "min"),
                     cell(row, "ratio", "median"), cell(second, "ratio", "min"),
                     cell(second, "ratio", "median"), cell(start, "ratio", "load_and_run", digits=1),
                     cell(row, "compile_s", digits=1)])
    return table(["model", "kind", "ORT, ms", "Tenon, ms", "ratio, min", "median",
                  "2 threads, min", "median", "first output", "compile, s"], rows)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    one, two, startup = (json.loads(Path(name).read_text()) for name in sys.argv[1:])
    for run in (one, two, startup):
        print("- " + describe(run))
    print("\n" + summary_table([one, two, startup]) + "\n\n" + model_table(one, two, startup))
    failed = [f"{row['name']} ({row['error'].split('): ')[-1]})" for row in one["models"] if "error" in row]
    if failed:
        print("\nNot compiled: " + "; ".join(failed) + ".")


if __name__ == "__main__":
    main()
