"""Writes small models that ask for too much, one for each way to do so, into the folder argv[1]:
sizes that no machine has, nesting without end, graphs that multiply when they are inlined."""

import os
import sys
from pathlib import Path

import numpy
from onnx import AttributeProto, GraphProto, TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
OPSETS = [helper.make_opsetid("", 21), helper.make_opsetid("local", 1)]


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def ints(name, *values):
    return numpy_helper.from_array(numpy.array(values, numpy.int64), name)


def model(nodes, inputs, initializers=(), functions=(), outputs=("y",), ir_version=10):
    outputs = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    return helper.make_model(
        graph, ir_version=ir_version, opset_imports=OPSETS, functions=list(functions)
    )


def one(op, inputs, initializers=(), **attributes):
    """A model of one node, whose operands are the inputs and then the initializers."""
    names = [item.name for item in (*inputs, *initializers)]
    node = helper.make_node(op, names, ["y"], name="it", **attributes)
    return model([node], inputs, initializers)


def functions(count, calls, last):
    """f0 calls f1 calls f2 ..., each `calls` times; the last one calls `last`."""
    made = []
    for number in range(count):
        callee, domain = (f"f{number + 1}", "local") if number + 1 < count else last
        nodes, name = [], "x"
        for call in range(calls):
            output = "y" if call + 1 == calls else f"t{call}"
            nodes.append(helper.make_node(callee, [name], [output], domain=domain))
            name = output
        made.append(helper.make_function("local", f"f{number}", ["x"], ["y"], nodes, OPSETS))
    node = helper.make_node("f0", ["x"], ["y"], domain="local", name="it")
    return model([node], [value("x", [2, 3])], functions=made)


def nested_if(depth):
    """If in If in If, with a condition that only a run tells."""
    nodes = [helper.make_node("Relu", ["x"], ["t0"])]
    for level in range(depth):
        branch = helper.make_graph(
            nodes, f"b{level}", [], [helper.make_empty_tensor_value_info(f"t{level}")]
        )
        other = GraphProto(name=f"e{level}")
        other.node.add(op_type="Neg", input=["x"], output=["n"])
        other.output.add(name="n")
        nodes = [
            helper.make_node("If", ["c"], [f"t{level + 1}"], then_branch=branch, else_branch=other)
        ]
    nodes.append(helper.make_node("Identity", [f"t{depth}"], ["y"], name="it"))
    return model(nodes, [value("x", [2, 3]), value("c", [], TensorProto.BOOL)])


