// Barriers of blocks, warps and clusters, and fences (PTX ISA 9.7.13.1 to 9.7.13.4).

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include <atomic>

namespace tenon::sim {

namespace {

enum BarrierFlags : uint16_t { HasCount = 1, NegatesVote = 2 };
enum class Reduction { None, Count, All, Any };

} // namespace

/// A number that must be the same in all lanes that take part.
static uint64_t uniform(Warp &warp, Slot slot, LaneMask mask, const char *what) {
  uint64_t value = warp.row(slot)[std::countr_zero(mask)];
  for (LaneMask rest = mask; rest; rest &= rest - 1)
    if (warp.row(slot)[std::countr_zero(rest)] != value)
      throw Fault(FaultKind::Trap, std::string(what) + " differs between the lanes of a warp",
                  std::countr_zero(rest));
  return value;
}

template <Reduction reduction>
static void finishReduction(Warp &warp, const Instruction &instruction, LaneMask mask,
                            uint32_t votes, uint32_t voters) {
  Slot slot = instruction.operands[0];
  if (reduction == Reduction::Count) {
    uint64_t *result = warp.row(slot);
    return forLanes(mask, [&](unsigned lane) { result[lane] = votes; });
  }
  bool value = reduction == Reduction::All ? votes == voters : votes > 0;
  warp.setPredicate(slot, value ? allLanes : 0, mask);
}

/// Operands: the result of a reduction if any, the barrier, the count if any, the vote if any.
template <Reduction reduction, bool waits>
static Outcome meet(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned at = reduction == Reduction::None ? 0 : 1;
  uint64_t number = uniform(warp, instruction.operands[at], mask, "the number of a barrier");
  if (number >= Block::barrierCount)
    throw Fault(FaultKind::IllegalInstruction,
                "there is no barrier " + std::to_string(number) + ", only 16");
  uint64_t count = 0;
  if (instruction.flags & HasCount) {
    count = uniform(warp, instruction.operands[at + 1], mask, "the count of a barrier");
    if (count == 0)
      throw Fault(FaultKind::Trap, "a barrier waits for no threads");
  }
  uint32_t votes = 0;
  if (reduction != Reduction::None) {
    LaneMask vote = warp.predicate(instruction.operands[instruction.operandCount - 1]);
    votes = std::popcount((instruction.flags & NegatesVote ? ~vote : vote) & mask);
  }
  auto barrier = static_cast<uint8_t>(number);
  Block &block = warp.block;
  block.arrive(barrier, static_cast<uint32_t>(count), warp, mask, votes);
  if (waits) {
    block.barriers[barrier].receivers.push_back(
        {&warp, mask, &instruction,
         reduction == Reduction::None ? nullptr : &finishReduction<reduction>});
    warp.park(mask, barrier);
  }
  block.checkBarriers();
  return waits ? Outcome::Jumped : Outcome::Next;
}

/// bar.warp.sync (PTX ISA 9.7.13.2): lanes may wait at different instructions with the same mask.
static Outcome meetInWarp(Warp &warp, const Instruction &instruction, LaneMask mask) {
  auto members = static_cast<LaneMask>(
      uniform(warp, instruction.operands[0], mask, "the mask of bar.warp.sync"));
  if (mask & ~members)
    throw Fault(FaultKind::Trap, "a lane executes bar.warp.sync that is not in its mask",
                std::countr_zero(mask & ~members));
  const Program &program = *warp.block.cluster.request.program;
  LaneMask arrived = mask;
  for (const Fragment &fragment : warp.all()) {
    const Instruction &at = program.code[fragment.pc];
    if (fragment.state == Fragment::State::Blocked && at.handler == meetInWarp &&
        warp.row(at.operands[0])[std::countr_zero(fragment.lanes)] == members)
      arrived |= fragment.lanes;
  }
  if ((members & warp.live()) & ~arrived)
    return Outcome::Block;
  warp.tick();
  for (Fragment &fragment : warp.all()) {
    const Instruction &at = program.code[fragment.pc];
    if (fragment.state == Fragment::State::Blocked && at.handler == meetInWarp &&
        (fragment.lanes & members)) {
      fragment.state = Fragment::State::Ready;
      ++fragment.pc;
    }
  }
  return Outcome::Next;
}

static void decodeWarpBarrier(Builder &builder) {
  builder.expect("sync");
  builder.end();
  builder.instruction.handler = meetInWarp;
  builder.source(Type::B32);
}

template <bool waits> static Handler reductionHandler(int kind) {
  switch (kind) {
  case 0:
    return &meet<Reduction::Count, true>;
  case 1:
    return &meet<Reduction::All, true>;
  case 2:
    return &meet<Reduction::Any, true>;
  default:
    return &meet<Reduction::None, waits>;
  }
}

/// bar.sync, bar.arrive, bar.red and their forms as `barrier`.
static void decodeBlockBarrier(Builder &builder, bool aligned) {
  Instruction &instruction = builder.instruction;
  int form = builder.expectOneOf({"sync", "arrive", "red"});
  int reduction = form == 2 ? builder.expectOneOf({"popc", "and", "or"}) : -1;
  instruction.aligned = builder.accept("aligned") || aligned;
  Type result = reduction == 0  ? builder.expectType({Type::U32})
                : reduction > 0 ? builder.expectType({Type::Pred})
                                : Type::None;
  builder.end();
  instruction.handler = form == 1 ? reductionHandler<false>(-1) : reductionHandler<true>(reduction);
  if (result == Type::U32)
    builder.destination(result);
  else if (result == Type::Pred)
    builder.predicateDestination();
  builder.source(Type::U32);
  size_t counted = reduction >= 0 ? 2 : 1;
  if (builder.operandsLeft() >= counted) {
    builder.source(Type::U32);
    instruction.flags |= HasCount;
  }
  if (form == 1 && !(instruction.flags & HasCount))
    builder.fail("an arrival needs the number of threads");
  if (reduction >= 0 && builder.negatablePredicate())
    instruction.flags |= NegatesVote;
}

// The cluster's barrier. A warp waits for the phase that it arrived at.

static Outcome arriveInCluster(Warp &warp, const Instruction &instruction, LaneMask mask) {
  if (warp.clusterArrivals != warp.clusterWaits)
    throw Fault(FaultKind::Trap, "arrives at the cluster's barrier twice without waiting");
  warp.clusterArrivals = warp.block.cluster.phase() + 1;
  warp.block.cluster.arrive(warp, mask);
  return Outcome::Next;
}

static Outcome waitInCluster(Warp &warp, const Instruction &instruction, LaneMask mask) {
  if (warp.clusterArrivals == warp.clusterWaits)
    throw Fault(FaultKind::Trap, "waits at the cluster's barrier without having arrived");
  if (warp.block.cluster.phase() < warp.clusterArrivals)
    return Outcome::Retry;
  warp.clusterWaits = warp.clusterArrivals;
  warp.clock.join(warp.block.cluster.phaseClock());
  return Outcome::Next;
}

static void decodeClusterBarrier(Builder &builder) {
  builder.require(78, 90, false);
  bool waits = builder.expectOneOf({"arrive", "wait"});
  builder.acceptOneOf({"release", "relaxed", "acquire"});
  builder.accept("aligned");
  builder.end();
  // Lanes of a warp are counted together, so they come together in any case.
  builder.instruction.aligned = true;
  builder.instruction.handler = waits ? waitInCluster : arriveInCluster;
}

static void decodeBar(Builder &builder) {
  builder.instruction.kind = InstructionKind::Synchronisation;
  if (builder.accept("warp"))
    return decodeWarpBarrier(builder);
  builder.accept("cta");
  decodeBlockBarrier(builder, true);
}

static void decodeBarrier(Builder &builder) {
  builder.instruction.kind = InstructionKind::Synchronisation;
  if (builder.accept("cluster"))
    return decodeClusterBarrier(builder);
  builder.accept("cta");
  decodeBlockBarrier(builder, false);
}

/// Fences order what other threads of the host see; within a block, clocks pass through the
/// accesses with an order that stand around them.
static Outcome fence(Warp &, const Instruction &, LaneMask) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Outcome::Next;
}

