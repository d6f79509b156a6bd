// Vector clocks: which accesses of others a warp knows to be over.
//
// Every actor of a cluster (its warps, and one that stands for all asynchronous copies) counts its
// own synchronisations. A clock holds, for each actor, up to which count its accesses are known to
// be over. Who arrives at a barrier leaves its clock there, and who passes takes all of them along
// (Flanagan and Freund, "FastTrack", PLDI 2009).
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_VECTORCLOCK_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_VECTORCLOCK_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace tenon::sim {

struct VectorClock {
  std::vector<uint32_t> counts;

  VectorClock() = default;
  explicit VectorClock(unsigned actors) : counts(actors, 0) {}

  void join(const VectorClock &other) {
    if (counts.size() < other.counts.size())
      counts.resize(other.counts.size(), 0);
    for (size_t i = 0; i < other.counts.size(); ++i)
      counts[i] = std::max(counts[i], other.counts[i]);
  }
};

} // namespace tenon::sim

#endif
