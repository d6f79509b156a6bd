"""One small model for each way in which channels go together, alone and with others.

Each function gives a model, and how many channels of it can be removed: by hand, so that what is
pinned for no reason is noticed, too. Where several channels go together, those of the first node count.
"""
import numpy as np
from onnx import TensorProto, helper

from pruning.builder import Builder

TOPOLOGIES = {}
# Of weights. With all 8 bits, sums of two products saturate in ONNX Runtime where a processor has no VNNI.
BYTES = -63, 64


def topology(function):
    TOPOLOGIES[function.__name__] = function
    return function


def image(channels=3, size=8, **options):
    b = Builder(**options)
    return b, b.input(1, channels, size, size)


@topology
def chain():
    b, x = image()
    x = b.op("Relu", b.norm(b.conv(x, 3, 16, bias=False), 16))
    return b.classify(b.op("Relu", b.conv(x, 16, 24)), 24), 40


@topology
def residual():
    b, x = image()
    x = b.op("Relu", b.conv(x, 3, 16))
    for _ in range(2):
        y = b.conv(b.op("Relu", b.conv(x, 16, 8)), 8, 16)
        x = b.op("Relu", b.op("Add", y, x))
    return b.classify(x, 16), 32


@topology
def residual_with_projection():
    b, x = image()
    x = b.conv(x, 3, 8)
    x = b.op("Add", b.conv(x, 8, 24, strides=[2, 2]), b.conv(x, 8, 24, 1, strides=[2, 2]))
    return b.classify(x, 24), 32


@topology
def depthwise():
    b, x = image()
    x = b.op("Clip", b.conv(x, 3, 16), b.constant(np.float32(0)), b.constant(np.float32(6)))
    return b.classify(b.conv(b.conv(x, 16, 16, groups=16), 16, 12, 1), 12), 28


@topology
def depthwise_with_multiplier():
    b, x = image()
    x = b.conv(b.conv(x, 3, 8), 8, 24, groups=8)
    return b.classify(x, 24), 8


@topology
def grouped():
    b, x = image()
    x = b.op("Relu", b.conv(b.conv(x, 3, 16), 16, 32, groups=4))
    return b.classify(b.conv(x, 32, 10, 1), 10), 26


@topology
def concat():
    b, x = image()
    x = b.op("Concat", b.conv(x, 3, 8), b.conv(x, 3, 12, 1), axis=1)
    return b.classify(b.conv(b.norm(x, 20), 20, 6), 6), 26


@topology
def dense_block():
    b, x = image()
    x, channels = b.conv(x, 3, 8), 8
    for _ in range(3):
        y = b.conv(b.op("Relu", b.norm(x, channels)), channels, 4)
        x, channels = b.op("Concat", x, y, axis=1), channels + 4
    return b.classify(x, channels), 20


@topology
def concat_and_residual():
    b, x = image()
    y = b.op("Concat", b.conv(x, 3, 8), b.conv(x, 3, 8), axis=1)
    return b.classify(b.op("Add", y, b.conv(x, 3, 16)), 16), 16


@topology
def split():
    b, x = image()
    left, right = b.op("Split", b.conv(x, 3, 16), results=2, axis=1)
    return b.classify(b.op("Concat", b.op("Relu", left), b.conv(right, 8, 8), axis=1), 16), 24


@topology
def split_of_unequal_parts():
    b, x = image()
    left, right = b.op("Split", b.conv(x, 3, 16), b.integers(4, 12), results=2, axis=1)
    return b.classify(b.op("Add", b.conv(left, 4, 12), right), 12), 16


@topology
def gated_halves():
    b, x = image()
    left, right = b.op("Split", b.conv(x, 3, 16), results=2, axis=1)
    return b.classify(b.op("Mul", left, b.op("Sigmoid", right)), 8), 16


@topology
def sliced():
    b, x = image()
    x = b.conv(x, 3, 16)
    low = b.op("Slice", x, b.integers(0), b.integers(6), b.integers(1))
    high = b.op("Slice", x, b.integers(-10), b.integers(2**63 - 1), b.integers(1))
    return b.classify(b.op("Concat", b.conv(low, 6, 4), high, axis=1), 14), 20


