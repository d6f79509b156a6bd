// What a caller allows of f32 numbers that are multiplied.
#ifndef TENON_DIALECTS_TARGET_MULTIPLIEDTYPE_H
#define TENON_DIALECTS_TARGET_MULTIPLIEDTYPE_H

#include "llvm/ADT/StringRef.h"

namespace tenon {

/// The attribute of an op that multiplies f32 numbers: the type to which a target may round them,
/// where it multiplies such numbers faster. It is none of numbers in memory, so that no cast can
/// say this. Whoever does not know it computes in f32.
inline constexpr llvm::StringLiteral kMultipliedTypeAttrName = "tenon.multiplied_type";

} // namespace tenon

#endif
