"""Random numbers have the distribution that they should, differ between nodes and seeds, and not between runs."""
import numpy as np
import onnx
import pytest

import tenon

COUNT = 40_000


def run(tmp_path, text, inputs=None):
    model = onnx.parser.parse_model('<ir_version: 10, opset_import: ["": 22, "com.microsoft": 1]>\n' + text)
    return tenon.compile(model, output=str(tmp_path / "model.so")).run(inputs or {})


def assert_mean(values, mean, deviation):
    """Within five standard deviations of the mean of so many."""
    assert abs(values.mean() - mean) < 5 * deviation / np.sqrt(values.size)


def test_uniform_and_normal(tmp_path):
    results = run(tmp_path, f"""
        g () => (float[{COUNT}] a, float[{COUNT}] b, float[{COUNT}] c, float[{COUNT}] n) {{
          a = RandomUniform <shape = [{COUNT}], low = 2.0, high = 6.0, seed = 1.0> ()
          b = RandomUniform <shape = [{COUNT}], low = 2.0, high = 6.0, seed = 1.0> ()
          c = RandomUniform <shape = [{COUNT}], low = 2.0, high = 6.0> ()
          n = RandomNormal <shape = [{COUNT}], mean = 1.0, scale = 3.0> ()
        }}""")
    a, c, n = results["a"], results["c"], results["n"]
    np.testing.assert_array_equal(a, results["b"])
    assert (a != c).mean() > 0.99
    assert a.min() >= 2 and a.max() < 6
    assert_mean(a, 4, 4 / np.sqrt(12))
    assert_mean((a - 4) ** 2, 16 / 12, 1.2)
    assert abs(np.corrcoef(a[:-1], a[1:])[0, 1]) < 5 / np.sqrt(COUNT)
    assert_mean(n, 1, 3)
    assert_mean((n - 1) ** 2, 9, 9 * np.sqrt(2))
    assert_mean(np.abs(n - 1) < 3, 0.6827, 0.4655)


def test_bernoulli_draws_with_each_probability(tmp_path):
    p = np.repeat(np.array([0, 0.1, 0.5, 0.9, 1]), COUNT // 5).astype(np.float32)
    y = run(tmp_path, f"g (float[{COUNT}] p) => (int32[{COUNT}] y) {{ y = Bernoulli <dtype = 6> (p) }}", {"p": p})["y"]
    assert set(y) == {0, 1}
    for draws, probability in zip(np.split(y, 5), (0, 0.1, 0.5, 0.9, 1)):
        assert_mean(draws, probability, np.sqrt(probability * (1 - probability)) + 1e-9)


DROPOUT = f"g (float[{COUNT}] x, float ratio, bool train) => (float[{COUNT}] y, bool[{COUNT}] mask) {{ y, mask = Dropout <seed = 3> (x, ratio, train) }}"
BIAS_DROPOUT = (f"g (float[{COUNT}] x, float ratio, bool train) => (float[{COUNT}] y, bool[{COUNT}] mask) {{"
                "bias = Constant <value_float = 1.0> () y, mask = com.microsoft.BiasDropout (x, bias, x, ratio, train) }")


@pytest.mark.parametrize("ratio", [0, 0.25, 0.9])
def test_dropout_in_training(ratio, tmp_path):
    x = np.linspace(1, 2, COUNT, dtype=np.float32)
    results = run(tmp_path, DROPOUT, {"x": x, "ratio": np.array(ratio, np.float32), "train": np.array(True)})
    assert_mean(results["mask"], 1 - ratio, np.sqrt(ratio * (1 - ratio)) + 1e-9)
    np.testing.assert_allclose(results["y"], np.where(results["mask"], x / (1 - ratio), 0), rtol=1e-6)


def test_dropout_at_inference(tmp_path):
    x = np.linspace(1, 2, COUNT, dtype=np.float32)
    results = run(tmp_path, DROPOUT, {"x": x, "ratio": np.array(0.5, np.float32), "train": np.array(False)})
    np.testing.assert_array_equal(results["y"], x)
    assert results["mask"].all()


def test_dropout_of_a_sum(tmp_path):
    x = np.linspace(1, 2, COUNT, dtype=np.float32)
    results = run(tmp_path, BIAS_DROPOUT, {"x": x, "ratio": np.array(0.5, np.float32), "train": np.array(True)})
    assert_mean(results["mask"], 0.5, 0.5)
    np.testing.assert_allclose(results["y"], np.where(results["mask"], (x + 1) * 2, 0) + x, rtol=1e-6)


def test_dropout_before_it_had_modes(tmp_path):
    """In versions below 7 a node trains unless it says that it does not."""
    text = f'<ir_version: 3, opset_import: ["": 6]>\ng (float[{COUNT}] x) => (float[{COUNT}] y) {{ y = Dropout <ratio = 0.25> (x) }}'
    model = tenon.compile(onnx.parser.parse_model(text), output=str(tmp_path / "model.so"))
    y = model.run({"x": np.ones(COUNT, np.float32)})["y"]
    assert set(np.round(y, 5)) == {0, np.float32(1.33333)}
    assert_mean(y > 0, 0.75, 0.44)
