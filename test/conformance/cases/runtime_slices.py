"""Slices whose bounds lie outside of what only a run knows the size of: ONNX clamps them."""

import numpy as np

from cases import Case, DataSet

END = 2**63 - 1
BEGIN = -(2**63)


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def cut(x, start, end, step, axis=0):
    """ONNX's clamping, which is numpy's but for a start in front of a slice that goes backwards."""
    size = x.shape[axis]
    if start < 0:
        start += size
    if end < 0:
        end += size
    if step > 0:
        picked = range(min(max(start, 0), size), min(max(end, 0), size), step)
    else:
        picked = range(min(max(start, 0), size - 1), max(min(end, size - 1), -1), step) if size else []
    return np.take(x, list(picked), axis)


def text(values):
    return "{" + ", ".join(map(str, values)) + "}"


def cases():
    bounds = [
        (0, 1, 1),
        (0, 5, 1),
        (1, END, 1),
        (2, END, 1),
        (5, END, 1),
        (0, -1, 1),
        (1, -1, 1),
        (-1, END, 1),
        (-3, END, 1),
        (-3, -1, 1),
        (3, 1, 1),
        (2, 4, 1),
        (4, -4, 1),
        (1, END, 2),
        (0, -2, 3),
        (-5, 3, 2),
        (-1, BEGIN, -1),
        (-1, BEGIN, -2),
        (3, 0, -1),
        (END, 1, -2),
        (-2, -5, -1),
        (0, BEGIN, -1),
    ]
    sizes = (0, 1, 2, 3, 4, 6, 9)
    for number, (start, end, step) in enumerate(bounds):
        yield Case(
            f"constant_{number}",
            f"[{start} : {end} : {step}] of dimensions of any size.",
            f"""g (float[N, 3] x) => (float[A, 3] y)
                <int64[1] s = {text([start])}, int64[1] e = {text([end])}, int64[1] a = {text([0])},
                 int64[1] t = {text([step])}> {{ n = Neg(x)  y = Slice(n, s, e, a, t) }}""",
            [DataSet({"x": -numbers(n, 3)}, {"y": cut(numbers(n, 3), start, end, step)}) for n in sizes],
        )
    for number, step in enumerate((1, 2, -1, -3)):
        yield Case(
            f"bounds_{number}",
            f"Bounds as inputs, in steps of {step}.",
            f"""g (float[N] x, int64[1] s, int64[1] e) => (float[A] y)
                <int64[1] a = {text([0])}, int64[1] t = {text([step])}> {{ y = Slice(x, s, e, a, t) }}""",
            [
                DataSet(
                    {"x": numbers(n), "s": np.array([s]), "e": np.array([e])},
                    {"y": cut(numbers(n), s, e, step)},
                )
                for n in (0, 1, 5)
                for s in (0, 2, -1, -9, 7, END, BEGIN)
                for e in (0, 3, -1, -9, END, BEGIN)
            ],
        )
    yield Case(
        "all_inputs",
        "Bounds, axes and steps as inputs.",
        """g (float[N, M] x, int64[1] s, int64[1] e, int64[1] a, int64[1] t) => (float[A, B] y)
           { y = Slice(x, s, e, a, t) }""",
        [
            DataSet(
                {"x": numbers(*shape), "s": np.array([s]), "e": np.array([e]), "a": np.array([a]), "t": np.array([t])},
                {"y": cut(numbers(*shape), s, e, t, a)},
            )
            for shape in ((4, 5), (1, 0))
            for a in (0, 1, -1)
            for s, e, t in ((0, END, 1), (1, 3, 1), (-1, BEGIN, -1), (7, 2, 1), (4, 0, -2), (0, 5, END), (-1, 0, BEGIN))
        ],
    )
    yield Case(
        "window",
        "The last five positions, from a start that turns negative for shorter tensors, and then counts from the end.",
        """g (float[N] x) => (float[A] y) <int64[1] k = {5}, int64[1] e = {9223372036854775807}>
           { n = Shape(x)  s = Sub(n, k)  y = Slice(x, s, e) }""",
        [DataSet({"x": numbers(n)}, {"y": cut(numbers(n), n - 5, END, 1)}) for n in (1, 3, 4, 5, 6, 9)],
    )
    yield Case(
        "by_other_size",
        "The first N positions of a tensor that has fewer, as many, or more.",
        """g (float[N] x, float[M] t, float[6] f) => (float[A] y, float[B] z) <int64[1] b = {0}>
           { n = Shape(x)  y = Slice(t, b, n)  z = Slice(f, b, n) }""",
        [
            DataSet(
                {"x": numbers(n), "t": numbers(m), "f": numbers(6)},
                {"y": numbers(m)[:n], "z": numbers(6)[:n]},
            )
            for n, m in ((3, 5), (5, 3), (4, 4), (0, 2), (2, 0), (9, 1))
        ],
    )
    yield Case(
        "minus_size",
        "The last N positions, where -0 is the first one and not behind the last.",
        """g (float[N] x, float[M] t) => (float[A] y) <int64[1] e = {9223372036854775807}>
           { n = Shape(x)  s = Neg(n)  y = Slice(t, s, e) }""",
        [
            DataSet({"x": numbers(n), "t": numbers(m)}, {"y": cut(numbers(m), -n, END, 1)})
            for n, m in ((2, 5), (5, 2), (0, 3), (3, 3))
        ],
    )
    yield Case(
        "table",
        "As many rows of a table in the model as the operand has, joined to it.",
        """g (float[N, 2] x) => (float[N, 2] y) <float[4, 2] t = {1, 2, 3, 4, 5, 6, 7, 8}, int64[1] b = {0}, int64[1] a = {0}>
           { s = Shape<start = 0, end = 1>(x)  p = Slice(t, b, s, a)  y = Add(x, p) }""",
        [DataSet({"x": numbers(n, 2)}, {"y": numbers(n, 2) + numbers(4, 2)[:n]}) for n in (1, 2, 4)],
    )
    yield Case(
        "shift",
        "A sequence and its successor: both slices have the same unknown size.",
        """g (float[N, 4] x) => (float[A, 4] y)
           <int64[1] zero = {0}, int64[1] one = {1}, int64[1] last = {-1}, int64[1] end = {9223372036854775807}>
           { a = Slice(x, zero, last, zero)  b = Slice(x, one, end, zero)  y = Sub(b, a) }""",
        [DataSet({"x": numbers(n, 4)}, {"y": np.diff(numbers(n, 4), axis=0)[: max(n - 1, 0)]}) for n in (1, 2, 5)]
        + [DataSet({"x": numbers(0, 4)}, {"y": np.zeros((0, 4), np.float32)})],
    )
    yield from tables()


