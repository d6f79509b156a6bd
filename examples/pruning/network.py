"""A small residual convolutional network in numpy: trained here, kept as ONNX.

Weights live in a dict with the names that they have in the ONNX file, and sizes are theirs, so that a
network that was pruned trains on like any other. Images are [N, H, W, C] inside, [N, C, H, W] in ONNX.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CONVOLUTIONS = ("stem", "block1.a", "block1.b", "widen", "block2.a", "block2.b")


def initialize(channels, rng):
    narrow, wide = channels, 2 * channels
    sizes = zip(CONVOLUTIONS, [1, narrow, narrow, narrow, wide, wide], [narrow, narrow, narrow, wide, wide, wide])
    weights = {}
    for name, cin, cout in sizes:
        scale = 0.3 if name.endswith(".b") else 1  # so that signals stay of one size along the sums
        weights[f"{name}.w"] = rng.normal(0, scale * np.sqrt(2 / (9 * cin)), (cout, cin, 3, 3))
        weights[f"{name}.b"] = np.zeros(cout)
    weights["head.w"] = rng.normal(0, 1 / np.sqrt(wide), (10, wide))
    weights["head.b"] = np.zeros(10)
    return {name: array.astype(np.float32) for name, array in weights.items()}


def gather_windows(x):
    """[N, H, W, C] to [N, H, W, 9C]: what a convolution of 3x3 multiplies, zeros around."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = x.shape[1:3]
    return np.concatenate([padded[:, i:i + height, j:j + width] for i in range(3) for j in range(3)], axis=-1)


class Step:
    """One pass through the network, forwards and then backwards."""

    def __init__(self, weights):
        self.weights, self.gradients, self.backwards = weights, {}, []

    def convolve(self, x, name):
        w = self.weights[f"{name}.w"]
        matrix = w.transpose(2, 3, 1, 0).reshape(-1, w.shape[0])
        windows = gather_windows(x)

        def backward(gradient):
            flat = gradient.reshape(-1, w.shape[0])
            dw = (windows.reshape(len(flat), -1).T @ flat).reshape(3, 3, w.shape[1], w.shape[0])
            self.gradients[f"{name}.w"] = dw.transpose(3, 2, 0, 1)
            self.gradients[f"{name}.b"] = flat.sum(0)
            turned = w[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, w.shape[1])
            return gather_windows(gradient) @ turned

        return windows @ matrix + self.weights[f"{name}.b"], backward

    def layer(self, x, name):
        """A convolution and a Relu."""
        y, backward = self.convolve(x, name)
        return np.maximum(y, 0), lambda gradient: backward(gradient * (y > 0))

    def block(self, x, name):
        hidden, first = self.layer(x, f"{name}.a")
        y, second = self.convolve(hidden, f"{name}.b")
        total = x + y

        def backward(gradient):
            gradient = gradient * (total > 0)
            return gradient + first(second(gradient))

        return np.maximum(total, 0), backward

    def pool(self, x):
        n, height, width, channels = x.shape
        windows = x.reshape(n, height // 2, 2, width // 2, 2, channels)
        y = windows.max((2, 4))
        isMax = windows == y[:, :, None, :, None]
        share = isMax / isMax.sum((2, 4), keepdims=True, dtype=np.float32)
        return y, lambda gradient: (share * gradient[:, :, None, :, None]).reshape(x.shape)

    def run(self, images):
        x = images
        for apply in (lambda x: self.layer(x, "stem"), lambda x: self.block(x, "block1"), self.pool,
                      lambda x: self.layer(x, "widen"), lambda x: self.block(x, "block2")):
            x, backward = apply(x)
            self.backwards.append(backward)
        self.shape, self.features = x.shape, x.mean((1, 2))
        return self.features @ self.weights["head.w"].T + self.weights["head.b"]

    def learn(self, gradient):
        """Gradients of all weights from that of the scores."""
        self.gradients["head.w"] = gradient.T @ self.features
        self.gradients["head.b"] = gradient.sum(0)
        gradient = gradient @ self.weights["head.w"] / (self.shape[1] * self.shape[2])
        gradient = np.broadcast_to(gradient[:, None, None], self.shape)
        for backward in reversed(self.backwards):
            gradient = backward(gradient)
        return self.gradients


def train(weights, images, labels, epochs, rate, rng, batch=64, step_of=Step):
    """Adam on the cross entropy, its rate falling to zero."""
    moments = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in weights.items()}
    steps, step = epochs * (len(images) // batch), 0
    for _ in range(epochs):
        order = rng.permutation(len(images))
        for first in range(0, len(images) - batch + 1, batch):
            chosen = order[first:first + batch]
            shifts = rng.integers(-1, 2, 2)
            network = step_of(weights)
            scores = network.run(np.roll(images[chosen], shifts, (1, 2)))
            powers = np.exp(scores - scores.max(1, keepdims=True))
            gradient = powers / powers.sum(1, keepdims=True)
            gradient[np.arange(batch), labels[chosen]] -= 1
            step += 1
            now = rate * (1 - step / steps)
            for name, g in network.learn(gradient / batch).items():
                mean, square = moments[name]
                mean += 0.1 * (g - mean)
                square += 0.001 * (g * g - square)
                weights[name] -= now * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights


def make_model(weights):
    nodes = []

    def op(kind, *operands, name=None, **attributes):
        name = name or f"{kind.lower()}{len(nodes)}"
        nodes.append(helper.make_node(kind, list(operands), [name], name=name, **attributes))
        return name

    def conv(x, name):
        return op("Conv", x, f"{name}.w", f"{name}.b", name=name, kernel_shape=[3, 3], pads=[1] * 4)

    def block(x, name):
        return op("Relu", op("Add", x, conv(op("Relu", conv(x, f"{name}.a")), f"{name}.b")))

    x = block(op("Relu", conv("image", "stem")), "block1")
    x = op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = block(op("Relu", conv(x, "widen")), "block2")
    x = op("Flatten", op("GlobalAveragePool", x))
    op("Gemm", x, "head.w", "head.b", transB=1, name="scores")
    graph = helper.make_graph(
        nodes, "digits", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def read_weights(model):
    """Those of a file's bytes."""
    return {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in onnx.load_from_string(model).graph.initializer}
