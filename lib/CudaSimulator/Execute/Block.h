// A block (CTA): its warps, shared memory and barriers; and a cluster of blocks, which one thread
// of the host runs, warp by warp in an order drawn from the seed.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_BLOCK_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_BLOCK_H

#include "lib/CudaSimulator/Execute/Launch.h"
#include "lib/CudaSimulator/Execute/Warp.h"
#include <functional>
#include <random>

namespace tenon::sim {

class Cluster;

/// One of a block's 16 barriers (PTX ISA 9.7.13.1, "bar").
struct Barrier {
  /// A fragment that waits; `finish`, where there is one, writes the result of `bar.red`.
  struct Receiver {
    Warp *warp;
    LaneMask lanes;
    const Instruction *instruction;
    void (*finish)(Warp &, const Instruction &, LaneMask, uint32_t votes, uint32_t voters);
  };
  uint32_t expected = 0; ///< threads; 0: all of the block
  uint32_t arrived = 0;
  LaneMask arrivedWarps[2] = {0, 0}; ///< a set of up to 64 warps
  VectorClock clock;
  std::vector<Receiver> receivers;
  uint32_t votes = 0, voters = 0; ///< of `bar.red`
};

class Block {
public:
  static constexpr unsigned barrierCount = 16;

  Block(Cluster &cluster, unsigned rank);

  void start(const uint32_t (&ctaid)[3]);
  bool finished() const;

  /// A warp's lanes arrive at a barrier for `expected` threads (0: all).
  void arrive(uint8_t barrier, uint32_t expected, Warp &warp, LaneMask lanes, uint32_t votes);
  /// Who waits at barriers that are complete goes on. To be called after arrivals, and when a warp
  /// has finished: barriers of all threads may then be complete.
  void checkBarriers();

  /// A warp of another block reaches this one's shared memory.
  void noteReach(const Warp &warp);
  /// A warp has exited. @throws Fault if it was the last one, and a warp of another block that has
  /// reached the block's shared memory may do so yet, for all that this one knows.
  void noteExit(const Warp &warp);

  Cluster &cluster;
  const unsigned rank; ///< in the cluster
  uint32_t ctaid[3] = {0, 0, 0};
  SharedMemory shared;
  std::vector<std::unique_ptr<Warp>> warps;
  Barrier barriers[barrierCount];
  /// The copy engine's count when something was last brought to shared memory.
  uint32_t lastLoad = 0;
  Counters counters;
  uint64_t steps = 0;

private:
  VectorClock reached; ///< when warps of other blocks last did so
  VectorClock known;   ///< to the warps that have exited

  void complete(uint8_t barrier);
  bool isComplete(const Barrier &barrier) const;
};

class Cluster {
public:
  explicit Cluster(const LaunchRequest &request);

  /// Starts the cluster of this number in the grid.
  void start(uint64_t number);

  /// Runs for about `budget` instructions of warps. True once all blocks have finished.
  /// @throws Fault with its place in the message.
  bool run(uint64_t budget);

  /// Something that happens later by itself, in any order with other such things: the delivery of a
  /// bulk copy.
  void later(std::function<void()> action) { actions.push_back(std::move(action)); }

  /// The copy engine has brought something to this shared memory.
  void noteLoad(const SharedMemory &shared);

  /// The shared memory of a block of this cluster. @throws Fault if there is no such rank.
  SharedMemory &sharedOf(uint64_t rank, int lane);

  /// Arrival at the cluster's barrier; phases count up.
  void arrive(Warp &warp, LaneMask lanes);
  uint64_t phase() const { return completedPhases; }
  const VectorClock &phaseClock() const { return barrierClock; }

  unsigned actors() const { return actorCount; }
  /// The actor that stands for asynchronous copies.
  unsigned copyActor() const { return actorCount - 1; }

  /// Something changed that others may wait for.
  void noteProgress() { ++events; }

  const LaunchRequest &request;
  std::vector<std::unique_ptr<Block>> blocks;
  VectorClock copyClock; ///< of the copy engine
  std::mt19937_64 random;
  Counters counters; ///< of the blocks that have finished

private:
  void runRound(uint64_t &budget);
  void runOneAction();
  bool finished() const;
  void finish();
  std::string describeWaits() const;

  unsigned actorCount;
  std::vector<std::function<void()>> actions;
  VectorClock barrierArriving, barrierClock;
  uint32_t barrierArrivals = 0;
  uint64_t completedPhases = 0;
  uint64_t events = 0;
  unsigned idleRounds = 0;
};

} // namespace tenon::sim

#endif
