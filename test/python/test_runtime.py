"""The runtime's binding, on the hand-written models that the runtime's unit tests use."""
import os
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import tenon

BUILD = Path(os.environ.get("TENON_BUILD_DIR", Path(__file__).resolve().parents[2] / "build"))
MODELS = BUILD / "test" / "unit" / "runtime" / "models"


def find(name):
    """A model that the build makes for the runtime's unit tests, which -DTENON_BUILD_TESTS=OFF leaves out."""
    path = MODELS / f"{name}.so"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


def load(name, **options):
    return tenon.load(find(name), **options)


@pytest.fixture
def add():
    return load("add")


@pytest.fixture
def xy():
    x = np.arange(1024, dtype=np.float32)
    return x, (x * x).astype(np.float32)


def test_signature(add):
    assert [(i.name, i.dtype, i.shape) for i in add.inputs] == [
        ("x", "float32", (1024,)),
        ("y", "float32", (1024,)),
    ]
    assert [(o.name, o.dtype, o.shape) for o in add.outputs] == [("z", "float32", (1024,))]
    assert add.name == "add"
    assert add.threads == 1
    assert [k.name for k in add.kernels] == ["copy_0", "add_1"]
    assert "add" in repr(add) and "float32" in repr(add.inputs[0])


def test_free_dimensions_have_names():
    shapes = [i.shape for i in load("scale").inputs]
    assert all(isinstance(d, (int, str)) for shape in shapes for d in shape)
    assert any(isinstance(d, str) for shape in shapes for d in shape)
    assert load("nonzero").inputs[0].shape == (None,)


def test_feeds_by_name_and_by_position(add, xy):
    x, y = xy
    for feeds in ({"y": y, "x": x}, [x, y], (x, y)):
        result = add.run(feeds)
        assert list(result) == ["z"]
        np.testing.assert_array_equal(result["z"], x + y)


def test_results_are_independent(add, xy):
    x, y = xy
    first = add.run([x, y])["z"]
    kept = first.copy()
    add.run([y, y])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_change_results(xy, threads):
    x, y = xy
    model = load("add", threads=threads)
    assert model.threads == threads
    np.testing.assert_array_equal(model.run([x, y])["z"], x + y)


def test_data_dependent_shapes():
    model = load("nonzero")
    for values in ([0, 3, 0, 5, 7], [0, 0], [1]):
        x = np.array(values, np.float32)
        result = model.run([x])
        np.testing.assert_array_equal(result["indices"], np.flatnonzero(x))
        assert result["count"].shape == () and result["count"] == np.count_nonzero(x)


def test_bind_runs_in_place(add, xy):
    x, y = (a.copy() for a in xy)
    call = add.bind({"x": x, "y": y})
    first = call()["z"]
    np.testing.assert_array_equal(first, x + y)
    x[:] = 1
    second = call()["z"]
    assert second is first
    np.testing.assert_array_equal(second, 1 + y)


def test_bind_follows_changing_shapes():
    x = np.zeros(6, np.float32)
    call = load("nonzero").bind([x])
    for values in ([0, 1, 0, 0, 0, 0], [1] * 6, [0] * 6, [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1]):
        x[:] = values
        result = call()
        np.testing.assert_array_equal(result["indices"], np.flatnonzero(x))
        assert result["count"] == np.count_nonzero(x)


def test_bound_run_outlives_its_model(add, xy):
    call = add.bind(list(xy))
    del add
    np.testing.assert_array_equal(call()["z"], xy[0] + xy[1])


def test_profile(add, xy):
    kernels = add.bind(list(xy)).profile(runs=3)
    assert [(name, calls) for name, calls, _ in kernels] == [("copy_0", 3), ("add_1", 3)]
    assert all(milliseconds > 0 for _, _, milliseconds in kernels)


def test_many_python_threads(add, xy):
    x, y = xy
    failures = []

    def work(k):
        for _ in range(50):
            if not np.array_equal(add.run([x, y + np.float32(k)])["z"], x + (y + np.float32(k))):
                failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_idle_threads_sleep(xy):
    """Workers look out for the next run for 0.1 ms, then take no time."""
    model = load("add", threads=2)
    model.run(list(xy))
    time.sleep(0.01)
    before = time.process_time()
    time.sleep(1)
    assert time.process_time() - before < 0.001


def test_names_may_be_of_a_subclass(add, xy):
    x, y = xy
    result = add.run({np.str_("x"): x, np.str_("y"): y})
    np.testing.assert_array_equal(result["z"], x + y)


def refused(model, feeds, kind, *words):
    with pytest.raises(kind) as info:
        model.run(feeds)
    for word in words:
        assert word in str(info.value)


def test_wrong_arrays_are_refused(add, xy):
    x, y = xy
    refused(add, [x.astype(np.float64), y], TypeError, "'x'", "float32", "float64")
    refused(add, [x.astype(">f4"), y], TypeError, "'x'", "order")
    refused(add, [x.tolist(), y], TypeError, "'x'", "numpy.ndarray", "list")
    refused(add, [x, np.zeros(2048, np.float32)[::2]], ValueError, "'y'", "C-contiguous", "strides")
    refused(add, [x, y[:1000].copy()], ValueError, "'y'", "1024", "1000")
    refused(add, [x, y.reshape(32, 32)], ValueError, "'y'")


def test_wrong_feeds_are_refused(add, xy):
    x, y = xy
    refused(add, [x], ValueError, "expected 2 inputs", "'x', 'y'", "found 1")
    refused(add, {"x": x}, ValueError, "missing input 'y'")
    refused(add, {"x": x, "y": y, "w": x}, ValueError, "no input 'w'", "'x', 'y'")
    refused(add, x, TypeError, "dict")


def test_errors_of_a_run_are_raised():
    refused(load("nonzero"), [np.array([-1], np.float32)], ValueError, "negative element")


def test_files_that_cannot_be_loaded(tmp_path):
    with pytest.raises(OSError, match="missing.so"):
        tenon.load(tmp_path / "missing.so")
    foreign = tmp_path / "foreign.so"
    foreign.write_bytes(b"not a library")
    with pytest.raises(ValueError, match="foreign.so"):
        tenon.load(foreign)
    with pytest.raises(RuntimeError, match="avx1024f"):
        load("missing-feature")
    with pytest.raises(ValueError):
        load("add", threads=-1)


def test_everything_is_documented():
    for name in tenon.__all__:
        assert getattr(tenon, name).__doc__
    for method in (tenon.Model.run, tenon.Model.bind):
        assert len(method.__doc__) > 80


def test_damaged_files_are_refused(tmp_path):
    path = find("digits")
    good = path.read_bytes()
    assert tenon.load(path, check=True).inputs
    _, weights, size, _, _, _ = struct.unpack("<5Q8s", good[-48:])  # runtime/seal.h
    for at, check in [(0, False), (64, False), (weights // 2, False), (weights + size // 2, True)]:
        damaged = bytearray(good)
        damaged[at] ^= 1
        copy = tmp_path / f"damaged-{at}.so"
        copy.write_bytes(damaged)
        with pytest.raises(ValueError):
            tenon.load(copy, check=check)
    assert tenon.load(copy).inputs  # weights are compared on request only
