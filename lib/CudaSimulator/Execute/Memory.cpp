// ld, ldu, st, prefetch and what else names addresses without synchronising (PTX ISA 9.7.9.8 to
// 9.7.9.19).

#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include <atomic>

namespace tenon::sim {

namespace {

/// Instruction::flags of loads and stores.
enum AccessFlags : uint16_t { SpaceMask = 15, SignExtends = 16, Acquires = 32, Releases = 64 };

} // namespace

static uint64_t loadElement(const uint8_t *bytes, unsigned size, bool extends) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, size);
  if (extends && size < 8 && (value >> (8 * size - 1) & 1))
    value |= ~uint64_t(0) << (8 * size);
  return value;
}

/// ld.acquire of shared memory takes over what the last release there knew.
static void acquire(Warp &warp, Space space, uint64_t address, unsigned lane) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool shared = space == Space::Shared || space == Space::SharedCluster ||
                address - sharedWindow < windowBytes;
  if (shared)
    warp.clock.join(locateShared(warp, address, static_cast<int>(lane)).releasedAt(address));
}

static void release(Warp &warp, Space space, uint64_t address, unsigned lane) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  bool shared = space == Space::Shared || space == Space::SharedCluster ||
                address - sharedWindow < windowBytes;
  if (!shared)
    return;
  locateShared(warp, address, static_cast<int>(lane)).releasedAt(address).join(warp.clock);
  warp.tick();
}

template <unsigned size>
static Outcome load(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned count = instruction.vector, bytes = size * count;
  auto space = static_cast<Space>(instruction.flags & SpaceMask);
  countAccess(warp, instruction, mask, count, bytes);
  // Gather first: a destination may be the address.
  uint64_t values[4][warpSize];
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = addressOf(warp, instruction, count, lane);
    const uint8_t *data =
        locate(warp, space, address, bytes, AccessMode::Read, lane, instruction.strong);
    for (unsigned i = 0; i < count; ++i)
      values[i][lane] = loadElement(data + i * size, size, instruction.flags & SignExtends) &
                        instruction.resultMask;
    if (instruction.flags & Acquires)
      acquire(warp, space, address, lane);
  });
  for (unsigned i = 0; i < count; ++i) {
    uint64_t *result = warp.row(instruction.operands[i]);
    forLanes(mask, [&](unsigned lane) { result[lane] = values[i][lane]; });
  }
  // Who looks at global memory like this may wait for another block.
  if (!instruction.strong || (space != Space::Global && space != Space::Generic))
    return Outcome::Next;
  warp.block.cluster.noteProgress();
  return Outcome::Yield;
}

/// Two lanes that store different values to one place leave either there: nobody may depend on
/// that, so it is a fault.
static void checkCollisions(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned bytes = instruction.bytes * instruction.vector;
  uint64_t previous = 0;
  bool ascending = true, isFirst = true;
  for (LaneMask rest = mask; rest && ascending; rest &= rest - 1, isFirst = false) {
    uint64_t address = addressOf(warp, instruction, 0, std::countr_zero(rest));
    ascending = isFirst || address >= previous + bytes;
    previous = address;
  }
  if (ascending)
    return;
  for (LaneMask a = mask; a; a &= a - 1)
    for (LaneMask b = a & (a - 1); b; b &= b - 1) {
      unsigned first = std::countr_zero(a), second = std::countr_zero(b);
      uint64_t address = addressOf(warp, instruction, 0, first);
      // A generic address of local memory means another place in each lane.
      if (address != addressOf(warp, instruction, 0, second) || address - localWindow < windowBytes)
        continue;
      for (unsigned i = 0; i < instruction.vector; ++i) {
        const uint64_t *row = warp.row(instruction.operands[1 + i]);
        uint64_t unlike = row[first] ^ row[second];
        if (instruction.bytes < 8)
          unlike &= (uint64_t(1) << (8 * instruction.bytes)) - 1;
        if (unlike)
          throw Fault(FaultKind::Trap,
                      "data race: lanes " + std::to_string(first) + " and " +
                          std::to_string(second) + " store different values to one address",
                      static_cast<int>(second));
      }
    }
}

template <unsigned size>
static Outcome store(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned count = instruction.vector, bytes = size * count;
  auto space = static_cast<Space>(instruction.flags & SpaceMask);
  countAccess(warp, instruction, mask, 0, bytes);
  bool ownBytes = space == Space::Local || space == Space::Param;
  if (warp.block.cluster.request.options->checkRaces && !instruction.strong && !ownBytes)
    checkCollisions(warp, instruction, mask);
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = addressOf(warp, instruction, 0, lane);
    if (instruction.flags & Releases)
      release(warp, space, address, lane);
    uint8_t *data =
        locate(warp, space, address, bytes, AccessMode::Write, lane, instruction.strong);
    for (unsigned i = 0; i < count; ++i) {
      // Not between what an atomic operation of another block reads and writes.
      std::unique_lock<std::mutex> lock;
      if (instruction.strong)
        lock = std::unique_lock(atomicLockOf(address + i * size));
      std::memcpy(data + i * size, &warp.row(instruction.operands[1 + i])[lane], size);
    }
  });
  warp.block.cluster.noteProgress();
  return Outcome::Next;
}

