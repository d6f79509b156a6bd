"""Operators of com.microsoft that stand for several of ONNX's, in the variants that their schemas allow.

ONNX Runtime says what must come out, except where it has an implementation for other devices only: then a few lines
of numpy do.
"""

import math

import numpy as np

from cases import Case, single

RNG = np.random.default_rng(37)
DOMAIN = "com.microsoft"
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


def floats(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def case(name, why, op, arrays, attributes=None, constants=(), outputs=1, expected=None, tolerance=None, forms=None):
    if expected is not None:
        expected = [np.asarray(value) for value in expected]
    for form, model, data in single(op, arrays, attributes, constants, outputs=outputs, expected=expected, domain=DOMAIN):
        if form in (forms or ("static", "dynamic")):
            yield Case(f"{name}_{form}", why, model, data, tolerance or TOLERANCE)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


# --- Products ---


def matmuls():
    why = "Matrices, or matrices and what they are a batch of, are transposed first."
    for rank in (2, 3, 4):
        batch = {2: (), 3: (2,), 4: (2, 5)}[rank]
        for ta in (0, 1):
            for tb in (0, 1):
                a, b = floats(*batch, 3, 4), floats(*batch, 4, 6)
                a, b = np.swapaxes(a, -1, -2) if ta else a, np.swapaxes(b, -1, -2) if tb else b
                for op in ("FusedMatMul", "TransposeMatMul"):
                    yield from case(f"{op}_{rank}_{ta}{tb}", why, op, [a.copy(), b.copy()],
                                    {"transA": ta, "transB": tb, "alpha": 0.5})
                if rank == 2:
                    continue
                for ba, bb in ((1, 0), (0, 1), (1, 1)):
                    left = np.moveaxis(a, -2, 0).copy() if ba else a.copy()
                    right = np.moveaxis(b, -2, 0).copy() if bb else b.copy()
                    yield from case(f"FusedMatMul_{rank}_{ta}{tb}_{ba}{bb}", why, "FusedMatMul", [left, right],
                                    {"transA": ta, "transB": tb, "transBatchA": ba, "transBatchB": bb})
    x, w = floats(3, 4), floats(4, 6)
    yield from case("FusedMatMulActivation", "An activation at the end.", "FusedMatMulActivation", [x, w],
                    {"activation": "LeakyRelu", "activation_alpha": 0.25},
                    expected=[np.where(x @ w < 0, 0.25 * (x @ w), x @ w)])
    z = x @ w + floats(6)
    tanh = 0.5 * z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))
    yield from case("GemmFastGelu", "Product, bias, approximate gelu.", "GemmFastGelu", [x, w, z[0] - (x @ w)[0]],
                    expected=[tanh.astype(np.float32)], forms=("static",))


def gemms():
    activations = {
        "Relu": {}, "Sigmoid": {}, "Tanh": {}, "Softplus": {}, "Softsign": {}, "LeakyRelu": {"activation_alpha": 0.3},
        "Elu": {"activation_alpha": 0.7}, "ThresholdedRelu": {"activation_alpha": 0.4},
        "Selu": {"activation_alpha": 1.5, "activation_gamma": 1.1}, "ParametricSoftplus": {"activation_alpha": 0.5, "activation_beta": 2.0},
        "ScaledTanh": {"activation_alpha": 0.5, "activation_beta": 2.0}, "HardSigmoid": {"activation_alpha": 0.3, "activation_beta": 0.4},
    }
    for name, parameters in activations.items():
        yield from case(f"FusedGemm_{name}", "An activation at the end.", "FusedGemm",
                        [floats(5, 7), floats(9, 7), floats(9)], {"activation": name, "transB": 1, "alpha": 0.5, **parameters})
    yield from case("FusedGemm_none", "Neither C nor parameters.", "FusedGemm", [floats(7, 5), floats(7, 9)],
                    {"activation": "Relu", "transA": 1})


