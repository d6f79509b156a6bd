"""Trains a small convolutional network on scikit-learn's handwritten digits and writes model.onnx.

    .venv/bin/python examples/digits/train.py

The network is written out by hand in numpy (forward and backward pass, Adam), so that training needs
no framework: conv 3x3 (1 to 16), ReLU, max pool 2x2, conv 3x3 (16 to 32), ReLU, max pool 2x2, dense
128 to 64, ReLU, dense 64 to 10, softmax. The seed is fixed and the matrix products run on one
thread, so the same numpy on the same kind of CPU writes the same file.

Beside the model it writes digit-N.png (images the training never saw) and test_data_set_0 (those
images and the answers of this file's forward pass, in the layout of ONNX's backend tests).
"""

import os
from pathlib import Path

# Before numpy loads its BLAS: the number of threads changes the order of its sums.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
SEED = 7
EPOCHS = 60
BATCH = 64
WIDTHS = (16, 32, 64)


def load():
    """Images as uint8 [N, 1, 8, 8] from 0 to 255; one in five is kept for the test."""
    digits = load_digits()
    images = np.minimum(digits.images * 16, 255).astype(np.uint8)[:, None]
    order = np.random.default_rng(SEED).permutation(len(images))
    images, labels = images[order], digits.target[order]
    split = len(images) * 4 // 5
    return (images[:split], labels[:split]), (images[split:], labels[split:])


def patches(x):
    """[N, C, H, W] to [N, H, W, C * 9]: the 3x3 neighbourhood of each pixel, zero outside."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(*x.shape[:1], *x.shape[2:], -1)


def scatter_patches(grad, shape):
    """The transpose of `patches`: adds each neighbourhood's gradient back to its pixels."""
    n, c, h, w = shape
    grad = grad.reshape(n, h, w, c, 3, 3)
    padded = np.zeros((n, c, h + 2, w + 2), grad.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + h, j : j + w] += grad[..., i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def max_pool(x):
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    return blocks.max(axis=(3, 5))


def max_pool_grad(grad, x, y):
    """Gradient to the block's maximum; equal maxima share it."""
    spread = lambda a: a.repeat(2, axis=2).repeat(2, axis=3)
    mask = (x == spread(y)).astype(x.dtype)
    n, c, h, w = x.shape
    count = mask.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))
    return mask * spread(grad / count)


def initial_weights(rng):
    he = lambda *shape, fan: (rng.standard_normal(shape) * np.sqrt(2 / fan)).astype(np.float32)
    c1, c2, hidden = WIDTHS
    return {
        "conv1.weight": he(c1, 1, 3, 3, fan=9),
        "conv1.bias": np.zeros(c1, np.float32),
        "conv2.weight": he(c2, c1, 3, 3, fan=9 * c1),
        "conv2.bias": np.zeros(c2, np.float32),
        "fc1.weight": he(hidden, c2 * 4, fan=c2 * 4),
        "fc1.bias": np.zeros(hidden, np.float32),
        "fc2.weight": he(10, hidden, fan=hidden),
        "fc2.bias": np.zeros(10, np.float32),
    }


def forward(weights, images):
    """Probabilities, and what the backward pass needs of the way there."""
    trace = {"x0": images.astype(np.float32) / np.float32(255)}
    for i in (1, 2):
        x = trace[f"x{i - 1}"]
        kernel = weights[f"conv{i}.weight"]
        columns = patches(x)
        y = columns @ kernel.reshape(len(kernel), -1).T + weights[f"conv{i}.bias"]
        relu = np.maximum(y.transpose(0, 3, 1, 2), 0)
        trace.update({f"columns{i}": columns, f"relu{i}": relu, f"x{i}": max_pool(relu)})
    flat = trace["x2"].reshape(len(images), -1)
    hidden = np.maximum(flat @ weights["fc1.weight"].T + weights["fc1.bias"], 0)
    logits = hidden @ weights["fc2.weight"].T + weights["fc2.bias"]
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    trace.update(flat=flat, hidden=hidden)
    return exp / exp.sum(axis=1, keepdims=True), trace


