"""Kernels that a GPU or its host computes, whichever takes less time: on the simulated GPU."""

import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tenon

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))

needs_simulator = pytest.mark.skipif(not (BUILD / "lib" / "libtenon_cuda_sim.so").exists(),
                                     reason="there is no simulated GPU")
TARGETS = ["--target=cuda:sm_80,cpu:native", "--place=auto"]


def make_case(folder):
    """Sorting, which only the host does, then small steps, then a product that is wide."""
    random = np.random.default_rng(0)
    x = random.standard_normal((4, 64), np.float32)
    small = random.standard_normal((64, 64), np.float32) / 8
    wide = random.standard_normal((64, 4096), np.float32) / 8
    nodes = [helper.make_node("TopK", ["x", "k"], ["sorted", "order"], name="sort"),
             helper.make_node("Neg", ["sorted"], ["n"], name="negate"),
             helper.make_node("MatMul", ["n", "small"], ["p"], name="small_product"),
             helper.make_node("MatMul", ["p", "wide"], ["y"], name="wide_product")]
    graph = helper.make_graph(
        nodes, "placed", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 4096])],
        [numpy_helper.from_array(np.array([64]), "k"), numpy_helper.from_array(small, "small"),
         numpy_helper.from_array(wide, "wide")])
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              folder / "model.onnx")
    y = -np.sort(x, axis=1)[:, ::-1] @ small @ wide
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(y, "y").SerializeToString())
    return folder


def call(*arguments):
    return subprocess.run([BUILD / "bin" / "tenon", *arguments], capture_output=True, text=True)


@needs_simulator
def test_small_steps_stay_on_the_host(tmp_path):
    folder = make_case(tmp_path / "placed")
    done = call("info", folder / "model.onnx", "--device=cuda-sim", *TARGETS)
    assert done.returncode == 0, done.stderr
    assert "matmul_only_host: on the host" in done.stdout
    assert "matmul_only_1: 256 threads" in done.stdout or "matmul_only_0: 256 threads" in done.stdout, done.stdout
    assert "brought to the host: 1 tensor, 1024 bytes; to the device: 1 tensor, 1024 bytes" in done.stdout
    done = call("verify", folder, "--device=cuda-sim", *TARGETS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_placement_is_auto_or_device(tmp_path):
    folder = make_case(tmp_path / "placed")
    done = call("compile", folder / "model.onnx", "-o", tmp_path / "model.so", "--place=fast")
    assert done.returncode == 1 and "option '--place' is device or auto, not 'fast'" in done.stderr
    with pytest.raises(ValueError, match="place is 'device' or 'auto', not 'fast'"):
        tenon.compile(folder / "model.onnx", place="fast")
