"""The quantized forms of benchmarks/zoo.py, on small graphs of the same making."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import quantized  # noqa: E402
import zoo  # noqa: E402
from comparison.agreement import Tolerance, disagreement  # noqa: E402


def convolutional():
    """Its name makes it one of the models whose operators are all quantized."""
    g = zoo.Graph("mobilenet_v2", 17, 3)
    x = g.conv(zoo.image(g, 16), 3, 16, 3, stride=2, bias=False)
    x = g.op("Relu", g.batch_norm(x, 16))
    x = g.op("Relu", g.op("Add", g.conv(x, 16, 16, 3, groups=16), x))
    g.output(g.gemm(g.op("Flatten", g.op("GlobalAveragePool", x), axis=1), 16, 10), "logits", [1, 10])
    return g


def transformer():
    return zoo.llama("small", 8, 0, layers=1, size=64, heads=4, kv_heads=2, hidden=96, vocab=50, context=16)


def kinds(model):
    return {node.op_type for node in model.graph.node}


def weights_of(model):
    return [onnx.numpy_helper.to_array(t) for t in model.graph.initializer]


@pytest.mark.parametrize("build, form, has, has_not", [
    (convolutional, "qdq_int8", {"Conv", "Gemm", "QuantizeLinear", "DequantizeLinear"}, {"BatchNormalization", "QLinearConv"}),
    (convolutional, "qdq_int8_tensor", {"Conv", "QuantizeLinear"}, {"BatchNormalization"}),
    (convolutional, "qdq_s8", {"Conv", "QuantizeLinear"}, {"BatchNormalization"}),
    (convolutional, "qoperator_int8", {"QLinearConv", "QLinearAdd"}, {"Conv", "BatchNormalization"}),
    (transformer, "qdq_int8", {"MatMul", "QuantizeLinear", "Softmax"}, {"QLinearMatMul"}),
    (transformer, "qoperator_int8", {"QLinearMatMul", "Softmax"}, {"MatMul"}),
    (transformer, "dynamic_int8", {"DynamicQuantizeLinear", "MatMulInteger"}, set()),
    (transformer, "int4", {"MatMulNBits"}, {"QuantizeLinear"}),
    (transformer, "int4_level4", {"MatMulNBits"}, {"QuantizeLinear"}),
])
def test_forms_hold_their_operators_and_stay_near_the_float_model(build, form, has, has_not):
    graph = build()
    model, results, tolerance = zoo.make(graph, form)
    assert has <= kinds(model) and not has_not & kinds(model)
    assert model.graph.input[0].name in graph.feeds
    for result, exact, atol in zip(results, zoo.evaluate(graph.model(), graph.feeds), tolerance["atol"], strict=True):
        largest = np.abs(result).max()
        assert 0 < np.abs(result - exact).max() < 0.3 * largest
        assert 0.0499 * largest < atol < 0.3 * largest


@pytest.mark.parametrize("build, form", [(convolutional, "qdq_int8"), (convolutional, "qoperator_int8"),
                                         (transformer, "dynamic_int8"), (transformer, "int4")])
def test_forms_are_the_same_each_time(build, form):
    first, second = (zoo.make(build(), form) for _ in range(2))
    assert first[0].SerializeToString() == second[0].SerializeToString()
    for one, other in zip(first[1], second[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_types_and_scales_of_forms():
    scales = {}
    for form in ("qdq_int8", "qdq_int8_tensor", "qdq_s8"):
        model, _, _ = zoo.make(convolutional(), form)
        zero_points = {w.dtype for w in weights_of(model) if w.ndim == 0 and w.dtype.itemsize == 1}
        assert (np.dtype(np.uint8) in zero_points) == (form != "qdq_s8")
        scales[form] = max(w.size for w in weights_of(model) if w.dtype == np.float32)
    assert scales["qdq_int8"] == scales["qdq_s8"] == 16 and scales["qdq_int8_tensor"] == 1


def test_integer_operators_cannot_saturate_in_16_bits():
    for build, form in ((convolutional, "qoperator_int8"), (transformer, "dynamic_int8")):
        model, _, _ = zoo.make(build(), form)
        weights = [w for w in weights_of(model) if w.dtype == np.int8 and w.ndim > 1]
        assert weights and max(np.abs(w.astype(int)).max() for w in weights) <= 64


def test_blocks_of_32_weights():
    model, _, _ = zoo.make(transformer(), "int4")
    nodes = [node for node in model.graph.node if node.op_type == "MatMulNBits"]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in nodes[0].attribute}
    assert (attributes["bits"], attributes["block_size"]) == (4, 32)
    assert len(nodes) == 8


def test_calibration_inputs_are_of_the_inputs_kind():
    feeds = {"ids": np.arange(12).reshape(1, 12), "x": np.random.default_rng(0).standard_normal((2, 3), np.float32)}
    samples = list(quantized.calibration_inputs(feeds))
    assert samples[0] is feeds and len(samples) == quantized.SAMPLES
    for sample in samples[1:]:
        for name, value in feeds.items():
            assert sample[name].dtype == value.dtype and sample[name].shape == value.shape
            assert not np.array_equal(sample[name], value)
            np.testing.assert_array_equal(np.sort(sample[name], None), np.sort(value, None))


def test_tolerances_follow_what_quantizing_changed():
    results, exact = [np.float32([10, -2])], [np.float32([9, -2])]
    static = quantized.tolerance(quantized.FORMS["qdq_int8"], results, exact)
    assert static == {"rtol": 0.02, "max_mismatch_fraction": 0.02, "atol": [1.0]}
    assert quantized.tolerance(quantized.FORMS["int4"], results, exact)["atol"] == [pytest.approx(0.5)]
    with pytest.raises(SystemExit, match="quantization leaves nothing"):
        quantized.tolerance(quantized.FORMS["qdq_int8"], results, [np.float32([4, -2])])


def test_folders_are_written_for_verify(tmp_path):
    graph = transformer()
    zoo.save(graph, "dynamic_int8", tmp_path / "small")
    tolerance = Tolerance.read(tmp_path / "small" / "tolerance.json")
    outputs = sorted((tmp_path / "small" / "test_data_set_0").glob("output_*.pb"))
    results = zoo.evaluate(onnx.load(tmp_path / "small" / "model.onnx"), graph.feeds)
    stored = [onnx.numpy_helper.to_array(onnx.load_tensor(path)) for path in outputs]
    assert disagreement(results, stored, tolerance) == ""
    assert len(json.loads((tmp_path / "small" / "tolerance.json").read_text())["atol"]) == len(stored) == 3


def test_names_of_forms():
    assert zoo.QUANTIZED["resnet50_qdq_int8"] == ("resnet50", "qdq_int8")
    assert zoo.QUANTIZED["llama_decode_int4"] == ("llama_decode", "int4")
    assert "resnet50_int4" not in zoo.NAMES and "mobilenet_v2_dynamic_int8" not in zoo.NAMES


@pytest.mark.parametrize("build", [
    lambda batch: zoo.bert_base(batch, layers=1, size=32, heads=2, tokens=8, vocab=20),
    lambda batch: zoo.vit_b16(batch, layers=1, size=32, heads=2),
    lambda batch: zoo.llama("small", 8, 0, layers=1, size=64, heads=4, kv_heads=2, hidden=96, vocab=50, context=16, batch=batch),
    lambda batch: zoo.llama("small", 1, 5, layers=1, size=64, heads=4, kv_heads=2, hidden=96, vocab=50, context=16, batch=batch),
], ids=["bert", "vit", "prefill", "decode"])
def test_what_is_in_a_batch_does_not_see_the_rest(build):
    graph = build(3)
    model, results, _ = zoo.make(graph)
    onnx.checker.check_model(model, full_check=True)
    alike = zoo.evaluate(model, {name: value[:1].repeat(3, 0) for name, value in graph.feeds.items()})
    for result, same in zip(results, alike, strict=True):
        assert np.abs(result[0] - result[2]).max() > 1e-3
        np.testing.assert_allclose(same, result[:1].repeat(3, 0), atol=1e-4)


def test_batches_have_names():
    assert zoo.BATCHED["bert_base_b32"] == ("bert_base", 32)
    assert "resnet50_b32" in zoo.NAMES
