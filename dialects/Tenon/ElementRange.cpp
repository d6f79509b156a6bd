// Ranges of elements: ElementRangeOpInterface of the ops that compute, and the walk over a value's
// ops, through those that only move elements, that collects them.

#include "dialects/Tenon/ElementRange.h"
#include "dialects/Tenon/TenonDialect.h"
#include <cmath>

using namespace mlir;

namespace tenon {

/// How far back ops are asked.
static constexpr int kMaxDepth = 16;

ElementRange getElementRange(Type elementType) {
  auto integer = dyn_cast<IntegerType>(elementType);
  if (!integer)
    return {};
  unsigned width = integer.getWidth();
  if (integer.isUnsigned() || width == 1)
    return {0, std::exp2(width) - 1, true};
  return {-std::exp2(width - 1), std::exp2(width - 1) - 1, true};
}

static ElementRange join(const ElementRange &a, const ElementRange &b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), a.isIntegral && b.isIntegral};
}

static ElementRange getRange(Value value, int depth);

/// Of an op whose elements are its operands', as far as these have their type: others say where.
static ElementRange joinOperands(Operation *op, int depth) {
  Type type = getElementTypeOrSelf(op->getResult(0));
  std::optional<ElementRange> all;
  for (Value operand : op->getOperands()) {
    if (getElementTypeOrSelf(operand) != type)
      continue;
    ElementRange range = getRange(operand, depth);
    all = all ? join(*all, range) : range;
  }
  return all.value_or(getElementRange(type));
}

static ElementRange getRange(Value value, int depth) {
  if (std::optional<double> splat = getSplat(value); splat && !std::isnan(*splat))
    return {*splat, *splat, *splat == std::trunc(*splat)};
  Operation *op = value.getDefiningOp();
  if (op && depth < kMaxDepth && op->hasTrait<MovesElements>())
    return joinOperands(op, depth + 1);
  auto computes = dyn_cast_or_null<ElementRangeOpInterface>(op);
  if (!computes || depth >= kMaxDepth)
    return getElementRange(getElementTypeOrSelf(value));
  SmallVector<ElementRange> operands;
  for (Value operand : op->getOperands())
    operands.push_back(getRange(operand, depth + 1));
  return computes.inferElementRange(operands);
}

ElementRange getElementRange(Value value) { return getRange(value, 0); }

/// a + sign * b. Sums that their type may not hold are anything that it has.
static ElementRange addRanges(const ElementRange &a, double sign, const ElementRange &b,
                              Type type) {
  ElementRange sum = {a.low + (sign > 0 ? b.low : -b.high), a.high + (sign > 0 ? b.high : -b.low),
                      a.isIntegral && b.isIntegral};
  ElementRange all = getElementRange(getElementTypeOrSelf(type));
  bool holds = all.isIntegral ? sum.within(all) : sum.isExactInF32();
  if (holds)
    return sum;
  all.isIntegral |= sum.isIntegral; // Large sums are rounded to integers.
  return all;
}

ElementRange AddOp::inferElementRange(ArrayRef<ElementRange> operands) {
  return addRanges(operands[0], 1, operands[1], getType());
}

ElementRange SubOp::inferElementRange(ArrayRef<ElementRange> operands) {
  return addRanges(operands[0], -1, operands[1], getType());
}

/// a * b + c, with the bounds of floats moved by more than their rounding.
static ElementRange multiplyRanges(const ElementRange &a, const ElementRange &b,
                                   const ElementRange &c, Type type) {
  ElementRange all = getElementRange(getElementTypeOrSelf(type));
  double products[] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  auto [low, high] = std::minmax_element(std::begin(products), std::end(products));
  ElementRange sum = {*low + c.low, *high + c.high, a.isIntegral && b.isIntegral && c.isIntegral};
  // Infinities may have made one of them no number.
  if (!llvm::all_of(products, [](double product) { return std::isfinite(product); }) ||
      !std::isfinite(sum.low) || !std::isfinite(sum.high))
    return all;
  if (all.isIntegral)
    return sum.within(all) ? sum : all;
  if (sum.isExactInF32())
    return sum;
  Type element = getElementTypeOrSelf(type);
  double relative = element.isF32() || element.isF64() ? 1e-6 : 1e-2;
  double rounding =
      relative * (std::abs(*low) + std::abs(*high) + std::abs(c.low) + std::abs(c.high));
  return {sum.low - rounding, sum.high + rounding, false};
}

ElementRange MulOp::inferElementRange(ArrayRef<ElementRange> operands) {
  return multiplyRanges(operands[0], operands[1], {0, 0, true}, getType());
}

ElementRange FmaOp::inferElementRange(ArrayRef<ElementRange> operands) {
  return multiplyRanges(operands[0], operands[1], operands[2], getType());
}

ElementRange MinOp::inferElementRange(ArrayRef<ElementRange> operands) {
  const ElementRange &a = operands[0], &b = operands[1];
  return {std::min(a.low, b.low), std::min(a.high, b.high), a.isIntegral && b.isIntegral};
}

ElementRange MaxOp::inferElementRange(ArrayRef<ElementRange> operands) {
  const ElementRange &a = operands[0], &b = operands[1];
  return {std::max(a.low, b.low), std::max(a.high, b.high), a.isIntegral && b.isIntegral};
}

ElementRange RoundOp::inferElementRange(ArrayRef<ElementRange> operands) {
  return {std::nearbyint(operands[0].low), std::nearbyint(operands[0].high), true};
}

ElementRange CastOp::inferElementRange(ArrayRef<ElementRange> operands) {
  const ElementRange &operand = operands.front();
  Type to = getElementTypeOrSelf(getType());
  ElementRange all = getElementRange(to);
  if (isa<IntegerType>(to))
    return operand.within(all)
               ? ElementRange{std::trunc(operand.low), std::trunc(operand.high), true}
               : all;
  return operand.isExactInF32() && to.isF32() ? operand : ElementRange();
}

} // namespace tenon
