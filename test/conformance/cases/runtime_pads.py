"""Pads, crops and splits whose amounts only a run tells, negative ones among them."""

import numpy as np
from onnx import TensorProto, helper

from cases import Case, DataSet


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def pad(x, pads, mode="constant", value=0.0):
    """What is cut off goes first, so that modes repeat only what is left."""
    rank = x.ndim
    pads = np.asarray(pads)
    if mode == "constant":
        low, high = pads[:rank], pads[rank:]
        y = np.full([n + a + b for n, a, b in zip(x.shape, low, high)], value, x.dtype)
        source = [slice(max(0, -a), max(0, min(n, n + b))) for n, a, b in zip(x.shape, low, high)]
        part = x[tuple(source)]
        y[tuple(slice(max(0, a), max(0, a) + n) for a, n in zip(low, part.shape))] = part
        return y
    cut = np.minimum(pads, 0)
    left = x[tuple(slice(-cut[d], x.shape[d] + cut[rank + d]) for d in range(rank))]
    grow = np.maximum(pads, 0)
    return np.pad(left, [(grow[d], grow[rank + d]) for d in range(rank)], mode=mode) if grow.any() else left


def data(x, pads, mode="constant", value=0.0):
    pads = np.array(pads, np.int64)
    return DataSet({"x": x, "p": pads}, {"y": pad(x, pads, mode, value)})


