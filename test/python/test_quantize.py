"""tenon quantize and recipes of precisions, on the digits model and small ones made here."""
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits

import tenon

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
DIGITS = ROOT / "examples" / "digits" / "model.onnx"


def call(*arguments, times="none"):
    """The command line tool; its times are measured anew."""
    command = [BUILD / "bin" / "tenon", *arguments]
    if arguments[0] == "quantize":
        command += ["--times", times]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def quantize(*arguments):
    result = call("quantize", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A file of samples, and images that are not in it."""
    images = np.minimum(load_digits().images * 16, 255).astype(np.uint8)[:, None]
    path = tmp_path_factory.mktemp("digits") / "samples.npz"
    np.savez(path, image=images[:64])
    return path, images[64:364]


def sqnr(expected, got):
    return 10 * np.log10((expected**2).sum() / ((expected - got) ** 2).sum())


def run_onnx(path, inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs)))


def set_precision(path, precision):
    """Changes all products of a recipe."""
    recipe = json.loads(path.read_text())
    for node in recipe["nodes"]:
        if node["op"] in ("Conv", "Gemm", "MatMul"):
            node["precision"] = precision
    path.write_text(json.dumps(recipe))


@pytest.fixture(scope="module")
def recipe(digits, tmp_path_factory):
    """The recipe of the digits model, all of it in 8 bits."""
    path = tmp_path_factory.mktemp("recipe") / "digits.precision.json"
    quantize(DIGITS, "--data", digits[0], "--budget", "top1=20%", "--allow", "int8", "-o", path)
    set_precision(path, "int8")
    return path


def test_budget_is_kept_on_other_samples(digits, tmp_path):
    samples, others = digits
    output, report = tmp_path / "digits.so", tmp_path / "report.json"
    text = quantize(DIGITS, "--data", samples, "--budget", "sqnr=25dB", "-o", output, "--report", report)
    assert "48 samples to calibrate with, 16 held back to judge by" in text
    assert "what fewer than one in 21 samples does may not be among them" in text
    assert "budget sqnr=25dB: kept" in text
    found = json.loads(report.read_text())
    assert found["holds"] and found["loss"] >= 25
    assert found["comparisons"] <= 12
    expected = tenon.compile(DIGITS).run({"image": others})
    got = tenon.load(output).run({"image": others})
    assert sqnr(expected["probabilities"], got["probabilities"]) > 22
    assert (expected["digit"] == got["digit"]).mean() > 0.98


def test_budget_that_cannot_be_kept(digits, tmp_path):
    output = tmp_path / "digits.so"
    result = call("quantize", DIGITS, "--data", digits[0], "--budget", "sqnr=150dB", "--allow", "int8", "-o", output)
    assert result.returncode == 1
    assert "budget sqnr=150dB cannot be kept: the best assignment found has" in result.stderr
    assert "nothing is written" in result.stderr
    assert "conv2" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_onnx_is_what_other_runtimes_compute(digits, recipe, tmp_path):
    samples, others = digits
    path = tmp_path / "digits.onnx"
    quantize(DIGITS, "--data", samples, "--budget", "sqnr=20dB", "--allow", "int8", "-o", path)
    onnx.checker.check_model(path, full_check=True)
    model = onnx.load(path)
    assert {node.op_type for node in model.graph.node} >= {"QuantizeLinear", "DequantizeLinear"}
    assert any(constant.data_type == TensorProto.INT8 for constant in model.graph.initializer)
    expected = run_onnx(path, {"image": others})["probabilities"]
    got = tenon.compile(path).run({"image": others})["probabilities"]
    # Both multiply the same integers; softmax is not the same to the bit.
    assert sqnr(expected, got) > 40


def test_recipe_makes_the_same_model(digits, recipe, tmp_path):
    compiled = tmp_path / "digits.so"
    result = call("compile", DIGITS, "-o", compiled, "--precision", recipe)
    assert (result.returncode, result.stderr) == (0, "")
    expected = tenon.compile(DIGITS).run({"image": digits[1]})["probabilities"]
    got = tenon.load(compiled).run({"image": digits[1]})["probabilities"]
    assert 40 < sqnr(expected, got) < 80
    assert "u8 x i8" in call("info", compiled).stdout


def test_recipe_for_another_model(recipe, tmp_path):
    model = onnx.load(DIGITS)
    model.graph.node[2].name = "first"
    other = tmp_path / "other.onnx"
    onnx.save(model, other)
    result = call("compile", other, "-o", tmp_path / "other.so", "--precision", recipe)
    assert result.returncode == 1
    assert f"{recipe}: the recipe is for another model" in result.stderr
    assert f"not for '{other}'" in result.stderr
    assert not (tmp_path / "other.so").exists()


def test_recipe_with_entries_that_match_nothing(recipe, tmp_path):
    changed = json.loads(recipe.read_text())
    changed["nodes"].append({"name": "nobody", "precision": "int8"})
    changed["tensors"].append({"name": "nothing", "type": "uint8", "scale": 1})
    path = tmp_path / "changed.precision.json"
    path.write_text(json.dumps(changed))
    result = call("compile", DIGITS, "-o", tmp_path / "digits.so", "--precision", path)
    assert result.returncode == 0
    assert "no node is named 'nobody'" in result.stderr
    assert "no quantized node reads a tensor named 'nothing'" in result.stderr


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text[: len(text) // 2], "is not JSON: ["),
        (lambda text: text.replace('"precision": "int8"', '"precision": "int7"', 1), ".precision"),
        (lambda text: text.replace('"format"', '"formal"'), "recipe.format"),
    ],
)
def test_recipe_that_is_none(recipe, tmp_path, change, message):
    path = tmp_path / "changed.precision.json"
    path.write_text(change(recipe.read_text()))
    result = call("compile", DIGITS, "-o", tmp_path / "digits.so", "--precision", path)
    assert result.returncode == 1
    assert str(path) in result.stderr and message in result.stderr
    assert not (tmp_path / "digits.so").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--budget", "sqnr=loud"], "'loud' is no number"),
        (["--budget", "snr=30"], "is none of sqnr=30dB"),
        (["--allow", "int5"], "'int5' is none of"),
        (["--budget", "top1=1%"], "option '--budget' needs --data"),
        (["-o", "model.tar"], "none of .so, .onnx, .precision.json"),
        (["--data", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, message):
    output = [] if "-o" in arguments else ["-o", tmp_path / "out.so"]
    result = call("quantize", DIGITS, *output, *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


def make_mlp(path, opset=13):
    """Two products with a Relu between them; the second one is a Gemm."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(np.float32) / 16 for shape in ((256, 256), (64, 256), (64,))]
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"], name="product"),
            helper.make_node("Relu", ["a"], ["b"], name="relu"),
            helper.make_node("Gemm", ["b", "w2", "c"], ["y"], name="gemm", transB=1),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 256])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 64])],
        [numpy_helper.from_array(weight, name) for weight, name in zip(weights, ("w1", "w2", "c"))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    x = rng.standard_normal((5, 256)).astype(np.float32)
    return x, np.maximum(x @ weights[0], 0) @ weights[1].T + weights[2]


@pytest.mark.parametrize(
    "allow, least, size", [("int8-weights", 38, 0.3), ("int4-weights", 15, 0.17), ("bf16", 40, 0.55), ("f16", 60, 0.55)]
)
def test_weights_alone_need_no_data(tmp_path, allow, least, size):
    model, narrow, compiled = (tmp_path / name for name in ("mlp.onnx", "narrow.onnx", "narrow.so"))
    x, expected = make_mlp(model)
    text = quantize(model, "--allow", allow, "-o", narrow)
    assert "what this loses is not measured" in text
    assert f"2 products in {allow}" in text
    onnx.checker.check_model(narrow)
    assert narrow.stat().st_size < size * model.stat().st_size
    if allow == "bf16":
        # In a model for others the products themselves stay f32.
        quantize(model, "--allow", allow, "-o", compiled)
        assert least < sqnr(expected, tenon.load(compiled).run({"x": x})["y"]) < 60
    assert sqnr(expected, tenon.compile(narrow).run({"x": x})["y"]) > least
    # ONNX Runtime has no products of bf16.
    if allow != "bf16":
        assert sqnr(expected, run_onnx(narrow, {"x": x})["y"]) > least


def test_kernel_times_are_kept_and_used_again(digits, tmp_path):
    times = tmp_path / "times.json"
    arguments = ["quantize", DIGITS, "--data", digits[0], "--budget", "sqnr=20dB", "--allow", "int8"]
    arguments += ["-o", tmp_path / "digits.so"]
    assert call(*arguments, times=times).returncode == 0
    kept = json.loads(times.read_text())
    assert len(kept) >= 2
    # What is in the file is believed: where no kernel is faster than another, nothing is lowered.
    for kernels in kept.values():
        for kernel in kernels.values():
            kernel["time"] = 0
    times.write_text(json.dumps(kept))
    result = call(*arguments, times=times)
    assert result.returncode == 1
    assert "nothing of it gets faster" in result.stderr
