// Logic, shifts and bit fields (PTX ISA 9.7.1 and 9.7.8). Predicates are masks of lanes, so logic
// on them is one operation for the whole warp.

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include <algorithm>

namespace tenon::sim {

static uint64_t conjunction(uint64_t a, uint64_t b) { return a & b; }
static uint64_t disjunction(uint64_t a, uint64_t b) { return a | b; }
static uint64_t difference(uint64_t a, uint64_t b) { return a ^ b; }

template <uint64_t (*F)(uint64_t, uint64_t)>
static Outcome predicateLogic(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t value =
      F(warp.predicate(instruction.operands[1]), warp.predicate(instruction.operands[2]));
  warp.setPredicate(instruction.operands[0], static_cast<LaneMask>(value), mask);
  return Outcome::Next;
}

template <uint64_t (*F)(uint64_t, uint64_t)> static void decodeLogic(Builder &builder) {
  Type type = builder.expectType({Type::Pred, Type::B16, Type::B32, Type::B64});
  builder.end();
  if (type == Type::Pred) {
    builder.instruction.handler = &predicateLogic<F>;
    builder.predicateDestination();
    builder.predicateSource();
    builder.predicateSource();
    return;
  }
  // Rows are zero-extended, so one width does for all.
  builder.instruction.handler = &lanes<F>;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
}

static Outcome predicateNot(Warp &warp, const Instruction &instruction, LaneMask mask) {
  warp.setPredicate(instruction.operands[0], ~warp.predicate(instruction.operands[1]), mask);
  return Outcome::Next;
}

template <typename T> static T complement(T a) { return static_cast<T>(~a); }
template <typename T> static T logicalNot(T a) { return a == 0; }

static void decodeNot(Builder &builder) {
  Type type = builder.expectType({Type::Pred, Type::B16, Type::B32, Type::B64});
  builder.end();
  if (type == Type::Pred) {
    builder.instruction.handler = predicateNot;
    builder.predicateDestination();
    builder.predicateSource();
    return;
  }
  builder.instruction.handler = type == Type::B16   ? &lanes<complement<uint16_t>>
                                : type == Type::B32 ? &lanes<complement<uint32_t>>
                                                    : &lanes<complement<uint64_t>>;
  builder.destination(type);
  builder.source(type);
}

static void decodeCnot(Builder &builder) {
  Type type = builder.expectType({Type::B16, Type::B32, Type::B64});
  builder.end();
  builder.instruction.handler = &lanes<logicalNot<uint64_t>>;
  builder.destination(type);
  builder.source(type);
}

// Shifts by the width or more leave nothing but copies of the sign.
template <typename T> static T shiftLeft(T a, uint32_t count) {
  return count >= 8 * sizeof(T) ? T(0) : static_cast<T>(a << count);
}
template <typename T> static T shiftRight(T a, uint32_t count) {
  constexpr uint32_t bits = 8 * sizeof(T);
  if constexpr (std::is_signed_v<T>)
    return static_cast<T>(a >> std::min(count, bits - 1));
  return count >= bits ? T(0) : static_cast<T>(a >> count);
}

static void takeShift(Builder &builder, Type type) {
  builder.end();
  builder.destination(type);
  builder.source(type);
  builder.source(Type::U32);
}

static void decodeShl(Builder &builder) {
  Type type = builder.expectType({Type::B16, Type::B32, Type::B64});
  builder.instruction.handler = type == Type::B16   ? &lanes<shiftLeft<uint16_t>>
                                : type == Type::B32 ? &lanes<shiftLeft<uint32_t>>
                                                    : &lanes<shiftLeft<uint64_t>>;
  takeShift(builder, type);
}

static void decodeShr(Builder &builder) {
  Type type = builder.expectType();
  Handler handler = nullptr;
  switch (type) {
  case Type::B16:
  case Type::U16:
    handler = &lanes<shiftRight<uint16_t>>;
    break;
  case Type::S16:
    handler = &lanes<shiftRight<int16_t>>;
    break;
  case Type::B32:
  case Type::U32:
    handler = &lanes<shiftRight<uint32_t>>;
    break;
  case Type::S32:
    handler = &lanes<shiftRight<int32_t>>;
    break;
  case Type::B64:
  case Type::U64:
    handler = &lanes<shiftRight<uint64_t>>;
    break;
  case Type::S64:
    handler = &lanes<shiftRight<int64_t>>;
    break;
  default:
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  }
  builder.instruction.handler = handler;
  takeShift(builder, type);
}

/// shf (PTX ISA 9.7.8.7): the 64 bits of b (high) and a (low), shifted.
template <bool right, bool wraps> static uint32_t funnel(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t count = wraps ? c & 31 : std::min(c, 32u);
  uint64_t both = uint64_t(b) << 32 | a;
  return static_cast<uint32_t>(right ? both >> count : both << count >> 32);
}

static void decodeShf(Builder &builder) {
  bool right = builder.expectOneOf({"l", "r"});
  bool wraps = builder.expectOneOf({"clamp", "wrap"});
  builder.expect("b32");
  builder.end();
  Handler handlers[2][2] = {{&lanes<funnel<false, false>>, &lanes<funnel<false, true>>},
                            {&lanes<funnel<true, false>>, &lanes<funnel<true, true>>}};
  builder.instruction.handler = handlers[right][wraps];
  builder.destination(Type::B32);
  for (unsigned i = 0; i < 3; ++i)
    builder.source(Type::B32);
}

/// bfe (PTX ISA 9.7.1.18).
template <typename T> static T extractField(T a, uint32_t position, uint32_t length) {
  constexpr unsigned bits = 8 * sizeof(T);
  position &= 255;
  length &= 255;
  if (length == 0)
    return 0;
  using Unsigned = std::make_unsigned_t<T>;
  unsigned signAt = std::min(position + length - 1, bits - 1);
  bool sign = std::is_signed_v<T> && (static_cast<Unsigned>(a) >> signAt & 1);
  Unsigned field = position < bits ? static_cast<Unsigned>(a) >> position : 0;
  unsigned available = position < bits ? std::min(length, bits - position) : 0;
  Unsigned mask = available >= bits ? ~Unsigned(0) : (Unsigned(1) << available) - 1;
  return static_cast<T>(sign ? field | ~mask : field & mask);
}

static void decodeBfe(Builder &builder) {
  Type type = builder.expectType({Type::U32, Type::S32, Type::U64, Type::S64});
  builder.end();
  builder.instruction.handler = type == Type::U32   ? &lanes<extractField<uint32_t>>
                                : type == Type::S32 ? &lanes<extractField<int32_t>>
                                : type == Type::U64 ? &lanes<extractField<uint64_t>>
                                                    : &lanes<extractField<int64_t>>;
  builder.destination(type);
  builder.source(type);
  builder.source(Type::U32);
  builder.source(Type::U32);
}

/// bfi (PTX ISA 9.7.1.19): a's low bits into b.
template <typename T> static T insertField(T a, T b, uint32_t position, uint32_t length) {
  constexpr unsigned bits = 8 * sizeof(T);
  position &= 255;
  length = std::min(length & 255, bits);
  if (position >= bits || length == 0)
    return b;
  T mask = length >= bits ? ~T(0) : (T(1) << length) - 1;
  return (b & ~(mask << position)) | (a & mask) << position;
}

static void decodeBfi(Builder &builder) {
  Type type = builder.expectType({Type::B32, Type::B64});
  builder.end();
  builder.instruction.handler =
      type == Type::B32 ? &lanes<insertField<uint32_t>> : &lanes<insertField<uint64_t>>;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
  builder.source(Type::U32);
  builder.source(Type::U32);
}

/// bfind (PTX ISA 9.7.1.16): the highest bit that differs from the sign, all ones if there is none;
/// or how far it must be shifted to become the highest.
template <typename T, bool shiftAmount> static uint32_t findHighest(T a) {
  auto value = static_cast<std::make_unsigned_t<T>>(a < 0 ? ~a : a);
  if (value == 0)
    return ~0u;
  unsigned position = 8 * sizeof(T) - 1 - static_cast<unsigned>(std::countl_zero(value));
  return shiftAmount ? 8 * sizeof(T) - 1 - position : position;
}

static void decodeBfind(Builder &builder) {
  bool shift = builder.accept("shiftamt");
  Type type = builder.expectType({Type::U32, Type::S32, Type::U64, Type::S64});
  builder.end();
  auto choose = [&]<typename T>(T) -> Handler {
    return shift ? &lanes<findHighest<T, true>> : &lanes<findHighest<T, false>>;
  };
  builder.instruction.handler = type == Type::U32   ? choose(uint32_t())
                                : type == Type::S32 ? choose(int32_t())
                                : type == Type::U64 ? choose(uint64_t())
                                                    : choose(int64_t());
  builder.destination(Type::U32);
  builder.source(type);
}

template <typename T> static T reverse(T a) {
  T result = 0;
  for (unsigned i = 0; i < 8 * sizeof(T); ++i)
    result |= (a >> i & 1) << (8 * sizeof(T) - 1 - i);
  return result;
}
template <typename T> static uint32_t countOnes(T a) {
  return static_cast<uint32_t>(std::popcount(a));
}
template <typename T> static uint32_t leadingZeros(T a) {
  return static_cast<uint32_t>(std::countl_zero(a));
}

static void takeUnary(Builder &builder, Type result, Handler of32, Handler of64) {
  Type type = builder.expectType({Type::B32, Type::B64});
  builder.end();
  builder.instruction.handler = type == Type::B32 ? of32 : of64;
  builder.destination(result == Type::None ? type : result);
  builder.source(type);
}

static void decodeBrev(Builder &builder) {
  takeUnary(builder, Type::None, &lanes<reverse<uint32_t>>, &lanes<reverse<uint64_t>>);
}
static void decodePopc(Builder &builder) {
  takeUnary(builder, Type::U32, &lanes<countOnes<uint32_t>>, &lanes<countOnes<uint64_t>>);
}
static void decodeClz(Builder &builder) {
  takeUnary(builder, Type::U32, &lanes<leadingZeros<uint32_t>>, &lanes<leadingZeros<uint64_t>>);
}

/// lop3 (PTX ISA 9.7.8.6): bit i of the table is the result for a, b, c = the bits of i.
static Outcome lop3(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]),
                 *c = warp.row(instruction.operands[3]);
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i)
      if (instruction.flags >> i & 1)
        value |= (i & 4 ? a[lane] : ~a[lane]) & (i & 2 ? b[lane] : ~b[lane]) &
                 (i & 1 ? c[lane] : ~c[lane]);
    result[lane] = static_cast<uint32_t>(value);
  });
  return Outcome::Next;
}

