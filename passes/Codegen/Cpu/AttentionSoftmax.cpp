// Two passes over a row in the nearest cache: the largest score, then powers and their sum. Vectors
// behind the end of a row are scores of minus infinity, so that neither pass has a special case.
// Sums have an order of their own, which depends on the number of keys alone.
#include "passes/Codegen/Cpu/AttentionSoftmax.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Codegen/Common/FoldLanes.h"

using namespace mlir;

namespace tenon::cpu {

static Value floatConstant(Emitter &e, Type type, double value) {
  Type element = getElementTypeOrSelf(type);
  TypedAttr attr = e.getFloatAttr(element, value);
  if (auto shaped = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(shaped, Attribute(attr));
  return arith::ConstantOp::create(e, attr);
}

/// A NaN is dropped or kept by its place. It reappears in the row's sum.
static Value larger(Emitter &e, Value a, Value b) {
  return emitExtremum(e, e.getLoc(), /*isMax=*/true, a, b);
}

static Value sum(Emitter &e, Value a, Value b) { return arith::AddFOp::create(e, a, b); }

Value SoftmaxEmitter::reduceRow(Emitter &e, Value row, Value count, double neutral,
                                llvm::function_ref<Value(Value, Value, Value)> visit,
                                llvm::function_ref<Value(Value, Value)> combine) const {
  constexpr int64_t numChains = 4;
  auto type = VectorType::get(lanes, e.getF32Type());
  auto loadAt = [&](Value position, Value mask = nullptr) {
    Value scores = e.load(type, e.offsetPointer(row, e.getF32Type(), position));
    if (mask)
      scores = arith::SelectOp::create(e, mask, scores, floatConstant(e, type, -HUGE_VAL));
    return scores;
  };
  Value step = e.i64(lanes * numChains), width = e.i64(lanes);
  Value wholeEnd = e.mul(e.div(count, step), step), fullEnd = e.mul(e.div(count, width), width);
  SmallVector<Value> chains(numChains, floatConstant(e, type, neutral));
  chains = e.loop(e.i64(0), wholeEnd, step, chains, [&](Value first, ValueRange carried) {
    // All before any: what is stored may be in their place.
    SmallVector<Value> positions, scores, next;
    for (int64_t number = 0; number < numChains; ++number) {
      positions.push_back(e.add(first, number * lanes));
      scores.push_back(loadAt(positions.back()));
    }
    for (int64_t number = 0; number < numChains; ++number)
      next.push_back(visit(positions[number], scores[number], carried[number]));
    return next;
  });
  chains[0] = e.loop(wholeEnd, fullEnd, width, chains[0],
                     [&](Value position, ValueRange carried) -> SmallVector<Value> {
                       return {visit(position, loadAt(position), carried[0])};
                     })[0];
  Value rest = e.sub(count, fullEnd);
  if (!isConstant(rest, 0))
    chains[1] = visit(fullEnd, loadAt(fullEnd, e.laneMask(lanes, rest)), chains[1]);
  Value all = combine(combine(chains[0], chains[1]), combine(chains[2], chains[3]));
  return foldLanes(e, all, combine);
}

Value SoftmaxEmitter::largestOf(Emitter &e, Value row, Value count) const {
  return reduceRow(
      e, row, count, -HUGE_VAL,
      [&](Value, Value scores, Value carried) { return larger(e, scores, carried); },
      [&](Value a, Value b) { return larger(e, a, b); });
}

Value SoftmaxEmitter::sumPowers(Emitter &e, Value row, Value count, Value shift) const {
  Value shifts = vector::BroadcastOp::create(e, VectorType::get(lanes, e.getF32Type()), shift);
  Value total = reduceRow(
      e, row, count, 0,
      [&](Value position, Value scores, Value carried) {
        Value shifted = arith::SubFOp::create(e, scores, shifts);
        Value power = math::ExpOp::create(e, shifted);
        storePowers(e, row, position, power);
        return sum(e, carried, power);
      },
      [&](Value a, Value b) { return sum(e, a, b); });
  if (roundedMultiple > lanes) {
    Value width = e.i64(lanes), multiple = e.i64(roundedMultiple);
    Value zeros = floatConstant(e, shifts.getType(), 0);
    e.loop(e.mul(e.ceilDiv(count, width), width), e.mul(e.ceilDiv(count, multiple), multiple),
           width, [&](Value position) { storePowers(e, row, position, zeros); });
  }
  return total;
}

/// Rounds to the nearest bf16, halves up. It may make anything of NaN, which the sum of its row is,
/// too, so that all results are.
static Value roundPowers(Emitter &e, Value powers) {
  auto type = cast<VectorType>(powers.getType());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(type.clone(e.getI32Type()), static_cast<int32_t>(value)));
  };
  Value bits = arith::BitcastOp::create(e, type.clone(e.getI32Type()), powers);
  bits = arith::AddIOp::create(e, bits, splat(1 << 15));
  return e.convert(arith::ShRUIOp::create(e, bits, splat(16)), e.getI16Type());
}

