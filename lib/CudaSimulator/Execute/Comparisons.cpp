// setp, set, selp, slct (PTX ISA 9.7.6 and 9.7.7).

#include "lib/CudaSimulator/Execute/Rounded.h"
#include <array>

namespace tenon::sim {

namespace {

enum Comparison : uint16_t {
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  Lo,
  Ls,
  Hi,
  Hs,
  Equ,
  Neu,
  Ltu,
  Leu,
  Gtu,
  Geu,
  Num,
  Nan
};
enum Combination : uint16_t { None, And, Or, Xor };

/// Instruction::flags of a comparison.
constexpr unsigned combinationShift = 5;
constexpr uint16_t comparisonMask = 31;
constexpr uint16_t negatesThird = 1 << 7, flushes = 1 << 8;

} // namespace

template <typename T> static bool compare(Comparison comparison, T a, T b) {
  bool unordered = a != a || b != b;
  switch (comparison) {
  case Eq:
    return a == b;
  case Ne:
    return !unordered && a != b;
  case Lt:
  case Lo:
    return a < b;
  case Le:
  case Ls:
    return a <= b;
  case Gt:
  case Hi:
    return a > b;
  case Ge:
  case Hs:
    return a >= b;
  case Equ:
    return unordered || a == b;
  case Neu:
    return unordered || a != b;
  case Ltu:
    return unordered || a < b;
  case Leu:
    return unordered || a <= b;
  case Gtu:
    return unordered || a > b;
  case Geu:
    return unordered || a >= b;
  case Num:
    return !unordered;
  case Nan:
    return unordered;
  }
  return false;
}

namespace {

struct HalfElement {
  uint16_t bits;
};
struct BFloatElement {
  uint16_t bits;
};

} // namespace

/// The value to compare that a row's lane holds.
template <typename T> static auto comparable(uint64_t bits, bool flushesSubnormals) {
  if constexpr (std::is_same_v<T, HalfElement>) {
    float value = halfToFloat(static_cast<uint16_t>(bits));
    return flushesSubnormals && std::fabs(value) < 0x1p-14f ? 0 * value : value;
  } else if constexpr (std::is_same_v<T, BFloatElement>) {
    return bfloatToFloat(static_cast<uint16_t>(bits));
  } else if constexpr (std::is_floating_point_v<T>) {
    return flushesSubnormals ? flush(unpack<T>(bits)) : unpack<T>(bits);
  } else {
    return unpack<T>(bits);
  }
}

template <typename T, Comparison comparison>
static LaneMask compareLanes(const uint64_t *a, const uint64_t *b, bool flushesSubnormals) {
  LaneMask result = 0;
  for (unsigned lane = 0; lane < warpSize; ++lane)
    result |= LaneMask(compare(comparison, comparable<T>(a[lane], flushesSubnormals),
                               comparable<T>(b[lane], flushesSubnormals)))
              << lane;
  return result;
}

template <typename T>
static LaneMask compareRows(Comparison comparison, const uint64_t *a, const uint64_t *b,
                            bool flushesSubnormals, unsigned shift = 0) {
  if (shift == 0)
    switch (comparison) {
    case Eq:
      return compareLanes<T, Eq>(a, b, flushesSubnormals);
    case Lt:
      return compareLanes<T, Lt>(a, b, flushesSubnormals);
    case Gt:
      return compareLanes<T, Gt>(a, b, flushesSubnormals);
    case Ge:
      return compareLanes<T, Ge>(a, b, flushesSubnormals);
    default:
      break;
    }
  LaneMask result = 0;
  for (unsigned lane = 0; lane < warpSize; ++lane)
    result |= LaneMask(compare(comparison, comparable<T>(a[lane] >> shift, flushesSubnormals),
                               comparable<T>(b[lane] >> shift, flushesSubnormals)))
              << lane;
  return result;
}

/// The comparison, combined with a third operand where there is one.
static LaneMask combine(Warp &warp, const Instruction &instruction, LaneMask compared, Slot third) {
  auto combination = static_cast<Combination>(instruction.flags >> combinationShift & 3);
  if (combination == None)
    return compared;
  LaneMask other = warp.predicate(third);
  if (instruction.flags & negatesThird)
    other = ~other;
  return combination == And  ? compared & other
         : combination == Or ? compared | other
                             : compared ^ other;
}

/// setp d|q, a, b, c: operands d, q, a, b, c.
template <typename T>
static Outcome setPredicates(Warp &warp, const Instruction &instruction, LaneMask mask) {
  auto comparison = static_cast<Comparison>(instruction.flags & comparisonMask);
  const Slot *operands = instruction.operands;
  LaneMask compared = compareRows<T>(comparison, warp.row(operands[2]), warp.row(operands[3]),
                                     instruction.flags & flushes);
  Slot third = instruction.operandCount > 4 ? operands[4] : noSlot;
  LaneMask second = operands[1] == noSlot ? 0 : combine(warp, instruction, ~compared, third);
  warp.setPredicate(operands[0], combine(warp, instruction, compared, third), mask);
  warp.setPredicate(operands[1], second, mask);
  return Outcome::Next;
}

/// What two halves in each of two registers, operands `first` and the next one, compare to,
/// combined with the predicate behind them if there is one.
template <typename T>
static std::array<LaneMask, 2> compareHalves(Warp &warp, const Instruction &instruction,
                                             unsigned first) {
  auto comparison = static_cast<Comparison>(instruction.flags & comparisonMask);
  const Slot *operands = instruction.operands + first;
  Slot third = instruction.operandCount > first + 2 ? operands[2] : noSlot;
  std::array<LaneMask, 2> results;
  for (unsigned i = 0; i < 2; ++i)
    results[i] = combine(warp, instruction,
                         compareRows<T>(comparison, warp.row(operands[0]), warp.row(operands[1]),
                                        instruction.flags & flushes, 16 * i),
                         third);
  return results;
}

/// Of two halves in a register, one predicate each.
template <typename T>
static Outcome setTwoPredicates(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const Slot *operands = instruction.operands;
  std::array<LaneMask, 2> results = compareHalves<T>(warp, instruction, /*first=*/2);
  warp.setPredicate(operands[0], results[0], mask);
  warp.setPredicate(operands[1], results[1], mask);
  return Outcome::Next;
}

/// set: all ones or 1.0 where it holds, else zero.
template <typename T>
static Outcome setValues(Warp &warp, const Instruction &instruction, LaneMask mask) {
  auto comparison = static_cast<Comparison>(instruction.flags & comparisonMask);
  const Slot *operands = instruction.operands;
  LaneMask compared = compareRows<T>(comparison, warp.row(operands[1]), warp.row(operands[2]),
                                     instruction.flags & flushes);
  compared =
      combine(warp, instruction, compared, instruction.operandCount > 3 ? operands[3] : noSlot);
  uint64_t *result = warp.row(operands[0]);
  forLanes(mask, [&](unsigned lane) {
    result[lane] = compared >> lane & 1 ? static_cast<uint64_t>(instruction.offset) : 0;
  });
  return Outcome::Next;
}

/// Of two halves in a register, one value each.
template <typename T>
static Outcome setTwoValues(Warp &warp, const Instruction &instruction, LaneMask mask) {
  std::array<LaneMask, 2> results = compareHalves<T>(warp, instruction, /*first=*/1);
  uint64_t *result = warp.row(instruction.operands[0]);
  auto value = static_cast<uint64_t>(instruction.offset);
  forLanes(mask, [&](unsigned lane) {
    result[lane] =
        (results[0] >> lane & 1 ? value : 0) | (results[1] >> lane & 1 ? value << 16 : 0);
  });
  return Outcome::Next;
}

template <bool asPredicate> static Handler handlerFor(Type type) {
  auto choose = []<typename T>(T) -> Handler {
    return asPredicate ? &setPredicates<T> : &setValues<T>;
  };
  switch (type) {
  case Type::B16:
  case Type::U16:
    return choose(uint16_t());
  case Type::S16:
    return choose(int16_t());
  case Type::B32:
  case Type::U32:
    return choose(uint32_t());
  case Type::S32:
    return choose(int32_t());
  case Type::B64:
  case Type::U64:
    return choose(uint64_t());
  case Type::S64:
    return choose(int64_t());
  case Type::F32:
    return choose(float());
  case Type::F64:
    return choose(double());
  case Type::F16:
    return choose(HalfElement());
  case Type::BF16:
    return choose(BFloatElement());
  case Type::F16x2:
    return asPredicate ? &setTwoPredicates<HalfElement> : &setTwoValues<HalfElement>;
  case Type::BF16x2:
    return asPredicate ? &setTwoPredicates<BFloatElement> : &setTwoValues<BFloatElement>;
  default:
    return nullptr;
  }
}

static uint16_t takeComparison(Builder &builder) {
  uint16_t flags = static_cast<uint16_t>(
      builder.expectOneOf({"eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu",
                           "ltu", "leu", "gtu", "geu", "num", "nan"}));
  int combination = builder.acceptOneOf({"and", "or", "xor"});
  flags |= static_cast<uint16_t>(combination + 1) << combinationShift;
  return flags | (builder.accept("ftz") ? flushes : 0);
}

/// sm_80 compares no bf16.
static void requireFor(Builder &builder, Type type) {
  if (type == Type::BF16 || type == Type::BF16x2)
    builder.require(78, 90, false);
}

static void takeThird(Builder &builder, uint16_t &flags) {
  if (flags >> combinationShift & 3 && builder.negatablePredicate())
    flags |= negatesThird;
}

static void decodeSetp(Builder &builder) {
  uint16_t flags = takeComparison(builder);
  Type type = builder.expectType();
  builder.end();
  requireFor(builder, type);
  builder.instruction.handler = handlerFor<true>(type);
  if (!builder.instruction.handler)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  const Operand &destination = builder.takeOperand();
  builder.push(builder.predicateSlot(destination));
  builder.push(destination.parts.empty() ? noSlot : builder.predicateSlot(destination.parts[0]));
  builder.source(type);
  builder.source(type);
  takeThird(builder, flags);
  builder.instruction.flags = flags;
}

/// What `set` writes where the comparison holds.
static int64_t trueValueOf(Builder &builder, Type result) {
  switch (result) {
  case Type::U16:
  case Type::S16:
    return 0xffff;
  case Type::U32:
  case Type::S32:
    return 0xffffffff;
  case Type::F32:
    return 0x3f800000;
  case Type::F16:
  case Type::F16x2:
    return 0x3c00;
  case Type::BF16:
  case Type::BF16x2:
    return 0x3f80;
  default:
    builder.fail("the type ." + std::string(nameOf(result)) + " is not supported here");
  }
}

static void decodeSet(Builder &builder) {
  uint16_t flags = takeComparison(builder);
  Type result = builder.expectType();
  Type type = builder.expectType();
  builder.end();
  bool pairs = type == Type::F16x2 || type == Type::BF16x2;
  if (pairs != (result == Type::F16x2 || result == Type::BF16x2))
    builder.fail("pairs are compared into pairs");
  requireFor(builder, type);
  builder.instruction.handler = handlerFor<false>(type);
  if (!builder.instruction.handler)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  builder.instruction.offset = trueValueOf(builder, result);
  builder.destination(result);
  builder.source(type);
  builder.source(type);
  takeThird(builder, flags);
  builder.instruction.flags = flags;
}

static Outcome select(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]);
  LaneMask chosen = warp.predicate(instruction.operands[3]);
  if (instruction.flags)
    chosen = ~chosen;
  forLanes(mask, [&](unsigned lane) { result[lane] = chosen >> lane & 1 ? a[lane] : b[lane]; });
  return Outcome::Next;
}

