"""Runs `tenon verify` over a suite of models and holds the result against the list of those that pass.

    conformance.py check  SUITE     every model on the list must pass; else exit 1
    conformance.py update SUITE     runs the whole suite and rewrites the list

Suites: `node` (the onnx package's backend tests, list in test/conformance/passing.txt) and `models`
(real models in TENON_MODELS, default ../shared/models, list in test/models/passing.txt). `check` runs
only what is listed, so a line can leave a list only through `update` and a reviewed change.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))


def node_tests():
    folder = BUILD / "conformance"
    generate = ROOT / "test" / "conformance" / "generate.py"
    subprocess.run([sys.executable, generate, folder], check=True)
    return folder


def real_models():
    return Path(os.environ.get("TENON_MODELS", ROOT.parent / "shared" / "models"))


SUITES = {
    "node": (node_tests, ROOT / "test" / "conformance" / "passing.txt"),
    "models": (real_models, ROOT / "test" / "models" / "passing.txt"),
}


def read_list(file):
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def verify(folders, *options):
    """The exit status; output goes where ours goes, ending with verify's own summary."""
    jobs = os.environ.get("TENON_JOBS", str(len(os.sched_getaffinity(0))))
    command = [BUILD / "bin" / "tenon", "verify", "--jobs", jobs, *options, *folders]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode


def check(suite):
    find, listing = SUITES[suite]
    source = find()
    names = read_list(listing)
    missing = [name for name in names if not (source / name / "model.onnx").exists()]
    for name in missing:
        print(f"{listing.relative_to(ROOT)}: '{name}' is not in {source}")
    if not names:
        print(f"{listing.relative_to(ROOT)} is empty: run scripts/update-conformance {suite}")
        return 1
    status = verify([source / name for name in names if name not in missing])
    return 1 if status or missing else 0


def update(suite):
    find, listing = SUITES[suite]
    source = find()
    folders = sorted(file.parent for file in source.glob("*/model.onnx"))
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        verify(folders, "--json", report)
        results = json.loads(report.read_text())["results"]
    passed = sorted(Path(r["name"]).name for r in results if r["status"] == "passed")
    before = read_list(listing)
    for sign, names in (("-", set(before) - set(passed)), ("+", set(passed) - set(before))):
        for name in sorted(names):
            print(f"{sign} {name}")
    comment = f"# Must pass; written by scripts/update-conformance {suite}.\n"
    listing.write_text(comment + "".join(f"{name}\n" for name in passed))
    print(f"{listing.relative_to(ROOT)}: {len(passed)} of {len(folders)} pass (before: {len(before)})")
    return 0


def main():
    commands = {"check": check, "update": update}
    arguments = sys.argv[1:]
    if len(arguments) != 2 or arguments[0] not in commands or arguments[1] not in SUITES:
        sys.exit(__doc__)
    sys.exit(commands[arguments[0]](arguments[1]))


if __name__ == "__main__":
    main()