void SoftmaxEmitter::storePowers(Emitter &e, Value row, Value position, Value powers) const {
  if (roundedMultiple == 0)
    return e.store(powers, e.offsetPointer(row, e.getF32Type(), position));
  e.store(roundPowers(e, powers), e.offsetPointer(row, e.getI16Type(), position));
}

Value SoftmaxEmitter::finiteShift(Emitter &e, Value shift) const {
  Value lowest = floatConstant(e, shift.getType(), -HUGE_VAL);
  Value isEmpty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, shift, lowest);
  return arith::SelectOp::create(e, isEmpty, floatConstant(e, shift.getType(), 0), shift);
}

Value SoftmaxEmitter::emitFinalFactor(Emitter &e, Value largest, Value sum) const {
  Type type = sum.getType();
  // A row without any keys is a sum over nothing.
  Value zero = floatConstant(e, type, 0);
  Value hasNoKeys = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, sum, zero);
  Value factor = arith::DivFOp::create(e, floatConstant(e, type, 1), sum);
  factor = arith::SelectOp::create(e, hasNoKeys, zero, factor);
  if (!zeroEmptyRows)
    return factor;
  Value isEmpty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, largest,
                                        floatConstant(e, type, -HUGE_VAL));
  return arith::SelectOp::create(e, isEmpty, zero, factor);
}

/// Several rows at a time: folding one row's lanes is a long chain, which others fill.
static void forRows(Emitter &e, Value rows,
                    llvm::function_ref<void(ArrayRef<Value> numbers)> body) {
  constexpr int64_t rowsPerTrip = 4;
  Value step = e.i64(rowsPerTrip), whole = e.mul(e.div(rows, step), step);
  e.loop(e.i64(0), whole, step, [&](Value first) {
    SmallVector<Value> numbers;
    for (int64_t i = 0; i < rowsPerTrip; ++i)
      numbers.push_back(e.add(first, i));
    body(numbers);
  });
  e.loop(whole, rows, e.i64(1), [&](Value number) { body(number); });
}

void SoftmaxEmitter::emitWhole(Emitter &e, Value scores, Value rows, Value count,
                               Value factors) const {
  Type f32 = e.getF32Type();
  forRows(e, rows, [&](ArrayRef<Value> numbers) {
    SmallVector<Value> pointers, largest, totals;
    for (Value number : numbers) {
      pointers.push_back(e.offsetPointer(scores, f32, e.mul(number, pitch)));
      largest.push_back(largestOf(e, pointers.back(), count));
    }
    for (auto [row, most] : llvm::zip_equal(pointers, largest))
      totals.push_back(sumPowers(e, row, count, zeroEmptyRows ? finiteShift(e, most) : most));
    for (auto [number, most, total] : llvm::zip_equal(numbers, largest, totals))
      e.store(emitFinalFactor(e, most, total), e.offsetPointer(factors, f32, number));
  });
}

void SoftmaxEmitter::emitBlock(Emitter &e, Value scores, Value rows, Value count, Value factors,
                               const SoftmaxState &state) const {
  Type f32 = e.getF32Type();
  forRows(e, rows, [&](ArrayRef<Value> numbers) {
    SmallVector<Value> pointers, before, largest, shifts, added;
    for (Value number : numbers) {
      pointers.push_back(e.offsetPointer(scores, f32, e.mul(number, pitch)));
      before.push_back(e.load(f32, e.offsetPointer(state.largest, f32, number)));
      largest.push_back(larger(e, largestOf(e, pointers.back(), count), before.back()));
      shifts.push_back(finiteShift(e, largest.back()));
    }
    for (auto [row, shift] : llvm::zip_equal(pointers, shifts))
      added.push_back(sumPowers(e, row, count, shift));
    for (auto [i, number] : llvm::enumerate(numbers)) {
      Value change = arith::SubFOp::create(e, before[i], shifts[i]);
      Value factor = math::ExpOp::create(e, change);
      Value sumAt = e.offsetPointer(state.sums, f32, number);
      e.store(math::FmaOp::create(e, e.load(f32, sumAt), factor, added[i]).getResult(), sumAt);
      e.store(largest[i], e.offsetPointer(state.largest, f32, number));
      e.store(factor, e.offsetPointer(factors, f32, number));
    }
  });
}

} // namespace tenon::cpu
