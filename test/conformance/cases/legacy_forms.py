"""Older versions of operators: Clip with attributes, BatchNormalization that trains or is not per channel."""

import numpy as np
from onnx import TensorProto, helper

from cases import Case, DataSet

LARGEST = np.finfo(np.float32).max


def model(operator, opset, inputs, output, **attributes):
    """One node; `inputs` are arrays by name, None in a shape is a dimension that only a run tells."""
    infos = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in inputs.items()
    ]
    kind = helper.np_dtype_to_tensor_dtype(next(iter(inputs.values())).dtype)
    outputs = output if isinstance(output, list) else [output]
    infos_out = [helper.make_tensor_value_info(name, kind, None) for name in outputs]
    graph = helper.make_graph(
        [helper.make_node(operator, list(inputs), outputs, **attributes)], "g", infos, infos_out
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def clips():
    values = [-np.inf, -1e30, -2, 0, np.nan, 2, 1e30, np.inf]
    bounds = {"none": {}, "low": {"min": -1.0}, "high": {"max": 1.0}, "both": {"min": -1.0, "max": 1.0}}
    for dtype in (np.float32, np.float64, np.float16):
        for name, given in bounds.items():
            x = np.array(values).astype(dtype)
            # To halves the default is infinite.
            limit = np.inf if dtype == np.float16 else LARGEST
            y = np.minimum(np.maximum(x, given.get("min", -limit)), given.get("max", limit)).astype(dtype)
            yield Case(
                f"clip6_{np.dtype(dtype).name}_{name}",
                "Bounds that are not given are the largest finite floats.",
                model("Clip", 6, {"x": x}, "y", **given),
                [DataSet({"x": x}, {"y": y})],
            )


def normalize(x, scale, bias, mean, variance):
    return (scale * (x - mean) / np.sqrt(variance + 1e-5) + bias).astype(x.dtype)


def batch_normalizations():
    rng = np.random.default_rng(2)
    for opset in (1, 6, 7, 8):
        for spatial in (0, 1):
            for shape in ((3, 4, 8), (2, 3, 4, 5), (3, 4)):
                x = rng.standard_normal(shape).astype(np.float32)
                parameters = {
                    name: (rng.random(shape[1:2] if spatial else shape[1:]) + 0.5).astype(np.float32)
                    for name in ("s", "b", "m", "v")
                }
                tail = [1] * (len(shape) - 2)
                wide = [p.reshape(-1, *tail) if spatial else p for p in parameters.values()]
                attributes = {"spatial": spatial, "epsilon": 1e-5}
                if opset < 7:
                    attributes["is_test"] = 1
                if opset == 1:
                    attributes["consumed_inputs"] = [0, 0, 0, 1, 1]
                inputs = {"x": x, **parameters}
                yield Case(
                    f"batchnorm{opset}_spatial{spatial}_rank{len(shape)}",
                    "Parameters per channel or per element.",
                    model("BatchNormalization", opset, inputs, "y", **attributes),
                    [DataSet(inputs, {"y": normalize(x, *wide)})],
                    {"rtol": 1e-4, "atol": 1e-5},
                )


def training():
    rng = np.random.default_rng(4)
    x = rng.standard_normal((3, 4, 8)).astype(np.float32)
    for spatial in (0, 1):
        axes, shape = ((0, 2), (4,)) if spatial else ((0,), (4, 8))
        parameters = {name: (rng.random(shape) + 0.5).astype(np.float32) for name in ("s", "b", "m", "v")}
        mean, variance = x.mean(axes), x.var(axes)
        wide = [p[:, None] if spatial else p for p in (parameters["s"], parameters["b"], mean, variance)]
        inputs = {"x": x, **parameters}
        outputs = {
            "y": normalize(x, *wide),
            "m2": parameters["m"] * np.float32(0.9) + mean * np.float32(0.1),
            "v2": parameters["v"] * np.float32(0.9) + variance * np.float32(0.1),
        }
        yield Case(
            f"batchnorm6_training_spatial{spatial}",
            "Without is_test, version 6 trains.",
            model("BatchNormalization", 6, inputs, list(outputs), spatial=spatial, epsilon=1e-5),
            [DataSet(inputs, outputs)],
            {"rtol": 1e-3, "atol": 1e-4},
        )


def cases():
    for group in (clips, batch_normalizations, training):
        yield from group()
