"""Mixtures of experts of com.microsoft, with all activations, and weights that are quantized whole or in blocks."""

import numpy as np

from cases import Case, single

RNG = np.random.default_rng(43)
DOMAIN = "com.microsoft"
TOLERANCE = {"rtol": 1e-3, "atol": 1e-3}


def floats(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def case(name, why, op, arrays, attributes, constants=(), expected=None, forms=("static", "dynamic"), tolerance=None):
    for form, model, data in single(op, arrays, attributes, constants, expected=expected, domain=DOMAIN):
        if form in forms:
            yield Case(f"{name}_{form}", why, model, data, tolerance or TOLERANCE)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mix(x, scores, answer, k, normalize):
    e = np.exp(scores - scores.max(1, keepdims=True))
    shares, y = e / e.sum(1, keepdims=True), np.zeros_like(x, dtype=np.float64)
    for t in range(len(x)):
        best = np.argsort(-scores[t])[:k]
        total = shares[t][best].sum() if normalize else 1
        for expert in best:
            y[t] += shares[t][expert] / total * answer(x[t], expert)
    return y.astype(np.float32)


def experts():
    x, scores = floats(5, 8), floats(5, 4)
    w1, b1, w2, b2 = floats(4, 6, 8), floats(4, 6), floats(4, 8, 6), floats(4, 8)
    for activation in ("relu", "gelu", "silu", "identity"):
        for k in (1, 2, 4):
            yield from case(f"MoE_{activation}_{k}", "Answers of chosen experts are added.", "MoE",
                            [x, scores, w1, b1, w2, b2], {"k": k, "activation_type": activation}, constants=(2, 3, 4, 5))
    yield from case("MoE_normalized", "Shares of those that are chosen make 1.", "MoE", [x, scores, w1, b1, w2, b2],
                    {"k": 2, "normalize_routing_weights": 1}, constants=(2, 4))
    yield from case("MoE_live", "Weights come with the run.", "MoE", [x, scores, w1, None, w2, None], {"k": 2})
    yield from case("MoE_rows", "Tokens of several sequences.", "MoE", [x.reshape(1, 5, 8), scores, w1, b1, w2, b2], {"k": 2})
    wide, bias = floats(4, 12, 8), floats(4, 12)
    for name, more in (("plain", {}), ("limited", {"activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 1.5})):
        attributes = {"k": 2, "activation_type": "swiglu", "normalize_routing_weights": 1, **more}
        yield from case(f"MoE_swiglu_{name}", "Gates and what they gate are neighbours.", "MoE",
                        [x, scores, wide, bias, w2, b2], {"swiglu_fusion": 1, **attributes}, constants=(2, 3, 4, 5))
        limit, alpha, beta = more.get("swiglu_limit", np.inf), more.get("activation_alpha", 1), more.get("activation_beta", 0)

        def answer(row, e, gate, linear):
            gate, linear = np.minimum(gate, limit), np.clip(linear, -limit, limit)
            return (gate * sigmoid(alpha * gate) * (linear + beta)) @ w2[e].T + b2[e]

        halves = lambda row, e: answer(row, e, *np.split(wide[e] @ row + bias[e], 2))
        layers = lambda row, e: answer(row, e, w1[e] @ row + b1[e], wide[e, :6] @ row + bias[e, :6])
        yield from case(f"MoE_swiglu_halves_{name}", "Gates come first.", "MoE", [x, scores, wide, bias, w2, b2],
                        {"swiglu_fusion": 2, **attributes}, expected=[mix(x, scores, halves, 2, True)])
        yield from case(f"MoE_swiglu_layers_{name}", "Gates have a layer of their own.", "MoE",
                        [x, scores, w1, b1, w2, b2, wide[:, :6].copy(), bias[:, :6].copy()],
                        {"swiglu_fusion": 0, **attributes}, expected=[mix(x, scores, layers, 2, True)])


def quantized():
    x, scores, b1, b2 = floats(5, 32), floats(5, 4), floats(4, 16), floats(4, 32)
    for bits in (2, 4, 8):
        for block in (0, 16):
            # Of blocks of bytes ONNX Runtime quantizes the tokens as well.
            scale = 0.002 if bits == 8 else 0.05
            for zeros in (False, True):
                code = lambda *shape: RNG.integers(0, 256, shape).astype(np.uint8)
                w1, w2 = code(4, 16, 32 * bits // 8), code(4, 32, 16 * bits // 8)
                blocks = lambda n: [n // block] if block else []
                s1, s2 = floats(4, 16, *blocks(32), scale=scale), floats(4, 32, *blocks(16), scale=scale)
                z1 = z2 = None
                if zeros:
                    z1 = code(4, 16, -(-2 * bits // 8)) if block else code(4, 16 * bits // 8)
                    z2 = code(4, 32, 1) if block else code(4, 32 * bits // 8)
                attributes = {"k": 2, "activation_type": "silu", "expert_weight_bits": bits, "normalize_routing_weights": 1}
                if block:
                    attributes["block_size"] = block
                yield from case(f"QMoE_{bits}_{block}_{int(zeros)}", "Weights are unpacked where they are chosen.", "QMoE",
                                [x, scores, w1, s1, b1, w2, s2, b2, None, None, None, z1, z2], attributes,
                                constants=(2, 3, 4, 5, 6, 7, 11, 12),
                                tolerance={"rtol": 1e-2, "atol": 5e-2} if bits == 8 and block else None)
    yield from case("QMoE_shares", "Scores choose, other numbers are the shares.", "QMoE",
                    [x, scores, w1, s1, None, w2, s2, None, None, None, None, z1, z2, None, np.abs(scores[:, ::-1]).copy()],
                    attributes | {"normalize_routing_weights": 0}, constants=(2, 3, 5, 6, 11, 12),
                    tolerance={"rtol": 1e-2, "atol": 0.1})


def cases():
    yield from experts()
    yield from quantized()