def cases():
    signs = [
        [0, 0, 0, 0],
        [1, 2, 3, 4],
        [-1, -2, 0, 0],
        [0, 0, -2, -3],
        [-1, 2, 3, -2],
        [2, -3, -1, 1],
        [-4, -6, 1, 3],
        [-2, -3, -2, -3],
    ]
    leaves_nothing = [-4, -6, 1, 3]  # to repeat
    repeating = [pads for pads in signs if pads != leaves_nothing] + [[-1, -2, 2, 2], [1, 2, -2, -3]]
    for kind, dims in ("dynamic", "N, M"), ("static", "4, 6"):
        yield Case(
            f"constant_{kind}",
            "Pads of either sign as an input, down to an empty result.",
            f"g (float[{dims}] x, int64[4] p) => (float[A, B] y) {{ y = Pad(x, p) }}",
            [data(numbers(4, 6), pads) for pads in signs],
        )
    yield Case(
        "after_arithmetic",
        "What computes the operand must not write it into the middle of a result that cuts it off.",
        """g (float[N, M, 8] x, int64[6] p) => (float[A, B, C] y)
           <float[1] v = {7}, float s = {2}> { t = Mul(x, v)  u = Neg(t)  y = Pad(u, p, s) }""",
        [
            DataSet({"x": numbers(3, 5, 8), "p": np.array(pads)}, {"y": pad(-7 * numbers(3, 5, 8), pads, value=2)})
            for pads in ([0, 1, 0, 0, 1, 0], [0, -1, 0, 0, 1, 0], [1, -2, -3, 1, -1, -2], [0, 0, -8, 0, 0, 8])
        ],
    )
    yield Case(
        "before_convolution",
        "A convolution reads what a run-time pad leaves.",
        """g (float[1, 1, H, W] x, int64[8] p) => (float[1, 1, A, B] y)
           <float[1, 1, 1, 1] w = {2}> { t = Pad(x, p)  y = Conv(t, w) }""",
        [
            DataSet({"x": numbers(1, 1, 6, 7), "p": np.array(pads)}, {"y": 2 * pad(numbers(1, 1, 6, 7), pads)})
            for pads in ([0, 0, 1, 1, 0, 0, 1, 1], [0, 0, -1, -2, 0, 0, -3, 1])
        ],
    )
    yield Case(
        "from_shape",
        "A pad to a multiple of 8 or to a fixed size, computed from the shape; the latter may cut off.",
        """g (float[N] x) => (float[A] y, float[4] z)
           <int64[1] eight = {8}, int64[1] four = {4}, int64[1] none = {0}>
           { s = Shape(x)  m = Mod(s, eight)  l = Sub(eight, m)  r = Mod(l, eight)  p = Concat<axis = 0>(none, r)
             y = Pad(x, p)  e = Sub(four, s)  q = Concat<axis = 0>(none, e)  z = Pad(x, q) }""",
        [
            DataSet(
                {"x": numbers(n)},
                {"y": pad(numbers(n), [0, -n % 8]), "z": pad(numbers(n), [0, 4 - n])},
            )
            for n in (1, 4, 8, 13)
        ],
    )
    for mode in "reflect", "edge", "wrap":
        for kind, dims in ("dynamic", "N, M"), ("static", "4, 6"):
            yield Case(
                f"{mode}_{kind}",
                "Modes that repeat elements, with run-time pads of either sign.",
                f'g (float[{dims}] x, int64[4] p) => (float[A, B] y) {{ y = Pad<mode = "{mode}">(x, p) }}',
                [data(numbers(4, 6), pads, mode) for pads in repeating],
            )
        yield Case(
            f"{mode}_longer",
            "Pads longer than the dimension, which repeat it several times.",
            f'g (float[N] x, int64[2] p) => (float[A] y) {{ y = Pad<mode = "{mode}">(x, p) }}',
            [data(numbers(n), pads, mode) for n in (1, 2, 3) for pads in ([7, 9], [1, 0], [0, 11])],
        )
        yield Case(
            f"{mode}_empty",
            "Nothing can be repeated in an empty dimension; the others grow.",
            f'g (float[N, M] x, int64[4] p) => (float[A, B] y) {{ y = Pad<mode = "{mode}">(x, p) }}',
            [DataSet({"x": numbers(3, 0), "p": np.array([1, 0, 1, 0])}, {"y": np.zeros((5, 0), np.float32)})],
        )
    yield Case(
        "negative_constant",
        "Constant pads of either sign cut off before anything is repeated.",
        """g (float[5] x) => (float[8] y) <int64[2] p = {-1, 4}> { y = Pad<mode = "reflect">(x, p) }""",
        [DataSet({"x": numbers(5)}, {"y": pad(numbers(5), [-1, 4], "reflect")})],
    )
    yield Case(
        "far",
        "A pad much longer than the dimension that it repeats.",
        """g (float[1] x) => (float[3] z) <int64[2] p = {2000000, 1000001}, int64[1] a = {1999999}, int64[1] b = {2000002}>
           { y = Pad<mode = "wrap">(x, p)  z = Slice(y, a, b) }""",
        [DataSet({"x": numbers(1)}, {"z": np.ones(3, np.float32)})],
    )
    for kind, dims in ("dynamic", "N, M"), ("static", "4, 6"):
        yield Case(
            f"axes_{kind}",
            "Pads and the axes that they belong to, both as inputs.",
            f"g (float[{dims}] x, int64[2] p, int64[1] a) => (float[A, B] y) {{ y = Pad(x, p, , a) }}",
            [
                DataSet(
                    {"x": numbers(4, 6), "p": np.array([low, high]), "a": np.array([axis])},
                    {"y": pad(numbers(4, 6), [low, 0, high, 0] if axis in (0, -2) else [0, low, 0, high])},
                )
                for axis in (0, 1, -1, -2)
                for low, high in ((1, 2), (-1, 2), (3, -2))
            ],
        )

    def center(x, shape):
        for axis, size in enumerate(shape):
            missing = size - x.shape[axis]
            low = missing // 2 if missing >= 0 else -(-missing // 2)
            pads = [0] * (2 * x.ndim)
            pads[axis], pads[x.ndim + axis] = low, missing - low
            x = pad(x, pads)
        return x

    for kind, dims in ("dynamic", "N, M"), ("static", "9, 6"):
        yield Case(
            f"center_{kind}",
            "CenterCropPad to a size that only the run tells: one dimension may grow and the other shrink.",
            f"g (float[{dims}] x, int64[2] s) => (float[A, B] y) {{ y = CenterCropPad(x, s) }}",
            [
                DataSet({"x": numbers(9, 6), "s": np.array(s)}, {"y": center(numbers(9, 6), s)})
                for s in ([9, 6], [6, 9], [4, 4], [12, 11], [0, 7])
            ],
        )
    yield Case(
        "center_fixed",
        "CenterCropPad of unknown sizes to known ones.",
        "g (float[N, M] x) => (float[6, 5] y) <int64[2] s = {6, 5}> { y = CenterCropPad(x, s) }",
        [
            DataSet({"x": numbers(*shape)}, {"y": center(numbers(*shape), [6, 5])})
            for shape in ((9, 7), (6, 5), (3, 2), (1, 12), (0, 5))
        ],
    )

    # Split.
    parts = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["?"]) for name in "abc"]
    graph = helper.make_graph(
        [helper.make_node("Split", ["x", "s"], ["a", "b", "c"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("s", TensorProto.INT64, [3]),
        ],
        parts,
    )
    x = numbers(9)
    yield Case(
        "split",
        "Sizes of a split's parts as an input, some of them zero.",
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8),
        [
            DataSet(
                {"x": x, "s": np.array(s)},
                {"a": x[: s[0]], "b": x[s[0] : s[0] + s[1]], "c": x[s[0] + s[1] :]},
            )
            for s in ([2, 3, 4], [0, 9, 0], [9, 0, 0])
        ],
    )
    yield Case(
        "split_equal",
        "Equal parts of an unknown size, the last one smaller, down to nothing.",
        "g (float[N] x) => (float[A] a, float[B] b, float[C] c) { a, b, c = Split<num_outputs = 3>(x) }",
        [
            DataSet(
                {"x": numbers(n)},
                dict(zip("abc", np.split(numbers(n), [-(-n // 3), 2 * -(-n // 3)]))),
            )
            for n in (0, 2, 3, 5, 8, 9)
        ],
    )
    yield Case(
        "tile",
        "Repeats as an input, zero among them.",
        "g (float[N, M] x, int64[2] r) => (float[A, B] y) { y = Tile(x, r) }",
        [
            DataSet({"x": numbers(2, 3), "r": np.array(r)}, {"y": np.tile(numbers(2, 3), r)})
            for r in ([1, 1], [2, 3], [0, 2], [3, 0], [1, 5])
        ],
    )
    yield Case(
        "range",
        "Bounds and step as inputs: either direction, and nothing at all.",
        "g (int64 a, int64 b, int64 c) => (int64[N] y) { y = Range(a, b, c) }",
        [
            DataSet({"a": np.array(a), "b": np.array(b), "c": np.array(c)}, {"y": np.arange(a, b, c)})
            for a, b, c in ((0, 5, 1), (5, 0, 1), (5, 0, -2), (0, 5, -1), (-3, 9, 4), (2, 2, 1))
        ],
    )
