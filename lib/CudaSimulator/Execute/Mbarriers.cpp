// mbarrier (PTX ISA 9.7.13.15). A phase is complete when no arrival and no transaction is missing;
// the next begins with it.

#include "lib/CudaSimulator/Execute/Mbarriers.h"
#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Lanes.h"

namespace tenon::sim {

/// PTX ISA 9.7.13.15.2: the range of counts, and of transactions.
static constexpr uint32_t maxCount = (1 << 20) - 1;
static constexpr int64_t maxTransactions = (1 << 20) - 1;

static void completePhase(Mbarrier &barrier) {
  if (barrier.pending || barrier.transactions)
    return;
  barrier.completed.join(barrier.arriving);
  barrier.distantCompleted.join(barrier.distantArriving);
  barrier.pending = barrier.expected;
  ++barrier.phase;
}

void arriveAt(Cluster &cluster, SharedMemory &shared, uint64_t offset, uint32_t count,
              Release release, const VectorClock &clock, int lane) {
  Mbarrier &barrier = shared.mbarrierAt(offset, lane);
  if (count > barrier.pending)
    throw Fault(FaultKind::Trap,
                "mbarrier at " + std::to_string(offset) + ": " + std::to_string(count) +
                    " arrivals, but phase " + std::to_string(barrier.phase) + " waits for " +
                    std::to_string(barrier.pending),
                lane);
  barrier.pending -= count;
  if (release == Release::Block)
    barrier.arriving.join(clock);
  else if (release == Release::Cluster)
    barrier.distantArriving.join(clock);
  completePhase(barrier);
  cluster.noteProgress();
}

void addTransactions(Cluster &cluster, SharedMemory &shared, uint64_t offset, int64_t bytes,
                     const VectorClock &clock, int lane) {
  Mbarrier &barrier = shared.mbarrierAt(offset, lane);
  barrier.transactions += bytes;
  if (std::abs(barrier.transactions) > maxTransactions)
    throw Fault(FaultKind::Trap,
                "mbarrier at " + std::to_string(offset) + ": " +
                    std::to_string(barrier.transactions) +
                    " bytes of transactions are out of range",
                lane);
  if (bytes < 0) {
    barrier.arriving.join(clock);
    completePhase(barrier);
  }
  cluster.noteProgress();
}

static Outcome initialise(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addressOf(warp, instruction, 0, static_cast<unsigned>(lane));
    if (address - sharedWindow < windowBytes)
      address -= sharedWindow;
    auto count = static_cast<uint32_t>(warp.row(instruction.operands[1])[lane]);
    if (count == 0 || count > maxCount)
      throw Fault(FaultKind::Trap,
                  "an mbarrier cannot wait for " + std::to_string(count) + " arrivals", lane);
    warp.block.shared.initialiseMbarrier(address, count, warp.accessor(lane));
  }
  return Outcome::Next;
}

static Outcome invalidate(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addressOf(warp, instruction, 0, static_cast<unsigned>(lane));
    locateShared(warp, address, lane).invalidateMbarrier(address, lane);
  }
  return Outcome::Next;
}

namespace {

/// Instruction::flags.
enum MbarrierFlags : uint16_t {
  HasCount = 1,
  ExpectsTransactions = 2, ///< arrive.expect_tx: the operand is their number
  Drops = 4,               ///< arrive_drop: later phases wait for one less
  ReturnsState = 8,
  ByParity = 16,
  MustNotComplete = 32,
  Relaxed = 64,       ///< neither releases nor acquires
  ClusterScope = 128, ///< and not that of the block
};

} // namespace

static Release getRelease(uint16_t flags, bool isOwnBarrier) {
  if (flags & Relaxed || (!isOwnBarrier && !(flags & ClusterScope)))
    return Release::None;
  return isOwnBarrier ? Release::Block : Release::Cluster;
}

