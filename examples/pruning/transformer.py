"""A small transformer in numpy: an image is a sequence of its rows.

As in network.py, weights live in a dict with the names that they have in the ONNX file, and sizes are
theirs: a network with fewer heads, or narrower feed-forward layers, trains on like any other.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BLOCKS, HEAD, ROWS = 2, 16, 8


def initialize(channels, rng):
    """`channels` is the hidden size; feed-forward layers have four times as many."""
    weights = {}

    def linear(name, cin, cout, scale=1.0):
        weights[f"{name}.w"] = rng.normal(0, scale / np.sqrt(cin), (cin, cout))
        weights[f"{name}.b"] = np.zeros(cout)

    def norm(name):
        weights[f"{name}.scale"], weights[f"{name}.shift"] = np.ones(channels), np.zeros(channels)

    linear("embed", 8, channels)
    weights["positions"] = rng.normal(0, 0.1, (ROWS, channels))
    for block in range(BLOCKS):
        norm(f"b{block}.norm1")
        for part in ("query", "key", "value"):
            linear(f"b{block}.{part}", channels, channels)
        linear(f"b{block}.out", channels, channels, 0.5)
        norm(f"b{block}.norm2")
        linear(f"b{block}.up", channels, 4 * channels)
        linear(f"b{block}.down", 4 * channels, channels, 0.5)
    norm("norm")
    linear("head", channels, 10)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def split_heads(x):
    """[N, rows, heads * HEAD] to [N, heads, rows, HEAD]."""
    return x.reshape(len(x), ROWS, -1, HEAD).transpose(0, 2, 1, 3)


def join_heads(x):
    return x.transpose(0, 2, 1, 3).reshape(len(x), ROWS, -1)


class Step:
    """One pass through the network, forwards and then backwards."""

    def __init__(self, weights):
        self.weights, self.gradients = weights, {}

    def linear(self, x, name):
        w = self.weights[f"{name}.w"]

        def backward(gradient):
            flat = gradient.reshape(-1, w.shape[1])
            self.gradients[f"{name}.w"] = x.reshape(-1, w.shape[0]).T @ flat
            self.gradients[f"{name}.b"] = flat.sum(0)
            return gradient @ w.T

        return x @ w + self.weights[f"{name}.b"], backward

    def norm(self, x, name):
        scale = self.weights[f"{name}.scale"]
        centered = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt((centered**2).mean(-1, keepdims=True) + 1e-5)
        unit = centered / deviation

        def backward(gradient):
            self.gradients[f"{name}.scale"] = (gradient * unit).reshape(-1, len(scale)).sum(0)
            self.gradients[f"{name}.shift"] = gradient.reshape(-1, len(scale)).sum(0)
            inner = gradient * scale
            mean, along = inner.mean(-1, keepdims=True), (inner * unit).mean(-1, keepdims=True)
            return (inner - mean - unit * along) / deviation

        return unit * scale + self.weights[f"{name}.shift"], backward

    def attend(self, x, block):
        parts = [self.linear(x, f"{block}.{part}") for part in ("query", "key", "value")]
        q, k, v = (split_heads(y) for y, _ in parts)
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(HEAD))
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        shares = powers / powers.sum(-1, keepdims=True)
        y, out = self.linear(join_heads(shares @ v), f"{block}.out")

        def backward(gradient):
            context = split_heads(out(gradient))
            toShares = context @ v.transpose(0, 1, 3, 2)
            toScores = shares * (toShares - (toShares * shares).sum(-1, keepdims=True)) / np.float32(np.sqrt(HEAD))
            toParts = toScores @ k, toScores.transpose(0, 1, 3, 2) @ q, shares.transpose(0, 1, 3, 2) @ context
            return sum(back(join_heads(each)) for (_, back), each in zip(parts, toParts))

        return y, backward

    def feed(self, x, block):
        hidden, up = self.linear(x, f"{block}.up")
        y, down = self.linear(np.maximum(hidden, 0), f"{block}.down")
        return y, lambda gradient: up(down(gradient) * (hidden > 0))

    def branch(self, x, norm, apply):
        """x + apply(norm(x))."""
        normed, first = self.norm(x, norm)
        y, second = apply(normed)
        return x + y, lambda gradient: gradient + first(second(gradient))

    def run(self, images):
        x, embed = self.linear(images.reshape(len(images), ROWS, 8), "embed")
        x = x + self.weights["positions"]

        def place(gradient):
            self.gradients["positions"] = gradient.sum(0)
            return embed(gradient)

        self.backwards = [place]
        for number in range(BLOCKS):
            block = f"b{number}"
            for norm, layer in (("norm1", self.attend), ("norm2", self.feed)):
                x, backward = self.branch(x, f"{block}.{norm}", lambda y: layer(y, block))
                self.backwards.append(backward)
        x, norm = self.norm(x, "norm")
        scores, head = self.linear(x.mean(1), "head")
        self.backwards.append(lambda gradient: norm(np.repeat(head(gradient)[:, None] / ROWS, ROWS, axis=1)))
        return scores

    def learn(self, gradient):
        """Gradients of all weights from that of the scores."""
        for backward in reversed(self.backwards):
            gradient = backward(gradient)
        return self.gradients


def make_model(weights):
    nodes = []
    constants = dict(weights, scale=np.float32(1 / np.sqrt(HEAD)), sequence=np.array([0, ROWS, 8]))

    def op(kind, *operands, name=None, **attributes):
        name = name or f"{kind.lower()}{len(nodes)}"
        nodes.append(helper.make_node(kind, list(operands), [name], name=name, **attributes))
        return name

    def reshape(x, *sizes):
        name = f"sizes{len(nodes)}"
        constants[name] = np.array(sizes)
        return op("Reshape", x, name)

    def linear(x, name):
        return op("Add", op("MatMul", x, f"{name}.w", name=name), f"{name}.b")

    def norm(x, name):
        return op("LayerNormalization", x, f"{name}.scale", f"{name}.shift")

    def heads(x, name):
        width = weights[f"{name}.w"].shape[1]
        return op("Transpose", reshape(linear(x, name), 0, ROWS, width // HEAD, HEAD), perm=[0, 2, 1, 3])

    def attend(x, block):
        q, k, v = (heads(x, f"{block}.{part}") for part in ("query", "key", "value"))
        scores = op("Mul", op("MatMul", q, op("Transpose", k, perm=[0, 1, 3, 2])), "scale")
        context = op("Transpose", op("MatMul", op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        return linear(reshape(context, 0, ROWS, weights[f"{block}.out.w"].shape[0]), f"{block}.out")

    x = op("Add", linear(op("Reshape", "image", "sequence"), "embed"), "positions")
    for block in (f"b{number}" for number in range(BLOCKS)):
        x = op("Add", x, attend(norm(x, f"{block}.norm1"), block))
        hidden = op("Relu", linear(norm(x, f"{block}.norm2"), f"{block}.up"))
        x = op("Add", x, linear(hidden, f"{block}.down"))
    x = op("ReduceMean", norm(x, "norm"), axes=[1], keepdims=0)
    op("Gemm", x, "head.w", "head.b", name="scores")
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def read_weights(model):
    """Those of a file's bytes."""
    names = set(initialize(HEAD, np.random.default_rng(0)))
    return {tensor.name: numpy_helper.to_array(tensor).copy()
            for tensor in onnx.load_from_string(model).graph.initializer if tensor.name in names}
