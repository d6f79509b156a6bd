"""Kernels of PTX on the simulated GPU, through the driver's entry points."""

import ctypes
import os
import re
import tempfile
from contextlib import contextmanager

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


class Fault(Exception):
    """What the simulator said."""


class Simulator:
    def __init__(self, path, target):
        os.environ["TENON_CUDA_SIM"] = target
        # Much more than any of the kernels takes: a loop that never ends is found in a second.
        os.environ["TENON_CUDA_SIM_MAX_STEPS"] = str(1 << 18)
        os.environ["TENON_CUDA_SIM_LEAKS"] = ""
        self.library = ctypes.CDLL(path)
        self.library.tenon_cuda_sim_last_fault.restype = ctypes.c_char_p

    def call(self, name, *arguments):
        result = getattr(self.library, name)(*arguments)
        if result:
            fault = self.library.tenon_cuda_sim_last_fault().decode()
            raise Fault(fault or f"{name} returns {result}")

    def allocate(self, data):
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(data.nbytes))
        return address

    def run(self, ptx, inputs, outputs, blocks):
        """Runs the one kernel of a module on inputs, and fills outputs. Everything is forgotten before."""
        self.library.tenon_cuda_sim_reset()
        context, module, function = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)
        self.call("cuModuleLoadDataEx", ctypes.byref(module), ctypes.c_char_p(ptx.encode()), 0, None, None)
        entry = re.search(r"\.entry (\w+)\(", ptx).group(1)
        self.call("cuModuleGetFunction", ctypes.byref(function), module, entry.encode())
        addresses = [self.allocate(data) for data in [*inputs, *outputs]]
        for data, address in zip(inputs, addresses):
            self.call("cuMemcpyHtoD_v2", address, data.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(data.nbytes))
        parameters = (ctypes.c_void_p * len(addresses))(*[ctypes.addressof(address) for address in addresses])
        threads = int(re.search(r"\.reqntid (\d+)", ptx).group(1))
        self.call("cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, None, parameters, None)
        self.call("cuCtxSynchronize")
        for data, address in zip(outputs, addresses[len(inputs) :]):
            self.call("cuMemcpyDtoH_v2", data.ctypes.data_as(ctypes.c_void_p), address, ctypes.c_size_t(data.nbytes))


def differs(expected, results, tolerance):
    return not all(np.allclose(r, e, rtol=tolerance, atol=tolerance) for e, r in zip(expected, results))
