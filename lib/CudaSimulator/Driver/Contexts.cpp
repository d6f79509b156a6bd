// Primary and other contexts, which one is current, and what they leave behind.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstdio>

namespace tenon::sim {

std::string Driver::describeLeaks(const Context &context) const {
  std::string text;
  for (uint64_t address : context.allocations) {
    const Allocation *allocation = memory->find(address);
    if (!allocation || allocation->kind == Allocation::Kind::Module)
      continue;
    bool device = allocation->kind == Allocation::Kind::Device;
    char line[96];
    std::snprintf(line, sizeof line, "  %s memory of %llu bytes at 0x%llx\n",
                  device ? "device" : "host", static_cast<unsigned long long>(allocation->bytes),
                  static_cast<unsigned long long>(address));
    text += line;
  }
  std::map<std::string, unsigned> counts;
  for (const auto &[handle, object] : context.owned)
    ++counts[object->kind()];
  for (const auto &[handle, object] : graphs)
    ++counts[object->kind()];
  for (const auto &[kind, count] : counts)
    text += "  " + std::to_string(count) + " " + kind + (count > 1 ? "s\n" : "\n");
  return text;
}

void Driver::destroyContents(Context &context, bool report) {
  if (context.sticky == Success)
    completeAll(context);
  std::string leaks = describeLeaks(context);
  if (report && !leaks.empty())
    std::fprintf(stderr, "tenon_cuda_sim: a context is destroyed that still has:\n%s",
                 leaks.c_str());
  for (const auto &[handle, object] : context.owned) {
    if (auto *module = dynamic_cast<LoadedModule *>(object.get()))
      for (const auto &[name, kernel] : module->kernels)
        remove(kernel.get());
    remove(object.get());
  }
  context.owned.clear();
  for (uint64_t address : context.allocations)
    memory->free(address);
  context.allocations.clear();
  for (const auto &[handle, graph] : graphs)
    handles.erase(handle);
  graphs.clear();
}

static bool wantsLeakReport() {
  const char *wanted = std::getenv("TENON_CUDA_SIM_LEAKS");
  return wanted && *wanted && *wanted != '0';
}

static void destroyPrimary(Driver &driver) {
  driver.destroyContents(*driver.primary, wantsLeakReport() || driver.options.verbose);
  driver.remove(&driver.primary->defaultStream);
  driver.remove(driver.primary.get());
  driver.primary.reset();
}

static Context *makeContext(Driver &driver, std::unique_ptr<Context> &place) {
  place = std::make_unique<Context>();
  driver.add(place.get());
  return place.get();
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuDevicePrimaryCtxRetain(void **context, Device device) {
  return enter("cuDevicePrimaryCtxRetain", [&](Driver &driver) {
    if (!context)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    if (!driver.primary)
      makeContext(driver, driver.primary)->primary = true;
    ++driver.primary->references;
    *context = driver.primary.get();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDevicePrimaryCtxRelease_v2(Device device) {
  return enter("cuDevicePrimaryCtxRelease", [&](Driver &driver) {
    if (device != 0)
      return InvalidDevice;
    if (!driver.primary || driver.primary->references == 0)
      return InvalidContext;
    if (--driver.primary->references == 0)
      destroyPrimary(driver);
    return Success;
  });
}
TENON_CUDA_SIM_API Result cuDevicePrimaryCtxRelease(Device device) {
  return cuDevicePrimaryCtxRelease_v2(device);
}

TENON_CUDA_SIM_API Result cuDevicePrimaryCtxReset_v2(Device device) {
  return enter("cuDevicePrimaryCtxReset", [&](Driver &driver) {
    if (device != 0)
      return InvalidDevice;
    if (driver.primary)
      destroyPrimary(driver);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDevicePrimaryCtxGetState(Device device, unsigned *flags, int *active) {
  return enter("cuDevicePrimaryCtxGetState", [&](Driver &driver) {
    if (device != 0)
      return InvalidDevice;
    if (flags)
      *flags = driver.primary ? driver.primary->flags : 0;
    if (active)
      *active = driver.primary != nullptr;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuDevicePrimaryCtxSetFlags_v2(Device device, unsigned flags) {
  return enter("cuDevicePrimaryCtxSetFlags", [&](Driver &driver) {
    if (device != 0)
      return InvalidDevice;
    if (driver.primary)
      driver.primary->flags = flags;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxCreate_v2(void **context, unsigned flags, Device device) {
  return enter("cuCtxCreate", [&](Driver &driver) {
    if (!context)
      return InvalidValue;
    if (device != 0)
      return InvalidDevice;
    std::unique_ptr<Context> made;
    Context *result = makeContext(driver, made);
    result->flags = flags;
    driver.contexts[result] = std::move(made);
    driver.contextStack().push_back(result);
    *context = result;
    return Success;
  });
}

/// The parameters are about affinity, of which a simulated device has none.
TENON_CUDA_SIM_API Result cuCtxCreate_v4(void **context, void *parameters, unsigned flags,
                                         Device device) {
  return parameters ? NotSupported : cuCtxCreate_v2(context, flags, device);
}

TENON_CUDA_SIM_API Result cuCtxDestroy_v2(void *handle) {
  return enter("cuCtxDestroy", [&](Driver &driver) {
    auto it = driver.contexts.find(handle);
    if (it == driver.contexts.end())
      return InvalidContext;
    driver.destroyContents(*it->second, wantsLeakReport() || driver.options.verbose);
    driver.remove(it->second.get());
    if (driver.current() == nullptr && !driver.contextStack().empty())
      driver.contextStack().pop_back();
    driver.contexts.erase(it);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxSetCurrent(void *handle) {
  return enter("cuCtxSetCurrent", [&](Driver &driver) {
    std::vector<Context *> &stack = driver.contextStack();
    auto *context = driver.find<Context>(handle);
    if (handle && !context)
      return InvalidContext;
    if (!stack.empty())
      stack.pop_back();
    if (context)
      stack.push_back(context);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxGetCurrent(void **context) {
  return enter("cuCtxGetCurrent", [&](Driver &driver) {
    if (!context)
      return InvalidValue;
    *context = driver.current();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxPushCurrent_v2(void *handle) {
  return enter("cuCtxPushCurrent", [&](Driver &driver) {
    auto *context = driver.find<Context>(handle);
    if (!context)
      return InvalidContext;
    driver.contextStack().push_back(context);
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxPopCurrent_v2(void **context) {
  return enter("cuCtxPopCurrent", [&](Driver &driver) {
    std::vector<Context *> &stack = driver.contextStack();
    if (stack.empty())
      return InvalidContext;
    if (context)
      *context = stack.back();
    stack.pop_back();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxGetDevice(Device *device) {
  return enter("cuCtxGetDevice", [&](Driver &driver) {
    if (!device)
      return InvalidValue;
    if (!driver.current())
      return InvalidContext;
    *device = 0;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxGetApiVersion(void *, unsigned *version) {
  return enter("cuCtxGetApiVersion", [&](Driver &) {
    if (!version)
      return InvalidValue;
    *version = 3020;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  return enterContext("cuCtxGetStreamPriorityRange", [&](Driver &, Context &) {
    if (least)
      *least = 0;
    if (greatest)
      *greatest = -5;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuCtxSynchronize() {
  return enterContext("cuCtxSynchronize", [&](Driver &driver, Context &context) {
    return driver.completeAll(context);
  });
}
