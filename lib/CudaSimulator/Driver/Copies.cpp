// Copies and fills. Which side of a copy is the device follows from the address; a name says which
// it should be. A copy from pageable memory of the host takes the bytes at once, one to it waits,
// and only pinned memory is read and written when the stream gets there, as on hardware.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstring>

namespace tenon::sim {

uint8_t *Driver::resolve(DevicePointer address, size_t bytes, bool writes, Result &error) {
  const Allocation *allocation = memory->find(address);
  if (!allocation) {
    error = refuse(InvalidValue, "a copy or fill: " + memory->explain(address));
    return nullptr;
  }
  if (!allocation->contains(address, bytes)) {
    error =
        refuse(InvalidValue, "a copy or fill of " + std::to_string(bytes) +
                                 " bytes exceeds memory of " + std::to_string(allocation->bytes));
    return nullptr;
  }
  uint64_t offset = address - allocation->address;
  if (writes && allocation->written)
    std::memset(allocation->written + offset, 1, bytes);
  return allocation->data + offset;
}

Result Driver::copyNow(DevicePointer to, DevicePointer from, size_t bytes) {
  const Allocation *target = memory->find(to), *source = memory->find(from);
  Result error = Success;
  uint8_t *out = target ? resolve(to, bytes, true, error) : reinterpret_cast<uint8_t *>(to);
  uint8_t *in = source ? resolve(from, bytes, false, error) : reinterpret_cast<uint8_t *>(from);
  if (!out || !in)
    return error;
  std::memmove(out, in, bytes);
  // Bytes that were never written stay so.
  if (target && source && target->written && source->written)
    std::memmove(target->written + (to - target->address),
                 source->written + (from - source->address), bytes);
  return Success;
}

namespace {

/// A copy as a call asks for it.
struct CopyRequest {
  const char *name;
  DevicePointer to, from;
  size_t bytes;
  bool toDevice, fromDevice; ///< must be known memory
};

} // namespace

static Result check(Driver &driver, const CopyRequest &request) {
  Result error = Success;
  if (request.bytes == 0)
    return Success;
  if (!request.to || !request.from)
    return InvalidValue;
  if (request.toDevice && !driver.resolve(request.to, request.bytes, false, error))
    return error;
  if (request.fromDevice && !driver.resolve(request.from, request.bytes, false, error))
    return error;
  return Success;
}

static bool isPageable(Driver &driver, DevicePointer address) {
  return driver.memory->find(address) == nullptr;
}

static Result copyAsync(Driver &driver, Context &context, void *handle,
                        const CopyRequest &request) {
  Stream *stream = driver.findStream(context, handle);
  if (!stream)
    return InvalidHandle;
  Result result = check(driver, request);
  if (result != Success || request.bytes == 0)
    return result;
  bool staged = isPageable(driver, request.from) && !stream->capturing;
  if (staged) {
    auto *bytes = reinterpret_cast<const uint8_t *>(request.from);
    auto copy = std::make_shared<std::vector<uint8_t>>(bytes, bytes + request.bytes);
    return driver.enqueue(context, *stream, request.name, [&driver, copy, to = request.to] {
      return driver.copyNow(to, reinterpret_cast<uint64_t>(copy->data()), copy->size());
    });
  }
  result = driver.enqueue(context, *stream, request.name,
                          [&driver, to = request.to, from = request.from, bytes = request.bytes] {
                            return driver.copyNow(to, from, bytes);
                          });
  bool waits = isPageable(driver, request.to) && !stream->capturing;
  return result == Success && waits ? driver.completeStream(context, *stream) : result;
}

static Result copySync(Driver &driver, Context &context, const CopyRequest &request) {
  Result result = copyAsync(driver, context, nullptr, request);
  return result == Success ? driver.completeStream(context, context.defaultStream) : result;
}

template <typename T>
static Result fill(Driver &driver, Context &context, void *handle, DevicePointer address,
                   size_t pitch, T value, size_t width, size_t height, bool waits) {
  Stream *stream = driver.findStream(context, handle);
  if (!stream)
    return InvalidHandle;
  Result error = Success;
  if (address % sizeof(T))
    return InvalidValue;
  if (width == 0 || height == 0)
    return Success;
  size_t bytes = pitch * (height - 1) + width * sizeof(T);
  if (!driver.resolve(address, bytes, false, error))
    return error;
  error =
      driver.enqueue(context, *stream, "cuMemset", [&driver, address, pitch, value, width, height] {
        Result result = Success;
        for (size_t row = 0; row < height; ++row) {
          uint8_t *data = driver.resolve(address + row * pitch, width * sizeof(T), true, result);
          if (!data)
            return result;
          for (size_t i = 0; i < width; ++i)
            std::memcpy(data + i * sizeof(T), &value, sizeof(T));
        }
        return Success;
      });
  return error == Success && waits ? driver.completeStream(context, *stream) : error;
}

/// The first byte of one side of a copy of two dimensions.
static DevicePointer startOf(int type, const void *host, DevicePointer device, size_t x, size_t y,
                             size_t pitch) {
  DevicePointer base = type == MemoryHost ? reinterpret_cast<uint64_t>(host) : device;
  return base + y * pitch + x;
}

static Result copy2D(Driver &driver, Context &context, const Copy2D *copy, void *handle,
                     bool waits) {
  if (!copy)
    return InvalidValue;
  if (copy->sourceType == MemoryArray || copy->targetType == MemoryArray)
    return refuse(NotSupported, "copies of arrays");
  DevicePointer from = startOf(copy->sourceType, copy->sourceHost, copy->sourceDevice,
                               copy->sourceX, copy->sourceY, copy->sourcePitch);
  DevicePointer to = startOf(copy->targetType, copy->targetHost, copy->targetDevice, copy->targetX,
                             copy->targetY, copy->targetPitch);
  size_t sourcePitch = copy->sourcePitch ? copy->sourcePitch : copy->width;
  size_t targetPitch = copy->targetPitch ? copy->targetPitch : copy->width;
  if (copy->width > sourcePitch || copy->width > targetPitch)
    return InvalidValue;
  for (size_t row = 0; row < copy->height; ++row) {
    CopyRequest request{
        "cuMemcpy2D", to + row * targetPitch,           from + row * sourcePitch,
        copy->width,  copy->targetType == MemoryDevice, copy->sourceType == MemoryDevice};
    Result result = copyAsync(driver, context, handle, request);
    if (result != Success)
      return result;
  }
  Stream *stream = driver.findStream(context, handle);
  return waits ? driver.completeStream(context, *stream) : Success;
}

} // namespace tenon::sim

