// Functions of one float: roots, reciprocals, exponentials (PTX ISA 9.7.3.13 to 9.7.3.23).
//
// What is `.approx` on hardware is the correctly rounded result here, or within one ulp of it,
// which is inside every error that the instruction set documents; generated code may not depend on
// more.

#include "lib/CudaSimulator/Execute/Rounded.h"

namespace tenon::sim {

namespace {

enum class MathFunction {
  Reciprocal,
  Root,
  ReciprocalRoot,
  Exponential,
  Logarithm,
  Sine,
  Cosine,
  Tangent
};

} // namespace

/// In double, which leaves one correct rounding to f32 in all but some cases in a million.
template <MathFunction function> static double evaluate(double value) {
  switch (function) {
  case MathFunction::Reciprocal:
    return 1 / value;
  case MathFunction::Root:
    return std::sqrt(value);
  case MathFunction::ReciprocalRoot:
    return 1 / std::sqrt(value);
  case MathFunction::Exponential:
    return std::exp2(value);
  case MathFunction::Logarithm:
    return std::log2(value);
  case MathFunction::Sine:
    return std::sin(value);
  case MathFunction::Cosine:
    return std::cos(value);
  case MathFunction::Tangent:
    return std::tanh(value);
  }
  return value;
}

template <MathFunction function>
static Outcome approximate(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  bool flushes = instruction.flags & FlushSubnormals;
  forLanes(mask, [&](unsigned lane) {
    float value = unpack<float>(source[lane]);
    if (flushes)
      value = flush(value);
    auto computed = static_cast<float>(evaluate<function>(value));
    result[lane] = pack(canonical(flushes ? flush(computed) : computed));
  });
  return Outcome::Next;
}

/// The same of halves, one or two in a register (ex2 and tanh).
template <MathFunction function, bool isBFloat>
static Outcome approximateHalves(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  forLanes(mask, [&](unsigned lane) {
    uint64_t value = 0;
    for (unsigned i = 0; i < instruction.vector; ++i) {
      auto bits = static_cast<uint16_t>(source[lane] >> (16 * i));
      double computed = evaluate<function>(isBFloat ? bfloatToFloat(bits) : halfToFloat(bits));
      value |= uint64_t(isBFloat ? floatToBFloat(computed) : floatToHalf(computed)) << (16 * i);
    }
    result[lane] = value;
  });
  return Outcome::Next;
}

static void takeUnary(Builder &builder, Type type, uint16_t flags, Handler handler) {
  builder.end();
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.flags = flags;
  builder.instruction.handler = handler;
  builder.destination(type);
  builder.source(type);
}

/// f64 gets `.approx.ftz` of rcp and rsqrt only, whose results have 20 good bits.
template <MathFunction function>
static Outcome roughDouble(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  forLanes(mask, [&](unsigned lane) {
    double value = evaluate<function>(flush(unpack<double>(source[lane])));
    // The low 32 bits are zero (PTX ISA 9.7.3.14).
    result[lane] = pack(flush(value)) & ~uint64_t(0xffffffff);
  });
  return Outcome::Next;
}

static void decodeRcp(Builder &builder) {
  bool approximates = builder.accept("approx");
  uint16_t flags = approximates ? 0 : takeRounding(builder, true);
  flags |= takeFlush(builder);
  Type type = builder.expectType({Type::F32, Type::F64});
  if (approximates)
    return takeUnary(builder, type, flags,
                     type == Type::F32 ? &approximate<MathFunction::Reciprocal>
                                       : &roughDouble<MathFunction::Reciprocal>);
  // 1 / a.
  builder.end();
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.flags = flags;
  builder.instruction.handler = type == Type::F32
                                    ? &roundedLanes<FloatOperation::Divide, float, 2>
                                    : &roundedLanes<FloatOperation::Divide, double, 2>;
  builder.destination(type);
  builder.push(builder.resolver.constant(type == Type::F32 ? pack(1.0f) : pack(1.0)));
  builder.source(type);
}

static void decodeSqrt(Builder &builder) {
  bool approximates = builder.accept("approx");
  uint16_t flags = approximates ? 0 : takeRounding(builder, true);
  flags |= takeFlush(builder);
  Type type = builder.expectType({Type::F32, Type::F64});
  if (approximates && type == Type::F64)
    builder.fail("there is no approximate root of f64");
  takeUnary(builder, type, flags,
            type == Type::F32 ? &roundedLanes<FloatOperation::SquareRoot, float, 1>
                              : &roundedLanes<FloatOperation::SquareRoot, double, 1>);
}

static void decodeRsqrt(Builder &builder) {
  builder.expect("approx");
  uint16_t flags = takeFlush(builder);
  Type type = builder.expectType({Type::F32, Type::F64});
  takeUnary(builder, type, flags,
            type == Type::F32 ? &approximate<MathFunction::ReciprocalRoot>
                              : &roughDouble<MathFunction::ReciprocalRoot>);
}

template <MathFunction function> static void decodeApproximate(Builder &builder) {
  builder.expect("approx");
  uint16_t flags = takeFlush(builder);
  builder.expect("f32");
  takeUnary(builder, Type::F32, flags, &approximate<function>);
}

/// ex2 and tanh have halves, too.
template <MathFunction function> static void decodeWithHalves(Builder &builder) {
  builder.expect("approx");
  uint16_t flags = takeFlush(builder);
  Type type = builder.expectType({Type::F32, Type::F16, Type::F16x2, Type::BF16, Type::BF16x2});
  if (type == Type::F32)
    return takeUnary(builder, type, flags, &approximate<function>);
  builder.instruction.vector = bitsOf(type) / 16;
  bool isBFloat = type == Type::BF16 || type == Type::BF16x2;
  if (isBFloat)
    builder.require(78, 90, false);
  takeUnary(builder, type, flags,
            isBFloat ? &approximateHalves<function, true> : &approximateHalves<function, false>);
}

/// copysign (PTX ISA 9.7.3.5): a's sign, b's magnitude.
template <typename T> static T withSign(T sign, T magnitude) {
  return std::copysign(magnitude, sign);
}

static void decodeCopysign(Builder &builder) {
  Type type = builder.expectType({Type::F32, Type::F64});
  builder.end();
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.handler =
      type == Type::F32 ? &lanes<withSign<float>> : &lanes<withSign<double>>;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
}

namespace {

enum FloatClass : uint16_t { Finite, Infinite, Number, NotANumber, Normal, Subnormal };

} // namespace

template <typename T>
static Outcome testClass(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask result = 0;
  forLanes(mask, [&](unsigned lane) {
    T value = unpack<T>(warp.row(instruction.operands[1])[lane]);
    int found = std::fpclassify(value);
    bool is = false;
    switch (instruction.flags) {
    case Finite:
      is = found != FP_INFINITE && found != FP_NAN;
      break;
    case Infinite:
      is = found == FP_INFINITE;
      break;
    case Number:
      is = found != FP_NAN;
      break;
    case NotANumber:
      is = found == FP_NAN;
      break;
    case Normal:
      is = found == FP_NORMAL || found == FP_ZERO;
      break;
    case Subnormal:
      is = found == FP_SUBNORMAL;
      break;
    }
    result |= LaneMask(is) << lane;
  });
  warp.setPredicate(instruction.operands[0], result, mask);
  return Outcome::Next;
}

static void decodeTestp(Builder &builder) {
  builder.instruction.flags = static_cast<uint16_t>(
      builder.expectOneOf({"finite", "infinite", "number", "notanumber", "normal", "subnormal"}));
  Type type = builder.expectType({Type::F32, Type::F64});
  builder.end();
  builder.instruction.kind = InstructionKind::Float;
  builder.instruction.handler = type == Type::F32 ? &testClass<float> : &testClass<double>;
  builder.predicateDestination();
  builder.source(type);
}

void addFloatMath(OpcodeTable &table) {
  table["rcp"] = decodeRcp;
  table["sqrt"] = decodeSqrt;
  table["rsqrt"] = decodeRsqrt;
  table["sin"] = decodeApproximate<MathFunction::Sine>;
  table["cos"] = decodeApproximate<MathFunction::Cosine>;
  table["lg2"] = decodeApproximate<MathFunction::Logarithm>;
  table["ex2"] = decodeWithHalves<MathFunction::Exponential>;
  table["tanh"] = decodeWithHalves<MathFunction::Tangent>;
  table["copysign"] = decodeCopysign;
  table["testp"] = decodeTestp;
}

} // namespace tenon::sim
