// Runs a grid: clusters of blocks, several at a time on threads of the host.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_LAUNCH_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_LAUNCH_H

#include "lib/CudaSimulator/Execute/Counters.h"
#include "lib/CudaSimulator/Execute/Fault.h"
#include "lib/CudaSimulator/Execute/Options.h"
#include "lib/CudaSimulator/Memory/DeviceMemory.h"
#include <atomic>
#include <optional>

namespace tenon::sim {

/// A launch of a kernel; what it points to lives as long as the launch.
struct LaunchRequest {
  const Program *program = nullptr;
  const DeviceMemory *memory = nullptr;
  const Options *options = nullptr;
  uint32_t grid[3] = {1, 1, 1};
  uint32_t block[3] = {1, 1, 1};
  uint32_t cluster[3] = {1, 1, 1};
  uint64_t dynamicSharedBytes = 0;
  /// It may have begun before the kernel in front of it ended: warps must wait for that.
  bool overlaps = false;
  std::vector<uint8_t> parameters;
  uint64_t id = 0; ///< numbers launches; the order of execution depends on it
  unsigned multiprocessors = 1;

  uint32_t threadsPerBlock() const { return block[0] * block[1] * block[2]; }
  uint32_t blocksPerCluster() const { return cluster[0] * cluster[1] * cluster[2]; }
};

/// The first fault of a launch, with its place in the message.
struct LaunchFault {
  FaultKind kind;
  std::string message;
};

struct LaunchResult {
  Counters counters;
  std::optional<LaunchFault> fault;
};

LaunchResult runLaunch(const LaunchRequest &request);

} // namespace tenon::sim

#endif
