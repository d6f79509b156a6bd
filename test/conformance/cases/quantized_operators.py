"""The quantized operators of com.microsoft, in the variants that their schemas allow.

ONNX Runtime says what must come out, except where it has no implementation: then a few lines of numpy do. Sizes are
odd, so that vectors have rests, and numbers are of the whole range of their types.
"""

import ml_dtypes
import numpy as np

from cases import Case, single

RNG = np.random.default_rng(11)
DOMAIN = "com.microsoft"


def floats(*shape, scale=1.0):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def scales(*shape):
    return (RNG.uniform(0.5, 1.5, shape) * 0.01).astype(np.float32)


def integers(dtype, *shape):
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max + 1, shape).astype(dtype)


def u8(*shape):
    return integers(np.uint8, *shape)


def i8(*shape):
    return integers(np.int8, *shape)


def i7(*shape):
    """Signed weights of 7 bits. ONNX Runtime's products of unsigned and signed bytes saturate on processors without
    VNNI where weights are larger."""
    return RNG.integers(-64, 64, shape).astype(np.int8)


def scalar(value, dtype=np.float32):
    return np.array(value, dtype)


def case(name, why, op, arrays, attributes=None, constants=(), outputs=1, expected=None, tolerance=None, forms=None):
    made = single(op, arrays, attributes, constants, outputs=outputs, expected=expected, domain=DOMAIN)
    for form, model, data in made:
        if form in (forms or ("static", "dynamic")):
            yield Case(f"{name}_{form}", why, model, data, tolerance or {})


def answer(op, arrays, attributes=None, constants=()):
    """What ONNX Runtime says of other arrays than a case's."""
    ((_, _, (data,)), *_) = single(op, arrays, attributes, constants, domain=DOMAIN)
    return list(data.outputs.values())


def without(op, arrays, zeros, attributes=None):
    """The arguments of a case without its zero points, whose numbers are in `zeros`. ONNX Runtime has them optional,
    but does not know the types of models that lack them: it answers for zeros."""
    known = [np.zeros_like(array) if i in zeros else array for i, array in enumerate(arrays)]
    given = [None if i in zeros else array for i, array in enumerate(arrays)]
    return {"op": op, "arrays": given, "attributes": attributes, "expected": answer(op, known, attributes)}


# --- Matrix products ---


def dynamic_quantize_matmul():
    why = "A is quantized by its own range, and the product is one of integers."
    op = "DynamicQuantizeMatMul"
    for name, make in (("u8", u8), ("i8", i7)):
        a, b = floats(19, 37), make(37, 29)
        parameters = {
            "scalar": (scalar(0.02), scalar(3, b.dtype)),
            "one": (scales(1), make(1)),
            "columns": (scales(29), make(29)),
            "no_zero": (scales(29), None),
        }
        for form, (scale, zero) in parameters.items():
            bias = floats(29) if form != "one" else None
            yield from case(f"{op}_{name}_{form}", why, op, [a, b, scale, zero, bias], constants=(1, 2, 3, 4))
        yield from case(f"{op}_{name}_live", "B is known to the run only.", op,
                        [a, b, scales(29), make(29), floats(29)])
        yield from case(f"{op}_{name}_batch", "Matrices of a batch with parameters of their own.", op,
                        [floats(2, 3, 5), make(2, 5, 7), scales(2, 1, 7), make(2, 1, 7)])
        yield from case(f"{op}_{name}_shared", "A batch times one matrix.", op,
                        [floats(2, 3, 5), make(5, 7), scales(7), make(7), floats(7)], constants=(1, 2, 3))
        yield from case(f"{op}_{name}_vector", "A vector is a row.", op, [floats(5), make(5, 7), scales(7), make(7)],
                        constants=(1, 2, 3))
    for name, a in (("positive", np.abs(floats(3, 5)) + 1), ("zeros", np.zeros((3, 5), np.float32))):
        yield from case(f"{op}_{name}", "The range has zero in it, and is not empty.", op,
                        [a, u8(5, 7), scalar(0.1), scalar(100, np.uint8)])


