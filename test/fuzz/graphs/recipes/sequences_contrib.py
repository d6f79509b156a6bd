"""Operators of com.microsoft on tokens and sequences: hashes, alignments, gates and streams."""

import numpy as np

from ..builder import Reject
from . import recipe
from .contractions import Window, image
from .normalization import finite

MS = "com.microsoft"


def small(size, most):
    """A size, but no larger than `most`."""
    return tuple(min(n, most) for n in size)


@recipe("MurmurHash3", domain=MS, weight=0.2)
def murmur(g, op):
    x = g.value(["int32", "uint32", "int64", "uint64", "float32", "float64"], rank=(0, 3))
    return g.node(op, [x], domain=MS, positive=g.integer(0, 1), seed=g.pick([None, 7, 2**31 - 1]))


def hash_attributes(g):
    grams, heads = g.integer(2, 4), g.integer(1, 3)
    return grams, heads, {"max_ngram_size": grams, "n_head_per_ngram": heads, "pad_id": g.integer(0, 3), "reset_on_eos": g.integer(0, 1)}


def hash_tables(g, grams, heads, type):
    numbers = lambda *range: g.initializer(g.rng.integers(*range).astype(type), pooled=False)
    count = (grams - 1) * heads
    return numbers(-99, 99, grams), numbers(1, 50, count), numbers(0, 9, count) if g.flip() else None


@recipe("NGramHashMapping", domain=MS, weight=0.2)
def hash_ngrams(g, op):
    grams, heads, attributes = hash_attributes(g)
    type = g.pick(["int32", "int64"])
    batch, steps = g.size(1), g.size(1)
    tokens = lambda length: g.input([g.rng.integers(0, 5, (b, n)).astype(type) for b, n in zip(batch, length)], pooled=False)
    multipliers, sizes, offsets = hash_tables(g, grams, heads, type)
    past = tokens(g.constant_size(grams - 1)) if g.flip() else None
    end = g.initializer(np.array(g.integer(0, 4), type), pooled=False) if g.flip() else None
    segments = g.input([np.sort(g.rng.integers(0, 3, (b, n))).astype(np.int32) for b, n in zip(batch, steps)], pooled=False) if g.flip() else None
    return g.node(op, [tokens(steps), multipliers, sizes, past, offsets, end, segments], outputs=2, domain=MS, **attributes)


@recipe("VarlenNGramHashMapping", domain=MS, weight=0.2)
def hash_packed_ngrams(g, op):
    grams, heads, attributes = hash_attributes(g)
    type, count, sets = g.pick(["int32", "int64"]), g.integer(1, 3), g.style.data_sets
    lengths = [g.rng.integers(1, 5, count) for _ in range(sets)]
    ends = [np.concatenate([[0], np.cumsum(each)]).astype(np.int32) for each in lengths]
    make = lambda shape, low, high, type: g.input([g.rng.integers(low, high, shape(each)).astype(type) for each in lengths], pooled=False)
    packed, history = lambda each: (int(each.sum()),), lambda each: (count, grams - 1)
    multipliers, sizes, offsets = hash_tables(g, grams, heads, type)
    end = g.initializer(np.array(g.integer(0, 4), type), pooled=False) if g.flip() else None
    past = make(history, 0, 5, type) if g.flip() else None
    segments = make(packed, 0, 2, np.int32) if g.flip() else None
    before = make(history, 0, 2, np.int32) if segments and g.flip() else None
    capacity = g.integer(1, 4) if g.flip() else 0
    captures = make(lambda each: (count,), 0, 5, np.int32) if capacity else None
    outputs = [True, True, segments is not None, capacity > 0]
    while not outputs[-1]:
        outputs.pop()
    return g.node(op, [make(packed, 0, 5, type), multipliers, sizes, g.input(ends, pooled=False), past, offsets, end, segments, before, captures],
                  outputs=outputs, domain=MS, state_update_capacity=capacity, **attributes)


@recipe("DynamicTimeWarping", domain=MS, weight=0.2)
def warp(g, op):
    rows, columns = small(g.size(1), 6), small(g.size(1), 6)
    costs = g.fresh("float32", [rows, columns], "normal")
    return g.node(op, [costs], domain=MS)


@recipe("BifurcationDetector", domain=MS, weight=0.2)
def bifurcation(g, op):
    sets = g.style.data_sets
    lengths = [g.integer(1, 9) for _ in range(sets)]
    source = [g.rng.integers(0, 3, n) for n in lengths]
    written = [g.rng.integers(0, 3, g.integer(1, 6)) for _ in range(sets)]
    start = [np.array([g.integer(0, n)]) for n in lengths]
    predicted = None
    if g.flip(0.7):
        predicted = [np.append(tokens[at[0] :], 1) for tokens, at in zip(source, start)]
        for tokens in predicted:
            tokens[g.integer(0, len(tokens) - 1)] ^= g.integer(0, 1)
        predicted = g.input(predicted, pooled=False)
    least = g.integer(1, 2)
    return g.node(op, [g.input(source, pooled=False), g.input(written, pooled=False), g.input(start, pooled=False), predicted], outputs=2,
                  domain=MS, min_ngram_size=least, max_ngram_size=least + g.integer(0, 3))


