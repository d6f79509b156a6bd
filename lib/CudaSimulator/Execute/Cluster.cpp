// Warps take turns of random length in random order; between them, asynchronous work that is under
// way may finish, in any order. A round in which nobody did anything but look whether something had
// happened, and nothing is under way, is repeated a few times; then it is a deadlock.

#include "lib/CudaSimulator/Execute/Block.h"
#include <bit>

namespace tenon::sim {

/// Rounds without an event before a deadlock is reported: a loop around `try_wait` may count its
/// turns and do something else in the end.
static constexpr unsigned maxIdleRounds = 2000;

/// What a round counts in which everybody only looked, and nothing is under way: waiting for other
/// blocks is no reason to keep these from running, nor to go on for ever.
static constexpr uint64_t waitingSteps = 20000;

Cluster::Cluster(const LaunchRequest &request) : request(request) {
  unsigned warps = (request.threadsPerBlock() + warpSize - 1) / warpSize;
  actorCount = request.blocksPerCluster() * warps + 1;
  for (unsigned i = 0; i < request.blocksPerCluster(); ++i)
    blocks.push_back(std::make_unique<Block>(*this, i));
}

void Cluster::start(uint64_t number) {
  random.seed(request.options->seed * 0x9e3779b97f4a7c15 + request.id * 0x100000001b3 + number);
  uint32_t clusters[3], origin[3];
  for (unsigned i = 0; i < 3; ++i)
    clusters[i] = request.grid[i] / request.cluster[i];
  origin[0] = static_cast<uint32_t>(number % clusters[0]) * request.cluster[0];
  origin[1] = static_cast<uint32_t>(number / clusters[0] % clusters[1]) * request.cluster[1];
  origin[2] = static_cast<uint32_t>(number / clusters[0] / clusters[1]) * request.cluster[2];
  copyClock = VectorClock(actorCount);
  barrierArriving = barrierClock = VectorClock(actorCount);
  barrierArrivals = 0;
  completedPhases = 0;
  actions.clear();
  idleRounds = 0;
  counters = {};
  for (auto &block : blocks) {
    uint32_t position[3] = {origin[0] + block->rank % request.cluster[0],
                            origin[1] + block->rank / request.cluster[0] % request.cluster[1],
                            origin[2] + block->rank / request.cluster[0] / request.cluster[1]};
    block->start(position);
  }
}

void Cluster::noteLoad(const SharedMemory &shared) {
  for (auto &block : blocks)
    if (&block->shared == &shared)
      block->lastLoad = copyClock.counts[copyActor()];
}

SharedMemory &Cluster::sharedOf(uint64_t rank, int lane) {
  if (rank >= blocks.size())
    throw Fault(FaultKind::IllegalAddress,
                "an address in the shared memory of block " + std::to_string(rank) +
                    " of a cluster of " + std::to_string(blocks.size()),
                lane);
  if (blocks[rank]->finished() && blocks.size() > 1)
    throw Fault(FaultKind::IllegalAddress,
                "an address in the shared memory of block " + std::to_string(rank) +
                    " of the cluster, which has exited",
                lane);
  return blocks[rank]->shared;
}

void Cluster::arrive(Warp &warp, LaneMask lanes) {
  barrierArriving.join(warp.clock);
  warp.tick();
  barrierArrivals += lanes == warp.live() ? warpSize : std::popcount(lanes);
  uint32_t expected = 0;
  for (const auto &block : blocks)
    for (const auto &other : block->warps)
      expected += other->finished() ? 0 : warpSize;
  if (barrierArrivals >= expected) {
    barrierClock = barrierArriving;
    barrierArrivals = 0;
    ++completedPhases;
  }
  noteProgress();
}

bool Cluster::finished() const {
  for (const auto &block : blocks)
    if (!block->finished())
      return false;
  return true;
}

void Cluster::runOneAction() {
  size_t i = random() % actions.size();
  std::function<void()> action = std::move(actions[i]);
  actions.erase(actions.begin() + static_cast<ptrdiff_t>(i));
  action();
  noteProgress();
}

void Cluster::runRound(uint64_t &budget) {
  std::vector<Warp *> order;
  for (auto &block : blocks)
    for (auto &warp : block->warps)
      if (!warp->finished())
        order.push_back(warp.get());
  std::shuffle(order.begin(), order.end(), random);
  bool waiting = true, idle = actions.empty();
  uint64_t before = events;
  for (Warp *warp : order) {
    uint64_t steps = warp->run(16 + random() % 1024);
    budget -= std::min(budget, steps);
    waiting &= steps == 0 || warp->spinning;
    if (!actions.empty() && random() % 4 == 0)
      runOneAction();
    if (warp->block.steps > request.options->maxSteps)
      throw Fault(FaultKind::Timeout, "kernel '" + request.program->name + "': a block ran " +
                                          std::to_string(request.options->maxSteps) +
                                          " instructions without an end");
  }
  if (waiting && !actions.empty())
    runOneAction();
  if (waiting && idle) {
    budget -= std::min(budget, waitingSteps);
    for (auto &block : blocks)
      block->steps += waitingSteps;
  }
  idleRounds = waiting && events == before ? idleRounds + 1 : 0;
  bool hopeless = std::none_of(order.begin(), order.end(), [](Warp *w) { return w->ready(); });
  if (hopeless ? idleRounds > 0 && !finished() : idleRounds > maxIdleRounds)
    throw Fault(FaultKind::Timeout,
                "kernel '" + request.program->name + "': deadlock:" + describeWaits());
}

/// Where every warp stands, for the report of a deadlock: " block (0,0,0) warp 1 at PTX line 7; …".
std::string Cluster::describeWaits() const {
  std::string text;
  unsigned listed = 0;
  for (const auto &block : blocks)
    for (const auto &warp : block->warps)
      for (const Fragment &fragment : warp->all()) {
        const Instruction &instruction = request.program->code[fragment.pc];
        // A fragment that is parked stands behind its barrier.
        bool parked = fragment.state == Fragment::State::Parked;
        const Instruction &shown = parked ? request.program->code[fragment.pc - 1] : instruction;
        if (++listed > 16)
          return text + " …";
        text += " block " + std::to_string(block->ctaid[0]) + "," +
                std::to_string(block->ctaid[1]) + "," + std::to_string(block->ctaid[2]) + " warp " +
                std::to_string(warp->index) + " waits at PTX line " + std::to_string(shown.line) +
                " (" + shown.statement->opcode + ") with " +
                std::to_string(std::popcount(fragment.lanes)) + " lanes;";
      }
  text.pop_back();
  return text;
}

void Cluster::finish() {
  // Stores that nobody waited for still happen.
  while (!actions.empty())
    runOneAction();
  for (auto &block : blocks) {
    for (const Barrier &barrier : block->barriers)
      if (barrier.arrived)
        throw Fault(FaultKind::Trap, "kernel '" + request.program->name + "': a block ended with " +
                                         std::to_string(barrier.arrived) +
                                         " threads arrived at barrier " +
                                         std::to_string(&barrier - block->barriers) +
                                         ", which waits for " + std::to_string(barrier.expected));
    // On hardware the memory may be another block's by then.
    uint32_t known = 0;
    for (const auto &warp : block->warps)
      known = std::max(known, warp->clock.counts[copyActor()]);
    if (block->lastLoad > known)
      throw Fault(FaultKind::Trap, "kernel '" + request.program->name +
                                       "': a block ended while a bulk copy to its shared memory "
                                       "that nobody waited for may be under way");
    counters.add(block->counters);
  }
}

bool Cluster::run(uint64_t budget) {
  while (!finished()) {
    if (budget == 0)
      return false;
    runRound(budget);
  }
  finish();
  return true;
}

} // namespace tenon::sim
