// Reductions that keep track of positions: arg_reduce and cumulate.

#include "dialects/Tenon/Reduction.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tenon {

static LogicalResult verifyAxis(Operation *op, int64_t axis) {
  auto type = cast<RankedTensorType>(op->getOperand(0).getType());
  if (axis < 0 || axis >= type.getRank())
    return op->emitOpError("axis ") << axis << " is not a dimension of " << type;
  return success();
}

//===-- ArgReduce --===//

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context, std::optional<Location> loc,
                                            ValueRange operands, DictionaryAttr,
                                            OpaqueProperties properties, RegionRange,
                                            SmallVectorImpl<Type> &types) {
  DimExprs dims = getDims(operands[0].getType());
  int64_t axis = properties.as<Properties *>()->axis.getInt();
  if (axis < 0 || axis >= static_cast<int64_t>(dims.size()))
    return emitOptionalError(loc, "axis ", axis, " is not a dimension of ", operands[0].getType());
  dims[axis] = getAffineConstantExpr(1, context);
  types.push_back(makeTensorType(dims, IntegerType::get(context, 64)));
  return success();
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() != ReduceKind::Max && getKind() != ReduceKind::Min)
    return emitOpError("takes the kinds max and min only");
  return verifyAxis(*this, getAxis());
}

bool ArgReduceOp::isExpensiveElement() { return true; }

/// Whether `element` replaces `held`: it is better, equal where `orEqual`, or the first NaN.
static Value emitBetter(ElementEmitter &e, bool isMax, bool orEqual, bool isUnsigned, Value element,
                        Value held) {
  OpBuilder &b = e.builder();
  if (isa<FloatType>(getElementTypeOrSelf(element.getType()))) {
    auto predicate = isMax ? (orEqual ? arith::CmpFPredicate::OGE : arith::CmpFPredicate::OGT)
                           : (orEqual ? arith::CmpFPredicate::OLE : arith::CmpFPredicate::OLT);
    return arith::CmpFOp::create(b, e.loc(), predicate, element, held);
  }
  using P = arith::CmpIPredicate;
  P predicate = isMax ? (orEqual ? P::sge : P::sgt) : (orEqual ? P::sle : P::slt);
  if (isUnsigned)
    predicate = isMax ? (orEqual ? P::uge : P::ugt) : (orEqual ? P::ule : P::ult);
  return arith::CmpIOp::create(b, e.loc(), predicate, element, held);
}

// Position 0 is held before the first step, so that there is an answer whatever the elements are.
Value ArgReduceOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  Type elementType = getElementTypeOrSelf(getOperand().getType());
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  Value neutral = emitNeutral(e, getKind(), elementType), first = e.splat(b.getI64Type(), 0);
  auto step = [&](Value i, ValueRange carried) {
    SmallVector<LaneIndex> source(index);
    source[getAxis()] = e.uniform(i);
    Value element = e.element(getOperand(), source);
    Value better = emitBetter(e, getKind() == ReduceKind::Max, getSelectLast(), isUnsigned, element,
                              carried[0]);
    Value here = e.broadcast(i);
    return SmallVector<Value>{arith::SelectOp::create(b, e.loc(), better, element, carried[0]),
                              arith::SelectOp::create(b, e.loc(), better, here, carried[1])};
  };
  return e.loop(e.dim(getOperand(), getAxis()), {neutral, first}, step)[1];
}

//===-- Cumulate --===//

LogicalResult CumulateOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                           ValueRange operands, DictionaryAttr, OpaqueProperties,
                                           RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return success();
}

LogicalResult CumulateOp::verify() {
  if (getKind() != ReduceKind::Sum && getKind() != ReduceKind::Prod)
    return emitOpError("takes the kinds sum and prod only");
  return verifyAxis(*this, getAxis());
}

bool CumulateOp::isExpensiveElement() { return true; }

// Every element adds up its own prefix. With lanes along the axis, a lane stops counting at its own
// position, while the loop runs to the last lane's.
Value CumulateOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  Type elementType = getType().getElementType();
  LaneIndex here = index[getAxis()], size = e.uniform(e.dim(getOperand(), getAxis()));
  LaneIndex one = e.index(1);
  if (getReverse())
    here = e.sub(e.sub(size, one), here);
  LaneIndex count = getExclusive() ? here : e.add(here, one);
  Value neutral = emitNeutral(e, getKind(), elementType);
  return e.loop(
      count.isUniform() ? count.base : size.base, neutral, [&](Value i, ValueRange carried) {
        SmallVector<LaneIndex> source(index);
        LaneIndex position = e.uniform(i);
        source[getAxis()] = getReverse() ? e.sub(e.sub(size, one), position) : position;
        Value element = e.element(getOperand(), source);
        if (!count.isUniform())
          element = arith::SelectOp::create(b, e.loc(), e.less(position, count), element, neutral);
        return SmallVector<Value>{
            emitCombine(b, e.loc(), getKind(), elementType, carried[0], element)};
      })[0];
}

} // namespace tenon
