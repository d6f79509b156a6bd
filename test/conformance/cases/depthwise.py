"""Convolutions with as many groups as channels, or several, in every type that has them."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from cases import Case, DataSet


def convolve(x, weights, groups, stride, pad):
    """Two-dimensional convolution in the operands' type, element by element."""
    x = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    outputs, per_group, height, width = weights.shape
    rows = (x.shape[2] - height) // stride + 1
    columns = (x.shape[3] - width) // stride + 1
    result = np.zeros((x.shape[0], outputs, rows, columns), x.dtype)
    for o in range(outputs):
        first = o // (outputs // groups) * per_group
        for r in range(rows):
            for c in range(columns):
                window = x[:, first : first + per_group, r * stride :, c * stride :][..., :height, :width]
                result[:, o, r, c] = (window * weights[o]).sum(axis=(1, 2, 3), dtype=x.dtype)
    return result


def integer(channels, outputs, groups, x_type, w_type, stride=1, size=9, is_dynamic=False):
    """ConvInteger with zero points."""
    rng = np.random.default_rng(channels)
    x = rng.integers(0, 100, (2, channels, size, size)).astype(x_type)
    w = rng.integers(0, 60, (outputs, channels // groups, 3, 3)).astype(w_type)
    if w_type == np.int8:
        w -= 30
    zero_x, zero_w = np.array(13, x_type), np.array(3, w_type)
    node = helper.make_node(
        "ConvInteger",
        ["x", "w", "zx", "zw"],
        ["y"],
        group=groups,
        strides=[stride, stride],
        pads=[1, 1, 1, 1],
    )
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    dims = ["N", channels, "H", "W"] if is_dynamic else x.shape
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", kind, dims)],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [None] * 4)],
        [
            numpy_helper.from_array(w, "w"),
            numpy_helper.from_array(zero_x, "zx"),
            numpy_helper.from_array(zero_w, "zw"),
        ],
    )
    y = convolve(x.astype(np.int32) - zero_x, w.astype(np.int32) - zero_w, groups, stride, 1)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]), DataSet(
        {"x": x}, {"y": y}
    )


def quantized(channels, kernel_scales):
    """QLinearConv, one filter per channel."""
    rng = np.random.default_rng(5)
    x = rng.integers(0, 255, (1, channels, 7, 7)).astype(np.uint8)
    w = rng.integers(-100, 100, (channels, 1, 3, 3)).astype(np.int8)
    bias = rng.integers(-3000, 3000, channels).astype(np.int32)
    scales = np.full(channels, 0.5, np.float32) if kernel_scales else np.array(0.5, np.float32)
    zeros = np.zeros(channels, np.int8) if kernel_scales else np.array(0, np.int8)
    constants = {
        "sx": np.array(0.25, np.float32),
        "zx": np.array(128, np.uint8),
        "w": w,
        "sw": scales,
        "zw": zeros,
        "sy": np.array(64, np.float32),
        "zy": np.array(100, np.uint8),
        "b": bias,
    }
    node = helper.make_node("QLinearConv", ["x", *constants], ["y"], group=channels, pads=[1, 1, 1, 1])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, x.shape)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    total = convolve(x.astype(np.int32) - 128, w.astype(np.int32), channels, 1, 1) + bias[:, None, None]
    y = np.clip(np.rint(total * (0.25 * 0.5 / 64)) + 100, 0, 255).astype(np.uint8)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21)]), DataSet(
        {"x": x}, {"y": y}
    )


def floating(kind, is_bias_given):
    """Conv of small integers in a float type, which every order of summation computes exactly."""
    rng = np.random.default_rng(7)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    x = rng.integers(-4, 5, (1, 19, 8, 8)).astype(np.float32)
    w = rng.integers(-3, 4, (19, 1, 3, 3)).astype(np.float32)
    bias = np.arange(19, dtype=np.float32)
    y = convolve(x, w, 19, 2, 1) + (bias[:, None, None] if is_bias_given else 0)
    node = helper.make_node(
        "Conv", ["x", "w", "b"] if is_bias_given else ["x", "w"], ["y"], group=19, strides=[2, 2], pads=[1] * 4
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", kind, x.shape)],
        [helper.make_tensor_value_info("y", kind, y.shape)],
        [numpy_helper.from_array(w.astype(dtype), "w"), numpy_helper.from_array(bias.astype(dtype), "b")],
    )
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 22)]), DataSet(
        {"x": x.astype(dtype)}, {"y": y.astype(dtype)}
    )


def cases():
    shapes = {
        "one_per_channel": (32, 32, 32),
        "odd_channels": (19, 19, 19),
        "two_per_channel": (6, 12, 6),
        "grouped": (12, 8, 4),
    }
    for name, (channels, outputs, groups) in shapes.items():
        for x_type in (np.uint8, np.int8):
            for w_type in (np.uint8, np.int8):
                model, data = integer(channels, outputs, groups, x_type, w_type)
                label = f"integer_{name}_{np.dtype(x_type).name}_{np.dtype(w_type).name}"
                yield Case(label, "Sums of products of integers in groups.", model, [data])
    model, data = integer(24, 24, 24, np.uint8, np.int8, stride=2, is_dynamic=True)
    yield Case("integer_dynamic", "Sizes that only a run tells.", model, [data])
    model, data = integer(130, 130, 130, np.uint8, np.int8, size=47)
    yield Case("integer_large", "An image that is streamed, two lines at a time.", model, [data])
    for kernel_scales in (False, True):
        model, data = quantized(19, kernel_scales)
        yield Case(
            f"qlinear_{'scales' if kernel_scales else 'scale'}",
            "A quantized layer as MobileNets have it.",
            model,
            [data],
        )
    for name in ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16"):
        for is_bias_given in (False, True):
            model, data = floating(getattr(TensorProto, name), is_bias_given)
            yield Case(
                f"float_{name.lower()}{'_bias' if is_bias_given else ''}",
                "The same layer in each type of floats.",
                model,
                [data],
            )
