// Pooling: elements as a loop over the window. Lanes run along the channels, so that every read is
// a vector load; windows that are known to lie inside pay for no bounds.

#include "dialects/Tenon/Reduction.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon {

namespace {

/// The attributes that all pooling ops share.
struct Window {
  Value operand;
  ArrayRef<int64_t> kernel, strides, dilations;
  ArrayRef<AffineExpr> low;

  unsigned spatialRank() const { return kernel.size(); }
  int64_t volume() const {
    int64_t product = 1;
    for (int64_t size : kernel)
      product *= size;
    return product;
  }

  /// Whether no window of a dimension with `windows` positions leaves [-low, limit).
  bool staysBelow(unsigned d, AffineExpr windows, AffineExpr limit) const {
    AffineExpr last = (windows - 1) * strides[d] - low[d] + (kernel[d] - 1) * dilations[d];
    auto slack = dyn_cast<AffineConstantExpr>(limit - 1 - last);
    return slack && slack.getValue() >= 0;
  }
  bool startsInside(unsigned d) const {
    auto constant = dyn_cast<AffineConstantExpr>(low[d]);
    return constant && constant.getValue() <= 0;
  }
};

template <typename OpT> Window windowOf(OpT op) {
  return Window{op.getOperand(), op.getKernel(), op.getStrides(), op.getDilations(),
                op.getLow().getResults()};
}

LogicalResult verifyWindow(Operation *op, Window window) {
  auto type = cast<RankedTensorType>(window.operand.getType());
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  size_t spatial = window.kernel.size();
  if (type.getRank() != static_cast<int64_t>(spatial) + 2 || result.getRank() != type.getRank() ||
      window.strides.size() != spatial || window.dilations.size() != spatial ||
      window.low.size() != spatial)
    return op->emitOpError("attributes of ")
           << spatial << " spatial dimensions do not fit " << type << " and " << result;
  auto isPositive = [](int64_t value) { return value > 0; };
  if (!llvm::all_of(window.kernel, isPositive) || !llvm::all_of(window.strides, isPositive) ||
      !llvm::all_of(window.dilations, isPositive))
    return op->emitOpError("needs positive kernel sizes, strides and dilations");
  return success();
}

/// A position of a window: the operand's index and whether it lies inside (null: always).
struct WindowPosition {
  SmallVector<LaneIndex> source;
  Value inside;
};

WindowPosition positionAt(ElementEmitter &e, const Window &window, ArrayRef<AffineExpr> resultDims,
                          ArrayRef<LaneIndex> index, Value i) {
  DimExprs dims = getDims(window.operand.getType()), kernel;
  for (int64_t size : window.kernel)
    kernel.push_back(getAffineConstantExpr(size, e.builder().getContext()));
  SmallVector<LaneIndex> offset = e.delinearize(e.uniform(i), kernel);
  WindowPosition result{{index[0]}, {}};
  auto require = [&](Value here) {
    result.inside = result.inside ? e.logicalAnd(result.inside, here) : here;
  };
  for (unsigned d = 0; d < window.spatialRank(); ++d) {
    LaneIndex position = e.add(e.mul(index[d + 1], e.constant(window.strides[d])),
                               e.mul(offset[d], e.constant(window.dilations[d])));
    position = e.sub(position, e.uniform(e.value(window.low[d])));
    if (!window.startsInside(d))
      require(e.lessEqual(e.index(0), position));
    if (!window.staysBelow(d, resultDims[d + 1], dims[d + 1]))
      require(e.less(position, e.uniform(e.value(dims[d + 1]))));
    result.source.push_back(position);
  }
  result.source.push_back(index.back());
  return result;
}

Value readAt(ElementEmitter &e, Value operand, const WindowPosition &position, Value otherwise) {
  auto read = [&] { return e.element(operand, position.source); };
  return position.inside ? e.guarded(position.inside, read, otherwise) : read();
}

} // namespace

LogicalResult MaxPoolOp::verify() { return verifyWindow(*this, windowOf(*this)); }
LogicalResult MaxPoolPositionOp::verify() { return verifyWindow(*this, windowOf(*this)); }
LogicalResult AveragePoolOp::verify() {
  if (getHigh().getNumResults() != getLow().getNumResults())
    return emitOpError("needs as many high as low paddings");
  return verifyWindow(*this, windowOf(*this));
}

Value MaxPoolOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  Window window = windowOf(*this);
  Type elementType = getType().getElementType();
  DimExprs dims = getDims(getType());
  Value lowest = emitNeutral(e, ReduceKind::Max, elementType);
  SmallVector<Value> start = emitStart(e, ReduceKind::Max, elementType);
  SmallVector<Value> end =
      e.loop(e.constant(window.volume()), start, [&](Value i, ValueRange carried) {
        WindowPosition position = positionAt(e, window, dims, index, i);
        Value element = readAt(e, getOperand(), position, lowest);
        return emitStep(e.builder(), e.loc(), ReduceKind::Max, elementType, carried, element);
      });
  return emitEnd(e.builder(), e.loc(), end);
}

