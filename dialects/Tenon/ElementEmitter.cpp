// Index arithmetic over lanes: keeps the form base + lane * stride as long as it can be told.

#include "dialects/Tenon/ElementEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace tenon {

static std::optional<int64_t> constantOf(Value value) {
  IntegerAttr attr;
  if (matchPattern(value, m_Constant(&attr)))
    return attr.getInt();
  return std::nullopt;
}

static int64_t alignmentOf(Value value) {
  auto constant = constantOf(value);
  return !constant ? 1 : *constant == 0 ? 1 << 20 : std::abs(*constant);
}

Value ElementEmitter::constant(int64_t value) {
  return arith::ConstantOp::create(b, location, b.getI64IntegerAttr(value));
}

Value ElementEmitter::general(LaneIndex index) {
  if (index.general)
    return index.base;
  auto type = VectorType::get({numLanes}, b.getI64Type());
  Value base = vector::BroadcastOp::create(b, location, type, index.base);
  if (index.stride == 0)
    return base;
  SmallVector<int64_t> steps;
  for (int64_t lane = 0; lane < numLanes; ++lane)
    steps.push_back(lane * index.stride);
  Value step =
      arith::ConstantOp::create(b, location, DenseElementsAttr::get(type, ArrayRef(steps)));
  return b.createOrFold<arith::AddIOp>(location, base, step);
}

LaneIndex ElementEmitter::fromVector(Value vector) { return LaneIndex{vector, 0, true, 1}; }

template <typename OpT> LaneIndex ElementEmitter::binary(LaneIndex lhs, LaneIndex rhs) {
  if (lhs.isUniform() && rhs.isUniform())
    return uniform(b.createOrFold<OpT>(location, lhs.base, rhs.base));
  return fromVector(b.createOrFold<OpT>(location, general(lhs), general(rhs)));
}

LaneIndex ElementEmitter::add(LaneIndex lhs, LaneIndex rhs) {
  if (lhs.general || rhs.general)
    return binary<arith::AddIOp>(lhs, rhs);
  return LaneIndex{b.createOrFold<arith::AddIOp>(location, lhs.base, rhs.base),
                   lhs.stride + rhs.stride, false, std::gcd(lhs.alignment, rhs.alignment)};
}

LaneIndex ElementEmitter::sub(LaneIndex lhs, LaneIndex rhs) {
  if (lhs.general || rhs.general)
    return binary<arith::SubIOp>(lhs, rhs);
  return LaneIndex{b.createOrFold<arith::SubIOp>(location, lhs.base, rhs.base),
                   lhs.stride - rhs.stride, false, std::gcd(lhs.alignment, rhs.alignment)};
}

LaneIndex ElementEmitter::mul(LaneIndex lhs, Value rhs) {
  auto factor = constantOf(rhs);
  if (lhs.general || (lhs.stride != 0 && !factor))
    return binary<arith::MulIOp>(lhs, uniform(rhs));
  int64_t alignment = std::min<int64_t>(lhs.alignment * alignmentOf(rhs), 1 << 20);
  return LaneIndex{b.createOrFold<arith::MulIOp>(location, lhs.base, rhs),
                   lhs.stride * factor.value_or(0), false, alignment};
}

// With a base that is a multiple of gcd(alignment, d) and lanes that stay below that gcd, all lanes
// fall into one period of d.
static bool staysInPeriod(const LaneIndex &index, int64_t lanes, std::optional<int64_t> divisor) {
  return !index.general && divisor && *divisor > 0 && index.stride >= 0 &&
         (lanes - 1) * index.stride < std::gcd(index.alignment, *divisor);
}

LaneIndex ElementEmitter::floorDiv(LaneIndex lhs, Value rhs) {
  auto divisor = constantOf(rhs);
  if (divisor == 1)
    return lhs;
  if (staysInPeriod(lhs, numLanes, divisor))
    return uniform(b.createOrFold<arith::DivUIOp>(location, lhs.base, rhs),
                   std::max<int64_t>(lhs.alignment / *divisor, 1));
  return binary<arith::DivUIOp>(lhs, uniform(rhs));
}

LaneIndex ElementEmitter::mod(LaneIndex lhs, Value rhs) {
  auto divisor = constantOf(rhs);
  if (divisor == 1)
    return index(0);
  if (staysInPeriod(lhs, numLanes, divisor))
    return LaneIndex{b.createOrFold<arith::RemUIOp>(location, lhs.base, rhs), lhs.stride, false,
                     std::gcd(lhs.alignment, *divisor)};
  return binary<arith::RemUIOp>(lhs, uniform(rhs));
}

LaneIndex ElementEmitter::min(LaneIndex lhs, LaneIndex rhs) {
  return binary<arith::MinSIOp>(lhs, rhs);
}

LaneIndex ElementEmitter::max(LaneIndex lhs, LaneIndex rhs) {
  return binary<arith::MaxSIOp>(lhs, rhs);
}

