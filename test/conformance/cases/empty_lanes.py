"""Vectors of which no lane takes an element that is computed for all of them: nothing may be read, nor divided, there."""

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    return ((np.arange(np.prod(shape, dtype=int)) * 7) % 23 - 11).astype(np.float32).reshape(shape)


def pool(x, kernel, reduce):
    """Windows of odd sizes around every element of the last two dimensions; what is outside does not count."""
    around = [size // 2 for size in kernel]
    wide = np.pad(x, [(0, 0), (0, 0), *((n, n) for n in around)], constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(wide, kernel, axis=(2, 3))
    return reduce(windows, axis=(4, 5)).astype(np.float32)


def pools():
    for name, reduce in (("MaxPool", np.nanmax), ("AveragePool", np.nanmean)):
        for width in 1, 70:
            x = numbers(1, 2, 5, width)
            yield Case(
                f"{name.lower()}_of_{width}",
                "Windows above the first row and below the last, of rows that may be one number: one address for all lanes.",
                f"""g (float[1, 2, 5, {width}] x) => (float[1, 2, 5, 70] y) <int64[4] sizes = {{1, 2, 5, 70}}> {{
                    wide = Expand(x, sizes)
                    y = {name}<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(wide)
                }}""",
                [DataSet({"x": x}, {"y": pool(np.broadcast_to(x, (1, 2, 5, 70)), (3, 3), reduce)})],
                {"rtol": 1e-5, "atol": 1e-5},
            )
    sets = []
    for c, h, w in ((2, 3, 40), (1, 1, 1), (33, 2, 5)):
        x, z = numbers(1, c, h, 1), numbers(1, c, h, w)
        sets.append(DataSet({"x": x, "z": z}, {"y": pool(x + z, (3, 1), np.nanmax).transpose(3, 2, 1, 0)}))
    yield Case(
        "maxpool_of_sum",
        "The same with sizes that only a run tells, and a transpose behind.",
        """g (float[1, C, H, 1] x, float[1, C, H, W] z) => (float[W, H, C, 1] y) {
            wide = Add(x, z)
            pooled = MaxPool<kernel_shape = [3, 1], pads = [1, 0, 1, 0]>(wide)
            y = Transpose<perm = [3, 2, 1, 0]>(pooled)
        }""",
        sets,
    )


def concatenation(name, why, model, compute, sets):
    return Case(f"concat_of_{name}", why, model, [DataSet(inputs, {"y": compute(**inputs)}) for inputs in sets])


def concatenations():
    sizes = (3, 0, 4, 40), (3, 4, 0, 40), (3, 2, 3, 70), (0, 2, 3, 7)
    yield concatenation(
        "reshape",
        "Rows with parts that have no elements: what would be read of them is found by dividing by their sizes.",
        """g (float[A, R, B] x, float[R, W] z) => (float[R, N] y) {
            turned = Transpose<perm = [1, 0, 2]>(x)
            flat = Flatten<axis = 1>(turned)
            above = Abs(flat)
            below = Neg(z)
            y = Concat<axis = 1>(above, below, flat)
        }""",
        lambda x, z: np.hstack([np.abs(f := x.transpose(1, 0, 2).reshape(len(z), len(x) * x.shape[2])), -z, f]),
        [{"x": numbers(a, r, b), "z": numbers(r, w)} for r, a, b, w in sizes],
    )
    yield concatenation(
        "expand",
        "Parts that are one number per row, repeated as often as a run says.",
        """g (float[N, 1] x, int64[2] sizes, float[N, W] z) => (float[N, M] y) {
            wide = Expand(x, sizes)
            twice = Add(wide, x)
            y = Concat<axis = 1>(twice, z, wide)
        }""",
        lambda x, sizes, z: np.hstack([2 * np.broadcast_to(x, sizes), z, np.broadcast_to(x, sizes)]),
        [
            {"x": numbers(n, 1), "sizes": np.array([n, k]), "z": numbers(n, w)}
            for n, k, w in ((3, 0, 40), (3, 40, 0), (1, 5, 70), (0, 3, 4))
        ],
    )
    yield concatenation(
        "picked_rows",
        "A part that is rows picked from a table without columns, or without any row to pick.",
        """g (float[T, C] table, int64[N] rows, float[N, W] z) => (float[N, M] y) {
            picked = Gather(table, rows)
            y = Concat<axis = 1>(z, picked)
        }""",
        lambda table, rows, z: np.hstack([z, table[rows]]),
        [
            {"table": numbers(t, c), "rows": np.arange(n) % max(t, 1), "z": numbers(n, w)}
            for t, c, n, w in ((3, 0, 5, 40), (3, 5, 4, 0), (0, 3, 0, 4))
        ],
    )


def cases():
    yield from pools()
    yield from concatenations()
