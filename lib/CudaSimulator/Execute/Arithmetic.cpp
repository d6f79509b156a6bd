// add, sub, mul, mad, fma, div, min, max, abs, neg: opcodes of integers and of floats of all sizes
// (PTX ISA 9.7.1, 9.7.3 and 9.7.4).
//
// Halves are computed in double: the product of two of them is exact there, and their sum is
// rounded to odd before it is rounded to the format, which makes one correct rounding of the two.

#include "lib/CudaSimulator/Execute/IntegerArithmetic.h"
#include "lib/CudaSimulator/Execute/Rounded.h"

namespace tenon::sim {

namespace {

/// How a format of 16 bits is read and rounded.
struct Half {
  static double load(uint16_t bits) { return halfToFloat(bits); }
  static constexpr FloatFormat format = formatF16;
};
struct BFloat {
  static double load(uint16_t bits) { return bfloatToFloat(bits); }
  static constexpr FloatFormat format = formatBF16;
};

enum class HalfOperation { Add, Subtract, Multiply, FusedMultiplyAdd, Minimum, Maximum };

} // namespace

/// min and max (PTX ISA 9.7.3.11): a NaN gives way to a number unless .NaN says otherwise; -0 is
/// smaller than +0.
template <typename T> static T smallerFloat(T a, T b, bool propagate) {
  if (a != a || b != b) {
    if (propagate || (a != a && b != b))
      return std::numeric_limits<T>::quiet_NaN();
    return a != a ? b : a;
  }
  if (a == b)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
template <typename T> static T largerFloat(T a, T b, bool propagate) {
  return -smallerFloat<T>(-a, -b, propagate);
}

template <HalfOperation operation>
static double computeHalf(double a, double b, double c, uint16_t flags) {
  switch (operation) {
  case HalfOperation::Add:
    return addToOdd(a, b);
  case HalfOperation::Subtract:
    return addToOdd(a, -b);
  case HalfOperation::Multiply:
    return a * b;
  case HalfOperation::FusedMultiplyAdd:
    return addToOdd(a * b, c);
  case HalfOperation::Minimum:
    return smallerFloat(a, b, flags & PropagateNaN);
  case HalfOperation::Maximum:
    return largerFloat(a, b, flags & PropagateNaN);
  }
  return 0;
}

/// Flags of operations on halves beyond FloatFlags.
static constexpr uint16_t rectify = 64; ///< fma.relu

static double flushHalf(double value) { return std::fabs(value) < 0x1p-14 ? 0 * value : value; }

template <typename Format, HalfOperation operation>
static uint16_t computeOne(uint16_t a, uint16_t b, uint16_t c, uint16_t flags) {
  double x = Format::load(a), y = Format::load(b), z = Format::load(c);
  if (flags & FlushSubnormals)
    x = flushHalf(x), y = flushHalf(y), z = flushHalf(z);
  double value = computeHalf<operation>(x, y, z, flags);
  if (flags & rectify && value < 0)
    value = 0;
  if (flags & Saturate)
    value = saturate(value);
  uint16_t bits = static_cast<uint16_t>(encode(Format::format, value, Rounding::NearestEven));
  if (flags & FlushSubnormals && std::fabs(Format::load(bits)) < 0x1p-14)
    bits &= 0x8000;
  return bits;
}

template <typename Format, HalfOperation operation, unsigned count>
static Outcome halfLanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]);
  const uint64_t *c = count == 3 ? warp.row(instruction.operands[3]) : b;
  bool two = instruction.vector == 2;
  uint16_t flags = instruction.flags;
  forLanes(mask, [&](unsigned lane) {
    auto part = [&](unsigned shift) {
      return uint64_t(computeOne<Format, operation>(static_cast<uint16_t>(a[lane] >> shift),
                                                    static_cast<uint16_t>(b[lane] >> shift),
                                                    static_cast<uint16_t>(c[lane] >> shift), flags))
             << shift;
    };
    uint64_t value = part(0);
    if (two)
      value |= part(16);
    result[lane] = value;
  });
  return Outcome::Next;
}

static bool isHalf(Type type) {
  return type == Type::F16 || type == Type::F16x2 || type == Type::BF16 || type == Type::BF16x2;
}
static bool isBFloat(Type type) { return type == Type::BF16 || type == Type::BF16x2; }

static void takeOperands(Builder &builder, Type type, unsigned sources) {
  builder.end();
  builder.destination(type);
  for (unsigned i = 0; i < sources; ++i)
    builder.source(type);
}

