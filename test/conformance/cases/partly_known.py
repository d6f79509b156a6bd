"""Lists of sizes, pads and bounds of which data decides some elements, and the model the others."""

import itertools

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    return np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def cases():
    yield from pads()
    yield from shapes()


def pads():
    """As torch writes them: pairs from the last dimension on, reversed and transposed."""
    for mode in ("constant", "reflect", "edge", "wrap"):
        data = []
        for n, extra in itertools.product((4, 7), (-2, -1, 0, 1, 3)):
            x = numbers(1, 2, n)
            kept = x[..., : n + min(extra, 0)]
            widths = ((0, 0), (0, 0), (1, max(extra, 0)))
            y = np.pad(kept, widths, mode=mode) if mode != "constant" else np.pad(kept, widths)
            data.append(DataSet({"x": x, "p": np.array([extra])}, {"y": y}))
        yield Case(
            f"pads_{mode}",
            "One of six pads depends on data.",
            f"""g (float[1, 2, N] x, int64[1] p) => (float[1, 2, M] y)
                <int64[1] low = {{1}}, int64[4] none = {{0, 0, 0, 0}}, int64[2] pairs = {{3, 2}},
                 int64[1] first = {{-1}}, int64[1] last = {{-9223372036854775807}}, int64[1] axis = {{0}},
                 int64[1] back = {{-1}}, int64[1] flat = {{-1}}> {{
                all = Concat<axis = 0>(low, p, none)
                rows = Reshape(all, pairs)
                turned = Slice(rows, first, last, axis, back)
                columns = Transpose<perm = [1, 0]>(turned)
                list = Reshape(columns, flat)
                y = Pad<mode = "{mode}">(x, list)
            }}""",
            data,
        )
    # The mixed-in pad is the same one everywhere.
    x = numbers(3, 4)
    yield Case(
        "pads_convolved",
        "Channels stay what they were where a pad of another dimension depends on data.",
        """g (float[1, 4, N] x, int64[1] p) => (float[1, 2, M] y)
           <int64[2] zero = {0, 0}, int64[1] none = {0}> {
            half = Constant<value_float = 0.5>()
            shape = Constant<value_ints = [2, 4, 3]>()
            w = Expand(half, shape)
            pads = Concat<axis = 0>(zero, p, zero, none)
            padded = Pad(x, pads)
            y = Conv(padded, w)
        }""",
        [
            DataSet({"x": x.T[None], "p": np.array([p])}, {"y": convolve(np.pad(x.T, ((0, 0), (p, 0))))})
            for p in (0, 1, 5)
        ],
    )


def convolve(x):
    """Sums of three columns, halved, for each of two output channels."""
    sums = x.sum(0)
    y = np.array([sums[i : i + 3].sum() / 2 for i in range(len(sums) - 2)], np.float32)
    return np.stack([y, y])[None]


def shapes():
    x = numbers(2, 6)
    yield Case(
        "reshape",
        "A shape of a number of the run, a constant and what is left.",
        """g (float[2, N] x, int64[1] n) => (float[A, 2, B] y) <int64[2] rest = {2, -1}> {
            shape = Concat<axis = 0>(n, rest)
            y = Reshape(x, shape)
        }""",
        [DataSet({"x": x, "n": np.array([n])}, {"y": x.reshape(n, 2, -1)}) for n in (1, 2, 3, 6)],
    )
    yield Case(
        "reshape_copies",
        "0 copies a dimension, in the model or in the run.",
        """g (float[2, N] x, int64[1] n) => (float[A, 2, B] y) <int64[2] rest = {-1, 1}> {
            shape = Concat<axis = 0>(n, rest)
            z = Reshape(x, shape)
            y = Concat<axis = 1>(z, z)
        }""",
        [
            DataSet({"x": x, "n": np.array([n])}, {"y": np.concatenate([x.reshape(n or 2, -1, 1)] * 2, 1)})
            for n in (0, 6, 12)
        ],
    )
    row = numbers(1, 3)
    yield Case(
        "expand",
        "-1 stands for the operand's size: exporters choose between it and a size of the run.",
        """g (float[1, 3] x, int64[1] n) => (float[A, 3] y) <int64[1] all = {-1}> {
            one = Constant<value_ints = [1, 1]>()
            minus = Constant<value_int = -1>()
            wanted = Concat<axis = 0>(n, all)
            isAll = Equal(wanted, minus)
            shape = Where(isAll, one, wanted)
            y = Expand(x, shape)
        }""",
        [DataSet({"x": row, "n": np.array([n])}, {"y": np.broadcast_to(row, (n, 3)).copy()}) for n in (0, 1, 4)],
    )
    yield Case(
        "slice",
        "Bounds in two dimensions, one of which the model gives.",
        """g (float[N, 6] x, int64[1] n) => (float[A, 2] y) <int64[1] two = {2}> {
            starts = Concat<axis = 0>(n, two)
            four = Add(two, two)
            size = Shape<start = 0, end = 1>(x)
            ends = Concat<axis = 0>(size, four)
            y = Slice(x, starts, ends)
        }""",
        [DataSet({"x": x, "n": np.array([n])}, {"y": x[n:, 2:4]}) for n in (-1, 0, 1, 2, 5)],
    )
