// atom and red (PTX ISA 9.7.13.5 and 9.7.13.6). Blocks run on several threads of the host, so every
// atomic operation takes one of a few locks, chosen by its address.

#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Rounded.h"
#include <mutex>

namespace tenon::sim {

namespace {

enum class AtomicOperation {
  And,
  Or,
  Xor,
  Exchange,
  CompareExchange,
  Add,
  Increment,
  Decrement,
  Minimum,
  Maximum
};

struct Atomic final : Details {
  AtomicOperation operation = AtomicOperation::Add;
  Type type = Type::U32;
  Space space = Space::Generic;
  Order order;
  bool returns = false;
  unsigned vector = 1;
};

} // namespace

std::mutex &atomicLockOf(uint64_t address) {
  static std::mutex locks[64];
  return locks[address / 16 % 64];
}

template <typename T> static T combineIntegers(AtomicOperation operation, T old, T value, T other) {
  using Unsigned = std::make_unsigned_t<T>;
  switch (operation) {
  case AtomicOperation::And:
    return old & value;
  case AtomicOperation::Or:
    return old | value;
  case AtomicOperation::Xor:
    return old ^ value;
  case AtomicOperation::Exchange:
    return value;
  case AtomicOperation::CompareExchange:
    return old == value ? other : old;
  case AtomicOperation::Add:
    return static_cast<T>(Unsigned(old) + Unsigned(value));
  case AtomicOperation::Increment:
    return old >= value ? 0 : old + 1;
  case AtomicOperation::Decrement:
    return old == 0 || old > value ? value : old - 1;
  case AtomicOperation::Minimum:
    return std::min(old, value);
  case AtomicOperation::Maximum:
    return std::max(old, value);
  }
  return old;
}

template <typename F>
static uint16_t combineHalf(AtomicOperation operation, uint16_t old, uint16_t value, F load,
                            const FloatFormat &format) {
  double a = load(old), b = load(value);
  if (operation == AtomicOperation::Add)
    return static_cast<uint16_t>(encode(format, addToOdd(a, b), Rounding::NearestEven));
  bool takesNew = operation == AtomicOperation::Minimum ? b < a : b > a;
  return takesNew || a != a ? value : old;
}

static uint64_t combineHalves(const Atomic &atomic, uint64_t old, uint64_t value) {
  bool isBFloat = atomic.type == Type::BF16 || atomic.type == Type::BF16x2;
  uint64_t result = 0;
  for (unsigned shift = 0; shift < bitsOf(atomic.type); shift += 16) {
    auto a = static_cast<uint16_t>(old >> shift), b = static_cast<uint16_t>(value >> shift);
    uint16_t half = isBFloat ? combineHalf(atomic.operation, a, b, bfloatToFloat, formatBF16)
                             : combineHalf(atomic.operation, a, b, halfToFloat, formatF16);
    result |= uint64_t(half) << shift;
  }
  return result;
}

static uint64_t combine(const Atomic &atomic, uint64_t old, uint64_t value, uint64_t other) {
  auto integers = [&]<typename T>(T) {
    return pack(combineIntegers(atomic.operation, static_cast<T>(old), static_cast<T>(value),
                                static_cast<T>(other)));
  };
  switch (atomic.type) {
  case Type::F32:
    // atom.add.f32 flushes no subnormals in global memory, but in shared memory it is not said.
    return pack(canonical(unpack<float>(old) + unpack<float>(value)));
  case Type::F64:
    return pack(unpack<double>(old) + unpack<double>(value));
  case Type::F16:
  case Type::F16x2:
  case Type::BF16:
  case Type::BF16x2:
    return combineHalves(atomic, old, value);
  case Type::B16:
    return integers(uint16_t());
  case Type::S32:
    return integers(int32_t());
  case Type::S64:
    return integers(int64_t());
  case Type::B32:
  case Type::U32:
    return integers(uint32_t());
  default:
    return integers(uint64_t());
  }
}

/// Operands: the old values if any, the address, the values, and the second of cas.
static void updateLane(Warp &warp, const Instruction &instruction, const Atomic &atomic,
                       unsigned lane) {
  unsigned results = atomic.returns ? atomic.vector : 0, size = bytesOf(atomic.type);
  uint64_t address = addressOf(warp, instruction, results, lane);
  std::lock_guard lock(atomicLockOf(address));
  bool isExchange = atomic.operation == AtomicOperation::Exchange && !atomic.returns;
  uint8_t *data = locate(warp, atomic.space, address, size * atomic.vector,
                         isExchange ? AccessMode::Write : AccessMode::Update, lane, true);
  for (unsigned i = 0; i < atomic.vector; ++i) {
    uint64_t old = 0;
    std::memcpy(&old, data + i * size, size);
    uint64_t value = warp.row(instruction.operands[results + 1 + i])[lane];
    uint64_t other = atomic.operation == AtomicOperation::CompareExchange
                         ? warp.row(instruction.operands[results + 2])[lane]
                         : 0;
    uint64_t updated = combine(atomic, old, value, other);
    std::memcpy(data + i * size, &updated, size);
    if (atomic.returns)
      warp.row(instruction.operands[i])[lane] = old;
  }
}

/// What acquire and release mean for the detection of races in shared memory.
static void synchronise(Warp &warp, const Instruction &instruction, const Atomic &atomic,
                        unsigned lane, bool before) {
  uint64_t address = addressOf(warp, instruction, atomic.returns ? atomic.vector : 0, lane);
  bool shared = atomic.space == Space::Shared || atomic.space == Space::SharedCluster ||
                address - sharedWindow < windowBytes;
  if (!shared)
    return;
  VectorClock &clock = locateShared(warp, address, static_cast<int>(lane)).releasedAt(address);
  if (before && atomic.order.releases) {
    clock.join(warp.clock);
    warp.tick();
  }
  if (!before && atomic.order.acquires)
    warp.clock.join(clock);
}

static Outcome update(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &atomic = static_cast<const Atomic &>(*instruction.details);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  // Lanes come in any order; this one differs from the obvious.
  unsigned first = warp.block.cluster.random() % warpSize;
  for (unsigned i = 0; i < warpSize; ++i) {
    unsigned lane = (first + i) % warpSize;
    if (!(mask >> lane & 1))
      continue;
    synchronise(warp, instruction, atomic, lane, true);
    updateLane(warp, instruction, atomic, lane);
    synchronise(warp, instruction, atomic, lane, false);
  }
  warp.block.cluster.noteProgress();
  return Outcome::Next;
}

static bool isSupported(const Atomic &atomic) {
  bool extreme =
      atomic.operation == AtomicOperation::Minimum || atomic.operation == AtomicOperation::Maximum;
  switch (atomic.type) {
  case Type::F32:
  case Type::F64:
    return atomic.operation == AtomicOperation::Add;
  case Type::F16:
  case Type::F16x2:
  case Type::BF16:
  case Type::BF16x2:
    return atomic.operation == AtomicOperation::Add || (extreme && atomic.vector > 1);
  case Type::B16:
    return atomic.operation == AtomicOperation::CompareExchange;
  case Type::B32:
  case Type::U32:
  case Type::S32:
  case Type::B64:
  case Type::U64:
  case Type::S64:
    return true;
  default:
    return false;
  }
}

static void decodeAtomic(Builder &builder, bool returns) {
  builder.instruction.kind = InstructionKind::Atomic;
  builder.instruction.strong = true;
  auto &atomic = builder.details<Atomic>();
  atomic.returns = returns;
  if (builder.accept("async"))
    builder.fail("the modifier '.async' is not supported");
  atomic.order = takeOrder(builder);
  atomic.space = takeSpace(builder);
  // The order of operation, hint and vector differs between forms.
  int operation =
      builder.expectOneOf({"and", "or", "xor", "exch", "cas", "add", "inc", "dec", "min", "max"});
  atomic.operation = static_cast<AtomicOperation>(operation);
  builder.accept("noftz");
  bool policy = builder.accept("L2::cache_hint");
  atomic.vector = builder.accept("v2")   ? 2
                  : builder.accept("v4") ? 4
                  : builder.accept("v8") ? 8
                                         : 1;
  atomic.type = builder.expectType();
  builder.end();
  if (!isSupported(atomic) || bytesOf(atomic.type) * atomic.vector > 16)
    builder.fail("there is no such atomic operation of ." + std::string(nameOf(atomic.type)));
  builder.instruction.bytes = static_cast<uint8_t>(bytesOf(atomic.type));
  builder.instruction.handler = update;
  if (returns)
    builder.destinations(atomic.type, atomic.vector);
  builder.address();
  builder.sources(atomic.type, atomic.vector);
  if (atomic.operation == AtomicOperation::CompareExchange)
    builder.source(atomic.type);
  if (policy)
    builder.source(Type::B64);
}

void addAtomics(OpcodeTable &table) {
  table["atom"] = [](Builder &builder) { decodeAtomic(builder, true); };
  table["red"] = [](Builder &builder) { decodeAtomic(builder, false); };
}

} // namespace tenon::sim
