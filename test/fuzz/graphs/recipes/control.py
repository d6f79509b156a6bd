"""If, Loop and Scan, with bodies that are grown like graphs and that capture outer values."""

import numpy as np
from onnx import helper

from .. import values
from ..builder import Builder, Reject, Value
from . import recipe

BODY_OPS = ["Add", "Mul", "Sub", "Relu", "Tanh", "Neg", "Abs", "Sigmoid", "Max", "Clip", "Where", "Identity", "MatMul"]


def inner(g, seen, count):
    """A builder of a body that sees these values, after some nodes; with what it captured."""
    from . import RECIPES

    body = Builder(g.rng, g.style, prefix=g.name("b") + "_", feeds=g.feeds, names=g.names)
    body.pool = list(seen)
    for _ in range(count):
        op = g.pick(BODY_OPS)
        before = list(body.pool), list(body.nodes), list(body.inputs), list(body.initializers)
        try:
            RECIPES["", op][0](body, op)
        except Reject:
            body.pool, body.nodes, body.inputs, body.initializers = before
    # A body has no inputs of its own beside those it is given: new ones become the graph's.
    names = {i.name for i in body.inputs}
    g.inputs.extend(body.inputs)
    g.sources.extend(v for v in body.sources if v.name in names)
    g.pool.extend(v for v in body.pool if v.name in names)
    return body


def info(name, value):
    return helper.make_tensor_value_info(name, values.onnx_type(value.type), None)


def finish(body, name, inputs, outputs):
    for i, value in enumerate(outputs):
        if not value.made or value in outputs[:i]:
            node = helper.make_node("Identity", [value.name], [body.name()])
            body.nodes.append(node)
            outputs[i] = Value(node.output[0], value.data, made=True)
    infos = [info(v.name, v) for v in outputs]
    return helper.make_graph(body.nodes, name, inputs, infos, body.initializers)


def operands_of(g, graphs, names):
    from ..builder import captured

    wanted = set(names).union(*map(captured, graphs))
    found = {v.name: v for v in [*g.pool, *g.sources] if v.name in wanted}
    return list(found.values())


@recipe("If", weight=1)
def if_(g, op):
    condition = g.input([np.asarray(bool(g.flip())) for _ in range(g.style.data_sets)], pooled=True) if g.flip(0.7) else g.initializer(np.asarray(g.flip()))
    x = g.value(["float32", "float32", "int64"], rank=(0, 3))
    branches = []
    for name in ("then", "else"):
        body = inner(g, [v for v in g.pool if v.name != condition.name], g.integer(1, 2))
        fits = [v for v in body.pool if v.made and v not in g.pool and v.type == x.type and v.shape == x.shape]
        branches.append(finish(body, name, [], [g.pick(fits) if fits else x]))
    node = helper.make_node(op, [condition.name], [g.name()], then_branch=branches[0], else_branch=branches[1])
    return g.add(node, operands_of(g, branches, node.input))


@recipe("Loop", weight=1)
def loop(g, op):
    x = g.value(["float32", "float32", "int64"], rank=(0, 3), where=lambda v: v.every(lambda a: np.all(np.abs(a.astype(float)) < 100)))
    trips = g.integer(1, 4)
    count = g.ints(trips) if g.flip(0.7) else g.input([np.asarray(g.integer(1, 4)) for _ in range(g.style.data_sets)])
    start = g.initializer(np.asarray(True), pooled=False) if g.flip() else None
    prefix = g.name("l")
    state = Value(f"{prefix}_s", x.data, made=True)
    body = inner(g, [state, *(v for v in g.pool if v is not x)], g.integer(1, 2))
    new = [v for v in body.pool if v.made and v is not state and v not in g.pool]
    fits = [v for v in new if v.type == x.type and v.shape == x.shape]
    following = g.pick(fits) if fits else state
    scans = [g.pick(new)] if new and g.flip() else []
    keep = f"{prefix}_keep"
    inputs = [helper.make_tensor_value_info(f"{prefix}_i", 7, []), helper.make_tensor_value_info(f"{prefix}_c", 9, []),
              helper.make_tensor_value_info(state.name, values.onnx_type(x.type), _dims(g, x))]
    graph = finish(body, "body", inputs, [following, *scans])
    graph.node.append(helper.make_node("Identity", [f"{prefix}_c"], [keep]))
    graph.output.insert(0, helper.make_tensor_value_info(keep, 9, []))
    names = [count.name, start.name if start else "", x.name]
    node = helper.make_node(op, names, [g.name() for _ in range(1 + len(scans))], body=graph)
    return g.add(node, operands_of(g, [graph], names))


def _dims(g, x):
    return [s[0] if len(set(s)) == 1 and not g.style.open else None for s in x.shape]


@recipe("Scan", weight=0.7)
def scan(g, op):
    if g.version() < 9:
        raise Reject("the batched form")
    x = g.value(["float32"], rank=(1, 3), where=lambda v: all(min(s) > 0 for s in v.shape) and v.every(lambda a: np.all(np.abs(a) < 100)))
    axis = 0
    slices = [[np.take(a, 0, axis) for a in versions] for versions in x.data]
    prefix = g.name("s")
    part = Value(f"{prefix}_x", slices, made=True)
    initial = g.fresh("float32", part.shape, "normal")
    state = Value(f"{prefix}_s", initial.data, made=True)
    body = inner(g, [state, part, *(v for v in g.pool if v not in (x, initial))], g.integer(1, 2))
    new = [v for v in body.pool if v.made and v not in (state, part) and v not in g.pool]
    fits = [v for v in new if v.type == "float32" and v.shape == part.shape]
    following = g.pick(fits) if fits else part
    outputs = [following] + ([g.pick(new)] if new else [])
    inputs = [helper.make_tensor_value_info(v.name, 1, _dims(g, v)) for v in (state, part)]
    graph = finish(body, "body", inputs, outputs)
    directions = [g.integer(0, 1)] if g.flip() else None
    names = [initial.name, x.name]
    node = helper.make_node(op, names, [g.name() for _ in outputs], body=graph, num_scan_inputs=1, scan_input_directions=directions) if directions else helper.make_node(op, names, [g.name() for _ in outputs], body=graph, num_scan_inputs=1)
    return g.add(node, operands_of(g, [graph], names))
