// Integer arithmetic (PTX ISA 9.7.1). Addition, subtraction and the low half of products are the
// same for signed and unsigned numbers and are computed unsigned, where overflow wraps.

#include "lib/CudaSimulator/Execute/IntegerArithmetic.h"
#include <algorithm>

namespace tenon::sim {

// Narrow unsigned types are promoted to int, whose products may overflow.
template <typename T> using Wrapping = std::conditional_t<sizeof(T) < 4, uint32_t, T>;

template <typename T> static T add(T a, T b) { return static_cast<T>(Wrapping<T>(a) + b); }
template <typename T> static T subtract(T a, T b) { return static_cast<T>(Wrapping<T>(a) - b); }
template <typename T> static T multiplyLow(T a, T b) { return static_cast<T>(Wrapping<T>(a) * b); }
template <typename T> static T madLow(T a, T b, T c) {
  return static_cast<T>(Wrapping<T>(a) * b + c);
}

template <typename T> struct Twice;
template <> struct Twice<int16_t> {
  using type = int32_t;
};
template <> struct Twice<uint16_t> {
  using type = uint32_t;
};
template <> struct Twice<int32_t> {
  using type = int64_t;
};
template <> struct Twice<uint32_t> {
  using type = uint64_t;
};
template <> struct Twice<int64_t> {
  using type = __int128;
};
template <> struct Twice<uint64_t> {
  using type = unsigned __int128;
};
template <typename T> using Wide = typename Twice<T>::type;

template <typename T> static T multiplyHigh(T a, T b) {
  return static_cast<T>((Wide<T>(a) * b) >> (8 * sizeof(T)));
}
template <typename T> static T madHigh(T a, T b, T c) {
  return static_cast<T>(std::make_unsigned_t<T>(multiplyHigh(a, b)) + std::make_unsigned_t<T>(c));
}
template <typename T> static Wide<T> multiplyWide(T a, T b) { return Wide<T>(a) * b; }
template <typename T> static Wide<T> madWide(T a, T b, Wide<T> c) {
  using Unsigned = std::make_unsigned_t<Wide<T>>;
  return static_cast<Wide<T>>(Unsigned(Wide<T>(a) * b) + Unsigned(c));
}

/// Division by zero gives all ones, as PTX ISA 9.7.1.9 leaves it to the machine; the smallest
/// number by -1 wraps.
template <typename T> static T divide(T a, T b) {
  if (b == 0)
    return static_cast<T>(-1);
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return static_cast<T>(-std::make_unsigned_t<T>(a));
  return static_cast<T>(a / b);
}
template <typename T> static T remainder(T a, T b) {
  if (b == 0)
    return a;
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return 0;
  return static_cast<T>(a % b);
}

template <typename T> static T smaller(T a, T b) { return std::min(a, b); }
template <typename T> static T larger(T a, T b) { return std::max(a, b); }
template <typename T> static T absolute(T a) {
  return a < 0 ? static_cast<T>(-std::make_unsigned_t<T>(a)) : a;
}
template <typename T> static T negate(T a) { return static_cast<T>(-std::make_unsigned_t<T>(a)); }
template <typename T> static T sumOfDifferences(T a, T b, T c) {
  using Unsigned = std::make_unsigned_t<T>;
  Unsigned difference = a < b ? Unsigned(b) - Unsigned(a) : Unsigned(a) - Unsigned(b);
  return static_cast<T>(Unsigned(c) + difference);
}

/// .sat of add and sub, which only .s32 has.
static int32_t addSaturated(int32_t a, int32_t b) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t(a) + b, INT32_MIN, INT32_MAX));
}
static int32_t subtractSaturated(int32_t a, int32_t b) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t(a) - b, INT32_MIN, INT32_MAX));
}

