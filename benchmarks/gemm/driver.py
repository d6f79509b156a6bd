"""The CUDA driver by its C interface: memory, a stream, events."""
import ctypes
import time
from contextlib import contextmanager

# Tenon's targets by compute capability.
TARGETS = {80: "sm_80", 86: "sm_86", 89: "sm_89", 90: "sm_90a", 100: "sm_100", 120: "sm_120"}


class Timing:
    seconds = 0.0


class Driver:
    """The first device of a library with the driver's functions; its primary context is current from here on."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.is_simulated = hasattr(self.library, "tenon_cuda_sim_calls")
        context, self.stream = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuInit", 0)
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)
        self.call("cuStreamCreate", ctypes.byref(self.stream), 1)
        self.capability = 10 * self.attribute(75) + self.attribute(76)
        self.l2_bytes = self.attribute(38)
        text = ctypes.create_string_buffer(256)
        self.call("cuDeviceGetName", text, 256, 0)
        self.name = text.value.decode()

    def call(self, name, *arguments):
        if result := getattr(self.library, name)(*arguments):
            raise RuntimeError(f"{name} gives {result}")

    def attribute(self, number):
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), number, 0)
        return value.value

    def allocate(self, size):
        address = ctypes.c_uint64()
        self.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def free(self, address):
        self.call("cuMemFree_v2", ctypes.c_uint64(address))

    def upload(self, address, data):
        self.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), data.ctypes.data_as(ctypes.c_void_p),
                  ctypes.c_size_t(data.nbytes))

    def download(self, address, data):
        self.call("cuMemcpyDtoH_v2", data.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint64(address),
                  ctypes.c_size_t(data.nbytes))

    @contextmanager
    def timing(self):
        """How long the stream takes for what is put into it meanwhile."""
        timing, events = Timing(), [ctypes.c_void_p(), ctypes.c_void_p()]
        for event in events:
            self.call("cuEventCreate", ctypes.byref(event), 0)
        self.call("cuStreamSynchronize", self.stream)
        self.call("cuEventRecord", events[0], self.stream)
        yield timing
        self.call("cuEventRecord", events[1], self.stream)
        self.call("cuEventSynchronize", events[1])
        milliseconds = ctypes.c_float()
        self.call("cuEventElapsedTime", ctypes.byref(milliseconds), *events)
        timing.seconds = max(milliseconds.value, 1e-6) / 1e3
        for event in events:
            self.call("cuEventDestroy_v2", event)

    def settle(self, seconds):
        """Keeps the device busy for so long."""
        size = 64 << 20
        memory = self.allocate(size) if seconds else 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.call("cuMemsetD8Async", ctypes.c_uint64(memory), ctypes.c_ubyte(0), ctypes.c_size_t(size), self.stream)
            self.call("cuStreamSynchronize", self.stream)
        if memory:
            self.free(memory)
