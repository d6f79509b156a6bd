// Builds the ops that write weights in another form: what all layouts need.
#ifndef TENON_DIALECTS_TARGET_PACKINGBUILDER_H
#define TENON_DIALECTS_TARGET_PACKINGBUILDER_H

#include "mlir/IR/Builders.h"

namespace tenon {

/// Builds ops on weights, of known sizes all.
class PackingBuilder {
public:
  PackingBuilder(mlir::OpBuilder &b, mlir::Location loc) : b(b), loc(loc) {}

  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  /// Pads a dimension to a multiple of `width` with zeros.
  mlir::Value pad(mlir::Value value, int64_t dim, int64_t width);

protected:
  mlir::OpBuilder &b;
  mlir::Location loc;
};

} // namespace tenon

#endif
