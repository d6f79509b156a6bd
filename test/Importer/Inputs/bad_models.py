"""Writes models that a compiler must refuse, one for each way to be wrong, into the folder argv[1].

Each starts as the same good model (y = Relu(x + w)), so that the difference is what is wrong.
"""

import os
import sys
from pathlib import Path

from onnx import TensorProto, helper


def good():
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])
    w = helper.make_tensor("w", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    nodes = [
        helper.make_node("Add", ["x", "w"], ["sum"], name="bias"),
        helper.make_node("Relu", ["sum"], ["y"], name="act"),
    ]
    graph = helper.make_graph(nodes, "g", [x], [y], [w])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


def external(location, offset=None, length=None):
    model = good()
    tensor = model.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return model


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested(depth):
    """Bytes of a model whose node has a subgraph whose node has a subgraph, `depth` times."""
    graph = field(2, b"leaf")
    for _ in range(depth):
        branch = field(1, b"then_branch") + field(6, graph)
        graph = field(1, field(4, b"If") + field(5, branch))
    return b"\x08\x08" + field(8, b"\x10\x11") + field(7, graph)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)

    def save(name, model):
        data = model if isinstance(model, bytes) else model.SerializeToString()
        (folder / f"{name}.onnx").write_bytes(data)

    def change(name, edit):
        model = good()
        edit(model)
        save(name, model)

    save("good", good())
    save("empty", b"")
    save("truncated", good().SerializeToString()[:-40])
    save("text", b"this is a text file, not a model\n")
    save("nested", nested(10000))
    change("no-graph", lambda m: m.ClearField("graph"))
    change("no-opset", lambda m: m.ClearField("opset_import"))
    change("unknown-op", lambda m: setattr(m.graph.node[1], "op_type", "Frobnicate"))
    change("unknown-domain", lambda m: (setattr(m.graph.node[1], "op_type", "BertTokenizer"),
                                        setattr(m.graph.node[1], "domain", "ai.onnx.contrib")))
    change("missing-initializer", lambda m: m.graph.ClearField("initializer"))
    change("cycle", lambda m: m.graph.node[0].input.__setitem__(0, "y"))
    change("wrong-attribute",
           lambda m: (setattr(m.graph.node[1], "op_type", "LeakyRelu"),
                      m.graph.node[1].attribute.append(helper.make_attribute("alpha", "much"))))
    change("wrong-type", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", 7))
    change("shapes", lambda m: m.graph.input[0].type.tensor_type.shape.dim[1]
           .__setattr__("dim_value", 5))
    change("declared", lambda m: m.graph.output[0].type.tensor_type.shape.dim[1]
           .__setattr__("dim_value", 5))
    change("negative", lambda m: m.graph.input[0].type.tensor_type.shape.dim[0]
           .__setattr__("dim_value", -7))
    change("huge", lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 62))
    change("short-initializer", lambda m: m.graph.initializer[0].dims.__setitem__(0, 30))

    (folder / "short.bin").write_bytes(b"12345678")
    link = folder / "link.bin"
    if not link.is_symlink():
        os.symlink("/etc/passwd", link)
    save("external-missing", external("none.bin"))
    save("external-short", external("short.bin", 0, 12))
    save("external-offset", external("short.bin", 4096, 12))
    save("external-dots", external("../short.bin"))
    save("external-absolute", external("/etc/passwd"))
    save("external-link", external("link.bin"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
