// The generator of random numbers.
//
// ONNX leaves it open. Here it is a hash of the element's position and the seed, so it is ordinary
// arithmetic on a tensor of positions: it fuses, runs on any number of threads, and gives the same
// numbers in every run. Nodes without a seed get one that depends on their place in the model.

#ifndef TENON_LIB_IMPORTER_OPS_RANDOM_H
#define TENON_LIB_IMPORTER_OPS_RANDOM_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

class RandomBuilder {
public:
  using Value = mlir::Value;

  /// `salt`, an integer of rank 0, makes the numbers others where it is another; it may be null.
  explicit RandomBuilder(NodeImporter &node, Value salt = nullptr)
      : m(node), n(node), salt(salt), seed(getSeed(node)) {}

  /// f32 in [0, 1), for all positions of a tensor; streams are independent of each other.
  Value uniform(llvm::ArrayRef<mlir::AffineExpr> dims, uint32_t stream = 0);
  /// Of mean 0 and variance 1.
  Value normal(llvm::ArrayRef<mlir::AffineExpr> dims);
  /// Classes i64 [B, samples] with the probabilities whose logarithms, but for a constant, are x
  /// [B, C].
  Value chooseClass(Value x, mlir::AffineExpr samples);

  TensorMath m;

private:
  /// bits ^ (bits >> amount)
  Value xorShift(Value bits, uint32_t amount);
  Value constant(Value like, uint32_t value) { return m.scalar(like, value); }
  static uint32_t getSeed(NodeImporter &node);

  NodeImporter &n;
  Value salt;
  uint32_t seed;
};

} // namespace tenon

#endif
