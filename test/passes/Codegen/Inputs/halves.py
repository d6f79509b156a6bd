"""Writes a model that adds a float16 tensor to itself."""

import sys

import onnx
from onnx import TensorProto, helper

x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT16, [8]) for name in "xy")
node = helper.make_node("Add", ["x", "x"], ["y"], name="twice")
model = helper.make_model(helper.make_graph([node], "halves", [x], [y]), opset_imports=[helper.make_opsetid("", 18)])
onnx.save(model, sys.argv[1])