/// fence.proxy.async: what this warp wrote and knows is visible to asynchronous accesses.
static Outcome proxyFence(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (const auto &block : warp.block.cluster.blocks)
    block->shared.noteFence(warp.actor, warp.clock.counts[warp.actor]);
  warp.proxyClock = warp.clock;
  warp.tick();
  return fence(warp, instruction, mask);
}

static void decodeFence(Builder &builder) {
  builder.instruction.kind = InstructionKind::Synchronisation;
  builder.instruction.handler = fence;
  if (builder.accept("proxy")) {
    int proxy = builder.expectOneOf({"async", "async::generic", "alias", "tensormap::generic"});
    if (proxy <= 1) {
      builder.require(80, 90, false);
      builder.instruction.handler = proxyFence;
    }
    builder.acceptOneOf({"global", "shared::cta", "shared::cluster", "acquire", "release"});
    builder.acceptOneOf({"sync_restrict::shared::cta", "sync_restrict::shared::cluster"});
    builder.acceptOneOf({"cta", "cluster", "gpu", "sys"});
    builder.end();
    if (builder.operandsLeft()) {
      builder.address();
      builder.immediate();
    }
    return;
  }
  if (builder.accept("mbarrier_init"))
    builder.expect("release");
  else
    builder.acceptOneOf({"sc", "acq_rel", "acquire", "release"});
  builder.acceptOneOf({"sync_restrict::shared::cta", "sync_restrict::shared::cluster"});
  builder.expectOneOf({"cta", "cluster", "gpu", "sys"});
  builder.end();
}

static void decodeMembar(Builder &builder) {
  if (builder.peek() == "proxy")
    return decodeFence(builder);
  builder.instruction.kind = InstructionKind::Synchronisation;
  builder.instruction.handler = fence;
  builder.expectOneOf({"cta", "gl", "sys"});
  builder.end();
}

void addBarriers(OpcodeTable &table) {
  table["bar"] = decodeBar;
  table["barrier"] = decodeBarrier;
  table["fence"] = decodeFence;
  table["membar"] = decodeMembar;
}

} // namespace tenon::sim
