"""What quantize makes of models of other kinds: old operators, outlier channels, tables of rows, and recipes that
verify obeys."""
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import tenon

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))


def call(*arguments):
    command = [BUILD / "bin" / "tenon", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def sqnr(expected, got):
    return 10 * np.log10((expected**2).sum() / max(((expected - got) ** 2).sum(), 1e-30))


def save(path, nodes, inputs, outputs, constants, opset, ir_version=8):
    """Writes a model; before version 4 of the format constants are inputs, too."""
    tensors = [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in constants.items()]
    values = [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in inputs]
    if ir_version < 4:
        values += [helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in tensors]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs]
    graph = helper.make_graph(nodes, "graph", values, results, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
    onnx.save(model, path)


def run_onnx(path, inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs)))


def test_models_of_old_operators_are_raised(tmp_path):
    """Upsample, Clip, Pad, Slice, Unsqueeze and Softmax of version 8 do not load with scales of an axis."""
    rng = np.random.default_rng(3)
    model, narrow, data = (tmp_path / name for name in ("old.onnx", "narrow.onnx", "x.npz"))
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["a"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["a"], ["b"], name="clip", min=0.0, max=6.0),
        helper.make_node("Upsample", ["b"], ["c"], name="up", scales=[1.0, 1.0, 2.0, 2.0], mode="nearest"),
        helper.make_node("Pad", ["c"], ["d"], name="pad", pads=[0, 0, 1, 1, 0, 0, 1, 1]),
        helper.make_node("Conv", ["d", "w2"], ["e"], name="conv2"),
        helper.make_node("Slice", ["e"], ["f"], name="slice", axes=[2, 3], starts=[0, 1], ends=[8, 9]),
        helper.make_node("Softmax", ["f"], ["g"], name="softmax", axis=1),
        helper.make_node("Unsqueeze", ["g"], ["y"], name="unsqueeze", axes=[0]),
    ]
    constants = {"w1": rng.standard_normal((8, 3, 3, 3), np.float32) / 4, "b1": np.zeros(8, np.float32),
                 "w2": rng.standard_normal((4, 8, 3, 3), np.float32) / 16}
    save(model, nodes, [("x", TensorProto.FLOAT, [1, 3, 8, 8])], [("y", [1, 1, 4, 8, 8])], constants, 8, ir_version=3)
    np.savez(data, x=rng.standard_normal((8, 1, 3, 8, 8), np.float32))
    x = rng.standard_normal((1, 3, 8, 8), np.float32)
    expected = run_onnx(model, {"x": x})["y"]
    result = tenon.quantize(model, [str(data)], budget=None, allow=["int8"], output=narrow, repair=False)
    assert {node["precision"] for node in result.recipe["nodes"]} == {"int8"}
    onnx.checker.check_model(narrow, full_check=True)
    raised = onnx.load(narrow)
    assert {opset.domain: opset.version for opset in raised.opset_import} == {"": 13}
    assert [value.name for value in raised.graph.input] == ["x"]
    got = run_onnx(narrow, {"x": x})["y"]
    assert 15 < sqnr(expected, got) < 80
    assert sqnr(got, tenon.compile(narrow).run({"x": x})["y"]) > 40


@pytest.fixture(scope="module")
def outliers(tmp_path_factory):
    """A product of an input that is also added, so that no factor of a channel can be moved; two channels are large."""
    folder = tmp_path_factory.mktemp("outliers")
    rng = np.random.default_rng(11)
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"], name="product"),
        helper.make_node("Relu", ["a"], ["b"], name="relu"),
        helper.make_node("Gemm", ["b", "w2", "c"], ["d"], name="gemm", transB=1),
        helper.make_node("Add", ["d", "x"], ["y"], name="add"),
    ]
    constants = {"w1": rng.standard_normal((64, 96), np.float32) / 8, "c": rng.standard_normal(64, np.float32),
                 "w2": rng.standard_normal((64, 96), np.float32) / 8}
    constants["w1"][[5, 40]] /= 100
    save(folder / "model.onnx", nodes, [("x", TensorProto.FLOAT, [4, 64])], [("y", [4, 64])], constants, 17)
    x = rng.standard_normal((12, 4, 64), np.float32)
    x[..., [5, 40]] *= 100
    np.savez(folder / "x.npz", x=x[:8])
    return folder, x[8:]