/// mul24 and mad24 (PTX ISA 9.7.1.5): products of 48 bits of the low 24 bits of each.
template <bool isSigned, bool high> static uint32_t multiply24(uint32_t a, uint32_t b) {
  int64_t x = isSigned ? int32_t(a << 8) >> 8 : int64_t(a & 0xffffff);
  int64_t y = isSigned ? int32_t(b << 8) >> 8 : int64_t(b & 0xffffff);
  return static_cast<uint32_t>(static_cast<uint64_t>(x * y) >> (high ? 16 : 0));
}
template <bool isSigned, bool high> static uint32_t mad24(uint32_t a, uint32_t b, uint32_t c) {
  return multiply24<isSigned, high>(a, b) + c;
}

/// Two numbers of 16 bits at a time (add, min and max of .u16x2 and .s16x2).
template <typename T, T (*F)(T, T)> static uint32_t both(uint32_t a, uint32_t b) {
  uint16_t low = static_cast<uint16_t>(F(static_cast<T>(a), static_cast<T>(b)));
  uint16_t high = static_cast<uint16_t>(F(static_cast<T>(a >> 16), static_cast<T>(b >> 16)));
  return uint32_t(high) << 16 | low;
}

/// dp4a (PTX ISA 9.7.1.23): four products of bytes, added to c.
template <typename A, typename B> static uint32_t dotBytes(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    c += static_cast<uint32_t>(int32_t(static_cast<A>(a >> shift)) *
                               int32_t(static_cast<B>(b >> shift)));
  return c;
}
/// dp2a: two numbers of 16 bits with two bytes of b's low or high half.
template <typename A, typename B, unsigned half>
static uint32_t dotPairs(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned i = 0; i < 2; ++i)
    c += static_cast<uint32_t>(int64_t(static_cast<A>(a >> (16 * i))) *
                               int64_t(static_cast<B>(b >> (16 * half + 8 * i))));
  return c;
}

void decodeIntegerBinary(Builder &builder, Type type, Handler handler) {
  if (!handler)
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  builder.end();
  builder.instruction.handler = handler;
  builder.destination(type);
  builder.source(type);
  builder.source(type);
}

static void decodeTernary(Builder &builder, Type type, Type last, Handler handler) {
  builder.end();
  builder.instruction.handler = handler;
  builder.destination(last);
  builder.source(type);
  builder.source(type);
  builder.source(last);
}

Handler integerAdd(Type type) {
  switch (type) {
  case Type::U16x2:
  case Type::S16x2:
    return &lanes<both<uint16_t, add<uint16_t>>>;
  default:
    break;
  }
  switch (bitsOf(type)) {
  case 16:
    return &lanes<add<uint16_t>>;
  case 32:
    return &lanes<add<uint32_t>>;
  case 64:
    return &lanes<add<uint64_t>>;
  }
  return nullptr;
}

Handler integerSubtract(Type type) {
  switch (bitsOf(type)) {
  case 16:
    return &lanes<subtract<uint16_t>>;
  case 32:
    return type == Type::U16x2 || type == Type::S16x2 ? nullptr : &lanes<subtract<uint32_t>>;
  case 64:
    return &lanes<subtract<uint64_t>>;
  }
  return nullptr;
}

Handler integerSaturated(Type type, bool subtracts) {
  if (type != Type::S32)
    return nullptr;
  return subtracts ? &lanes<subtractSaturated> : &lanes<addSaturated>;
}

Handler integerMinimum(Type type) {
  switch (type) {
  case Type::U16:
    return &lanes<smaller<uint16_t>>;
  case Type::S16:
    return &lanes<smaller<int16_t>>;
  case Type::U32:
    return &lanes<smaller<uint32_t>>;
  case Type::S32:
    return &lanes<smaller<int32_t>>;
  case Type::U64:
    return &lanes<smaller<uint64_t>>;
  case Type::S64:
    return &lanes<smaller<int64_t>>;
  case Type::U16x2:
    return &lanes<both<uint16_t, smaller<uint16_t>>>;
  case Type::S16x2:
    return &lanes<both<int16_t, smaller<int16_t>>>;
  default:
    return nullptr;
  }
}

