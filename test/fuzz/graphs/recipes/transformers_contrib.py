"""Fused layers of transformers in com.microsoft."""

import numpy as np

from . import recipe

MS = "com.microsoft"


def sizes(g, *numbers):
    return [g.constant_size(n) for n in numbers]


def small(g):
    return tuple(min(n, 5) for n in g.size(1))


def constant(g, array):
    return g.initializer(np.asarray(array), pooled=False)


def embedding_ids(g, batch, steps, count):
    return g.input([g.rng.integers(0, count, (b, s)).astype(np.int32) for b, s in zip(batch, steps)], pooled=False)


@recipe("Attention", domain=MS, weight=0.4)
def attention(g, op):
    heads, depth, batch, steps = g.integer(1, 3), g.integer(1, 4), small(g), small(g)
    width = heads * depth
    x = g.fresh("float32", [batch, steps, g.constant_size(g.integer(1, 6))], "normal")
    weights = g.fresh("float32", [x.shape[2], g.constant_size(3 * width)], "normal", constant=True)
    bias = g.fresh("float32", sizes(g, 3 * width), "normal", constant=True)
    past = g.fresh("float32", [g.constant_size(2), batch, g.constant_size(heads), small(g), g.constant_size(depth)], "normal") if g.flip() else None
    mask = None
    if g.flip():
        total = [s + (p if past else 0) for s, p in zip(steps, past.shape[3] if past else steps)]
        masks = [(g.rng.random((b, t)) < 0.8).astype(np.int32) for b, t in zip(batch, total)]
        for each in masks:
            each[:, 0] = 1
        mask = g.input(masks, pooled=False)
    return g.node(op, [x, weights, bias, mask, past], outputs=2 if past else 1, domain=MS, num_heads=heads, unidirectional=g.integer(0, 1))


@recipe("MultiHeadAttention", domain=MS, weight=0.4)
def heads_of_attention(g, op):
    heads, depth, batch, steps, keys = g.integer(1, 3), g.integer(1, 4), small(g), small(g), small(g)
    make = lambda length: g.fresh("float32", [batch, length, g.constant_size(heads * depth)], "normal")
    bias = g.fresh("float32", sizes(g, 3 * heads * depth), "normal") if g.flip() else None
    more = g.fresh("float32", [batch, g.constant_size(heads), steps, keys], "normal") if g.flip(0.3) else None
    return g.node(op, [make(steps), make(keys), make(keys), bias, None, more], domain=MS, num_heads=heads, scale=g.pick([None, 0.5]))


@recipe("RotaryEmbedding", domain=MS, weight=0.3)
def rotary(g, op):
    heads, half, batch, steps = g.integer(1, 3), g.integer(1, 4), small(g), small(g)
    x = g.fresh("float32", [batch, steps, g.constant_size(2 * half * heads)], "normal")
    positions = embedding_ids(g, batch, steps, 7)
    positions = g.input([a.astype(np.int64) for a in positions.exact()], pooled=False)
    caches = [g.fresh("float32", sizes(g, 7, half), "unit") for _ in range(2)]
    return g.node(op, [x, positions, *caches], domain=MS, interleaved=g.integer(0, 1))


@recipe("EmbedLayerNormalization QEmbedLayerNormalization", domain=MS, weight=0.3)
def embed(g, op):
    batch, steps, words, width = small(g), small(g), 9, g.integer(2, 8)
    ids, segments = embedding_ids(g, batch, steps, words), embedding_ids(g, batch, steps, 2)
    if op == "EmbedLayerNormalization":
        tables = [g.fresh("float32", sizes(g, n, width), "normal", constant=True) for n in (words, 7, 2)]
        scales = [g.fresh("float32", sizes(g, width), "normal", constant=True) for _ in range(2)]
        return g.node(op, [ids, segments, *tables, *scales], outputs=2, domain=MS, epsilon=1e-2)
    codes = [constant(g, g.rng.integers(0, 255, shape).astype(np.uint8)) for shape in ((words, width), (7, width), (2, width), width, width)]
    scales = [constant(g, np.float32(s)) for s in g.rng.uniform(0.01, 0.1, 5)]
    zeros = [constant(g, np.uint8(z)) for z in g.rng.integers(100, 150, 5)]
    return g.node(op, [ids, segments, *codes, None, *scales, *zeros], outputs=2, domain=MS, epsilon=1e-2)


@recipe("CausalConvWithState", domain=MS, weight=0.3)
def causal_conv(g, op):
    batch, channels, time, k = g.size(1), g.constant_size(g.integer(1, 5)), g.size(1), g.integer(2, 4)
    x = g.fresh("float32", [batch, channels, time], "normal")
    weight = g.fresh("float32", [channels, *sizes(g, 1, k)], "normal", fixed=True)
    bias = g.fresh("float32", [channels], "normal") if g.flip() else None
    past = g.fresh("float32", [batch, channels, g.constant_size(k - 1)], "normal") if g.flip() else None
    return g.node(op, [x, weight, bias, past], outputs=2, domain=MS, activation=g.pick([None, "silu", "none"]))


@recipe("LinearAttention", domain=MS, weight=0.3)
def linear_attention(g, op):
    batch, time, heads, groups = g.size(1), g.constant_size(g.integer(1, 4)), g.integer(1, 2), g.pick([1, 2])
    d, dv, rule = g.integer(1, 4), g.integer(1, 4), g.pick(["linear", "gated", "delta", "gated_delta"])
    make = lambda width, kind: g.fresh("float32", [batch, time, g.constant_size(width)], kind)
    past = g.fresh("float32", [batch, *sizes(g, heads, d, dv)], "unit") if g.flip() else None
    decay = make(heads, "unit") if "gated" in rule else None
    beta = make(heads, "unit") if "delta" in rule else None
    return g.node(op, [make(heads * groups * d, "unit"), make(heads * d, "unit"), make(heads * dv, "unit"), past, decay, beta], outputs=2,
                  domain=MS, q_num_heads=heads * groups, kv_num_heads=heads, update_rule=rule, scale=0.5)


@recipe("QAttention", domain=MS, weight=0.3)
def quantized_attention(g, op):
    heads, depth, batch, steps, width = g.integer(1, 3), g.integer(1, 4), small(g), small(g), g.integer(1, 6)
    columns = 3 * heads * depth
    x = g.fresh("uint8", [batch, steps, g.constant_size(width)])
    weights = constant(g, g.rng.integers(0, 255, (width, columns)).astype(np.uint8))
    bias = g.fresh("float32", sizes(g, columns), "normal", constant=True)
    number = lambda value, type: constant(g, type(value))
    return g.node(op, [x, weights, bias, number(0.02, np.float32), number(0.03, np.float32), None, number(7, np.uint8), number(128, np.uint8)],
                  domain=MS, num_heads=heads, unidirectional=g.integer(0, 1))
