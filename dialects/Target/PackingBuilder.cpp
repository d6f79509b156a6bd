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

Value PackingBuilder::castTo(Value value, Type elementType) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == elementType)
    return value;
  return CastOp::create(b, loc, type.clone(elementType), value, elementType);
}

Value PackingBuilder::scalar(IntegerType type, int64_t value) {
  auto tensor = RankedTensorType::get({}, type);
  APInt bits(type.getWidth(), value, /*isSigned=*/true, /*implicitTrunc=*/true);
  return ConstantOp::create(b, loc, tensor, DenseElementsAttr::get(tensor, bits));
}

Value PackingBuilder::toBytes(Value codes) {
  auto type = cast<RankedTensorType>(codes.getType());
  auto element = cast<IntegerType>(type.getElementType());
  IntegerType byte = b.getIntegerType(8, /*isSigned=*/false);
  if (element.isUnsigned())
    return castTo(codes, byte);
  IntegerType signedByte = b.getI8Type();
  Value wide = castTo(codes, signedByte);
  Value shift = scalar(signedByte, int64_t(1) << (element.getWidth() - 1));
  Value raised = AddOp::create(b, loc, wide.getType(), ValueRange{wide, shift});
  return BitCastOp::create(b, loc, type.clone(byte), raised, byte);
}

Value PackingBuilder::joinCodes(Value codes, int64_t bits) {
  auto type = cast<RankedTensorType>(codes.getType());
  int64_t perByte = 8 / bits, bytes = type.getDimSize(0) / perByte, columns = type.getDimSize(1);
  if (perByte == 1)
    return codes;
  auto byte = cast<IntegerType>(type.getElementType());
  auto partType = RankedTensorType::get({bytes, columns}, byte);
  Value joined;
  for (int64_t i = 0; i < perByte; ++i) {
    DimExprs starts = {b.getAffineConstantExpr(i), b.getAffineConstantExpr(0)};
    Value part = SliceOp::create(b, loc, partType, codes,
                                 AffineMapAttr::get(makeDimsMap(starts, b.getContext())),
                                 b.getDenseI64ArrayAttr({perByte, 1}));
    if (i > 0)
      part = MulOp::create(b, loc, partType, ValueRange{part, scalar(byte, 1 << (bits * i))});
    joined = i > 0 ? AddOp::create(b, loc, partType, ValueRange{joined, part}).getResult() : part;
  }
  return joined;
}

} // namespace tenon
