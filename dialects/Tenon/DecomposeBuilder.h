// Builds the pieces of decompositions; internal to the dialect.
#ifndef TENON_DIALECTS_TENON_DECOMPOSEBUILDER_H
#define TENON_DIALECTS_TENON_DECOMPOSEBUILDER_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon {

struct DecomposeBuilder {
  mlir::OpBuilder &b;
  mlir::Location loc;

  /// An op without attributes.
  template <typename OpT> mlir::Value make(mlir::ValueRange operands) const {
    llvm::SmallVector<mlir::Type> types;
    // Operands that the op's verifier accepted broadcast.
    bool inferred =
        succeeded(OpT::inferReturnTypes(b.getContext(), loc, operands, mlir::DictionaryAttr(),
                                        mlir::OpaqueProperties(nullptr), {}, types));
    assert(inferred && "operands of a verified op broadcast");
    (void)inferred;
    return OpT::create(b, loc, types, operands);
  }
  mlir::Value reduce(ReduceKind kind, mlir::Value value, llvm::ArrayRef<int64_t> axes) const {
    DimExprs dims = getDims(value.getType());
    for (int64_t axis : axes)
      dims[axis] = mlir::getAffineConstantExpr(1, b.getContext());
    mlir::Type type = makeTensorType(dims, getElementTypeOrSelf(value.getType()));
    return ReduceOp::create(b, loc, type, value, kind, axes);
  }
  /// A number of the element type of `like`, which holds floats or signless integers.
  mlir::Value scalar(mlir::Value like, double value) const {
    return scalar(getElementTypeOrSelf(like.getType()), value);
  }
  mlir::Value scalar(mlir::Type elementType, double value) const {
    auto type = mlir::RankedTensorType::get({}, elementType);
    mlir::Attribute number;
    if (llvm::isa<mlir::FloatType>(elementType))
      number = b.getFloatAttr(elementType, value);
    else
      number = b.getIntegerAttr(elementType, static_cast<int64_t>(value));
    return ConstantOp::create(b, loc, type, mlir::DenseElementsAttr::get(type, number));
  }
  mlir::Value cast(mlir::Value value, mlir::Type elementType) const {
    auto type = llvm::cast<mlir::RankedTensorType>(value.getType());
    if (type.getElementType() == elementType)
      return value;
    return CastOp::create(b, loc, type.clone(elementType), value, elementType);
  }
  mlir::Value reshape(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> dims) const {
    mlir::Type type = makeTensorType(dims, getElementTypeOrSelf(value.getType()));
    return b.createOrFold<ReshapeOp>(loc, type, value);
  }
  mlir::Value broadcast(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> dims) const {
    mlir::Type type = makeTensorType(dims, getElementTypeOrSelf(value.getType()));
    return b.createOrFold<BroadcastOp>(loc, type, value);
  }
};

} // namespace tenon

#endif