def tables():
    """Slices of constants that end at a size of the run: as far as the constant goes."""
    table = numbers(4, 2)
    literal = "{" + ", ".join(str(v) for v in table.ravel()) + "}"
    for start in (0, 1, 3):
        yield Case(
            f"table_from_{start}",
            f"The rows from {start} of a table of four, up to a size of the run.",
            f"""g (float[N] x) => (float[M, 2] y)
                <float[4, 2] table = {literal}, int64[1] s = {text([start])}, int64[1] a = {text([0])}>
                {{ n = Shape(x)  y = Slice(table, s, n, a) }}""",
            [DataSet({"x": numbers(n)}, {"y": table[start:n]}) for n in (0, 1, 2, 3, 4, 5, 9)],
        )
    yield Case(
        "table_of_positions",
        "A row of the table for each row of the operand.",
        f"""g (float[N, 2] x) => (float[N, 2] y)
            <float[4, 2] table = {literal}, int64[1] s = {text([0])}, int64[1] a = {text([0])}>
            {{ n = Shape<start = 0, end = 1>(x)  t = Slice(table, s, n, a)  y = Add(x, t) }}""",
        [DataSet({"x": numbers(n, 2)}, {"y": numbers(n, 2) + table[:n]}) for n in (0, 1, 2, 4)],
    )
    row = numbers(1, 2)
    yield Case(
        "table_of_one_row",
        "A table of one row broadcasts, however many rows are asked for.",
        f"""g (float[N, 2] x) => (float[N, 2] y)
            <float[1, 2] table = {text(row.ravel())}, int64[1] s = {text([0])}, int64[1] a = {text([0])}>
            {{ n = Shape<start = 0, end = 1>(x)  t = Slice(table, s, n, a)  y = Add(x, t) }}""",
        [DataSet({"x": numbers(n, 2)}, {"y": numbers(n, 2) + row}) for n in (1, 2, 4)],
    )