/// Operands: the state if it is returned, the address, then the count or transactions if any.
static Outcome arrive(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint16_t flags = instruction.flags;
  unsigned at = flags & ReturnsState ? 1 : 0;
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addressOf(warp, instruction, at, static_cast<unsigned>(lane));
    SharedMemory &shared = locateShared(warp, address, lane);
    Mbarrier &barrier = shared.mbarrierAt(address, lane);
    uint32_t value = flags & (HasCount | ExpectsTransactions)
                         ? static_cast<uint32_t>(warp.row(instruction.operands[at + 1])[lane])
                         : 1;
    uint32_t count = flags & ExpectsTransactions ? 1 : value;
    if (flags & ReturnsState)
      warp.row(instruction.operands[0])[lane] = SharedMemory::tokenOf(barrier);
    if (flags & ExpectsTransactions)
      addTransactions(warp.block.cluster, shared, address, value, warp.clock, lane);
    if (flags & MustNotComplete && count >= barrier.pending)
      throw Fault(FaultKind::Trap, "arrive.noComplete completes the phase", lane);
    if (flags & Drops) {
      if (count > barrier.expected)
        throw Fault(FaultKind::Trap, "drops more arrivals than there are", lane);
      barrier.expected -= count;
    }
    Release release = getRelease(flags, &shared == &warp.block.shared);
    arriveAt(warp.block.cluster, shared, address, count, release, warp.clock, lane);
  }
  warp.tick();
  return Outcome::Next;
}

/// mbarrier.expect_tx and complete_tx.
template <int sign>
static Outcome changeTransactions(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addressOf(warp, instruction, 0, static_cast<unsigned>(lane));
    SharedMemory &shared = locateShared(warp, address, lane);
    auto bytes = static_cast<uint32_t>(warp.row(instruction.operands[1])[lane]);
    addTransactions(warp.block.cluster, shared, address, sign * int64_t(bytes), warp.clock, lane);
  }
  return Outcome::Next;
}

/// Whether the phase that a lane waits for is complete. A lane that saw its phase incomplete, and
/// comes back when two more have begun, would wait for the wrong one.
static bool isPhaseComplete(Warp &warp, Mbarrier &barrier, uint64_t waited, bool byParity,
                            uint64_t offset, int lane) {
  auto seen = barrier.waiting.find(warp.actor * warpSize + static_cast<unsigned>(lane));
  if (!byParity) {
    if (waited != barrier.phase && waited + 1 != barrier.phase)
      throw Fault(FaultKind::Trap,
                  "mbarrier at " + std::to_string(offset) + ": waits for phase " +
                      std::to_string(waited) + ", but phase " + std::to_string(barrier.phase) +
                      " is current",
                  lane);
    return waited < barrier.phase;
  }
  bool complete = (barrier.phase & 1) != (waited & 1);
  if (seen != barrier.waiting.end()) {
    if ((seen->second & 1) == (waited & 1) && barrier.phase > seen->second + 1)
      throw Fault(FaultKind::Trap,
                  "mbarrier at " + std::to_string(offset) + ": phase " +
                      std::to_string(seen->second) + " was waited for, and phase " +
                      std::to_string(barrier.phase) + " has begun before that was seen",
                  lane);
    if (complete)
      barrier.waiting.erase(seen);
  } else if (!complete) {
    barrier.waiting[warp.actor * warpSize + static_cast<unsigned>(lane)] = barrier.phase;
  }
  return complete;
}

/// Operands: the predicate, the address, the state or parity.
static Outcome testPhase(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask complete = 0;
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    uint64_t address = addressOf(warp, instruction, 1, static_cast<unsigned>(lane));
    SharedMemory &shared = locateShared(warp, address, lane);
    Mbarrier &barrier = shared.mbarrierAt(address, lane);
    uint64_t waited = warp.row(instruction.operands[2])[lane];
    if (instruction.flags & ByParity && waited > 1)
      throw Fault(FaultKind::Trap, "the parity " + std::to_string(waited) + " is not 0 or 1", lane);
    if (!isPhaseComplete(warp, barrier, waited, instruction.flags & ByParity, address, lane))
      continue;
    complete |= LaneMask(1) << lane;
    if (!(instruction.flags & Relaxed))
      warp.clock.join(barrier.completed);
    if (instruction.flags & ClusterScope && !(instruction.flags & Relaxed))
      warp.clock.join(barrier.distantCompleted);
  }
  warp.setPredicate(instruction.operands[0], complete, mask);
  return complete == mask ? Outcome::Next : Outcome::Yield;
}