LaneIndex ElementEmitter::select(Value condition, LaneIndex ifTrue, LaneIndex ifFalse) {
  bool uniformCondition = !isa<VectorType>(condition.getType());
  if (uniformCondition && !ifTrue.general && !ifFalse.general && ifTrue.stride == ifFalse.stride) {
    Value base = b.createOrFold<arith::SelectOp>(location, condition, ifTrue.base, ifFalse.base);
    return LaneIndex{base, ifTrue.stride, false, std::gcd(ifTrue.alignment, ifFalse.alignment)};
  }
  return fromVector(
      b.createOrFold<arith::SelectOp>(location, condition, general(ifTrue), general(ifFalse)));
}

LaneIndex ElementEmitter::fromElement(Value element) {
  // What all lanes share stays uniform: rows picked by it are then read as vectors, not gathered.
  if (auto splat = element.getDefiningOp<vector::BroadcastOp>())
    if (!isa<VectorType>(splat.getSourceType()))
      element = splat.getSource();
  Type type = b.getI64Type();
  auto vector = dyn_cast<VectorType>(element.getType());
  if (vector)
    type = vector.clone(type);
  if (getElementTypeOrSelf(element.getType()) != b.getI64Type())
    element = arith::ExtSIOp::create(b, location, type, element);
  return vector ? fromVector(element) : uniform(element);
}

Value ElementEmitter::toElement(LaneIndex index) {
  return numLanes == 1 ? index.base : general(index);
}

template <typename Pred>
Value ElementEmitter::compare(Pred predicate, LaneIndex lhs, LaneIndex rhs) {
  if (lhs.isUniform() && rhs.isUniform())
    return b.createOrFold<arith::CmpIOp>(location, predicate, lhs.base, rhs.base);
  return b.createOrFold<arith::CmpIOp>(location, predicate, general(lhs), general(rhs));
}

Value ElementEmitter::less(LaneIndex lhs, LaneIndex rhs) {
  return compare(arith::CmpIPredicate::slt, lhs, rhs);
}
Value ElementEmitter::lessEqual(LaneIndex lhs, LaneIndex rhs) {
  return compare(arith::CmpIPredicate::sle, lhs, rhs);
}
Value ElementEmitter::equal(LaneIndex lhs, LaneIndex rhs) {
  return compare(arith::CmpIPredicate::eq, lhs, rhs);
}

Value ElementEmitter::logicalAnd(Value lhs, Value rhs) {
  bool left = isa<VectorType>(lhs.getType()), right = isa<VectorType>(rhs.getType());
  auto type = VectorType::get({numLanes}, b.getI1Type());
  if (left && !right)
    rhs = vector::BroadcastOp::create(b, location, type, rhs);
  if (right && !left)
    lhs = vector::BroadcastOp::create(b, location, type, lhs);
  return b.createOrFold<arith::AndIOp>(location, lhs, rhs);
}

Type ElementEmitter::computeType(Type elementType) {
  MLIRContext *context = elementType.getContext();
  if (auto floating = dyn_cast<FloatType>(elementType))
    return floating.getWidth() < 32 ? Float32Type::get(context) : elementType;
  if (auto integer = dyn_cast<IntegerType>(elementType))
    return IntegerType::get(context, integer.getWidth());
  return elementType;
}

Type ElementEmitter::laneType(Type elementType) {
  Type type = computeType(elementType);
  return numLanes == 1 ? type : VectorType::get({numLanes}, type);
}

Value ElementEmitter::splat(Type elementType, double value) {
  Type type = laneType(elementType);
  Type scalar = getElementTypeOrSelf(type);
  TypedAttr attr = isa<FloatType>(scalar)
                       ? cast<TypedAttr>(b.getFloatAttr(scalar, value))
                       : cast<TypedAttr>(b.getIntegerAttr(scalar, static_cast<int64_t>(value)));
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, attr);
  return arith::ConstantOp::create(b, location, attr);
}

Value ElementEmitter::broadcast(Value scalar) {
  if (numLanes == 1 || isa<VectorType>(scalar.getType()))
    return scalar;
  return vector::BroadcastOp::create(b, location, VectorType::get({numLanes}, scalar.getType()),
                                     scalar);
}

LaneIndex ElementEmitter::linearize(ArrayRef<LaneIndex> index, ArrayRef<AffineExpr> dims) {
  LaneIndex position = this->index(0);
  for (auto [part, dim] : llvm::zip_equal(index, dims))
    position = add(mul(position, value(dim)), part);
  return position;
}

SmallVector<LaneIndex> ElementEmitter::delinearize(LaneIndex position, ArrayRef<AffineExpr> dims) {
  SmallVector<LaneIndex> index(dims.size());
  for (size_t i = dims.size(); i-- > 1;) {
    // Where a guard leaves no lane, a tensor without elements may be asked for one.
    Value size = max(uniform(value(dims[i])), this->index(1)).base;
    index[i] = mod(position, size);
    position = floorDiv(position, size);
  }
  if (!dims.empty())
    index[0] = position;
  return index;
}

} // namespace tenon
