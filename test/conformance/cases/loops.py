"""Loops with trip counts of every kind, and what they stack."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet

INT64_MAX = 2**63 - 1


def make_loop(count, condition, stops_after, slice_dims, is_count_constant):
    """A loop that doubles `v` and stacks it; its condition becomes false after `stops_after` iterations."""
    nodes = [
        helper.make_node("Add", ["v", "v"], ["v_next"]),
        helper.make_node("Identity", ["v_next"], ["stacked"]),
    ]
    if stops_after is None:
        nodes.append(helper.make_node("Identity", ["cond"], ["cond_next"]))
    else:
        nodes.append(helper.make_node("Less", ["i", "last"], ["cond_next"]))
    float_info = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    body = helper.make_graph(
        nodes,
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
            float_info("v", slice_dims),
        ],
        [
            helper.make_tensor_value_info("cond_next", TensorProto.BOOL, []),
            float_info("v_next", slice_dims),
            float_info("stacked", slice_dims),
        ],
    )
    constants = [numpy_helper.from_array(np.array((stops_after or 0) - 1), "last")]
    inputs = [float_info("v0", slice_dims)]
    values = {"v0": np.array([1, 2], np.float32)}
    for name, value, kind in (("count", count, TensorProto.INT64), ("cond", condition, TensorProto.BOOL)):
        if value is None:
            continue
        if is_count_constant:
            constants.append(numpy_helper.from_array(np.array(value), name))
        else:
            inputs.append(helper.make_tensor_value_info(name, kind, []))
            values[name] = np.array(value)
    loop = helper.make_node(
        "Loop",
        ["count" if count is not None else "", "cond" if condition is not None else "", "v0"],
        ["v_last", "stack"],
        body=body,
    )
    outputs = [float_info("v_last", slice_dims), float_info("stack", [None, *slice_dims])]
    graph = helper.make_graph([loop], "g", inputs, outputs, constants)
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])

    v, stack = values["v0"], []
    trips = 0
    goes_on = condition is not False
    while (count is None or trips < count) and goes_on:
        v = v + v
        stack.append(v)
        goes_on = stops_after is None or trips < stops_after - 1
        trips += 1
    result = np.array(stack, np.float32).reshape(len(stack), 2)
    return model, DataSet(values, {"v_last": v, "stack": result})


def count_from_size():
    """A count that is a size less five: shape arithmetic follows it, and it may be negative."""
    model = """
    g (float[N] x) => (float[K, N] ys) {
      s = Shape(x)
      five = Constant <value_ints = [5]> ()
      d = Sub(s, five)
      axes = Constant <value_ints = [0]> ()
      m = Squeeze(d, axes)
      true = Constant <value = bool {1}> ()
      ys = Loop (m, true) <body = b (int64 i, bool c) => (bool d2, float[N] y) {
        d2 = Identity(c)
        y = Neg(x)
      }>
    }"""
    sets = []
    for size in (0, 2, 5, 7):
        x = np.arange(size, dtype=np.float32)
        count = max(size - 5, 0)
        sets.append(DataSet({"x": x}, {"ys": np.tile(-x, (count, 1)).reshape(count, size)}))
    return model, sets


def cases():
    forms = {
        "three": (3, None, None),
        "zero": (0, None, None),
        "negative": (-2, None, None),
        "smallest": (-(2**63), None, None),
        "largest_until_false": (INT64_MAX, True, 4),
        "no_count": (None, True, 3),
        "no_count_no_condition": (None, None, 2),
        "count_below_condition": (2, True, 4),
        "false_at_once": (5, False, None),
    }
    for name, (count, condition, stops_after) in forms.items():
        for is_constant in (False, True):
            for dims in ([2], ["N"]):
                model, data = make_loop(count, condition, stops_after, dims, is_constant)
                label = f"{name}_{'constant' if is_constant else 'given'}_{'dynamic' if dims == ['N'] else 'static'}"
                yield Case(label, "How often a body runs, and what it leaves.", model, [data])
    model, sets = count_from_size()
    yield Case("count_from_size", "A count that is negative for small sizes.", model, sets)
