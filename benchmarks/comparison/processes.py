"""What the processes that are started here share: where they find modules, and how they tell why they failed."""
import os
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]


def environment():
    """This process's, with the modules of this folder and of the build to be found."""
    build = Path(os.environ.get("TENON_BUILD_DIR", BENCHMARKS.parent / "build"))
    paths = [str(BENCHMARKS), str(build / "python"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "ORT_DISABLE_TELEMETRY": "1"}


def with_last_line(text, file):
    """`text`, and the last that a process has written to a file."""
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines()
    return f"{text}: {lines[-1]}"[:300] if lines else text