static Outcome pendingCount(Warp &, const Instruction &, LaneMask) {
  throw Fault(FaultKind::IllegalInstruction, "mbarrier.pending_count is not simulated");
}

/// Semantics and scope, as flags; those of the block by default.
static uint16_t takeSemantics(Builder &builder) {
  uint16_t flags = builder.acceptOneOf({"release", "acquire", "relaxed"}) == 2 ? Relaxed : 0;
  if (builder.acceptOneOf({"cta", "cluster"}) == 1)
    flags |= ClusterScope;
  builder.acceptOneOf({"shared", "shared::cta", "shared::cluster"});
  builder.expect("b64");
  builder.end();
  return flags;
}

static void decodeArrive(Builder &builder, bool drops) {
  uint16_t flags = drops ? Drops : 0;
  if (builder.accept("expect_tx")) {
    builder.require(80, 90, false);
    flags |= ExpectsTransactions;
  }
  if (builder.accept("noComplete"))
    flags |= MustNotComplete;
  flags |= takeSemantics(builder);
  builder.instruction.handler = arrive;
  if (!builder.peekOperandIs(Operand::Kind::Address)) {
    flags |= ReturnsState;
    builder.destination(Type::B64);
  }
  builder.address();
  if (builder.operandsLeft()) {
    if (!(flags & ExpectsTransactions))
      flags |= HasCount;
    builder.source(Type::U32);
  } else if (flags & ExpectsTransactions) {
    builder.fail("needs the number of bytes");
  }
  builder.instruction.flags = flags;
}

static void decodeTest(Builder &builder, bool tries) {
  if (tries)
    builder.require(78, 90, false);
  bool parity = builder.accept("parity");
  uint16_t semantics = takeSemantics(builder);
  builder.instruction.flags = semantics | (parity ? ByParity : 0);
  builder.instruction.handler = testPhase;
  builder.predicateDestination();
  builder.address();
  builder.source(parity ? Type::U32 : Type::B64);
  // try_wait may name how long it may take.
  if (builder.operandsLeft())
    builder.source(Type::U32);
}

static void decodeTransactions(Builder &builder, bool completes) {
  takeSemantics(builder);
  builder.instruction.handler = completes ? &changeTransactions<-1> : &changeTransactions<1>;
  builder.address();
  builder.source(Type::U32);
}

static void decodeMbarrier(Builder &builder) {
  builder.instruction.kind = InstructionKind::Synchronisation;
  int operation = builder.expectOneOf({"init", "inval", "arrive", "arrive_drop", "expect_tx",
                                       "complete_tx", "test_wait", "try_wait", "pending_count"});
  switch (operation) {
  case 0:
    takeSemantics(builder);
    builder.instruction.handler = initialise;
    builder.address();
    builder.source(Type::U32);
    return;
  case 1:
    takeSemantics(builder);
    builder.instruction.handler = invalidate;
    builder.address();
    return;
  case 2:
    return decodeArrive(builder, false);
  case 3:
    return decodeArrive(builder, true);
  case 4:
    return decodeTransactions(builder, false);
  case 5:
    return decodeTransactions(builder, true);
  case 8:
    builder.expect("b64");
    builder.end();
    builder.instruction.handler = pendingCount;
    builder.destination(Type::U32);
    builder.source(Type::B64);
    return;
  default:
    return decodeTest(builder, operation == 7);
  }
}

void addMbarriers(OpcodeTable &table) { table["mbarrier"] = decodeMbarrier; }

} // namespace tenon::sim