def matmul_integer_to_float():
    why = "Sums of integers times both scales, plus the bias."
    op = "MatMulIntegerToFloat"
    for name, left, right in (("u8u8", u8, u8), ("u8i8", u8, i7), ("i8i8", i8, i8)):
        a, b = left(19, 37), right(37, 29)
        zero = left(1).reshape(())
        yield from case(f"{op}_{name}_scalar", why, op, [a, b, scalar(0.1), scalar(0.2), zero, right(1).reshape(())],
                        constants=(1, 3, 5))
        yield from case(f"{op}_{name}_columns", why, op,
                        [a, b, scalar(0.1), scales(29), zero, right(29), floats(29)], constants=(1, 2, 3, 4, 5, 6))
        yield from case(f"{op}_{name}_no_zeros", why, op, [a, b, scales(1), scales(29)])
        yield from case(f"{op}_{name}_batch", "Matrices of a batch with parameters of their own.", op,
                        [left(2, 3, 5), right(2, 5, 7), scalar(0.1), scales(2, 1, 7), zero, right(2, 1, 7)])
        yield from case(f"{op}_{name}_scales_a", "A scale of A broadcasts with the result.", op,
                        [left(3, 5), right(5, 7), scales(3, 1), scalar(0.1), zero])
    for name, a, b in (("i8u8", i8(3, 5), u8(5, 7)), ("whole_range", u8(19, 37), i8(37, 29))):
        expected = (a.astype(np.int64) @ b.astype(np.int64)).astype(np.float32) * np.float32(0.5)
        yield from case(f"{op}_{name}", "What ONNX Runtime has no kernel for, or none that is exact everywhere.", op,
                        [a, b, scalar(0.5), scalar(1)], constants=(1,), expected=[expected])
    yield from case(f"{op}_halves", "Scales and result of 16 bits.", op,
                    [u8(3, 5), u8(5, 7), scalar(0.01, np.float16), scales(7).astype(np.float16),
                     scalar(120, np.uint8), u8(7), floats(7).astype(np.float16)], tolerance={"rtol": 2e-3, "atol": 1e-2})


def qgemm():
    why = "alpha A' B' + C of integers, quantized again or as floats."
    op = "QGemm"
    for name, left, right in (("u8u8", u8, u8), ("u8i8", u8, i7), ("i8i8", i8, i8)):
        zero = left(1).reshape(())
        output = (scalar(3.7), scalar(5, zero.dtype))
        addends = {
            "none": None,
            "scalar": scalar(700, np.int32),
            "columns": integers(np.int16, 29).astype(np.int32),
            "rows": integers(np.int16, 19, 1).astype(np.int32),
            "matrix": integers(np.int16, 19, 29).astype(np.int32),
        }
        for form, addend in addends.items():
            yield from case(f"{op}_{name}_{form}", why, op,
                            [left(19, 37), scalar(0.1), zero, right(37, 29), scales(29), right(29), addend, *output],
                            {"alpha": 0.75}, constants=(3, 4, 5))
        for trans_a in (0, 1):
            for trans_b in (0, 1):
                a, b = left(19, 37), right(37, 29)
                yield from case(f"{op}_{name}_trans{trans_a}{trans_b}", "Transposed matrices.", op,
                                [a.T.copy() if trans_a else a, scalar(0.1), zero, b.T.copy() if trans_b else b,
                                 scalar(0.01), right(1).reshape(()), None, scalar(1), output[1]],
                                {"transA": trans_a, "transB": trans_b}, constants=(3,))
        yield from case(f"{op}_{name}_floats", why, op,
                        [left(3, 5), scalar(0.1), zero, right(5, 7), scales(7), right(7),
                         integers(np.int16, 7).astype(np.int32)], {"alpha": 2.0})


def matmul_integer16():
    yield from case("MatMulInteger16", "Products of 16 bits, summed in 32, which wrap.", "MatMulInteger16",
                    [integers(np.int16, 3, 5), integers(np.int16, 5, 7)])


# --- Pools, means, selection ---


def average_pools():
    op = "QLinearAveragePool"
    why = "A mean between a dequantization and a quantization; halves are rounded with the zero point added."
    variants = {
        "plain": {"kernel_shape": [2, 2]},
        "strided": {"kernel_shape": [3, 2], "strides": [2, 3]},
        "padded": {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]},
        "counted": {"kernel_shape": [3, 3], "pads": [1, 0, 1, 2], "count_include_pad": 1},
        "ceil": {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        "same": {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    }
    for kind, make in (("u8", u8), ("i8", i8)):
        for name, attributes in variants.items():
            for last in (0, 1):
                shape = (2, 8, 7, 5) if last else (2, 5, 8, 7)
                zero = make(1).reshape(())
                yield from case(f"{op}_{kind}_{name}{'_last' * last}", why, op,
                                [make(*shape), scalar(0.5), zero, scalar(0.25), scalar(7, zero.dtype)],
                                {**attributes, "channels_last": last})
    for rank, shape in ((1, (2, 3, 11)), (3, (1, 3, 5, 6, 7))):
        yield from case(f"{op}_rank{rank}", why, op,
                        [u8(*shape), scalar(0.1), scalar(9, np.uint8), scalar(0.13), scalar(31, np.uint8)],
                        {"kernel_shape": [2] * rank})
    arrays = [u8(1, 2, 5, 5), scalar(0.5), scalar(0, np.uint8), scalar(0.4), scalar(0, np.uint8)]
    yield from case(f"{op}_no_zeros", "Zero points that are not there are zero.",
                    **without(op, arrays, (2, 4), {"kernel_shape": [2, 2]}))
    for last in (0, 1):
        yield from case(f"QLinearGlobalAveragePool_{last}", why, "QLinearGlobalAveragePool",
                        [u8(2, 7, 6, 5), scalar(0.5), scalar(13, np.uint8), scalar(0.25), scalar(7, np.uint8)],
                        {"channels_last": last})
    for kind, make in (("u8", u8), ("i8", i8)):
        yield from case(f"NhwcMaxPool_{kind}", "The largest of each window, channels last.", "NhwcMaxPool",
                        [make(2, 7, 6, 5)], {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]})


