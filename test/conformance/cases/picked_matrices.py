"""Products with matrices that Gather picks from a table, as mixtures of experts have them, on either side."""

import numpy as np
from onnx import helper, numpy_helper

from cases import Case, DataSet

RNG = np.random.default_rng(17)
TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def make(name, why, table, picks, x, expected, inputs):
    """`inputs` are those of MatMul; the table is an initializer, the rest comes with a run."""
    nodes = [
        helper.make_node("Gather", ["table", "picks"], ["w"], axis=0),
        helper.make_node("MatMul", inputs, ["y"]),
    ]
    for form, count in (("static", picks.shape[0]), ("dynamic", "count")):
        graph = helper.make_graph(
            nodes,
            "g",
            [
                helper.make_tensor_value_info("picks", helper.np_dtype_to_tensor_dtype(picks.dtype), [count]),
                helper.make_tensor_value_info("x", 1, [count, *x.shape[1:]]),
            ],
            [helper.make_tensor_value_info("y", 1, [None] * expected.ndim)],
            [numpy_helper.from_array(table, "table")],
        )
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        yield Case(f"{name}_{form}", why, model, [DataSet({"picks": picks, "x": x}, {"y": expected})], TOLERANCE)


def cases():
    for kind in (np.int64, np.int32):
        for count, rows, depth, columns in ((5, 1, 20, 33), (7, 6, 16, 24), (3, 50, 8, 70), (0, 2, 9, 5)):
            picks = RNG.integers(-4, 4, count).astype(kind)
            table = floats(4, depth, columns)
            why = "a gather picks the right operands of batches"
            size = f"{count}x{rows}x{depth}x{columns}_{np.dtype(kind).name}"
            x = floats(count, rows, depth)
            yield from make(f"picked_right_{size}", why, table, picks, x, x @ table[picks], ["x", "w"])
            column = floats(count, columns, 1)
            why = "a gather picks matrices that are multiplied by a column each"
            yield from make(f"picked_left_{size}", why, table, picks, column, table[picks] @ column, ["w", "x"])