@topology
def sliced_every_other():
    """Cannot be said of fewer channels: these stay."""
    b, x = image()
    x = b.op("Slice", b.conv(x, 3, 16), b.integers(0), b.integers(16), b.integers(1), b.integers(2))
    return b.classify(b.conv(x, 8, 6), 6), 6


@topology
def gathered():
    b, x = image()
    x = b.op("Gather", b.conv(x, 3, 8), b.integers(7, 1, 2, 5, -8), axis=1)
    return b.classify(b.conv(x, 5, 6), 6), 14


@topology
def shuffled():
    b, x = image()
    x = b.op("Relu", b.conv(x, 3, 16))
    x = b.op("Transpose", b.reshape(x, 1, 2, 8, 8, 8), perm=[0, 2, 1, 3, 4])
    return b.classify(b.conv(b.reshape(x, 1, 16, 8, 8), 16, 6), 6), 22


@topology
def flattened():
    b, x = image(size=4)
    x = b.op("Flatten", b.op("MaxPool", b.conv(x, 3, 8), kernel_shape=[2, 2], strides=[2, 2]))
    b.output(b.gemm(b.op("Relu", b.gemm(x, 32, 12)), 12, 3), 2)
    return b.model(), 20


@topology
def reshaped_to_rows():
    b, x = image(size=4)
    x = b.op("Transpose", b.conv(x, 3, 8), perm=[0, 2, 3, 1])
    b.output(b.linear(b.op("Tanh", b.linear(b.reshape(x, -1, 8), 8, 12)), 12, 3), 2)
    return b.model(), 20


@topology
def squeeze_and_excite():
    b, x = image()
    x = b.conv(x, 3, 16)
    gate = b.op("Relu", b.conv(b.op("GlobalAveragePool", x), 16, 4, 1))
    gate = b.op("HardSigmoid", b.conv(gate, 4, 16, 1))
    return b.classify(b.op("Mul", x, gate), 16), 20


@topology
def padded():
    b, x = image()
    x = b.op("Pad", b.conv(x, 3, 8), b.integers(0, 2, 1, 1, 0, 3, 1, 1))
    return b.classify(b.conv(x, 13, 6), 6), 14


@topology
def resized():
    b, x = image()
    x = b.op("Resize", b.conv(x, 3, 8), "", "", b.integers(1, 8, 16, 16), mode="linear")
    x = b.op("Resize", b.conv(x, 8, 6), "", b.constant(np.array([1, 1, .5, .5], np.float32)))
    return b.classify(x, 6), 14


@topology
def transposed_convolution():
    b, x = image()
    x = b.op("ConvTranspose", b.conv(x, 3, 8), b.weight(8, 12, 2, 2), b.weight(12), strides=[2, 2])
    x = b.op("ConvTranspose", b.conv(x, 12, 8), b.weight(8, 2, 2, 2), b.weight(8), group=4)
    return b.classify(x, 8), 28


@topology
def norms_of_channels():
    b, x = image()
    x = b.op("InstanceNormalization", b.conv(x, 3, 8), b.weight(8), b.weight(8))
    x = b.op("PRelu", x, b.weight(8, 1, 1))
    return b.classify(b.conv(x, 8, 6), 6), 14


@topology
def group_norm():
    b, x = image(opset=21)
    x = b.op("GroupNormalization", b.conv(x, 3, 16), b.weight(16), b.weight(16), num_groups=4)
    return b.classify(b.conv(x, 16, 6), 6), 22


@topology
def layer_norm():
    """Its channels stay, what is between two of them does not."""
    b = Builder()
    x = b.input(2, 5, 8)
    x = b.op("LayerNormalization", b.linear(x, 8, 8), b.weight(8), b.weight(8))
    x = b.op("Add", x, b.linear(b.op("Erf", b.linear(x, 8, 16)), 16, 8))
    b.output(b.op("LayerNormalization", x, b.weight(8), b.weight(8)), 3)
    return b.model(), 16


