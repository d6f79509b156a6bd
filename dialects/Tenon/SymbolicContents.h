// Elements of small tensors that cannot be told.

#ifndef TENON_DIALECTS_TENON_SYMBOLICCONTENTS_H
#define TENON_DIALECTS_TENON_SYMBOLICCONTENTS_H

#include "dialects/Tenon/Shape.h"

namespace tenon {

/// Stands for an element that depends on data, among others that are known. Sizes and contents have
/// no dimensions in their expressions, only symbols.
inline mlir::AffineExpr getUnknownElement(mlir::MLIRContext *context) {
  return mlir::getAffineDimExpr(0, context);
}
inline bool isUnknownElement(mlir::AffineExpr element) {
  return llvm::isa<mlir::AffineDimExpr>(element);
}

} // namespace tenon

#endif
