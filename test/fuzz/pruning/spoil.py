"""Channels of a living model made dead, in the ways that are told apart."""
import numpy as np
import onnx
from onnx import numpy_helper

from pruning.checks import find_source

# Of weights, the axis of the result's channels and that of the input's.
AXES = {"Conv": (0, 1), "ConvTranspose": (1, 0), "MatMul": (1, 0), "Gemm": (0, 1)}


def find_axes(node):
    if node.op_type != "Einsum":
        return AXES[node.op_type]
    operands, result = node.attribute[0].s.decode().replace(" ", "").split("->")
    weights = operands.split(",")[1]
    summed = next(label for label in weights if label not in result)
    return 1 - weights.index(summed), weights.index(summed)


def find_roles(model):
    """(constant, axis) of weights that make channels, and of weights that read them. A grouped
    convolution's make channels from channels of the same unit."""
    makers, readers = set(), set()
    for node in model.graph.node:
        if node.op_type not in [*AXES, "Einsum"]:
            continue
        out, into = find_axes(node)
        groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        weights = find_source(model, node.input[1])
        makers.add((weights, 0 if groups > 1 else out))
        if groups == 1:
            readers.add((weights, into))
    return makers, readers


def edit(model, slices, change):
    """A model whose constants `change(array, axis first; slice)` has changed in place, where it says so."""
    edited = onnx.ModelProto()
    edited.CopyFrom(model)
    tensors = {tensor.name: tensor for tensor in edited.graph.initializer}
    for each in slices:
        tensor = tensors[each["constant"]]
        array = numpy_helper.to_array(tensor).copy()
        if each["removed"] and change(np.moveaxis(array, each["axis"], 0), each):
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    return edited


def zero(model, slices, places):
    """Weights in these places, of the channels that are removed, are zero."""
    def change(array, each):
        if (each["constant"], each["axis"]) not in places:
            return False
        array[each["removed"]] = 0
        return True

    return edit(model, slices, change)


def make_constant(model, slices):
    """No weights make the channels: they are their biases, or what operators make of these."""
    return zero(model, slices, find_roles(model)[0])


def make_unread(model, slices):
    return zero(model, slices, find_roles(model)[1])


def make_duplicates(model, slices):
    """Each channel that is removed becomes like one that is kept, in all but the weights that read it."""
    _, readers = find_roles(model)

    def change(array, each):
        if (each["constant"], each["axis"]) in readers:
            return False
        kept = np.setdiff1d(np.arange(len(array)), each["removed"])
        for number, position in enumerate(each["removed"]):
            array[position] = array[kept[number % len(kept)]]
        return True

    return edit(model, slices, change)
