"""norm_matmul.py FOLDER: a model that adds the product of a normalized constant and a constant to its input."""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

random = np.random.default_rng(0)
constants = {"c": (12, 64), "s": (64,), "w": (64, 40)}
graph = helper.make_graph(
    [
        helper.make_node("LayerNormalization", ["c", "s"], ["n"], axis=-1),
        helper.make_node("MatMul", ["n", "w"], ["folded"]),
        helper.make_node("Add", ["folded", "x"], ["y"]),
    ],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [12, 40])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [12, 40])],
    [
        numpy_helper.from_array((random.standard_normal(shape) * 0.3).astype(np.float32), name)
        for name, shape in constants.items()
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
x = random.standard_normal((12, 40)).astype(np.float32)
(y,) = ReferenceEvaluator(model).run(None, {"x": x})

data = Path(sys.argv[1]) / "test_data_set_0"
data.mkdir(parents=True)
onnx.save(model, data.parent / "model.onnx")
for file, name, array in ("input_0", "x", x), ("output_0", "y", y):
    (data / f"{file}.pb").write_bytes(numpy_helper.from_array(array, name).SerializeToString())
