"""Kernels of PTX on a GPU or the simulated one, through the driver's entry points."""

import ctypes
import math
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np


@contextmanager
def quiet():
    """Whatever is written to stderr meanwhile goes nowhere: the simulator tells there of each fault."""
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@dataclass
class Launch:
    """What a launch gives a kernel beside its arguments: see tenon_kernel_desc in runtime/abi.h."""

    shared_bytes: int = 0
    # The numbers of a tenon_tensor_map_desc each.
    maps: list = field(default_factory=list)
    # Sizes that a run tells, which are arguments behind all buffers.
    sizes: list = field(default_factory=list)


class Fault(Exception):
    """What the driver, or the simulator, said."""


class Device:
    """The first device of a driver, which is a library's file."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.context = ctypes.c_void_p()

    def call(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result:
            raise Fault(self.explain(name, result))

    def explain(self, name, result):
        text = ctypes.c_char_p()
        self.library.cuGetErrorName(result, ctypes.byref(text))
        return f"{name} gives {(text.value or b'an unknown error').decode()}"

    def open(self):
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(self.context), 0)
        self.call("cuCtxSetCurrent", self.context)

    def capability(self):
        """As 80 for 8.0."""
        numbers = [ctypes.c_int(), ctypes.c_int()]
        for attribute, number in zip((75, 76), numbers):
            self.call("cuDeviceGetAttribute", ctypes.byref(number), attribute, 0)
        return 10 * numbers[0].value + numbers[1].value

    def name(self):
        text = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", text, 256, 0)
        return text.value.decode()

    def driver_version(self):
        version = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(version))
        return version.value

    def allocate(self, data):
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(data.nbytes))
        return address

    def make_map(self, numbers, addresses, run_sizes):
        """A tensor map, which begins at a multiple of 64 bytes."""
        argument, offset, kind, rank, row_bytes, *rest = numbers

        def size(factor, values):
            """A tenon_size_desc: `values` has a bit for each argument."""
            return factor * math.prod(own for i, own in enumerate(run_sizes, len(addresses)) if values >> i & 1)

        pairs = [size(*rest[i : i + 2]) for i in range(0, 18, 2)]
        sizes, strides, box, steps, reach = pairs[:5], pairs[5:], rest[18:23], rest[23:28], rest[29:32]
        memory = ctypes.create_string_buffer(192)
        start = -ctypes.addressof(memory) % 64
        longs, words, corner = ctypes.c_uint64 * 5, ctypes.c_uint32 * 5, ctypes.c_int * 3
        tensor = (ctypes.byref(memory, start), kind, rank, ctypes.c_void_p(addresses[argument].value + offset),
                  longs(*sizes), longs(*strides, 0))
        rest_of_both = (words(*steps), 0, {32: 1, 64: 2, 128: 3}[row_bytes], 0, 0)
        if rest[28]:
            corners = corner(0, 0, 0), corner(*[-distance for distance in reach])
            self.call("cuTensorMapEncodeIm2col", *tensor, *corners, box[0], box[1], *rest_of_both)
        else:
            self.call("cuTensorMapEncodeTiled", *tensor, words(*box), *rest_of_both)
        return memory, ctypes.addressof(memory) + start

    def run(self, ptx, inputs, outputs, blocks, launch=Launch()):
        """Runs the one kernel of a module on inputs, and fills outputs."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuModuleLoadDataEx", ctypes.byref(module), ctypes.c_char_p(ptx.encode()), 0, None, None)
        entry = re.search(r"\.entry (\w+)\(", ptx).group(1)
        self.call("cuModuleGetFunction", ctypes.byref(function), module, entry.encode())
        addresses = [self.allocate(data) for data in [*inputs, *outputs]]
        for data, address in zip(inputs, addresses):
            self.call("cuMemcpyHtoD_v2", address, data.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(data.nbytes))
        maps = [self.make_map(numbers, addresses, launch.sizes) for numbers in launch.maps]
        arguments = addresses + [ctypes.c_int64(size) for size in launch.sizes]
        places = [ctypes.addressof(argument) for argument in arguments] + [place for _, place in maps]
        parameters = (ctypes.c_void_p * len(places))(*places)
        threads = int(re.search(r"\.reqntid (\d+)", ptx).group(1))
        if launch.shared_bytes:
            most_dynamic_bytes = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            self.call("cuFuncSetAttribute", function, most_dynamic_bytes, launch.shared_bytes)
        self.call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, launch.shared_bytes, None, parameters, None)
        self.call("cuCtxSynchronize")
        for data, address in zip(outputs, addresses[len(inputs) :]):
            self.call("cuMemcpyDtoH_v2", data.ctypes.data_as(ctypes.c_void_p), address, ctypes.c_size_t(data.nbytes))
        for address in addresses:
            self.call("cuMemFree_v2", address)
        self.call("cuModuleUnload", module)


class Simulator(Device):
    """The simulated GPU, which begins anew for each kernel: after a fault it would be lost."""

    def __init__(self, path, target):
        os.environ["TENON_CUDA_SIM"] = target
        # Much more than any of the kernels takes: a loop that never ends is found in a second.
        os.environ["TENON_CUDA_SIM_MAX_STEPS"] = str(1 << 18)
        super().__init__(path)
        self.library.tenon_cuda_sim_last_fault.restype = ctypes.c_char_p

    def explain(self, name, result):
        return self.library.tenon_cuda_sim_last_fault().decode() or super().explain(name, result)

    def run(self, ptx, inputs, outputs, blocks, launch=Launch()):
        self.library.tenon_cuda_sim_reset()
        self.open()
        super().run(ptx, inputs, outputs, blocks, launch)


def differs(expected, results, tolerance):
    return not all(np.allclose(r, e, rtol=tolerance, atol=tolerance) for e, r in zip(expected, results))
