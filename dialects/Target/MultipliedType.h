// What a caller allows of f32 numbers that are multiplied.
#ifndef TENON_DIALECTS_TARGET_MULTIPLIEDTYPE_H
#define TENON_DIALECTS_TARGET_MULTIPLIEDTYPE_H

#include "llvm/ADT/StringRef.h"

namespace tenon {

/// The attribute of an op that multiplies f32 numbers: the type to which a target may round them
/// where it multiplies them, tf32 or a half. No cast says this: the numbers are f32 in memory, and
/// whoever does not know the attribute computes with them as they are.
inline constexpr llvm::StringLiteral kMultipliedTypeAttrName = "tenon.multiplied_type";

/// The attribute of an op that multiplies f32 numbers: of how many products of bf16 numbers a
/// target may sum each of its products, where it gains by that (docs/numerics.md).
inline constexpr llvm::StringLiteral kBFloatProductsAttrName = "tenon.bfloat_products";

} // namespace tenon

#endif
