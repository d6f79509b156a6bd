"""Resize to sizes, or by scales, of dimensions that only a run knows."""

import numpy as np

from cases import Case, DataSet


def numbers(*shape):
    return ((np.arange(np.prod(shape, dtype=int)) * 7) % 23 - 11).astype(np.float32).reshape(shape)


def sample(x, size, scale, axis, mode):
    """Half-pixel coordinates, neighbours clamped to the operand."""
    last = x.shape[axis] - 1
    at = (np.arange(size) + 0.5) / float(scale) - 0.5
    if mode == "nearest":
        return np.take(x, np.clip(np.ceil(at - 0.5), 0, last).astype(int), axis)
    base = np.floor(at)
    along = [1] * x.ndim
    along[axis] = size
    share = (at - base).reshape(along)
    low, high = (np.take(x, np.clip(base + i, 0, last).astype(int), axis) for i in (0, 1))
    return low * (1 - share) + high * share


def resize(x, sizes, scales, mode):
    for axis, (size, scale) in enumerate(zip(sizes, scales)):
        if x.shape[axis] != size or scale != 1:
            x = sample(x, size, scale, axis, mode)
    return x.astype(np.float32)


def scaled(x, scales, mode):
    scales = np.asarray(scales, np.float32)
    sizes = [int(np.floor(np.float32(n) * s)) for n, s in zip(x.shape, scales)]
    return resize(x, sizes, scales, mode)


def to_sizes(x, sizes, mode):
    return resize(x, sizes, [size / n if n else 1 for size, n in zip(sizes, x.shape)], mode)


def kept(x, sizes, policy, mode):
    ratios = [size / n for size, n in zip(sizes, x.shape)]
    scale = min(ratios) if policy == "not_larger" else max(ratios)
    return resize(x, [int(np.floor(n * scale + 0.5)) for n in x.shape], [scale] * x.ndim, mode)


def cases():
    close = {"rtol": 1e-5, "atol": 1e-5}
    scales = [0.3, 1 / 3, 0.5, 0.7, 1.0, 1.1, 2.0, 2.5, 3.3]
    for mode in "nearest", "linear":
        for number, scale in enumerate(scales):
            yield Case(
                f"{mode}_scale_{number}",
                f"Unknown sizes by a constant scale of {scale:g}.",
                f"""g (float[1, N, M] x) => (float[1, A, B] y) <float[3] s = {{1, {np.float32(scale)}, {np.float32(scale)}}}>
                    {{ y = Resize<mode = "{mode}">(x, , s) }}""",
                [
                    DataSet({"x": numbers(1, n, m)}, {"y": scaled(numbers(1, n, m), [1, scale, scale], mode)})
                    for n, m in ((12, 12), (10, 7), (5, 9), (4, 4))
                ],
                close,
            )
        yield Case(
            f"{mode}_scales",
            "Scales as an input.",
            f'g (float[N, M] x, float[2] s) => (float[A, B] y) {{ y = Resize<mode = "{mode}">(x, , s) }}',
            [
                DataSet({"x": numbers(10, 7), "s": np.float32([a, b])}, {"y": scaled(numbers(10, 7), [a, b], mode)})
                for a, b in ((0.7, 1.3), (1, 1), (2, 0.2), (0.05, 1))
            ],
            close,
        )
        for kind, dims in ("dynamic", "N, M"), ("static", "10, 7"):
            yield Case(
                f"{mode}_sizes_{kind}",
                "Sizes as an input.",
                f'g (float[{dims}] x, int64[2] s) => (float[A, B] y) {{ y = Resize<mode = "{mode}">(x, , , s) }}',
                [
                    DataSet({"x": numbers(10, 7), "s": np.array(s)}, {"y": to_sizes(numbers(10, 7), s, mode)})
                    for s in ([10, 7], [3, 15], [1, 1], [20, 2])
                ],
                close,
            )
            for policy in "not_larger", "not_smaller":
                yield Case(
                    f"{mode}_{policy}_{kind}",
                    "Sizes as an input that keep the aspect ratio.",
                    f"""g (float[{dims}] x, int64[2] s) => (float[A, B] y)
                        {{ y = Resize<mode = "{mode}", keep_aspect_ratio_policy = "{policy}">(x, , , s) }}""",
                    [
                        DataSet({"x": numbers(10, 7), "s": np.array(s)}, {"y": kept(numbers(10, 7), s, policy, mode)})
                        for s in ([10, 7], [5, 14], [20, 7], [3, 3])
                    ],
                    close,
                )
        for policy in "stretch", "not_larger", "not_smaller":
            data = []
            for n, m in (10, 7), (3, 12), (6, 8):
                x = numbers(n, m)
                y = to_sizes(x, [6, 8], mode) if policy == "stretch" else kept(x, [6, 8], policy, mode)
                data.append(DataSet({"x": x}, {"y": y}))
            yield Case(
                f"{mode}_fixed_{policy}",
                "Unknown sizes to constant ones.",
                f"""g (float[N, M] x) => (float[A, B] y) <int64[2] s = {{6, 8}}>
                    {{ y = Resize<mode = "{mode}", keep_aspect_ratio_policy = "{policy}">(x, , , s) }}""",
                data,
                close,
            )
        yield Case(
            f"{mode}_axes",
            "Some axes of unknown sizes, to the sizes of another tensor.",
            f"""g (float[N, 2, M] x, float[A, B] t) => (float[A, 2, B] y)
                {{ s = Shape(t)  y = Resize<mode = "{mode}", axes = [0, 2]>(x, , , s) }}""",
            [
                DataSet(
                    {"x": numbers(5, 2, 4), "t": numbers(a, b)},
                    {"y": to_sizes(numbers(5, 2, 4), [a, 2, b], mode)},
                )
                for a, b in ((5, 4), (9, 2), (1, 11))
            ],
            close,
        )
    yield Case(
        "upsample",
        "Upsample 9 by scales below and above 1 of unknown sizes.",
        """<ir_version: 8, opset_import: ["": 9]> g (float[1, 1, N, M] x) => (float[1, 1, A, B] y)
           <float[4] s = {1, 1, 0.3, 1.7}> { y = Upsample<mode = "nearest">(x, s) }""",
        [
            DataSet(
                {"x": numbers(1, 1, n, m)},
                {
                    "y": numbers(1, 1, n, m)[
                        :,
                        :,
                        np.floor(np.arange(int(np.float32(n) * np.float32(0.3))) / float(np.float32(0.3))).astype(int),
                    ][:, :, :, np.floor(np.arange(int(np.float32(m) * np.float32(1.7))) / float(np.float32(1.7))).astype(int)]
                },
            )
            for n, m in ((10, 5), (7, 3), (20, 10))
        ],
    )
    yield Case(
        "empty",
        "Nothing stays nothing.",
        """g (float[N, M] x) => (float[A, B] y) <float[2] s = {0.7, 2}> { y = Resize<mode = "linear">(x, , s) }""",
        [DataSet({"x": numbers(0, 3)}, {"y": np.zeros((0, 6), np.float32)})],
    )
