"""Ops of whose results nothing is used but a size, which depends on data."""

import numpy as np

from cases import Case, DataSet


def cases():
    x = np.array([3, 0, 1, 3, 0, 1, 1], np.float32)
    kept = np.array([1, 0, 1, 1, 0, 0, 1], bool)
    ops = {
        "non_zero": ("v = NonZero(x)", 1, 5),
        "compress": ("v = Compress<axis = 0>(x, c)", 0, 4),
        "unique": ("v = Unique(x)", 0, 3),
    }
    for name, (op, axis, size) in ops.items():
        common = f"{op}  all = Shape(v)  i = Constant<value_ints = [{axis}]>()  n = Gather(all, i)"
        header = "g (float[N] x, bool[N] c) =>"
        yield Case(
            f"{name}_shape",
            "The size itself is the output.",
            f"{header} (int64[1] n) {{ {common} }}",
            [DataSet({"x": x, "c": kept}, {"n": np.array([size])})],
        )
        yield Case(
            f"{name}_filled",
            "The size is that of a tensor.",
            f"{header} (float[M] y) {{ {common}  y = ConstantOfShape(n) }}",
            [DataSet({"x": x, "c": kept}, {"y": np.zeros(size, np.float32)})],
        )
    branches = """g (float[N] x, bool b) => (float[M] y) {
        v = If (b) <
          then_branch = t () => (float[A] p) { p = Concat<axis = 0>(x, x) },
          else_branch = e () => (float[B] q) { q = Neg(x) }
        >
        n = Shape(v)
        y = ConstantOfShape(n)
    }"""
    yield Case(
        "if_filled",
        "Branches of different sizes.",
        branches,
        [DataSet({"x": x, "b": np.array(b)}, {"y": np.zeros(14 if b else 7, np.float32)}) for b in (True, False)],
    )
    growing = """g (float[N] x, int64 count, bool go) => (float[M] y, float[K] z) {
        final, stack = Loop (count, go, x) <
          body = b (int64 i, bool c, float[L] v) => (bool d, float[P] w, float s) {
            d = Identity(c)
            w = Concat<axis = 0>(v, x)
            s = ReduceSum<keepdims = 0>(v)
          }
        >
        n = Shape(final)
        y = ConstantOfShape(n)
        m = Shape(stack)
        z = ConstantOfShape(m)
    }"""
    yield Case(
        "loop_filled",
        "A carried value that grows, and a stack as long as there are iterations.",
        growing,
        [
            DataSet(
                {"x": x, "count": np.array(count), "go": np.array(True)},
                {"y": np.zeros(7 * (count + 1), np.float32), "z": np.zeros(count, np.float32)},
            )
            for count in (0, 1, 3)
        ],
    )