Handler integerMaximum(Type type) {
  switch (type) {
  case Type::U16:
    return &lanes<larger<uint16_t>>;
  case Type::S16:
    return &lanes<larger<int16_t>>;
  case Type::U32:
    return &lanes<larger<uint32_t>>;
  case Type::S32:
    return &lanes<larger<int32_t>>;
  case Type::U64:
    return &lanes<larger<uint64_t>>;
  case Type::S64:
    return &lanes<larger<int64_t>>;
  case Type::U16x2:
    return &lanes<both<uint16_t, larger<uint16_t>>>;
  case Type::S16x2:
    return &lanes<both<int16_t, larger<int16_t>>>;
  default:
    return nullptr;
  }
}

Handler integerQuotient(Type type) {
  switch (type) {
  case Type::U16:
    return &lanes<divide<uint16_t>>;
  case Type::S16:
    return &lanes<divide<int16_t>>;
  case Type::U32:
    return &lanes<divide<uint32_t>>;
  case Type::S32:
    return &lanes<divide<int32_t>>;
  case Type::U64:
    return &lanes<divide<uint64_t>>;
  case Type::S64:
    return &lanes<divide<int64_t>>;
  default:
    return nullptr;
  }
}

static Handler integerRemainder(Type type) {
  switch (type) {
  case Type::U16:
    return &lanes<remainder<uint16_t>>;
  case Type::S16:
    return &lanes<remainder<int16_t>>;
  case Type::U32:
    return &lanes<remainder<uint32_t>>;
  case Type::S32:
    return &lanes<remainder<int32_t>>;
  case Type::U64:
    return &lanes<remainder<uint64_t>>;
  case Type::S64:
    return &lanes<remainder<int64_t>>;
  default:
    return nullptr;
  }
}

namespace {

/// What mul and mad are made of for one type.
struct Products {
  Handler low, high, wide, madLow, madHigh, madWide;
};

} // namespace

template <typename T> static Products productsOf() {
  using U = std::make_unsigned_t<T>;
  Products products{&lanes<multiplyLow<U>>, &lanes<multiplyHigh<T>>, nullptr,
                    &lanes<madLow<U>>,      &lanes<madHigh<T>>,      nullptr};
  if constexpr (sizeof(T) < 8) {
    products.wide = &lanes<multiplyWide<T>>;
    products.madWide = &lanes<madWide<T>>;
  }
  return products;
}

static Products productsOf(Builder &builder, Type type) {
  switch (type) {
  case Type::U16:
    return productsOf<uint16_t>();
  case Type::S16:
    return productsOf<int16_t>();
  case Type::U32:
    return productsOf<uint32_t>();
  case Type::S32:
    return productsOf<int32_t>();
  case Type::U64:
    return productsOf<uint64_t>();
  case Type::S64:
    return productsOf<int64_t>();
  default:
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  }
}

static Type doubled(Type type) {
  switch (type) {
  case Type::U16:
    return Type::U32;
  case Type::S16:
    return Type::S32;
  case Type::U32:
    return Type::U64;
  default:
    return Type::S64;
  }
}

void decodeIntegerProduct(Builder &builder, bool adds) {
  int half = builder.expectOneOf({"lo", "hi", "wide"});
  // mad.hi.sat.s32 exists and nobody emits it.
  Type type = builder.expectType();
  Products products = productsOf(builder, type);
  Handler handlers[2][3] = {{products.low, products.high, products.wide},
                            {products.madLow, products.madHigh, products.madWide}};
  Handler handler = handlers[adds][half];
  if (!handler)
    builder.fail("there is no .wide of 64 bits");
  Type result = half == 2 ? doubled(type) : type;
  if (adds)
    return decodeTernary(builder, type, result, handler);
  builder.end();
  builder.instruction.handler = handler;
  builder.destination(result);
  builder.source(type);
  builder.source(type);
}

static void decodeRemainder(Builder &builder) {
  Type type = builder.expectType();
  decodeIntegerBinary(builder, type, integerRemainder(type));
}

