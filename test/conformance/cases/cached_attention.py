"""Attention of com.microsoft with caches: larger than what they hold, of rows of different lengths, with windows,
sinks, bias and rotation; and forms that pack queries, keys and values."""

import numpy as np

from cases import Case, single

RNG = np.random.default_rng(41)
DOMAIN = "com.microsoft"
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def case(name, why, op, arrays, attributes, constants=(), outputs=1, expected=None, forms=("static", "dynamic")):
    for form, model, data in single(op, arrays, attributes, constants, outputs=outputs, expected=expected, domain=DOMAIN):
        if form in forms:
            yield Case(f"{name}_{form}", why, model, data, TOLERANCE)


HEADS, KEY_HEADS, DEPTH = 4, 2, 16


def group_query(name, why, steps, past, lengths, total, more=(), packed=False, rotary=False, forms=("static", "dynamic"), **attributes):
    """`past` is the size of caches, None for none; `lengths` are keys of each row with the new ones."""
    batch = len(lengths)
    q, k, v = (floats(batch, steps, heads * DEPTH) for heads in (HEADS, KEY_HEADS, KEY_HEADS))
    inputs = [np.concatenate([q, k, v], 2), None, None] if packed else [q, k, v]
    caches = [None, None] if past is None else [floats(batch, KEY_HEADS, past, DEPTH) for _ in range(2)]
    # What lies behind a row's keys counts for nobody; ONNX Runtime returns zeros there.
    for cache in caches if past is not None else ():
        for row, length in zip(cache, lengths):
            row[:, length - steps :] = 0
    inputs += [*caches, np.array(lengths, np.int32) - 1, np.array(total, np.int32)]
    inputs += [floats(32, DEPTH // 2), floats(32, DEPTH // 2)] if rotary else [None, None]
    inputs += more
    while inputs[-1] is None:
        inputs.pop()
    attributes |= {"num_heads": HEADS, "kv_num_heads": KEY_HEADS, "do_rotary": int(rotary)}
    yield from case(f"group_{name}", why, "GroupQueryAttention", inputs, attributes, constants=(6,) if past is None else (),
                    outputs=3, forms=forms)


def group_queries():
    yield from group_query("prompt", "A first prompt without caches.", 5, None, [5, 5], 5)
    yield from group_query("prompt_padded", "Rows of a first prompt end before it does.", 5, None, [5, 5], 5, rotary=True)
    yield from group_query("step", "One step; all rows have the same past.", 1, 4, [5, 5], 5)
    yield from group_query("step_ragged", "New keys stand behind each row's own past.", 1, 6, [7, 3], 7)
    yield from group_query("shared", "Caches are larger than all keys.", 1, 12, [5, 7], 7, rotary=True)
    yield from group_query("shared_full", "The last place of a cache.", 1, 7, [7, 7], 7)
    yield from group_query("several", "Several steps at once.", 3, 4, [7], 7, rotary=True)
    yield from group_query("several_shared", "Several steps in a larger cache.", 3, 16, [7], 7)
    yield from group_query("packed", "Queries, keys and values in one tensor.", 1, 6, [5, 6], 6, packed=True, rotary=True)
    yield from group_query("interleaved", "Pairs that are rotated lie side by side.", 3, 4, [7], 7, packed=True, rotary=True,
                           rotary_interleaved=1)
    yield from group_query("window", "Only the nearest keys count.", 1, 9, [9, 6], 9, local_window_size=3)
    yield from group_query("window_prompt", "Only the nearest keys count.", 6, None, [6, 6], 6, local_window_size=2)
    yield from group_query("softcap", "Scores are bounded softly.", 1, 6, [5, 6], 6, softcap=2.0)
    yield from group_query("scale", "A scale of its own.", 1, 6, [5, 6], 6, scale=0.7)
    bias = floats(2, HEADS, 1, 6)
    yield from group_query("bias", "What is added to scores.", 1, 5, [6, 6], 6, more=[None, bias], forms=("static",))
    positions = np.array([[3], [9]])
    yield from group_query("positions", "Positions by operand.", 1, 6, [5, 6], 6, more=[positions], rotary=True)
    yield from group_query("sink", "A score that belongs to no key.", 1, 6, [5, 6], 6, more=[None, None, floats(HEADS)])
    yield from group_query("smooth", "A score of zero that belongs to no key.", 1, 6, [5, 6], 6, smooth_softmax=1)
    yield from group_query("sink_prompt", "A score that belongs to no key.", 5, None, [5, 5], 5, more=[None, None, floats(HEADS)])
    yield from group_query("everywhere", "Queries see keys behind them.", 5, None, [5, 5], 5, causal=0)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attend(q, k, v):
    """[B, H, S, d] each; [B, S, H * d]."""
    y = softmax(q @ np.swapaxes(k, 2, 3) / np.sqrt(q.shape[-1])) @ v
    return np.moveaxis(y, 1, 2).reshape(q.shape[0], q.shape[2], -1).astype(np.float32)


def split(x, heads):
    return np.moveaxis(x.reshape(*x.shape[:2], heads, -1), 1, 2)


def normed_queries():
    """Other devices' norms of each head before rotation."""
    q, k, v = (floats(2, 1, heads * DEPTH) for heads in (HEADS, KEY_HEADS, KEY_HEADS))
    past, weights = [floats(2, KEY_HEADS, 3, DEPTH) for _ in range(2)], [floats(DEPTH), floats(DEPTH)]
    norm = lambda x, w: x / np.sqrt((x.astype(np.float64) ** 2).mean(-1, keepdims=True) + 1e-6) * w
    keys = np.concatenate([past[0], norm(split(k, KEY_HEADS), weights[0 + 1])], 2).astype(np.float32)
    values = np.concatenate([past[1], split(v, KEY_HEADS)], 2)
    y = attend(norm(split(q, HEADS), weights[0]), keys.repeat(2, 1), values.repeat(2, 1))
    inputs = [q, k, v, *past, np.array([3, 3], np.int32), np.array(4, np.int32), *[None] * 7, *weights]
    yield from case("group_norms", "Norms of queries and keys.", "GroupQueryAttention", inputs,
                    {"num_heads": HEADS, "kv_num_heads": KEY_HEADS}, outputs=3, expected=[y, keys, values])


def packed_heads():
    why = "Each head's queries, keys and values lie side by side."
    packed, bias = floats(2, 5, 3, 3, 4), floats(36)
    q, k, v = (packed[:, :, :, i] for i in range(3))
    y = attend(*(np.moveaxis(x, 1, 2) for x in (q, k, v)))
    yield from case("packed_queries", why, "MultiHeadAttention", [packed], {"num_heads": 3}, expected=[y])
    q, pair = floats(2, 4, 12), floats(2, 5, 3, 2, 4)
    y = attend(split(q, 3), np.moveaxis(pair[:, :, :, 0], 1, 2), np.moveaxis(pair[:, :, :, 1], 1, 2))
    yield from case("packed_keys", why, "MultiHeadAttention", [q, pair], {"num_heads": 3}, expected=[y])


def unpadded():
    """Batches whose sequences have no padding between them."""
    lengths, steps, heads = [3, 1, 4], 4, 2
    places = [b * steps + s for b, n in enumerate(lengths) for s in range(n)]
    rest = [p for p in range(len(lengths) * steps) if p not in places]
    offsets = np.array(places + rest, np.int32).reshape(len(lengths), steps)
    ends = np.cumsum([0, *lengths]).astype(np.int32)
    x, w, b = floats(len(places), 6), floats(6, 24), floats(24)

    def attend_each(parts):
        rows = zip(ends, ends[1:])
        return np.concatenate([attend(*(split(p[None, i:j], heads) for p in parts))[0] for i, j in rows])

    parts = np.split(x @ w + b, 3, 1)
    y, why = attend_each(parts), "Tokens see those of their own sequence."
    given = {"num_heads": heads}
    yield from case("unpadded", why, "PackedAttention", [x, w, b, offsets, ends], given, expected=[y], forms=("static",))
    yield from case("unpadded_parts", why, "PackedMultiHeadAttention", [*parts, None, offsets, ends], given, expected=[y],
                    forms=("static",))
    shifts = floats(24)
    moved = attend_each([p + s for p, s in zip(parts, np.split(shifts, 3))])
    yield from case("unpadded_bias", why, "PackedMultiHeadAttention", [*parts, shifts, offsets, ends], given,
                    expected=[moved], forms=("static",))
    together = np.stack([p.reshape(-1, heads, 4) for p in parts], 2)
    yield from case("unpadded_packed", why, "PackedMultiHeadAttention", [together, None, None, None, offsets, ends], given,
                    expected=[y], forms=("static",))
    padded = np.zeros((len(lengths) * steps, 6), np.float32)
    padded[places] = x
    yield from case("restored", "Padding becomes zeros.", "RestorePadding", [x, offsets],
                    {}, expected=[padded.reshape(len(lengths), steps, 6)])


def decoders():
    op, why = "DecoderMaskedMultiHeadAttention", "A step in a cache that past and present share."
    q, k, v = floats(2, 1, 8), floats(2, 1, 8), floats(2, 1, 8)
    caches = [floats(2, 2, 6, 4) for _ in range(2)]
    shared = {"num_heads": 2, "past_present_share_buffer": 1}
    for past in (0, 3, 5):
        length = np.array([past], np.int32)
        yield from case(f"decoder_shared_{past}", why, op, [q, k, v, None, None, *caches, length], shared, outputs=3)
    length = np.array([3], np.int32)
    mask = np.array([[0, 1, 1, 1], [1, 1, 0, 1]], np.int32)
    yield from case("decoder_mask", why, op, [q, k, v, mask, None, *caches, length], shared, outputs=3, forms=("static",))
    yield from case("decoder_bias", why, op, [q, k, v, None, floats(1, 2, 1, 4), *caches, length], shared, outputs=3, forms=("static",))
    yield from case("decoder_projected", "Biases of projections.", op, [q, k, v, None, None, *caches, length, None, None, floats(24)],
                    shared, outputs=3)
    yield from case("decoder_cross", "Keys and values of another sequence.", op, [q, *caches], {"num_heads": 2, "scale": 0.3})
    keys, values = (np.concatenate([c, split(x, 2)], 2) for c, x in zip(caches, (k, v)))
    yield from case("decoder_grown", "Present is longer than past.", op, [q, k, v, None, None, *caches], {"num_heads": 2},
                    outputs=3, expected=[attend(split(q, 2), keys, values), keys, values])
    yield from case("decoder_packed", "Queries, keys and values in one tensor.", op,
                    [np.concatenate([q, k, v], 2), None, None, None, None, *caches], {"num_heads": 2},
                    outputs=3, expected=[attend(split(q, 2), keys, values), keys, values])


def cases():
    yield from group_queries()
    yield from normed_queries()
    yield from packed_heads()
    yield from unpadded()
    yield from decoders()
