// Memory of the device and pinned memory of the host.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstdlib>
#include <cstring>

namespace tenon::sim {

static Result allocate(Driver &driver, Context &context, DevicePointer *address, size_t bytes) {
  if (!address || bytes == 0)
    return InvalidValue;
  const Allocation *allocation = driver.memory->allocate(bytes);
  if (!allocation)
    return OutOfMemory;
  context.allocations.insert(allocation->address);
  *address = allocation->address;
  return Success;
}

static Result freeDevice(Driver &driver, Context &context, DevicePointer address) {
  const Allocation *allocation = driver.memory->find(address);
  if (!allocation || allocation->address != address ||
      allocation->kind != Allocation::Kind::Device || !context.allocations.count(address))
    return refuse(InvalidValue,
                  "memory is freed that is not allocated: " + driver.memory->explain(address));
  driver.memory->free(address);
  context.allocations.erase(address);
  return Success;
}

static Result addHost(Driver &driver, Context &context, void *data, size_t bytes,
                      Allocation::Kind kind) {
  if (!driver.memory->addHost(data, bytes, kind))
    return HostMemoryAlreadyRegistered;
  context.allocations.insert(reinterpret_cast<uint64_t>(data));
  return Success;
}

static Result removeHost(Driver &driver, Context &context, void *data, Allocation::Kind kind,
                         Result notFound) {
  auto address = reinterpret_cast<uint64_t>(data);
  const Allocation *allocation = driver.memory->find(address);
  if (!allocation || allocation->address != address || allocation->kind != kind)
    return notFound;
  Result result = driver.completeAll(context);
  driver.memory->free(address);
  context.allocations.erase(address);
  return result;
}

static Result allocateHost(Driver &driver, Context &context, void **data, size_t bytes) {
  if (!data || bytes == 0)
    return InvalidValue;
  void *memory = nullptr;
  if (posix_memalign(&memory, 4096, bytes))
    return OutOfMemory;
  // What nobody wrote is no zeros on hardware either.
  std::memset(memory, 0xff, bytes);
  Result result = addHost(driver, context, memory, bytes, Allocation::Kind::HostAllocated);
  if (result != Success)
    std::free(memory);
  else
    *data = memory;
  return result;
}

/// Writes one attribute of an address (CUpointer_attribute).
static Result getAttribute(Driver &driver, void *value, int attribute, DevicePointer address) {
  const Allocation *allocation = driver.memory->find(address);
  if (!allocation)
    return InvalidValue;
  bool device = allocation->written != nullptr;
  auto write = [&](auto number) { std::memcpy(value, &number, sizeof number); };
  switch (attribute) {
  case 1:
    write(static_cast<void *>(driver.current()));
    return Success;
  case 2:
    write(static_cast<unsigned>(device ? MemoryDevice : MemoryHost));
    return Success;
  case 3:
    write(address);
    return Success;
  case 4:
    if (device)
      return InvalidValue;
    write(reinterpret_cast<void *>(address));
    return Success;
  case 7:
    write(static_cast<unsigned long long>(allocation->id));
    return Success;
  case 6:
  case 8:
  case 10:
  case 15:
    write(static_cast<unsigned>(0));
    return Success;
  case 9:
    write(0);
    return Success;
  case 11:
    write(allocation->address);
    return Success;
  case 12:
    write(static_cast<size_t>(allocation->bytes));
    return Success;
  case 13:
    write(static_cast<unsigned>(1));
    return Success;
  default:
    return refuse(NotSupported, "pointer attribute " + std::to_string(attribute));
  }
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuMemGetInfo_v2(size_t *available, size_t *total) {
  return enterContext("cuMemGetInfo", [&](Driver &driver, Context &) {
    if (available)
      *available = driver.memory->available();
    if (total)
      *total = driver.memory->capacity();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuMemAlloc_v2(DevicePointer *address, size_t bytes) {
  return enterContext("cuMemAlloc", [&](Driver &driver, Context &context) {
    return allocate(driver, context, address, bytes);
  });
}

TENON_CUDA_SIM_API Result cuMemAllocPitch_v2(DevicePointer *address, size_t *pitch, size_t width,
                                             size_t height, unsigned elementBytes) {
  return enterContext("cuMemAllocPitch", [&](Driver &driver, Context &context) {
    if (!pitch || (elementBytes != 4 && elementBytes != 8 && elementBytes != 16))
      return InvalidValue;
    *pitch = (width + 511) / 512 * 512;
    return allocate(driver, context, address, *pitch * height);
  });
}

TENON_CUDA_SIM_API Result cuMemFree_v2(DevicePointer address) {
  return enterContext("cuMemFree", [&](Driver &driver, Context &context) {
    if (address == 0)
      return Success;
    // Freeing waits for the device.
    Result result = driver.completeAll(context);
    return result == Success ? freeDevice(driver, context, address) : result;
  });
}

TENON_CUDA_SIM_API Result cuMemAllocAsync(DevicePointer *address, size_t bytes, void *stream) {
  return enterContext("cuMemAllocAsync", [&](Driver &driver, Context &context) {
    Stream *found = driver.findStream(context, stream);
    if (!found)
      return InvalidHandle;
    if (found->capturing)
      return refuse(NotSupported, "allocations in graphs");
    return allocate(driver, context, address, bytes);
  });
}

TENON_CUDA_SIM_API Result cuMemFreeAsync(DevicePointer address, void *stream) {
  return enterContext("cuMemFreeAsync", [&](Driver &driver, Context &context) {
    Stream *found = driver.findStream(context, stream);
    if (!found)
      return InvalidHandle;
    if (found->capturing)
      return refuse(NotSupported, "allocations in graphs");
    if (!driver.memory->find(address) || !context.allocations.count(address))
      return InvalidValue;
    return driver.enqueue(context, *found, "cuMemFreeAsync", [&driver, &context, address] {
      return freeDevice(driver, context, address);
    });
  });
}

// There is one pool. Its attributes are kept and mean nothing.

TENON_CUDA_SIM_API Result cuDeviceGetDefaultMemPool(void **pool, Device device) {
  return enter("cuDeviceGetDefaultMemPool", [&](Driver &driver) {
    if (!pool)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    *pool = driver.memory.get();
    return Success;
  });
}
TENON_CUDA_SIM_API Result cuDeviceGetMemPool(void **pool, Device device) {
  return cuDeviceGetDefaultMemPool(pool, device);
}

TENON_CUDA_SIM_API Result cuMemPoolSetAttribute(void *pool, int attribute, void *value) {
  return enter("cuMemPoolSetAttribute", [&](Driver &driver) {
    if (pool != driver.memory.get() || !value || attribute < 1 || attribute > 8)
      return InvalidValue;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuMemPoolGetAttribute(void *pool, int attribute, void *value) {
  return enter("cuMemPoolGetAttribute", [&](Driver &driver) {
    if (pool != driver.memory.get() || !value || attribute < 1 || attribute > 8)
      return InvalidValue;
    uint64_t used = driver.memory->capacity() - driver.memory->available();
    if (attribute <= 3) {
      int enabled = 1;
      std::memcpy(value, &enabled, sizeof enabled);
    } else {
      uint64_t number = attribute == 4 ? 0 : used;
      std::memcpy(value, &number, sizeof number);
    }
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuMemPoolTrimTo(void *pool, size_t) {
  return enter("cuMemPoolTrimTo", [&](Driver &driver) {
    return pool == driver.memory.get() ? Success : InvalidValue;
  });
}

TENON_CUDA_SIM_API Result cuMemHostAlloc(void **data, size_t bytes, unsigned) {
  return enterContext("cuMemHostAlloc", [&](Driver &driver, Context &context) {
    return allocateHost(driver, context, data, bytes);
  });
}

TENON_CUDA_SIM_API Result cuMemAllocHost_v2(void **data, size_t bytes) {
  return enterContext("cuMemAllocHost", [&](Driver &driver, Context &context) {
    return allocateHost(driver, context, data, bytes);
  });
}

TENON_CUDA_SIM_API Result cuMemFreeHost(void *data) {
  return enterContext("cuMemFreeHost", [&](Driver &driver, Context &context) {
    Result result =
        removeHost(driver, context, data, Allocation::Kind::HostAllocated, InvalidValue);
    if (result == Success)
      std::free(data);
    return result;
  });
}

TENON_CUDA_SIM_API Result cuMemHostRegister_v2(void *data, size_t bytes, unsigned) {
  return enterContext("cuMemHostRegister", [&](Driver &driver, Context &context) {
    if (!data || bytes == 0)
      return InvalidValue;
    return addHost(driver, context, data, bytes, Allocation::Kind::HostRegistered);
  });
}

TENON_CUDA_SIM_API Result cuMemHostUnregister(void *data) {
  return enterContext("cuMemHostUnregister", [&](Driver &driver, Context &context) {
    return removeHost(driver, context, data, Allocation::Kind::HostRegistered,
                      HostMemoryNotRegistered);
  });
}

TENON_CUDA_SIM_API Result cuMemHostGetDevicePointer_v2(DevicePointer *address, void *data,
                                                       unsigned) {
  return enterContext("cuMemHostGetDevicePointer", [&](Driver &driver, Context &) {
    const Allocation *allocation = driver.memory->find(reinterpret_cast<uint64_t>(data));
    if (!address || !allocation || allocation->written)
      return InvalidValue;
    *address = reinterpret_cast<uint64_t>(data);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuMemHostGetFlags(unsigned *flags, void *data) {
  return enterContext("cuMemHostGetFlags", [&](Driver &driver, Context &) {
    const Allocation *allocation = driver.memory->find(reinterpret_cast<uint64_t>(data));
    if (!flags || !allocation || allocation->kind != Allocation::Kind::HostAllocated)
      return InvalidValue;
    *flags = 2; // mapped
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuMemGetAddressRange_v2(DevicePointer *base, size_t *bytes,
                                                  DevicePointer address) {
  return enterContext("cuMemGetAddressRange", [&](Driver &driver, Context &) {
    const Allocation *allocation = driver.memory->find(address);
    if (!allocation)
      return NotFound;
    if (base)
      *base = allocation->address;
    if (bytes)
      *bytes = allocation->bytes;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuPointerGetAttribute(void *value, int attribute, DevicePointer address) {
  return enterContext("cuPointerGetAttribute", [&](Driver &driver, Context &) {
    return value ? getAttribute(driver, value, attribute, address) : InvalidValue;
  });
}

TENON_CUDA_SIM_API Result cuPointerGetAttributes(unsigned count, int *attributes, void **values,
                                                 DevicePointer address) {
  return enterContext("cuPointerGetAttributes", [&](Driver &driver, Context &) {
    if (!attributes || !values)
      return InvalidValue;
    // Memory that is unknown here gives zeros, not an error.
    for (unsigned i = 0; i < count; ++i)
      if (getAttribute(driver, values[i], attributes[i], address) != Success)
        std::memset(values[i], 0, attributes[i] == 2 || attributes[i] >= 6 ? 4 : 8);
    return Success;
  });
}