@pytest.fixture(scope="module")
def split(outliers):
    """All of it in 8 bits, with repairs, for any runtime."""
    folder, _ = outliers
    return tenon.quantize(folder / "model.onnx", [str(folder / "x.npz")], budget=None, allow=["int8"],
                          output=folder / "split.onnx")


def test_outlier_channels_are_split_off(outliers, split):
    folder, others = outliers
    tenon.quantize(folder / "model.onnx", [str(folder / "x.npz")], budget=None, allow=["int8"],
                   output=folder / "plain.onnx", repair=False)
    expected, plain, better = (
        np.concatenate([model.run({"x": x})["y"] - x for x in others])
        for model in (tenon.compile(folder / name) for name in ("model.onnx", "plain.onnx", "split.onnx")))
    assert sqnr(expected, better) > sqnr(expected, plain) + 10
    tensors = {tensor["name"]: tensor for tensor in split.recipe["tensors"]}
    assert tensors["x"]["outliers"] == [5, 40]
    assert "outliers" not in tensors["b"]
    assert re.search("outlier channels: noise .* a sample.*, kept\n", split.text)
    assert re.search("smoothing: noise .* a sample.*, not kept\n", split.text)


def test_outlier_channels_in_other_runtimes(outliers, split):
    folder, others = outliers
    onnx.checker.check_model(folder / "split.onnx", full_check=True)
    expected = run_onnx(folder / "model.onnx", {"x": others[0]})["y"] - others[0]
    assert sqnr(expected, run_onnx(folder / "split.onnx", {"x": others[0]})["y"] - others[0]) > 25


def test_outliers_that_do_not_fit(outliers, split, tmp_path):
    recipe = tmp_path / "model.precision.json"
    recipe.write_text(json.dumps(split.recipe).replace('"outliers": [5, 40]', '"outliers": [5, 64]'))
    result = call("compile", outliers[0] / "model.onnx", "-o", tmp_path / "model.so", "--precision", recipe)
    assert result.returncode == 1
    assert "node 'product': entry of tensor 'x': there is no channel 64 of 64" in result.stderr
    assert not (tmp_path / "model.so").exists()


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("embedding")
    rng = np.random.default_rng(5)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], name="embed"),
        helper.make_node("MatMul", ["rows", "w"], ["y"], name="head"),
    ]
    constants = {"table": rng.standard_normal((1000, 64), np.float32),
                 "w": rng.standard_normal((64, 16), np.float32) / 8}
    save(folder / "model.onnx", nodes, [("ids", TensorProto.INT64, [1, 8])], [("y", [1, 8, 16])], constants, 13)
    ids = rng.integers(0, 1000, (12, 1, 8))
    np.savez(folder / "ids.npz", ids=ids[:8])
    return folder, ids[8:]


@pytest.mark.parametrize("allow, size, least", [("bf16", 0.55, 40), ("int8-weights", 0.3, 35), ("int8", 0.3, 30)])
def test_tables_of_rows(embedding, tmp_path, allow, size, least):
    folder, others = embedding
    narrow = tmp_path / "narrow.onnx"
    result = tenon.quantize(folder / "model.onnx", [str(folder / "ids.npz")], budget=None, allow=[allow],
                            output=narrow, repair=False)
    assert {node["name"]: node["precision"] for node in result.recipe["nodes"]}["embed"] == allow
    assert narrow.stat().st_size < size * (folder / "model.onnx").stat().st_size
    onnx.checker.check_model(narrow, full_check=True)
    compiled = tenon.compile(narrow)
    for ids in others:
        expected = run_onnx(folder / "model.onnx", {"ids": ids})["y"]
        assert sqnr(expected, compiled.run({"ids": ids})["y"]) > least
        # ONNX Runtime has no Gather of bf16.
        if allow != "bf16":
            assert sqnr(expected, run_onnx(narrow, {"ids": ids})["y"]) > least


