"""Writes what the tests of the command line need into the folder argv[1]: small models, inputs of every
kind, and folders for `tenon verify`, most of which must fail in a way of their own.
"""

import json
import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def model(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializers)
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def value(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def add(shape):
    """y = Relu(x + [1, -2, 3])"""
    w = helper.make_tensor("w", FLOAT, [3], [1.0, -2.0, 3.0])
    nodes = [helper.make_node("Add", ["x", "w"], ["sum"]), helper.make_node("Relu", ["sum"], ["y"])]
    return model(nodes, [value("x", FLOAT, shape)], [value("y", FLOAT, shape)], [w])


def copy(dtype, shape, name="x"):
    """A model that gives what it takes, computed: y = x + x - x."""
    nodes = [helper.make_node("Add", [name, name], ["t"]), helper.make_node("Sub", ["t", name], ["y"])]
    return model(nodes, [value(name, dtype, shape)], [value("y", dtype, shape)])


def forever():
    """A loop that ends after 2^62 turns."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["c"], ["c_out"]),
            helper.make_node("Add", ["v", "v"], ["v_out"]),
        ],
        "body",
        [value("i", INT64, []), value("c", BOOL, []), value("v", FLOAT, [3])],
        [value("c_out", BOOL, []), value("v_out", FLOAT, [3])],
    )
    turns = helper.make_tensor("turns", INT64, [], [1 << 62])
    yes = helper.make_tensor("yes", BOOL, [], [True])
    nodes = [helper.make_node("Loop", ["turns", "yes", "x"], ["y"], body=body)]
    return model(nodes, [value("x", FLOAT, [3])], [value("y", FLOAT, [3])], [turns, yes])


def case(folder, proto, x, y, tolerance=None):
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    data = folder / "test_data_set_0"
    data.mkdir()
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(y, "y").SerializeToString())
    if tolerance:
        (folder / "tolerance.json").write_text(json.dumps(tolerance))


def suite(folder):
    x = np.array([[1, 1, 1], [0, 3, -4]], np.float32)
    y = np.array([[2, 0, 4], [1, 1, 0]], np.float32)
    off = y + np.array([[0, 0, 0.5], [0, 0, 0]], np.float32)
    static = add([2, 3])
    case(folder / "good", static, x, y)
    case(folder / "nan", copy(FLOAT, [2]), np.array([np.nan, 1], "f"), np.array([np.nan, 1], "f"))
    case(folder / "wrong-value", static, x, off)
    case(folder / "wrong-shape", static, x, y.reshape(3, 2))
    case(folder / "wrong-dtype", static, x, y.astype(np.float64))
    case(folder / "wrong-input", static, x[:1], y)
    case(folder / "atol", static, x, off, {"atol": [0.5]})
    case(folder / "fraction", static, x, off, {"max_mismatch_fraction": 0.2})
    case(folder / "fraction-too-small", static, x, off, {"max_mismatch_fraction": 0.1})
    case(folder / "bad-tolerance", static, x, y, {"atol": "much"})
    case(folder / "integers", copy(INT64, [2]), np.array([1, 2]), np.array([1, 3]))
    case(folder / "unknown-op", model([helper.make_node("Frobnicate", ["x"], ["y"])], [value("x", FLOAT, [3])], [value("y", FLOAT, [3])]), x[0], y[0])
    (folder / "no-data").mkdir()
    (folder / "no-data" / "model.onnx").write_bytes(static.SerializeToString())


def inputs(folder):
    x = np.array([[1, 1, 1], [0, 3, -4]], np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "fortran.npy", np.asfortranarray(x))
    np.save(folder / "double.npy", x.astype(np.float64))
    np.save(folder / "wide.npy", np.zeros((2, 4), np.float32))
    np.savez(folder / "x.npz", x=x)
    np.savez_compressed(folder / "packed.npz", x=np.repeat(x, 500, axis=0))
    (folder / "x.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    for name in ("x.npy", "x.npz", "packed.npz", "x.pb"):
        (folder / f"short-{name}").write_bytes((folder / name).read_bytes()[:-9])
    (folder / "x.txt").write_text("1 2 3")
    (folder / "text.npy").write_text("1 2 3")
    (folder / "text.png").write_text("1 2 3")
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = (255, 0, 51)
    Image.fromarray(pixels).save(folder / "pixels.png")
    gray = Image.new("RGB", (40, 30), (102, 102, 102))
    gray.save(folder / "gray.jpg")
    jpeg = (folder / "gray.jpg").read_bytes()
    (folder / "short.jpg").write_bytes(jpeg[:100])
    (folder / "torn.jpg").write_bytes(jpeg[:-5])
    stored = bytearray((folder / "x.npz").read_bytes())
    stored[stored.index(b"NUMPY") + 130] ^= 1
    (folder / "flipped.npz").write_bytes(stored)


def main():
    folder = Path(sys.argv[1])
    suite(folder / "suite")
    x = np.ones(3, np.float32)
    case(folder / "forever", forever(), x, x)
    inputs(folder)
    models = {
        "add": add([2, 3]),
        "dynamic": add(["batch", 3]),
        "chw": copy(FLOAT, [1, 3, 2, 2]),
        "hwc": copy(FLOAT, [1, 2, 2, 3]),
        "any-size": copy(FLOAT, [1, 3, "h", "w"]),
        "bytes": copy(TensorProto.UINT8, [1, 2, 2, 3]),
    }
    for name, proto in models.items():
        (folder / f"{name}.onnx").write_bytes(proto.SerializeToString())


if __name__ == "__main__":
    main()
