"""tenon.quantize: samples from generators, metrics, and what goes wrong in them."""
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from sklearn.datasets import load_digits

import tenon

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits" / "model.onnx"
IMAGES = np.minimum(load_digits().images * 16, 255).astype(np.uint8)[:, None]
LABELS = load_digits().target


def samples(count=16):
    """The model's input, an image a time."""
    for image, label in zip(IMAGES[:count], LABELS):
        yield {"image": image[None], "label": label}


def test_everything_in_int8_from_a_generator(tmp_path):
    output = tmp_path / "digits.so"
    steps = []
    result = tenon.quantize(DIGITS, samples(), budget=None, allow=["int8"], output=output, repair=False,
                            progress=lambda what, done, planned: steps.append(what))
    assert {node["precision"] for node in result.recipe["nodes"]} == {"int8"}
    reference, name = tenon.compile(DIGITS), "probabilities"
    expected = np.concatenate([reference.run([image[None]])[name] for image in IMAGES[100:200]])
    got = np.concatenate([result.model.run([image[None]])[name] for image in IMAGES[100:200]])
    assert 20 < 10 * np.log10((expected ** 2).sum() / ((expected - got) ** 2).sum()) < 80
    assert (expected.argmax(1) == got.argmax(1)).mean() > 0.97


def test_arrays_are_samples_of_a_single_input():
    result = tenon.quantize(onnx.load(DIGITS), (image[None] for image in IMAGES[:8]), budget=None,
                            allow=["int8"], repair=False)
    assert result.recipe["tensors"]
    assert result.model is None


def test_metric_sees_models_and_samples():
    seen = []

    def accuracy(run, data):
        right = [run(sample)["probabilities"].argmax() == sample["label"] for sample in data]
        seen.append(len(right))
        return np.mean(right)

    try:
        result = tenon.quantize(DIGITS, samples(32), budget="metric=0.2", metric=accuracy, allow=["int8"],
                                repair=False)
        assert result.report
    except ValueError as error: # where int8 gains nothing
        assert "gets faster" in str(error)
    assert 8 in seen


def test_what_callbacks_raise_reaches_the_caller(tmp_path):
    output = tmp_path / "digits.so"

    class Mine(Exception):
        pass

    def broken(count):
        yield from samples(count)
        raise Mine("no more data")

    def metric(run, data):
        raise Mine("no idea")

    with pytest.raises(Mine, match="no more data"):
        tenon.quantize(DIGITS, broken(3), output=output)
    with pytest.raises(Mine, match="no idea"):
        tenon.quantize(DIGITS, samples(), budget="metric=0.01", metric=metric, allow=["int8"],
                       output=output)
    assert not output.exists()


def test_refuses_texts():
    graph = onnx.parser.parse_graph("""
        texts (string[1] words, float[2,2] x) => (float[2,2] y, string[1] z)
        { y = MatMul(x, x)  z = Identity(words) }""")
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    with pytest.raises(ValueError, match="sample 0: input 'words': only tensors of numbers"):
        tenon.quantize(model, [{"words": np.array(["a"], object), "x": np.ones((2, 2), np.float32)}])


def test_refuses_what_is_no_data():
    with pytest.raises(ValueError, match="the data holds no samples"):
        tenon.quantize(DIGITS, iter(()))
    with pytest.raises(TypeError, match="image"):
        tenon.quantize(DIGITS, [{"image": IMAGES[:1].astype(np.float32)}])
    with pytest.raises(ValueError, match="sample 0: no array for input 'image'"):
        tenon.quantize(DIGITS, [{"picture": IMAGES[:1]}])
    with pytest.raises(ValueError, match="there is no such file or folder"):
        tenon.quantize(DIGITS, "nowhere.npz")
    with pytest.raises(ValueError, match="int7"):
        tenon.quantize(DIGITS, samples(), allow=["int7"])


def test_several_budgets_share_what_is_found(tmp_path):
    outputs = [tmp_path / "loose.so", tmp_path / "kept.so", tmp_path / "impossible.so"]
    loose, kept, impossible = tenon.quantize_each(
        DIGITS, samples(32), ["sqnr=20dB", "sqnr=25dB", "sqnr=190dB"], outputs, allow=["int8"], repair=False,
        objective="size")
    assert [result.report["budget"] for result in (loose, kept)] == ["sqnr=20dB", "sqnr=25dB"]
    assert loose.report["loss"] == kept.report["loss"] > 25
    assert kept.report["comparisons"] == 0, "the first budget had it compared"
    assert loose.model and kept.model and outputs[0].exists() and outputs[1].exists()
    assert isinstance(impossible, tenon.BudgetError) and not outputs[2].exists()
    assert not impossible.result.report["holds"] and impossible.result.recipe["nodes"]
    with pytest.raises(ValueError, match="outputs: there are 1 for 2 budgets"):
        tenon.quantize_each(DIGITS, samples(), ["sqnr=20dB", "sqnr=30dB"], [tmp_path / "one.so"])
