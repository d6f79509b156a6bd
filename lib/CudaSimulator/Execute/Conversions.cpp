// cvt (PTX ISA 9.7.9.22): between integers, between floats of all formats, and both ways.
//
// Every number but those of 64-bit integers is exact in double, so that a conversion is: read it as
// one, round it to an integer if a modifier says so, round it to the format. Integers of 64 bits
// are converted by the host, in the mode that the instruction names.

#include "lib/CudaSimulator/Execute/Rounded.h"
#include <cfenv>

namespace tenon::sim {

namespace {

struct Conversion final : Details {
  Type to, from;
  int integerRounding = -1; ///< .rni, .rzi, .rmi, .rpi
  Rounding rounding = Rounding::NearestEven;
  bool ftz = false, sat = false, satfinite = false, relu = false;
};

} // namespace

static uint64_t extend(uint64_t bits, Type type) {
  unsigned width = bitsOf(type);
  if (width == 64)
    return bits;
  bits &= (uint64_t(1) << width) - 1;
  bool negative = isSigned(type) && (bits >> (width - 1) & 1);
  return negative ? bits | ~uint64_t(0) << width : bits;
}

/// The format of an element: for a pair, of one of the two.
static const FloatFormat &formatOf(Type type) {
  switch (type) {
  case Type::F16:
  case Type::F16x2:
    return formatF16;
  case Type::BF16:
  case Type::BF16x2:
    return formatBF16;
  case Type::E4M3x2:
    return formatE4M3;
  case Type::E5M2x2:
    return formatE5M2;
  case Type::TF32:
    return formatTF32;
  default:
    return formatF32;
  }
}

static double loadFloat(uint64_t bits, const Conversion &conversion) {
  if (conversion.from == Type::F64)
    return unpack<double>(bits);
  if (conversion.from == Type::F32) {
    float value = unpack<float>(bits);
    return conversion.ftz ? flush(value) : value;
  }
  return decode(formatOf(conversion.from), bits);
}

static double roundToInteger(double value, int rounding) {
  switch (rounding) {
  case 0:
    return std::nearbyint(value);
  case 1:
    return std::trunc(value);
  case 2:
    return std::floor(value);
  case 3:
    return std::ceil(value);
  default:
    return value;
  }
}

static uint64_t storeFloat(double value, const Conversion &conversion) {
  if (conversion.relu && (value < 0 || std::signbit(value)) && value == value)
    value = 0;
  if (conversion.sat)
    value = saturate(value);
  if (conversion.to == Type::F64)
    return pack(value);
  const FloatFormat &format = formatOf(conversion.to);
  uint64_t bits = encode(format, value, conversion.rounding, conversion.satfinite);
  if (conversion.to == Type::TF32)
    return bits << 13;
  if (conversion.to == Type::F32 && conversion.ftz)
    return pack(flush(unpack<float>(bits)));
  return bits;
}

/// Into the range of the integer; NaN as PTX ISA 9.7.9.22 says ("Notes on conversions").
static uint64_t storeInteger(double value, const Conversion &conversion) {
  unsigned width = bitsOf(conversion.to);
  if (value != value) {
    bool zero = conversion.from != Type::F64 && width != 64;
    return zero ? 0 : uint64_t(1) << (width - 1);
  }
  if (isSigned(conversion.to)) {
    double limit = std::ldexp(1.0, static_cast<int>(width) - 1);
    if (value >= limit)
      return static_cast<uint64_t>(width == 64 ? INT64_MAX : (int64_t(1) << (width - 1)) - 1);
    if (value < -limit)
      return static_cast<uint64_t>(width == 64 ? INT64_MIN : -(int64_t(1) << (width - 1)));
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
  if (value <= -1 || value < 0)
    return 0;
  if (value >= std::ldexp(1.0, static_cast<int>(width)))
    return width == 64 ? UINT64_MAX : (uint64_t(1) << width) - 1;
  return static_cast<uint64_t>(value);
}

/// An integer of 64 bits, by the host; `relu` and formats below f32 take it through double.
static uint64_t convertWide(uint64_t bits, const Conversion &conversion) {
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  std::fesetround(modes[static_cast<unsigned>(conversion.rounding) & 3]);
  volatile uint64_t opaque = bits;
  volatile double asDouble =
      isSigned(conversion.from) ? double(static_cast<int64_t>(opaque)) : double(opaque);
  volatile float asFloat =
      isSigned(conversion.from) ? float(static_cast<int64_t>(opaque)) : float(opaque);
  std::fesetround(FE_TONEAREST);
  if (conversion.to == Type::F64)
    return pack(double(asDouble));
  if (conversion.to == Type::F32)
    return pack(float(asFloat));
  return storeFloat(asDouble, conversion);
}

static uint64_t clampInteger(uint64_t bits, const Conversion &conversion) {
  unsigned width = bitsOf(conversion.to);
  bool toSigned = isSigned(conversion.to);
  uint64_t largest = toSigned      ? (uint64_t(1) << (width - 1)) - 1
                     : width == 64 ? UINT64_MAX
                                   : (uint64_t(1) << width) - 1;
  bool negative = isSigned(conversion.from) && static_cast<int64_t>(bits) < 0;
  if (!negative)
    return std::min(bits, largest);
  int64_t smallest = toSigned ? -static_cast<int64_t>(largest) - 1 : 0;
  return static_cast<uint64_t>(std::max(static_cast<int64_t>(bits), smallest));
}

static uint64_t convert(uint64_t bits, const Conversion &conversion) {
  bool fromFloat = isFloat(conversion.from), toFloat = isFloat(conversion.to);
  if (fromFloat) {
    double value = roundToInteger(loadFloat(bits, conversion), conversion.integerRounding);
    return toFloat ? storeFloat(value, conversion) : storeInteger(value, conversion);
  }
  uint64_t value = extend(bits, conversion.from);
  if (!toFloat)
    return extend(conversion.sat ? clampInteger(value, conversion) : value, conversion.to);
  if (bitsOf(conversion.from) == 64)
    return convertWide(value, conversion);
  double exact = isSigned(conversion.from) ? double(static_cast<int64_t>(value)) : double(value);
  return storeFloat(exact, conversion);
}

static Outcome convertLanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &conversion = static_cast<const Conversion &>(*instruction.details);
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  forLanes(mask, [&](unsigned lane) {
    result[lane] = convert(source[lane], conversion) & instruction.resultMask;
  });
  return Outcome::Next;
}

/// Two numbers into a pair: the first source becomes the upper half.
static Outcome convertPair(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &conversion = static_cast<const Conversion &>(*instruction.details);
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *high = warp.row(instruction.operands[1]),
                 *low = warp.row(instruction.operands[2]);
  unsigned width = formatOf(conversion.to).bits();
  forLanes(mask, [&](unsigned lane) {
    result[lane] = convert(high[lane], conversion) << width | convert(low[lane], conversion);
  });
  return Outcome::Next;
}

/// A pair into a pair of another format.
static Outcome convertPairs(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &conversion = static_cast<const Conversion &>(*instruction.details);
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  unsigned from = formatOf(conversion.from).bits(), to = formatOf(conversion.to).bits();
  uint64_t mask64 = (uint64_t(1) << from) - 1;
  forLanes(mask, [&](unsigned lane) {
    uint64_t bits = source[lane];
    result[lane] = convert(bits & mask64, conversion) | convert(bits >> from & mask64, conversion)
                                                            << to;
  });
  return Outcome::Next;
}

// The common conversions of integers, without a table of cases.
template <typename To, typename From> static To convertInteger(From value) {
  return static_cast<To>(value);
}
static float signedToFloat(int32_t value) { return static_cast<float>(value); }
static float unsignedToFloat(uint32_t value) { return static_cast<float>(value); }
static float halfToSingle(uint16_t bits) { return canonical(halfToFloat(bits)); }
static float bfloatToSingle(uint16_t bits) { return canonical(bfloatToFloat(bits)); }

static Handler quickHandler(const Conversion &conversion) {
  if (conversion.sat || conversion.ftz || conversion.relu || conversion.integerRounding >= 0 ||
      conversion.rounding != Rounding::NearestEven)
    return nullptr;
  auto is = [&](Type to, Type from) { return conversion.to == to && conversion.from == from; };
  if (is(Type::U64, Type::U32) || is(Type::S64, Type::U32))
    return &lanes<convertInteger<uint64_t, uint32_t>>;
  if (is(Type::S64, Type::S32) || is(Type::U64, Type::S32))
    return &lanes<convertInteger<int64_t, int32_t>>;
  if (is(Type::U32, Type::U64) || is(Type::S32, Type::S64) || is(Type::U32, Type::S64) ||
      is(Type::S32, Type::U64))
    return &lanes<convertInteger<uint32_t, uint64_t>>;
  if (is(Type::F32, Type::S32))
    return &lanes<signedToFloat>;
  if (is(Type::F32, Type::U32))
    return &lanes<unsignedToFloat>;
  if (is(Type::F32, Type::F16))
    return &lanes<halfToSingle>;
  if (is(Type::F32, Type::BF16))
    return &lanes<bfloatToSingle>;
  return nullptr;
}

static bool isPair(Type type) {
  return type == Type::F16x2 || type == Type::BF16x2 || type == Type::E4M3x2 ||
         type == Type::E5M2x2;
}

static void takeModifiers(Builder &builder, Conversion &conversion) {
  int rounding = builder.acceptOneOf({"rn", "rz", "rm", "rp", "rna"});
  if (rounding >= 0)
    conversion.rounding = static_cast<Rounding>(rounding);
  else
    conversion.integerRounding = builder.acceptOneOf({"rni", "rzi", "rmi", "rpi"});
  conversion.ftz = builder.accept("ftz");
  // The order of these differs between the forms of cvt.
  conversion.sat = builder.accept("sat");
  conversion.relu = builder.accept("relu");
  conversion.satfinite = builder.accept("satfinite");
  conversion.relu |= builder.accept("relu");
  conversion.to = builder.expectType();
  conversion.from = builder.expectType();
  bool narrows = isFloat(conversion.to) && isFloat(conversion.from) &&
                 bitsOf(conversion.to) < bitsOf(conversion.from);
  bool fromInteger = isFloat(conversion.to) && !isFloat(conversion.from);
  if ((narrows || fromInteger || isPair(conversion.to)) && rounding < 0)
    builder.fail("a conversion that may be inexact needs a rounding (.rn, .rz, …)");
  if (!isFloat(conversion.to) && isFloat(conversion.from) && conversion.integerRounding < 0)
    builder.fail("a conversion to an integer needs a rounding (.rni, .rzi, …)");
}

/// cvt.pack (PTX ISA 9.7.9.24): a and b, saturated, in front of c's low bits.
static Outcome packIntegers(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &conversion = static_cast<const Conversion &>(*instruction.details);
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]);
  const uint64_t *c = instruction.operandCount > 3 ? warp.row(instruction.operands[3]) : nullptr;
  unsigned width = bitsOf(conversion.to);
  uint64_t element = (uint64_t(1) << width) - 1;
  forLanes(mask, [&](unsigned lane) {
    uint64_t pair = (convert(a[lane], conversion) & element) << width |
                    (convert(b[lane], conversion) & element);
    result[lane] = static_cast<uint32_t>((c ? c[lane] << (2 * width) : 0) | pair);
  });
  return Outcome::Next;
}