static void decodeLop3(Builder &builder) {
  builder.expect("b32");
  builder.end();
  builder.instruction.handler = lop3;
  builder.destination(Type::B32);
  for (unsigned i = 0; i < 3; ++i)
    builder.source(Type::B32);
  uint64_t table = builder.immediate();
  if (table > 255)
    builder.fail("the table " + std::to_string(table) + " has more than 8 bits");
  builder.instruction.flags = static_cast<uint16_t>(table);
}

namespace {

enum PrmtMode : uint16_t {
  Default,
  Forward4,
  Backward4,
  Replicate8,
  EdgeLeft,
  EdgeRight,
  Replicate16
};

} // namespace

/// Which of the eight bytes of b:a becomes byte i (PTX ISA 9.7.8.7, prmt).
static unsigned permuteSource(uint16_t mode, uint32_t selector, unsigned i) {
  unsigned s = selector & 3;
  switch (mode) {
  case Forward4:
    return s + i;
  case Backward4:
    return (s + 8 - i) & 7;
  case Replicate8:
    return s;
  case EdgeLeft:
    return std::max(s, i);
  case EdgeRight:
    return std::min(s, i);
  case Replicate16:
    return (s & 1) * 2 + (i & 1);
  default:
    return selector >> (4 * i) & 7;
  }
}

