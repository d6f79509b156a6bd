"""Weights of which two in four are zero (2:4): `tenon prune --pattern` makes them, and GPUs multiply without them."""

import json
import os
import subprocess
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))

needs_simulator = pytest.mark.skipif(not (BUILD / "lib" / "libtenon_cuda_sim.so").exists(),
                                     reason="there is no simulated GPU")


def call(*arguments, **variables):
    return subprocess.run([BUILD / "bin" / "tenon", *arguments], env={**os.environ, **variables}, capture_output=True,
                          text=True)


def whole(rng, shape, dtype, most=4):
    """Small whole numbers, whose sums are exact."""
    return rng.integers(0 if dtype == np.uint8 else -most, most + 1, shape).astype(dtype)


def keep_two_of_four(weights, axis):
    """The two of the largest magnitude of each four along an axis, the first of equal ones."""
    moved = np.moveaxis(np.array(weights), axis, -1).copy()
    for first in range(0, moved.shape[-1], 4):
        group = moved[..., first:first + 4]
        order = np.argsort(-np.abs(group.astype(np.float64)), axis=-1, kind="stable")
        np.put_along_axis(group, order[..., 2:], 0, -1)
    return np.moveaxis(moved, -1, axis)


def make_model(nodes, x, y, constants):
    def info(name, value):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)

    graph = helper.make_graph(nodes, "g", [info("x", x)], [info("y", y)],
                              [numpy_helper.from_array(value, name) for name, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def convolve(x, weights, groups):
    """NCHW, without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weights.shape[2:], (2, 3))
    inputs, outputs = weights.shape[1], weights.shape[0] // groups
    return np.concatenate([np.einsum("nchwij,ocij->nohw", windows[:, g * inputs:(g + 1) * inputs],
                                     weights[g * outputs:(g + 1) * outputs]) for g in range(groups)], axis=1)


def matmul(rng, dtype, rows, depth, columns):
    x, w = whole(rng, (2, rows, depth), dtype), keep_two_of_four(whole(rng, (depth, columns), dtype), 0)
    y = np.maximum(x.astype(np.float32) @ w.astype(np.float32), 0).astype(dtype)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["p"]), helper.make_node("Relu", ["p"], ["y"])]
    return make_model(nodes, x, y, {"w": w}), x, y


def gemm(rng, dtype, rows, depth, columns):
    x, w = whole(rng, (rows, depth), dtype, 2), keep_two_of_four(whole(rng, (columns, depth), dtype, 2), 1)
    b = whole(rng, (columns,), dtype)
    y = (x.astype(np.float32) @ w.astype(np.float32).T + b.astype(np.float32)).astype(dtype)
    return make_model([helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)], x, y, {"w": w, "b": b}), x, y


def integers(rng, dtype, rows, depth, columns):
    x, w = whole(rng, (rows, depth), dtype, 120), keep_two_of_four(whole(rng, (depth, columns), np.int8, 127), 0)
    y = x.astype(np.int32) @ w.astype(np.int32)
    return make_model([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], x, y, {"w": w}), x, y


def conv(rng, dtype, channels, outputs, groups):
    x = whole(rng, (2, channels, 9, 9), dtype, 2)
    w = keep_two_of_four(whole(rng, (outputs, channels // groups, 3, 3), dtype, 2), 1)
    y = convolve(x.astype(np.float32), w.astype(np.float32), groups).astype(dtype)
    return make_model([helper.make_node("Conv", ["x", "w"], ["y"], group=groups)], x, y, {"w": w}), x, y


bf16 = ml_dtypes.bfloat16
CASES = {
    "matmul_f16": (matmul, np.float16, 70, 256, 96),
    "matmul_odd": (matmul, np.float16, 45, 330, 40),
    # By warps with different roles where there are such.
    "matmul_many": (matmul, np.float16, 200, 392, 520),
    "gemm_bf16": (gemm, bf16, 64, 192, 80),
    "bytes_u8": (integers, np.uint8, 100, 320, 72),
    "bytes_s8": (integers, np.int8, 33, 130, 64),
    "conv_f16": (conv, np.float16, 64, 48, 1),
    "conv_groups": (conv, np.float16, 64, 64, 2),
}


def write_case(folder, model, x, y):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(y, "y").SerializeToString())


@needs_simulator
@pytest.mark.parametrize("target", ["sm_80", "sm_90a"])
def test_products_leave_out_half(tmp_path, target):
    """The kernels multiply without the zeros, and give what dense ones do: all sums are exact."""
    rng = np.random.default_rng(0)
    for name, (make, *sizes) in CASES.items():
        write_case(tmp_path / name, *make(rng, *sizes))
        done = call("info", tmp_path / name / "model.onnx", f"--target=cuda:{target}", "--device=cuda-sim",
                    TENON_CUDA_SIM=target)
        assert "zeros: 2 of 4" in done.stdout, (name, done.stdout, done.stderr)
    done = call("verify", *(tmp_path / name for name in CASES), f"--target=cuda:{target}", "--device=cuda-sim",
                TENON_CUDA_SIM=target)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target, instruction", [("sm_80", "mma.sp."), ("sm_90a", "wgmma.mma_async.sp.")])
def test_instructions_are_sparse(tmp_path, target, instruction):
    make, *sizes = CASES["matmul_many"]
    onnx.save(make(np.random.default_rng(0), *sizes)[0], tmp_path / "model.onnx")
    done = call("compile", tmp_path / "model.onnx", f"--target=cuda:{target}", "--emit=ptx", "-o", tmp_path / "model.ptx")
    assert done.returncode == 0, done.stderr
    assert f"\t{instruction}sync" in (tmp_path / "model.ptx").read_text()


@needs_simulator
def test_other_zeros_stay_dense(tmp_path):
    rng = np.random.default_rng(1)
    model, _, _ = matmul(rng, np.float16, 70, 256, 96)
    w = numpy_helper.to_array(model.graph.initializer[0]).copy()
    w[:3, 0] = 1
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(w, "w"))
    onnx.save(model, tmp_path / "model.onnx")
    done = call("info", tmp_path / "model.onnx", "--target=cuda:sm_80", "--device=cuda-sim")
    assert "zeros: dense" in done.stdout, done.stdout + done.stderr


@needs_simulator
def test_little_gain_stays_dense(tmp_path):
    """Less than an eighth may be a loss, and is told."""
    model, _, _ = matmul(np.random.default_rng(0), np.float16, 512, 392, 512)
    onnx.save(model, tmp_path / "model.onnx")
    done = call("info", tmp_path / "model.onnx", "--target=cuda:sm_90a", "--device=cuda-sim", TENON_CUDA_SIM="sm_90a")
    assert "50% zeros: dense, 2 of 4 is 1.12 x" in done.stdout, done.stdout + done.stderr


def test_prune_keeps_two_of_four(tmp_path):
    """The two of the largest magnitude along what each node adds up, and nothing else changes."""
    rng = np.random.default_rng(2)
    constants = {
        "filters": rng.standard_normal((16, 8, 3, 3), np.float32), "three": rng.standard_normal((8, 3, 3, 3), np.float32),
        "codes": rng.integers(-127, 128, (16, 10)).astype(np.int8), "scale": np.float32(0.1),
        "left": rng.standard_normal((10, 12), np.float32), "last": rng.standard_normal((6, 12), np.float32),
        "bias": np.ones(6, np.float32)
    }
    nodes = [helper.make_node("Conv", ["x", "three"], ["a"], name="stem"),
             helper.make_node("Conv", ["a", "filters"], ["b"], name="conv"),
             helper.make_node("GlobalAveragePool", ["b"], ["c"]),
             helper.make_node("Flatten", ["c"], ["d"]),
             helper.make_node("DequantizeLinear", ["codes", "scale"], ["weights"]),
             helper.make_node("MatMul", ["d", "weights"], ["e"], name="quantized"),
             helper.make_node("MatMul", ["e", "left"], ["f"], name="kept"),
             helper.make_node("Gemm", ["f", "last", "bias"], ["y"], name="gemm", transB=1)]
    model = make_model(nodes, np.zeros((1, 3, 9, 9), np.float32), np.zeros((1, 6), np.float32), constants)
    onnx.save(model, tmp_path / "model.onnx")
    done = call("prune", tmp_path / "model.onnx", "--pattern=2:4", "--keep", "kept", "-o", tmp_path / "pruned.onnx",
                "--report", tmp_path / "report.json")
    assert done.returncode == 0, done.stderr
    assert "stem: its filters have 3 channels, no multiple of 4" in done.stdout or "only 3 weights" in done.stdout
    pruned = onnx.load(tmp_path / "pruned.onnx")
    onnx.checker.check_model(pruned)
    axes = {"filters": 1, "codes": 0, "last": 1}
    for tensor in pruned.graph.initializer:
        before = constants[tensor.name]
        expected = keep_two_of_four(before, axes[tensor.name]) if tensor.name in axes else before
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), expected, err_msg=tensor.name)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {each["constant"]: each["node"] for each in report["changed"]} == {
        "filters": "conv", "codes": "quantized", "last": "gemm"}
    assert {each["node"] for each in report["unchanged"]} == {"stem", "kept"}
    for each in report["changed"]:
        assert each["zeros_after"] >= each["weights"] / 2 - 1 and each["zeros_before"] <= each["zeros_after"]


def test_prune_refuses(tmp_path):
    x = np.zeros((1, 2), np.float32)
    model = make_model([helper.make_node("MatMul", ["x", "w"], ["y"])], x, np.zeros((1, 3), np.float32),
                       {"w": np.ones((2, 3), np.float32)})
    onnx.save(model, tmp_path / "model.onnx")
    out = tmp_path / "pruned.onnx"
    for arguments, message in [(["--pattern=2:4"], "no weights can be pruned"),
                               (["--pattern=1:4"], "unknown --pattern '1:4': 2:4"),
                               (["--pattern=2:4", "--channels=50%"], "option '--channels' is for channels"),
                               (["--pattern=2:4", "--keep=nothing"], "no node is called 'nothing'")]:
        done = call("prune", tmp_path / "model.onnx", *arguments, "-o", out)
        assert done.returncode != 0 and message in done.stderr, done.stderr
        assert not out.exists()