def convolve(x, w, bias=None, pads=0):
    """Channels first, one group, in double."""
    x = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (pads, pads), (pads, pads)])
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    y = np.einsum("nchwij,ocij->nohw", windows, w)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def convolutions():
    activations = {"Relu": [], "Tanh": [], "Sigmoid": [], "LeakyRelu": [0.2], "Clip": [-0.5, 0.75], "HardSigmoid": [0.3, 0.6]}
    x, w, b = floats(2, 3, 7, 6), floats(8, 3, 3, 3, scale=0.4), floats(8)
    for name, parameters in activations.items():
        attributes = {"activation": name, "pads": [1, 1, 1, 1]}
        if parameters:
            attributes["activation_params"] = parameters
        yield from case(f"FusedConv_{name}", "An activation at the end.", "FusedConv", [x, w, b], attributes, constants=(1, 2))
        yield from case(f"FusedConv_{name}_sum", "What is added before it.", "FusedConv", [x, w, b, floats(2, 8, 7, 6)],
                        attributes, constants=(1, 2))
    yield from case("FusedConv_groups", "Groups, strides and no bias.", "FusedConv",
                    [floats(2, 4, 9, 9), floats(8, 2, 3, 3), None], {"activation": "Relu", "group": 2, "strides": [2, 2]},
                    constants=(1,))
    last = lambda a: np.moveaxis(a, 1, -1).astype(np.float32).copy()
    y, z = convolve(x, w, b, 1), floats(2, 8, 7, 6)
    why = "Tensors whose channels are last, weights as ever."
    yield from case("NhwcConv", why, "NhwcConv", [last(x), w, b], {"pads": [1, 1, 1, 1]}, constants=(1, 2), expected=[last(y)])
    yield from case("NhwcFusedConv", why, "NhwcFusedConv", [last(x), w, b, last(z)],
                    {"pads": [1, 1, 1, 1], "activation": "Relu"}, constants=(1, 2), expected=[last(np.maximum(y + z, 0))])


# --- Norms ---


