"""What is multiplied: types, shapes, operands."""
from dataclasses import dataclass, field

import numpy as np

# Seven with few rows, as of decoders; squares; layers of transformers and of convolutional networks.
SHAPES = [
    "1x4096x4096", "4x4096x4096", "8x4096x14336", "16x4096x4096", "32x4096x14336", "64x4096x4096", "64x1024x1024",
    "128x128x128", "256x256x256", "512x512x512", "1024x1024x1024", "2048x2048x2048", "4096x4096x4096", "8192x8192x8192",
    "128x768x3072", "512x768x768", "2048x4096x11008", "197x768x768", "3136x576x64", "12544x147x64",
]

# What TensorProto calls them, and of which type results are.
TYPES = {
    "f16": ("FLOAT16", "FLOAT16"), "bf16": ("BFLOAT16", "BFLOAT16"), "tf32": ("FLOAT", "FLOAT"),
    "fp8": ("FLOAT8E4M3FN", "FLOAT"), "s8": ("INT8", "INT32"),
}
TOLERANCES = {"f16": 2e-3, "bf16": 2e-2, "tf32": 2e-3, "fp8": 1e-3, "s8": 0}


@dataclass
class Operands:
    """Addresses on the device."""

    a: int
    b: int
    b_transposed: int  # as cuBLAS wants it for types of a byte; otherwise b
    y: int
    driver: object

    def free(self):
        for address in {self.a, self.b, self.b_transposed, self.y}:
            self.driver.free(address)


def element(name):
    """numpy's type for one of TensorProto's."""
    import onnx
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(getattr(onnx.TensorProto, name))


@dataclass
class Product:
    type: str
    m: int
    k: int
    n: int
    options: list = field(default_factory=list)  # of tenon compile

    def __post_init__(self):
        self.input, self.output = TYPES[self.type]
        self.tolerance = TOLERANCES[self.type]
        rng = np.random.default_rng(self.m + self.k + self.n)
        scale = 127 if self.type == "s8" else 1
        make = lambda *shape: (rng.uniform(-1, 1, shape) * scale).astype(np.float32).astype(element(self.input))  # noqa: E731
        self.a, self.b = make(self.m, self.k), make(self.k, self.n)
        # Floats of 8 bits are multiplied by columns alone, on the device and by cuBLAS.
        self.transposes = self.type == "fp8"

    def model(self):
        from onnx import TensorProto, helper

        info = lambda name, kind, *shape: helper.make_tensor_value_info(name, getattr(TensorProto, kind), shape)  # noqa: E731
        nodes, constants = [], []
        if self.type == "s8":
            nodes = [helper.make_node("MatMulInteger", ["a", "b"], ["y"])]
        elif self.type == "fp8":
            constants = [helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])]
            nodes = [helper.make_node("DequantizeLinear", [name, "one"], [name + "_f"]) for name in "ab"]
            nodes.append(helper.make_node("Gemm", ["a_f", "b_f"], ["y"], transB=1))
        else:
            nodes = [helper.make_node("MatMul", ["a", "b"], ["y"])]
        graph = helper.make_graph(
            nodes, "product", [info("a", self.input, self.m, self.k), info("b", self.input, *self.right_shape())],
            [info("y", self.output, self.m, self.n)], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
        model.ir_version = 10
        return model

    def right_shape(self):
        return (self.n, self.k) if self.transposes else (self.k, self.n)

    def flops(self):
        return 2 * self.m * self.k * self.n

    def result_bytes(self):
        return self.m * self.n * element(self.output).itemsize

    def bytes(self):
        return self.a.nbytes + self.b.nbytes + self.result_bytes()

    def upload(self, driver):
        def put(data):
            address = driver.allocate(data.nbytes)
            driver.upload(address, np.ascontiguousarray(data).view(np.uint8))
            return address

        b = put(self.b)
        transposed = put(self.b.T) if self.b.itemsize == 1 else b
        return Operands(put(self.a), b, transposed, driver.allocate(self.result_bytes()), driver)

    def download_rows(self, driver, operands, rows):
        result = np.zeros((min(rows, self.m), self.n), element(self.output))
        driver.download(operands.y, result.view(np.uint8))
        return result.astype(np.float64)

    def reference(self, rows):
        return self.a[:rows].astype(np.float64) @ self.b.astype(np.float64)


def make(kind, shape):
    m, k, n = map(int, shape.split("x"))
    return Product(kind, m, k, n)