def test_size_is_what_counts(embedding, tmp_path):
    """With --objective size, all is lowered whose weights get smaller; time does not matter."""
    folder, _ = embedding
    recipe = tmp_path / "model.precision.json"
    result = call("quantize", folder / "model.onnx", "--data", folder / "ids.npz", "--objective", "size", "--allow",
                  "int8-weights,bf16", "--budget", "sqnr=25dB", "--times", "none", "-o", recipe)
    assert result.returncode == 0, result.stderr
    nodes = {node["name"]: node["precision"] for node in json.loads(recipe.read_text())["nodes"]}
    assert nodes == {"embed": "int8-weights", "head": "int8-weights"}


def test_precisions_are_mixed_as_the_budget_needs(tmp_path):
    """Of two products one is most of the result and stays in bytes; the other is so small a part that 4 bits do."""
    rng = np.random.default_rng(3)
    path, narrow = tmp_path / "model.onnx", tmp_path / "narrow.onnx"
    nodes = [helper.make_node("MatMul", ["x", "large"], ["a"], "loud"), helper.make_node("Tanh", ["x"], ["t"]),
             helper.make_node("MatMul", ["t", "small"], ["b"], "quiet"), helper.make_node("Add", ["a", "b"], ["y"])]
    weights = {name: rng.normal(0, scale, (256, 256)).astype(np.float32)
               for name, scale in (("large", 0.06), ("small", 0.003))}
    save(path, nodes, [("x", TensorProto.FLOAT, [16, 256])], [("y", [16, 256])], weights, 17)
    samples = rng.normal(size=(24, 16, 256)).astype(np.float32)
    result = tenon.quantize(path, list(samples[:16]), budget="sqnr=28dB", allow=["int8", "int4-weights", "bf16"],
                            objective="size", output=narrow)
    assert {node["name"]: node["precision"] for node in result.recipe["nodes"]} == {"loud": "int8",
                                                                                   "quiet": "int4-weights"}
    # It keeps the budget in int8 alone, so there was nothing to repair.
    assert ": noise" not in result.text
    assert narrow.stat().st_size < 0.22 * path.stat().st_size
    for x in samples[16:]:
        assert sqnr(run_onnx(path, {"x": x})["y"], run_onnx(narrow, {"x": x})["y"]) > 28


