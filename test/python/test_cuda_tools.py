"""What is there to be run on a GPU, on the simulated one: products beside cuBLAS, results of instructions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
SIMULATOR = BUILD / "lib" / "libtenon_cuda_sim.so"

pytestmark = [
    pytest.mark.skipif(not SIMULATOR.exists(), reason="there is no simulated GPU"),
    pytest.mark.skipif("TENON_SANITIZED" in os.environ, reason="Python does not load what is built with sanitizers"),
]


def call(*command, **variables):
    return subprocess.run([sys.executable, *command], env={**os.environ, **variables}, capture_output=True, text=True)


def test_products_are_right_on_the_simulated_gpu(tmp_path):
    report = tmp_path / "report.json"
    done = call(ROOT / "benchmarks" / "gpu_gemm", "--driver", SIMULATOR, "--runs", "2", "--settle", "0", "--shapes",
                "8x16x24,40x33x17", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(report.read_text())["rows"]
    assert len(rows) == 10
    assert all(row["tenon"] > 0 and row["disagreement"] == "" for row in rows)


def golden(*arguments):
    return call(ROOT / "test" / "cuda" / "golden.py", *arguments, TENON_CUDA_SIM="sm_90a")


def test_results_of_instructions_are_compared(tmp_path):
    file = tmp_path / "golden.json"
    assert golden("take", "--driver", SIMULATOR, "--output", file).returncode == 0
    assert golden("check", file).returncode == 0
    taken = json.loads(file.read_text())
    for name in ("mma.m16n8k32.s32.s8.s8.s32", "mma.m16n8k16.f32.f16.f16.f32", "ldmatrix.x4.trans"):
        text = taken["results"][name][1]
        taken["results"][name][1] = text[:6] + f"{int(text[6:8], 16) ^ 0x40:02x}" + text[8:]
    file.write_text(json.dumps(taken))
    done = golden("check", file)
    assert done.returncode == 1
    assert done.stdout.count("seed 1") == 3 and "3 results differ" in done.stdout, done.stdout


def test_the_simulated_gpu_gives_no_golden_results():
    done = golden("take", "--driver", SIMULATOR)
    assert done.returncode == 1 and "gives no golden results" in done.stderr
