"""Tenon's runtime by its C interface: models in the device's memory, in a stream of the caller's."""
import ctypes

DEVICE_MEMORY = 1


class Tensor(ctypes.Structure):
    """tenon_tensor."""

    _fields_ = [("dtype", ctypes.c_int32), ("rank", ctypes.c_int32), ("dims", ctypes.POINTER(ctypes.c_int64)),
                ("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t), ("capacity", ctypes.c_size_t),
                ("memory", ctypes.c_int32), ("reserved", ctypes.c_int32)]


class ContextOptions(ctypes.Structure):
    """tenon_context_options."""

    _fields_ = [("threads", ctypes.c_int32), ("pin_threads", ctypes.c_int32), ("pin_first", ctypes.c_int32),
                ("parallel_for", ctypes.c_void_p), ("parallel_for_user", ctypes.c_void_p),
                ("parallel_for_width", ctypes.c_int32), ("workspace", ctypes.c_void_p),
                ("workspace_size", ctypes.c_size_t), ("stream", ctypes.c_void_p)]


def tensor(dtype, shape, data, size):
    return Tensor(dtype, len(shape), (ctypes.c_int64 * len(shape))(*shape), data, size, size, DEVICE_MEMORY, 0)


class Runtime:
    """A compiled model and a context of it."""

    def __init__(self, build, library, stream):
        self.library = ctypes.CDLL(str(build / "lib" / "libtenon_runtime.so"))
        self.library.tenon_last_error.restype = ctypes.c_char_p
        self.model, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("tenon_model_load", str(library).encode(), ctypes.byref(self.model))
        options = ContextOptions(threads=1, stream=stream)
        self.call("tenon_context_create", self.model, ctypes.byref(options), ctypes.byref(self.context))
        self.tensors = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.tenon_context_free(self.context)
        self.library.tenon_model_free(self.model)

    def call(self, name, *arguments):
        if getattr(self.library, name)(*arguments):
            raise RuntimeError(self.library.tenon_last_error().decode())

    def run(self, product, operands):
        """Puts the product into the stream."""
        if operands.a not in self.tensors:
            from onnx import TensorProto

            kind = getattr(TensorProto, product.input)
            inputs = (Tensor * 2)(tensor(kind, (product.m, product.k), operands.a, product.a.nbytes),
                                  tensor(kind, product.right_shape(),
                                         operands.b_transposed if product.transposes else operands.b, product.b.nbytes))
            self.tensors[operands.a] = inputs, (Tensor * 1)(tensor(0, (), operands.y, product.result_bytes()))
        inputs, outputs = self.tensors[operands.a]
        self.call("tenon_run", self.context, inputs, 2, outputs, 1)
