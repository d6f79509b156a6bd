// The loop that runs instructions, and what becomes of fragments.

#include "lib/CudaSimulator/Execute/Warp.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include <bit>
#include <tuple>

namespace tenon::sim {

/// A fragment that other fragments of its warp wait behind stands back after so many instructions,
/// so that one that spins in a loop cannot keep the one it waits for from running.
static constexpr uint32_t maxTurn = 4096;
/// What registers hold before they are written.
static constexpr uint64_t poison = 0xdeadbeefdeadbeef;

Warp::Warp(Block &block, unsigned index) : block(block), index(index) {
  const LaunchRequest &request = block.cluster.request;
  rows.resize(static_cast<size_t>(request.program->rows) * warpSize);
  local.resize(static_cast<size_t>(request.program->localBytes) * warpSize);
}

void Warp::start(unsigned threadCount) {
  std::fill(rows.begin(), rows.end(), poison);
  std::fill(local.begin(), local.end(), uint8_t(0xcd));
  liveLanes = threadCount >= warpSize ? allLanes : (LaneMask(1) << threadCount) - 1;
  fragments.assign(1, Fragment{0, liveLanes, Fragment::State::Ready, 0, 0, 0, {}});
  running = 0;
  yields = 0;
  spinning = false;
  clusterArrivals = clusterWaits = 0;
  waitedForGrid = 0;
  lastAllocation = nullptr;
  for (LaneCopies &lane : copies) {
    lane.open.clear();
    lane.groups.clear();
  }
  for (LaneBulk &lane : bulk) {
    lane.open.clear();
    lane.groups.clear();
  }
  openWork.clear();
  workGroups.clear();
  hiddenRows.clear();
  hasFencedRegisters = false;
  const Program &program = *block.cluster.request.program;
  actor = block.rank * static_cast<unsigned>(block.warps.size()) + index;
  clock = VectorClock(block.cluster.actors());
  clock.counts[actor] = 1;
  proxyClock = VectorClock(block.cluster.actors());
  for (const Constant &constant : program.constants)
    std::fill_n(row(constant.slot), warpSize, constant.bits);
  startSpecials();
}

void Warp::startSpecials() {
  const LaunchRequest &request = block.cluster.request;
  auto set = [&](Slot slot, uint64_t value) { std::fill_n(row(slot), warpSize, value); };
  for (unsigned i = 0; i < 3; ++i) {
    set(NtidX + i, request.block[i]);
    set(CtaidX + i, block.ctaid[i]);
    set(NctaidX + i, request.grid[i]);
    set(ClusteridX + i, block.ctaid[i] / request.cluster[i]);
    set(NclusteridX + i, request.grid[i] / request.cluster[i]);
    set(ClusterCtaidX + i, block.ctaid[i] % request.cluster[i]);
    set(ClusterNctaidX + i, request.cluster[i]);
  }
  set(WarpId, index);
  set(NwarpId, block.warps.size());
  uint64_t linear =
      block.ctaid[0] +
      uint64_t(request.grid[0]) * (block.ctaid[1] + uint64_t(request.grid[1]) * block.ctaid[2]);
  set(SmId, linear % request.multiprocessors);
  set(NsmId, request.multiprocessors);
  set(GridId, request.id);
  set(ClusterCtarank, block.rank);
  set(ClusterNctarank, request.blocksPerCluster());
  set(IsExplicitCluster, request.blocksPerCluster() > 1 ? allLanes : 0);
  set(DynamicSmemSize, request.dynamicSharedBytes);
  set(TotalSmemSize, block.shared.end());
  for (unsigned lane = 0; lane < warpSize; ++lane) {
    uint32_t thread = index * warpSize + lane;
    row(TidX)[lane] = thread % request.block[0];
    row(TidY)[lane] = thread / request.block[0] % request.block[1];
    row(TidZ)[lane] = thread / request.block[0] / request.block[1];
    row(LaneId)[lane] = lane;
    uint32_t bit = uint32_t(1) << lane;
    row(LanemaskEq)[lane] = bit;
    row(LanemaskLt)[lane] = bit - 1;
    row(LanemaskLe)[lane] = bit | (bit - 1);
    row(LanemaskGt)[lane] = ~(bit | (bit - 1));
    row(LanemaskGe)[lane] = ~(bit - 1);
  }
}

bool Warp::ready() const {
  for (const Fragment &fragment : fragments)
    if (fragment.state == Fragment::State::Ready)
      return true;
  return false;
}

/// Fragments at the same instruction become one. One that was blocked tries again with the others.
void Warp::merge() {
  for (size_t i = 0; i < fragments.size(); ++i)
    for (size_t j = i + 1; j < fragments.size();) {
      Fragment &a = fragments[i], &b = fragments[j];
      if (a.pc != b.pc || a.returns != b.returns || a.state == Fragment::State::Parked ||
          b.state == Fragment::State::Parked) {
        ++j;
        continue;
      }
      a.lanes |= b.lanes;
      a.state = Fragment::State::Ready;
      a.yielded = std::min(a.yielded, b.yielded);
      fragments.erase(fragments.begin() + static_cast<ptrdiff_t>(j));
    }
}

/// Chooses who runs: of those that are ready the one that stood back longest ago, then the one that
/// is furthest behind.
bool Warp::select() {
  if (fragments.size() == 1) {
    running = 0;
    return fragments[0].state == Fragment::State::Ready;
  }
  merge();
  bool found = false;
  for (size_t i = 0; i < fragments.size(); ++i) {
    const Fragment &fragment = fragments[i];
    if (fragment.state != Fragment::State::Ready)
      continue;
    if (!found || std::pair(fragment.yielded, fragment.pc) <
                      std::pair(fragments[running].yielded, fragments[running].pc))
      running = i;
    found = true;
  }
  return found;
}

uint64_t Warp::run(uint64_t budget) {
  const Program &program = *block.cluster.request.program;
  Counters &counters = block.counters;
  uint64_t steps = 0;
  spinning = false;
  while (steps < budget && !spinning && select()) {
    Fragment &fragment = fragments[running];
    const Instruction &instruction = program.code[fragment.pc];
    LaneMask lanes = fragment.lanes;
    if (instruction.guard != noSlot)
      lanes &=
          instruction.guardNegated ? ~predicate(instruction.guard) : predicate(instruction.guard);
    ++steps;
    if (!lanes) {
      ++fragment.pc;
      continue;
    }
    if (instruction.aligned && lanes != liveLanes) {
      settle(Outcome::Block, lanes);
      continue;
    }
    ++counters.warpInstructions;
    counters.threadInstructions += std::popcount(lanes);
    ++counters.byKind[static_cast<unsigned>(instruction.kind)];
    try {
      settle(instruction.handler(*this, instruction, lanes), lanes);
    } catch (const Fault &fault) {
      decorate(fault, instruction);
    }
  }
  block.steps += steps;
  return steps;
}

/// Lanes that do not take part go on behind the instruction, as a fragment of their own.
void Warp::split(LaneMask lanes) {
  Fragment &fragment = fragments[running];
  if (lanes == fragment.lanes)
    return;
  Fragment rest = fragment;
  rest.lanes &= ~lanes;
  ++rest.pc;
  fragment.lanes = lanes;
  fragments.push_back(std::move(rest));
}

void Warp::settle(Outcome outcome, LaneMask executed) {
  switch (outcome) {
  case Outcome::Next: {
    Fragment &fragment = fragments[running];
    ++fragment.pc;
    if (fragments.size() > 1 && ++fragment.steps > maxTurn) {
      fragment.steps = 0;
      fragment.yielded = ++yields;
    }
    return;
  }
  case Outcome::Jumped:
    return;
  case Outcome::Block:
    split(executed);
    fragments[running].state = Fragment::State::Blocked;
    return;
  case Outcome::Retry:
    split(executed);
    fragments[running].yielded = ++yields;
    spinning = true;
    return;
  case Outcome::Yield:
    ++fragments[running].pc;
    fragments[running].yielded = ++yields;
    spinning = true;
    return;
  }
}

void Warp::branch(LaneMask lanes, uint32_t pc) {
  Fragment &fragment = fragments[running];
  if (++fragment.steps > maxTurn && fragments.size() > 1) {
    fragment.steps = 0;
    fragment.yielded = ++yields;
  }
  if (lanes == fragment.lanes) {
    fragment.pc = pc;
    return;
  }
  Fragment taken = fragment;
  taken.lanes = lanes;
  taken.pc = pc;
  fragment.lanes &= ~lanes;
  ++fragment.pc;
  fragments.push_back(std::move(taken));
}

void Warp::call(LaneMask lanes, uint32_t pc) {
  split(lanes);
  Fragment &fragment = fragments[running];
  fragment.returns.push_back(fragment.pc);
  fragment.pc = pc;
}

void Warp::scatter(LaneMask lanes, const std::vector<std::pair<LaneMask, uint32_t>> &groups) {
  split(lanes);
  for (size_t i = 1; i < groups.size(); ++i) {
    Fragment other = fragments[running];
    std::tie(other.lanes, other.pc) = groups[i];
    fragments.push_back(std::move(other));
  }
  std::tie(fragments[running].lanes, fragments[running].pc) = groups[0];
}

void Warp::leave(LaneMask lanes) {
  if (fragments[running].returns.empty())
    return exit(lanes);
  split(lanes);
  Fragment &fragment = fragments[running];
  fragment.pc = fragment.returns.back() + 1;
  fragment.returns.pop_back();
}

/// Whether something was started and not waited for; a group may be empty.
template <typename Lane> static bool hasOpenCopies(const Lane &lane) {
  bool found = !lane.open.empty();
  for (const auto &group : lane.groups)
    found |= !group.empty();
  return found;
}

void Warp::exit(LaneMask lanes) {
  for (LaneMask rest = lanes; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    if (hasOpenCopies(copies[lane]))
      throw Fault(FaultKind::Trap, "exits while a cp.async that it started may be under way", lane);
    if (hasOpenCopies(bulk[lane]))
      throw Fault(FaultKind::Trap,
                  "exits while a bulk copy that it started may still read shared memory", lane);
  }
  liveLanes &= ~lanes;
  if (!liveLanes && (!openWork.empty() || !workGroups.empty()))
    throw Fault(FaultKind::Trap, "exits while a wgmma that it started may be under way");
  split(lanes);
  fragments.erase(fragments.begin() + static_cast<ptrdiff_t>(running));
  running = 0;
  unblock();
  block.cluster.noteProgress();
  if (fragments.empty()) {
    block.checkBarriers();
    block.noteExit(*this);
  }
}

/// NaN in every float type.
static constexpr uint64_t hiddenPoison = 0xffffffff;

void Warp::hide(Slot slot) {
  HiddenRow &hidden = hiddenRows[slot];
  if (hidden.users++ == 0)
    std::copy_n(row(slot), warpSize, hidden.values);
  std::fill_n(row(slot), warpSize, hiddenPoison);
}

void Warp::reveal(Slot slot) {
  HiddenRow &hidden = hiddenRows.at(slot);
  for (unsigned lane = 0; lane < warpSize; ++lane)
    if (row(slot)[lane] != hiddenPoison)
      throw Fault(FaultKind::Trap,
                  "an accumulator was written while a wgmma that uses it was under way",
                  static_cast<int>(lane));
  if (--hidden.users)
    return;
  std::copy_n(hidden.values, warpSize, row(slot));
  hiddenRows.erase(slot);
}

void Warp::park(LaneMask lanes, uint8_t barrier) {
  split(lanes);
  Fragment &fragment = fragments[running];
  ++fragment.pc;
  fragment.state = Fragment::State::Parked;
  fragment.barrier = barrier;
}

void Warp::release(uint8_t barrier) {
  for (Fragment &fragment : fragments)
    if (fragment.state == Fragment::State::Parked && fragment.barrier == barrier)
      fragment.state = Fragment::State::Ready;
}

void Warp::unblock() {
  for (Fragment &fragment : fragments)
    if (fragment.state == Fragment::State::Blocked)
      fragment.state = Fragment::State::Ready;
}

static std::string describe(const uint32_t *coordinates) {
  return "(" + std::to_string(coordinates[0]) + "," + std::to_string(coordinates[1]) + "," +
         std::to_string(coordinates[2]) + ")";
}

void Warp::defer(const Instruction &instruction, int lane, std::function<void()> action) {
  block.cluster.later([this, &instruction, lane, action = std::move(action)] {
    try {
      action();
    } catch (const Fault &fault) {
      decorate(Fault(fault.kind, fault.what(), fault.lane < 0 ? lane : fault.lane), instruction);
    }
  });
}

/// "kernel 'add', PTX line 20 (ld.global.b32), block (0,0,0), thread (5,0,0): …"
void Warp::decorate(const Fault &fault, const Instruction &instruction) {
  std::string text = "kernel '" + block.cluster.request.program->name + "', PTX line " +
                     std::to_string(instruction.line) + " (" + instruction.statement->opcode;
  for (const std::string &modifier : instruction.statement->modifiers)
    text += "." + modifier;
  text += "), block " + describe(block.ctaid);
  if (fault.lane >= 0) {
    uint32_t thread[3];
    for (unsigned i = 0; i < 3; ++i)
      thread[i] = static_cast<uint32_t>(row(TidX + i)[fault.lane]);
    text += ", thread " + describe(thread);
  } else {
    text += ", warp " + std::to_string(index);
  }
  throw Fault(fault.kind, text + ": " + fault.what(), fault.lane);
}

} // namespace tenon::sim
