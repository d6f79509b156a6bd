"""What must be true of a model that lost channels."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import tenon
from onnx import numpy_helper

BUILD = Path(os.environ.get("TENON_BUILD_DIR", Path(__file__).resolve().parents[3] / "build"))
# The operand that is weights.
WEIGHTED = {"Conv": 1, "ConvTranspose": 1, "Gemm": 1, "MatMul": 1, "Einsum": 1, "QLinearConv": 3, "QLinearMatMul": 3,
            "MatMulInteger": 1}


def prune(model, folder, *options):
    """The smaller model and the report, or the message of an error."""
    dense, smaller, report = (folder / name for name in ("dense.onnx", "smaller.onnx", "report.json"))
    onnx.save(model, dense)
    command = [BUILD / "bin" / "tenon", "prune", dense, "-o", smaller, "--report", report, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        assert done.returncode == 1 and not smaller.exists(), done.stderr
        return None, done.stderr
    return onnx.load(smaller), json.loads(report.read_text())


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, feeds)


def make_feeds(model, rng, unknown=3):
    return {each.name: rng.standard_normal([dim.dim_value or unknown for dim in each.type.tensor_type.shape.dim])
            .astype(np.float32) for each in model.graph.input}


def find_source(model, value):
    """The constant that a value is, or is computed from."""
    producers = {result: node for node in model.graph.node for result in node.output}
    while value in producers:
        value = producers[value].input[0]
    return value


def find_weights(model):
    """Constants that are multiplied, also by way of a node that computes with constants alone."""
    return {find_source(model, node.input[WEIGHTED[node.op_type]])
            for node in model.graph.node if node.op_type in WEIGHTED}


def mask(model, slices):
    """The dense model, with zeros for the weights of what was removed."""
    masked = onnx.ModelProto()
    masked.CopyFrom(model)
    weights = find_weights(model)
    tensors = {tensor.name: tensor for tensor in masked.graph.initializer}
    for each in slices:
        if each["constant"] not in weights or not each["removed"]:
            continue
        tensor = tensors[each["constant"]]
        array = numpy_helper.to_array(tensor).copy()
        np.moveaxis(array, each["axis"], 0)[each["removed"]] = 0
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return masked


def list_slices(report):
    return [each for group in report["groups"] for each in group["slices"]]


def assert_close(results, expected):
    for result, want in zip(results, expected, strict=True):
        scale = max(1.0, np.abs(want).max(initial=0))
        np.testing.assert_allclose(result, want, rtol=1e-4, atol=2e-5 * scale)


def check_pruned(model, smaller, report, seed=0):
    """The smaller model is valid, and computes what the dense one does with masks."""
    onnx.checker.check_model(smaller, full_check=True)
    feeds = make_feeds(model, np.random.default_rng(seed))
    assert_close(run(smaller, feeds), run(mask(model, list_slices(report)), feeds))


def compile_model(model, folder, *options):
    """The model, loaded, and what was found dead: (node, unread, constant, duplicate)."""
    source, report = folder / "model.onnx", folder / "compiled.json"
    library = folder / f"model{len(list(folder.glob('model*.so')))}.so"  # a path that was loaded stays what it was
    onnx.save(model, source)
    command = [BUILD / "bin" / "tenon", "compile", source, "-o", library, "--report", report,
               "--threads=1", *options]
    subprocess.run(command, capture_output=True, text=True, check=True)
    dead = json.loads(report.read_text())["dead_channels"]
    return tenon.load(str(library), threads=1), dead


def check_dead(model, folder, seed=0, target="native"):
    """The model computes the same with its dead channels and without; gives what was dead."""
    feeds = make_feeds(model, np.random.default_rng(seed))
    lean, dead = compile_model(model, folder, f"--target={target}")
    results = list(lean.run(feeds).values())
    assert_close(results, run(model, feeds))
    whole, none = compile_model(model, folder, "--keep-dead-channels", f"--target={target}")
    assert not none
    for result, want in zip(results, whole.run(feeds).values(), strict=True):
        scale = max(1.0, np.abs(want).max(initial=0))
        np.testing.assert_allclose(result, want, rtol=1e-5, atol=1e-6 * scale)
    return dead