def normalize_groups(x, groups, gamma, beta, epsilon, silu):
    """x [N, H, W, C]"""
    n, h, w, c = x.shape
    split = x.astype(np.float64).reshape(n, h * w, groups, c // groups)
    y = (split - split.mean((1, 3), keepdims=True)) / np.sqrt(split.var((1, 3), keepdims=True) + epsilon)
    y = y.reshape(x.shape) * gamma + beta
    return (y * sigmoid(y) if silu else y).astype(np.float32)


def norms():
    x, gamma, beta = floats(2, 5, 3, 8), floats(8), floats(8)
    for silu in (0, 1):
        for last in (0, 1):
            attributes = {"groups": 4, "activation": silu, "channels_last": last, "epsilon": 1e-3}
            order = (lambda a: a) if last else (lambda a: np.moveaxis(a, -1, 1).copy())
            y = normalize_groups(x, 4, gamma, beta, 1e-3, silu)
            yield from case(f"GroupNorm_{silu}{last}", "Channels in groups, with silu or not.", "GroupNorm",
                            [order(x), gamma, beta], attributes, expected=[order(y)])
            for name, skip in (("full", floats(2, 5, 3, 8)), ("flat", floats(2, 8))):
                bias = floats(8) if name == "full" else None
                total = x + (skip if name == "full" else skip.reshape(2, 1, 1, 8)) + (0 if bias is None else bias)
                y = normalize_groups(total, 4, gamma, beta, 1e-3, silu)
                given = order(skip) if name == "full" else skip
                # Where each dimension is open, nothing says which of two sizes broadcasts.
                yield from case(f"SkipGroupNorm_{silu}{last}_{name}", "The norm of a sum, which is a result as well.",
                                "SkipGroupNorm", [order(x), gamma, beta, given, bias], attributes, outputs=2,
                                expected=[order(y), order(total.astype(np.float32))])
    for activation in ("silu", "swish", "sigmoid"):
        yield from case(f"GatedRMSNorm_{activation}", "Parts of a row have a norm each.", "GatedRMSNorm",
                        [floats(2, 3, 12), floats(4), floats(2, 3, 12)], {"activation": activation, "epsilon": 1e-3})
    for name, shape, scale, branches in (("grouped", (2, 3, 4), (4,), 0), ("wide", (2, 3, 4), (3, 4), 0),
                                         ("flat", (2, 12), (12,), 3), ("none", (2, 12), None, 3)):
        attributes = {"num_branches": branches} if branches else {}
        yield from case(f"BranchwiseRMSNorm_{name}", "Each branch has a norm.", "BranchwiseRMSNorm",
                        [floats(*shape), floats(*scale) if scale else None], attributes)


# --- Pointwise ---


def pointwise():
    x, y, b = floats(2, 3, 8), floats(2, 3, 8), floats(8)
    yield from case("BiasAdd", "Bias and residual.", "BiasAdd", [x, b, y], expected=[x + b + y])
    z = x + b
    yield from case("BiasSplitGelu", "Half of a row gates the other.", "BiasSplitGelu", [x, b],
                    expected=[(z[..., :4] * gelu(z[..., 4:])).astype(np.float32)])
    yield from case("BiasDropout", "Nothing is dropped.", "BiasDropout", [x, b, y, np.array(0.5, np.float32)], outputs=2,
                    expected=[x + b + y, np.ones(x.shape, bool)])
    words = np.full(2, 2**32 - 1, np.uint32)  # for 48 elements
    yield from case("BitmaskDropout", "Nothing is dropped, which a bit says for each element.", "BitmaskDropout", [x], outputs=2,
                    expected=[x, words])
    yield from case("BitmaskBiasDropout", "The same behind sums.", "BitmaskBiasDropout", [x, b, y], outputs=2, expected=[x + b + y, words])
    bytes_ = [RNG.integers(0, 256, (2, 5)).astype(np.uint8), np.array(7, np.uint8), RNG.integers(0, 256, 5).astype(np.uint8), np.array(250, np.uint8)]
    wide = [each.astype(np.int32) for each in bytes_]
    yield from case("MulInteger", "Bytes less their zero points.", "MulInteger", bytes_, expected=[(wide[0] - wide[1]) * (wide[2] - wide[3])])
    for signed in (np.int8, np.uint8):
        bytes_ = RNG.integers(-100, 100, (2, 3, 4)).astype(signed)
        wide = bytes_.astype(np.int32 if signed == np.int8 else np.uint32)
        yield from case(f"ReduceSumInteger_{np.dtype(signed)}", "Sums of bytes in 32 bits.", "ReduceSumInteger", [bytes_],
                        {"axes": [0, -1], "keepdims": 0}, expected=[wide.sum((0, 2), dtype=wide.dtype)])
    tokens, counts = floats(3, 4, 2), np.array([2, 4, 1], np.int32)
    places = [row * 4 + step for row, count in enumerate(counts) for step in range(count)]
    rest = [place for place in range(12) if place not in places]
    yield from case("RemovePadding", "Rows behind each other.", "RemovePadding", [tokens, counts], outputs=4,
                    expected=[tokens.reshape(12, 2)[places], np.array(places + rest, np.int32).reshape(3, 4),
                              np.array([0, 2, 6, 7], np.int32), np.array([4], np.int32)])
    e = np.exp(x + y)
    yield from case("BiasSoftmax", "Over all dimensions from an axis on.", "BiasSoftmax", [x, y],
                    {"axis": 1, "is_inner_broadcast": 0}, expected=[e / e.sum((1, 2), keepdims=True)])
    yield from case("ScaledSiLU", "A scale by attribute.", "ScaledSiLU", [x], {"alpha": 1.7})
    yield from case("ScaledSiLU_operand", "A scale by operand.", "ScaledSiLU", [x, np.array(0.3, np.float32)], {"alpha": 1.7})
    yield from case("GatedAdd", "A gate for each row.", "GatedAdd", [x, y, floats(2, 3, 1)])
    a, c = floats(2, 3, 2), floats(3, 2)
    wide, other = a[..., 0] + 1j * a[..., 1], c[..., 0] + 1j * c[..., 1]
    for op, product in (("ComplexMul", wide * other), ("ComplexMulConj", wide * other.conj())):
        yield from case(op, "Real and imaginary parts side by side.", op, [a, c],
                        expected=[np.stack([product.real, product.imag], -1).astype(np.float32)], forms=("static",))
    values = {"finite": x, "nan": np.where(x > 1, np.nan, x), "inf": np.where(x > 1, np.inf, x)}
    for name, value in values.items():
        for attributes in ({}, {"isnan_only": 1}, {"isinf_only": 1}):
            bad = not (name == "finite" or name == "nan" and "isinf_only" in attributes
                       or name == "inf" and "isnan_only" in attributes)
            form = "_".join(attributes) or "any"
            yield from case(f"IsAllFinite_{name}_{form}", "One answer for all operands.", "IsAllFinite",
                            [y, value.astype(np.float32)], attributes, expected=[np.array(not bad)])


# --- Tensors ---


def tensors():
    x = floats(2, 3, 7)
    for axis in (0, 2, 3, -1, -4):
        yield from case(f"ExpandDims_{axis}", "An axis by operand.", "ExpandDims", [x, np.array(axis, np.int32)], constants=(1,))
    yield from case("ExpandDims_live", "An axis that only a run tells.", "ExpandDims", [x, np.array(1, np.int32)], forms=("static",))
    for dim, size, step in ((-1, 3, 2), (1, 2, 1), (0, 1, 3), (2, 7, 1)):
        yield from case(f"UnfoldTensor_{dim}_{size}", "Windows become a dimension.", "UnfoldTensor", [x],
                        {"dim": dim, "size": size, "step": step})
    for metric in ("sqeuclidean", "euclidean"):
        yield from case(f"CDist_{metric}", "Each row and each row.", "CDist", [floats(5, 4), floats(3, 4)], {"metric": metric})
    for n in (1, 2, 3, 9):
        tokens = RNG.integers(0, 4, (3, 8))
        yield from case(f"NGramRepeatBlock_{n}", "What would repeat an n-gram is forbidden.", "NGramRepeatBlock",
                        [tokens, floats(3, 6)], {"ngram_size": n})
    image, boxes = floats(2, 3, 5, 6), np.array([[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.9], [-0.3, 0.5, 1.2, 0.15]], np.float32)
    numbers = np.array([0, 1, 1], np.int32)
    for mode in ("bilinear", "nearest"):
        for size in ((3, 4), (1, 1), (6, 1)):
            yield from case(f"CropAndResize_{mode}_{size[0]}", "Boxes of images, resized.", "CropAndResize",
                            [image, boxes, numbers, np.array(size, np.int32)], {"mode": mode, "extrapolation_value": 2.5},
                            constants=(3,))
    table, rows = floats(9, 4), RNG.integers(0, 9, (2, 3))
    yield from case("TorchEmbedding", "Rows of a table.", "TorchEmbedding", [table, rows], expected=[table[rows]])
    yield from case("Trilu", "As ONNX's own.", "Trilu", [floats(3, 4, 5), np.array(1)], {"upper": 0}, constants=(1,))
    yield from case("GatherND", "As ONNX's own.", "GatherND", [x, np.array([[0, 1], [1, 2]])])
    yield from case("Range", "A step of 1 may be left out.", "Range", [np.array(2, np.int64), np.array(9, np.int64)])
    yield from case("Range_step", "A step by operand.", "Range", [np.array([v], np.float32) for v in (1, 5, 0.75)])
    yield from case("Pad", "Pads may have a dimension in front.", "Pad", [x, np.array([[0, 1, 2, 1, 0, 1]])], constants=(1,),
                    forms=("static",))
    yield from case("Pad_reflect", "As ONNX's own.", "Pad", [x, np.array([0, 1, 2, 0, 0, 1])], {"mode": "reflect"}, constants=(1,))
    yield from case("Unique", "In the order of their first places.", "Unique", [np.array([3, 1, 1, 7, 3, 0], np.float32)], outputs=3)
    yield from case("GridSample", "As ONNX's own, with other names of modes.", "GridSample",
                    [floats(1, 2, 4, 5), floats(1, 3, 3, 2, scale=0.6)], {"mode": "bilinear", "padding_mode": "border"})


# --- Rotations ---


def rotations():
    x, cosines, sines = floats(2, 3, 16), floats(10, 4), floats(10, 4)
    positions = RNG.integers(0, 10, (3, 2, 3))
    for layout, sections in ((0, [1, 2, 1]), (1, [2, 1, 1]), (0, [4, 0, 0])):
        for interleaved in (0, 1):
            yield from case(f"MRotaryEmbedding_{layout}{interleaved}_{sections[0]}", "Three streams of positions.",
                            "MRotaryEmbedding", [x, positions, cosines, sines],
                            {"mrope_section": sections, "mrope_layout": layout, "interleaved": interleaved, "num_heads": 2},
                            forms=("static",))
    angles, q, k = floats(2, 3, 4), floats(2, 5, 3, 4), floats(2, 2, 3, 4)
    turned = floats(2, 5, 3, 4), floats(2, 2, 3, 4)
    c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
    yield from case("GemmaRotaryEmbedding", "Angles instead of caches.", "GemmaRotaryEmbedding",
                    [angles, q, turned[0], k, turned[1]], outputs=2, expected=[q * c + turned[0] * s, k * c + turned[1] * s])


# --- State ---


def states():
    yield from case("CausalConvWithState", "As ONNX's own.", "CausalConvWithState",
                    [floats(2, 3, 5), floats(3, 1, 4), floats(3), floats(2, 3, 3)], {"activation": "silu"}, outputs=2,
                    forms=("static",))
    unit = lambda *shape: floats(*shape, scale=0.5)
    yield from case("LinearAttention", "As ONNX's own.", "LinearAttention",
                    [unit(2, 3, 8), unit(2, 3, 4), unit(2, 3, 6), unit(2, 1, 4, 6), unit(2, 3, 1), unit(2, 3, 1)],
                    {"q_num_heads": 2, "kv_num_heads": 1, "update_rule": "gated_delta"}, outputs=2, forms=("static",))


def cases():
    for family in (matmuls, gemms, convolutions, norms, pointwise, tensors, rotations, states):
        yield from family()
