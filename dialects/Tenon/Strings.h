// Where a module keeps the strings that handles stand for (see passes/Graph/InternStrings.cpp).

#ifndef TENON_DIALECTS_TENON_STRINGS_H
#define TENON_DIALECTS_TENON_STRINGS_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon {

/// The attribute of a module: an array of its strings, in the order of their handles.
inline constexpr llvm::StringLiteral kStringsAttrName = "tenon.strings";

/// The unit attribute of an argument or result whose elements are handles of strings, also inside
/// of sequences and optionals, or as the values of maps.
inline constexpr llvm::StringLiteral kStringAttrName = "tenon.string";

/// The same of a map whose keys are.
inline constexpr llvm::StringLiteral kStringKeysAttrName = "tenon.string_keys";

} // namespace tenon

#endif
