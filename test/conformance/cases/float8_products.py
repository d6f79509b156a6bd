"""Products, convolutions and attention of floats of 8 bits: QuantizeLinear and DequantizeLinear around what multiplies, scales of
tensors and of outputs, casts without scales, and inputs of these types.

Where matrix units multiply such floats the sum is scaled; elsewhere the operands are.
"""

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet

RNG = np.random.default_rng(8)
KINDS = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2}
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def quantize(x, scale, kind):
    """As QuantizeLinear does where it saturates."""
    largest = float(ml_dtypes.finfo(kind).max)
    return np.clip((x / np.float32(scale)).astype(np.float32), -largest, largest).astype(kind)


def wide(q, scale=1.0, axis=None):
    scale = np.asarray(scale, np.float64)
    if axis is not None:
        scale = scale.reshape([-1 if d == axis else 1 for d in range(q.ndim)])
    return q.astype(np.float64) * scale


def random(*shape):
    return RNG.uniform(-2, 2, shape).astype(np.float32)


class Graph:
    """Nodes and constants of a model, and what it is to be fed."""

    def __init__(self, dynamic=False):
        self.nodes, self.constants, self.inputs, self.infos = [], [], {}, []
        self.dynamic = dynamic

    def add(self, operator, *operands, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, operands, [name], **attributes))
        return name

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def input(self, value):
        name = f"x{len(self.inputs)}"
        self.inputs[name] = value
        shape = ["n", *value.shape[1:]] if self.dynamic else value.shape
        self.infos.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), shape))
        return name

    def dequantized(self, name, scale, **attributes):
        return self.add("DequantizeLinear", name, self.constant(np.asarray(scale, np.float32)), **attributes)

    def quantized(self, name, scale, kind):
        """What is quantized and dequantized again."""
        scale = self.constant(np.float32(scale))
        zero = self.constant(np.zeros((), kind))
        return self.add("DequantizeLinear", self.add("QuantizeLinear", name, scale, zero), scale, zero)

    def case(self, name, why, results):
        outputs = [helper.make_tensor_value_info(key, TensorProto.FLOAT, [None] * value.ndim) for key, value in results.items()]
        graph = helper.make_graph(self.nodes, "g", self.infos, outputs, self.constants)
        model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)])
        expected = {key: value.astype(np.float32) for key, value in results.items()}
        return Case(name, why, model, [DataSet(self.inputs, expected)], TOLERANCE)


def matmul(name, why, kinds, rows, depth, columns, dynamic=False):
    """Weights with a scale for each output."""
    left, right = (KINDS[kind] for kind in kinds)
    x, w = random(rows, depth), random(depth, columns).astype(right)
    scales, bias = RNG.uniform(0.1, 1, columns).astype(np.float32), random(columns)
    g = Graph(dynamic)
    product = g.add("MatMul", g.quantized(g.input(x), 0.0625, left), g.dequantized(g.constant(w), scales, axis=1))
    y = g.add("Relu", g.add("Add", product, g.constant(bias)))
    expected = np.maximum(wide(quantize(x, 0.0625, left), 0.0625) @ wide(w, scales, 1) + bias, 0)
    return g.case(name, why, {y: expected})


def inputs_of_8_bits(name, left, right, depth):
    a, b = random(72, depth).astype(KINDS[left]), random(40, depth).astype(KINDS[right])
    g = Graph()
    y = g.add("Gemm", g.dequantized(g.input(a), 0.5), g.dequantized(g.input(b), 0.25), transB=1)
    return g.case(name, "Operands are the model's inputs.", {y: wide(a, 0.5) @ wide(b, 0.25).T})


def batches():
    kind = KINDS["e4m3"]
    a, b = random(2, 3, 20, 48), random(3, 48, 36)
    g = Graph()
    y = g.add("MatMul", g.quantized(g.input(a), 0.125, kind), g.quantized(g.input(b), 0.25, kind))
    return g.case("batches", "Matrices of a batch, of which one operand repeats; columns side by side.",
                  {y: wide(quantize(a, 0.125, kind), 0.125) @ wide(quantize(b, 0.25, kind), 0.25)})


def layers():
    """Whole numbers and powers of two, so that every order of sums gives the same codes."""
    kind = KINDS["e4m3"]
    x = RNG.integers(-4, 5, (24, 64)).astype(np.float32)
    weights = [RNG.integers(-1, 2, (64, 64)).astype(kind) for _ in range(2)]
    g = Graph()
    value, expected = g.input(x), x
    for number, (scale, own) in enumerate(zip((1.0, 4.0), weights)):
        value = g.add("MatMul", g.quantized(value, scale, kind), g.dequantized(g.constant(own), 0.5))
        value = g.add("Relu", value) if number == 0 else value
        expected = wide(quantize(expected.astype(np.float32), scale, kind), scale) @ wide(own, 0.5)
        expected = np.maximum(expected, 0) if number == 0 else expected
    return g.case("layers", "What one product gives is quantized for the next.", {value: expected})


def casts():
    kind = KINDS["e5m2"]
    x, w = random(33, 80), random(80, 24).astype(kind)
    g = Graph()
    narrow = g.add("Cast", g.input(x), to=TensorProto.FLOAT8E5M2)
    y = g.add("MatMul", g.add("Cast", narrow, to=TensorProto.FLOAT), g.add("Cast", g.constant(w), to=TensorProto.FLOAT))
    return g.case("casts", "Rounded by Cast, without scales.", {y: wide(quantize(x, 1, kind)) @ wide(w)})


