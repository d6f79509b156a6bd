// See PackingBuilder.h.

#include "dialects/Target/PackingBuilder.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

Value PackingBuilder::reshape(Value value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, getElementTypeOrSelf(value.getType()));
  return type == value.getType() ? value : ReshapeOp::create(b, loc, type, value).getResult();
}

Value PackingBuilder::transpose(Value value, ArrayRef<int64_t> permutation) {
  return TransposeOp::create(b, loc, value, b.getDenseI64ArrayAttr(permutation));
}

Value PackingBuilder::pad(Value value, int64_t dim, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  int64_t padded = llvm::alignTo(shape[dim], width);
  if (padded == shape[dim])
    return value;
  shape[dim] = padded;
  DimExprs low(shape.size(), getAffineConstantExpr(0, b.getContext()));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = ConstantOp::create(
      b, loc, scalar,
      DenseElementsAttr::get(scalar, Attribute(b.getZeroAttr(type.getElementType()))));
  return PadOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), value, zero,
                       AffineMapAttr::get(makeDimsMap(low, b.getContext())),
                       PadModeAttr::get(b.getContext(), PadMode::Constant));
}

} // namespace tenon