static void decodeSelp(Builder &builder) {
  Type type = builder.expectType();
  builder.end();
  builder.instruction.kind = InstructionKind::Move;
  builder.instruction.handler = select;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
  builder.instruction.flags = builder.negatablePredicate();
}

/// slct: a where c is not negative.
template <typename T>
static Outcome selectBySign(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]),
                 *c = warp.row(instruction.operands[3]);
  forLanes(mask, [&](unsigned lane) {
    T value = unpack<T>(c[lane]);
    if constexpr (std::is_floating_point_v<T>)
      if (instruction.flags & FlushSubnormals)
        value = flush(value);
    result[lane] = value >= 0 ? a[lane] : b[lane];
  });
  return Outcome::Next;
}

static void decodeSlct(Builder &builder) {
  builder.instruction.flags = takeFlush(builder);
  Type type = builder.expectType();
  Type by = builder.expectType({Type::S32, Type::F32});
  builder.end();
  builder.instruction.handler = by == Type::S32 ? &selectBySign<int32_t> : &selectBySign<float>;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
  builder.source(by);
}

void addComparisons(OpcodeTable &table) {
  table["setp"] = decodeSetp;
  table["set"] = decodeSet;
  table["selp"] = decodeSelp;
  table["slct"] = decodeSlct;
}

} // namespace tenon::sim