def reduce_mean(x, scale, zero, axes, keep, output_scale, output_zero):
    wide = (x.astype(np.float32) - np.float32(zero)) * scale
    mean = wide.mean(axis=axes, keepdims=keep, dtype=np.float64).astype(np.float32)
    info = np.iinfo(x.dtype)
    return np.clip(np.rint(mean / output_scale) + int(output_zero), info.min, info.max).astype(x.dtype)


def means():
    op = "QLinearReduceMean"
    why = "The mean of what the operand stands for, quantized. ONNX Runtime has the schema alone."
    for kind, make in (("u8", u8), ("i8", i8)):
        x, zero, output_zero = make(3, 5, 7), make(1).reshape(()), make(1).reshape(())
        for axes in ([1], [-1, 0], [0, 1, 2], []):
            for keep in (0, 1):
                named = "".join(map(str, axes)).replace("-", "m") or "all"
                along = tuple(axes) or (0, 1, 2)
                expected = reduce_mean(x, np.float32(0.3), zero, along, bool(keep), np.float32(0.17), output_zero)
                attributes = {"keepdims": keep, **({"axes": axes} if axes else {})}
                yield from case(f"{op}_{kind}_{named}_{keep}", why, op,
                                [x, scalar(0.3), zero, scalar(0.17), output_zero], attributes, expected=[expected])


def where():
    op = "QLinearWhere"
    why = "Elements of either operand in the scale of the result."
    condition = RNG.integers(0, 2, (3, 5)).astype(bool)
    for kind, make in (("u8", u8), ("i8", i8)):
        zeros = [make(1).reshape(()) for _ in range(3)]
        for name, x, y, c in (("same", make(3, 5), make(3, 5), condition),
                              ("broadcast", make(2, 1, 5), make(3, 1), condition),
                              ("one_condition", make(3, 5), make(1, 5), condition[:1, :1])):
            yield from case(f"{op}_{kind}_{name}", why, op,
                            [c, x, scalar(0.1), zeros[0], y, scalar(0.2), zeros[1], scalar(0.15), zeros[2]])


def elementwise():
    why = "The function of what the operands stand for, quantized."
    # ONNX Runtime's sigmoid and softmax of bytes look up the logistic function and powers that it approximates.
    approximate = {"rtol": 0, "atol": 1}
    for kind, make in (("u8", u8), ("i8", i8)):
        zeros = [make(1).reshape(()) for _ in range(3)]
        output = (scalar(0.11), zeros[2])
        lowest = np.array(np.iinfo(zeros[0].dtype).min, zeros[0].dtype)
        small = (scalar(1 / 256), lowest)
        for op in ("QLinearAdd", "QLinearMul"):
            arrays = [make(3, 5), scalar(0.1), zeros[0], make(2, 1, 5), scalar(0.0713), zeros[1], *output]
            yield from case(f"{op}_{kind}", why, op, arrays)
            yield from case(f"{op}_{kind}_no_zeros", why, **without(op, arrays, (2, 5, 7)))
        for op, result, attributes, tolerance in (("QLinearLeakyRelu", output, {"alpha": 0.3}, None),
                                                  ("QLinearSigmoid", small, None, approximate)):
            arrays = [make(3, 37), scalar(0.03), zeros[0], *result]
            yield from case(f"{op}_{kind}", why, op, arrays, attributes, tolerance=tolerance)
            yield from case(f"{op}_{kind}_no_zeros", why, **without(op, arrays, (2, 4), attributes),
                            tolerance=tolerance)
        yield from case(f"QLinearSoftmax_{kind}", why, "QLinearSoftmax",
                        [make(3, 37), scalar(0.03), zeros[0], *small], {"axis": -1, "opset": 13},
                        constants=(1, 2, 3, 4), tolerance=approximate)
        yield from case(f"QLinearConcat_{kind}", why, "QLinearConcat",
                        [scalar(0.11), zeros[2], make(3, 5), scalar(0.1), zeros[0], make(3, 2), scalar(0.2), zeros[1]],
                        {"axis": 1}, constants=(0, 1, 3, 4, 6, 7))
    for op in ("QLinearAdd", "QLinearMul"):
        for zero in (6, 7):
            yield from case(f"{op}_halves_{zero}", "Halves are rounded to even once the zero point is added.", op,
                            [u8(5, 37), scalar(0.5), scalar(128, np.uint8), u8(5, 37), scalar(0.5),
                             scalar(128, np.uint8), scalar(1 if op == "QLinearAdd" else 64), scalar(zero, np.uint8)])


