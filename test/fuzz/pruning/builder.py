"""Builds small models layer by layer; every method that adds a node returns its result's name."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Weights are random, so that no channel is dead and none is like another."""

    def __init__(self, seed=0, opset=17):
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.shapes = {}

    def input(self, *shape, name="x"):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.shapes[name] = shape
        return name

    def output(self, value, rank):
        name = f"out{len(self.outputs)}"
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank))

    def op(self, kind, *operands, results=1, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        names = [f"{name}_{number}" if number else f"{name}_out" for number in range(results)]
        self.nodes.append(helper.make_node(kind, list(operands), names, name=name, **attributes))
        return names[0] if results == 1 else names

    def weight(self, *shape, scale=None):
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 4
        array = self.rng.standard_normal(shape) * (scale or 1 / np.sqrt(fan_in))
        return self.constant(array.astype(np.float32))

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    # ---- layers

    def conv(self, x, cin, cout, kernel=3, groups=1, bias=True, **attributes):
        operands = [x, self.weight(cout, cin // groups, kernel, kernel)]
        if bias:
            operands.append(self.weight(cout))
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.op("Conv", *operands, group=groups, **attributes)

    def norm(self, x, channels):
        parts = [1 + 0.1 * self.rng.standard_normal(channels) for _ in range(2)]
        gamma, variance = (self.constant(np.abs(p).astype(np.float32)) for p in parts)
        return self.op("BatchNormalization", x, gamma, self.weight(channels), self.weight(channels), variance)

    def linear(self, x, cin, cout, bias=True):
        y = self.op("MatMul", x, self.weight(cin, cout, scale=1 / np.sqrt(cin)))
        return self.op("Add", y, self.weight(cout)) if bias else y

    def gemm(self, x, cin, cout, **attributes):
        return self.op("Gemm", x, self.weight(cout, cin), self.weight(cout), transB=1, **attributes)

    def classify(self, x, channels):
        """What ends a network: a mean over positions and a product, whose results stay."""
        self.output(self.gemm(self.op("Flatten", self.op("GlobalAveragePool", x)), channels, 5), 2)
        return self.model()

    def reshape(self, x, *shape):
        return self.op("Reshape", x, self.integers(*shape))

    def attention(self, x, tokens, size, heads, kv_heads=None):
        kv_heads = kv_heads or heads
        head = size // heads
        q = self.op("Transpose", self.reshape(self.linear(x, size, size), 1, tokens, heads, head),
                    perm=[0, 2, 1, 3])
        kv = [self.reshape(self.linear(x, size, kv_heads * head), 1, tokens, kv_heads, head) for _ in range(2)]
        k = self.op("Transpose", kv[0], perm=[0, 2, 3, 1])
        v = self.op("Transpose", kv[1], perm=[0, 2, 1, 3])
        if kv_heads != heads:
            k, v = (self.repeat_heads(t, kv_heads, heads // kv_heads, shape)
                    for t, shape in ((k, (head, tokens)), (v, (tokens, head))))
        scores = self.op("Softmax", self.op("MatMul", q, k), axis=-1)
        context = self.op("Transpose", self.op("MatMul", scores, v), perm=[0, 2, 1, 3])
        return self.linear(self.reshape(context, 1, tokens, size), size, size)

    def repeat_heads(self, x, heads, times, shape):
        x = self.op("Unsqueeze", x, self.integers(2))
        x = self.op("Expand", x, self.integers(1, heads, times, *shape))
        return self.reshape(x, 1, heads * times, *shape)

    def model(self):
        graph = helper.make_graph(self.nodes, "pruning", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)
