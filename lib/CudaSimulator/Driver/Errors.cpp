// Names and descriptions of results.

#include "lib/CudaSimulator/Driver/Driver.h"

namespace tenon::sim {

namespace {

struct ResultText {
  int result;
  const char *name, *description;
};

} // namespace

static constexpr ResultText resultTexts[] = {
    {0, "CUDA_SUCCESS", "no error"},
    {1, "CUDA_ERROR_INVALID_VALUE", "an argument is invalid"},
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {3, "CUDA_ERROR_NOT_INITIALIZED", "the driver is not initialised"},
    {4, "CUDA_ERROR_DEINITIALIZED", "the driver is shutting down"},
    {100, "CUDA_ERROR_NO_DEVICE", "there is no device"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "there is no such device"},
    {200, "CUDA_ERROR_INVALID_IMAGE", "the image of a module is invalid"},
    {201, "CUDA_ERROR_INVALID_CONTEXT", "no valid context is current"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "the module holds no code for this device"},
    {218, "CUDA_ERROR_INVALID_PTX", "the PTX cannot be compiled"},
    {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND", "the compiler for PTX was not found"},
    {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the PTX is of a later version"},
    {301, "CUDA_ERROR_FILE_NOT_FOUND", "file not found"},
    {400, "CUDA_ERROR_INVALID_HANDLE", "a handle is invalid"},
    {401, "CUDA_ERROR_ILLEGAL_STATE", "a resource is in a state that does not allow this"},
    {500, "CUDA_ERROR_NOT_FOUND", "a name was not found"},
    {600, "CUDA_ERROR_NOT_READY", "work is not finished yet"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "a kernel accessed an illegal address"},
    {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "a launch asks for more than the device has"},
    {702, "CUDA_ERROR_LAUNCH_TIMEOUT", "a kernel did not end"},
    {708, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "the primary context is active"},
    {712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "the memory is registered already"},
    {713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "the memory is not registered"},
    {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION", "a kernel met an illegal instruction"},
    {716, "CUDA_ERROR_MISALIGNED_ADDRESS", "a kernel accessed a misaligned address"},
    {717, "CUDA_ERROR_INVALID_ADDRESS_SPACE", "an address is in another space"},
    {719, "CUDA_ERROR_LAUNCH_FAILED", "a kernel failed"},
    {720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "a cooperative launch does not fit"},
    {800, "CUDA_ERROR_NOT_PERMITTED", "the operation is not permitted"},
    {801, "CUDA_ERROR_NOT_SUPPORTED", "the operation is not supported"},
    {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "a stream that captures does not allow this"},
    {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "the capture failed earlier"},
    {902, "CUDA_ERROR_STREAM_CAPTURE_MERGE", "two captures would be merged"},
    {903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the stream did not begin the capture"},
    {904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "a stream was not joined into the capture"},
    {905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "a dependency leads out of the capture"},
    {906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "the default stream would be waited for"},
    {907, "CUDA_ERROR_CAPTURED_EVENT", "the event was recorded in a capture"},
    {910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "a graph differs too much for an update"},
    {912, "CUDA_ERROR_INVALID_CLUSTER_SIZE", "the size of a cluster is invalid"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

static const ResultText *findText(int result) {
  for (const ResultText &text : resultTexts)
    if (text.result == result)
      return &text;
  return nullptr;
}

} // namespace tenon::sim

using namespace tenon::sim;

TENON_CUDA_SIM_API Result cuGetErrorName(int result, const char **name) {
  const ResultText *text = findText(result);
  if (name)
    *name = text ? text->name : nullptr;
  return text && name ? Success : InvalidValue;
}

TENON_CUDA_SIM_API Result cuGetErrorString(int result, const char **description) {
  const ResultText *text = findText(result);
  if (description)
    *description = text ? text->description : nullptr;
  return text && description ? Success : InvalidValue;
}
