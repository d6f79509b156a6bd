// Sequences and optionals while a graph is imported: what is known of them, and building them.
//
// A list whose elements are known is what `tenon.sequence_construct` computes. Import functions
// look through it: what they take out of it is the tensor that was put in, so that lists which
// exporters only pass around vanish (nothing reads them), and no run has them.

#ifndef TENON_LIB_IMPORTER_OPS_LISTS_H
#define TENON_LIB_IMPORTER_OPS_LISTS_H

#include "dialects/Tenon/SequenceTypes.h"
#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// The elements of a sequence or optional, if they are known.
std::optional<NodeImporter::Values> getKnownElements(mlir::Value list);

/// Whether the operand is a sequence; reports an error if not.
bool checkSequence(NodeImporter &node, unsigned number);

/// A sequence of these elements, which may be none of `element` (an element's or, if nothing is
/// known of it, the element type of its tensors). Null after an error, as where they differ in
/// type.
mlir::Value makeSequence(NodeImporter &node, mlir::ValueRange elements, mlir::Type element);
/// An optional with an element of this type, or with none if `value` is null.
mlir::Value makeOptional(NodeImporter &node, mlir::Value value, mlir::Type element);

/// A position as tensor<i64>; null if it is omitted, or after an error.
mlir::Value makePosition(NodeImporter &node, mlir::Value position);

/// The element at a position or, without one, of an optional. `rank`, if it is known, is that of
/// tensors whose type does not tell it.
mlir::Value takeElement(NodeImporter &node, mlir::Value list, mlir::Value position,
                        std::optional<int64_t> rank);
/// A sequence with one element more, at its end without a position.
mlir::Value insertElement(NodeImporter &node, mlir::Value sequence, mlir::Value element,
                          mlir::Value position);
/// How many elements a list has, as tensor<i64>.
mlir::Value countElements(NodeImporter &node, mlir::Value list);

} // namespace tenon

#endif
