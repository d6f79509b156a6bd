"""Quantized operators of com.microsoft."""

import numpy as np

from ..builder import Reject
from . import recipe
from .contractions import Window, image
from .quantization import scale_and_zero, tame

MS = "com.microsoft"


def sizes(g, *numbers):
    return [g.constant_size(n) for n in numbers]


def constant(g, array):
    return g.initializer(np.asarray(array), pooled=False)


@recipe("QuantizeLinear", domain=MS, weight=0.2)
def quantize(g, op):
    x = g.value(["float32"], rank=(1, 3), where=tame)
    return g.node(op, [x, *scale_and_zero(g, g.pick(["uint8", "int8"]), [])], domain=MS)


@recipe("DequantizeLinear", domain=MS, weight=0.2)
def dequantize(g, op):
    x = g.value(["uint8", "int8"], rank=(1, 3))
    return g.node(op, [x, *scale_and_zero(g, x.type, [])], domain=MS)


@recipe("DynamicQuantizeMatMul MatMulIntegerToFloat", domain=MS, weight=0.3)
def products(g, op):
    m, k, n = g.size(1), g.size(1), g.size(1)
    a, b = g.fresh("uint8", [m, k]), g.fresh("uint8", [k, n])
    scale = g.fresh("float32", [], "positive")
    zero = constant(g, np.uint8(g.integer(0, 255))) if g.flip() else None
    bias = g.fresh("float32", [b.shape[1]], "normal") if g.flip() else None
    if op == "MatMulIntegerToFloat":
        scales = [g.fresh("float32", [], "positive"), scale]
        return g.node(op, [a, b, *scales, constant(g, np.uint8(3)) if g.flip() else None, zero, bias], domain=MS)
    x = g.fresh("float32", a.shape, "small")
    return g.node(op, [x, b, scale, zero, bias], domain=MS)


@recipe("QGemm", domain=MS, weight=0.3)
def gemm(g, op):
    m, k, n = g.size(1), g.constant_size(g.integer(1, 9)), g.constant_size(g.integer(1, 9))
    trans_a, trans_b = g.integer(0, 1), g.integer(0, 1)
    a = g.fresh("uint8", [k, m] if trans_a else [m, k])
    b = g.fresh("uint8", [n, k] if trans_b else [k, n], constant=True)
    number = lambda value, type: constant(g, type(value))
    c = g.fresh("int32", [n], "small") if g.flip() else None
    result = [number(0.7, np.float32), number(9, np.uint8)] if g.flip() else [None, None]
    return g.node(op, [a, number(0.05, np.float32), number(3, np.uint8), b, number(0.11, np.float32), number(5, np.uint8), c, *result],
                  domain=MS, transA=trans_a, transB=trans_b, alpha=1.0)


@recipe("QLinearAveragePool", domain=MS, weight=0.3)
def average(g, op):
    x = image(g, ["uint8", "int8"], spatial=2)
    if any(min(size) < 1 for size in x.shape):
        raise Reject("no images")
    window = Window(g, x.shape[2:], modes=False)
    attributes = {key: value for key, value in window.attributes.items() if key in ("strides", "pads")}
    operands = [x, *scale_and_zero(g, x.type, []), *scale_and_zero(g, x.type, [])]
    return g.node(op, operands, domain=MS, kernel_shape=list(window.kernel), **attributes)


@recipe("QLinearConcat", domain=MS, weight=0.3)
def concat(g, op):
    x = g.value(["uint8", "int8"], rank=(1, 3))
    axis = g.integer(0, x.rank - 1)
    dims = list(x.shape)
    dims[axis] = g.size(1)
    y = g.fresh(x.type, dims)
    scales = [scale_and_zero(g, x.type, []) for _ in range(3)]
    scales = [(constant(g, scale.array), constant(g, zero.array)) for scale, zero in scales]
    return g.node(op, [*scales[0], x, *scales[1], y, *scales[2]], domain=MS, axis=axis)


@recipe("QLinearConv", domain=MS, weight=0.3)
def conv(g, op):
    x = image(g, ["uint8"], spatial=2)
    c = x.shape[1][0]
    if len(set(x.shape[1])) > 1:
        raise Reject("channels that only a run tells")
    window, m = Window(g, x.shape[2:], modes=False), g.integer(1, 3)
    w = g.fresh(g.pick(["uint8", "int8"]), sizes(g, m, c, *window.kernel), constant=True)
    b = g.fresh("int32", sizes(g, m), "small", constant=True) if g.flip() else None
    operands = [x, *scale_and_zero(g, x.type, []), w, *scale_and_zero(g, w.type, []), *scale_and_zero(g, x.type, []), b]
    return g.node(op, operands, domain=MS, **window.attributes)


@recipe("QLinearSoftmax", domain=MS, weight=0.3)
def softmax(g, op):
    x = g.value(["uint8", "int8"], rank=(2, 3), where=lambda v: all(min(size) > 0 for size in v.shape))
    number = lambda value, type: constant(g, np.dtype(type).type(value))
    return g.node(op, [x, number(g.pick([0.02, 0.1]), "float32"), number(g.integer(0, 9), x.type), number(1 / 256, "float32"),
                       number(0 if x.type == "uint8" else -128, x.type)], domain=MS, opset=13, axis=-1)


