// The types that PTX instructions and declarations name (PTX ISA 5.2, "Types").
#ifndef TENON_LIB_CUDASIMULATOR_PTX_TYPES_H
#define TENON_LIB_CUDASIMULATOR_PTX_TYPES_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace tenon::sim {

enum class Type : uint8_t {
  None,
  Pred,
  B1,
  U4,
  S4,
  B8,
  U8,
  S8,
  E4M3,
  E5M2,
  B16,
  U16,
  S16,
  F16,
  BF16,
  E4M3x2,
  E5M2x2,
  B32,
  U32,
  S32,
  F32,
  TF32,
  F16x2,
  BF16x2,
  U16x2,
  S16x2,
  B64,
  U64,
  S64,
  F64,
  F32x2,
  B128,
};

/// What the bits of a type mean.
enum class TypeKind : uint8_t { None, Predicate, Bits, Unsigned, Signed, Float };

/// The type that a modifier names, without its dot: "u32".
std::optional<Type> parseType(std::string_view name);
std::string_view nameOf(Type type);

/// Bits of an element: 0 for None, 1 for predicates.
unsigned bitsOf(Type type);

/// Bytes in memory; a predicate and types below a byte have none (0).
inline unsigned bytesOf(Type type) { return bitsOf(type) / 8; }

TypeKind kindOf(Type type);

inline bool isFloat(Type type) { return kindOf(type) == TypeKind::Float; }
inline bool isSigned(Type type) { return kindOf(type) == TypeKind::Signed; }

} // namespace tenon::sim

#endif
