"""How much memory quantize takes: a batch at a time, however many samples there are."""
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
TENON = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build")) / "bin" / "tenon"
SAMPLE = (1, 16, 128, 128)


def save_model(path):
    """Two convolutions of inputs of 1 MiB."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal((16, 16, 1, 1), np.float32) / 4, f"w{i}") for i in range(2)]
    nodes = [helper.make_node("Conv", ["x", "w0"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
             helper.make_node("Conv", ["r", "w1"], ["y"])]
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, SAMPLE) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def save_samples(path, count):
    """One by one: a process begins with what its parent has in memory, as far as its peak is concerned."""
    rng = np.random.default_rng(1)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False,
                                                    "shape": (count, *SAMPLE[1:])})
        for _ in range(count):
            file.write(rng.standard_normal(SAMPLE, np.float32).tobytes())


def peak_memory(*arguments):
    """Of tenon, in bytes."""
    process = subprocess.Popen([str(part) for part in (TENON, *arguments)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss << 10


def test_samples_are_not_kept(tmp_path):
    """128 MiB of samples take little more than 8 MiB do: 32 MiB of what runs are compared with."""
    save_model(tmp_path / "model.onnx")
    peaks = []
    for count in (8, 128):
        save_samples(tmp_path / "samples.npy", count)
        peaks.append(peak_memory("quantize", tmp_path / "model.onnx", "--data", tmp_path / "samples.npy", "--samples", count,
                                 "--budget", "sqnr=20dB", "--objective", "size", "-o", tmp_path / "quantized.onnx"))
    assert peaks[1] < peaks[0] + (48 << 20), peaks
