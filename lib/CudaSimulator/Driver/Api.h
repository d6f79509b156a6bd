// The part of the CUDA driver's binary interface that the simulator has: numbers and layouts as in
// CUDA 12 and 13. Declared here so that building needs no CUDA; test/unit/simulator compares them
// with cuda.h where that is installed.
#ifndef TENON_LIB_CUDASIMULATOR_DRIVER_API_H
#define TENON_LIB_CUDASIMULATOR_DRIVER_API_H

#include <cstddef>
#include <cstdint>

/// Marks what the shared library exports.
#define TENON_CUDA_SIM_API extern "C" __attribute__((visibility("default")))

namespace tenon::sim {

/// CUresult.
enum Result : int {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  Deinitialized = 4,
  InvalidDevice = 101,
  InvalidImage = 200,
  InvalidContext = 201,
  NoBinaryForGpu = 209,
  InvalidPtx = 218,
  UnsupportedPtxVersion = 222,
  InvalidHandle = 400,
  NotFound = 500,
  NotReady = 600,
  IllegalAddressResult = 700,
  LaunchOutOfResources = 701,
  LaunchTimeout = 702,
  PrimaryContextActive = 708,
  HostMemoryAlreadyRegistered = 712,
  HostMemoryNotRegistered = 713,
  IllegalInstructionResult = 715,
  MisalignedAddressResult = 716,
  InvalidAddressSpaceResult = 717,
  LaunchFailed = 719,
  CooperativeLaunchTooLarge = 720,
  NotPermitted = 800,
  NotSupported = 801,
  StreamCaptureUnsupported = 900,
  StreamCaptureInvalidated = 901,
  StreamCaptureUnmatched = 903,
  StreamCaptureUnjoined = 904,
  StreamCaptureIsolation = 905,
  CapturedEvent = 907,
  GraphExecUpdateFailure = 910,
  InvalidClusterSize = 912,
};

using DevicePointer = unsigned long long; ///< CUdeviceptr
using Device = int;                       ///< CUdevice

/// CUlaunchAttribute.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    uint32_t clusterDimensions[3];
    int number;
  } value;
};

enum LaunchAttributeId : int {
  AttributeIgnore = 0,
  AttributeAccessPolicyWindow = 1,
  AttributeCooperative = 2,
  AttributeSynchronizationPolicy = 3,
  AttributeClusterDimension = 4,
  AttributeClusterSchedulingPolicy = 5,
  AttributeProgrammaticStreamSerialization = 6,
  AttributePriority = 8,
  AttributeMemSyncDomainMap = 9,
  AttributeMemSyncDomain = 10,
  AttributePreferredSharedMemoryCarveout = 14,
};

/// CUlaunchConfig.
struct LaunchConfig {
  uint32_t grid[3];
  uint32_t block[3];
  uint32_t sharedBytes;
  void *stream;
  LaunchAttribute *attributes;
  uint32_t attributeCount;
};

/// CUDA_MEMCPY2D.
struct Copy2D {
  size_t sourceX, sourceY;
  int sourceType;
  const void *sourceHost;
  DevicePointer sourceDevice;
  void *sourceArray;
  size_t sourcePitch;
  size_t targetX, targetY;
  int targetType;
  void *targetHost;
  DevicePointer targetDevice;
  void *targetArray;
  size_t targetPitch;
  size_t width, height;
};

enum MemoryType : int { MemoryHost = 1, MemoryDevice = 2, MemoryArray = 3, MemoryUnified = 4 };

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct KernelNodeParameters {
  void *function;
  uint32_t grid[3];
  uint32_t block[3];
  uint32_t sharedBytes;
  void **arguments;
  void **extra;
  void *kernel;
  void *context;
};

/// CUtensorMap, which is opaque: lib/CudaSimulator/Execute/TensorMap.h says what is in it here.
struct alignas(64) TensorMapBytes {
  uint64_t words[16];
};

/// What cuLaunchKernel's `extra` lists.
inline constexpr uintptr_t extraEnd = 0, extraBuffer = 1, extraBufferSize = 2;

} // namespace tenon::sim

#endif