template <HalfOperation operation, unsigned count>
static void decodeHalf(Builder &builder, Type type, uint16_t flags) {
  // sm_80 has only fma, min and max of bf16.
  constexpr bool isSum = operation == HalfOperation::Add || operation == HalfOperation::Subtract ||
                         operation == HalfOperation::Multiply;
  if (isSum && isBFloat(type))
    builder.require(78, 90, false);
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.flags = flags;
  builder.instruction.vector = type == Type::F16x2 || type == Type::BF16x2 ? 2 : 1;
  builder.instruction.handler =
      isBFloat(type) ? &halfLanes<BFloat, operation, count> : &halfLanes<Half, operation, count>;
  takeOperands(builder, type, count);
}

/// The quick handler where nothing but rounding to nearest is asked for, else the one with flags.
template <FloatOperation operation, unsigned count>
static void decodeFloat(Builder &builder, Type type, uint16_t flags, Handler quick32,
                        Handler quick64) {
  Instruction &instruction = builder.instruction;
  instruction.kind = InstructionKind::Float;
  instruction.flags = flags;
  bool single = type == Type::F32;
  if (!single && type != Type::F64)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  if (flags == 0)
    instruction.handler = single ? quick32 : quick64;
  else
    instruction.handler =
        single ? &roundedLanes<operation, float, count> : &roundedLanes<operation, double, count>;
  takeOperands(builder, type, count);
}

template <typename T> static T addFloat(T a, T b) { return canonical(a + b); }
template <typename T> static T subtractFloat(T a, T b) { return canonical(a - b); }
template <typename T> static T multiplyFloat(T a, T b) { return canonical(a * b); }
template <typename T> static T divideFloat(T a, T b) { return canonical(a / b); }
template <typename T> static T fuse(T a, T b, T c) { return canonical(std::fma(a, b, c)); }

template <bool subtracts> static void decodeAdd(Builder &builder) {
  if (builder.peek() == "cc")
    return decodeCarry(builder, subtracts ? CarryForm::Subtract : CarryForm::Add, false);
  int rounding = builder.acceptOneOf({"rn", "rz", "rm", "rp"});
  uint16_t flags = static_cast<uint16_t>(std::max(rounding, 0));
  flags |= takeFlush(builder);
  bool saturates = builder.accept("sat");
  Type type = builder.expectType();
  if (isHalf(type)) {
    flags |= saturates ? Saturate : 0;
    return decodeHalf<subtracts ? HalfOperation::Subtract : HalfOperation::Add, 2>(builder, type,
                                                                                   flags);
  }
  if (isFloat(type)) {
    flags |= saturates ? Saturate : 0;
    return subtracts ? decodeFloat<FloatOperation::Subtract, 2>(builder, type, flags,
                                                                &lanes<subtractFloat<float>>,
                                                                &lanes<subtractFloat<double>>)
                     : decodeFloat<FloatOperation::Add, 2>(
                           builder, type, flags, &lanes<addFloat<float>>, &lanes<addFloat<double>>);
  }
  if (flags || rounding >= 0)
    builder.fail("integers are not rounded");
  Handler handler = saturates   ? integerSaturated(type, subtracts)
                    : subtracts ? integerSubtract(type)
                                : integerAdd(type);
  decodeIntegerBinary(builder, type, handler);
}

static bool isIntegerProduct(const Builder &builder) {
  return builder.peek() == "lo" || builder.peek() == "hi" || builder.peek() == "wide";
}

static void decodeMul(Builder &builder) {
  if (isIntegerProduct(builder))
    return decodeIntegerProduct(builder, false);
  uint16_t flags = takeRounding(builder, false);
  flags |= takeFlush(builder);
  flags |= takeSaturate(builder);
  Type type = builder.expectType();
  if (isHalf(type))
    return decodeHalf<HalfOperation::Multiply, 2>(builder, type, flags);
  decodeFloat<FloatOperation::Multiply, 2>(builder, type, flags, &lanes<multiplyFloat<float>>,
                                           &lanes<multiplyFloat<double>>);
}

static void decodeFma(Builder &builder) {
  uint16_t flags = takeRounding(builder, true);
  flags |= takeFlush(builder);
  flags |= takeSaturate(builder);
  if (builder.accept("relu"))
    flags |= rectify;
  Type type = builder.expectType();
  if (isHalf(type))
    return decodeHalf<HalfOperation::FusedMultiplyAdd, 3>(builder, type, flags);
  if (flags & rectify)
    builder.fail("only halves have .relu");
  decodeFloat<FloatOperation::FusedMultiplyAdd, 3>(builder, type, flags, &lanes<fuse<float>>,
                                                   &lanes<fuse<double>>);
}

