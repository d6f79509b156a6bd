"""Operators as they were in the first operator sets: broadcasting that a node asks for, attributes that became
operands, types by name. ONNX Runtime knows none of them; a few lines of numpy do."""

import numpy as np
from onnx import TensorProto, helper

from cases import Case, DataSet

RNG = np.random.default_rng(23)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def case(name, why, opset, op, inputs, expected, **attributes):
    """One node on `inputs`, with static shapes and with every dimension open."""
    outputs = expected if isinstance(expected, list) else [expected]
    names = [f"y{i}" for i in range(len(outputs))]
    node = helper.make_node(op, list(inputs), names, **attributes)
    kind = helper.np_dtype_to_tensor_dtype
    for form in ("static", "dynamic"):
        infos = [
            helper.make_tensor_value_info(
                key, kind(value.dtype), value.shape if form == "static" else [f"{key}{d}" for d in range(value.ndim)]
            )
            for key, value in inputs.items()
        ]
        results = [
            helper.make_tensor_value_info(key, kind(value.dtype), [None] * value.ndim)
            for key, value in zip(names, outputs)
        ]
        graph = helper.make_graph([node], "g", infos, results)
        model = helper.make_model(graph, ir_version=3, opset_imports=[helper.make_opsetid("", opset)])
        yield Case(f"{name}_{form}", why, model, [DataSet(inputs, dict(zip(names, outputs)))])


def broadcasts():
    x = floats(2, 3, 4, 5)
    why = "The second operand stands for dimensions from `axis` on, or for the last ones."
    shapes = {"scalar": ((), None), "one": ((1,), None), "last": ((5,), None), "two": ((4, 5), None),
              "middle": ((3, 4), 1), "channels": ((3,), 1), "rows": ((2,), 0), "behind": ((4, 5), -2)}
    functions = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}
    for name, (shape, axis) in shapes.items():
        y = floats(*shape)
        first = 4 - y.ndim if axis is None else axis % 4
        wide = y.reshape((*shape, *[1] * (4 - first - y.ndim)))
        more = {"broadcast": 1} if axis is None else {"broadcast": 1, "axis": axis}
        for op, function in functions.items():
            yield from case(f"{op}6_{name}", why, 6, op, {"x": x, "y": y}, function(x, wide), **more)
        yield from case(f"Less1_{name}", why, 1, "Less", {"x": x, "y": y}, x < wide, **more)
        yield from case(f"Greater1_{name}", why, 1, "Greater", {"x": x, "y": y}, x > wide, **more)
    positive, exponent = np.abs(x) + 0.5, floats(3)
    yield from case("Pow1_channels", why, 1, "Pow", {"x": positive, "y": exponent},
                    positive ** exponent.reshape(3, 1, 1), broadcast=1, axis=1)
    a, b = RNG.random((2, 3, 4)) < 0.5, RNG.random(3) < 0.5
    for op, function in {"And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor}.items():
        yield from case(f"{op}1_channels", why, 1, op, {"x": a, "y": b}, function(a, b[:, None]), broadcast=1, axis=1)
    i, j = RNG.integers(0, 3, (2, 3, 4)), RNG.integers(0, 3, (3, 4))
    yield from case("Equal1_last", why, 1, "Equal", {"x": i, "y": j}, i == j, broadcast=1)
    yield from case("Add1_same", "Without broadcasting shapes are equal.", 1, "Add", {"x": x, "y": x}, x + x)


def activations():
    x = floats(3, 7)
    why = "The same as later, with an attribute that says nothing."
    values = {
        "Relu": np.maximum(x, 0), "Tanh": np.tanh(x), "Sigmoid": 1 / (1 + np.exp(-x)),
        "LeakyRelu": np.where(x < 0, np.float32(0.01) * x, x), "Elu": np.where(x < 0, np.exp(x) - 1, x),
        "HardSigmoid": np.clip(np.float32(0.2) * x + np.float32(0.5), 0, 1),
        # Its numbers were shorter.
        "Selu": 1.0507 * np.where(x <= 0, 1.6732 * (np.exp(x) - 1), x),
        "Clip": x, "Abs": np.abs(x),
    }
    for op, y in values.items():
        yield from case(f"{op}1", why, 1, op, {"x": x}, y.astype(np.float32), consumed_inputs=[0])
    yield from case("ScaledTanh1", "Left out of later operator sets.", 6, "ScaledTanh", {"x": x},
                    (2 * np.tanh(0.5 * x)).astype(np.float32), alpha=2.0, beta=0.5)
    yield from case("ParametricSoftplus1", "Left out of later operator sets.", 6, "ParametricSoftplus", {"x": x},
                    (2 * np.log1p(np.exp(0.5 * x))).astype(np.float32), alpha=2.0, beta=0.5)
    image, slope = floats(2, 3, 4, 4), np.abs(floats(3))
    for opset in (1, 6):
        for name, s in (("channels", slope), ("one", slope[:1])):
            yield from case(f"PRelu{opset}_{name}", "A slope for each channel, or for all.", opset, "PRelu",
                            {"x": image, "s": s}, np.where(image < 0, image * s.reshape(-1, 1, 1), image))
    for op, function in {"Sum": np.add, "Max": np.maximum, "Min": np.minimum}.items():
        yield from case(f"{op}1", why, 1, op, {"x": x, "y": x[::-1].copy()}, function(x, x[::-1]))
    yield from case("Mean1", why, 1, "Mean", {"x": x, "y": x * 3}, x * 2)


def shapes():
    x = floats(2, 3, 4)
    yield from case("Reshape1", "The shape is an attribute.", 1, "Reshape", {"x": x}, x.reshape(2, 12), shape=[0, -1])
    yield from case("Concat1", "The axis is 1 where the node says none.", 1, "Concat", {"x": x, "y": x},
                    np.concatenate([x, x], 1))
    yield from case("Split1", "Sizes may be an operand.", 1, "Split", {"x": x, "split": np.array([1, 3])},
                    [x[..., :1], x[..., 1:]], axis=2)
    yield from case("Pad1", "Pads had another name.", 1, "Pad", {"x": x},
                    np.pad(x, [(0, 0), (1, 0), (2, 1)], constant_values=1.5), paddings=[0, 1, 2, 0, 0, 1], value=1.5)
    for name, opset, to in (("int", 1, "INT32"), ("lower", 1, "int64")):
        yield from case(f"Cast1_{name}", "The type is a name.", opset, "Cast", {"x": x * 9},
                        (x * 9).astype(np.int32 if to == "INT32" else np.int64), to=to)
    image = floats(1, 2, 3, 4)
    yield from case("Upsample1", "Scales of height and width.", 1, "Upsample", {"x": image},
                    image.repeat(2, 2).repeat(3, 3), height_scale=2.0, width_scale=3.0, mode="nearest")
    yield from case("Affine1", "Left out of later operator sets.", 6, "Affine", {"x": x}, x * 2 + 0.5, alpha=2.0, beta=0.5)
    yield from case("ImageScaler1", "Left out of later operator sets.", 6, "ImageScaler", {"x": image},
                    image * 2 + np.array([0.5, -1], np.float32).reshape(2, 1, 1), scale=2.0, bias=[0.5, -1.0])
    yield from case("Crop1", "Left out of later operator sets.", 6, "Crop", {"x": image}, image[..., 1:-1, 2:-1].copy(),
                    border=[2, 1, 1, 1])
    yield from case("Crop1_size", "A size instead of the ends of a border.", 6, "Crop", {"x": image},
                    image[..., 1:2, 2:4].copy(), border=[2, 1, 0, 0], scale=[1, 2])
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Tile", ["x", "n", "axis"], ["y"])], "g",
            [helper.make_tensor_value_info("x", 1, [2, 3, 4]), helper.make_tensor_value_info("n", 1, [1])],
            [helper.make_tensor_value_info("y", 1, None)],
            [helper.make_tensor("axis", TensorProto.FLOAT, [1], [1.0])],
        ), ir_version=3, opset_imports=[helper.make_opsetid("", 1)])
    yield Case("Tile1", "How often and along which dimension are operands.", model,
               [DataSet({"x": x, "n": np.array([n], np.float32)}, {"y": np.tile(x, (1, n, 1))}) for n in (3, 1)])


