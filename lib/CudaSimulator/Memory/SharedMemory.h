// The shared memory of one block, with what its detectors know about each byte.
#ifndef TENON_LIB_CUDASIMULATOR_MEMORY_SHAREDMEMORY_H
#define TENON_LIB_CUDASIMULATOR_MEMORY_SHAREDMEMORY_H

#include "lib/CudaSimulator/Execute/Options.h"
#include "lib/CudaSimulator/Execute/VectorClock.h"
#include <cstdint>
#include <map>
#include <memory>
#include <string>

namespace tenon::sim {

/// Who accesses shared memory, and what it knows of others.
struct Accessor {
  unsigned actor = 0; ///< its place in vector clocks
  int lane = 0;       ///< of the warp; -1 for accesses of the whole warp or of the copy engine
  const VectorClock *clock = nullptr;
  /// Accesses that may race with each other: atomics, volatile ones and those with an order.
  bool strong = false;
};

/// An mbarrier object (PTX ISA 9.7.13.15, "mbarrier"). Its 64 bits in memory are opaque to
/// programs; here they are a token that changes with the state, so that a program that overwrites
/// it is found out.
struct Mbarrier {
  uint32_t expected = 0; ///< arrivals of the next phase
  uint32_t pending = 0;  ///< arrivals still missing in this phase
  int64_t transactions = 0;
  uint64_t phase = 0;                   ///< how many have completed
  VectorClock arriving;                 ///< joined by the arrivals of this phase
  VectorClock completed;                ///< of the phases before
  VectorClock distantArriving;          ///< by those of other blocks that release to the cluster
  VectorClock distantCompleted;         ///< of the phases before
  std::map<unsigned, uint64_t> waiting; ///< actor → the phase that it saw incomplete
};

/// Addresses here are offsets into the shared window of the block, whose first `firstOffset` bytes
/// are the system's, as on hardware.
///
/// Where a check fails, functions throw Fault with a message that says which byte, what happened to
/// it before, and by whom.
class SharedMemory {
public:
  /// CUDA reserves 1 KiB per block from compute capability 8.0 on.
  static constexpr uint64_t firstOffset = 1024;

  /// Starts a block: `bytes` of memory, none of it written, accessed by `actors`. Memory is reused
  /// from the block before.
  void start(uint64_t bytes, unsigned actors, const Options &options);

  uint64_t end() const { return firstOffset + size; }

  /// The bytes for reading by an ordinary load; checks bounds, alignment, what was written, and
  /// races.
  const uint8_t *read(uint64_t offset, uint64_t bytes, const Accessor &by);

  /// The bytes for writing, which then count as written.
  uint8_t *write(uint64_t offset, uint64_t bytes, const Accessor &by);

  /// The bytes for reading by the asynchronous proxy (bulk copies, wgmma), which sees what ordinary
  /// stores wrote only after a fence.proxy.async of the writer, or of the reader, which then knew
  /// `fenced`.
  const uint8_t *readAsync(uint64_t offset, uint64_t bytes, const Accessor &by,
                           const VectorClock &fenced);
  /// An actor's fence.proxy.async: what it wrote up to this count is visible to both.
  void noteFence(unsigned actor, uint32_t count) { fences[actor] = count; }

  /// Bytes that an asynchronous copy reads at some time until `finishRead`: nobody may write them.
  void startRead(uint64_t offset, uint64_t bytes);
  const uint8_t *finishRead(uint64_t offset, uint64_t bytes);

  /// Starts an asynchronous copy into the bytes: they are poisoned, and whoever touches them before
  /// `deliver` is at fault.
  void startCopy(uint64_t offset, uint64_t bytes, const Accessor &by);
  uint8_t *deliver(uint64_t offset, uint64_t bytes, const Accessor &by);

  /// Bounds and alignment only.
  uint8_t *raw(uint64_t offset, uint64_t bytes, int lane);

  /// The clock that st.release and ld.acquire of an address pass on.
  VectorClock &releasedAt(uint64_t offset) { return released[offset]; }

  Mbarrier &initialiseMbarrier(uint64_t offset, uint32_t count, const Accessor &by);
  /// A valid object. @throws Fault if there is none, or its bytes were overwritten.
  Mbarrier &mbarrierAt(uint64_t offset, int lane);
  void invalidateMbarrier(uint64_t offset, int lane);
  /// The token of an mbarrier's state (`mbarrier.arrive` returns it).
  static uint64_t tokenOf(const Mbarrier &barrier) { return barrier.phase; }

  const std::map<uint64_t, Mbarrier> &mbarriers() const { return barriers; }

private:
  enum State : uint8_t {
    Written = 1,
    InFlight = 2,
    IsMbarrier = 4,
    StrongWrite = 8,
    BeingRead = 16
  };

  /// The last write of a byte.
  struct Write {
    uint32_t count;
    uint16_t actor;
    int16_t lane;
  };

  void checkState(uint64_t offset, uint64_t bytes, const Accessor &by, bool writing);
  void checkOverlap(uint64_t offset, uint64_t bytes, const Accessor &by, bool writing);
  void recordRead(uint64_t at, const Accessor &by);
  void recordWrite(uint64_t at, const Accessor &by);
  [[noreturn]] void failRace(uint64_t at, const Accessor &by, const char *what, unsigned actor,
                             int lane);

  uint64_t size = 0;
  unsigned actors = 0;
  uint32_t base = 0; ///< added to counts, so that what blocks before left is over
  uint32_t highest = 0;
  bool checkRaces = true, checkUninitialised = true;
  uint64_t room = 0;
  unsigned roomActors = 0;
  std::unique_ptr<uint8_t[]> data, state;
  std::unique_ptr<Write[], void (*)(void *)> writes{nullptr, nullptr};
  std::unique_ptr<uint32_t[], void (*)(void *)> reads{nullptr, nullptr};
  std::map<uint64_t, Mbarrier> barriers;
  std::map<uint64_t, VectorClock> released;
  std::vector<uint32_t> fences; ///< by actor
};

} // namespace tenon::sim

#endif
