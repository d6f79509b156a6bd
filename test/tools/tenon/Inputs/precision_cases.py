"""precision_cases.py FOLDER: FOLDER/model.onnx, y = relu(x up) down, and for `tenon verify` FOLDER/right and
FOLDER/wrong: the same with the result in f32, and with one that is off by a tenth of its range."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

folder = Path(sys.argv[1])
random = np.random.default_rng(0)
x, up, down = (random.standard_normal(shape, np.float32) for shape in [(6, 32), (32, 64), (64, 32)])
y = np.maximum(x @ up, 0) @ down

graph = helper.make_graph(
    [
        helper.make_node("MatMul", ["x", "a"], ["u"], name="up"),
        helper.make_node("Relu", ["u"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "b"], ["y"], name="down"),
    ],
    "layer",
    [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, x.shape)],
    [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, y.shape)],
    [numpy_helper.from_array(up, "a"), numpy_helper.from_array(down, "b")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
onnx.save(model, folder / "model.onnx")
for name, error in [("right", 0), ("wrong", 0.1)]:
    data = folder / name / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, folder / name / "model.onnx")
    expected = y.copy()
    expected[0, 0] += error * (y.max() - y.min())
    (data / "input_0.pb").write_bytes(numpy_helper.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(numpy_helper.from_array(expected, "y").SerializeToString())