def scales_within_sums():
    kind = KINDS["e4m3"]
    x, w, scales = random(20, 32), random(32, 24).astype(kind), RNG.uniform(0.1, 1, 32).astype(np.float32)
    g = Graph()
    y = g.add("MatMul", g.quantized(g.input(x), 0.125, kind), g.dequantized(g.constant(w), scales, axis=0))
    return g.case("scales_within_sums", "A scale for each input of the weights cannot be applied to sums.",
                  {y: wide(quantize(x, 0.125, kind), 0.125) @ wide(w, scales, 0)})


def convolve(x, w, strides, pads, groups):
    """x [N, C, H, W], w [O, C / groups, h, w]."""
    x = np.pad(x, ((0, 0), (0, 0), (pads, pads), (pads, pads)))
    outputs, channels, height, width = w.shape
    rows, columns = ((size - taps) // strides + 1 for size, taps in zip(x.shape[2:], (height, width)))
    y = np.zeros((x.shape[0], outputs, rows, columns))
    for o in range(outputs):
        first = o // (outputs // groups) * channels
        for i in range(height):
            for j in range(width):
                window = x[:, first : first + channels, i : i + strides * rows : strides, j : j + strides * columns : strides]
                y[:, o] += np.einsum("nchw,c->nhw", window[:, :, :rows, :columns], w[o, :, i, j])
    return y


def convolution(name, why, kind, channels, outputs, size, taps, strides, pads, groups=1):
    kind = KINDS[kind]
    x, w = random(2, channels, size, size), random(outputs, channels // groups, taps, taps).astype(kind)
    scales, bias = RNG.uniform(0.1, 1, outputs).astype(np.float32), random(outputs)
    g = Graph()
    y = g.add("Conv", g.quantized(g.input(x), 0.03125, kind), g.dequantized(g.constant(w), scales, axis=0), g.constant(bias),
              strides=[strides] * 2, pads=[pads] * 4, group=groups)
    expected = convolve(wide(quantize(x, 0.03125, kind), 0.03125), wide(w, scales, 0), strides, pads, groups)
    return g.case(name, why, {y: expected + bias[:, None, None]})


def attention(name, why, kind, quantizes_powers):
    kind = KINDS[kind]
    q, k, v = random(1, 2, 20, 32), random(1, 2, 40, 32), random(1, 2, 40, 48)
    g = Graph()
    query, key, value = (g.quantized(g.input(each), 0.0625, kind) for each in (q, k, v))
    scores = g.add("Mul", g.add("MatMul", query, g.add("Transpose", key, perm=[0, 1, 3, 2])), g.constant(np.float32(32**-0.5)))
    powers = g.add("Softmax", scores, axis=-1)
    wide_q, wide_k, wide_v = (wide(quantize(each, 0.0625, kind), 0.0625) for each in (q, k, v))
    exponents = np.exp(wide_q @ wide_k.swapaxes(-1, -2) * 32**-0.5)
    expected = exponents / exponents.sum(-1, keepdims=True)
    if quantizes_powers:
        powers = g.quantized(powers, 2**-8, kind)
        expected = wide(quantize(expected.astype(np.float32), 2**-8, kind), 2**-8)
    y = g.add("MatMul", powers, value)
    made = g.case(name, why, {y: expected @ wide_v})
    if quantizes_powers:  # a power near the middle between two codes may become either
        made.tolerance = {"rtol": 1e-2, "atol": 1e-2}
    return made


def cases():
    for kinds in (("e4m3", "e4m3"), ("e5m2", "e5m2"), ("e4m3", "e5m2")):
        yield matmul(f"matmul_{'_by_'.join(kinds)}", "A scale for each output, a bias and what follows.", kinds, 70, 160, 48)
    yield matmul("odd_sizes", "No size is a multiple of anything.", ("e4m3", "e4m3"), 19, 37, 23)
    yield matmul("few_rows", "Rows as a decoder has them.", ("e4m3", "e4m3"), 3, 256, 64)
    yield matmul("rows_of_a_run", "Only a run tells how many rows there are.", ("e4m3", "e4m3"), 33, 64, 32, dynamic=True)
    yield inputs_of_8_bits("gemm_e4m3_by_e5m2", "e4m3", "e5m2", 144)
    yield inputs_of_8_bits("gemm_deep", "e4m3", "e4m3", 4112)
    yield from (batches(), layers(), casts(), scales_within_sums())
    yield convolution("conv", "A filter of three by three, with strides and pads.", "e4m3", 32, 48, 9, 3, 2, 1)
    yield convolution("conv_e5m2", "One tap.", "e5m2", 48, 32, 6, 1, 1, 0)
    yield convolution("conv_groups", "Groups of channels.", "e4m3", 64, 32, 7, 3, 1, 1, groups=2)
    yield convolution("conv_deep", "As many channels as warps with different roles are worth.", "e4m3", 512, 64, 6, 3, 1, 1)
    yield convolution("conv_few_channels", "Channels that are no chunk.", "e4m3", 3, 16, 12, 3, 1, 1)
    yield convolution("conv_depthwise", "A filter for each channel, of which no tile is made.", "e4m3", 16, 16, 8, 3, 1, 1, groups=16)
    yield attention("attention", "Queries, keys and values are quantized.", "e4m3", False)
    yield attention("attention_e5m2", "The same of the other kind.", "e5m2", False)
    yield attention("attention_powers", "So are the powers of scores.", "e4m3", True)