@topology
def heads():
    b = Builder()
    x = b.linear(b.input(1, 6, 16), 16, 16)
    x = b.op("LayerNormalization", b.op("Add", x, b.attention(x, 6, 16, 4)), b.weight(16), b.weight(16))
    b.output(b.linear(x, 16, 3), 3)
    return b.model(), 16


@topology
def shared_heads():
    """Two heads of queries for each of keys."""
    b = Builder()
    x = b.input(1, 6, 32)
    b.output(b.attention(x, 6, 32, 8, kv_heads=4), 3)
    return b.model(), 32


@topology
def packed_heads():
    """Queries, keys and values from one product."""
    b = Builder()
    x = b.input(1, 6, 16)
    x = b.op("Transpose", b.reshape(b.linear(x, 16, 48), 1, 6, 3, 4, 4), perm=[2, 0, 3, 1, 4])
    q, k, v = (b.op("Gather", x, b.constant(np.int64(part)), axis=0) for part in range(3))
    scores = b.op("Softmax", b.op("MatMul", q, b.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
    y = b.op("Transpose", b.op("MatMul", scores, v), perm=[0, 2, 1, 3])
    b.output(b.linear(b.reshape(y, 1, 6, 16), 16, 5), 3)
    return b.model(), 48


@topology
def attention_operator():
    b = Builder(opset=23)
    x = b.input(1, 6, 16)
    q, k, v = (b.linear(x, 16, size) for size in (32, 16, 16))
    b.output(b.linear(b.op("Attention", q, k, v, q_num_heads=8, kv_num_heads=4), 32, 5), 3)
    return b.model(), 32


@topology
def gated_feed_forward():
    b = Builder()
    x = b.input(2, 5, 8)
    gate = b.linear(x, 8, 24, bias=False)
    hidden = b.op("Mul", b.op("Mul", gate, b.op("Sigmoid", gate)), b.linear(x, 8, 24, bias=False))
    b.output(b.op("Add", x, b.linear(hidden, 24, 8)), 3)
    return b.model(), 24


@topology
def shared_weights():
    """One layer twice: its channels are those of both."""
    b = Builder()
    weights, bias = b.weight(8, 8), b.weight(8)
    x = b.gemm(b.input(2, 6), 6, 8)
    for _ in range(2):
        x = b.op("Relu", b.op("Gemm", x, weights, bias, transB=1))
    b.output(b.gemm(x, 8, 3), 2)
    return b.model(), 8


@topology
def transposed_weights():
    b = Builder()
    weights = b.op("Transpose", b.weight(12, 8), perm=[1, 0])
    x = b.op("MatMul", b.gemm(b.input(2, 6), 6, 8), weights)
    b.output(b.gemm(b.op("Gelu" if b.opset >= 20 else "Softplus", x), 12, 3), 2)
    return b.model(), 20


@topology
def sizes_from_shapes():
    """A reshape whose sizes a run puts together, the channels among them."""
    b = Builder()
    x = b.input("n", 6)
    hidden = b.gemm(x, 6, 16)
    count = b.op("Unsqueeze", b.op("Gather", b.op("Shape", hidden), b.constant(np.int64(0))), b.integers(0))
    y = b.op("Reshape", hidden, b.op("Concat", count, b.integers(4), b.integers(4), axis=0))
    b.output(b.linear(b.op("Reshape", y, b.op("Concat", count, b.integers(-1), axis=0)), 16, 3), 2)
    return b.model(), 16


@topology
def channels_in_a_branch():
    """What a graph inside of a node reads stays."""
    b, x = image()
    x = b.conv(x, 3, 8)
    y = b.conv(x, 8, 6)
    positive = b.op("Greater", b.op("ReduceSum", x, keepdims=0), b.constant(np.float32(0)))
    branches = [helper.make_graph([helper.make_node(kind, [y], ["z"])], kind, [],
                                  [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 6, 8, 8])])
                for kind in ("Relu", "Neg")]
    z = b.op("If", positive, then_branch=branches[0], else_branch=branches[1])
    return b.classify(b.conv(z, 6, 4), 4), 4


