"""Sequences and optionals: lists of known and unknown length that are changed a few times and end as a tensor."""

import numpy as np
from onnx import helper

from .. import values
from ..builder import Reject
from . import recipe


def lengths(sequence):
    """Per data set."""
    counts = [{len(versions) for versions in data} for data in sequence.data]
    return [count.pop() for count in counts]


def position(g, sequence, inclusive=False):
    """One that the sequence has in every data set; often from the end."""
    least = min(lengths(sequence)) + inclusive
    if least < 1:
        raise Reject("no such position")
    return g.ints(g.integer(0, least - 1) if g.flip() or inclusive else -g.integer(1, least))


def start(g, x):
    """A list of tensors whose shapes agree but for one axis; with that axis."""
    axis = g.integer(0, x.rank - 1)
    if g.flip(0.4):
        parts = [x] + [g.fresh(x.type, x.shape) for _ in range(g.integer(0, 2))]
        return g.node("SequenceConstruct", parts), axis
    if any(size < 1 for size in x.shape[axis]):
        raise Reject("nothing to split")
    if g.flip():
        return g.node("SplitToSequence", [x, g.ints(g.integer(1, 3))], axis=axis), axis
    return g.node("SplitToSequence", [x], axis=axis), axis


def mapped(g, sequence, x):
    """The same elements with other signs."""
    if g.version() < 17 or x.type == "bool":
        raise Reject("no body")
    given, result = g.name("e"), g.name("e")
    infos = [helper.make_tensor_value_info(name, values.onnx_type(x.type), [None] * x.rank) for name in (given, result)]
    body = helper.make_graph([helper.make_node(g.pick(["Neg", "Abs"]), [given], [result])], "body", infos[:1], infos[1:])
    return g.add(helper.make_node("SequenceMap", [sequence.name], [g.name()], body=body), [sequence])


def change(g, sequence, x):
    kind = g.pick(["insert", "append", "erase", "erase_last", "optional", "map"])
    if kind == "map":
        return mapped(g, sequence, x)
    if kind == "insert":
        return g.node("SequenceInsert", [sequence, x, position(g, sequence, inclusive=True)])
    if kind == "append":
        return g.node("SequenceInsert", [sequence, x])
    if min(lengths(sequence)) < 2:
        raise Reject("nothing to erase")
    if kind == "optional" and g.version() >= 18:
        return g.node("OptionalGetElement", [g.node("Optional", [sequence])])
    return g.node("SequenceErase", [sequence] + ([position(g, sequence)] if kind == "erase" else []))


@recipe("ConcatFromSequence SequenceAt SequenceLength SequenceConstruct SplitToSequence SequenceInsert SequenceErase "
        "SequenceEmpty SequenceMap Optional OptionalGetElement OptionalHasElement", weight=0.3)
def lists(g, op):
    if g.version() < 11:
        raise Reject("no sequences yet")
    x = g.value(["float32", "int64", "float64", "bool"], rank=(1, 3))
    if op == "OptionalHasElement":
        if g.version() < 18:
            raise Reject("needs an optional")
        return g.node(op, [g.node("Optional", [x])])
    sequence, axis = start(g, x)
    if op == "SequenceEmpty" and x.type == "float32":
        sequence = g.node("SequenceInsert", [g.node(op, []), x])
    if op == "SequenceMap":
        sequence = mapped(g, sequence, x)
    for _ in range(g.integer(0, 3)):
        sequence = change(g, sequence, x)
    if op == "SequenceLength":
        return g.node(op, [sequence])
    if op == "SequenceAt" or g.flip(0.3):
        return g.node("SequenceAt", [sequence, position(g, sequence)])
    shapes = {np.shape(each) for data in sequence.data for each in data[0]}
    stack = all(len({np.shape(each) for each in data[0]}) == 1 for data in sequence.data) and g.flip(0.4)
    if not shapes or min(lengths(sequence)) < 1:
        raise Reject("nothing to join")
    return g.node("ConcatFromSequence", [sequence], axis=g.integer(0, x.rank) if stack else axis, new_axis=int(stack))
