"""Quantized operators, and those that are random or constant by nature."""

import numpy as np

from .. import values
from ..builder import Reject
from . import recipe
from .contractions import Window, image, matrix_pair


def scale_and_zero(g, type, dims):
    scale = g.fresh("float32", dims, "positive")
    return scale, g.fresh(type, dims, "small")


def tame(v):
    return v.every(lambda a: np.all(np.abs(a.astype(float)) < 1e4))


@recipe("QuantizeLinear", weight=1.5)
def quantize(g, op):
    x = g.value(["float32"], rank=(0, 4), where=tame)
    type = g.pick(["uint8", "int8"] + (["uint16", "int16"] if g.version() >= 21 else []))
    axis = None
    dims = []
    fixed = [i for i, s in enumerate(x.shape) if len(set(s)) == 1 and s[0] > 0]
    if g.version() >= 13 and fixed and g.flip(0.4):
        axis = g.pick(fixed)
        dims = [x.shape[axis]]
    scale, zero = scale_and_zero(g, type, dims)
    return g.node(op, [x, scale, zero if type != "uint8" or g.flip(0.7) else None], axis=axis)


@recipe("DequantizeLinear", weight=1.5)
def dequantize(g, op):
    types = ["uint8", "int8", "int32"] + (["uint16", "int16"] if g.version() >= 21 else [])
    x = g.value(types, rank=(0, 4))
    axis, dims = None, []
    fixed = [i for i, s in enumerate(x.shape) if len(set(s)) == 1 and s[0] > 0]
    if g.version() >= 13 and fixed and g.flip(0.4):
        axis = g.pick(fixed)
        dims = [x.shape[axis]]
    scale, zero = scale_and_zero(g, x.type, dims)
    return g.node(op, [x, scale, zero if x.type != "int32" and g.flip(0.7) else None], axis=axis)


@recipe("DynamicQuantizeLinear", weight=0.5)
def dynamic_quantize(g, op):
    x = g.value(["float32"], rank=(1, 3), where=lambda v: tame(v) and all(min(s) > 0 for s in v.shape))
    return g.node(op, [x], outputs=3)


@recipe("MatMulInteger", weight=1)
def matmul_integer(g, op):
    a, b = matrix_pair(g, ["uint8", "int8"])
    if a.rank < 2 or b.rank < 2:
        raise Reject("vectors")
    if g.flip(0.4):
        b = g.fresh("int8" if b.type == "uint8" else "uint8", b.shape)
    zeros = [g.fresh(v.type, [], "small") if g.flip() else None for v in (a, b)]
    return g.node(op, [a, b, *zeros])


@recipe("QLinearMatMul", weight=1)
def qlinear_matmul(g, op):
    a, b = matrix_pair(g, ["uint8", "int8"])
    if a.rank < 2 or b.rank < 2:
        raise Reject("vectors")
    operands = [a, *scale_and_zero(g, a.type, []), b, *scale_and_zero(g, b.type, [])]
    return g.node(op, [*operands, *scale_and_zero(g, g.pick(["uint8", "int8"]), [])])


@recipe("ConvInteger QLinearConv", weight=1)
def conv_integer(g, op):
    x = image(g, ["uint8", "int8"] if op == "QLinearConv" else ["uint8"], spatial=2)
    c = x.shape[1][0]
    group = g.pick([d for d in (1, 1, 2, c) if c % d == 0])
    window = Window(g, x.shape[2:], modes=False)
    m = group * g.integer(1, 3)
    w = g.fresh("uint8" if op == "ConvInteger" or g.flip() else "int8", [*map(g.constant_size, [m, c // group, *window.kernel])], fixed=True)
    attributes = dict(window.attributes, group=group)
    if op == "ConvInteger":
        zeros = [g.fresh(v.type, [], "small") if g.flip() else None for v in (x, w)]
        return g.node(op, [x, w, *zeros], **attributes)
    b = g.fresh("int32", [g.constant_size(m)], "small") if g.flip() else None
    operands = [x, *scale_and_zero(g, x.type, []), w, *scale_and_zero(g, w.type, [])]
    return g.node(op, [*operands, *scale_and_zero(g, x.type, []), b], **attributes)


@recipe("RandomUniform RandomNormal RandomUniformLike RandomNormalLike Bernoulli Multinomial", weight=0.2)
def random(g, op):
    """Only what does not depend on chance is compared: the shape, and what is left when multiplied by zero."""
    if op in ("RandomUniform", "RandomNormal"):
        x = g.node("Shape", [_noise(g, op, [], shape=[g.integer(1, 4), g.integer(1, 4)])])
        return x
    x = g.fresh("float32", g.shape(rank=2, low=1), "positive")
    if op == "Multinomial":
        return g.node("Shape", [_noise(g, op, [x], sample_size=g.integer(1, 4))])
    if op == "Bernoulli":
        zeros = g.fresh("float32", g.shape(), "small")
        return g.node("Shape", [_noise(g, op, [zeros])])
    return g.node("Shape", [_noise(g, op, [x])])


def _noise(g, op, inputs, **attributes):
    """Random values by which nothing but shapes may be told."""
    value = g.node(op, inputs, **attributes)
    g.pool.remove(value)
    return value