static void decodePack(Builder &builder) {
  auto &conversion = builder.details<Conversion>();
  builder.expect("sat");
  conversion.sat = true;
  conversion.to = builder.expectType({Type::U8, Type::S8, Type::U16, Type::S16});
  conversion.from = builder.expectType({Type::S32});
  bool appends = builder.accept("b32");
  builder.end();
  builder.instruction.handler = packIntegers;
  builder.destination(Type::B32);
  builder.source(Type::S32);
  builder.source(Type::S32);
  if (appends)
    builder.source(Type::B32);
}

static bool isFloat8Pair(Type type) { return type == Type::E4M3x2 || type == Type::E5M2x2; }

/// The forms that there are of floats of 8 bits, and since when: PTX ISA 9.7.9.22, "Description"
/// (.satfinite is mandatory where they are the destination), "PTX ISA Notes" and "Target ISA
/// Notes".
static void checkFloat8(Builder &builder, const Conversion &conversion) {
  bool narrows = isFloat8Pair(conversion.to), widens = isFloat8Pair(conversion.from);
  if (!narrows && !widens)
    return;
  builder.require(78, 89, false);
  if (builder.architecture() < 90)
    builder.require(81, 89, false);
  bool exists = narrows ? conversion.from == Type::F32 || conversion.from == Type::F16x2
                        : conversion.to == Type::F16x2;
  if (!exists)
    builder.fail("there is no conversion from ." + std::string(nameOf(conversion.from)) + " to ." +
                 std::string(nameOf(conversion.to)));
  if (narrows && (!conversion.satfinite || conversion.rounding != Rounding::NearestEven))
    builder.fail("a conversion to ." + std::string(nameOf(conversion.to)) + " is .rn.satfinite");
}

