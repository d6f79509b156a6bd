// Arithmetic with the carry (PTX ISA 9.7.2), of which every lane has one bit. Halves of numbers of
// 64 and 128 bits are added, subtracted and multiplied with it.

#include "lib/CudaSimulator/Execute/IntegerArithmetic.h"

namespace tenon::sim {

namespace {

enum class CarryOperation { Add, Subtract, MultiplyLow, MultiplyHigh };

/// Instruction::flags.
enum CarryFlags : uint16_t { ReadsCarry = 1, WritesCarry = 2 };

} // namespace

/// a + b + carry with the bits that it has.
template <typename T> static T addWithCarry(T a, T b, bool carryIn, bool &carryOut) {
  T sum = a + b;
  bool first = sum < a;
  T result = sum + T(carryIn);
  carryOut = first || result < sum;
  return result;
}

/// a - b - borrow. The carry is set where a borrow is needed.
template <typename T> static T subtractWithBorrow(T a, T b, bool borrowIn, bool &borrowOut) {
  T difference = a - b;
  borrowOut = a < b || (difference == 0 && borrowIn);
  return difference - T(borrowIn);
}

template <typename T, bool isSigned> static T half(T a, T b, bool high) {
  using Wide = std::conditional_t<sizeof(T) == 4, uint64_t, unsigned __int128>;
  using SignedWide = std::conditional_t<sizeof(T) == 4, int64_t, __int128>;
  using Signed = std::make_signed_t<T>;
  if (!high)
    return a * b;
  if (isSigned)
    return static_cast<T>((SignedWide(Signed(a)) * Signed(b)) >> (8 * sizeof(T)));
  return static_cast<T>((Wide(a) * b) >> (8 * sizeof(T)));
}

template <typename T, CarryOperation operation, bool isSigned>
static Outcome compute(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *a = warp.row(instruction.operands[1]), *b = warp.row(instruction.operands[2]);
  const uint64_t *c = instruction.operandCount > 3 ? warp.row(instruction.operands[3]) : nullptr;
  forLanes(mask, [&](unsigned lane) {
    LaneMask bit = LaneMask(1) << lane;
    bool in = instruction.flags & ReadsCarry && warp.carry & bit, out = false;
    auto x = static_cast<T>(a[lane]), y = static_cast<T>(b[lane]);
    T value;
    if constexpr (operation == CarryOperation::Add)
      value = addWithCarry(x, y, in, out);
    else if constexpr (operation == CarryOperation::Subtract)
      value = subtractWithBorrow(x, y, in, out);
    else
      value = addWithCarry(half<T, isSigned>(x, y, operation == CarryOperation::MultiplyHigh),
                           static_cast<T>(c[lane]), in, out);
    result[lane] = value;
    if (instruction.flags & WritesCarry)
      warp.carry = out ? warp.carry | bit : warp.carry & ~bit;
  });
  return Outcome::Next;
}

template <CarryOperation operation> static Handler handlerFor(Type type) {
  bool isMultiplication = operation != CarryOperation::Add && operation != CarryOperation::Subtract;
  switch (type) {
  case Type::B32:
  case Type::U32:
    return &compute<uint32_t, operation, false>;
  case Type::S32:
    return isMultiplication ? &compute<uint32_t, operation, true>
                            : &compute<uint32_t, operation, false>;
  case Type::B64:
  case Type::U64:
    return &compute<uint64_t, operation, false>;
  case Type::S64:
    return isMultiplication ? &compute<uint64_t, operation, true>
                            : &compute<uint64_t, operation, false>;
  default:
    return nullptr;
  }
}

void decodeCarry(Builder &builder, CarryForm form, bool readsCarry) {
  bool high = form == CarryForm::MultiplyAdd && builder.expectOneOf({"lo", "hi"});
  uint16_t flags = readsCarry ? ReadsCarry : 0;
  if (builder.accept("cc"))
    flags |= WritesCarry;
  Type type = builder.expectType();
  builder.end();
  Handler handler = form == CarryForm::Add        ? handlerFor<CarryOperation::Add>(type)
                    : form == CarryForm::Subtract ? handlerFor<CarryOperation::Subtract>(type)
                    : high                        ? handlerFor<CarryOperation::MultiplyHigh>(type)
                                                  : handlerFor<CarryOperation::MultiplyLow>(type);
  if (!handler)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  builder.instruction.handler = handler;
  builder.instruction.flags = flags;
  builder.destination(type);
  for (unsigned i = 0; i < (form == CarryForm::MultiplyAdd ? 3u : 2u); ++i)
    builder.source(type);
}

void addCarryArithmetic(OpcodeTable &table) {
  table["addc"] = [](Builder &builder) { decodeCarry(builder, CarryForm::Add, true); };
  table["subc"] = [](Builder &builder) { decodeCarry(builder, CarryForm::Subtract, true); };
  table["madc"] = [](Builder &builder) { decodeCarry(builder, CarryForm::MultiplyAdd, true); };
}

} // namespace tenon::sim
