// Launches of kernels, and attributes of functions.

#include "lib/CudaSimulator/Driver/Driver.h"
#include "lib/CudaSimulator/Driver/LaunchRequests.h"
#include <cstdio>
#include <cstring>

namespace tenon::sim {

static Result resultOf(FaultKind kind) {
  switch (kind) {
  case FaultKind::IllegalAddress:
    return IllegalAddressResult;
  case FaultKind::MisalignedAddress:
    return MisalignedAddressResult;
  case FaultKind::AddressSpace:
    return InvalidAddressSpaceResult;
  case FaultKind::IllegalInstruction:
    return IllegalInstructionResult;
  case FaultKind::Timeout:
    return LaunchTimeout;
  case FaultKind::Trap:
    return LaunchFailed;
  }
  return LaunchFailed;
}

Result Driver::runKernel(const KernelLaunch &launch) {
  LaunchRequest request = launch.request;
  request.id = ++launches;
  request.multiprocessors = multiprocessors();
  LaunchResult result = runLaunch(request);
  counters[request.program->name].add(result.counters);
  if (!result.fault)
    return Success;
  lastFault = result.fault->message;
  std::fprintf(stderr, "tenon_cuda_sim: %s (TENON_CUDA_SIM_SEED=%llu)\n", lastFault.c_str(),
               static_cast<unsigned long long>(options.seed));
  return resultOf(result.fault->kind);
}

static uint64_t product(const uint32_t (&values)[3]) {
  return uint64_t(values[0]) * values[1] * values[2];
}

static Result checkBlock(const Kernel &kernel, const LaunchRequest &request) {
  const Program &program = *kernel.program;
  if (product(request.block) == 0 || product(request.grid) == 0)
    return refuse(InvalidValue, program.name + ": an extent of the launch is zero");
  if (request.grid[1] > 65535 || request.grid[2] > 65535 || request.grid[0] > 2147483647)
    return refuse(InvalidValue, program.name + ": the grid is too large");
  if (product(request.block) > 1024 || request.block[2] > 64)
    return refuse(InvalidValue, program.name + ": the block has more than 1024 threads");
  if (program.maxThreads[0] && product(request.block) > product(program.maxThreads))
    return refuse(InvalidValue, program.name + ": the block has more threads than .maxntid says");
  if (program.requiredThreads[0] &&
      std::memcmp(request.block, program.requiredThreads, sizeof request.block) != 0)
    return refuse(InvalidValue,
                  program.name + ": the block has not the threads that .reqntid says");
  return Success;
}

static Result checkShared(const Driver &driver, const Kernel &kernel,
                          const LaunchRequest &request) {
  uint64_t whole = request.dynamicSharedBytes + kernel.program->staticSharedBytes;
  if (request.dynamicSharedBytes > static_cast<uint64_t>(kernel.maxDynamicSharedBytes) ||
      whole > driver.sharedPerBlockOptIn())
    return refuse(InvalidValue,
                  kernel.program->name + ": " + std::to_string(request.dynamicSharedBytes) +
                      " bytes of dynamic shared memory are more than the " +
                      std::to_string(kernel.maxDynamicSharedBytes) + " that are allowed");
  return Success;
}

static Result checkCluster(const Driver &driver, const Kernel &kernel,
                           const LaunchRequest &request) {
  const Program &program = *kernel.program;
  if (program.requiredCluster[0] &&
      std::memcmp(request.cluster, program.requiredCluster, sizeof request.cluster) != 0)
    return refuse(InvalidClusterSize,
                  program.name + ": the cluster is not what the kernel requires");
  uint64_t blocks = product(request.cluster);
  if (blocks == 1)
    return Success;
  if (driver.options.major < 9)
    return refuse(NotSupported, program.name + ": this device has no clusters");
  if (blocks == 0 || blocks > (kernel.allowsLargeClusters ? 16u : 8u))
    return refuse(InvalidClusterSize, program.name + ": a cluster of " + std::to_string(blocks));
  for (unsigned i = 0; i < 3; ++i)
    if (request.grid[i] % request.cluster[i])
      return refuse(InvalidValue, program.name + ": the cluster does not divide the grid");
  return Success;
}

/// The arguments as the kernel's bytes: from a list of pointers, or from one buffer.
static Result packArguments(const Program &program, void **arguments, void **extra,
                            std::vector<uint8_t> &bytes) {
  bytes.assign(program.parameterBytes, 0);
  if (arguments && extra)
    return InvalidValue;
  if (extra) {
    const void *buffer = nullptr;
    size_t size = 0;
    for (; reinterpret_cast<uintptr_t>(extra[0]) != extraEnd; extra += 2) {
      auto kind = reinterpret_cast<uintptr_t>(extra[0]);
      if (kind == extraBuffer)
        buffer = extra[1];
      else if (kind == extraBufferSize)
        size = *static_cast<const size_t *>(extra[1]);
      else
        return InvalidValue;
    }
    if (size < bytes.size() || (size && !buffer))
      return refuse(InvalidValue, program.name + ": the buffer of arguments has " +
                                      std::to_string(size) + " bytes of " +
                                      std::to_string(bytes.size()));
    if (!bytes.empty())
      std::memcpy(bytes.data(), buffer, bytes.size());
    return Success;
  }
  for (size_t i = 0; i < program.parameters.size(); ++i) {
    if (!arguments || !arguments[i])
      return refuse(InvalidValue, program.name + ": argument " + std::to_string(i) + " is missing");
    std::memcpy(&bytes[program.parameters[i].offset], arguments[i], program.parameters[i].bytes);
  }
  return Success;
}

static Result applyAttributes(const LaunchConfig &config, LaunchRequest &request) {
  if (config.attributeCount && !config.attributes)
    return InvalidValue;
  for (unsigned i = 0; i < config.attributeCount; ++i) {
    const LaunchAttribute &attribute = config.attributes[i];
    switch (attribute.id) {
    case AttributeClusterDimension:
      std::memcpy(request.cluster, attribute.value.clusterDimensions, sizeof request.cluster);
      break;
    case AttributeProgrammaticStreamSerialization:
      request.overlaps = attribute.value.number != 0;
      break;
    case AttributeCooperative:
      if (attribute.value.number)
        return refuse(NotSupported, "cooperative launches");
      break;
    case AttributeIgnore:
    case AttributeAccessPolicyWindow:
    case AttributeSynchronizationPolicy:
    case AttributeClusterSchedulingPolicy:
    case AttributePriority:
    case AttributeMemSyncDomainMap:
    case AttributeMemSyncDomain:
    case AttributePreferredSharedMemoryCarveout:
      break;
    default:
      return refuse(NotSupported, "launch attribute " + std::to_string(attribute.id));
    }
  }
  return Success;
}

Result makeLaunch(Driver &driver, Kernel &kernel, const LaunchConfig &config, void **arguments,
                  void **extra, KernelLaunch &launch) {
  launch.kernel = &kernel;
  LaunchRequest &request = launch.request;
  request.program = kernel.program.get();
  request.memory = driver.memory.get();
  request.options = &driver.options;
  std::memcpy(request.grid, config.grid, sizeof request.grid);
  std::memcpy(request.block, config.block, sizeof request.block);
  request.dynamicSharedBytes = config.sharedBytes;
  if (kernel.program->requiredCluster[0])
    std::memcpy(request.cluster, kernel.program->requiredCluster, sizeof request.cluster);
  Result result = applyAttributes(config, request);
  for (auto check : {checkBlock(kernel, request), checkShared(driver, kernel, request),
                     checkCluster(driver, kernel, request)})
    if (result == Success)
      result = check;
  return result == Success ? packArguments(*kernel.program, arguments, extra, request.parameters)
                           : result;
}

static Result launch(Driver &driver, Context &context, const LaunchConfig &config, void *function,
                     void **arguments, void **extra) {
  auto *kernel = driver.find<Kernel>(function);
  Stream *stream = driver.findStream(context, config.stream);
  if (!kernel || !stream)
    return InvalidHandle;
  auto made = std::make_shared<KernelLaunch>();
  Result result = makeLaunch(driver, *kernel, config, arguments, extra, *made);
  return result == Success ? driver.enqueueLaunch(context, *stream, std::move(made)) : result;
}

/// CUfunction_attribute.
static Result getAttribute(const Driver &driver, const Kernel &kernel, int attribute, int &value) {
  const Program &program = *kernel.program;
  int capability = static_cast<int>(driver.options.major * 10 + driver.options.minor);
  switch (attribute) {
  case 0:
    value = program.maxThreads[0] ? static_cast<int>(product(program.maxThreads)) : 1024;
    return Success;
  case 1:
    value = static_cast<int>(program.staticSharedBytes);
    return Success;
  case 2:
    value = 0;
    return Success;
  case 3:
    value = static_cast<int>(program.localBytes);
    return Success;
  case 4:
    value = static_cast<int>(program.registersPerThread);
    return Success;
  case 5:
    value = static_cast<int>(kernel.module->source.version);
    return Success;
  case 6:
    value = capability;
    return Success;
  case 7:
    value = 0;
    return Success;
  case 8:
    value = kernel.maxDynamicSharedBytes;
    return Success;
  case 9:
    value = kernel.carveout;
    return Success;
  case 10:
    value = 0;
    return Success;
  case 11:
  case 12:
  case 13:
    value = static_cast<int>(program.requiredCluster[attribute - 11]);
    return Success;
  case 14:
    value = kernel.allowsLargeClusters;
    return Success;
  case 15:
    value = 0;
    return Success;
  default:
    return InvalidValue;
  }
}

static Result setAttribute(const Driver &driver, Kernel &kernel, int attribute, int value) {
  switch (attribute) {
  case 8: {
    int64_t limit =
        static_cast<int64_t>(driver.sharedPerBlockOptIn()) - kernel.program->staticSharedBytes;
    if (value < 0 || value > limit)
      return refuse(InvalidValue, kernel.program->name + ": " + std::to_string(value) +
                                      " bytes of dynamic shared memory; at most " +
                                      std::to_string(limit) + " are possible");
    kernel.maxDynamicSharedBytes = value;
    return Success;
  }
  case 9:
    if (value < -1 || value > 100)
      return InvalidValue;
    kernel.carveout = value;
    return Success;
  case 14:
    kernel.allowsLargeClusters = value != 0;
    return Success;
  default:
    return InvalidValue;
  }
}

/// How many blocks of a kernel fit on a multiprocessor, by threads and shared memory.
static int occupancy(const Driver &driver, const Kernel &kernel, int blockSize, size_t dynamic) {
  int threads = driver.options.major == 9 || driver.options.minor == 0 ? 2048 : 1536;
  uint64_t shared = kernel.program->staticSharedBytes + dynamic + 1024;
  int byShared = static_cast<int>(driver.sharedPerMultiprocessor() / shared);
  return std::min({threads / ((blockSize + 31) / 32 * 32), byShared, 32});
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuLaunchKernel(void *function, unsigned gridX, unsigned gridY,
                                         unsigned gridZ, unsigned blockX, unsigned blockY,
                                         unsigned blockZ, unsigned sharedBytes, void *stream,
                                         void **arguments, void **extra) {
  return enterContext("cuLaunchKernel", [&](Driver &driver, Context &context) {
    LaunchConfig config{
        {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes, stream, nullptr, 0};
    return launch(driver, context, config, function, arguments, extra);
  });
}

TENON_CUDA_SIM_API Result cuLaunchKernelEx(const LaunchConfig *config, void *function,
                                           void **arguments, void **extra) {
  return enterContext("cuLaunchKernelEx", [&](Driver &driver, Context &context) {
    return config ? launch(driver, context, *config, function, arguments, extra) : InvalidValue;
  });
}

TENON_CUDA_SIM_API Result cuFuncGetAttribute(int *value, int attribute, void *function) {
  return enterContext("cuFuncGetAttribute", [&](Driver &driver, Context &) {
    auto *kernel = driver.find<Kernel>(function);
    if (!kernel || !value)
      return kernel ? InvalidValue : InvalidHandle;
    return getAttribute(driver, *kernel, attribute, *value);
  });
}

TENON_CUDA_SIM_API Result cuFuncSetAttribute(void *function, int attribute, int value) {
  return enterContext("cuFuncSetAttribute", [&](Driver &driver, Context &) {
    auto *kernel = driver.find<Kernel>(function);
    return kernel ? setAttribute(driver, *kernel, attribute, value) : InvalidHandle;
  });
}

TENON_CUDA_SIM_API Result cuKernelGetAttribute(int *value, int attribute, void *kernel, Device) {
  return cuFuncGetAttribute(value, attribute, kernel);
}
TENON_CUDA_SIM_API Result cuKernelSetAttribute(int attribute, int value, void *kernel, Device) {
  return cuFuncSetAttribute(kernel, attribute, value);
}

TENON_CUDA_SIM_API Result cuFuncSetCacheConfig(void *function, int) {
  return enterContext("cuFuncSetCacheConfig", [&](Driver &driver, Context &) {
    return driver.find<Kernel>(function) ? Success : InvalidHandle;
  });
}

TENON_CUDA_SIM_API Result cuFuncGetModule(void **module, void *function) {
  return enterContext("cuFuncGetModule", [&](Driver &driver, Context &) {
    auto *kernel = driver.find<Kernel>(function);
    if (!kernel || !module)
      return kernel ? InvalidValue : InvalidHandle;
    *module = kernel->module;
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuFuncGetName(const char **name, void *function) {
  return enterContext("cuFuncGetName", [&](Driver &driver, Context &) {
    auto *kernel = driver.find<Kernel>(function);
    if (!kernel || !name)
      return kernel ? InvalidValue : InvalidHandle;
    *name = kernel->program->name.c_str();
    return Success;
  });
}

TENON_CUDA_SIM_API Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function,
                                                                      int blockSize,
                                                                      size_t dynamic) {
  return enterContext("cuOccupancyMaxActiveBlocksPerMultiprocessor",
                      [&](Driver &driver, Context &) {
                        auto *kernel = driver.find<Kernel>(function);
                        if (!kernel || !blocks || blockSize <= 0)
                          return kernel ? InvalidValue : InvalidHandle;
                        *blocks = occupancy(driver, *kernel, blockSize, dynamic);
                        return Success;
                      });
}
