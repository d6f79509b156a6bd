// Sizes that need a minimum or maximum, which the shapes' language of expressions lacks.
//
// Where the answer cannot be told, the run computes it on a small tensor and binds it to a new
// symbol. So every symbol stands for a number that is not negative, as all code that looks at
// shapes assumes (isKnownNonNegative); one that may be negative is the difference of two symbols.

#ifndef TENON_LIB_IMPORTER_RUNTIMESIZES_H
#define TENON_LIB_IMPORTER_RUNTIMESIZES_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// The larger of `expr` and 0; `what` names the new symbol, if one is needed. The same expression
/// gets the same symbol.
mlir::AffineExpr atLeastZero(NodeImporter &node, mlir::AffineExpr expr, llvm::StringRef what);

/// The smaller of `a` and `b`.
inline mlir::AffineExpr smallerOf(NodeImporter &node, mlir::AffineExpr a, mlir::AffineExpr b,
                                  llvm::StringRef what) {
  return a - atLeastZero(node, a - b, what);
}

/// A number of either sign as positive - negative, one of which is zero. Neither is below zero.
struct SignedSize {
  mlir::AffineExpr positive, negative;
};

SignedSize splitSign(NodeImporter &node, mlir::AffineExpr expr, llvm::StringRef what);

/// The elements of a small integer tensor, like NodeImporter::contentsOrBind, of either sign.
std::optional<DimExprs> signedContentsOrBind(NodeImporter &node, mlir::Value value,
                                             llvm::StringRef what);

} // namespace tenon

#endif