static void decode24(Builder &builder, bool adds) {
  bool high = builder.expectOneOf({"lo", "hi"});
  Type type = builder.expectType({Type::U32, Type::S32});
  bool isSigned = type == Type::S32;
  if (adds) {
    Handler handler = isSigned ? (high ? &lanes<mad24<true, true>> : &lanes<mad24<true, false>>)
                               : (high ? &lanes<mad24<false, true>> : &lanes<mad24<false, false>>);
    return decodeTernary(builder, type, type, handler);
  }
  decodeIntegerBinary(
      builder, type,
      isSigned ? (high ? &lanes<multiply24<true, true>> : &lanes<multiply24<true, false>>)
               : (high ? &lanes<multiply24<false, true>> : &lanes<multiply24<false, false>>));
}

static void decodeSad(Builder &builder) {
  Type type = builder.expectType();
  Handler handler = nullptr;
  switch (type) {
  case Type::U16:
    handler = &lanes<sumOfDifferences<uint16_t>>;
    break;
  case Type::S16:
    handler = &lanes<sumOfDifferences<int16_t>>;
    break;
  case Type::U32:
    handler = &lanes<sumOfDifferences<uint32_t>>;
    break;
  case Type::S32:
    handler = &lanes<sumOfDifferences<int32_t>>;
    break;
  case Type::U64:
    handler = &lanes<sumOfDifferences<uint64_t>>;
    break;
  case Type::S64:
    handler = &lanes<sumOfDifferences<int64_t>>;
    break;
  default:
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  }
  decodeTernary(builder, type, type, handler);
}

static void decodeDot4(Builder &builder) {
  bool a = builder.expectType({Type::U32, Type::S32}) == Type::S32;
  bool b = builder.expectType({Type::U32, Type::S32}) == Type::S32;
  Handler handlers[2][2] = {{&lanes<dotBytes<uint8_t, uint8_t>>, &lanes<dotBytes<uint8_t, int8_t>>},
                            {&lanes<dotBytes<int8_t, uint8_t>>, &lanes<dotBytes<int8_t, int8_t>>}};
  decodeTernary(builder, Type::B32, Type::B32, handlers[a][b]);
}

static void decodeDot2(Builder &builder) {
  bool high = builder.expectOneOf({"lo", "hi"});
  bool a = builder.expectType({Type::U32, Type::S32}) == Type::S32;
  bool b = builder.expectType({Type::U32, Type::S32}) == Type::S32;
  Handler handlers[2][2][2] = {
      {{&lanes<dotPairs<uint16_t, uint8_t, 0>>, &lanes<dotPairs<uint16_t, uint8_t, 1>>},
       {&lanes<dotPairs<uint16_t, int8_t, 0>>, &lanes<dotPairs<uint16_t, int8_t, 1>>}},
      {{&lanes<dotPairs<int16_t, uint8_t, 0>>, &lanes<dotPairs<int16_t, uint8_t, 1>>},
       {&lanes<dotPairs<int16_t, int8_t, 0>>, &lanes<dotPairs<int16_t, int8_t, 1>>}}};
  decodeTernary(builder, Type::B32, Type::B32, handlers[a][b][high]);
}

/// abs and neg of integers.
void decodeIntegerUnary(Builder &builder, Type type, bool negates) {
  builder.end();
  switch (type) {
  case Type::S16:
    builder.instruction.handler = negates ? &lanes<negate<int16_t>> : &lanes<absolute<int16_t>>;
    break;
  case Type::S32:
    builder.instruction.handler = negates ? &lanes<negate<int32_t>> : &lanes<absolute<int32_t>>;
    break;
  case Type::S64:
    builder.instruction.handler = negates ? &lanes<negate<int64_t>> : &lanes<absolute<int64_t>>;
    break;
  default:
    builder.fail("the type ." + std::string(nameOf(type)) + " is not supported here");
  }
  builder.destination(type);
  builder.source(type);
}

void addIntegerArithmetic(OpcodeTable &table) {
  table["rem"] = decodeRemainder;
  table["mul24"] = [](Builder &builder) { decode24(builder, false); };
  table["mad24"] = [](Builder &builder) { decode24(builder, true); };
  table["sad"] = decodeSad;
  table["dp4a"] = decodeDot4;
  table["dp2a"] = decodeDot2;
  addCarryArithmetic(table);
}

} // namespace tenon::sim