def layers():
    x, w, b = floats(3, 4), floats(4, 5), floats(5)
    yield from case("Gemm1", "C broadcasts where the node says so.", 1, "Gemm", {"a": x, "b": w, "c": b},
                    0.5 * x @ w + 2 * b, alpha=0.5, beta=2.0, broadcast=1)
    yield from case("Gemm6", "C broadcasts where the node says so.", 6, "Gemm", {"a": x, "b": w.T.copy(), "c": b},
                    x @ w + b, transB=1, broadcast=1)
    yield from case("Dropout6", "Nothing is dropped where a node says that it tests.", 6, "Dropout", {"x": x}, [x],
                    is_test=1, ratio=0.5)
    yield from case("Dropout1_none", "Nothing of no elements is dropped.", 1, "Dropout", {"x": x}, [x], ratio=0.0)
    image = floats(2, 3, 4, 4)
    mean, deviation = image.mean((2, 3), keepdims=True), np.sqrt(image.var((2, 3), keepdims=True) + 1e-5)
    scale, bias = floats(3), floats(3)
    yield from case("InstanceNormalization1", "The same as later.", 1, "InstanceNormalization",
                    {"x": image, "s": scale, "b": bias},
                    ((image - mean) / deviation * scale.reshape(3, 1, 1) + bias.reshape(3, 1, 1)).astype(np.float32))
    power = (np.abs(image) ** 2.5).sum((2, 3), keepdims=True) ** (1 / 2.5)
    yield from case("GlobalLpPool1", "The exponent may be a fraction.", 1, "GlobalLpPool", {"x": image},
                    power.astype(np.float32), p=2.5)
    windows = image.reshape(2, 3, 2, 2, 2, 2)
    yield from case("LpPool1", "The exponent may be a fraction.", 1, "LpPool", {"x": image},
                    ((np.abs(windows) ** 1.5).sum((3, 5)) ** (1 / 1.5)).astype(np.float32), p=1.5, kernel_shape=[2, 2],
                    strides=[2, 2])


def cases():
    yield from broadcasts()
    yield from activations()
    yield from shapes()
    yield from layers()
