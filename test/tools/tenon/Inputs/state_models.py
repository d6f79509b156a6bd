"""Writes a model with states, for the tests of the command line, into the folder argv[1]: y = s + x is the next
value of s, and the next value of t has another size, which only its reader tells to be t's.
"""

import sys
from pathlib import Path

from onnx import TensorProto, helper


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
nodes = [
    helper.make_node("Add", ["s", "x"], ["y"]),
    helper.make_node("Add", ["t", "u"], ["next_t"]),
    helper.make_node("Cast", ["s"], ["whole"], to=TensorProto.INT32),
    helper.make_node("Transpose", ["s"], ["turned"]),
    helper.make_node("MatMul", ["next_t", "m"], ["sum"]),
]
inputs = [value("s", ["n", 3]), value("x", ["n", 3]), value("t", ["k"]), value("u", ["l"]), value("m", ["k", 2])]
outputs = [
    value("y", ["n", 3]),
    value("next_t", ["k"]),
    value("whole", ["n", 3], TensorProto.INT32),
    value("turned", [3, "n"]),
    value("sum", [2]),
]
graph = helper.make_graph(nodes, "g", inputs, outputs)
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
(folder / "state.onnx").write_bytes(model.SerializeToString())
