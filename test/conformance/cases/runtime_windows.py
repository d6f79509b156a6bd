"""Pools and convolutions over sizes that only a run tells: SAME padding, ceil_mode, and transposed ones."""

import itertools

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    """Not monotonous, and small enough for exact sums."""
    return ((np.arange(np.prod(shape, dtype=int)) * 7) % 23 - 11).astype(np.float32).reshape(shape)


def same(size, reach, stride, upper):
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return (total // 2, total - total // 2) if upper else (total - total // 2, total // 2)


def windows(x, kernel, stride, dilation, low, count):
    """For each window of a [1, C, L] tensor the positions that lie inside, and where they would be."""
    for o in range(count):
        at = o * stride - low + np.arange(kernel) * dilation
        yield at, at[(at >= 0) & (at < x.shape[-1])]


def ceil_count(size, kernel, stride, dilation, low, high):
    """As ONNX's shape inference: one window less if the last would start behind the operand."""
    reach = (kernel - 1) * dilation + 1
    count = -(-(size + low + high - reach) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + low else count


def pool(x, kernel, stride, dilation, pads, count, kind):
    low, high = pads
    out = []
    for at, inside in windows(x, kernel, stride, dilation, low, count):
        part = x[..., inside]
        if kind == "max":
            out.append(part.max(-1))
        elif kind == "lp":
            out.append(np.sqrt((part**2).sum(-1)))
        elif kind == "average":
            out.append(part.sum(-1) / len(inside))
        else:  # padding counts, but not what lies behind it
            out.append(part.sum(-1) / ((at >= -low) & (at < x.shape[-1] + high)).sum())
    return np.stack(out, -1).astype(np.float32) if out else np.zeros((*x.shape[:-1], 0), np.float32)


def conv(x, w, stride, dilation, low, count):
    out = np.zeros((1, w.shape[0], count), np.float32)
    for o, (at, _) in enumerate(windows(x, w.shape[2], stride, dilation, low, count)):
        for tap, position in enumerate(at):
            if 0 <= position < x.shape[-1]:
                out[0, :, o] += w[:, :, tap] @ x[0, :, position]
    return out


def transposed(x, w, stride, dilation, low, size):
    out = np.zeros((1, w.shape[1], size), np.float32)
    for i, tap in itertools.product(range(x.shape[-1]), range(w.shape[2])):
        o = i * stride + tap * dilation - low
        if 0 <= o < size:
            out[0, :, o] += x[0, :, i] @ w[:, :, tap]
    return out


def over_line(name, why, pool, data):
    """A pool of `x` over one dimension of unknown size."""
    model = f"g (float[1, 2, L] x) => (float[1, 2, M] y) {{ y = {pool} }}"
    return Case(name, why, model, data, {"rtol": 1e-5, "atol": 1e-5})


def pools():
    ops = {
        "max": "MaxPool<{}>(x)",
        "average": "AveragePool<{}>(x)",
        "counting": "AveragePool<{}, count_include_pad = 1>(x)",
        "lp": "LpPool<{}>(x)",
    }
    geometries = [(3, 3, 1, 1, 1), (2, 4, 1, 1, 1), (3, 2, 1, 0, 0), (2, 2, 2, 1, 0), (3, 2, 1, 2, 2), (1, 3, 1, 0, 0)]
    for kind, op in ops.items():
        for kernel, stride, dilation, low, high in geometries:
            reach = (kernel - 1) * dilation + 1
            attributes = (
                f"kernel_shape = [{kernel}], strides = [{stride}], dilations = [{dilation}], "
                f"pads = [{low}, {high}], ceil_mode = 1"
            )
            data = []
            for size in range(max(reach - low - high, 1), 12):
                x = numbers(1, 2, size)
                count = ceil_count(size, kernel, stride, dilation, low, high)
                data.append(DataSet({"x": x}, {"y": pool(x, kernel, stride, dilation, (low, high), count, kind)}))
            yield over_line(
                f"{kind}_ceil_k{kernel}s{stride}d{dilation}p{low}{high}",
                "Whether there is a last, partial window depends on the size.",
                op.format(attributes),
                data,
            )
        for pad, kernel, stride in itertools.product(("UPPER", "LOWER"), (1, 2, 3), (1, 2, 3, 4)):
            attributes = f'kernel_shape = [{kernel}], strides = [{stride}], auto_pad = "SAME_{pad}"'
            data = []
            for size in range(1, 10):
                x, pads = numbers(1, 2, size), same(size, kernel, stride, pad == "UPPER")
                data.append(DataSet({"x": x}, {"y": pool(x, kernel, stride, 1, pads, -(-size // stride), kind)}))
            yield over_line(
                f"{kind}_same_{pad.lower()}_k{kernel}s{stride}",
                "A pool with SAME padding, which depends on the size.",
                op.format(attributes),
                data,
            )


def weights(*shape):
    return np.roll(numbers(*shape), 5)


def floats(values):
    return "{" + ", ".join(f"{value:g}" for value in values.ravel()) + "}"


def convolutions():
    for pad, kernel, stride in itertools.product(("UPPER", "LOWER"), (1, 2, 3, 5), (1, 2, 3, 4)):
        w = weights(3, 2, kernel)
        for kind, sizes in ("", range(0, 10)), ("_static", (6, 7)):
            for size in [sizes] if kind == "" else [[n] for n in sizes]:
                dim = "L" if kind == "" else str(size[0])
                name = f"conv_same_{pad.lower()}_k{kernel}s{stride}{kind}" + (dim if kind else "")
                data = []
                for n in size:
                    x, count = numbers(1, 2, n), -(-n // stride)
                    low, _ = same(n, kernel, stride, pad == "UPPER")
                    data.append(DataSet({"x": x}, {"y": conv(x, w, stride, 1, low, count)}))
                yield Case(
                    name,
                    "SAME padding is never negative: a kernel shorter than its stride leaves positions out.",
                    f"""g (float[1, 2, {dim}] x) => (float[1, 3, M] y) <float[3, 2, {kernel}] w = {floats(w)}>
                        {{ y = Conv<auto_pad = "SAME_{pad}", strides = [{stride}]>(x, w) }}""",
                    data,
                )
    x = (numbers(1, 2, 7, 6) + 20).astype(np.uint8)
    w = weights(2, 2, 2, 2).astype(np.int8)
    y = np.zeros((1, 2, 3, 2), np.int32)
    padded = np.zeros((1, 2, 10, 10), np.int64)
    padded[:, :, :7, :6] = x.astype(np.int64) - 20
    padded[:, :, 7:] = padded[:, :, :, 6:] = 0
    for o, i, j in itertools.product(range(2), range(3), range(2)):
        y[0, o, i, j] = (padded[0, :, 3 * i : 3 * i + 2, 3 * j : 3 * j + 2] * w[o]).sum()
    yield Case(
        "convinteger_same",
        "An integer convolution with SAME padding of unknown sizes.",
        f"""g (uint8[1, 2, H, W] x) => (int32[1, 2, A, B] y)
            <int8[2, 2, 2, 2] w = {floats(w)}, uint8 z = {{20}}>
            {{ y = ConvInteger<auto_pad = "SAME_UPPER", strides = [3, 3]>(x, w, z) }}""",
        [DataSet({"x": x}, {"y": y})],
    )


def transposed_convolutions():
    for pad, kernel, stride, extra in itertools.product(("UPPER", "LOWER"), (1, 2, 3, 5), (1, 2, 3, 4), (0, 1)):
        if extra >= stride:
            continue
        w = weights(2, 3, kernel)
        data = []
        for n in (1, 2, 3, 5):
            x, full = numbers(1, 2, n), (n - 1) * stride + kernel + extra
            total = max(full - n * stride, 0)
            low = total // 2 if pad == "UPPER" else total - total // 2
            data.append(DataSet({"x": x}, {"y": transposed(x, w, stride, 1, low, full - total)}))
        for dim, part in [("L", data), ("3", data[2:3])]:
            yield Case(
                f"transposed_same_{pad.lower()}_k{kernel}s{stride}o{extra}_{dim}",
                "SAME takes away what is more than strides times the size, and adds nothing.",
                f"""g (float[1, 2, {dim}] x) => (float[1, 3, M] y) <float[2, 3, {kernel}] w = {floats(w)}>
                    {{ y = ConvTranspose<auto_pad = "SAME_{pad}", strides = [{stride}],
                                         output_padding = [{extra}]>(x, w) }}""",
                part,
            )
    for pad, size in itertools.product(("SAME_UPPER", "SAME_LOWER", "NOTSET"), (7, 10)):
        w = weights(2, 3, 3)
        data = []
        for n in (3, 4, 5, 6):
            x, full = numbers(1, 2, n), (n - 1) * 2 + 3
            total = max(full - size, 0)
            low = total // 2 if pad == "SAME_UPPER" else total - total // 2
            data.append(DataSet({"x": x}, {"y": transposed(x, w, 2, 1, low, size)}))
        yield Case(
            f"transposed_shape_{pad.lower()}_{size}",
            "A given size, which may be more or less than what unknown sizes give.",
            f"""g (float[1, 2, L] x) => (float[1, 3, {size}] y) <float[2, 3, 3] w = {floats(w)}>
                {{ y = ConvTranspose<auto_pad = "{pad}", strides = [2], output_shape = [{size}]>(x, w) }}""",
            data,
        )


def scattered():
    def col2im(columns, image, block, strides, pads):
        channels = columns.shape[1] // np.prod(block)
        padded = np.zeros((channels, *(n + 2 * p for n, p in zip(image, pads))), np.float32)
        counts = [(n + 2 * p - b) // s + 1 for n, p, b, s in zip(image, pads, block, strides)]
        parts = columns.reshape(channels, *block, *counts)
        for at in np.ndindex(*block):
            for o in np.ndindex(*counts):
                place = tuple(i * s + k for i, s, k in zip(o, strides, at))
                padded[(slice(None), *place)] += parts[(slice(None), *at, *o)]
        return padded[None][:, :, pads[0] : pads[0] + image[0], pads[1] : pads[1] + image[1]]

    data = []
    for image in (4, 5), (3, 3), (2, 7):
        count = (image[0] + 2 - 2) // 1 + 1, (image[1] - 3) // 2 + 1
        columns = numbers(1, 2 * 6, int(np.prod(count)))
        y = col2im(columns, image, (2, 3), (1, 2), (1, 0))
        data.append(DataSet({"x": columns, "s": np.array(image)}, {"y": y}))
    yield Case(
        "col2im",
        "The size of the image as an input.",
        """g (float[1, 12, L] x, int64[2] s) => (float[1, 2, H, W] y) <int64[2] b = {2, 3}>
           { y = Col2Im<strides = [1, 2], pads = [1, 0, 1, 0]>(x, s, b) }""",
        data,
    )
    data = []
    for n in 1, 2, 4:
        x, i = numbers(1, 1, n), np.arange(n).reshape(1, 1, n) * 2 + np.arange(n).reshape(1, 1, n) % 2
        y = np.zeros((1, 1, 2 * n), np.float32)
        y[0, 0, i] = x
        data.append(DataSet({"x": x, "i": i}, {"y": y}))
    yield Case(
        "unpool",
        "MaxUnpool of an unknown size, and positions of another name.",
        """g (float[1, 1, N] x, int64[1, 1, M] i) => (float[1, 1, A] y)
           { y = MaxUnpool<kernel_shape = [2], strides = [2]>(x, i) }""",
        data,
    )


def cases():
    yield from pools()
    yield from scattered()
    yield from convolutions()
    yield from transposed_convolutions()
