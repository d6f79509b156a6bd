"""Weights that DequantizeLinear makes of constants, in front of what multiplies or gathers them.

Integers of 2 to 8 bits; parameters for all weights, for each output, for each input, and for blocks of either; few rows
and many. Products of weights that stay narrow are summed in another order than others.
"""

import ml_dtypes
import numpy as np
from onnx import helper, numpy_helper

from cases import Case, DataSet

RNG = np.random.default_rng(11)
KINDS = {"int8": np.int8, "uint8": np.uint8, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4}
RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}
TOLERANCE = {"rtol": 1e-4, "atol": 1e-3}


def integers(kind, *shape):
    low, high = RANGES[kind]
    return RNG.integers(low, high + 1, shape).astype(KINDS[kind])


def dequantize(q, scale, zero, axis, block):
    """The numbers that DequantizeLinear gives."""
    wide = [array.astype(np.float32) for array in (q, scale, zero)]
    if block:
        where = np.arange(q.shape[axis]) // block
        wide[1:] = [np.take(array, where, axis) for array in wide[1:]]
    elif scale.ndim == 1:
        shape = [-1 if d == axis else 1 for d in range(q.ndim)]
        wide[1:] = [array.reshape(shape) for array in wide[1:]]
    return (wide[0] - wide[2]) * wide[1]


def make(name, why, nodes, q, scale, zero, x, expected, axis, block):
    attributes = {"axis": axis, **({"block_size": block} if block else {})}
    dequantized = helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"], **attributes)
    parameters = [numpy_helper.from_array(array, key) for key, array in (("q", q), ("scale", scale), ("zero", zero))]
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    for form, shape in (("static", x.shape), ("dynamic", ["rows", *x.shape[1:]])):
        graph = helper.make_graph([dequantized, *nodes], "g", [helper.make_tensor_value_info("x", kind, shape)],
                                  [helper.make_tensor_value_info("y", 1, [None] * expected.ndim)], parameters)
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        yield Case(f"{name}_{form}", why, model, [DataSet({"x": x}, {"y": expected})], TOLERANCE)


def parameters(kind, rows, columns):
    """Axes, blocks and shapes of parameters of a matrix."""
    return {
        "one": (0, 0, ()),
        "rows": (0, 0, (rows,)),
        "columns": (1, 0, (columns,)),
        "blocks_of_rows": (0, 16, (-(-rows // 16), columns)),
        "blocks_of_columns": (1, 16, (rows, -(-columns // 16))),
    }


def cases():
    depth, outputs = 50, 21
    for kind in KINDS:
        for name, (axis, block, shape) in parameters(kind, depth, outputs).items():
            q, zero = integers(kind, depth, outputs), integers(kind, *shape)
            scale = RNG.uniform(0.01, 0.1, shape).astype(np.float32)
            weights = dequantize(q, scale, zero, axis, block)
            for rows in (1, 3, 20):
                x = RNG.standard_normal((rows, depth)).astype(np.float32)
                node = helper.make_node("MatMul", ["x", "w"], ["y"])
                yield from make(f"matmul_{kind}_{name}_{rows}", "Weights [K, N].", [node], q, scale, zero, x,
                                x @ weights, axis, block)
            x = RNG.standard_normal((3, outputs)).astype(np.float32)
            node = helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)
            yield from make(f"gemm_{kind}_{name}", "Weights [N, K].", [node], q, scale, zero, x, x @ weights.T, axis,
                            block)
            ids = RNG.integers(-depth, depth, (2, 3))
            node = helper.make_node("Gather", ["w", "x"], ["y"])
            yield from make(f"gather_{kind}_{name}", "Rows of a table.", [node], q, scale, zero, ids, weights[ids],
                            axis, block)
    q, zero, scale = integers("uint4", depth, outputs), integers("uint4", outputs), np.float32(RNG.uniform(1, 2, outputs))
    weights = dequantize(q, scale, zero, 1, 0)
    x = RNG.standard_normal((1, depth)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["w"], ["b"]),
             helper.make_node("Add", ["a", "b"], ["y"])]
    yield from make("matmul_and_relu", "Weights that something else reads as numbers, too.", nodes, q, scale, zero, x,
                    x @ weights + np.maximum(weights, 0), 1, 0)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["x"], ["r"]),
             helper.make_node("MatMul", ["r", "w"], ["b"]), helper.make_node("Add", ["a", "b"], ["y"])]
    yield from make("matmul_twice", "Weights of two products.", nodes, q, scale, zero, x,
                    x @ weights + np.maximum(x, 0) @ weights, 1, 0)
