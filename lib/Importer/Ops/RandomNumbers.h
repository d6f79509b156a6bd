// The generator of random numbers.
//
// ONNX leaves it open. Here it is a hash of the element's position and the seed, so it is ordinary
// arithmetic on a tensor of positions: it fuses, runs on any number of threads, and gives the same
// numbers in every run. Nodes without a seed get one that depends on their place in the model.

#ifndef TENON_LIB_IMPORTER_OPS_RANDOMNUMBERS_H
#define TENON_LIB_IMPORTER_OPS_RANDOMNUMBERS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

class RandomBuilder {
public:
  using Value = mlir::Value;

  explicit RandomBuilder(NodeImporter &node) : m(node), n(node), seed(getSeed(node)) {}

  /// f32 in [0, 1), for all positions of a tensor; streams are independent of each other.
  Value uniform(llvm::ArrayRef<mlir::AffineExpr> dims, uint32_t stream = 0) {
    mlir::AffineExpr count = product(dims, n.context());
    mlir::Type u32 = n.builder().getIntegerType(32, /*isSigned=*/false);
    Value bits = n.cast(m.iota(count, 0, n.builder().getI64Type()), u32);
    // Wellons' lowbias32, over position and seed.
    bits = xorShift(m.add(bits, constant(bits, seed + stream * 0x9e3779b9u)), 16);
    bits = xorShift(m.mul(bits, constant(bits, 0x7feb352du)), 15);
    bits = xorShift(m.mul(bits, constant(bits, 0x846ca68bu)), 16);
    // The upper 24 bits are what f32 holds exactly.
    Value high = n.infer<ShiftRightOp>({bits, constant(bits, 8)});
    Value number = m.mul(n.cast(high, n.builder().getF32Type()), std::ldexp(1.0, -24));
    return number ? n.reshape(number, dims) : number;
  }

  /// Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v).
  Value normal(llvm::ArrayRef<mlir::AffineExpr> dims) {
    Value u = uniform(dims, 1), v = uniform(dims, 2);
    Value radius = m.sqrt(m.mul(m.log(m.sub(m.scalar(u, 1), u)), -2));
    return m.mul(radius, n.infer<CosOp>(m.mul(v, 2 * 3.14159265358979323846)));
  }

  TensorMath m;

private:
  /// bits ^ (bits >> amount)
  Value xorShift(Value bits, uint32_t amount) {
    return n.infer<XorOp>({bits, n.infer<ShiftRightOp>({bits, constant(bits, amount)})});
  }
  Value constant(Value like, uint32_t value) { return m.scalar(like, value); }

  static uint32_t getSeed(NodeImporter &node);

  NodeImporter &n;
  uint32_t seed;
};

} // namespace tenon

#endif