def gradients(weights, images, labels):
    """Of the mean cross-entropy, for each weight."""
    probabilities, trace = forward(weights, images)
    grads = {}
    grad = probabilities
    grad[np.arange(len(labels)), labels] -= 1
    grad /= len(labels)
    for layer, x in (("fc2", trace["hidden"]), ("fc1", trace["flat"])):
        grads[f"{layer}.weight"] = grad.T @ x
        grads[f"{layer}.bias"] = grad.sum(axis=0)
        grad = grad @ weights[f"{layer}.weight"]
        if layer == "fc2":
            grad = grad * (x > 0)
    grad = grad.reshape(trace["x2"].shape)
    for i in (2, 1):
        relu = trace[f"relu{i}"]
        grad = max_pool_grad(grad, relu, trace[f"x{i}"]) * (relu > 0)
        rows = grad.transpose(0, 2, 3, 1)
        kernel = weights[f"conv{i}.weight"]
        flat = rows.reshape(-1, len(kernel))
        columns = trace[f"columns{i}"]
        grads[f"conv{i}.weight"] = (flat.T @ columns.reshape(len(flat), -1)).reshape(kernel.shape)
        grads[f"conv{i}.bias"] = flat.sum(axis=0)
        grad = scatter_patches(rows @ kernel.reshape(len(kernel), -1), trace[f"x{i - 1}"].shape)
    return grads


def train(images, labels):
    rng = np.random.default_rng(SEED)
    weights = initial_weights(rng)
    mean = {name: np.zeros_like(w) for name, w in weights.items()}
    square = {name: np.zeros_like(w) for name, w in weights.items()}
    step = 0
    for epoch in range(EPOCHS):
        rate = 0.003 * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        order = rng.permutation(len(images))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            step += 1
            for name, grad in gradients(weights, images[batch], labels[batch]).items():
                mean[name] += 0.1 * (grad - mean[name])
                square[name] += 0.001 * (grad * grad - square[name])
                slope = mean[name] / (1 - 0.9**step)
                scale = np.sqrt(square[name] / (1 - 0.999**step)) + 1e-8
                weights[name] -= (rate * slope / scale).astype(np.float32)
    return weights


def export(weights):
    """The same network as ONNX: uint8 image in, digit and probabilities out, any batch size."""
    node = helper.make_node
    conv = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        node("Cast", ["image"], ["pixels"], "to_float", to=TensorProto.FLOAT),
        node("Div", ["pixels", "white"], ["scaled"], "scale"),
        node("Conv", ["scaled", "conv1.weight", "conv1.bias"], ["c1"], "conv1", **conv),
        node("Relu", ["c1"], ["r1"], "relu1"),
        node("MaxPool", ["r1"], ["p1"], "pool1", **pool),
        node("Conv", ["p1", "conv2.weight", "conv2.bias"], ["c2"], "conv2", **conv),
        node("Relu", ["c2"], ["r2"], "relu2"),
        node("MaxPool", ["r2"], ["p2"], "pool2", **pool),
        node("Flatten", ["p2"], ["flat"], "flatten", axis=1),
        node("Gemm", ["flat", "fc1.weight", "fc1.bias"], ["h1"], "fc1", transB=1),
        node("Relu", ["h1"], ["h2"], "relu3"),
        node("Gemm", ["h2", "fc2.weight", "fc2.bias"], ["logits"], "fc2", transB=1),
        node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
        node("ArgMax", ["logits"], ["digit"], "argmax", axis=1, keepdims=0),
    ]
    initializers = [numpy_helper.from_array(w, name) for name, w in weights.items()]
    initializers.append(numpy_helper.from_array(np.float32(255), "white"))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "digits",
        [value("image", TensorProto.UINT8, ["batch", 1, 8, 8])],
        [
            value("digit", TensorProto.INT64, ["batch"]),
            value("probabilities", TensorProto.FLOAT, ["batch", 10]),
        ],
        initializers,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
        producer_name="tenon examples/digits",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def write_examples(weights, images, labels):
    """digit-0.png to digit-9.png, and the ten images with their answers as one test set."""
    chosen = np.array([np.flatnonzero(labels == digit)[0] for digit in range(10)])
    for digit, index in enumerate(chosen):
        Image.fromarray(images[index, 0]).save(HERE / f"digit-{digit}.png", optimize=True)
    probabilities, _ = forward(weights, images[chosen])
    folder = HERE / "test_data_set_0"
    folder.mkdir(exist_ok=True)
    for file, name, array in (
        ("input_0", "image", images[chosen]),
        ("output_0", "digit", probabilities.argmax(axis=1).astype(np.int64)),
        ("output_1", "probabilities", probabilities),
    ):
        tensor = numpy_helper.from_array(array, name)
        (folder / f"{file}.pb").write_bytes(tensor.SerializeToString())


def main():
    (images, labels), (test_images, test_labels) = load()
    weights = train(images, labels)
    accuracy = (forward(weights, test_images)[0].argmax(axis=1) == test_labels).mean()
    print(f"accuracy on {len(test_labels)} unseen images: {accuracy:.2%}")
    assert accuracy >= 0.97, "the network has not learned; nothing is written"
    (HERE / "model.onnx").write_bytes(export(weights).SerializeToString())
    write_examples(weights, test_images, test_labels)


if __name__ == "__main__":
    main()
