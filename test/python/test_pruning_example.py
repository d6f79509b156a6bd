"""The networks of examples/pruning learn by their true gradients, and are what their ONNX models compute."""
import sys
from pathlib import Path

import numpy as np
import pytest
import tenon

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "pruning"))

import network  # noqa: E402
import transformer  # noqa: E402


@pytest.fixture(params=[(network, 4), (transformer, 64)], ids=["residual", "transformer"])
def example(request):
    module, channels = request.param
    rng = np.random.default_rng(0)
    weights = {name: array + 0.1 * rng.standard_normal(array.shape)
               for name, array in module.initialize(channels, rng).items()}
    return module, weights, rng.standard_normal((3, 8, 8, 1)), rng


def test_gradients(example):
    module, weights, images, rng = example
    gradient = rng.standard_normal((3, 10))
    step = module.Step(weights)
    step.run(images)
    gradients = step.learn(gradient)
    for name, array in weights.items():
        direction = rng.standard_normal(array.shape)
        ends = [(module.Step({**weights, name: array + far * direction}).run(images) * gradient).sum()
                for far in (1e-6, -1e-6)]
        np.testing.assert_allclose((gradients[name] * direction).sum(), (ends[0] - ends[1]) / 2e-6, rtol=1e-3, atol=1e-5)


def test_models(example):
    module, weights, images, _ = example
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    images = images.astype(np.float32)
    dense = module.make_model(weights)
    scores = tenon.compile(dense).run([np.ascontiguousarray(images.transpose(0, 3, 1, 2))])["scores"]
    np.testing.assert_allclose(scores, module.Step(weights).run(images), rtol=1e-4, atol=1e-4)
    smaller = module.read_weights(tenon.prune(dense, channels=0.5, multiple=1).model)
    assert module.Step(smaller).run(images).shape == (3, 10)
    assert smaller.keys() == weights.keys()
    assert sum(map(np.size, smaller.values())) < 0.8 * sum(map(np.size, weights.values()))