def growing_sizes(count):
    """Sizes that are sums of two different functions of the one before: s, s/2 + s/3, ..."""
    nodes, name = [], "x"
    for step in range(count):
        for part, (kernel, stride) in enumerate(((1, 2), (1, 3))):
            nodes.append(
                helper.make_node(
                    "MaxPool", [name], [f"p{part}.{step}"], kernel_shape=[kernel], strides=[stride]
                )
            )
        nodes.append(
            helper.make_node("Concat", [f"p0.{step}", f"p1.{step}"], [f"c{step}"], axis=2)
        )
        name = f"c{step}"
    nodes.append(helper.make_node("Identity", [name], ["y"]))
    return model(nodes, [value("x", [1, 1, "n"])])


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)

    def save(name, made):
        (folder / f"{name}.onnx").write_bytes(made.SerializeToString())

    huge = 1 << 62
    x = value("x", [2, 3])
    save("input-overflow", one("Relu", [value("x", [1 << 40, 1 << 40])]))
    save("input-least", one("Relu", [value("x", [-(1 << 63), 3])]))
    save("input-rank", one("Relu", [value("x", [1] * 1000)]))
    save("fill-negative", one("ConstantOfShape", [], [ints("s", -1)]))
    save("fill-overflow", one("ConstantOfShape", [], [ints("s", 1 << 40, 1 << 40)]))
    save("expand-huge", one("Expand", [x], [ints("s", huge, 2, 3)]))
    save("tile-overflow", one("Tile", [x], [ints("s", huge, huge)]))
    save("pad-huge", one("Pad", [x], [ints("s", 0, huge, 0, huge)]))
    save("range-huge", one("Range", [], [numpy_helper.from_array(numpy.array(v, numpy.int64), n)
                                        for n, v in (("a", 0), ("b", huge), ("c", 1))]))
    save("reshape-negative", one("Reshape", [x], [ints("s", -2, -3)]))
    save("reshape-count", one("Reshape", [x], [ints("s", 5)]))
    save("squeeze-scalar", one("Squeeze", [value("x", [])], [ints("a", 3)]))
    save("matmul-inner", one("MatMul", [x, value("w", [5, 7])]))
    save("conv-channels", one("Conv", [value("x", [1, 4, 8, 8]), value("w", [2, 3, 3, 3])]))
    save("conv-kernel", one("Conv", [value("x", [1, 1, 8]), value("w", [1, 1, 1 << 40])]))
    save("split-parts", one("Split", [x], num_outputs=huge))
    save("onehot-values", one("OneHot", [value("x", [4], TensorProto.INT64)],
                              [ints("d", 3), ints("v", 1)]))
    save("scatter-updates", one("ScatterElements", [value("x", [9]),
                                                    value("i", [8], TensorProto.INT64),
                                                    value("u", [2])]))
    save("lstm-state", one("LSTM", [value("x", [5, 2, 3]), value("w", [1, 16, 3]),
                                    value("r", [1, 16, 4]), value("b", [1, 32]),
                                    value("l", [2], TensorProto.INT32), value("h", [1, 1, 1])],
                           hidden_size=4))
    save("quantize-axis", one("QuantizeLinear", [value("x", [3, 1 << 31]), value("s", [3, 2]),
                                                 value("z", [3, 2], TensorProto.UINT8)], axis=1))
    # A sum over more zeros than a compiler should add up.
    save("fold-huge", model(
        [helper.make_node("ConstantOfShape", ["s"], ["zeros"]),
         helper.make_node("ReduceSum", ["zeros"], ["sum"], keepdims=0),
         helper.make_node("Add", ["x", "sum"], ["y"], name="it")],
        [x], [ints("s", 1 << 40)]))
    sizes = growing_sizes(60)
    save("sizes", sizes)

    save("recursion", functions(1, 1, ("f0", "local")))
    save("mutual-recursion", functions(3, 1, ("f1", "local")))
    save("deep-functions", functions(10000, 1, ("Relu", "")))
    save("many-calls", functions(60, 2, ("Relu", "")))
    save("deep-if", nested_if(20))

    # Names that something else has already.
    twice = one("Add", [x], [numpy_helper.from_array(numpy.ones(3, numpy.float32), "w")])
    twice.graph.initializer.append(twice.graph.initializer[0])
    save("initializer-twice", twice)
    same = one("Relu", [x])
    same.graph.node.add(op_type="Neg", input=["x"], output=["y"], name="other")
    save("output-twice", same)
    missing = one("Relu", [x])
    missing.graph.output[0].name = "z"
    save("output-missing", missing)
    untyped = one("Relu", [x])
    untyped.graph.input[0].ClearField("type")
    save("input-untyped", untyped)
    reference = one("LeakyRelu", [x], alpha=0.5)
    reference.graph.node[0].attribute[0].type = AttributeProto.INT
    save("attribute-type", reference)

    # External data that is no file, or not this model's.
    (folder / "outside").mkdir(exist_ok=True)
    (folder / "outside" / "data.bin").write_bytes(bytes(24))
    inside = folder / "inside"
    inside.mkdir(exist_ok=True)
    if not (inside / "linked").is_symlink():
        os.symlink("../outside", inside / "linked")
    if not (inside / "pipe").exists():
        os.mkfifo(inside / "pipe")
    (inside / "data.bin").write_bytes(bytes(24))
    for name, entries in {
        "folder-link": {"location": "linked/data.bin"},
        "inner-dots": {"location": "linked/../data.bin"},
        "folder": {"location": "."},
        "pipe": {"location": "pipe"},
        "null": {"location": "data.bin\0.txt"},
        "offset": {"location": "data.bin", "offset": "-1"},
        "length": {"location": "data.bin", "length": "12"},
        "nowhere": {},
    }.items():
        made = one("Add", [x], [TensorProto(name="w", dims=[2, 3], data_type=FLOAT)])
        made.graph.initializer[0].data_location = TensorProto.EXTERNAL
        for key, text in entries.items():
            made.graph.initializer[0].external_data.add(key=key, value=text)
        (inside / f"{name}.onnx").write_bytes(made.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
