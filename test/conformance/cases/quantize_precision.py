"""QuantizeLinear and DequantizeLinear: the type of the division, and every quantized type."""

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

from cases import Case, DataSet

RANGES = {
    "UINT8": (0, 255),
    "INT8": (-128, 127),
    "UINT16": (0, 65535),
    "INT16": (-32768, 32767),
    "UINT4": (0, 15),
    "INT4": (-8, 7),
}


def dtype(kind):
    return np.dtype(helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind)))


def widen(value):
    """Elements of four bits in bytes: models have them inside only."""
    return value.astype(np.int8 if value.dtype == ml_dtypes.int4 else np.uint8) if is_narrow(value) else value


def is_narrow(value):
    return value.dtype in (ml_dtypes.int4, ml_dtypes.uint4)


def info(name, value):
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)


def make_model(operator, inputs, output, opset, **attributes):
    """One node, and casts of its elements of four bits; `inputs` are arrays by name."""
    nodes, names = [], []
    for name, value in inputs.items():
        names.append(name)
        if is_narrow(value):
            names[-1] += "_narrow"
            kind = helper.np_dtype_to_tensor_dtype(value.dtype)
            nodes.append(helper.make_node("Cast", [name], [names[-1]], to=kind))
    result = "y_narrow" if is_narrow(output) else "y"
    nodes.append(helper.make_node(operator, names, [result], **attributes))
    if is_narrow(output):
        kind = helper.np_dtype_to_tensor_dtype(widen(output).dtype)
        nodes.append(helper.make_node("Cast", [result], ["y"], to=kind))
    infos = [info(name, widen(value)) for name, value in inputs.items()]
    graph = helper.make_graph(nodes, "g", infos, [info("y", widen(output))])
    return helper.make_model(graph, ir_version=11, opset_imports=[helper.make_opsetid("", opset)])


def case(name, why, operator, inputs, output, opset, **attributes):
    model = make_model(operator, inputs, output, opset, **attributes)
    values = {name: widen(value) for name, value in inputs.items()}
    return Case(name, why, model, [DataSet(values, {"y": widen(output)})])


def quantize(x, scale, zero, target, precision):
    """As ONNX defines it from version 23 on."""
    quotient = x.astype(precision).astype(np.float64) / scale.astype(precision).astype(np.float64)
    quotient = quotient.astype(precision).astype(np.float64)
    low, high = RANGES[target]
    return np.clip(np.rint(quotient) + np.asarray(zero).astype(np.float64), low, high).astype(dtype(target))


def precisions():
    rng = np.random.default_rng(3)
    # Quotients near the middle between integers, where a half and a float round differently.
    base = (rng.integers(0, 2000, 64) + 0.5) * 0.0371
    for x_kind in ("FLOAT", "FLOAT16", "BFLOAT16"):
        for scale_kind in ("FLOAT", "FLOAT16", "BFLOAT16"):
            for precision in (None, "FLOAT", "FLOAT16", "BFLOAT16"):
                for target in ("UINT8", "INT16"):
                    x = base.astype(dtype(x_kind))
                    scale = np.array(0.0371).astype(dtype(scale_kind))
                    zero = np.array(5).astype(dtype(target))
                    y = quantize(x, scale, zero, target, dtype(precision or scale_kind))
                    attributes = {"precision": getattr(TensorProto, precision)} if precision else {}
                    yield case(
                        f"{x_kind}_by_{scale_kind}_in_{precision or 'default'}_{target}".lower(),
                        "The quotient has the type of `precision` or, without it, of the scale.",
                        "QuantizeLinear",
                        {"x": x, "s": scale, "z": zero},
                        y,
                        23,
                        **attributes,
                    )


def integers():
    x = np.array([-1e9, -300.0, -8.5, -7.5, -2.5, -0.5, 0, 0.5, 1.5, 2.5, 7.5, 15.5, 300, 7e4, 1e9], np.float32)
    for target in RANGES:
        for zero in (None, 1):
            inputs = {"x": x, "s": np.array(1, np.float32)}
            if zero is not None:
                inputs["z"] = np.array(zero).astype(dtype(target))
            y = quantize(x, inputs["s"], zero or 0, target, np.float32)
            yield case(
                f"{target.lower()}_{'with' if zero else 'without'}_zero",
                "Rounded to even, then moved, then saturated.",
                "QuantizeLinear",
                inputs,
                y,
                23,
                precision=0,
                output_dtype=getattr(TensorProto, target),
            )
            inputs = {"q": y, "s": np.array(0.5, np.float16)}
            if zero is not None:
                inputs["z"] = np.array(zero).astype(dtype(target))
            wide = (y.astype(np.float32) - (zero or 0)) * 0.5
            yield case(
                f"dequantize_{target.lower()}_{'with' if zero else 'without'}_zero",
                "The result has the type that is asked for.",
                "DequantizeLinear",
                inputs,
                wide,
                23,
                output_dtype=TensorProto.FLOAT,
            )


def floats():
    x = np.array([0, -1.06, 1.5, 440, 447, 449, 470, -1e6, 6e4, np.inf], np.float32)
    for target in ("FLOAT8E4M3FN", "FLOAT8E5M2"):
        for saturate in (0, 1):
            limit = float(ml_dtypes.finfo(dtype(target)).max)
            y = (np.clip(x, -limit, limit) if saturate else x).astype(dtype(target))
            yield case(
                f"{target.lower()}_{'saturated' if saturate else 'open'}",
                "What is too large becomes the largest number, or not, as `saturate` says.",
                "QuantizeLinear",
                {"x": x, "s": np.array(1, np.float32)},
                y,
                23,
                output_dtype=getattr(TensorProto, target),
                saturate=saturate,
            )


def blocks():
    x = np.arange(24, dtype=np.float16).reshape(2, 12) * np.float16(0.77)
    scale = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], np.float16)
    zero = np.array([[1, 2, 3], [4, 5, 6]], np.int8)
    wide_scale, wide_zero = np.repeat(scale, 4, axis=1), np.repeat(zero, 4, axis=1)
    y = quantize(x, wide_scale, wide_zero, "INT8", np.float16)
    yield case(
        "blocks",
        "A scale for each block of four.",
        "QuantizeLinear",
        {"x": x, "s": scale, "z": zero},
        y,
        23,
        axis=1,
        block_size=4,
    )


def cases():
    for group in (precisions, integers, floats, blocks):
        yield from group()
