// Sizes of products for cost models (see the header).

#include "passes/Schedule/Cuda/ProductSize.h"
#include "dialects/Target/MultipliedType.h"
#include "dialects/Tenon/NarrowFloat.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace tenon::cuda {

ProductSize getProductSize(Operation *op) {
  constexpr int64_t many = 1 << 12; // what only a run tells
  ContractionSizes sizes = getContractionSizes(op);
  auto known = [&](const DimExprs &dims) {
    return double(getConstantOr(product(dims, op->getContext()), many));
  };
  Type number = getMultipliedTypes(op).first;
  return {.outer = known(sizes.outer),
          .rows = known(sizes.rows),
          .columns = double(getConstantOr(sizes.columns, many)),
          .depth = known(sizes.depth),
          .elementBytes = getElementBytes(number),
          .addsSums = hasShortSums(number)};
}

bool multiplies(TargetAttr target, MmaAttr mma, Type left, Type right) {
  return mma.accepts(left, right) && (!isFloat8(left) || target.hasFloat8());
}

MmaAttr findMma(TargetAttr target, Operation *op, MmaInstruction instruction,
                MmaInstruction rounding) {
  auto [left, right] = getMultipliedTypes(op);
  auto allowed = op->getAttrOfType<TypeAttr>(kMultipliedTypeAttrName);
  bool mayRound = allowed && isa<FloatTF32Type>(allowed.getValue());
  auto mma = MmaAttr::get(op->getContext(), mayRound && left.isF32() ? rounding : instruction);
  return multiplies(target, mma, left, right) ? mma : nullptr;
}

MmaAttr findSplittingMma(Operation *op) {
  auto mma = MmaAttr::get(op->getContext(), MmaInstruction::Mma3xTf32);
  auto [left, right] = getMultipliedTypes(op);
  return op->hasAttr(kBFloatProductsAttrName) && mma.accepts(left, right) ? mma : MmaAttr();
}

bool hasShortSums(Type number) { return isFloat8(number); }

int64_t chooseBand(TargetAttr target, const ProductSize &product, int64_t tileRows,
                   int64_t tileColumns) {
  double operands = product.depth * double(product.elementBytes) * (product.rows + product.columns);
  if (operands <= double(target.getL2Bytes()) / 2)
    return 1;
  double square = std::sqrt(double(target.getMultiprocessors() * tileColumns) / double(tileRows));
  double down = std::ceil(product.rows / double(tileRows));
  return int64_t(llvm::bit_floor(uint64_t(std::max(std::min(square, down), 1.0))));
}

} // namespace tenon::cuda
