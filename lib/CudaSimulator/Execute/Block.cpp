// Barriers of a block, and its start.

#include "lib/CudaSimulator/Execute/Block.h"
#include <bit>

namespace tenon::sim {

Block::Block(Cluster &cluster, unsigned rank) : cluster(cluster), rank(rank) {
  unsigned count = (cluster.request.threadsPerBlock() + warpSize - 1) / warpSize;
  for (unsigned i = 0; i < count; ++i)
    warps.push_back(std::make_unique<Warp>(*this, i));
}

void Block::start(const uint32_t (&position)[3]) {
  std::copy(position, position + 3, ctaid);
  const LaunchRequest &request = cluster.request;
  uint32_t alignment = request.program->dynamicAlignment;
  uint64_t dynamicStart = SharedMemory::firstOffset + request.program->staticSharedBytes;
  dynamicStart = (dynamicStart + alignment - 1) / alignment * alignment;
  shared.start(dynamicStart + request.dynamicSharedBytes - SharedMemory::firstOffset,
               cluster.actors(), *request.options);
  for (Barrier &barrier : barriers)
    barrier = Barrier{};
  lastLoad = 0;
  reached = known = VectorClock(cluster.actors());
  steps = 0;
  counters = {};
  unsigned threads = request.threadsPerBlock();
  for (auto &warp : warps)
    warp->start(threads - warp->index * warpSize);
}

bool Block::finished() const {
  for (const auto &warp : warps)
    if (!warp->finished())
      return false;
  return true;
}

/// A barrier without a count waits for all warps that have not exited.
bool Block::isComplete(const Barrier &barrier) const {
  if (barrier.arrived == 0)
    return false;
  if (barrier.expected)
    return barrier.arrived == barrier.expected;
  uint32_t expected = 0;
  for (const auto &warp : warps)
    expected += warp->finished() ? 0 : warpSize;
  return barrier.arrived >= expected;
}

void Block::arrive(uint8_t number, uint32_t expected, Warp &warp, LaneMask lanes, uint32_t votes) {
  Barrier &barrier = barriers[number];
  std::string name = "barrier " + std::to_string(number);
  if (expected % warpSize)
    throw Fault(FaultKind::Trap, name + " is to wait for " + std::to_string(expected) +
                                     " threads, which is no multiple of 32");
  if (barrier.arrived && barrier.expected != expected)
    throw Fault(FaultKind::Trap, name + " is to wait for " + std::to_string(expected) +
                                     " threads, but others wait for " +
                                     std::to_string(barrier.expected) + " (0: all)");
  // A warp counts whole, whatever lanes of it exist.
  bool whole = lanes == warp.live();
  LaneMask bit = LaneMask(1) << (warp.index % 32);
  if (whole && barrier.arrivedWarps[warp.index / 32] & bit)
    throw Fault(FaultKind::Trap, "arrives at " + name + " twice before it is complete");
  barrier.expected = expected;
  barrier.arrived += whole ? warpSize : std::popcount(lanes);
  barrier.arrivedWarps[warp.index / 32] |= whole ? bit : 0;
  barrier.votes += votes;
  barrier.voters += std::popcount(lanes);
  barrier.clock.join(warp.clock);
  warp.tick();
  cluster.noteProgress();
  if (barrier.expected && barrier.arrived > barrier.expected)
    throw Fault(FaultKind::Trap, "more threads arrive at " + name + " than the " +
                                     std::to_string(expected) + " that it waits for");
}

void Block::complete(uint8_t number) {
  Barrier barrier = std::move(barriers[number]);
  barriers[number] = Barrier{};
  for (const Barrier::Receiver &receiver : barrier.receivers) {
    receiver.warp->clock.join(barrier.clock);
    if (receiver.finish)
      receiver.finish(*receiver.warp, *receiver.instruction, receiver.lanes, barrier.votes,
                      barrier.voters);
    receiver.warp->release(number);
  }
}

void Block::checkBarriers() {
  for (uint8_t i = 0; i < barrierCount; ++i)
    if (isComplete(barriers[i]))
      complete(i);
}

// The shared memory of a block is there until it has exited.
void Block::noteReach(const Warp &warp) {
  reached.counts[warp.actor] = warp.clock.counts[warp.actor];
}

void Block::noteExit(const Warp &warp) {
  known.join(warp.clock);
  if (!finished())
    return;
  for (size_t actor = 0; actor < reached.counts.size(); ++actor)
    if (reached.counts[actor] > known.counts[actor])
      throw Fault(FaultKind::Trap, "the block exits while warp " + std::to_string(actor) +
                                       " of the cluster may still reach its shared memory");
}

} // namespace tenon::sim