using namespace tenon::sim;

static DevicePointer pointer(const void *host) { return reinterpret_cast<uint64_t>(host); }

TENON_CUDA_SIM_API Result cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t bytes) {
  return enterContext("cuMemcpyHtoD", [&](Driver &driver, Context &context) {
    return copySync(driver, context, {"cuMemcpyHtoD", to, pointer(from), bytes, true, false});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyDtoH_v2(void *to, DevicePointer from, size_t bytes) {
  return enterContext("cuMemcpyDtoH", [&](Driver &driver, Context &context) {
    return copySync(driver, context, {"cuMemcpyDtoH", pointer(to), from, bytes, false, true});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyDtoD_v2(DevicePointer to, DevicePointer from, size_t bytes) {
  return enterContext("cuMemcpyDtoD", [&](Driver &driver, Context &context) {
    return copySync(driver, context, {"cuMemcpyDtoD", to, from, bytes, true, true});
  });
}
TENON_CUDA_SIM_API Result cuMemcpy(DevicePointer to, DevicePointer from, size_t bytes) {
  return enterContext("cuMemcpy", [&](Driver &driver, Context &context) {
    return copySync(driver, context, {"cuMemcpy", to, from, bytes, false, false});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t bytes,
                                               void *stream) {
  return enterContext("cuMemcpyHtoDAsync", [&](Driver &driver, Context &context) {
    return copyAsync(driver, context, stream,
                     {"cuMemcpyHtoDAsync", to, pointer(from), bytes, true, false});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t bytes,
                                               void *stream) {
  return enterContext("cuMemcpyDtoHAsync", [&](Driver &driver, Context &context) {
    return copyAsync(driver, context, stream,
                     {"cuMemcpyDtoHAsync", pointer(to), from, bytes, false, true});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes,
                                               void *stream) {
  return enterContext("cuMemcpyDtoDAsync", [&](Driver &driver, Context &context) {
    return copyAsync(driver, context, stream, {"cuMemcpyDtoDAsync", to, from, bytes, true, true});
  });
}
TENON_CUDA_SIM_API Result cuMemcpyAsync(DevicePointer to, DevicePointer from, size_t bytes,
                                        void *stream) {
  return enterContext("cuMemcpyAsync", [&](Driver &driver, Context &context) {
    return copyAsync(driver, context, stream, {"cuMemcpyAsync", to, from, bytes, false, false});
  });
}
TENON_CUDA_SIM_API Result cuMemcpy2D_v2(const Copy2D *copy) {
  return enterContext("cuMemcpy2D", [&](Driver &driver, Context &context) {
    return copy2D(driver, context, copy, nullptr, true);
  });
}
TENON_CUDA_SIM_API Result cuMemcpy2DUnaligned_v2(const Copy2D *copy) { return cuMemcpy2D_v2(copy); }
TENON_CUDA_SIM_API Result cuMemcpy2DAsync_v2(const Copy2D *copy, void *stream) {
  return enterContext("cuMemcpy2DAsync", [&](Driver &driver, Context &context) {
    return copy2D(driver, context, copy, stream, false);
  });
}

/// The six fills of each width, `cuMemsetD8_v2` and so on.
#define TENON_CUDA_SIM_FILL(bits, T)                                                               \
  TENON_CUDA_SIM_API Result cuMemsetD##bits##_v2(DevicePointer to, T value, size_t count) {        \
    return enterContext("cuMemsetD" #bits, [&](Driver &driver, Context &context) {                 \
      return fill<T>(driver, context, nullptr, to, 0, value, count, 1, true);                      \
    });                                                                                            \
  }                                                                                                \
  TENON_CUDA_SIM_API Result cuMemsetD##bits##Async(DevicePointer to, T value, size_t count,        \
                                                   void *stream) {                                 \
    return enterContext("cuMemsetD" #bits "Async", [&](Driver &driver, Context &context) {         \
      return fill<T>(driver, context, stream, to, 0, value, count, 1, false);                      \
    });                                                                                            \
  }                                                                                                \
  TENON_CUDA_SIM_API Result cuMemsetD2D##bits##_v2(DevicePointer to, size_t pitch, T value,        \
                                                   size_t width, size_t height) {                  \
    return enterContext("cuMemsetD2D" #bits, [&](Driver &driver, Context &context) {               \
      return fill<T>(driver, context, nullptr, to, pitch, value, width, height, true);             \
    });                                                                                            \
  }                                                                                                \
  TENON_CUDA_SIM_API Result cuMemsetD2D##bits##Async(DevicePointer to, size_t pitch, T value,      \
                                                     size_t width, size_t height, void *stream) {  \
    return enterContext("cuMemsetD2D" #bits "Async", [&](Driver &driver, Context &context) {       \
      return fill<T>(driver, context, stream, to, pitch, value, width, height, false);             \
    });                                                                                            \
  }

TENON_CUDA_SIM_FILL(8, uint8_t)
TENON_CUDA_SIM_FILL(16, uint16_t)
TENON_CUDA_SIM_FILL(32, uint32_t)
