"""sparse_model.py FILE: y = (x a) b, where four fifths of a are blocks of zeros, and b has none."""
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

ROWS, SIZE = 64, 160
a = np.arange(1, SIZE * SIZE + 1, dtype=np.float32).reshape(SIZE, SIZE)
keep = (np.arange(SIZE)[:, None] + np.arange(SIZE // 16)) % 5 == 0  # none of the channels is dead
weights = {"a": a * np.repeat(keep, 16, 1), "b": a}
nodes = [helper.make_node("MatMul", ["x", "a"], ["t"], name="first"),
         helper.make_node("MatMul", ["t", "b"], ["y"], name="second")]
shape = [onnx.TensorProto.FLOAT, [ROWS, SIZE]]
graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", *shape)],
                          [helper.make_tensor_value_info("y", *shape)],
                          [numpy_helper.from_array(value, name) for name, value in weights.items()])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), sys.argv[1])
