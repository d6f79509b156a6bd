"""Models that lose channels are right, by `tenon prune` and where `tenon compile` finds dead ones."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

from pruning.builder import Builder  # noqa: E402
from pruning.checks import BUILD, check_dead, check_pruned, compile_model, list_slices, prune, run  # noqa: E402
from pruning.generate import generate  # noqa: E402
from pruning.spoil import make_constant, make_duplicates, make_unread  # noqa: E402
from pruning.topologies import TOPOLOGIES  # noqa: E402


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_topology(tmp_path, name):
    model, removable = TOPOLOGIES[name]()
    smaller, report = prune(model, tmp_path, "--channels=50%", "--round=1")
    assert smaller is not None, report
    assert sum(group["before"] for group in report["groups"]) == removable
    after = sum(group["after"] for group in report["groups"])
    assert removable * 0.4 <= after <= removable * 0.6
    check_pruned(model, smaller, report)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_random_models(tmp_path, first):
    for seed in range(first, first + 20):
        model = generate(seed)
        smaller, report = prune(model, tmp_path, "--channels=60%", "--round=1", "--global")
        if smaller is None:
            assert "no channels can be removed" in report or "less than one of any group" in report, report
            continue
        check_pruned(model, smaller, report, seed)
        for file in tmp_path.iterdir():
            file.unlink()


def spoil(tmp_path, name, how):
    model, _ = TOPOLOGIES[name]()
    _, report = prune(model, tmp_path, "--channels=50%", "--round=1")
    gone = sum(group["before"] - group["after"] for group in report["groups"])
    return how(model, list_slices(report)), gone


@pytest.mark.parametrize("name", ["residual", "concat", "split", "heads", "flattened", "shared_weights", "padded",
                                  "einsum_products", "quantized"])
def test_unread_channels(tmp_path, name):
    model, gone = spoil(tmp_path, name, make_unread)
    dead = check_dead(model, tmp_path)
    assert sum(each["unread"] for each in dead) == gone


def test_constant_channels(tmp_path):
    """Without padding all of them, with padding those that hold zero."""
    model, gone = spoil(tmp_path, "flattened", make_constant)
    dead = check_dead(model, tmp_path)
    assert sum(each["constant"] for each in dead) == gone
    model, _ = spoil(tmp_path, "chain", make_constant)
    check_dead(model, tmp_path)


@pytest.mark.parametrize("name", ["chain", "residual", "depthwise", "squeeze_and_excite", "norms_of_channels"])
def test_duplicates(tmp_path, name):
    model, gone = spoil(tmp_path, name, make_duplicates)
    dead = check_dead(model, tmp_path, target="cpu:x86-64-v3")
    # Of chain 12 of 24 channels are alike, of which 8 go: whole vectors.
    assert sum(each["duplicate"] for each in dead) == (gone - 4 if name == "chain" else gone)


def test_whole_vectors_go(tmp_path):
    """Of 64 channels 30 are dead: with vectors of 16 floats 16 of them go, of 8 floats 24."""
    b = Builder()
    b.output(b.linear(b.op("Relu", b.linear(b.input(1, 20), 20, 64)), 64, 5), 2)
    model = b.model()
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor).copy()
        if array.shape == (64, 5):
            array[:30] = 0
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for targets, gone in ("cpu:x86-64-v4,cpu:x86-64-v3", 16), ("cpu:x86-64-v3", 24):
        _, dead = compile_model(model, tmp_path, f"--target={targets}")
        assert [each["unread"] for each in dead] == [gone]


def test_a_smaller_model_comes_back(tmp_path):
    """What was pruned can be pruned again."""
    model, _ = TOPOLOGIES["residual"]()
    once, _ = prune(model, tmp_path, "--channels=50%", "--round=1")
    twice, report = prune(once, tmp_path, "--channels=50%", "--round=1")
    check_pruned(once, twice, report)


def test_kept_nodes(tmp_path):
    model, _ = TOPOLOGIES["chain"]()
    first = next(node.name for node in model.graph.node if node.op_type == "Conv")
    smaller, report = prune(model, tmp_path, "--channels=50%", "--round=1", f"--keep={first}")
    groups = {group["name"]: (group["before"], group["after"]) for group in report["groups"]}
    assert groups[first] == (16, 16) and sorted(groups.values()) == [(16, 16), (24, 12)]
    check_pruned(model, smaller, report)


@pytest.mark.parametrize("norm", ["l1", "l2", "bn"])
def test_importance(tmp_path, norm):
    """The channels with the least weights go, whichever norm tells."""
    model, _ = TOPOLOGIES["chain"]()
    small = [1, 4, 5, 10]
    for tensor in model.graph.initializer:
        if tensor.name in ("c0", "c1"):  # weights, and scales of the normalization
            array = numpy_helper.to_array(tensor).copy()
            array[small] *= 0.01
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    _, report = prune(model, tmp_path, "--channels=25%", "--round=1", f"--importance={norm}")
    assert report["groups"][0]["slices"][0]["removed"] == small


def test_target_speedup(tmp_path):
    model, _ = TOPOLOGIES["residual"]()
    smaller, report = prune(model, tmp_path, "--target-speedup=1.5x", "--round=1")
    assert 1.5 <= report["predicted_speedup"] < 2.5
    check_pruned(model, smaller, report)


@pytest.mark.parametrize("options, message", [
    (["--channels=100%"], "needs a part between 0% and 100%, got '100%'"),
    (["--channels=-1"], "needs a part between 0% and 100%, got '-1'"),
    (["--channels=many"], "option '--channels' needs a number, got 'many'"),
    (["--target-speedup=1"], "needs a factor above 1, got '1'"),
    (["--target-speedup=1000x"], "cannot become 1000.0 times as fast"),
    (["--channels=50%", "--target-speedup=2"], "and not both"),
    ([], "say how much to remove"),
    (["--channels=50%", "--keep=nosuch*"], "no node is called 'nosuch*'"),
    (["--channels=50%", "--keep=*"], "no channels can be removed besides those that are kept"),
    (["--channels=50%", "--importance=size"], "unknown --importance 'size': l1, l2, bn or activation"),
    (["--channels=50%", "--importance=bn"], "no batch normalization scales channels"),
    (["--channels=50%", "--global", "--per-layer"], "exclude each other"),
    (["--channels=50%", "--round=0"], "option '--round' needs a number of at least 1"),
    (["--channels=1%"], "is less than one of any group"),
])
def test_errors(tmp_path, options, message):
    model, _ = TOPOLOGIES["residual"]()
    smaller, error = prune(model, tmp_path, *options)
    assert smaller is None
    assert message in error
    assert error.startswith("tenon: error: ") and error.count("\n") == 1


def test_nothing_to_remove(tmp_path):
    b = Builder()
    b.output(b.op("Relu", b.gemm(b.input(1, 4), 4, 3)), 2)
    smaller, error = prune(b.model(), tmp_path, "--channels=50%")
    assert smaller is None and "no channels can be removed" in error


def test_not_a_number_times_zero(tmp_path):
    """A channel whose weights are zero adds nothing, whatever it holds."""
    b = Builder()
    b.output(b.linear(b.op("Sqrt", b.linear(b.input(1, 4), 4, 16, bias=False)), 16, 3, bias=False), 2)
    model = b.model()
    first, second = (numpy_helper.to_array(tensor).copy() for tensor in model.graph.initializer)
    first, second = np.abs(first), second
    first[:, 8:] *= -1
    second[8:] = 0
    for tensor, array in zip(model.graph.initializer, (first, second)):
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    feeds = {"x": np.ones((1, 4), np.float32)}
    assert np.isnan(run(model, feeds)[0]).all()
    lean, dead = compile_model(model, tmp_path, "--target=x86-64-v3")
    assert [each["unread"] for each in dead] == [8]
    assert np.isfinite(lean.run(feeds)["out0"]).all()
    whole, _ = compile_model(model, tmp_path, "--target=x86-64-v3", "--keep-dead-channels")
    assert np.isnan(whole.run(feeds)["out0"]).all()


def test_verify_keeps_dead_channels(tmp_path):
    """An infinity times a weight of zero is NaN, unless the channel is gone."""
    b = Builder()
    b.output(b.linear(b.op("Exp", b.linear(b.input(1, 2), 2, 8)), 8, 3), 2)
    model = b.model()
    _, bias, weights, _ = model.graph.initializer
    for tensor, number in (bias, 1000), (weights, 0):
        array = numpy_helper.to_array(tensor).copy()
        array[5] = number
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    data = tmp_path / "model" / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, tmp_path / "model" / "model.onnx")
    for name, array in ("input_0.pb", np.ones((1, 2))), ("output_0.pb", np.full((1, 3), np.nan)):
        onnx.save_tensor(numpy_helper.from_array(array.astype(np.float32)), data / name)

    def verify(*options):
        command = [BUILD / "bin" / "tenon", "verify", tmp_path / "model", *options]
        return subprocess.run(command, capture_output=True, text=True).returncode

    assert (verify("--keep-dead-channels"), verify()) == (0, 1)
