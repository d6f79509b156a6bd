"""Operators of com.microsoft that stand for several of ONNX's, and attention with caches."""

import numpy as np

from ..builder import Reject
from . import recipe
from .contractions import Window, image
from .normalization import finite

MS = "com.microsoft"
ACTIVATIONS = {
    "Relu": [], "Tanh": [], "Sigmoid": [], "LeakyRelu": [0.2], "Elu": [0.5], "HardSigmoid": [0.3, 0.6],
}


@recipe("FusedConv", domain=MS, weight=0.5)
def fused_conv(g, op):
    x = image(g, ["float32"], spatial=2)
    if not finite(x) or len(set(x.shape[1])) > 1:
        raise Reject("channels that only a run tells")
    c = x.shape[1][0]
    group = g.pick([d for d in (1, 1, 2, c) if c % d == 0])
    outputs = group * g.integer(1, 5)
    window = Window(g, x.shape[2:], modes=False)
    dims = [g.constant_size(n) for n in (outputs, c // group, *window.kernel)]
    w = g.fresh("float32", dims, "normal", fixed=True)
    b = g.fresh("float32", [g.constant_size(outputs)], "normal") if g.flip() else None
    name = g.pick(["Relu", "Tanh", "Sigmoid", "LeakyRelu", "HardSigmoid", "Clip"])
    parameters = {"Clip": [-0.5, 0.5]} | ACTIVATIONS
    return g.node(op, [x, w, b], domain=MS, group=group, activation=name, activation_params=parameters[name],
                  **window.attributes)


@recipe("FusedGemm", domain=MS, weight=0.5)
def fused_gemm(g, op):
    a = g.value(["float32"], rank=2, where=finite)
    trans_a, trans_b = g.integer(0, 1), g.integer(0, 1)
    m, k = a.shape[::-1] if trans_a else a.shape
    n = g.size(1)
    b = g.fresh("float32", [n, k] if trans_b else [k, n], "normal")
    c = g.fresh("float32", g.pick([[n], [m, n], [g.constant_size(1), n]]), "normal") if g.flip() else None
    name = g.pick([name for name in ACTIVATIONS if name != "HardSigmoid"])
    alpha = ACTIVATIONS[name][0] if ACTIVATIONS[name] else None
    return g.node(op, [a, b, c], domain=MS, transA=trans_a, transB=trans_b, activation=name, activation_alpha=alpha,
                  alpha=g.pick([None, 0.5]))


@recipe("TransposeMatMul", domain=MS, weight=0.2)
def transpose_matmul(g, op):
    a = g.value(["float32"], rank=(2, 4), where=finite)
    trans_a, trans_b = g.integer(0, 1), g.integer(0, 1)
    k = a.shape[-2 if trans_a else -1]
    b = g.fresh("float32", [*a.shape[:-2], *([g.size(1), k] if trans_b else [k, g.size(1)])], "normal")
    return g.node(op, [a, b], domain=MS, transA=trans_a, transB=trans_b, alpha=g.pick([None, -1.5]))


@recipe("GatedRMSNorm", domain=MS, weight=0.2)
def gated_norm(g, op):
    x = g.value(["float32"], rank=(2, 4), where=lambda v: finite(v) and len(set(v.shape[-1])) == 1)
    size = g.pick([d for d in (1, 2, 3, 4, x.shape[-1][0]) if x.shape[-1][0] % d == 0 and d > 1] or [x.shape[-1][0]])
    return g.node(op, [x, g.fresh("float32", [g.constant_size(size)], "normal"), g.fresh("float32", x.shape, "unit")],
                  domain=MS, activation=g.pick(["silu", "sigmoid"]), epsilon=1e-2)


@recipe("BranchwiseRMSNorm", domain=MS, weight=0.2)
def branch_norm(g, op):
    x = g.value(["float32"], rank=(2, 4), where=finite)
    scale = g.fresh("float32", [x.shape[-1]], "normal") if g.flip() else None
    return g.node(op, [x, scale], domain=MS, epsilon=1e-2)


@recipe("ScaledSiLU GatedAdd", domain=MS, weight=0.2)
def gates(g, op):
    x = g.value(["float32"], rank=(1, 4), where=finite)
    if op == "ScaledSiLU":
        return g.node(op, [x], domain=MS, alpha=g.pick([None, 1.7]))
    gate = g.fresh("float32", [*x.shape[:-1], g.constant_size(1)], "normal")
    return g.node(op, [x, g.fresh("float32", x.shape, "normal"), gate], domain=MS)


@recipe("UnfoldTensor", domain=MS, weight=0.3)
def unfold(g, op):
    x = g.value(["float32", "int64", "uint8"], rank=(1, 4), where=lambda v: all(min(s) > 0 for s in v.shape))
    dim = g.integer(0, x.rank - 1)
    size = g.integer(1, min(4, *x.shape[dim]))
    return g.node(op, [x], domain=MS, dim=dim - x.rank if g.flip() else dim, size=size, step=g.integer(1, 3))


@recipe("ExpandDims Trilu GatherND", domain=MS, weight=0.2)
def movement(g, op):
    x = g.value(["float32", "int64"], rank=(2, 4), where=lambda v: all(min(s) > 0 for s in v.shape))
    if op == "Trilu":
        return g.node(op, [x, g.initializer(np.array(g.integer(-2, 2)), pooled=False) if g.flip() else None], domain=MS, upper=g.integer(0, 1))
    if op == "ExpandDims":
        return g.node(op, [x, g.initializer(np.array(g.integer(-x.rank - 1, x.rank), np.int32), pooled=False)], domain=MS)
    tuples = [[g.integer(0, min(size) - 1) for size in x.shape[:2]] for _ in range(g.integer(1, 4))]
    return g.node(op, [x, g.initializer(np.array(tuples), pooled=False)], domain=MS)


@recipe("CDist", domain=MS, weight=0.3)
def distances(g, op):
    a = g.value(["float32"], rank=2, where=finite)
    return g.node(op, [a, g.fresh("float32", [g.size(1), a.shape[1]], "normal")], domain=MS, metric="sqeuclidean")


@recipe("NGramRepeatBlock", domain=MS, weight=0.2)
def repeats(g, op):
    batch, length = g.size(1), g.size(1)
    shapes = list(zip(batch, length))
    tokens = g.input([g.rng.integers(0, 3, shape) for shape in shapes])
    return g.node(op, [tokens, g.fresh("float32", [batch, g.constant_size(g.integer(3, 5))], "normal")], domain=MS,
                  ngram_size=g.integer(1, 4))


@recipe("CropAndResize", domain=MS, weight=0.2)
def crops(g, op):
    x = image(g, ["float32"], spatial=2)
    if not finite(x) or x.rank != 4:
        raise Reject("no images")
    count = g.integer(1, 3)
    boxes = g.initializer(np.round(g.rng.uniform(-0.1, 1.1, (count, 4)), 2).astype(np.float32), pooled=False)
    numbers = g.initializer(g.rng.integers(0, min(x.shape[0]), count).astype(np.int32), pooled=False)
    size = g.initializer(np.array([g.integer(1, 4), g.integer(1, 4)], np.int32), pooled=False)
    return g.node(op, [x, boxes, numbers, size], domain=MS, mode="bilinear", extrapolation_value=0.5)


@recipe("MRotaryEmbedding", domain=MS, weight=0.2)
def rotary_streams(g, op):
    batch, steps, heads, half = g.size(1), g.size(1), g.integer(1, 3), g.integer(1, 5)
    first = g.integer(0, half)
    second = g.integer(0, half - first)
    x = g.fresh("float32", [batch, steps, g.constant_size(2 * half * heads)], "normal")
    positions = g.input([g.rng.integers(0, 7, (3, b, s)) for b, s in zip(batch, steps)], pooled=False)
    caches = [g.fresh("float32", [g.constant_size(7), g.constant_size(half)], "unit") for _ in range(2)]
    return g.node(op, [x, positions, *caches], domain=MS, mrope_section=[first, second, half - first - second],
                  num_heads=heads, interleaved=g.integer(0, 1))


@recipe("GroupQueryAttention", domain=MS, weight=0.7)
def group_query(g, op):
    key_heads, groups, depth = g.integer(1, 2), g.integer(1, 3), 16
    heads, batch = key_heads * groups, g.integer(1, 3)
    prompt = g.flip(0.4)
    steps = g.integer(1, 5) if prompt else 1
    lengths = np.full(batch, steps) if prompt else g.rng.integers(1, 9, batch)
    total = int(lengths.max())
    sizes = lambda *dims: [g.constant_size(n) for n in dims]
    operands = [g.fresh("float32", sizes(batch, steps, h * depth), "normal") for h in (heads, key_heads, key_heads)]
    past = None if prompt else total - 1 if len(set(lengths)) == 1 and g.flip() else total + g.integer(0, 4)
    if past == 0:
        raise Reject("nothing before")
    for _ in range(2):
        if prompt:
            operands.append(None)
            continue
        # What lies behind a row's keys counts for nobody; ONNX Runtime returns zeros there.
        cache = g.rng.normal(size=(batch, key_heads, past, depth)).astype(np.float32)
        for row, length in zip(cache, lengths):
            row[:, length - steps :] = 0
        operands.append(g.input([cache] * g.style.data_sets, pooled=False))
    operands.append(g.input([lengths.astype(np.int32) - 1] * g.style.data_sets, pooled=False))
    operands.append(g.initializer(np.array(total, np.int32), pooled=False))
    rotary = g.flip()
    if rotary:
        operands += [g.fresh("float32", sizes(16, depth // 2), "unit") for _ in range(2)]
    return g.node(op, operands, outputs=3, domain=MS, num_heads=heads, kv_num_heads=key_heads, do_rotary=int(rotary),
                  local_window_size=g.pick([None, None, 2]), softcap=g.pick([None, None, 3.0]),
                  rotary_interleaved=g.integer(0, 1) if rotary else None)


@recipe("DecoderMaskedMultiHeadAttention", domain=MS, weight=0.4)
def decoder(g, op):
    heads, depth, batch, room = g.integer(1, 3), g.integer(1, 5), g.integer(1, 3), g.integer(1, 7)
    past = g.integer(0, room - 1)
    sizes = lambda *dims: [g.constant_size(n) for n in dims]
    step = [g.fresh("float32", sizes(batch, 1, heads * depth), "normal") for _ in range(3)]
    caches = [g.fresh("float32", sizes(batch, heads, room, depth), "normal") for _ in range(2)]
    length = g.input([np.array([past], np.int32)] * g.style.data_sets, pooled=False)
    return g.node(op, [*step, None, None, *caches, length], outputs=3, domain=MS, num_heads=heads, past_present_share_buffer=1)


@recipe("MoE", domain=MS, weight=0.4)
def experts(g, op):
    tokens, count, width, inner = g.size(1), g.integer(1, 5), g.integer(1, 9), g.integer(1, 9)
    name = g.pick(["relu", "silu", "identity", "swiglu"])
    sizes = lambda *dims: [g.constant_size(n) for n in dims]
    x = g.fresh("float32", [tokens, g.constant_size(width)], "normal")
    # Scores that are equal, or nearly so, are chosen among by chance.
    scores = g.input([np.argsort(g.rng.random((n, count)), 1).astype(np.float32) for n in tokens], pooled=False)
    first = inner * (2 if name == "swiglu" else 1)
    operands = [g.fresh("float32", sizes(count, first, width), "normal"),
                g.fresh("float32", sizes(count, first), "normal") if g.flip() else None,
                g.fresh("float32", sizes(count, width, inner), "normal"),
                g.fresh("float32", sizes(count, width), "normal") if g.flip() else None]
    return g.node(op, [x, scores, *operands], domain=MS, k=g.integer(1, count), activation_type=name,
                  swiglu_fusion=1 if name == "swiglu" else None, normalize_routing_weights=g.integer(0, 1))


@recipe("QMoE", domain=MS, weight=0.3)
def quantized_experts(g, op):
    tokens, count, bits = g.size(1), g.integer(1, 4), g.pick([2, 4])
    width, inner = 16 * g.integer(1, 2), 16 * g.integer(1, 2)
    block = g.pick([None, 16])
    x = g.fresh("float32", [tokens, g.constant_size(width)], "normal")
    scores = g.input([np.argsort(g.rng.random((n, count)), 1).astype(np.float32) for n in tokens], pooled=False)
    operands = []
    for n, k in ((inner, width), (width, inner)):
        code = g.rng.integers(0, 256, (count, n, k * bits // 8)).astype(np.uint8)
        scale = g.rng.uniform(0.01, 0.1, (count, n, k // block) if block else (count, n)).astype(np.float32)
        operands += [g.initializer(code, pooled=False), g.initializer(scale, pooled=False), None]
    # ONNX Runtime's kernel for CPUs makes shares of 1 whether or not that is asked for.
    return g.node(op, [x, scores, *operands], domain=MS, k=g.integer(1, count), expert_weight_bits=bits, block_size=block,
                  normalize_routing_weights=1, weights_prepacked=0)
