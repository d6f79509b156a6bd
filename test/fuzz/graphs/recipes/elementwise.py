"""Operators that compute an element from one element of each operand, broadcast."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe


@recipe("Abs Neg Sign Floor Ceil Sqrt Reciprocal Exp Log Erf Round Relu Softsign Softplus Tanh Sigmoid Mish HardSwish",
        "Sin Cos Tan Atan Sinh Cosh Asinh Acosh Asin Acos Atanh IsNaN", weight=1.5)
def plain(g, op):
    parameter = "T1" if op == "IsNaN" else "T"
    # HardSwish multiplies by 1/6: an f32 in ONNX's function, a quotient in its text.
    types = [t for t in g.types(op, parameter) if op != "HardSwish" or t != "float64"]
    x = g.value(types, where=lambda v: _defined(op, v))
    return g.node(op, [x])


def _defined(op, v):
    if values.is_float(v.type):
        # Arguments of trigonometric functions that are multiples of thousands of turns are nobody's.
        return op not in ("Sin", "Cos", "Tan") or v.every(lambda a: np.all(~(np.abs(a.astype(float)) > 1e4)))
    limits = np.iinfo(v.type) if v.type != "bool" else None
    return limits is None or op not in ("Abs", "Neg") or limits.min == 0 or v.every(lambda a: np.all(a != limits.min))


@recipe("Elu Celu LeakyRelu ThresholdedRelu Selu HardSigmoid Shrink Swish Gelu")
def activation(g, op):
    options = {
        "Elu": ["alpha"], "Celu": ["alpha"], "LeakyRelu": ["alpha"], "ThresholdedRelu": ["alpha"], "Swish": ["alpha"],
        "Selu": ["alpha", "gamma"], "HardSigmoid": ["alpha", "beta"], "Shrink": ["lambd", "bias"], "Gelu": [],
    }[op]
    attributes = {name: float(g.pick([0.1, 0.2, 0.5, 1.0, 1.5])) for name in options if g.flip()}
    if op == "Gelu" and g.flip():
        attributes["approximate"] = g.pick(["none", "tanh"])
    # A double of 2^64, which the largest integers round to, is no integer of 64 bits any more.
    x = g.value([name for name in g.types(op) if op != "Shrink" or name not in ("int64", "uint64")])
    return g.node(op, [x], **attributes)


def pair(g, types, where=None):
    """Two operands of one type that broadcast with each other."""
    a = g.value(types)
    dims = g.narrowed(a.shape)
    fitting = [v for v in g.pool if v.type == a.type and broadcasts(a.shape, v.shape) and (where is None or where(v))]
    if fitting and g.flip(0.5):
        b = g.pick(fitting)
    else:
        for _ in range(5):
            b = g.fresh(a.type, dims, kind="positive" if where and g.flip() else None)
            if where is None or where(b):
                break
        else:
            raise Reject("no second operand")
    return (a, b) if where or g.flip() else (b, a)


def broadcasts(a, b):
    for x, y in zip(reversed(a), reversed(b)):
        if any(m != n and 1 not in (m, n) for m, n in zip(x, y)):
            return False
    return all(np.prod([max(s) for s in shape] or [1]) <= 4096 for shape in (a, b))


@recipe("Add Sub Mul And Or Xor BitwiseAnd BitwiseOr BitwiseXor Equal Less LessOrEqual Greater GreaterOrEqual PRelu",
        weight=2)
def binary(g, op):
    parameter = next(p for p in ("T", "T1") if any(c.type_param_str == p for c in g.schema(op).type_constraints))
    a, b = pair(g, g.types(op, parameter))
    if op == "PRelu":
        if b.rank > a.rank or any(m != n and m != 1 for x, y in zip(reversed(b.shape), reversed(a.shape)) for m, n in zip(x, y)):
            a, b = b, a
    return g.node(op, [a, b])


@recipe("Div", weight=2)
def div(g, op):
    divisor = lambda v: values.is_float(v.type) or v.every(
        lambda d: np.all(d != 0) and (v.type in values.UNSIGNED or np.all(d != -1))
    )
    return g.node(op, pair(g, g.types(op), where=divisor))


@recipe("Mod")
def mod(g, op):
    # fmod where the sign is the dividend's; without it only integers. A remainder by zero is open.
    divisor = lambda v: v.every(lambda d: np.all(np.isfinite(d.astype(float)) & (d != 0) & (d.astype(float) != -1)))
    a, b = pair(g, g.types(op), where=divisor)
    floating = values.is_float(a.type)
    if floating and not a.every(lambda x: np.all(np.abs(x.astype(float)) < 1e3)):
        raise Reject("a remainder of huge numbers")
    return g.node(op, [a, b], fmod=1 if floating or g.flip(0.3) else g.pick([0, None]))


@recipe("Pow")
def power(g, op):
    types = [t for t in g.types(op) if values.is_float(t) or t in ("int32", "int64")]
    a = g.value(types)
    if g.version() >= 12 and g.flip(0.3):
        types = [t for t in g.types(op, "T1") if t in ("float32", "int32", "int64", "float64")]
        b = g.fresh(g.pick(types), g.narrowed(a.shape), "positive")
    else:
        b = g.fresh(a.type, g.narrowed(a.shape), g.pick(["positive", "small"]) if values.is_float(a.type) else "positive")
    if not values.is_float(a.type):
        a = g.fresh(a.type, a.shape, "small")
        if not (np.all([np.all(np.abs(y) < 10) for y in b.exact()])):
            raise Reject("integer power overflows")
    return g.node(op, [a, b])


@recipe("BitShift")
def shift(g, op):
    a = g.value(g.types(op))
    width = np.iinfo(a.type).bits
    b = g.fresh(a.type, g.narrowed(a.shape), "positive")
    if not b.every(lambda s: np.all(s < width)):
        raise Reject("shift by the width")
    return g.node(op, [a, b], direction=g.pick(["LEFT", "RIGHT"]))


@recipe("Not BitwiseNot")
def inverted(g, op):
    return g.node(op, [g.value(g.types(op))])


@recipe("IsInf")
def is_inf(g, op):
    attributes = {name: g.integer(0, 1) for name in ("detect_negative", "detect_positive") if g.flip(0.4)}
    return g.node(op, [g.value(g.types(op, "T1"), kind="wild" if g.flip() else None)], **attributes)


@recipe("Sum Mean Max Min")
def variadic(g, op):
    a, b = pair(g, g.types(op))
    operands = [a, b][: g.integer(1, 2)] if g.flip(0.3) else [a, b]
    if g.flip(0.3):
        operands.append(g.fresh(a.type, g.narrowed(a.shape)))
    if op in ("Max", "Min") and any(
        not v.every(lambda x: not np.any(np.isnan(x))) for v in operands if values.is_float(v.type)
    ):
        raise Reject("NaN in Max or Min")
    if op == "Mean" and not all(values.is_float(v.type) for v in operands):
        raise Reject("mean of integers")
    return g.node(op, operands)


@recipe("Clip")
def clip(g, op):
    x = g.value(g.types(op), where=lambda v: not values.is_float(v.type) or v.every(lambda a: not np.any(np.isnan(a))))
    low, high = sorted(g.integer(0, 9) - (0 if x.type in values.UNSIGNED else 4) for _ in range(2))
    if g.version() < 11:
        return g.node(op, [x], min=float(low) if g.flip(0.7) else None, max=float(high) if g.flip(0.7) else None)
    bound = lambda n: scalar(g, x.type, n) if g.flip(0.7) else None
    return g.node(op, [x, bound(low), bound(high)])


def scalar(g, type, number):
    array = np.array(number).astype(values.dtype(type))
    if g.flip(0.7):
        return g.initializer(array, pooled=False)
    return g.input([array] * g.style.data_sets, pooled=False)


@recipe("Where", weight=2)
def where(g, op):
    a, b = pair(g, g.types(op, "T"))
    condition = g.value("bool", where=lambda v: broadcasts(v.shape, a.shape) and broadcasts(v.shape, b.shape)) if g.flip(
        0.3
    ) else g.fresh("bool", g.narrowed(a.shape if a.rank >= b.rank else b.shape))
    return g.node(op, [condition, a, b])


def fits(array, target):
    """Whether a cast to integers of type `target` is defined for all elements."""
    wide = array.astype(np.float64)
    limits = np.iinfo(target)
    return np.all(np.isfinite(wide) & (wide > float(limits.min) - 0.5) & (wide < float(limits.max) * (1 - 1e-9)))


@recipe("Cast CastLike", weight=2)
def cast(g, op):
    source, target = ("T1", "T2")
    floats8 = values.FLOAT8 if g.flip(0.1) else ()
    x = g.value(g.types(op, source, among=values.ALL))
    to = g.pick([t for t in g.types(op, target, among=(*values.ALL, *floats8)) if t != x.type])
    if to in values.INTEGERS and (values.is_float(x.type)) and not x.every(lambda a: fits(a, to)):
        raise Reject("a cast of what does not fit")
    if to in values.FLOAT8 and not values.is_float(x.type):
        raise Reject("fp8 of integers")
    if op == "Cast":
        result = g.node(op, [x], to=values.onnx_type(to))
    else:
        result = g.node(op, [x, g.fresh(to, g.shape(most=2))])
    if to in values.FLOAT8:
        return g.node("Cast", [result], to=values.onnx_type("float32"))
    return result


@recipe("BitCast")
def bit_cast(g, op):
    x = g.value(g.types(op, "T1"))
    width = values.dtype(x.type).itemsize
    to = g.pick([t for t in g.types(op, "T2") if values.dtype(t).itemsize == width and t != "bool" and x.type != "bool"])
    if any(len({version.tobytes() for version in versions}) > 1 for versions in x.data):
        raise Reject("bits of rounded numbers")
    return g.node(op, [x], to=values.onnx_type(to))


@recipe("Identity Dropout", weight=0.7)
def identity(g, op):
    x = g.value(g.types(op, "T" if op == "Dropout" else g.schema(op).inputs[0].type_str))
    if op == "Dropout" and g.version() < 12:
        return g.node(op, [x], ratio=0.3)
    return g.node(op, [x])
