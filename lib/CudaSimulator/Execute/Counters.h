// What kernels did, for whoever judges generated code.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_COUNTERS_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_COUNTERS_H

#include "lib/CudaSimulator/Decode/Program.h"

namespace tenon::sim {

struct Counters {
  uint64_t launches = 0;
  uint64_t warpInstructions = 0;
  uint64_t threadInstructions = 0;
  uint64_t byKind[instructionKinds] = {}; ///< warp instructions
  /// Cycles that shared accesses take beyond one per 128 bytes, because lanes want different words
  /// of a bank.
  uint64_t bankConflicts = 0;
  uint64_t globalBytes = 0;        ///< asked for by ordinary loads and stores
  uint64_t globalSectors = 0;      ///< 32-byte sectors that these touch
  uint64_t wastedBytes = 0;        ///< of those sectors, asked for by no lane
  uint64_t matrixInstructions = 0; ///< mma and wgmma
  uint64_t matrixProducts = 0;     ///< multiplications in them

  void add(const Counters &other);
};

} // namespace tenon::sim

#endif