@pytest.fixture(scope="module")
def verified(outliers, tmp_path_factory):
    """A folder as verify reads it, and a recipe with measured errors."""
    source, others = outliers
    folder = tmp_path_factory.mktemp("verified") / "case"
    sets = folder / "test_data_set_0"
    sets.mkdir(parents=True)
    (folder / "model.onnx").write_bytes((source / "model.onnx").read_bytes())
    for side, name, array in (("input", "x", others[0]), ("output", "y", run_onnx(folder / "model.onnx",
                                                                                 {"x": others[0]})["y"])):
        (sets / f"{side}_0.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
    recipe = folder.parent / "model.precision.json"
    result = call("quantize", folder / "model.onnx", "--data", source / "x.npz", "--objective", "size", "--allow",
                  "int8", "--budget", "sqnr=25dB", "--times", "none", "-o", recipe)
    assert result.returncode == 0, result.stderr
    return folder, recipe


def test_recipes_tell_errors(verified):
    recipe = json.loads(verified[1].read_text())
    assert {tensor["name"] for tensor in recipe["tensors"]} >= {"x", "w1", "w2"}
    for tensor in recipe["tensors"]:
        assert {"type", "scale", "method", "measured_sqnr"} <= tensor.keys()
        if "predicted_sqnr" in tensor:
            assert abs(tensor["predicted_sqnr"] - tensor["measured_sqnr"]) < 6
    assert recipe["predicted"][0]["sqnr"] > 0 and recipe["measured"][0]["sqnr"] >= 25
    lowered = [node for node in recipe["nodes"] if node["precision"] == "int8"]
    assert lowered and all(node["measured_sqnr"] >= 20 for node in lowered)


def test_verify_obeys_a_recipe(verified):
    folder, recipe = verified
    result = call("verify", folder, "--precision", recipe)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"models as {recipe} says, within sqnr=25dB\n1 passed" in result.stdout
    result = call("verify", folder, "--precision", recipe, "--budget", "sqnr=90dB")
    assert result.returncode == 1
    assert "budget sqnr=90dB is not kept: outputs have" in result.stdout


def test_verify_with_mistakes(verified, embedding):
    folder, recipe = verified
    assert "is for recipes" in call("verify", folder, "--budget", "sqnr=9dB").stderr
    other = json.loads(recipe.read_text())
    other["budget"] = "metric=0.01"
    path = recipe.parent / "metric.precision.json"
    path.write_text(json.dumps(other))
    assert "its budget is of a metric" in call("verify", folder, "--precision", path).stderr
    other["digest"] = "0123456789abcdef"
    path.write_text(json.dumps(other))
    result = call("verify", folder, "--precision", path, "--budget", "sqnr=9dB")
    assert result.returncode == 1
    assert "the recipe is for another model" in result.stdout


def test_what_others_read_is_not_rounded(tmp_path):
    """A sum that a product reads turned, and the model as it is: bytes begin behind the reshape."""
    rng = np.random.default_rng(5)
    model, data = tmp_path / "residual.onnx", tmp_path / "x.npz"
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["square"], name="square"),
        helper.make_node("Reshape", ["square", "shape"], ["view"], name="view"),
        helper.make_node("Transpose", ["view"], ["turned"], name="turn", perm=[1, 0]),
        helper.make_node("MatMul", ["turned", "w"], ["y"], name="product"),
        helper.make_node("Neg", ["view"], ["z"], name="other"),
    ]
    constants = {"shape": np.array([16, 8]), "w": rng.standard_normal((16, 4), np.float32)}
    save(model, nodes, [("x", TensorProto.FLOAT, [2, 64])], [("y", [8, 4]), ("z", [16, 8])], constants, 17)
    x = rng.standard_normal((8, 2, 64), np.float32)
    np.savez(data, x=x)
    result = tenon.quantize(model, [str(data)], budget=None, allow=["int8"], output=tmp_path / "narrow.so", repair=False)
    precisions = {node["name"]: node.get("precision") for node in result.recipe["nodes"]}
    assert precisions == {"product": "int8", "turn": "int8"}
    assert {tensor["name"] for tensor in result.recipe["tensors"]} == {"view", "turned", "w"}
    expected, got = run_onnx(model, {"x": x[0]}), result.model.run({"x": x[0]})
    assert np.array_equal(expected["z"], got["z"])
    assert 25 < sqnr(expected["y"], got["y"]) < 80


def test_products_of_quantized_numbers_stay(tmp_path):
    model, data = tmp_path / "quantized.onnx", tmp_path / "x.npz"
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["codes"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["values"]),
        helper.make_node("DequantizeLinear", ["w", "scale"], ["weights"]),
        helper.make_node("MatMul", ["values", "weights"], ["y"], name="product"),
    ]
    constants = {"scale": np.float32(0.1), "zero": np.uint8(128), "w": np.arange(-16, 16, dtype=np.int8).reshape(8, 4)}
    save(model, nodes, [("x", TensorProto.FLOAT, [2, 8])], [("y", [2, 4])], constants, 17)
    np.savez(data, x=np.ones((4, 2, 8), np.float32))
    with pytest.raises(ValueError, match="has no products of f32 to lower"):
        tenon.quantize(model, [str(data)], repair=False)


def test_nodes_in_any_order(tmp_path):
    rng = np.random.default_rng(6)
    model, data, recipe = (tmp_path / name for name in ("reversed.onnx", "x.npz", "x.precision.json"))
    nodes = [helper.make_node("MatMul", ["a", "v"], ["y"], name="second"),
             helper.make_node("MatMul", ["x", "w"], ["a"], name="first")]
    constants = {"w": rng.standard_normal((8, 8), np.float32), "v": rng.standard_normal((8, 4), np.float32)}
    save(model, nodes, [("x", TensorProto.FLOAT, [2, 8])], [("y", [2, 4])], constants, 17)
    np.savez(data, x=rng.standard_normal((4, 2, 8), np.float32))
    tenon.quantize(model, [str(data)], budget=None, allow=["int8"], output=recipe, repair=False)
    result = call("compile", model, "-o", tmp_path / "x.so", "--precision", recipe)
    assert (result.returncode, result.stderr) == (0, "")
