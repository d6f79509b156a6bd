"""Broadcasting of sizes that only a run tells."""

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def cases():
    yield Case(
        "add_equal",
        "Two symbols that are equal in this run.",
        "g (float[N, 3] x, float[M, 3] y) => (float[K, 3] z) { z = Add(x, y) }",
        [DataSet({"x": numbers(2, 3), "y": numbers(2, 3)})],
    )
