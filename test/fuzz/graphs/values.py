"""Element types, and contents that are worth trying: ordinary numbers, ties, extremes, infinities, NaN."""

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

FLOATS = ("float32", "float16", "bfloat16", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS
ALL = NUMBERS + ("bool",)
# Arrays of strings are arrays of objects.
STRING = "object"
WITH_STRINGS = ALL + (STRING,)
FLOAT8 = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")

# How often a type is drawn among those that an operator takes.
WEIGHTS = {"float32": 40, "float64": 6, "float16": 6, "bfloat16": 3, "int64": 10, "int32": 7, "bool": 5, STRING: 4}

_ONNX = {
    name: helper.np_dtype_to_tensor_dtype(np.dtype(name))
    for name in ALL
    if name != "bfloat16"
}
_ONNX["bfloat16"] = TensorProto.BFLOAT16
_ONNX[STRING] = TensorProto.STRING
_ONNX["float8_e4m3fn"] = TensorProto.FLOAT8E4M3FN
_ONNX["float8_e4m3fnuz"] = TensorProto.FLOAT8E4M3FNUZ
_ONNX["float8_e5m2"] = TensorProto.FLOAT8E5M2
_ONNX["float8_e5m2fnuz"] = TensorProto.FLOAT8E5M2FNUZ
# As types are written in schemas.
_TEXT = {"float32": "float", "float64": "double", STRING: "string"}
_FROM_TEXT = {f"tensor({_TEXT.get(name, name.replace('_', ''))})": name for name in _ONNX}


def onnx_type(name):
    return _ONNX[name]


def from_schema(text):
    """The numpy name of `tensor(float)`; None for types that are never drawn (complex numbers)."""
    return _FROM_TEXT.get(text)


def dtype(name):
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def name_of(array):
    return array.dtype.name


def is_float(name):
    return name in FLOATS or name in FLOAT8


def is_half(name):
    return name in ("float16", "bfloat16")


def info(name):
    return ml_dtypes.finfo(dtype(name))


def epsilon(name):
    return float(info(name).eps)


def choose_type(rng, names):
    names = list(names)
    weights = np.array([WEIGHTS.get(name, 2) for name in names], float)
    return names[rng.choice(len(names), p=weights / weights.sum())]


def _floats(rng, name, shape, kind):
    if kind == "small":
        array = rng.integers(-4, 5, shape).astype(np.float64)
    elif kind == "positive":
        array = rng.uniform(0.25, 4, shape)
    elif kind == "unit":
        array = rng.uniform(-1, 1, shape)
    else:
        array = rng.normal(0, rng.choice([1.0, 1.0, 3.0, 20.0]), shape)
    array = np.asarray(array, np.float64)
    if kind == "wild":
        limits = info(name)
        special = [np.inf, -np.inf, np.nan, 0.0, -0.0, float(limits.max), float(limits.smallest_normal), 1e9, -0.5]
        mask = rng.random(shape) < 0.25
        array = np.where(mask, rng.choice(special, shape), array)
    with np.errstate(all="ignore"):
        return array.astype(dtype(name))


def _integers(rng, name, shape, kind):
    limits = np.iinfo(name)
    if kind == "wild":
        special = np.array([limits.min, limits.max, 0, 1, limits.max - 1], dtype=name)
        array = rng.integers(limits.min, limits.max, shape, dtype=name, endpoint=True)
        return np.where(rng.random(shape) < 0.4, rng.choice(special, shape), array).astype(name)
    low = max(limits.min, 1 if kind == "positive" else -9)
    return rng.integers(low, min(limits.max, 10), shape, dtype=name, endpoint=True)


# Few, so that some are equal: empty, with blanks, commas, digits, letters of more bytes, and a zero byte.
WORDS = np.array(["", "a", "b", "ab", "AB", "Ä,ö", "a b  c", " x", "1,2,,3", "日本", "ß", "z\0z", "-4.5", "long enough not to be short"], object)


def draw(rng, name, shape, kind=None):
    """An array. Kinds: normal, small (whole numbers: ties), positive, unit, wild (with extremes)."""
    kind = kind or rng.choice(["normal", "small", "positive", "wild"], p=[0.55, 0.25, 0.1, 0.1])
    if name == "bool":
        return np.asarray(rng.random(shape) < 0.5)
    if name == STRING:
        return np.asarray(rng.choice(WORDS, shape), object)
    if is_float(name):
        return np.asarray(_floats(rng, name, shape, kind))
    return np.asarray(_integers(rng, name, shape, kind), dtype=name)
