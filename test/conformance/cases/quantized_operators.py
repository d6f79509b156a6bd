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
    for group in (conversions,):
        yield from group()
