// The simulator's own declarations of the driver's interface against NVIDIA's header, where that is
// installed.

#include "lib/CudaSimulator/Driver/Api.h"
#include "gtest/gtest.h"
#if __has_include(<cuda.h>)
#include <cuda.h>
#endif

namespace tenon::sim {

#ifdef CUDA_VERSION

TEST(ApiTest, AgreesWithNvidiasHeader) {
  EXPECT_EQ(int(InvalidValue), int(CUDA_ERROR_INVALID_VALUE));
  EXPECT_EQ(int(OutOfMemory), int(CUDA_ERROR_OUT_OF_MEMORY));
  EXPECT_EQ(int(NotInitialized), int(CUDA_ERROR_NOT_INITIALIZED));
  EXPECT_EQ(int(InvalidDevice), int(CUDA_ERROR_INVALID_DEVICE));
  EXPECT_EQ(int(InvalidImage), int(CUDA_ERROR_INVALID_IMAGE));
  EXPECT_EQ(int(InvalidContext), int(CUDA_ERROR_INVALID_CONTEXT));
  EXPECT_EQ(int(NoBinaryForGpu), int(CUDA_ERROR_NO_BINARY_FOR_GPU));
  EXPECT_EQ(int(InvalidPtx), int(CUDA_ERROR_INVALID_PTX));
  EXPECT_EQ(int(UnsupportedPtxVersion), int(CUDA_ERROR_UNSUPPORTED_PTX_VERSION));
  EXPECT_EQ(int(InvalidHandle), int(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_EQ(int(NotFound), int(CUDA_ERROR_NOT_FOUND));
  EXPECT_EQ(int(NotReady), int(CUDA_ERROR_NOT_READY));
  EXPECT_EQ(int(IllegalAddressResult), int(CUDA_ERROR_ILLEGAL_ADDRESS));
  EXPECT_EQ(int(LaunchTimeout), int(CUDA_ERROR_LAUNCH_TIMEOUT));
  EXPECT_EQ(int(IllegalInstructionResult), int(CUDA_ERROR_ILLEGAL_INSTRUCTION));
  EXPECT_EQ(int(MisalignedAddressResult), int(CUDA_ERROR_MISALIGNED_ADDRESS));
  EXPECT_EQ(int(InvalidAddressSpaceResult), int(CUDA_ERROR_INVALID_ADDRESS_SPACE));
  EXPECT_EQ(int(LaunchFailed), int(CUDA_ERROR_LAUNCH_FAILED));
  EXPECT_EQ(int(NotSupported), int(CUDA_ERROR_NOT_SUPPORTED));
  EXPECT_EQ(int(StreamCaptureUnsupported), int(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  EXPECT_EQ(int(StreamCaptureInvalidated), int(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
  EXPECT_EQ(int(StreamCaptureUnjoined), int(CUDA_ERROR_STREAM_CAPTURE_UNJOINED));
  EXPECT_EQ(int(GraphExecUpdateFailure), int(CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE));
  EXPECT_EQ(int(InvalidClusterSize), int(CUDA_ERROR_INVALID_CLUSTER_SIZE));

  EXPECT_EQ(int(AttributeCooperative), int(CU_LAUNCH_ATTRIBUTE_COOPERATIVE));
  EXPECT_EQ(int(AttributeClusterDimension), int(CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION));
  EXPECT_EQ(int(AttributeProgrammaticStreamSerialization),
            int(CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION));
  EXPECT_EQ(int(AttributePriority), int(CU_LAUNCH_ATTRIBUTE_PRIORITY));

  EXPECT_EQ(sizeof(LaunchConfig), sizeof(CUlaunchConfig));
  EXPECT_EQ(offsetof(LaunchConfig, stream), offsetof(CUlaunchConfig, hStream));
  EXPECT_EQ(offsetof(LaunchConfig, attributeCount), offsetof(CUlaunchConfig, numAttrs));
  EXPECT_EQ(sizeof(LaunchAttribute), sizeof(CUlaunchAttribute));
  EXPECT_EQ(offsetof(LaunchAttribute, value), offsetof(CUlaunchAttribute, value));
  EXPECT_EQ(sizeof(Copy2D), sizeof(CUDA_MEMCPY2D));
  EXPECT_EQ(offsetof(Copy2D, targetDevice), offsetof(CUDA_MEMCPY2D, dstDevice));
  EXPECT_EQ(offsetof(Copy2D, height), offsetof(CUDA_MEMCPY2D, Height));
  EXPECT_EQ(sizeof(KernelNodeParameters), sizeof(CUDA_KERNEL_NODE_PARAMS_v2));
  EXPECT_EQ(offsetof(KernelNodeParameters, kernel), offsetof(CUDA_KERNEL_NODE_PARAMS_v2, kern));
  EXPECT_EQ(sizeof(TensorMapBytes), sizeof(CUtensorMap));
  EXPECT_EQ(sizeof(DevicePointer), sizeof(CUdeviceptr));
}

#else

TEST(ApiTest, AgreesWithNvidiasHeader) { GTEST_SKIP() << "cuda.h is not installed"; }

#endif

} // namespace tenon::sim