static InstructionKind kindOf(Space space) {
  switch (space) {
  case Space::Generic:
  case Space::Global:
    return InstructionKind::GlobalMemory;
  case Space::Shared:
  case Space::SharedCluster:
    return InstructionKind::SharedMemory;
  default:
    return InstructionKind::OtherMemory;
  }
}

static unsigned takeVector(Builder &builder) {
  return builder.accept("v2") ? 2 : builder.accept("v4") ? 4 : 1;
}

/// What ld and st share, up to the type. A number of 128 bits is two of 64.
static Type takeAccess(Builder &builder, bool loads, bool &policy, unsigned &count) {
  Instruction &instruction = builder.instruction;
  Order order = takeOrder(builder);
  Space space = takeSpace(builder);
  policy = takeHints(builder);
  count = takeVector(builder);
  Type type = builder.expectType();
  builder.end();
  if (type == Type::Pred || bytesOf(type) == 0)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  if (loads ? order.releases : order.acquires)
    builder.fail(loads ? "a load cannot release" : "a store cannot acquire");
  if (bytesOf(type) * count > 16)
    builder.fail("more than 128 bits at a time are not supported");
  instruction.kind = kindOf(space);
  instruction.strong = order.strong;
  instruction.flags =
      static_cast<uint16_t>(static_cast<unsigned>(space) | (isSigned(type) ? SignExtends : 0) |
                            (order.acquires ? Acquires : 0) | (order.releases ? Releases : 0));
  instruction.bytes = static_cast<uint8_t>(std::min(bytesOf(type), 8u));
  instruction.vector = static_cast<uint8_t>(type == Type::B128 ? 2 : count);
  return type;
}

static Handler byWidth(unsigned bytes, Handler of1, Handler of2, Handler of4, Handler of8) {
  return bytes == 1 ? of1 : bytes == 2 ? of2 : bytes == 4 ? of4 : of8;
}

/// Two slots of a register of 128 bits.
static void pushWide(Builder &builder, Slot slot) {
  builder.push(slot);
  builder.push(slot + 1);
}

static void decodeLd(Builder &builder) {
  bool policy = false;
  unsigned count = 1;
  Type type = takeAccess(builder, true, policy, count);
  builder.instruction.handler =
      byWidth(builder.instruction.bytes, &load<1>, &load<2>, &load<4>, &load<8>);
  if (type == Type::B128)
    pushWide(builder, builder.destinationSlot(builder.takeOperand(), type));
  else
    builder.wideDestinations(type, count);
  builder.address();
  if (policy)
    builder.source(Type::B64);
}

static void decodeSt(Builder &builder) {
  bool policy = false;
  unsigned count = 1;
  Type type = takeAccess(builder, false, policy, count);
  builder.instruction.handler =
      byWidth(builder.instruction.bytes, &store<1>, &store<2>, &store<4>, &store<8>);
  builder.address();
  if (type == Type::B128)
    pushWide(builder, builder.sourceSlot(builder.takeOperand(), type));
  else
    builder.wideSources(type, count);
  if (policy)
    builder.source(Type::B64);
}

static Outcome nothing(Warp &, const Instruction &, LaneMask) { return Outcome::Next; }

/// prefetch and prefetchu change nothing that a program can see.
static void decodePrefetch(Builder &builder) {
  builder.instruction.kind = InstructionKind::OtherMemory;
  takeSpace(builder);
  builder.expectOneOf({"L1", "L2", "L2::evict_last", "L2::evict_normal", "tensormap"});
  builder.end();
  builder.instruction.handler = nothing;
  builder.address();
}

/// createpolicy makes a number that accesses carry along; caches are not simulated, so any will do.
static Outcome makePolicy(Warp &warp, const Instruction &instruction, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) { warp.row(instruction.operands[0])[lane] = 1; });
  return Outcome::Next;
}

static void decodeCreatepolicy(Builder &builder) {
  builder.instruction.kind = InstructionKind::Move;
  builder.expect("fractional");
  while (builder.acceptOneOf(
             {"L2::evict_last", "L2::evict_normal", "L2::evict_first", "L2::evict_unchanged"}) >= 0)
    continue;
  builder.expect("b64");
  builder.end();
  builder.instruction.handler = makePolicy;
  builder.destination(Type::B64);
  if (builder.operandsLeft())
    builder.source(Type::F32);
}

static void decodeDiscard(Builder &builder) {
  builder.instruction.kind = InstructionKind::OtherMemory;
  builder.accept("global");
  builder.expectOneOf({"L2", "L2::evict_normal"});
  builder.end();
  builder.instruction.handler = nothing;
  builder.address();
  builder.immediate();
}

void addMemory(OpcodeTable &table) {
  table["ld"] = table["ldu"] = decodeLd;
  table["st"] = decodeSt;
  table["prefetch"] = table["prefetchu"] = decodePrefetch;
  table["createpolicy"] = decodeCreatepolicy;
  table["applypriority"] = table["discard"] = decodeDiscard;
}

} // namespace tenon::sim
