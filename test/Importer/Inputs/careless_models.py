"""Writes models whose dimensions have names of their own, so that only a run can tell whether sizes
fit each other, into the folder argv[1]."""

import sys
from pathlib import Path

import numpy
from onnx import TensorProto, helper, numpy_helper


def value(name, shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def ints(name, *values):
    return numpy_helper.from_array(numpy.array(values, numpy.int64), name)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)

    def save(op, inputs, initializers=(), **attributes):
        names = [item.name for item in (*inputs, *initializers)]
        node = helper.make_node(op, names, ["y"], name="it", **attributes)
        y = helper.make_empty_tensor_value_info("y")
        graph = helper.make_graph([node], "g", inputs, [y], list(initializers))
        model = helper.make_model(
            graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]
        )
        (folder / f"{op}.onnx").write_bytes(model.SerializeToString())

    rows, more = value("x", ["N", 3]), value("z", ["M", 3])
    positions = value("i", ["A"], TensorProto.INT64)
    save("Reshape", [rows], [ints("s", 1000, 3)])
    save("Add", [rows, more])
    save("MatMul", [value("x", ["N", "K"]), more])
    save("Concat", [value("x", ["N", "K"]), value("z", ["N", "L"])], axis=0)
    save("ScatterElements", [value("x", ["N"]), positions, value("u", ["B"])])
    save("Conv", [value("x", [1, "C", 8, 8]), value("w", [2, 3, 3, 3])])
    save("Pad", [value("x", ["N"])], [ints("p", 2, 2)], mode="reflect")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
