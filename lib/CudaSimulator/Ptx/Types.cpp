// One table of types: name, size, meaning.

#include "lib/CudaSimulator/Ptx/Types.h"
#include <iterator>

namespace tenon::sim {

namespace {

struct TypeFacts {
  std::string_view name;
  unsigned bits;
  TypeKind kind;
};

/// In the order of the enumeration.
constexpr TypeFacts facts[] = {
    {"", 0, TypeKind::None},           {"pred", 1, TypeKind::Predicate},
    {"b1", 1, TypeKind::Bits},         {"u4", 4, TypeKind::Unsigned},
    {"s4", 4, TypeKind::Signed},       {"b8", 8, TypeKind::Bits},
    {"u8", 8, TypeKind::Unsigned},     {"s8", 8, TypeKind::Signed},
    {"e4m3", 8, TypeKind::Float},      {"e5m2", 8, TypeKind::Float},
    {"b16", 16, TypeKind::Bits},       {"u16", 16, TypeKind::Unsigned},
    {"s16", 16, TypeKind::Signed},     {"f16", 16, TypeKind::Float},
    {"bf16", 16, TypeKind::Float},     {"e4m3x2", 16, TypeKind::Float},
    {"e5m2x2", 16, TypeKind::Float},   {"b32", 32, TypeKind::Bits},
    {"u32", 32, TypeKind::Unsigned},   {"s32", 32, TypeKind::Signed},
    {"f32", 32, TypeKind::Float},      {"tf32", 32, TypeKind::Float},
    {"f16x2", 32, TypeKind::Float},    {"bf16x2", 32, TypeKind::Float},
    {"u16x2", 32, TypeKind::Unsigned}, {"s16x2", 32, TypeKind::Signed},
    {"b64", 64, TypeKind::Bits},       {"u64", 64, TypeKind::Unsigned},
    {"s64", 64, TypeKind::Signed},     {"f64", 64, TypeKind::Float},
    {"f32x2", 64, TypeKind::Float},    {"b128", 128, TypeKind::Bits},
};
static_assert(std::size(facts) == static_cast<size_t>(Type::B128) + 1);

} // namespace

static const TypeFacts &factsOf(Type type) { return facts[static_cast<size_t>(type)]; }

std::optional<Type> parseType(std::string_view name) {
  for (size_t i = 1; i < std::size(facts); ++i)
    if (facts[i].name == name)
      return static_cast<Type>(i);
  return std::nullopt;
}

std::string_view nameOf(Type type) { return factsOf(type).name; }
unsigned bitsOf(Type type) { return factsOf(type).bits; }
TypeKind kindOf(Type type) { return factsOf(type).kind; }

} // namespace tenon::sim
