// Reductions: types, and elements as a loop over the reduced dimensions.

#include "dialects/Tenon/Reduction.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tenon {

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                         ValueRange operands, DictionaryAttr,
                                         OpaqueProperties properties, RegionRange,
                                         SmallVectorImpl<Type> &types) {
  DimExprs dims = getDims(operands[0].getType());
  for (int64_t axis : properties.as<Properties *>()->axes.asArrayRef()) {
    if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
      return emitOptionalError(loc, "axis ", axis, " is not a dimension of ",
                               operands[0].getType());
    dims[axis] = getAffineConstantExpr(1, context);
  }
  types.push_back(makeTensorType(dims, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

LogicalResult ReduceOp::verify() {
  SmallVector<int64_t> axes(getAxes());
  llvm::sort(axes);
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    return emitOpError("names an axis twice");
  return success();
}

bool ReduceOp::isExpensiveElement() { return true; }

Value emitNeutral(ElementEmitter &e, ReduceKind kind, Type elementType) {
  Type type = ElementEmitter::computeType(elementType);
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return e.splat(elementType, 0);
  case ReduceKind::Prod:
    return e.splat(elementType, 1);
  case ReduceKind::Max:
  case ReduceKind::Min: {
    bool isMax = kind == ReduceKind::Max;
    if (isa<FloatType>(type))
      return e.splat(elementType, isMax ? -HUGE_VAL : HUGE_VAL);
    unsigned width = type.getIntOrFloatBitWidth();
    APInt value = isUnsigned
                      ? (isMax ? APInt::getMinValue(width) : APInt::getMaxValue(width))
                      : (isMax ? APInt::getSignedMinValue(width) : APInt::getSignedMaxValue(width));
    TypedAttr attr = e.builder().getIntegerAttr(type, value);
    if (e.lanes() > 1)
      attr = DenseElementsAttr::get(VectorType::get({e.lanes()}, type), attr);
    return arith::ConstantOp::create(e.builder(), e.loc(), attr);
  }
  }
  llvm_unreachable("all kinds are handled");
}

Value emitExtremum(OpBuilder &b, Location loc, bool isMax, Value lhs, Value rhs) {
  auto predicate = isMax ? arith::CmpFPredicate::OGT : arith::CmpFPredicate::OLT;
  Value isBetter = arith::CmpFOp::create(b, loc, predicate, lhs, rhs);
  return arith::SelectOp::create(b, loc, isBetter, lhs, rhs);
}

/// `value` if it is NaN, else the other.
static Value preferNaN(OpBuilder &b, Location loc, Value value, Value other) {
  Value isNaN = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
  return arith::SelectOp::create(b, loc, isNaN, value, other);
}

Value emitCombine(OpBuilder &b, Location loc, ReduceKind kind, Type elementType, Value lhs,
                  Value rhs) {
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(lhs.getType()));
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return isFloat ? Value(arith::AddFOp::create(b, loc, lhs, rhs))
                   : Value(arith::AddIOp::create(b, loc, lhs, rhs));
  case ReduceKind::Prod:
    return isFloat ? Value(arith::MulFOp::create(b, loc, lhs, rhs))
                   : Value(arith::MulIOp::create(b, loc, lhs, rhs));
  case ReduceKind::Max:
  case ReduceKind::Min: {
    bool isMax = kind == ReduceKind::Max;
    if (isFloat)
      return preferNaN(b, loc, lhs, emitExtremum(b, loc, isMax, lhs, rhs));
    Value takesNew;
    if (isUnsigned)
      takesNew = arith::CmpIOp::create(
          b, loc, isMax ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::ult, rhs, lhs);
    else
      takesNew = arith::CmpIOp::create(
          b, loc, isMax ? arith::CmpIPredicate::sgt : arith::CmpIPredicate::slt, rhs, lhs);
    return arith::SelectOp::create(b, loc, takesNew, rhs, lhs);
  }
  }
  llvm_unreachable("all kinds are handled");
}

unsigned countCarried(ReduceKind kind, Type elementType) {
  bool isExtremum = kind == ReduceKind::Max || kind == ReduceKind::Min;
  return isExtremum && isa<FloatType>(ElementEmitter::computeType(elementType)) ? 2 : 1;
}

SmallVector<Value> emitStart(ElementEmitter &e, ReduceKind kind, Type elementType) {
  SmallVector<Value> start = {emitNeutral(e, kind, elementType)};
  if (countCarried(kind, elementType) == 2)
    start.push_back(e.splat(elementType, 0));
  return start;
}

SmallVector<Value> emitStep(OpBuilder &b, Location loc, ReduceKind kind, Type elementType,
                            ValueRange carried, Value element) {
  if (carried.size() == 1)
    return {emitCombine(b, loc, kind, elementType, carried[0], element)};
  return {emitExtremum(b, loc, kind == ReduceKind::Max, element, carried[0]),
          preferNaN(b, loc, element, carried[1])};
}

Value emitEnd(OpBuilder &b, Location loc, ValueRange carried) {
  return carried.size() == 1 ? carried[0] : preferNaN(b, loc, carried[1], carried[0]);
}

Value emitMean(ElementEmitter &e, Value sum, Value count) {
  OpBuilder &b = e.builder();
  Type type = getElementTypeOrSelf(sum.getType());
  if (!isa<FloatType>(type)) {
    Value divisor =
        type == b.getI64Type() ? count : Value(arith::TruncIOp::create(b, e.loc(), type, count));
    if (isa<VectorType>(sum.getType()))
      divisor = e.broadcast(divisor);
    return arith::DivSIOp::create(b, e.loc(), sum, divisor);
  }
  Value divisor = arith::SIToFPOp::create(b, e.loc(), type, count);
  if (isa<VectorType>(sum.getType()))
    divisor = e.broadcast(divisor);
  return arith::DivFOp::create(b, e.loc(), sum, divisor);
}

Value ReduceOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  DimExprs dims = getDims(getOperand().getType()), reduced;
  for (int64_t axis : getAxes())
    reduced.push_back(dims[axis]);
  Type elementType = getElementTypeOrSelf(getOperand().getType());
  Value count = e.value(product(reduced, getContext()));
  SmallVector<Value> carried =
      e.loop(count, emitStart(e, getKind(), elementType), [&](Value i, ValueRange carried) {
        SmallVector<LaneIndex> source(index);
        SmallVector<LaneIndex> position = e.delinearize(e.uniform(i), reduced);
        for (auto [axis, part] : llvm::zip(getAxes(), position))
          source[axis] = part;
        Value element = e.element(getOperand(), source);
        return emitStep(e.builder(), e.loc(), getKind(), elementType, carried, element);
      });
  Value result = emitEnd(e.builder(), e.loc(), carried);
  return getKind() == ReduceKind::Mean ? emitMean(e, result, count) : result;
}

} // namespace tenon
