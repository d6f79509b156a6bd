// What mbarriers do, for the instructions and for the copies that complete on them.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_MBARRIERS_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_MBARRIERS_H

#include "lib/CudaSimulator/Execute/Block.h"

namespace tenon::sim {

/// Who sees what somebody did before it arrived, when the phase is complete: PTX ISA 8.3 and 8.8,
/// of releases and acquires whose scopes include each other.
enum class Release {
  None,    ///< nobody: relaxed, or to the own block alone, at a barrier of another one
  Block,   ///< whoever waits: it is in the same block
  Cluster, ///< who acquires at the scope of the cluster: from another block
};

/// `count` arrivals of somebody who knows `clock`. @throws Fault if more arrive than are missing.
void arriveAt(Cluster &cluster, SharedMemory &shared, uint64_t offset, uint32_t count,
              Release release, const VectorClock &clock, int lane);

/// Transactions that the phase has still to see (`bytes` > 0), or that are done (`bytes` < 0).
void addTransactions(Cluster &cluster, SharedMemory &shared, uint64_t offset, int64_t bytes,
                     const VectorClock &clock, int lane);

} // namespace tenon::sim

#endif
