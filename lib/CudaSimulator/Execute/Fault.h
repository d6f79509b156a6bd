// What ends a kernel early.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_FAULT_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_FAULT_H

#include <stdexcept>
#include <string>

namespace tenon::sim {

/// What hardware would say, as far as it would notice at all.
enum class FaultKind {
  IllegalAddress,     ///< CUDA_ERROR_ILLEGAL_ADDRESS
  MisalignedAddress,  ///< CUDA_ERROR_MISALIGNED_ADDRESS
  AddressSpace,       ///< CUDA_ERROR_INVALID_ADDRESS_SPACE
  IllegalInstruction, ///< CUDA_ERROR_ILLEGAL_INSTRUCTION
  Trap,               ///< CUDA_ERROR_LAUNCH_FAILED: trap, and all that only a simulator sees
  Timeout,            ///< CUDA_ERROR_LAUNCH_TIMEOUT: deadlocks and endless loops
};

/// Thrown by an instruction. Whoever runs it adds the kernel, the line, the block and the thread.
struct Fault : std::runtime_error {
  Fault(FaultKind kind, const std::string &message, int lane = -1)
      : std::runtime_error(message), kind(kind), lane(lane) {}
  FaultKind kind;
  int lane; ///< of the warp that runs; -1 where the whole warp is meant
};

} // namespace tenon::sim

#endif