static void decodeCvt(Builder &builder) {
  builder.instruction.kind = InstructionKind::Convert;
  if (builder.accept("pack"))
    return decodePack(builder);
  auto &conversion = builder.details<Conversion>();
  takeModifiers(builder, conversion);
  builder.end();
  for (Type type : {conversion.to, conversion.from})
    if (bytesOf(type) == 0 || type == Type::B128 || type == Type::E4M3 || type == Type::E5M2 ||
        type == Type::F32x2 || kindOf(type) == TypeKind::Bits)
      builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  checkFloat8(builder, conversion);
  if (isPair(conversion.to)) {
    bool fromPair = isPair(conversion.from);
    builder.instruction.handler = fromPair ? convertPairs : convertPair;
    builder.destination(conversion.to);
    builder.source(conversion.from);
    if (!fromPair)
      builder.source(conversion.from);
    return;
  }
  Handler quick = quickHandler(conversion);
  builder.instruction.handler = quick ? quick : convertLanes;
  builder.wideDestination(conversion.to);
  // The quick ones write just the type's bits.
  if (quick && builder.instruction.resultMask >> 1 >> (bitsOf(conversion.to) - 1))
    builder.instruction.handler = convertLanes;
  builder.wideSource(conversion.from);
}

void addConversions(OpcodeTable &table) { table["cvt"] = decodeCvt; }

} // namespace tenon::sim
