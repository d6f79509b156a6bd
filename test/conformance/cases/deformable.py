"""DeformConv with groups, offsets beyond the image, strides and dilations, in one and two dimensions."""

import itertools

import numpy as np

from cases import Case, single

RNG = np.random.default_rng(31)
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def floats(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def compute(x, w, offset, bias, mask, strides, pads, dilations, group, offset_group):
    """Every tap of every window by itself, in double."""
    batch, channels, *size = x.shape
    rank, kernel, outputs = len(size), w.shape[2:], w.shape[0]
    counts = offset.shape[2:]
    offset = offset.astype(np.float64).reshape(batch, offset_group, *kernel, rank, *counts)
    if mask is not None:
        mask = mask.reshape(batch, offset_group, *kernel, *counts)
    y = np.zeros((batch, outputs, *counts))
    for n, place, tap in itertools.product(range(batch), np.ndindex(*counts), np.ndindex(*kernel)):
        for c in range(channels):
            og = c // (channels // offset_group)
            at = [place[d] * strides[d] - pads[d] + tap[d] * dilations[d] + offset[(n, og, *tap, d, *place)]
                  for d in range(rank)]
            value = 0.0
            for corner in itertools.product((0, 1), repeat=rank):
                index = [int(np.floor(a)) + side for a, side in zip(at, corner)]
                if all(0 <= i < s for i, s in zip(index, size)):
                    share = np.prod([1 - abs(a - i) for a, i in zip(at, index)])
                    value += share * x[(n, c, *index)]
            if mask is not None:
                value *= mask[(n, og, *tap, *place)]
            per = channels // group
            first = c // per * (outputs // group)
            for o in range(first, first + outputs // group):
                y[(n, o, *place)] += value * w[(o, c % per, *tap)]
    if bias is not None:
        y += bias.reshape(-1, *[1] * rank)
    return y.astype(np.float32)


def case(name, size, kernel, group=1, offset_group=1, strides=None, pads=None, dilations=None, masked=True,
         biased=True, scale=1.0, dtype=np.float32):
    rank = len(size)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    pads = pads or [0] * (2 * rank)
    counts = [(s + pads[d] + pads[d + rank] - (k - 1) * dilations[d] - 1) // strides[d] + 1
              for d, (s, k) in enumerate(zip(size, kernel))]
    channels, outputs, taps = 4, 6, int(np.prod(kernel))
    arrays = [floats(2, channels, *size), floats(outputs, channels // group, *kernel),
              floats(2, offset_group * taps * rank, *counts, scale=scale),
              floats(outputs) if biased else None,
              np.abs(floats(2, offset_group * taps, *counts)) if masked else None]
    expected = compute(*arrays, strides, pads, dilations, group, offset_group)
    arrays = [array if array is None else array.astype(dtype) for array in arrays]
    attributes = {"strides": strides, "pads": pads, "dilations": dilations, "group": group,
                  "offset_group": offset_group, "kernel_shape": list(kernel)}
    for form, model, data in single("DeformConv", arrays, attributes, constants=(1, 3), opset=22,
                                    expected=[expected.astype(dtype)]):
        tolerance = TOLERANCE if dtype == np.float32 else {"rtol": 2e-2, "atol": 5e-2}
        yield Case(f"{name}_{form}", "Taps read where offsets say, zeros outside of the image.", model, data, tolerance)


def cases():
    yield from case("plain", (6, 7), (3, 3), masked=False, biased=False)
    yield from case("masked", (6, 7), (3, 3), pads=[1, 1, 1, 1])
    yield from case("groups", (6, 5), (2, 3), group=2, offset_group=2)
    yield from case("more_offsets", (5, 5), (2, 2), offset_group=4, biased=False)
    yield from case("more_groups", (5, 5), (2, 2), group=2, offset_group=1, masked=False)
    yield from case("strides", (9, 8), (3, 2), strides=[2, 3], pads=[2, 0, 1, 1], dilations=[2, 1])
    yield from case("far", (4, 4), (3, 3), pads=[1, 1, 1, 1], scale=20.0)
    yield from case("line", (11,), (3,), pads=[1, 1])
    yield from case("volume", (4, 3, 5), (2, 2, 2), offset_group=2)
    yield from case("halves", (6, 7), (3, 3), dtype=np.float16)
