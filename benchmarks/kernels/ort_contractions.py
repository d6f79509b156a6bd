"""ONNX Runtime on the shapes of contraction-benchmark, one thread: python3 ort_contractions.py [--int8]

Times come from ONNX Runtime's profiler and count the Conv, FusedConv, MatMul or Gemm node alone, so
that layout changes around single-node models do not count against it. The best run is reported. With
--int8 they are QLinearConv and QLinearMatMul on u8 values and s8 weights, which also round the sums.
"""

import json
import os
import sys

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

RUNS = 60


def weights(name, *shape):
    values = np.random.default_rng(0).random(shape, dtype=np.float32) - 0.5
    return numpy_helper.from_array(values, name)


def make_model(nodes, shape, initializers, dtype=TensorProto.FLOAT):
    x = helper.make_tensor_value_info("x", dtype, shape)
    y = helper.make_tensor_value_info("y", dtype, None)
    graph = helper.make_graph(nodes, "g", [x], [y], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def matmul(m, n, k):
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["z"]),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    return make_model(nodes, [m, k], [weights("w", k, n), weights("b", n)]), 2 * m * n * k


def conv(out, cin, cout, kernel, stride=1, group=1):
    size = (out - 1) * stride + kernel
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["z"], strides=[stride] * 2, group=group),
        helper.make_node("Relu", ["z"], ["y"]),
    ]
    init = [weights("w", cout, cin // group, kernel, kernel), weights("b", cout)]
    flops = 2 * out * out * kernel * kernel * cin // group * cout
    return make_model(nodes, [1, cin, size, size], init), flops


def quantized(kind, shape, weight_shape, flops, **attributes):
    """A node of QLinear kind; scales and zero points matter to results only."""
    rng = np.random.default_rng(0)
    constants = {"xs": np.float32(0.02), "xz": np.uint8(128), "ws": np.float32(0.01), "wz": np.int8(0),
                 "ys": np.float32(0.5), "yz": np.uint8(128),
                 "w": rng.integers(-64, 64, weight_shape).astype(np.int8)}
    node = helper.make_node(kind, ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["y"], **attributes)
    init = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    return make_model([node], shape, init, TensorProto.UINT8), flops


def quantized_matmul(m, n, k):
    return quantized("QLinearMatMul", [m, k], (k, n), 2 * m * n * k)


def quantized_conv(out, cin, cout, kernel, stride=1, group=1):
    size = (out - 1) * stride + kernel
    flops = 2 * out * out * kernel * kernel * cin // group * cout
    return quantized("QLinearConv", [1, cin, size, size], (cout, cin // group, kernel, kernel), flops,
                     strides=[stride] * 2, group=group)


def quantized_depthwise(out, channels, kernel, stride=1):
    return quantized_conv(out, channels, channels, kernel, stride, group=channels)


def depthwise(out, channels, kernel, stride=1):
    return conv(out, channels, channels, kernel, stride, group=channels)


def best_microseconds(model):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = f"/tmp/tenon_ort_{os.getpid()}"
    session = ort.InferenceSession(model.SerializeToString(), options,
                                   providers=["CPUExecutionProvider"])
    info = model.graph.input[0].type.tensor_type
    shape = [d.dim_value for d in info.shape.dim]
    x = np.random.default_rng(1).random(shape, dtype=np.float32) - 0.5
    if info.elem_type == TensorProto.UINT8:
        x = (256 * (x + 0.5)).astype(np.uint8)
    for _ in range(RUNS):
        session.run(None, {"x": x})
    path = session.end_profiling()
    with open(path) as file:
        events = json.load(file)
    os.remove(path)
    kinds = ("Conv", "FusedConv", "Gemm", "FusedGemm", "MatMul", "QLinearConv", "QLinearMatMul")
    runs = [e["dur"] for e in events
            if e.get("cat") == "Node" and e["name"].endswith("kernel_time")
            and e["args"].get("op_name") in kinds]
    return min(runs)


CASES = [
    *[("matmul", shape) for shape in [
        (128, 768, 768), (128, 3072, 768), (128, 768, 3072), (512, 768, 768), (1024, 1024, 1024),
        (256, 256, 256), (128, 128, 128), (1, 1000, 2048), (1, 1024, 1024), (4, 4096, 1024)]],
    *[("conv", shape) for shape in [
        (112, 3, 64, 7, 2), (56, 64, 64, 1), (56, 64, 64, 3), (56, 64, 256, 1), (56, 256, 64, 1),
        (28, 128, 128, 3), (28, 128, 512, 1), (28, 512, 128, 1), (14, 256, 256, 3),
        (14, 1024, 256, 1), (14, 256, 1024, 1), (7, 512, 512, 3), (7, 2048, 512, 1),
        (7, 512, 2048, 1), (112, 3, 32, 3, 2), (112, 32, 16, 1), (112, 16, 96, 1), (56, 96, 24, 1),
        (56, 24, 144, 1), (28, 144, 32, 1), (14, 384, 64, 1), (14, 96, 576, 1), (7, 160, 960, 1),
        (7, 960, 320, 1), (7, 320, 1280, 1)]],
    *[("depthwise", shape) for shape in [
        (112, 32, 3), (56, 96, 3, 2), (56, 144, 3), (14, 576, 3), (7, 960, 3), (28, 240, 5)]],
]

if __name__ == "__main__":
    print("onnxruntime", ort.__version__)
    prefix = "quantized_" if "--int8" in sys.argv else ""
    for kind, shape in CASES:
        model, flops = globals()[prefix + kind](*shape)
        best = best_microseconds(model)
        print(f"{kind:10} {'x'.join(map(str, shape)):20} {best:9.1f} us {flops / best * 1e-3:7.1f} GFLOP/s",
              flush=True)
