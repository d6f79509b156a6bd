"""Pruning with samples: what is kept makes up for what goes, and a budget says how much that is."""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import tenon

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from pruning.builder import Builder  # noqa: E402
from pruning.checks import BUILD, run  # noqa: E402
from pruning.topologies import TOPOLOGIES  # noqa: E402


def make_layers(hidden=32, opset=17):
    """Two products around a Relu."""
    b = Builder(opset=opset)
    b.output(b.linear(b.op("Relu", b.linear(b.input("n", 6), 6, hidden)), hidden, 4), 2)
    return b.model()


def make_samples(*shape, count=64, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def measure_noise(model, smaller, samples):
    """Mean squared differences of the first output, as part of its mean square."""
    smaller = onnx.load_from_string(smaller)
    noise = signal = 0
    for sample in samples:
        want, got = (run(each, {"x": sample})[0] for each in (model, smaller))
        noise, signal = noise + ((want - got)**2).sum(), signal + (want**2).sum()
    return noise / signal


def prune_with(model, samples, **options):
    return tenon.prune(model, data=list(samples), multiple=1, **options)


def test_the_more_is_made_up_for_the_less_is_lost():
    model, samples, others = make_layers(), make_samples(8, 6), make_samples(8, 6, seed=1)
    noise = [measure_noise(model, prune_with(model, samples, channels=0.5, compensate=how, importance="l1").model, others)
             for how in ("none", "mean", "least-squares")]
    assert noise[0] > 1.2 * noise[1] > 3 * noise[2]


def test_channels_that_depend_on_others_cost_nothing():
    """Of 32 sums over 6 inputs, 6 tell all others."""
    b = Builder()
    b.output(b.linear(b.linear(b.input("n", 6), 6, 32), 32, 4), 2)
    model, samples = b.model(), make_samples(8, 6)
    smaller = prune_with(model, samples, channels=0.75).model
    assert measure_noise(model, smaller, make_samples(8, 6, seed=1)) < 1e-3


def test_images():
    """Beside padding a channel counts less, and weights of 3x3 are changed at each position."""
    model, _ = TOPOLOGIES["residual"]()
    samples, others = make_samples(1, 3, 8, 8), make_samples(1, 3, 8, 8, seed=1)
    plain, better = (prune_with(model, samples, channels=0.4, compensate=each).model for each in ("none", "mean"))
    assert measure_noise(model, better, others) < 0.5 * measure_noise(model, plain, others)


def test_names_of_weights_and_biases_stay():
    model = make_layers()
    smaller = onnx.load_from_string(prune_with(model, make_samples(8, 6), channels=0.5).model)
    assert {each.name for each in smaller.graph.initializer} == {each.name for each in model.graph.initializer}
    assert [each.op_type for each in smaller.graph.node] == [each.op_type for each in model.graph.node]


@pytest.mark.parametrize("name", ["squeeze_and_excite", "heads", "transposed_convolution", "shared_weights"])
def test_topologies(name, tmp_path):
    """Whatever is changed, the model is valid, and no worse than one for which nothing was."""
    model, _ = TOPOLOGIES[name]()
    shape = [each.dim_value or 3 for each in model.graph.input[0].type.tensor_type.shape.dim]
    samples, others = make_samples(*shape, count=24), make_samples(*shape, count=12, seed=1)
    plain, better = (prune_with(model, samples, channels=0.5, compensate=how, importance="l1").model
                     for how in ("none", "least-squares"))
    onnx.checker.check_model(onnx.load_from_string(better), full_check=True)
    assert measure_noise(model, better, others) <= measure_noise(model, plain, others) * 1.001


def test_importance_is_what_channels_add():
    """Large weights do not matter where what they multiply is always the same, or zero."""
    model = make_layers(hidden=16)
    arrays = {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer}
    first, bias, second, _ = arrays
    arrays[first][:, :4], arrays[bias][:4], arrays[second][:4] = 0, [5, 5, -5, -5], 100
    for tensor in model.graph.initializer:
        tensor.CopyFrom(onnx.numpy_helper.from_array(arrays[tensor.name], tensor.name))
    found = prune_with(model, make_samples(8, 6), channels=0.25)
    assert found.report["groups"][0]["slices"][0]["removed"] == [0, 1, 2, 3]
    assert measure_noise(model, found.model, make_samples(8, 6, seed=1)) < 1e-9
    by_weights = tenon.prune(model, channels=0.25, multiple=1)
    assert not {0, 1, 2, 3} & set(by_weights.report["groups"][0]["slices"][0]["removed"])


def test_a_budget_is_used_and_kept():
    model, samples = make_layers(), make_samples(8, 6)
    found = prune_with(model, samples, budget="sqnr=15dB")
    measured = found.report["measured"]
    chosen = next(step for step in measured["steps"] if step["loss"] == measured["loss"])
    assert measured["holds"] and measured["loss"] >= 15 and len(measured["steps"]) <= 7
    assert all(step["part"] > chosen["part"] for step in measured["steps"] if not step["holds"])
    assert all(step["part"] <= chosen["part"] for step in measured["steps"] if step["holds"])
    assert any(not step["holds"] for step in measured["steps"])
    # A quarter of the samples is judged by: every fourth from the second on, or so. All are about as good.
    assert measure_noise(model, found.model, samples) < 2 * 10**-1.5
    assert (measured["calibration_samples"], measured["held_back_samples"]) == (48, 16)


def test_an_amount_has_to_keep_the_budget(tmp_path):
    model, samples = make_layers(), make_samples(8, 6)
    output = tmp_path / "smaller.onnx"
    with pytest.raises(tenon.BudgetError, match="without 75% of the channels it is sqnr=.*dB; nothing is written") as raised:
        prune_with(model, samples, channels=0.75, budget="sqnr=60dB", output=output)
    assert not output.exists() and raised.value.result.report["measured"]["holds"] is False
    found = prune_with(model, samples, speedup=1.2, budget="sqnr=5dB", output=output)
    assert found.model is None and found.report["predicted_speedup"] >= 1.2
    onnx.checker.check_model(onnx.load(output))


def test_metrics_and_exceptions():
    model = make_layers()

    def accuracy(run_model, samples):
        return np.mean([run_model(sample)["out0"].argmax() == sample["label"] for sample in samples])

    def label(sample):
        return {"x": sample, "label": int(run(model, {"x": sample})[0].argmax())}

    samples = make_samples(1, 6, count=40)
    found = prune_with(model, (label(sample) for sample in samples), budget="metric=0.2", metric=accuracy)
    assert found.report["measured"]["loss"] <= 0.2

    def fail():
        yield samples[0]
        raise KeyError("no more samples")

    with pytest.raises(KeyError, match="no more samples"):
        tenon.prune(model, channels=0.5, data=fail())


def call(folder, *options):
    command = [BUILD / "bin" / "tenon", "prune", folder / "dense.onnx", "-o", folder / "smaller.onnx", *options]
    return subprocess.run([str(each) for each in command], capture_output=True, text=True)


@pytest.fixture
def files(tmp_path):
    model, samples = make_layers(), make_samples(1, 6, count=40)
    onnx.save(model, tmp_path / "dense.onnx")
    np.savez(tmp_path / "samples.npz", x=samples)
    labels = [run(model, {"x": sample})[0].argmax() for sample in samples]
    (tmp_path / "labels.txt").write_text("\n".join(map(str, labels)))
    return tmp_path


def test_command(files):
    done = call(files, f"--data={files}/samples.npz", f"--labels={files}/labels.txt", "--budget=top1=10%", "--round=2",
                f"--report={files}/report.json")
    assert done.returncode == 0, done.stderr
    measured = json.loads((files / "report.json").read_text())["measured"]
    assert measured["budget"] == "top1=10%" and measured["loss"] <= 0.1
    assert "judged by 10 samples that 30 others had no part in" in done.stdout
    assert f"{len(measured['steps'])} models compared" in done.stdout
    assert (files / "smaller.onnx").stat().st_size < (files / "dense.onnx").stat().st_size


@pytest.mark.parametrize("options, message", [
    (["--budget=sqnr=300dB"], "must be between -100 and 200"),
    (["--budget=metric=1"], "a metric is for Python's tenon.prune"),
    (["--channels=50%", "--compensate=more"], "unknown --compensate 'more': least-squares, mean or none"),
    (["--budget=relative=0"], "budget relative=0% cannot be kept: without"),
    (["--channels=50%", "--budget=sqnr=90dB"], "cannot be kept: without 50% of the channels it is"),
    ([], "say how much to remove"),
])
def test_errors(files, options, message):
    done = call(files, f"--data={files}/samples.npz", *options)
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1 and not (files / "smaller.onnx").exists()


@pytest.mark.parametrize("option", ["--budget=top1=1%", "--labels=none.txt", "--samples=3", "--compensate=mean"])
def test_options_that_need_data(files, option):
    done = call(files, "--channels=50%", option)
    assert done.returncode == 1 and "needs --data: nothing is measured without it" in done.stderr
    done = call(files, "--channels=50%", "--importance=activation")
    assert done.returncode == 1 and "option '--importance' activation needs --data" in done.stderr


@pytest.mark.parametrize("options, message", [
    ({"channels": 1.5}, "a part above 0 and below 1"),
    ({"speedup": 1}, "a factor above 1"),
    ({"channels": 0.5, "speedup": 2}, "and not both"),
    ({}, "say how much to remove"),
    ({"budget": "sqnr=10dB"}, "need data"),
    ({"channels": 0.5, "scope": "all"}, "scope is 'layer' or 'global'"),
    ({"channels": 0.5, "importance": "size"}, "is none of l1, l2, bn, activation"),
])
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        tenon.prune(make_layers(), **options)
