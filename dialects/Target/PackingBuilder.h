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
  mlir::Value castTo(mlir::Value value, mlir::Type elementType);
  /// Codes of any type as unsigned bytes, the smallest number of a signed type as 0.
  mlir::Value toBytes(mlir::Value codes);
  /// [K, N] -> [K / (8 / bits), N]: bytes of neighbouring codes, the first one in the lowest bits.
  /// K is a multiple of what a byte holds.
  mlir::Value joinCodes(mlir::Value codes, int64_t bits);

protected:
  mlir::OpBuilder &b;
  mlir::Location loc;

private:
  /// A tensor of one number, of rank 0.
  mlir::Value scalar(mlir::IntegerType type, int64_t value);
};

} // namespace tenon

#endif