static Outcome permute(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]),
                 *c = warp.row(instruction.operands[3]);
  forLanes(mask, [&](unsigned lane) {
    uint64_t both = b[lane] << 32 | a[lane];
    auto selector = static_cast<uint32_t>(c[lane]);
    uint64_t value = 0;
    for (unsigned i = 0; i < 4; ++i) {
      uint64_t byte = both >> (8 * permuteSource(instruction.flags, selector, i)) & 255;
      // The highest bit of a selector asks for the byte's sign instead.
      if (instruction.flags == Default && (selector >> (4 * i + 3) & 1))
        byte = byte & 128 ? 255 : 0;
      value |= byte << (8 * i);
    }
    result[lane] = value;
  });
  return Outcome::Next;
}

static void decodePrmt(Builder &builder) {
  builder.expect("b32");
  int mode = builder.acceptOneOf({"f4e", "b4e", "rc8", "ecl", "ecr", "rc16"});
  builder.end();
  builder.instruction.flags = static_cast<uint16_t>(mode + 1);
  builder.instruction.handler = permute;
  builder.destination(Type::B32);
  for (unsigned i = 0; i < 3; ++i)
    builder.source(Type::B32);
}

/// bmsk: `length` ones from `position` on.
template <bool wraps> static uint32_t bitMask(uint32_t position, uint32_t length) {
  if (wraps)
    position &= 31, length &= 31;
  if (position > 31 || length == 0)
    return 0;
  uint32_t ones = length > 31 ? ~0u : (1u << length) - 1;
  return ones << position;
}

static void decodeBmsk(Builder &builder) {
  bool wraps = builder.expectOneOf({"clamp", "wrap"});
  builder.expect("b32");
  builder.end();
  builder.instruction.handler = wraps ? &lanes<bitMask<true>> : &lanes<bitMask<false>>;
  builder.destination(Type::B32);
  builder.source(Type::B32);
  builder.source(Type::B32);
}

void addBits(OpcodeTable &table) {
  table["and"] = decodeLogic<conjunction>;
  table["or"] = decodeLogic<disjunction>;
  table["xor"] = decodeLogic<difference>;
  table["not"] = decodeNot;
  table["cnot"] = decodeCnot;
  table["shl"] = decodeShl;
  table["shr"] = decodeShr;
  table["shf"] = decodeShf;
  table["bfe"] = decodeBfe;
  table["bfi"] = decodeBfi;
  table["bfind"] = decodeBfind;
  table["brev"] = decodeBrev;
  table["popc"] = decodePopc;
  table["clz"] = decodeClz;
  table["lop3"] = decodeLop3;
  table["prmt"] = decodePrmt;
  table["bmsk"] = decodeBmsk;
}

} // namespace tenon::sim
