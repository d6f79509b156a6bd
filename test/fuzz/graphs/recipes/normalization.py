"""Normalizations, recurrences, attention and other composed float operators."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .contractions import image

FLOAT = ("float32", "float32", "float64")


def finite(v):
    return v.every(lambda a: np.all(np.abs(a.astype(float)) < 1e6)) and all(min(s) > 0 for s in v.shape)


def reject_alone(x, count):
    """Rejects to normalize one element that was rounded.

    It minus its mean is zero, but a multiplication before may be contracted into the subtraction and not into the
    mean; where epsilon is small, what is left then is not.

    Args:
        count: how many elements are normalized together, in each data set.
    """
    if 1 in count and not all(len({version.tobytes() for version in versions}) == 1 for versions in x.data):
        raise Reject("the mean of one rounded element")


def product(sizes):
    """Of the sizes of some dimensions, in each data set."""
    return np.prod(np.array(list(sizes)), axis=0) if sizes else np.array([1])


def per_channel(g, type, dims, count, kind="normal"):
    return [g.fresh(type, dims, kind) for _ in range(count)]


@recipe("LayerNormalization RMSNormalization", weight=1.5)
def layer_norm(g, op):
    # Of f64 they compute the statistics in f32, if stash_type is left out.
    x = g.value(["float32"], rank=(1, 4), where=finite)
    axis = g.integer(0, x.rank - 1)
    if op == "LayerNormalization":
        reject_alone(x, product(x.shape[axis:]))
    scale = g.fresh(x.type, x.shape[axis:], "normal")
    bias = g.fresh(x.type, x.shape[axis:], "normal") if op == "LayerNormalization" and g.flip() else None
    outputs = [True, g.flip(), g.flip()] if op == "LayerNormalization" and g.flip(0.2) else 1
    return g.node(op, [x, scale, bias], outputs=outputs, axis=axis - x.rank if g.flip() else axis,
                  epsilon=1e-3 if g.flip() else None)


@recipe("GroupNormalization InstanceNormalization BatchNormalization", weight=1)
def channel_norm(g, op):
    x = image(g, [t for t in g.types(op) if t in FLOAT and (t == "float32" or op != "GroupNormalization")])
    if not finite(x):
        raise Reject("infinities")
    c = x.shape[1]
    epsilon = 1e-2 if g.flip(0.7) else None
    if op == "GroupNormalization":
        groups = g.pick([d for d in range(1, c[0] + 1) if c[0] % d == 0])
        reject_alone(x, product(x.shape[2:]) * (c[0] // groups))
        size = c if g.version() >= 21 else g.constant_size(groups)
        return g.node(op, [x, *per_channel(g, x.type, [size], 2)], num_groups=groups, epsilon=epsilon)
    if op == "InstanceNormalization":
        reject_alone(x, product(x.shape[2:]))
        return g.node(op, [x, *per_channel(g, x.type, [c], 2)], epsilon=epsilon)
    operands = [*per_channel(g, x.type, [c], 3), g.fresh(x.type, [c], "positive")]
    return g.node(op, [x, *operands], epsilon=epsilon)


@recipe("LpNormalization MeanVarianceNormalization LRN")
def plain_norm(g, op):
    x = image(g, [t for t in g.types(op) if t in FLOAT])
    if not finite(x):
        raise Reject("infinities")
    if op == "LRN":
        return g.node(op, [x], size=g.pick([1, 3, 5]), alpha=0.1 if g.flip() else None, bias=2.0 if g.flip() else None)
    if op == "LpNormalization":
        return g.node(op, [x], axis=g.integer(-1, x.rank - 1), p=g.integer(1, 2))
    axes = sorted(g.rng.permutation(x.rank)[: g.integer(1, x.rank)].tolist())
    return g.node(op, [x], axes=axes)


@recipe("LSTM GRU RNN", weight=1)
def recurrent(g, op):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    layout = 0
    direction = g.pick(["forward", "reverse", "bidirectional"])
    directions = 2 if direction == "bidirectional" else 1
    time, batch, size, hidden = g.size(1), g.size(1), g.constant_size(g.integer(1, 5)), g.constant_size(g.integer(1, 5))
    x = g.value(["float32"], shape=[time, batch, size], where=finite)
    count = g.constant_size(directions)
    rows = g.constant_size(gates * hidden[0])
    w = g.fresh("float32", [count, rows, size], "unit")
    r = g.fresh("float32", [count, rows, hidden], "unit")
    b = g.fresh("float32", [count, g.constant_size(2 * gates * hidden[0])], "unit") if g.flip() else None
    lengths = None
    if g.flip(0.3):
        rows = tuple([g.integer(1, time[i]) for _ in range(batch[i])] for i in range(g.style.data_sets))
        lengths = g.input([np.array(row, np.int32) for row in rows], pooled=False)
    initial = g.fresh("float32", [count, batch, hidden], "unit") if g.flip(0.4) else None
    operands = [x, w, r, b, lengths, initial]
    if op == "LSTM" and g.flip(0.3):
        operands.append(g.fresh("float32", [count, batch, hidden], "unit"))
        if g.flip():
            operands.append(g.fresh("float32", [count, g.constant_size(3 * hidden[0])], "unit"))
    attributes = {"linear_before_reset": 1} if op == "GRU" and g.flip() else {}
    outputs = [True, g.flip(), g.flip()][: 3 if op == "LSTM" else 2]
    return g.node(op, operands, outputs=outputs, hidden_size=hidden[0], direction=direction,
                  layout=layout or None, **attributes)


@recipe("Attention", weight=1)
def attention(g, op):
    batch, q, k = g.size(1), g.size(1), g.size(1)
    heads = g.integer(1, 3)
    groups = g.pick([1, 1, 2])
    d, dv = g.integer(1, 8), g.integer(1, 8)
    four = g.flip()
    attributes = {"is_causal": g.integer(0, 1)} if g.flip(0.4) else {}
    if four:
        shapes = [[batch, g.constant_size(heads * groups), q, g.constant_size(d)],
                  [batch, g.constant_size(heads), k, g.constant_size(d)], [batch, g.constant_size(heads), k, g.constant_size(dv)]]
    else:
        shapes = [[batch, q, g.constant_size(heads * groups * d)], [batch, k, g.constant_size(heads * d)],
                  [batch, k, g.constant_size(heads * dv)]]
        attributes |= {"q_num_heads": heads * groups, "kv_num_heads": heads}
    type = g.pick(["float32", "float32", "float64", "float16"])
    operands = [g.value([type], shape=shape, where=finite) for shape in shapes]
    mask = None
    if g.flip(0.4):
        mask = g.fresh(type, g.narrowed([batch, g.constant_size(heads * groups), q, k])[-4:], "normal")
        if mask.rank < 2 or mask.shape[-1] != k or mask.shape[-2] not in (q,):
            raise Reject("mask")
    if g.flip(0.2):
        attributes["scale"] = 0.25
    if g.flip(0.2):
        attributes["softcap"] = 2.0
    return g.node(op, [*operands, mask], **attributes)


@recipe("RotaryEmbedding", weight=0.7)
def rotary(g, op):
    batch, time, heads, half = g.size(1), g.size(1), g.integer(1, 3), g.integer(1, 4)
    longest = max(time) + 1
    x = g.value(["float32"], shape=[batch, g.constant_size(heads), time, g.constant_size(2 * half)], where=finite)
    caches = [g.fresh("float32", [*map(g.constant_size, (longest, half))], "unit") for _ in range(2)]
    ids = g.input([g.rng.integers(0, longest, (batch[i], time[i])) for i in range(g.style.data_sets)], pooled=False)
    return g.node(op, [x, *caches, ids], interleaved=g.integer(0, 1))


@recipe("Det", weight=0.5)
def det(g, op):
    n = g.size(1)
    x = g.value([t for t in g.types(op) if t in FLOAT], shape=[*([g.size(1)] if g.flip() else []), n, n], where=finite)
    if max(n) > 6:
        raise Reject("large determinant")
    return g.node(op, [x])


@recipe("DFT", weight=0.5)
def dft(g, op):
    x = g.fresh("float32", [g.size(1), g.size(2), g.constant_size(g.integer(1, 2))], "normal")
    if any(n > 17 for n in x.shape[1]):
        raise Reject("long")
    inverse = g.integer(0, 1)
    onesided = 1 if not inverse and x.shape[-1][0] == 1 and g.flip() else None
    if g.version() < 20:
        return g.node(op, [x], axis=1, inverse=inverse, onesided=onesided)
    return g.node(op, [x, None, g.ints(g.pick([1, -2]))], inverse=inverse, onesided=onesided)


@recipe("STFT", weight=0.3)
def stft(g, op):
    x = g.fresh("float32", [g.size(1), g.constant_size(g.integer(12, 20)), g.constant_size(1)], "normal")
    length = g.integer(4, 8)
    window = g.initializer(values.draw(g.rng, "float32", (length,), "unit")) if g.flip() else None
    return g.node(op, [x, g.ints(g.integer(2, 4)), window, g.ints(length)], onesided=g.integer(0, 1))


@recipe("HannWindow HammingWindow BlackmanWindow", weight=0.3)
def window(g, op):
    return g.node(op, [g.ints(g.integer(1, 12), g.pick(["int32", "int64"]))], periodic=g.integer(0, 1))


@recipe("MelWeightMatrix", weight=0.3)
def mel(g, op):
    numbers = [(g.integer(2, 6), "int64"), (16, "int64"), (8192, "int64"), (0.0, "float32"), (4096.0, "float32")]
    return g.node(op, [g.ints(n, type) for n, type in numbers])

