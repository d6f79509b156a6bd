"""Products of weights with zeros: the same numbers as with weights that the compiler does not know."""
import os
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import tenon

ROOT = Path(__file__).resolve().parents[2]
TENON = Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build")) / "bin" / "tenon"

FLOAT, UINT8, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.INT32


def prune(weights, kept, depth, width, rng):
    """Keeps a part of the blocks of the last two dimensions; what is left out are zeros of either sign."""
    *outer, rows, columns = weights.shape
    keep = rng.random((*outer, -(-rows // depth), -(-columns // width))) < kept
    return weights * np.repeat(np.repeat(keep, depth, -2), width, -1)[..., :rows, :columns]


def make_model(nodes, types, x_shape, weights, known):
    """A model of x and w; `known`: w is a constant instead of an input."""
    inputs = [helper.make_tensor_value_info("x", types[0], x_shape)]
    constants = []
    if known:
        constants.append(numpy_helper.from_array(weights, "w"))
    else:
        inputs.append(helper.make_tensor_value_info("w", helper.np_dtype_to_tensor_dtype(weights.dtype),
                                                    weights.shape))
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", types[1], None)], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def check(nodes, types, x, weights, expected, target, *, exactly):
    """Known weights give what unknown ones do, to the bit where sums have one order, and what NumPy gives."""
    model = tenon.compile(make_model(nodes, types, x.shape, weights, known=True), target=target)
    result = model.run([x])["y"]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-3)
    if exactly:
        unknown = tenon.compile(make_model(nodes, types, x.shape, weights, known=False), target=target)
        np.testing.assert_array_equal(result, unknown.run([x, weights])["y"])


TARGETS = ["native", "x86-64-v3"]
# Rows, inputs, outputs: whole tiles, and rests of all three.
SIZES = [(128, 96, 64), (37, 40, 100), (17, 301, 33), (1, 64, 128), (3, 200, 48), (65, 512, 16)]
# Kept part, depth and width of what is left out together.
PATTERNS = [(0.2, 1, 16), (0.1, 1, 1), (0.3, 1, 1), (0.3, 8, 1000), (0.2, 1000, 3), (0.0, 1, 1)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rows, inputs, outputs", SIZES)
def test_floats(target, rows, inputs, outputs):
    rng = np.random.default_rng(rows)
    # Half of the patterns, other ones for the next sizes.
    for number in range(SIZES.index((rows, inputs, outputs)) % 2, len(PATTERNS), 2):
        pattern = PATTERNS[number]
        weights = prune(rng.standard_normal((inputs, outputs), np.float32), *pattern, rng)
        weights[0, 0] = 1
        x = rng.standard_normal((rows, inputs), np.float32)
        # Rows of few products add along the lanes where they are read transposed, so these are not.
        check([helper.make_node("MatMul", ["x", "w"], ["y"])], (FLOAT, FLOAT), x, weights, x @ weights, target,
              exactly=number < 3 and outputs >= 16)


@pytest.mark.parametrize("target", TARGETS)
def test_transposed(target):
    rng = np.random.default_rng(0)
    for pattern in [(0.2, 1, 16), (0.1, 1, 1)]:
        weights = prune(rng.standard_normal((72, 80), np.float32), *pattern, rng)
        x = rng.standard_normal((50, 72), np.float32)
        nodes = [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
        check(nodes, (FLOAT, FLOAT), x, np.ascontiguousarray(weights.T), x @ weights, target, exactly=False)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("rows, inputs, outputs", [(128, 96, 64), (37, 40, 100), (2, 256, 64)])
def test_bytes(target, rows, inputs, outputs):
    rng = np.random.default_rng(rows)
    for pattern in [(0.2, 4, 16), (0.1, 1, 1)]:
        weights = prune(rng.integers(-127, 128, (inputs, outputs)).astype(np.int8), *pattern, rng)
        x = rng.integers(0, 256, (rows, inputs)).astype(np.uint8)
        check([helper.make_node("MatMulInteger", ["x", "w"], ["y"])], (UINT8, INT32), x, weights,
              x.astype(np.int32) @ weights, target, exactly=True)


def convolve(x, weights, stride, groups):
    """NCHW, without padding."""
    taps = weights.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(x, taps, (2, 3))[:, :, ::stride, ::stride]
    inputs, outputs = weights.shape[1], weights.shape[0] // groups
    return np.concatenate([
        np.einsum("nchwij,ocij->nohw", windows[:, g * inputs:(g + 1) * inputs],
                  weights[g * outputs:(g + 1) * outputs], optimize=True) for g in range(groups)
    ], axis=1)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("channels, outputs, taps, stride, groups, size",
                         [(48, 64, 1, 1, 1, 9), (32, 80, 1, 2, 1, 15), (64, 64, 1, 1, 2, 8), (24, 32, 5, 1, 1, 12),
                          (32, 48, 3, 2, 1, 11)])
def test_convolutions(target, channels, outputs, taps, stride, groups, size):
    rng = np.random.default_rng(channels)
    for pattern in [(0.2, 1, 16), (0.1, 1, 1)][:1 if taps > 1 else 2]:
        # As the layout sees them: positions, channels, outputs.
        weights = prune(rng.standard_normal((taps, taps, channels // groups, outputs), np.float32), *pattern, rng)
        filters = np.ascontiguousarray(weights.transpose(3, 2, 0, 1))
        x = rng.standard_normal((2, channels, size, size), np.float32)
        nodes = [helper.make_node("Conv", ["x", "w"], ["c"], strides=[stride] * 2, group=groups),
                 helper.make_node("Relu", ["c"], ["y"])]
        expected = np.maximum(convolve(x, filters, stride, groups), 0)
        check(nodes, (FLOAT, FLOAT), x, filters, expected, target, exactly=False)


def test_layers_share_a_kernel_or_not(tmp_path):
    """Three layers of equal sizes: two with about as many zeros, and one without."""
    rng = np.random.default_rng(1)
    layers = [prune(rng.standard_normal((256, 256), np.float32) / 8, kept, 1, 16, rng) for kept in (0.2, 1, 0.2)]
    nodes = [helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"]) for i in range(3)]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x0", FLOAT, [64, 256])],
                              [helper.make_tensor_value_info("x3", FLOAT, [64, 256])],
                              [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(layers)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    x = rng.standard_normal((64, 256), np.float32)
    expected = x
    for weights in layers:
        expected = expected @ weights
    file = tmp_path / "model.so"
    result = tenon.compile(model, output=str(file)).run([x])["x3"]
    np.testing.assert_allclose(result, expected, rtol=1e-3, atol=1e-2)
    # One and two fifths of the dense weights, beside code.
    assert file.stat().st_size < 0.75 * 3 * 256 * 256 * 4


def test_zeros_hold_back_what_is_no_number():
    """docs/numerics.md: a product with a weight of zero may be left out."""
    weights = np.zeros((64, 32), np.float32)
    weights[1, :16] = 1
    x = np.ones((40, 64), np.float32)
    x[:, 0] = np.inf
    model = tenon.compile(make_model([helper.make_node("MatMul", ["x", "w"], ["y"])], (FLOAT, FLOAT), x.shape,
                                     weights, known=True))
    result = model.run([x])["y"]
    assert np.all((result == weights[1]) | np.isnan(result))


def test_sparse_initializers_are_stored_as_small(tmp_path):
    """Weights that the file has without their zeros are used like those with them, and stored as small."""
    rng = np.random.default_rng(0)
    weights = prune(rng.standard_normal((256, 512)).astype(np.float32), 0.2, 1, 16, rng)
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    dense = make_model([node], (FLOAT, FLOAT), (64, 256), weights, known=True)
    sparse = make_model([node], (FLOAT, FLOAT), (64, 256), weights, known=True)
    places = np.flatnonzero(weights)
    del sparse.graph.initializer[:]
    sparse.graph.sparse_initializer.append(helper.make_sparse_tensor(
        numpy_helper.from_array(weights.reshape(-1)[places], "w"), numpy_helper.from_array(places), weights.shape))
    x = rng.standard_normal((64, 256)).astype(np.float32)
    files = [tmp_path / "dense.so", tmp_path / "sparse.so"]
    results = [tenon.compile(model, output=file).run([x])["y"] for model, file in zip((dense, sparse), files)]
    np.testing.assert_array_equal(*results)
    np.testing.assert_allclose(results[0], x @ weights, rtol=1e-4, atol=1e-3)
    assert files[1].stat().st_size == pytest.approx(files[0].stat().st_size, abs=256)


def make_sparse_tensor(dense, name, linear):
    """With linear indices, or one index for each dimension."""
    places = np.argwhere(dense)
    indices = np.ravel_multi_index(tuple(places.T), dense.shape) if linear else places
    return helper.make_sparse_tensor(numpy_helper.from_array(dense[tuple(places.T)], name),
                                     numpy_helper.from_array(indices.astype(np.int64), name + "_indices"),
                                     list(dense.shape))


def make_sparse_model(linear):
    """Two layers of sparse initializers and one of a sparse constant; what they compute by dense ones."""
    rng = np.random.default_rng(7)
    first, second = (prune(rng.standard_normal(shape, np.float32), 0.2, 1, 1, rng) for shape in ((48, 64), (64, 40)))
    third = prune(rng.standard_normal((40, 8), np.float32), 0.3, 1, 1, rng)
    x = rng.standard_normal((5, 48), np.float32)
    nodes = [helper.make_node("MatMul", ["x", "first"], ["a"], name="one"), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("MatMul", ["b", "second"], ["c"], name="two"),
             helper.make_node("Constant", [], ["third"], sparse_value=make_sparse_tensor(third, "", linear)),
             helper.make_node("MatMul", ["c", "third"], ["y"], name="three")]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", FLOAT, [5, 8])],
                              sparse_initializer=[make_sparse_tensor(first, "first", linear),
                                                  make_sparse_tensor(second, "second", linear)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model, x, np.maximum(x @ first, 0) @ second @ third


@pytest.mark.parametrize("linear", [True, False])
def test_sparse_initializers(tmp_path, linear):
    """They are compiled and run, and can be pruned, as if they were dense."""
    model, x, expected = make_sparse_model(linear)
    onnx.save(model, tmp_path / "model.onnx")
    result = tenon.compile(str(tmp_path / "model.onnx")).run([x])["y"]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    done = subprocess.run([TENON, "info", tmp_path / "model.onnx"], capture_output=True, text=True)
    assert done.returncode == 0 and "(one,b), 81% zeros" in done.stdout, done.stdout + done.stderr
    smaller = tmp_path / "smaller.onnx"
    done = subprocess.run([TENON, "prune", tmp_path / "model.onnx", "--channels=50%", "--round=4", "-o", smaller],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sizes = {tensor.name: list(tensor.dims) for tensor in onnx.load(smaller).graph.initializer}
    assert sizes["first"] == [48, 32] and sizes["second"] == [32, 40], sizes  # the node of the constant keeps its channels
    assert tenon.compile(str(smaller)).run([x])["y"].shape == (5, 8)
    done = subprocess.run([TENON, "prune", tmp_path / "model.onnx", "--pattern=2:4", "-o", smaller],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for tensor in onnx.load(smaller).graph.initializer:
        groups = numpy_helper.to_array(tensor).reshape(-1, 4, tensor.dims[-1])
        assert np.count_nonzero(groups, axis=1).max() <= 2
