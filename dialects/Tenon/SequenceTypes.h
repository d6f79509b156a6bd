// Types of values that are no tensors: what they hold, and what two of them have in common.

#ifndef TENON_DIALECTS_TENON_SEQUENCETYPES_H
#define TENON_DIALECTS_TENON_SEQUENCETYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace tenon {

/// The attribute of a function's result that is a table of maps: their keys.
inline constexpr llvm::StringLiteral kKeysAttrName = "tenon.keys";

/// Whether it is the type of a sequence, optional or map: a value of the host.
bool isHostType(mlir::Type type);
inline bool isHostValue(mlir::Value value) { return isHostType(value.getType()); }

/// What a sequence or optional holds; null for other types.
mlir::Type getListElement(mlir::Type list);

/// Whether it stands for the elements of a list that is known to have none: the element type of
/// tensors that it might have held.
bool isNoElement(mlir::Type element);

/// A tensor's type, or a host value's, as that of a sequence's element: `?` for every size that
/// depends on a run.
mlir::Type toElement(mlir::Type type);

/// The type of elements of which some are of the one type, some of the other: `?` where sizes
/// differ, no rank where ranks do. Null if kinds or element types of tensors differ.
mlir::Type joinElements(mlir::Type a, mlir::Type b);

/// The same of two lists, both sequences or both optionals, or of two types that are equal.
mlir::Type joinHostTypes(mlir::Type a, mlir::Type b);

/// Whether each element of the type `part` is one of the type `whole`.
inline bool isElementOf(mlir::Type part, mlir::Type whole) {
  return joinElements(part, whole) == whole;
}

/// The element type of the tensors, or of the map's values, inside of whatever else: `f32` for
/// `!tenon.optional<!tenon.sequence<tensor<*xf32>>>`, and for a tensor of f32.
mlir::Type getInnerElementType(mlir::Type type);

} // namespace tenon

#endif