// The position starts at -1, so that the first one inside is taken whatever it holds.
Value MaxPoolPositionOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  Window window = windowOf(*this);
  Type elementType = getElementTypeOrSelf(getOperand().getType());
  bool isUnsigned = elementType.isUnsignedInteger();
  DimExprs dims = getDims(getType()), operandDims = getDims(getOperand().getType());
  ArrayRef<AffineExpr> spatialDims = ArrayRef(operandDims).drop_front().drop_back();
  Value lowest = emitNeutral(e, ReduceKind::Max, elementType);
  Value none = e.splat(b.getI64Type(), -1);
  return e.loop(e.constant(window.volume()), {lowest, none}, [&](Value i, ValueRange carried) {
    WindowPosition position = positionAt(e, window, dims, index, i);
    Value element = readAt(e, getOperand(), position, lowest);
    Value larger =
        isa<FloatType>(ElementEmitter::computeType(elementType))
            ? Value(
                  arith::CmpFOp::create(b, e.loc(), arith::CmpFPredicate::OGT, element, carried[0]))
            : Value(arith::CmpIOp::create(
                  b, e.loc(), isUnsigned ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt,
                  element, carried[0]));
    Value first = arith::CmpIOp::create(b, e.loc(), arith::CmpIPredicate::eq, carried[1], none);
    Value taken = arith::OrIOp::create(b, e.loc(), larger, first);
    if (position.inside)
      taken = e.logicalAnd(taken, position.inside);
    ArrayRef<LaneIndex> spatial = ArrayRef(position.source).drop_front().drop_back();
    Value here = e.broadcast(e.toElement(e.linearize(spatial, spatialDims)));
    return SmallVector<Value>{arith::SelectOp::create(b, e.loc(), taken, element, carried[0]),
                              arith::SelectOp::create(b, e.loc(), taken, here, carried[1])};
  })[1];
}

/// How many positions o * stride - low + k * dilation lie in [begin, end), for k in [0, kernel).
static LaneIndex countPositions(ElementEmitter &e, LaneIndex first, int64_t kernel,
                                int64_t dilation, LaneIndex begin, LaneIndex end) {
  // From ceil((begin - first) / dilation) to ceil((end - first) / dilation), within [0, kernel].
  auto ceilDiv = [&](LaneIndex distance) {
    LaneIndex positive = e.max(distance, e.index(0));
    LaneIndex rounded = e.add(positive, e.index(dilation - 1));
    return e.min(e.floorDiv(rounded, e.constant(dilation)), e.index(kernel));
  };
  return e.sub(ceilDiv(e.sub(end, first)), ceilDiv(e.sub(begin, first)));
}

Value AveragePoolOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  OpBuilder &b = e.builder();
  Window window = windowOf(*this);
  Type elementType = getType().getElementType(), type = e.laneType(elementType);
  DimExprs dims = getDims(getType()), operandDims = getDims(getOperand().getType());
  Value zero = e.splat(elementType, 0);
  Value sum = e.loop(e.constant(window.volume()), zero, [&](Value i, ValueRange carried) {
    WindowPosition position = positionAt(e, window, dims, index, i);
    Value element = readAt(e, getOperand(), position, zero);
    return SmallVector<Value>{arith::AddFOp::create(b, e.loc(), carried[0], element)};
  })[0];

  // The divisor is a constant wherever no window of a dimension leaves what counts.
  int64_t constant = 1;
  LaneIndex count = e.index(1);
  bool varies = false;
  for (unsigned d = 0; d < window.spatialRank(); ++d) {
    AffineExpr size = operandDims[d + 1];
    AffineExpr limit = getCountPadding() ? size + getHigh().getResult(d) : size;
    if (window.staysBelow(d, dims[d + 1], limit) && (getCountPadding() || window.startsInside(d))) {
      constant *= window.kernel[d];
      continue;
    }
    varies = true;
    LaneIndex low = e.uniform(e.value(window.low[d]));
    LaneIndex first = e.sub(e.mul(index[d + 1], e.constant(window.strides[d])), low);
    LaneIndex begin = getCountPadding() ? e.sub(e.index(0), low) : e.index(0);
    LaneIndex inside = countPositions(e, first, window.kernel[d], window.dilations[d], begin,
                                      e.uniform(e.value(limit)));
    // A product of two counts that both differ from lane to lane has no LaneIndex form.
    count = inside.isUniform()  ? e.mul(count, inside.base)
            : count.isUniform() ? e.mul(inside, count.base)
                                : e.fromElement(arith::MulIOp::create(
                                      b, e.loc(), e.toElement(count), e.toElement(inside)));
  }
  if (!varies)
    return arith::MulFOp::create(b, e.loc(), sum, e.splat(elementType, 1.0 / constant));
  count = e.max(e.mul(count, e.constant(constant)), e.index(1));
  Value divisor =
      count.isUniform()
          ? e.broadcast(arith::SIToFPOp::create(b, e.loc(), getElementTypeOrSelf(type), count.base))
          : Value(arith::SIToFPOp::create(b, e.loc(), type, e.toElement(count)));
  return arith::DivFOp::create(b, e.loc(), sum, divisor);
}

} // namespace tenon