# --- Convolution ---


def convolutions():
    op = "QLinearConv"
    why = "Channels last in operand and result, and as ever in weights."
    attributes = {
        "plain": {},
        "strided": {"strides": [2, 1], "pads": [1, 0, 2, 1]},
        "dilated": {"dilations": [2, 2], "pads": [0, 3, 1, 2]},
        "same": {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
    }
    for kind, left, right in (("u8u8", u8, u8), ("u8i8", u8, i7), ("i8i8", i8, i8)):
        for name, extra in attributes.items():
            for last in (0, 1):
                x = left(2, 9, 8, 6) if last else left(2, 6, 9, 8)
                zero = left(1).reshape(())
                per_channel = name != "plain" and kind != "u8u8"
                weights = (scales(10), np.zeros(10, np.int8)) if per_channel else (scalar(0.01), right(1).reshape(()))
                bias = integers(np.int16, 10).astype(np.int32) if name != "plain" else None
                yield from case(f"{op}_{kind}_{name}{'_last' * last}", why, op,
                                [x, scalar(0.1), zero, right(10, 3, 3, 3), *weights, scalar(0.9), left(1).reshape(()),
                                 bias],
                                {"group": 2, "channels_last": last, "kernel_shape": [3, 3], **extra},
                                constants=(1, 2, 3, 4, 5, 6, 7, 8))


# --- Transformers ---


def attention():
    op = "QAttention"
    why = "The projection is an integer product; attention follows in floats."
    batch, steps, width, heads = 2, 5, 14, 2
    hidden = heads * 3
    for kind, left, right in (("u8u8", u8, u8), ("u8i8", u8, i7)):
        zero = left(1).reshape(())
        x, weights, bias = left(batch, steps, width), right(width, 3 * hidden), floats(3 * hidden)
        lengths = np.array([5, 3], np.int32)
        past = floats(2, batch, heads, 4, 3)
        # name, weight scale, mask, zero points, past, attributes
        variants = (
            ("plain", scalar(0.01), None, (zero, right(1).reshape(())), None, {}),
            ("columns", scales(3 * hidden), None, (zero, right(3 * hidden)), None, {}),
            ("no_zeros", scalar(0.001), None, (None, None), None, {}),
            ("lengths", scalar(0.01), lengths, (zero, None), None, {}),
            ("ends_and_starts", scalar(0.01), np.array([5, 4, 1, 0], np.int32), (zero, None), None, {}),
            ("mask", scalar(0.01), RNG.integers(0, 2, (batch, steps)).astype(np.int32), (zero, None), None, {}),
            ("causal", scalar(0.01), None, (zero, None), None, {"unidirectional": 1, "scale": 0.3}),
            ("past", scalar(0.01), None, (zero, None), past, {}),
            ("causal_past", scales(3 * hidden), None, (zero, right(3 * hidden)), past, {"unidirectional": 1}),
        )
        for name, scale, mask, zeros, before, attributes in variants:
            arrays = [x, weights, bias, scalar(0.02), scale, mask, *zeros, before]
            constants = (1, 4, 7) if zeros[1] is not None else (1, 4)
            yield from case(f"{op}_{kind}_{name}", why, op, arrays, {"num_heads": heads, **attributes}, constants,
                            outputs=2 if before is not None else 1, tolerance={"rtol": 1e-4, "atol": 1e-4})
    shared = [u8(width, 3 * hidden), floats(3 * hidden), scalar(0.02), scalar(0.01), None]
    expected = answer(op, [x, *shared, zero], {"num_heads": heads})
    signed = [(value.astype(np.int16) - 128).astype(np.int8) for value in (x, zero)]
    yield from case(f"{op}_signed", "Signed inputs, which mean what unsigned ones mean that are 128 more.", op,
                    [signed[0], *shared, signed[1]], {"num_heads": heads}, expected=expected,
                    tolerance={"rtol": 1e-4, "atol": 1e-4})


def float_attention():
    for outputs in (1, 2):
        yield from case(f"Attention_{outputs}", "The state that the next step takes is made if it is asked for.",
                        "Attention", [floats(2, 5, 14), floats(14, 18), floats(18)], {"num_heads": 2},
                        outputs=outputs, tolerance={"rtol": 1e-4, "atol": 1e-4})


def embeddings():
    op = "QEmbedLayerNormalization"
    why = "Rows of quantized tables, summed and normalized."
    ids = RNG.integers(0, 11, (2, 5)).astype(np.int32)
    segments = RNG.integers(0, 2, (2, 5)).astype(np.int32)
    mask = (np.arange(5) < np.array([[5], [3]])).astype(np.int32)
    for kind, make in (("u8", u8), ("i8", i8)):
        tables = [make(11, 37), make(6, 37), make(2, 37), make(37), make(37)]
        parameters = [scalar(0.01 * (i + 1)) for i in range(5)], [make(1).reshape(()) for _ in range(5)]
        for name, with_segments, with_mask in (("all", True, True), ("no_segments", False, True),
                                               ("no_mask", True, False)):
            table, scale, zero = list(tables), list(parameters[0]), list(parameters[1])
            if not with_segments:
                table[2] = scale[2] = zero[2] = None
            arrays = [ids, segments if with_segments else None, *table, mask if with_mask else None, *scale, *zero]
            constants = [i for i in range(len(arrays)) if i not in (0, 1, 7)]
            yield from case(f"{op}_{kind}_{name}", why, op, arrays, {"epsilon": 1e-5}, constants, outputs=2)


# --- Recurrent networks ---


def recurrent():
    op = "DynamicQuantizeLSTM"
    steps, batch, inputs, hidden = 5, 3, 7, 11
    lengths = np.array([5, 2, 4], np.int32)
    settings = {
        "forward": {},
        "reverse": {"direction": "reverse"},
        "both": {"direction": "bidirectional"},
        "coupled": {"input_forget": 1},
        "clip": {"clip": 0.4},
        "activations": {"activations": ["HardSigmoid", "Softsign", "Elu"], "activation_alpha": [0.3, 0.8],
                        "activation_beta": [0.4]},
        "relus": {"activations": ["Sigmoid", "LeakyRelu", "Affine"], "activation_alpha": [0.2, 0.5],
                  "activation_beta": [0.1]},
    }
    for kind, make in (("u8", u8), ("i8", i7)):
        for name, attributes in settings.items():
            count = 2 if name == "both" else 1
            for full in (False, True):
                why = "Inputs and states are quantized by the ranges of a whole step" + (
                    "; channels with scales of their own, lengths, states and peepholes." if full else ".")
                shape = (count, 4 * hidden) if full else (count,)
                weights = make(count, inputs, 4 * hidden), make(count, hidden, 4 * hidden)
                zeros = [np.zeros(shape, weights[0].dtype) if full or kind == "i8" else make(*shape) for _ in range(2)]
                extra = [floats(count, batch, hidden), floats(count, batch, hidden), floats(count, 3 * hidden)]
                parameters = [scales(*shape) * np.float32(0.3), zeros[0], scales(*shape) * np.float32(0.3), zeros[1]]
                arrays = [floats(steps, batch, inputs), *weights, floats(count, 8 * hidden, scale=0.3),
                          lengths if full else None, *(extra if full else [None] * 3), *parameters]
                yield from case(f"{op}_{kind}_{name}{'_full' * full}", why, op, arrays,
                                {"hidden_size": hidden, **attributes}, (1, 2, 3, 8, 9, 10, 11), outputs=3,
                                tolerance={"rtol": 1e-4, "atol": 1e-4})
    weights = [u8(1, inputs, 4 * hidden), u8(1, hidden, 4 * hidden)]
    parameters = [scales(1), u8(1), scales(1), u8(1)]
    for name, outputs, given in (("last_alone", [1, 2], lengths), ("states_alone", [0], None)):
        yield from case(f"{op}_{name}", "Results that nobody asks for.", op,
                        [floats(steps, batch, inputs), *weights, None, given, None, None, None, *parameters],
                        {"hidden_size": hidden}, (1, 2), outputs=outputs, tolerance={"rtol": 1e-4, "atol": 1e-4})


# --- Weights in blocks ---


def unpack(packed, bits):
    parts = [(packed >> shift) & ((1 << bits) - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, -1).reshape(*packed.shape[:-1], -1)


def dequantize_blocks(packed, scale, zero, bits, block, depth, order=None):
    """The weights [N, K] that MatMulNBits multiplies by."""
    values = unpack(packed, bits).reshape(packed.shape[0], -1)[:, :depth].astype(np.float32)
    blocks = np.arange(depth) // block if order is None else order
    if zero is None:
        zeros = np.float32(1 << (bits - 1))
    elif zero.dtype == np.uint8:
        zeros = unpack(zero, bits)[:, blocks]
    else:
        zeros = zero[:, blocks]
    return (values - zeros) * scale[:, blocks]


def matmul_nbits():
    op = "MatMulNBits"
    why = "Weights of few bits in blocks along K."
    columns, depth = 13, 75
    # Sums of products in another order than ONNX Runtime's, or halves.
    tolerance = {"rtol": 1e-4, "atol": 1e-4}
    for bits in (2, 4, 8):
        for block in (16, 32, 64, 128, 256):
            blocks = -(-depth // block)
            packed, scale = u8(columns, blocks, block * bits // 8), scales(columns, blocks)
            zeros = {
                "symmetric": None,
                "packed": u8(columns, -(-blocks * bits // 8)),
                "floats": (RNG.uniform(0, 2**bits, (columns, blocks))).astype(np.float32),
            }
            for name, zero in zeros.items():
                if name != "packed" and block in (64, 256):
                    continue
                x = floats(2, 3, depth)
                bias = floats(columns) if name == "packed" else None
                expected = x @ dequantize_blocks(packed, scale, zero, bits, block, depth).T
                expected = expected + bias if bias is not None else expected
                attributes = {"K": depth, "N": columns, "bits": bits, "block_size": block}
                yield from case(f"{op}_{bits}_{block}_{name}", why, op, [x, packed, scale, zero, None, bias],
                                attributes, (1, 2, 3, 5), expected=[expected], tolerance=tolerance)
        packed, scale = u8(columns, 5, 2 * bits), scales(columns, 5)
        attributes = {"K": depth, "N": columns, "bits": bits, "block_size": 16}
        for zero in (None, u8(columns, -(-5 * bits // 8))):
            order = RNG.integers(0, 5, depth).astype(np.int32)
            x = floats(3, depth)
            expected = x @ dequantize_blocks(packed, scale, zero, bits, 16, depth, order).T
            yield from case(f"{op}_{bits}_order_{'symmetric' if zero is None else 'packed'}",
                            "Each position names its block. ONNX Runtime forgets zero points then.", op,
                            [x, packed, scale, zero, order], attributes, (1, 2, 3, 4), expected=[expected],
                            tolerance=tolerance)
        x = floats(3, depth)
        expected = x @ dequantize_blocks(packed, scale, None, bits, 16, depth).T
        rounded = {"rtol": 0, "atol": 0.01 * float(np.abs(expected).max())}
        for level in (0, 1, 2, 3, 4):
            yield from case(f"{op}_{bits}_level{level}", "Level 4 lets the input be rounded to 8 bits, block by block; "
                            "the other levels do not.", op, [x, packed, scale],
                            {**attributes, "accuracy_level": level}, (1, 2), outputs=1, expected=[expected],
                            tolerance=rounded if level == 4 else tolerance, forms=["static"])
        rows = floats(9, depth)
        for zero in (None, u8(columns, -(-5 * bits // 8))):
            result = rows @ dequantize_blocks(packed, scale, zero, bits, 16, depth).T
            yield from case(f"{op}_{bits}_level4_rows_{'symmetric' if zero is None else 'packed'}",
                            "Rows that may be rounded to 8 bits, block by block.", op, [rows, packed, scale, zero],
                            {**attributes, "accuracy_level": 4}, (1, 2, 3), outputs=1, expected=[result],
                            tolerance={"rtol": 0, "atol": 0.01 * float(np.abs(result).max())})
        yield from case(f"{op}_{bits}_live", "Weights that the run brings.", op, [x, packed, scale], attributes,
                        expected=[expected], tolerance=tolerance)
        for dtype, name in ((np.float16, "f16"), (ml_dtypes.bfloat16, "bf16")):
            halves = [floats(3, depth).astype(dtype), packed, scale.astype(dtype)]
            wide = halves[0].astype(np.float32) @ dequantize_blocks(
                packed, halves[2].astype(np.float32), None, bits, 16, depth).T
            yield from case(f"{op}_{bits}_{name}", "Halves.", op, halves, attributes, (1, 2),
                            expected=[wide.astype(dtype)],
                            tolerance={"rtol": 1e-2 if name == "f16" else 5e-2, "atol": 2e-2})
        yield from case(f"{op}_{bits}_peer", "ONNX Runtime's own answer.", op, [floats(3, depth), packed, scale],
                        attributes, (1, 2), tolerance=tolerance)


def matmul_bnb4():
    for kind, name in ((0, "fp4"), (1, "nf4")):
        yield from case(f"MatMulBnb4_{name}", "Codes of four bits that stand for numbers.", "MatMulBnb4",
                        [floats(3, 33), u8((33 * 7 + 1) // 2), scales(-(-33 * 7 // 16))],
                        {"K": 33, "N": 7, "block_size": 16, "quant_type": kind}, (1, 2),
                        tolerance={"rtol": 1e-4, "atol": 1e-5})


def gathers():
    op = "GatherBlockQuantized"
    why = "Rows of a quantized table, dequantized; an index out of range gives zeros."
    indices = np.array([[1, -1, 8], [0, -9, 30]], np.int64)
    for bits in (2, 4, 8):
        for name, zero in (("symmetric", None), ("zeros", u8(9, -(-3 * bits // 8)))):
            yield from case(f"{op}_bytes{bits}_{name}", why, op,
                            [u8(9, 48 * bits // 8), indices, scales(9, 3), zero], {"bits": bits, "block_size": 16},
                            (0, 2, 3))
    for dtype in (ml_dtypes.int4, ml_dtypes.uint4):
        low = -8 if dtype == ml_dtypes.int4 else 0
        data = RNG.integers(low, low + 16, (9, 40)).astype(dtype)
        name = np.dtype(dtype).name
        for gather, quantize in ((0, 1), (1, 1), (0, 0), (1, 0)):
            shape = [9, 40]
            shape[quantize] = -(-shape[quantize] // 16)
            for with_zero in (False, True):
                zero = RNG.integers(low, low + 16, shape).astype(dtype) if with_zero else None
                for kind in (np.int32, np.int64):
                    yield from case(f"{op}_{name}_{gather}{quantize}{'_zeros' * with_zero}_{np.dtype(kind).name}", why,
                                    op, [data, indices.astype(kind), scales(*shape), zero],
                                    {"block_size": 16, "gather_axis": gather, "quantize_axis": quantize}, (0, 2, 3),
                                    forms=["static"] if kind == np.int32 else None)
    yield from case(f"{op}_cube", "Axes in the middle.", op,
                    [RNG.integers(-8, 8, (4, 33, 5)).astype(ml_dtypes.int4), np.array([3, 0]), scales(4, 3, 5)],
                    {"block_size": 16, "gather_axis": 2, "quantize_axis": 1}, (0, 2))
    yield from case(f"{op}_halves", "Scales and result of 16 bits.", op,
                    [u8(9, 24), indices, scales(9, 3).astype(np.float16)], {"block_size": 16}, (0, 2))
    data = floats(9, 40).astype(ml_dtypes.float8_e4m3fn)
    for name, scale, block in (("blocks", scales(9, 3), 16), ("rows", scales(9, 1), 0), ("shared", scales(1, 3), 16)):
        yield from case(f"{op}_float8_{name}", "Floats of 8 bits have no zero point.", op, [data, indices, scale],
                        {"block_size": block}, (0, 2))


# --- No elements ---


def no_elements():
    why = "Tensors without elements. Sums of nothing are 0, where ONNX Runtime may leave what it finds."
    s, z = scalar(0.5), scalar(3, np.uint8)
    for m, k, n in ((0, 5, 7), (3, 0, 7), (3, 5, 0)):
        sizes, a, b, bias = f"{m}x{k}x{n}", u8(m, k), u8(k, n), floats(n)
        expected = [np.broadcast_to(bias, (m, n)).astype(np.float32)]
        yield from case(f"DynamicQuantizeMatMul_{sizes}", why, "DynamicQuantizeMatMul",
                        [floats(m, k), b, s, z, bias], constants=(1,), expected=expected)
        yield from case(f"MatMulIntegerToFloat_{sizes}", why, "MatMulIntegerToFloat", [a, b, s, s, z, z, bias],
                        constants=(1,), expected=expected)
        yield from case(f"QGemm_{sizes}", why, "QGemm", [a, s, z, b, s, z, None, s, z], constants=(3,),
                        expected=[np.full((m, n), 3, np.uint8)])
    yield from case("MatMulNBits_no_rows", why, "MatMulNBits", [floats(0, 32), u8(7, 2, 8), scales(7, 2)],
                    {"N": 7, "K": 32, "block_size": 16}, constants=(1, 2))
    for shape in ((0,), (2, 0)):
        yield from case(f"GatherBlockQuantized_no_indices_{len(shape)}", why, "GatherBlockQuantized",
                        [u8(9, 16), np.zeros(shape, np.int64), scales(9, 2)], {"block_size": 16})
    yield from case("QLinearAveragePool_no_batch", why, "QLinearAveragePool", [u8(0, 3, 8, 8), s, z, s, z],
                    {"kernel_shape": [2, 2]})
    yield from case("NhwcMaxPool_no_batch", why, "NhwcMaxPool", [u8(0, 8, 8, 3)], {"kernel_shape": [2, 2]})
    yield from case("QLinearConv_no_batch", why, "QLinearConv", [u8(0, 8, 8, 3), s, z, u8(4, 3, 3, 3), s, z, s, z],
                    {"channels_last": 1}, constants=(3,))
    yield from case("QLinearAdd_broadcast", why, "QLinearAdd", [u8(0, 5), s, z, u8(1, 5), s, z, s, z])
    yield from case("QLinearWhere_no_rows", why, "QLinearWhere",
                    [np.zeros((0, 5), bool), u8(1, 5), s, z, u8(5), s, z, s, z])
    yield from case("QLinearConcat_no_rows", why, "QLinearConcat", [s, z, u8(0, 5), s, z, u8(3, 5), s, z], {"axis": 0})
    for batch, steps in ((0, 3), (2, 0)):
        yield from case(f"QAttention_{batch}x{steps}", why, "QAttention",
                        [u8(batch, steps, 8), u8(8, 24), floats(24), s, s, None, z, z], {"num_heads": 2}, (1,),
                        expected=[np.zeros((batch, steps, 8), np.float32)])
        weights = [u8(1, 7, 12), u8(1, 3, 12)]
        state = floats(1, batch, 3)
        yield from case(f"DynamicQuantizeLSTM_{batch}x{steps}", why, "DynamicQuantizeLSTM",
                        [floats(steps, batch, 7), *weights, None, None, state, state, None, scales(1), u8(1), scales(1),
                         u8(1)],
                        {"hidden_size": 3}, (1, 2), outputs=3,
                        expected=[np.zeros((steps, 1, batch, 3), np.float32), state, state])
    yield from case("DynamicQuantizeLSTM_no_lengths", "Rows without steps have the states that they start with.",
                    "DynamicQuantizeLSTM",
                    [floats(3, 2, 7), *weights, None, np.zeros(2, np.int32), state, state, None, scales(1), u8(1),
                     scales(1), u8(1)],
                    {"hidden_size": 3}, (1, 2), outputs=3, expected=[np.zeros((3, 1, 2, 3), np.float32), state, state])


# --- Conversions ---


def conversions():
    x = floats(3, 5, 7, scale=40)
    for dtype in (np.uint8, np.int8, np.uint16, np.int16):
        name = np.dtype(dtype).name
        for axis, count in ((1, 5), (-1, 7), (0, 3)):
            parameters = [scales(count) * 20, integers(dtype, count)]
            yield from case(f"QuantizeLinear_{name}_{axis}".replace("-", "m"), "Parameters along an axis.",
                            "QuantizeLinear", [x, *parameters], {"axis": axis}, (1, 2))
            yield from case(f"DequantizeLinear_{name}_{axis}".replace("-", "m"), "Parameters along an axis.",
                            "DequantizeLinear", [integers(dtype, 3, 5, 7), *parameters], {"axis": axis}, (1, 2))
    yield from case("DequantizeLinear_int32", "Sums have no zero point.", "DequantizeLinear",
                    [integers(np.int32, 3, 5), scales(3)], {"axis": 0})
    for dtype in (ml_dtypes.int4, ml_dtypes.uint4):
        yield from case(f"DequantizeLinear_{np.dtype(dtype).name}", "Weights of four bits.", "DequantizeLinear",
                        [RNG.integers(0, 8, (3, 5)).astype(dtype), scales(5), RNG.integers(0, 8, 5).astype(dtype)],
                        {"axis": 1}, (0, 2))


def cases():
    for group in (dynamic_quantize_matmul, matmul_integer_to_float, qgemm, matmul_integer16, average_pools, means, where,
                  elementwise, convolutions, attention, float_attention, embeddings, recurrent, matmul_nbits, matmul_bnb4,
                  gathers, no_elements, conversions):
        yield from group()
