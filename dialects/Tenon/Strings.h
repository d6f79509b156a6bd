// Where a module keeps the strings that handles stand for (see passes/Graph/InternStrings.cpp).

#ifndef TENON_DIALECTS_TENON_STRINGS_H
#define TENON_DIALECTS_TENON_STRINGS_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon {

/// The attribute of a module: an array of its strings, in the order of their handles.
inline constexpr llvm::StringLiteral kStringsAttrName = "tenon.strings";

/// The unit attribute of an argument or result whose elements are handles of strings.
inline constexpr llvm::StringLiteral kStringAttrName = "tenon.string";

} // namespace tenon

#endif