@recipe("HyperConnectionPreMix HyperConnectionPostMix", domain=MS, weight=0.3)
def mix(g, op):
    outer, count = [g.size(1) for _ in range(g.integer(1, 2))], g.constant_size(g.integer(1, 4))
    width = g.constant_size(g.integer(1, 9))
    make = lambda *dims: g.fresh("float32", [*outer, *dims], "normal")
    flat = g.flip()
    streams = make(tuple(c * w for c, w in zip(count, width))) if flat else make(count, width)
    gates = g.pick([[count], [count, g.constant_size(1)], [count, width]])
    branches = count[0] if flat else None
    if op == "HyperConnectionPreMix":
        return g.node(op, [streams, make(*gates)], domain=MS, num_branches=branches, reduction_scale=g.pick([None, 0.5]))
    matrix = make(count, count) if g.flip() else None
    return g.node(op, [streams, make(width), make(*gates), matrix], domain=MS, num_branches=branches)


@recipe("EngramGate", domain=MS, weight=0.2)
def engram_gate(g, op):
    outer, count, width = [g.size(1), g.size(1)], g.constant_size(g.integer(1, 3)), g.constant_size(g.integer(2, 9))
    make = lambda *dims: g.fresh("float32", list(dims), "normal")
    normed = g.flip()
    scales = [make(count, width) for _ in range(3 if normed else 2)]
    return g.node(op, [make(*outer, count, width), make(*outer, count, width), make(*outer, width), *scales], outputs=1 + normed,
                  domain=MS, epsilon=g.pick([None, 1e-2]))


@recipe("LinearAttentionGate", domain=MS, weight=0.2)
def attention_gate(g, op):
    dims, heads = [g.size(1), g.size(1)], g.constant_size(g.integer(1, 5))
    make = lambda *dims: g.fresh("float32", list(dims), "normal")
    both = g.flip()
    return g.node(op, [make(*dims, heads), make(heads), make(heads), make(*dims, heads) if both else None], outputs=1 + both, domain=MS)


@recipe("MaxpoolWithMask", domain=MS, weight=0.2)
def masked_pool(g, op):
    x = image(g, ["float32"], spatial=g.integer(1, 3))
    if not finite(x) or any(min(size) < 1 for size in x.shape):
        raise Reject("no images")
    window = Window(g, x.shape[2:], modes=False)
    attributes = {key: value for key, value in window.attributes.items() if key in ("strides", "pads", "kernel_shape")}
    dims = [g.constant_size(1), g.constant_size(1), *x.shape[2:]]
    masks = [(g.rng.random([size[i] for size in dims]) < 0.8).astype(np.int32) for i in range(g.style.data_sets)]
    return g.node(op, [x, g.input(masks, pooled=False)], domain=MS, **{**attributes, "kernel_shape": list(window.kernel)})


@recipe("WordConvEmbedding", domain=MS, weight=0.2)
def embed_words(g, op):
    letters, filters, window, width = g.integer(3, 8), g.integer(1, 5), g.integer(1, 3), g.integer(1, 4)
    count, length = g.size(1), tuple(max(n, window) for n in small(g.size(1), 9))
    words = []
    for rows, columns in zip(count, length):
        lengths = g.rng.integers(1, columns + 1, (rows, 1))
        words.append(np.where(np.arange(columns) < lengths, g.rng.integers(1, letters, (rows, columns)), 0).astype(np.int32))
    sizes = lambda *dims: [g.constant_size(n) for n in dims]
    return g.node(op, [g.input(words, pooled=False), g.fresh("float32", sizes(filters, 1, window, width), "normal"),
                       g.fresh("float32", sizes(filters), "normal"), g.fresh("float32", sizes(letters, width), "normal")], domain=MS,
                  embedding_size=g.pick([None, filters]), conv_window_size=g.pick([None, window]))


@recipe("SampleOp", domain=MS, weight=0.1)
def sample(g, op):
    return g.node(op, [g.value(["float32"])], domain=MS)


