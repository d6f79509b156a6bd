"""Members of kinds that the fuzzer of random graphs found (test/fuzz/fuzz_graphs.py)."""

import math

import ml_dtypes
import numpy as np

from cases import Case, DataSet
from onnx import helper


def cases():
    x = np.array([0, 1, 2, 250], np.uint8)
    yield Case(
        "shrink_unsigned",
        "Bounds of Shrink are fractions, and their negatives no unsigned numbers.",
        "g (uint8[4] x) => (uint8[4] y) { y = Shrink<lambd=1.5>(x) }",
        [DataSet({"x": x}, {"y": np.array([0, 0, 2, 250], np.uint8)})],
    )
    x = np.array([-3, -2, -1, 0, 1, 2, 3], np.int32)
    yield Case(
        "shrink_signed",
        "The same for signed integers, with a bias of a half: results are cut off towards zero.",
        "g (int32[7] x) => (int32[7] y) { y = Shrink<lambd=1.5, bias=0.5>(x) }",
        [DataSet({"x": x}, {"y": np.array([-2, -1, 0, 0, 0, 1, 2], np.int32)})],
    )
    for name in ("int64", "uint64", "int8"):
        x = np.array([0, 1, 5, 100], name)
        yield Case(
            f"erf_{name}",
            "Erf takes integers as well.",
            f"g ({name}[4] x) => ({name}[4] y) {{ y = Erf(x) }}",
            [DataSet({"x": x}, {"y": np.array([int(math.erf(v)) for v in x.tolist()], name)})],
        )
    yield Case(
        "bfloat16_filled",
        "A number of bf16 that a loop stores again and again stays in a register.",
        """g (float[N] x) => (bfloat16[N] y) {
            n = Size(x)
            root = Sqrt(n_16)
            n_16 = Cast<to = 16>(n)
            s = Shape(x)
            y = Expand(root, s)
        }""",
        [
            DataSet({"x": np.zeros(n, np.float32)}, {"y": np.full(n, n**0.5).astype(ml_dtypes.bfloat16)})
            for n in (1, 4, 19)
        ],
    )
    x, exponent = np.array([2, 3, 10, 7], np.int32), np.array([3.16, 2.0, 2.9, 0.5])
    yield Case(
        "pow_fraction",
        "An integer to a power that is no integer is cut off, not rounded.",
        "g (int32[4] x, double[4] e) => (int32[4] y) { y = Pow(x, e) }",
        [DataSet({"x": x, "e": exponent}, {"y": np.array([8, 9, 794, 2], np.int32)})],
    )
    yield from uniques()
    yield from one_column()
    yield from matmuls()
    yield from defaults()


def uniques():
    x = np.array([2**64 - 1, 3, 2**63, 3], np.uint64)
    yield Case(
        "unique_uint64",
        "Unique of the largest integers.",
        "g (uint64[N] x) => (uint64[M] y) { y = Unique(x) }",
        [DataSet({"x": x}, {"y": np.unique(x)})],
    )
    x = np.array([2, np.nan, 1, np.nan, -np.inf, 0, np.nan, 1, np.inf] * 8, np.float32)
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    yield Case(
        "unique_nan",
        "Sorting needs an order of all numbers: NaN is the largest, and there is one.",
        """g (float[N] x) => (float[M] y, int64[M] first, int64[N] inverse, int64[M] counts) {
            y, first, inverse, counts = Unique(x)
        }""",
        [DataSet({"x": x}, {"y": values, "first": first, "inverse": inverse, "counts": counts})],
    )


def matmuls():
    for lhs, rhs in (((5, 4), (1, 4, 3)), ((4,), (1, 1, 4, 3)), ((2, 5, 4), (1, 1, 4, 3))):
        weights = np.arange(np.prod(rhs), dtype=np.float32).reshape(rhs)
        x = np.arange(np.prod(lhs), dtype=np.float32).reshape(lhs) - 3
        for kind in ("static", "open"):
            case = Case(
                f"matmul_weights_{len(lhs)}_{len(rhs)}_{kind}",
                "Constant weights with more dimensions than the left operand, all of them 1.",
                f"g (float{list(lhs) if kind == 'static' else ['N', *lhs[1:]] if len(lhs) > 1 else [4]} x) => (float z) "
                "{ z = MatMul(x, w) }".replace("'", ""),
                [],
            )
            case.model.graph.initializer.append(helper.make_tensor("w", 1, rhs, weights.ravel()))
            case.model.graph.output[0].CopyFrom(helper.make_tensor_value_info("z", 1, (x @ weights).shape))
            case.data_sets.append(DataSet({"x": x}, {"z": x @ weights}))
            yield case


def defaults():
    """A default is the f32 that a file would hold, also where f64 is computed."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    scale, bias, mean, variance = (rng.uniform(1e-4, 1e-3, 3) for _ in range(4))
    normal = (x - mean[:, None]) / np.sqrt(variance[:, None] + np.float64(np.float32(1e-5)))
    yield Case(
        "batchnorm_f64_default",
        "The default of epsilon is an f32.",
        "g (double[2, 3, 4] x, double[3] s, double[3] b, double[3] m, double[3] v) => (double[2, 3, 4] y) "
        "{ y = BatchNormalization(x, s, b, m, v) }",
        [DataSet({"x": x, "s": scale, "b": bias, "m": mean, "v": variance},
                 {"y": normal * scale[:, None] + bias[:, None]})],
        {"rtol": 1e-12, "atol": 0},
    )


def one_column():
    """Sums that are cut off to narrower elements, with one column in the last vector: no byte more is written."""
    rng = np.random.default_rng(1)
    for columns in (1, 5, 9, 17, 33):
        x = rng.integers(0, 9, (6, 3, 1)).astype(np.uint8)
        w = rng.integers(0, 9, (1, columns)).astype(np.uint8)
        one, zero = np.float32(1), np.uint8(0)
        yield Case(
            f"narrow_columns_{columns}",
            "Rows of one column more than fills vectors follow each other: what is written too far shows in the next.",
            f"g (uint8[6, 3, 1] x, uint8[1, {columns}] w, float s, uint8 z) => (uint8[6, 3, {columns}] y) "
            "{ y = QLinearMatMul(x, s, z, w, s, z, s, z) }",
            [DataSet({"x": x, "w": w, "s": one, "z": zero}, {"y": (x @ w)})],
        )
