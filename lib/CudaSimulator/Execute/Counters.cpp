// Sums of counters: of the blocks of a launch, and of the launches of a kernel.

#include "lib/CudaSimulator/Execute/Counters.h"

namespace tenon::sim {

void Counters::add(const Counters &other) {
  launches += other.launches;
  warpInstructions += other.warpInstructions;
  threadInstructions += other.threadInstructions;
  for (unsigned i = 0; i < instructionKinds; ++i)
    byKind[i] += other.byKind[i];
  bankConflicts += other.bankConflicts;
  globalBytes += other.globalBytes;
  globalSectors += other.globalSectors;
  wastedBytes += other.wastedBytes;
  matrixInstructions += other.matrixInstructions;
  matrixProducts += other.matrixProducts;
}

} // namespace tenon::sim
