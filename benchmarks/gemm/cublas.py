"""Matrix products by cuBLAS (libcublasLt), by its C interface.

cuBLAS counts by columns: y = a b by rows is yT = bT aT by columns, which needs no transposing. Products of types of a byte are
there only for a first operand that is transposed, so those get b by columns.
"""
import ctypes

WORKSPACE = 64 << 20
# cudaDataType.
DATA = {"f16": 2, "bf16": 14, "tf32": 0, "fp8": 28, "s8": 3}
RESULT = {"f16": 2, "bf16": 14, "tf32": 0, "fp8": 0, "s8": 10}
# cublasComputeType_t: f32, tf32, i32; and the cudaDataType of alpha and beta.
COMPUTE = {"f16": (68, 0), "bf16": (68, 0), "tf32": (77, 0), "fp8": (68, 0), "s8": (72, 10)}
TRANSPOSE_A, MAX_WORKSPACE = 3, 1  # attributes of a description and of a preference


class Heuristic(ctypes.Structure):
    """cublasLtMatmulHeuristicResult_t."""

    _fields_ = [("algorithm", ctypes.c_uint64 * 8), ("workspace", ctypes.c_size_t), ("state", ctypes.c_int),
                ("waves", ctypes.c_float), ("reserved", ctypes.c_int * 4)]


class CublasLt:
    def __init__(self, library, driver):
        self.library, self.driver = library, driver
        self.handle = ctypes.c_void_p()
        self.call("cublasLtCreate", ctypes.byref(self.handle))
        self.workspace = driver.allocate(WORKSPACE)

    @staticmethod
    def open(driver):
        """None where there is none."""
        for name in ("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so"):
            try:
                return CublasLt(ctypes.CDLL(name), driver)
            except OSError:
                continue
        print("without cuBLAS: there is no libcublasLt.so")
        return None

    def call(self, name, *arguments):
        if status := getattr(self.library, name)(*arguments):
            raise RuntimeError(f"{name} gives {status}")

    def layout(self, kind, rows, columns):
        layout = ctypes.c_void_p()
        self.call("cublasLtMatrixLayoutCreate", ctypes.byref(layout), kind, ctypes.c_uint64(rows), ctypes.c_uint64(columns),
                  ctypes.c_int64(rows))
        return layout

    def plan(self, product):
        return Plan(self, product)


class Plan:
    """What stays the same for all runs of a product."""

    def __init__(self, cublas, product):
        self.cublas = cublas
        kind, compute = DATA[product.type], COMPUTE[product.type]
        self.is_transposed = product.b.itemsize == 1
        self.description, preference, count = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_int()
        cublas.call("cublasLtMatmulDescCreate", ctypes.byref(self.description), *compute)
        transpose = ctypes.c_int32(int(self.is_transposed))
        cublas.call("cublasLtMatmulDescSetAttribute", self.description, TRANSPOSE_A, ctypes.byref(transpose),
                    ctypes.c_size_t(4))
        self.first = cublas.layout(kind, *((product.k, product.n) if self.is_transposed else (product.n, product.k)))
        self.second = cublas.layout(kind, product.k, product.m)
        self.result = cublas.layout(RESULT[product.type], product.n, product.m)
        cublas.call("cublasLtMatmulPreferenceCreate", ctypes.byref(preference))
        most = ctypes.c_size_t(WORKSPACE)
        cublas.call("cublasLtMatmulPreferenceSetAttribute", preference, MAX_WORKSPACE, ctypes.byref(most), ctypes.c_size_t(8))
        self.heuristic = Heuristic()
        cublas.call("cublasLtMatmulAlgoGetHeuristic", cublas.handle, self.description, self.first, self.second, self.result,
                    self.result, preference, 1, ctypes.byref(self.heuristic), ctypes.byref(count))
        if not count.value:
            raise RuntimeError("cuBLAS has no algorithm for it")
        number = ctypes.c_int32 if product.type == "s8" else ctypes.c_float
        self.alpha, self.beta = number(1), number(0)

    def run(self, operands):
        first = operands.b_transposed if self.is_transposed else operands.b
        pointer = ctypes.c_void_p
        self.cublas.call("cublasLtMatmul", self.cublas.handle, self.description, ctypes.byref(self.alpha), pointer(first),
                         self.first, pointer(operands.a), self.second, ctypes.byref(self.beta), pointer(operands.y),
                         self.result, pointer(operands.y), self.result, ctypes.byref(self.heuristic.algorithm),
                         pointer(self.cublas.workspace), ctypes.c_size_t(WORKSPACE), self.cublas.driver.stream)
