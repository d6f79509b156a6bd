"""What quantize says to samples, labels, metrics and recipes that are not what it needs; nothing is left behind."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import tenon

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build"))
DIGITS = ROOT / "examples" / "digits" / "model.onnx"
IMAGES = np.minimum(load_digits().images * 16, 255).astype(np.uint8)[:, None]
LABELS = load_digits().target


def call(*arguments):
    command = [BUILD / "bin" / "tenon", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


MISTAKES = {
    "other shape": (lambda at: write_npz(at / "x.npz", image=np.zeros((4, 1, 9, 8), np.uint8)),
                    ["x.npz", "'image'", "[4,1,9,8]"]),
    "other type": (lambda at: write_npz(at / "x.npz", image=np.zeros((4, 1, 8, 8), np.complex64)),
                   ["x.npz", "'image'"]),
    "no samples": (lambda at: write_npz(at / "x.npz", image=np.zeros((0, 1, 8, 8), np.uint8)), ["x.npz"]),
    "no arrays": (lambda at: write_npz(at / "x.npz"), ["x.npz"]),
    "no array file": (lambda at: (at / "x.npz").write_text("hello") and at / "x.npz", ["x.npz"]),
    "empty folder": (lambda at: (at / "x").mkdir() or at / "x", ["/x"]),
    "nothing": (lambda at: at / "nowhere", ["nowhere"]),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_samples_that_are_none(tmp_path, what):
    make, words = MISTAKES[what]
    (tmp_path / "data").mkdir()
    result = call("quantize", DIGITS, "--data", make(tmp_path / "data"), "-o", tmp_path / "out.onnx")
    assert result.returncode == 1
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite(number):
    def samples():
        for value in (1, number, 2):
            yield np.full((1, 1, 8, 8), value, np.float32)

    with pytest.raises(Exception, match="sample 1: input 'image'"):
        tenon.quantize(make_float_digits(), samples(), budget=None, allow=["int8"])


def make_float_digits():
    """The digits model without the cast of its input."""
    import onnx
    model = onnx.load(DIGITS)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return model


def test_samples_of_one_number():
    """Tensors that never change get a scale that keeps their number."""
    result = tenon.quantize(DIGITS, (np.full((1, 1, 8, 8), 9, np.uint8) for _ in range(4)), budget=None,
                            allow=["int8"])
    assert all(tensor["scale"] for tensor in result.recipe["tensors"])


def test_metrics_that_raise(tmp_path):
    def metric(run, samples):
        raise ZeroDivisionError("no samples of class 3")

    with pytest.raises(ZeroDivisionError, match="class 3"):
        tenon.quantize(DIGITS, (image[None] for image in IMAGES[:8]), budget="metric=0.01", metric=metric,
                       output=tmp_path / "out.so")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value, message", [
    ("high", "metric: expected a number, found 'high'"), (None, "metric: expected a number, found None"),
    (np.nan, "metric: expected a finite number, found nan")])
def test_metrics_that_are_no_numbers(tmp_path, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        tenon.quantize(DIGITS, (image[None] for image in IMAGES[:8]), budget="metric=0.01",
                       metric=lambda run, samples: value, output=tmp_path / "out.so")
    assert list(tmp_path.iterdir()) == []


def test_labels(tmp_path):
    data, labels = write_npz(tmp_path / "x.npz", image=IMAGES[:96]), tmp_path / "labels.npy"
    np.save(labels, LABELS[:96])
    result = call("quantize", DIGITS, "--data", data, "--labels", labels, "--budget", "top1=1%", "--allow", "int8",
                  "--times", "none", "-o", tmp_path / "out.so")
    assert result.returncode == 0, result.stderr
    assert "budget top1=1%: kept" in result.stdout
    model = tenon.load(tmp_path / "out.so")
    assert (model.run({"image": IMAGES[96:]})["digit"].ravel() == LABELS[96:]).mean() > 0.9


@pytest.mark.parametrize("labels, message", [
    (LABELS[:3], "labels.npy"), (LABELS[:8] + 100, "label"), (LABELS[:8] + 0.5, "labels.npy"),
])
def test_labels_that_do_not_fit(tmp_path, labels, message):
    data, path = write_npz(tmp_path / "x.npz", image=IMAGES[:8]), tmp_path / "labels.npy"
    np.save(path, labels)
    result = call("quantize", DIGITS, "--data", data, "--labels", path, "--budget", "top1=1%", "-o",
                  tmp_path / "out.so")
    assert result.returncode == 1
    assert message in result.stderr
    assert not (tmp_path / "out.so").exists()