@recipe("QLinearWhere", domain=MS, weight=0.3)
def where(g, op):
    x = g.value(["uint8", "int8"], rank=(1, 3))
    condition, y = g.fresh("bool", x.shape), g.fresh(x.type, x.shape)
    scales = [scale_and_zero(g, x.type, []) for _ in range(3)]
    scales = [(constant(g, scale.array), constant(g, zero.array)) for scale, zero in scales]
    return g.node(op, [condition, x, *scales[0], y, *scales[1], *scales[2]], domain=MS)


@recipe("MatMulNBits", domain=MS, weight=0.4)
def packed(g, op):
    bits, block = g.pick([4, 4, 8]), g.pick([16, 32])
    depth, columns = g.integer(1, 70), g.integer(1, 9)
    blocks = -(-depth // block)
    x = g.fresh("float32", [*g.shape(most=2, low=1), g.constant_size(depth)], "normal")
    codes = constant(g, g.rng.integers(0, 256, (columns, blocks, block * bits // 8)).astype(np.uint8))
    scales = constant(g, g.rng.uniform(0.01, 0.1, (columns, blocks)).astype(np.float32))
    zeros = constant(g, g.rng.integers(0, 256, (columns, -(-blocks * bits // 8))).astype(np.uint8)) if g.flip() else None
    return g.node(op, [x, codes, scales, zeros], domain=MS, N=columns, K=depth, bits=bits, block_size=block)


@recipe("MatMulBnb4", domain=MS, weight=0.3)
def bnb(g, op):
    block, columns = 16, g.integer(1, 9)
    depth = 16 * g.integer(1, 4)
    x = g.fresh("float32", [*g.shape(most=2, low=1), g.constant_size(depth)], "normal")
    codes = constant(g, g.rng.integers(0, 256, columns * depth // 2).astype(np.uint8))
    scales = constant(g, g.rng.uniform(0.1, 1, columns * depth // block).astype(np.float32))
    return g.node(op, [x, codes, scales], domain=MS, N=columns, K=depth, block_size=block, quant_type=g.integer(0, 1))


@recipe("GatherBlockQuantized", domain=MS, weight=0.3)
def gather(g, op):
    rows, block = g.integer(1, 9), 16
    width = block * g.integer(1, 3)
    codes = constant(g, g.rng.integers(0, 256, (rows, width // 2)).astype(np.uint8))
    scales = constant(g, g.rng.uniform(0.01, 1, (rows, width // block)).astype(np.float32))
    chosen = g.shape(most=2, low=1)
    indices = g.input([g.rng.integers(0, rows, [size[i] for size in chosen]) for i in range(g.style.data_sets)], pooled=False)
    return g.node(op, [codes, indices, scales], domain=MS, bits=4, block_size=block, gather_axis=0, quantize_axis=1)


@recipe("DynamicQuantizeLSTM", domain=MS, weight=0.2)
def lstm(g, op):
    batch, steps, width, hidden = g.size(1), g.size(1), g.integer(1, 4), g.integer(1, 4)
    directions = g.integer(1, 2)
    x = g.fresh("float32", [steps, batch, g.constant_size(width)], "small")
    weights = [constant(g, g.rng.integers(0, 255, (directions, n, 4 * hidden)).astype(np.uint8)) for n in (width, hidden)]
    scales = [constant(g, g.rng.uniform(0.005, 0.02, directions).astype(np.float32)) for _ in range(2)]
    zeros = [constant(g, g.rng.integers(100, 150, directions).astype(np.uint8)) for _ in range(2)]
    bias = g.fresh("float32", sizes(g, directions, 8 * hidden), "normal", constant=True) if g.flip() else None
    return g.node(op, [x, *weights, bias, None, None, None, None, scales[0], zeros[0], scales[1], zeros[1]], outputs=3, domain=MS,
                  hidden_size=hidden, direction="bidirectional" if directions == 2 else g.pick(["forward", "reverse"]))


@recipe("NhwcMaxPool", domain=MS, weight=0.2)
def nhwc_pool(g, op):
    x = image(g, ["uint8", "int8"], spatial=2)
    if any(min(size) < 1 for size in x.shape):
        raise Reject("no images")
    window = Window(g, x.shape[2:], modes=False)
    attributes = {key: value for key, value in window.attributes.items() if key in ("strides", "pads")}
    last = g.fresh(x.type, [x.shape[0], *x.shape[2:], x.shape[1]])
    return g.node(op, [last], domain=MS, kernel_shape=list(window.kernel), **attributes)


@recipe("MatMulInteger16", domain=MS, weight=0.2)
def products16(g, op):
    m, k, n = g.size(1), g.size(1), g.size(1)
    return g.node(op, [g.fresh("int16", [m, k]), g.fresh("int16", [k, n])], domain=MS)
