// cuGetProcAddress: entry points by the names that cuda.h gives them, in the newest version that
// there is here; and the entry points that there are only to say that they do nothing.

#include "lib/CudaSimulator/Driver/Driver.h"
#include <cstdio>
#include <cstring>
#include <dlfcn.h>

namespace tenon::sim {

/// This library as the dynamic linker knows it.
static void *ownLibrary() {
  static void *library = [] {
    Dl_info info{};
    if (!dladdr(reinterpret_cast<void *>(&ownLibrary), &info))
      return static_cast<void *>(nullptr);
    return dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  }();
  return library;
}

static void *findEntry(const std::string &name, int version) {
  // In CUDA 13 this function got one more parameter.
  if (name == "cuCtxCreate" && version >= 13000)
    return dlsym(ownLibrary(), "cuCtxCreate_v4");
  // From CUDA 11.4 on, this name means the function with flags.
  if (name == "cuGraphInstantiate")
    return dlsym(ownLibrary(), "cuGraphInstantiateWithFlags");
  for (const char *suffix : {"_v3", "_v2", ""})
    if (void *entry = dlsym(ownLibrary(), (name + suffix).c_str()))
      return entry;
  return nullptr;
}

static Result unsupported(const char *name) {
  return enter(
      name, [&](Driver &) { return refuse(NotSupported, std::string(name) + " is not simulated"); },
      false);
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuGetProcAddress_v2(const char *name, void **entry, int version, uint64_t,
                                              int *status) {
  return enter(
      "cuGetProcAddress",
      [&](Driver &) {
        if (!name || !entry)
          return InvalidValue;
        *entry = findEntry(name, version);
        if (status)
          *status = *entry ? 0 : 1;
        return *entry || status ? Success : NotFound;
      },
      false);
}

TENON_CUDA_SIM_API Result cuGetProcAddress(const char *name, void **entry, int version,
                                           uint64_t flags) {
  return cuGetProcAddress_v2(name, entry, version, flags, nullptr);
}

/// Callers may pass any arguments: a callee that takes none leaves them alone.
#define TENON_CUDA_SIM_UNSUPPORTED(name)                                                           \
  TENON_CUDA_SIM_API Result name() { return unsupported(#name); }

TENON_CUDA_SIM_UNSUPPORTED(cuArrayCreate_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuArray3DCreate_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuArrayDestroy)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxDisablePeerAccess)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxEnablePeerAccess)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxGetCacheConfig)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxGetLimit)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxSetCacheConfig)
TENON_CUDA_SIM_UNSUPPORTED(cuCtxSetLimit)
TENON_CUDA_SIM_UNSUPPORTED(cuDeviceCanAccessPeer)
TENON_CUDA_SIM_UNSUPPORTED(cuDeviceGetP2PAttribute)
TENON_CUDA_SIM_UNSUPPORTED(cuDeviceGetPCIBusId)
TENON_CUDA_SIM_UNSUPPORTED(cuDeviceSetMemPool)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphAddKernelNode_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphAddMemcpyNode)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphAddMemsetNode)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphAddNode_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphKernelNodeGetParams_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuGraphKernelNodeSetParams_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuIpcGetMemHandle)
TENON_CUDA_SIM_UNSUPPORTED(cuIpcOpenMemHandle_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuLaunchCooperativeKernel)
TENON_CUDA_SIM_UNSUPPORTED(cuLibraryLoadFromFile)
TENON_CUDA_SIM_UNSUPPORTED(cuLinkAddData_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuLinkAddFile_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuLinkComplete)
TENON_CUDA_SIM_UNSUPPORTED(cuLinkCreate_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuLinkDestroy)
TENON_CUDA_SIM_UNSUPPORTED(cuMemAddressReserve)
TENON_CUDA_SIM_UNSUPPORTED(cuMemAdvise_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuMemAllocFromPoolAsync)
TENON_CUDA_SIM_UNSUPPORTED(cuMemAllocManaged)
TENON_CUDA_SIM_UNSUPPORTED(cuMemCreate)
TENON_CUDA_SIM_UNSUPPORTED(cuMemMap)
TENON_CUDA_SIM_UNSUPPORTED(cuMemPoolCreate)
TENON_CUDA_SIM_UNSUPPORTED(cuMemPoolDestroy)
TENON_CUDA_SIM_UNSUPPORTED(cuMemPrefetchAsync_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuMemcpy3D_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuMemcpy3DAsync_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuMemcpyPeer)
TENON_CUDA_SIM_UNSUPPORTED(cuMemcpyPeerAsync)
TENON_CUDA_SIM_UNSUPPORTED(cuModuleLoad)
TENON_CUDA_SIM_UNSUPPORTED(cuModuleLoadFatBinary)
TENON_CUDA_SIM_UNSUPPORTED(cuOccupancyMaxActiveClusters)
TENON_CUDA_SIM_UNSUPPORTED(cuOccupancyMaxPotentialBlockSize)
TENON_CUDA_SIM_UNSUPPORTED(cuPointerSetAttribute)
TENON_CUDA_SIM_UNSUPPORTED(cuProfilerStart)
TENON_CUDA_SIM_UNSUPPORTED(cuProfilerStop)
TENON_CUDA_SIM_UNSUPPORTED(cuStreamAddCallback)
TENON_CUDA_SIM_UNSUPPORTED(cuStreamAttachMemAsync)
TENON_CUDA_SIM_UNSUPPORTED(cuStreamGetCaptureInfo_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuStreamWaitValue32_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuStreamWriteValue32_v2)
TENON_CUDA_SIM_UNSUPPORTED(cuTensorMapReplaceAddress)