@topology
def normalized_over_channels():
    """Softmax and reductions of channels keep them."""
    b, x = image()
    x = b.conv(b.op("Softmax", b.conv(x, 3, 8), axis=1), 8, 6)
    y = b.op("ReduceMean", b.conv(x, 6, 4), axes=[1])
    return b.classify(b.op("Mul", b.conv(x, 6, 5), y), 5), 11


@topology
def quantized():
    b, x = image()

    def dequantize(shape, axis):
        values = b.constant(b.rng.integers(*BYTES, shape).astype(np.int8))
        scales = b.constant(np.full(shape[axis], 0.01, np.float32))
        return b.op("DequantizeLinear", values, scales, b.constant(np.zeros(shape[axis], np.int8)), axis=axis)

    x = b.op("Conv", x, dequantize((8, 3, 3, 3), 0), b.weight(8))
    scale, zero = b.constant(np.float32(0.02)), b.constant(np.uint8(128))
    x = b.op("DequantizeLinear", b.op("QuantizeLinear", x, scale, zero), scale, zero)
    return b.classify(b.op("Conv", x, dequantize((6, 8, 1, 1), 0)), 6), 14


@topology
def einsum_products():
    b = Builder()
    x = b.op("Einsum", b.input(2, 5, 8), b.weight(8, 16), equation="bsd,df->bsf")
    b.output(b.op("Einsum", b.op("Tanh", x), b.weight(8, 16), equation="bsf, df -> bsd"), 3)
    return b.model(), 16


@topology
def einsum_of_channels():
    """The result's channels are not the last axis."""
    b, x = image()
    x = b.op("Relu", b.op("Einsum", b.conv(x, 3, 8), b.weight(12, 8), equation="nchw,dc->ndhw"))
    return b.classify(x, 12), 20


@topology
def einsum_heads():
    """Heads are an axis of their own, and so is the size of a head: that of values can be removed."""
    b = Builder()
    x = b.input(1, 6, 16)
    q, k, v = (b.op("Einsum", x, b.weight(16, 4, 4, scale=0.5), equation="bsd,dhk->bshk") for _ in range(3))
    scores = b.op("Softmax", b.op("Einsum", q, k, equation="bqhk,bthk->bhqt"), axis=-1)
    y = b.op("Einsum", scores, v, equation="bhqt,bthk->bqhk")
    b.output(b.op("Einsum", y, b.weight(4, 4, 16), equation="bqhk,hkd->bqd"), 3)
    return b.model(), 8


@topology
def integer_convolutions():
    b, x = image()
    scale, zero = b.constant(np.float32(0.02)), b.constant(np.uint8(128))

    def conv(x, cin, cout, kernel, groups=1):
        weights = b.constant(b.rng.integers(*BYTES, (cout, cin // groups, kernel, kernel)).astype(np.int8))
        scales, zeros = b.constant(np.full(cout, 0.01, np.float32)), b.constant(np.zeros(cout, np.int8))
        bias = b.constant(b.rng.integers(-500, 500, cout).astype(np.int32))
        return b.op("QLinearConv", x, scale, zero, weights, scales, zeros, scale, zero, bias,
                    pads=[kernel // 2] * 4, group=groups)

    x = conv(b.op("QuantizeLinear", x, scale, zero), 3, 8, 3)
    x = conv(conv(x, 8, 8, 3, groups=8), 8, 6, 1)
    return b.classify(b.op("DequantizeLinear", x, scale, zero), 6), 14


@topology
def integer_products():
    b = Builder()
    scale, zero = b.constant(np.float32(0.02)), b.constant(np.uint8(128))

    def weights(cin, cout):
        values = b.rng.integers(*BYTES, (cin, cout)).astype(np.int8)
        return b.constant(values), b.constant(np.full(cout, 0.01, np.float32)), b.constant(np.zeros(cout, np.int8))

    x = b.op("QuantizeLinear", b.input(2, 6), scale, zero)
    x = b.op("QLinearMatMul", x, scale, zero, *weights(6, 12), scale, zero)
    values, scales, zeros = weights(12, 8)
    x = b.op("Mul", b.op("Cast", b.op("MatMulInteger", x, values, zero, zeros), to=TensorProto.FLOAT), scales)
    b.output(b.linear(x, 8, 3), 2)
    return b.model(), 20