/// mad of floats is fma (PTX ISA 9.7.3.7).
static void decodeMad(Builder &builder) {
  if (builder.peek(1) == "cc")
    return decodeCarry(builder, CarryForm::MultiplyAdd, false);
  if (isIntegerProduct(builder))
    return decodeIntegerProduct(builder, true);
  decodeFma(builder);
}

/// div.approx and div.full are within 2 ulp; here they are exact (PTX ISA 9.7.3.8).
static void decodeDiv(Builder &builder) {
  bool approximate = builder.acceptOneOf({"approx", "full"}) >= 0;
  int rounding = approximate ? 0 : builder.acceptOneOf({"rn", "rz", "rm", "rp"});
  uint16_t flags = static_cast<uint16_t>(std::max(rounding, 0)) | takeFlush(builder);
  Type type = builder.expectType();
  if (isFloat(type)) {
    if (rounding < 0)
      builder.fail("a division of floats needs a rounding");
    return decodeFloat<FloatOperation::Divide, 2>(builder, type, flags, &lanes<divideFloat<float>>,
                                                  &lanes<divideFloat<double>>);
  }
  if (flags || approximate || rounding >= 0)
    builder.fail("integers are not rounded");
  decodeIntegerBinary(builder, type, integerQuotient(type));
}

template <typename T, bool larger>
static Outcome extremeLanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  uint16_t flags = instruction.flags;
  forLanes(mask, [&](unsigned lane) {
    T value = unpack<T>(warp.row(instruction.operands[1])[lane]);
    if (flags & FlushSubnormals)
      value = flush(value);
    for (unsigned i = 2; i < instruction.operandCount; ++i) {
      T other = unpack<T>(warp.row(instruction.operands[i])[lane]);
      if (flags & FlushSubnormals)
        other = flush(other);
      value = larger ? largerFloat(value, other, flags & PropagateNaN)
                     : smallerFloat(value, other, flags & PropagateNaN);
    }
    result[lane] = pack(canonical(value));
  });
  return Outcome::Next;
}

template <bool larger> static void decodeExtreme(Builder &builder) {
  uint16_t flags = takeFlush(builder);
  flags |= builder.accept("NaN") ? PropagateNaN : 0;
  if (builder.peek() == "xorsign")
    builder.fail("the modifier '.xorsign' is not supported");
  Type type = builder.expectType();
  constexpr auto half = larger ? HalfOperation::Maximum : HalfOperation::Minimum;
  if (isHalf(type))
    return decodeHalf<half, 2>(builder, type, flags);
  if (!isFloat(type)) {
    if (flags)
      builder.fail("integers have no .ftz or .NaN");
    return decodeIntegerBinary(builder, type, larger ? integerMaximum(type) : integerMinimum(type));
  }
  if (type != Type::F32 && type != Type::F64)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.flags = flags;
  builder.instruction.handler =
      type == Type::F32 ? &extremeLanes<float, larger> : &extremeLanes<double, larger>;
  // Three operands from PTX 8.8 on, for f32.
  takeOperands(builder, type, type == Type::F32 && builder.operandsLeft() == 4 ? 3 : 2);
}

/// Clears, or flips, the sign bits that a mask names; subnormals are flushed where asked.
template <bool negates>
static Outcome signLanes(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  uint64_t signs = static_cast<uint64_t>(instruction.offset);
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = source[lane];
    if (instruction.flags & FlushSubnormals)
      value = pack(flush(unpack<float>(value)));
    result[lane] = negates ? value ^ signs : value & ~signs;
  });
  return Outcome::Next;
}

template <bool negates> static void decodeSign(Builder &builder) {
  bool flushes = builder.accept("ftz");
  Type type = builder.expectType();
  if (!isFloat(type)) {
    if (flushes)
      builder.fail("integers have no .ftz");
    return decodeIntegerUnary(builder, type, negates);
  }
  bool two = type == Type::F16x2 || type == Type::BF16x2;
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.offset =
      static_cast<int64_t>(two ? 0x80008000u : uint64_t(1) << (bitsOf(type) - 1));
  builder.instruction.flags = flushes && type == Type::F32 ? FlushSubnormals : 0;
  builder.instruction.handler = &signLanes<negates>;
  takeOperands(builder, type, 1);
}

void addArithmetic(OpcodeTable &table) {
  table["add"] = decodeAdd<false>;
  table["sub"] = decodeAdd<true>;
  table["mul"] = decodeMul;
  table["mad"] = decodeMad;
  table["fma"] = decodeFma;
  table["div"] = decodeDiv;
  table["min"] = decodeExtreme<false>;
  table["max"] = decodeExtreme<true>;
  table["abs"] = decodeSign<false>;
  table["neg"] = decodeSign<true>;
  addIntegerArithmetic(table);
}

} // namespace tenon::sim