@recipe("ConvTransposeWithDynamicPads", domain=MS, weight=0.3)
def transposed(g, op):
    x = image(g, ["float32"], spatial=2)
    if not finite(x) or len(set(x.shape[1])) > 1:
        raise Reject("channels that only a run tells")
    c = x.shape[1][0]
    kernel, strides = [g.integer(2, 3) for _ in range(2)], [g.integer(1, 2) for _ in range(2)]
    w = g.fresh("float32", [g.constant_size(n) for n in (c, g.integer(1, 4), *kernel)], "normal", fixed=True)
    room = min(min((n - 1) * s + k for n in size) - 1 for size, s, k in zip(x.shape[2:], strides, kernel))
    pads = g.ints([min(g.integer(0, 1), room // 2) for _ in range(4)]) if room > 0 else g.ints([0] * 4)
    b = g.fresh("float32", [g.constant_size(w.shape[1][0])], "normal") if g.flip() else None
    return g.node(op, [x, w, pads, b], domain=MS, strides=strides, kernel_shape=kernel)


@recipe("MatMulFpQ4", domain=MS, weight=0.3)
def packed_product(g, op):
    depth, columns, kind = g.integer(1, 80), g.integer(1, 9), g.integer(0, 1)
    blocks = []
    for _ in range(-(-depth // 32) * columns):
        scale = np.frombuffer(np.float32(g.rng.uniform(0.01, 2)).tobytes(), np.uint8)
        blocks += [scale, g.rng.integers(0, 16, kind), g.rng.integers(0, 256, 16)]
    x = g.fresh("float32", [*g.shape(most=2, low=1), g.constant_size(depth)], "normal")
    blob = np.concatenate(blocks).astype(np.uint8)
    shape = g.initializer(np.array([depth, columns]), pooled=False)
    return g.node(op, [x, g.initializer(blob, pooled=False), shape], domain=MS, blk_quant_type=kind)


@recipe("SparseAttention", domain=MS, weight=0.3)
def sparse_attention(g, op):
    key_heads, groups, depth, block, blocks = g.integer(1, 2), g.integer(1, 2), 16, 16, g.integer(1, 3)
    heads, batch, layouts = key_heads * groups, g.integer(1, 2), g.integer(1, 2)
    if heads % layouts:
        layouts = 1
    room = block * blocks
    prompt = g.flip()
    total = g.integer(1, room)
    steps = total if prompt else 1
    # Of shorter rows in a step, ONNX Runtime's result is not that of the keys that count.
    lengths = np.full(batch, total)
    sets, sizes = g.style.data_sets, lambda *dims: [g.constant_size(n) for n in dims]
    masks = np.tril(g.rng.random((layouts, blocks, blocks)) < 0.6) | np.eye(blocks, dtype=bool)
    rows = np.concatenate([np.zeros((layouts, 1), int), np.cumsum(masks.sum(2), 1)], 1).astype(np.int32)
    columns = np.full((layouts, rows[:, -1].max()), -1, np.int32)
    for layout, mask in enumerate(masks):
        found = np.nonzero(mask)[1]
        columns[layout, : len(found)] = found
    cache = lambda: g.input([np.where(np.arange(room)[None, None, :, None] < (lengths - steps)[:, None, None, None],
                                      g.rng.normal(size=(batch, key_heads, room, depth)), 0).astype(np.float32)] * sets, pooled=False)
    operands = [g.fresh("float32", sizes(batch, steps, h * depth), "normal") for h in (heads, key_heads, key_heads)]
    operands += [cache(), cache(), *(g.initializer(each, pooled=False) for each in (rows, columns, np.array(total, np.int32)))]
    operands.append(g.input([lengths.astype(np.int32)] * sets, pooled=False))
    rotary = g.flip()
    if rotary:
        operands += [g.fresh("float32", sizes(room, depth // 2), "unit") for _ in range(2)]
    return g.node(op, operands, outputs=3, domain=MS, num_heads=heads, kv_num_heads=key_heads, sparse_block_size=block,
                  do_rotary=int(rotary), rotary_interleaved=g.integer(0, 1) if rotary else None)


@recipe("AttnLSTM", domain=MS, weight=0.2)
def attention_lstm(g, op):
    batch, steps, memory = g.integer(1, 3), g.integer(1, 4), g.integer(1, 4)
    width, hidden, depth, scored = (g.integer(1, 4) for _ in range(4))
    directions = g.integer(1, 2)
    layer = g.integer(1, 4) if g.flip() else None
    attended = layer or depth
    make = lambda *dims: g.fresh("float32", [g.constant_size(n) for n in dims], "normal", fixed=True)
    maybe = lambda *dims: make(*dims) if g.flip() else None
    ints = lambda low, high: g.initializer(g.rng.integers(low, high + 1, batch).astype(np.int32), pooled=False) if g.flip() else None
    direction = "bidirectional" if directions == 2 else g.pick(["forward", "reverse"])
    operands = [make(steps, batch, width), make(directions, 4 * hidden, width + attended), make(directions, 4 * hidden, hidden),
                maybe(directions, 8 * hidden), ints(1, steps), maybe(directions, batch, hidden), maybe(directions, batch, hidden),
                maybe(directions, 3 * hidden), make(directions, hidden, scored), make(directions, depth, scored),
                make(directions, scored), make(batch, memory, depth), ints(1, memory)]
    operands.append(make(directions, hidden + depth, layer) if layer else None)
    return g.node(op, operands, outputs=3, domain=MS, hidden_size=hidden, direction=direction, input_forget=g.pick([None, 1]))
