"""precision_cases.py FOLDER: FOLDER/model.onnx, y = relu(x up) down, and for `tenon verify` FOLDER/right and
FOLDER/wrong: the same with the result in f32, and with one that is off by a tenth of its range. FOLDER/blocks.onnx has weights of 4 bits, and
FOLDER/level4.onnx lets its input be rounded, too. FOLDER/wide.onnx is a product of 64 x 256 x 256."""

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

graph = helper.make_graph(
    [helper.make_node("MatMul", ["x", "w"], ["y"], name="wide")],
    "layer",
    [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [64, 256])],
    [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [64, 256])],
    [numpy_helper.from_array(random.standard_normal((256, 256), np.float32), "w")],
)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "wide.onnx")

for name, attributes in [("blocks", {}), ("level4", {"accuracy_level": 4})]:
    graph = helper.make_graph(
        [
            helper.make_node("MatMulNBits", ["x", "q", "s"], ["y"], name="blocks", domain="com.microsoft",
                             K=32, N=16, bits=4, block_size=16, **attributes),
        ],
        "layer",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [6, 32])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [6, 16])],
        [
            numpy_helper.from_array(random.integers(0, 256, (16, 2, 8), np.uint8), "q"),
            numpy_helper.from_array(random.random((16, 2), np.float32), "s"),
        ],
    )
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9), folder / f"{name}.onnx")
