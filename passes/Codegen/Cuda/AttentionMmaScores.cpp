// Softmax of attention on matrix units: what becomes of the products of queries and keys, in the
// registers of the lanes that have them, until they are powers that values are multiplied by.

#include "dialects/Tenon/Reduction.h"
#include "passes/Codegen/Cuda/AttentionMmaEmitter.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// Makes products of two neighbouring keys scores. What is no key scores minus infinity, and what
/// belongs to it is read at the last ones instead.
void MmaAttentionEmitter::makePair(int64_t row, Value key, MutableArrayRef<Value> products) {
  Value end = limit(sizes.keys, schedule.getTileKeys());
  bool readsMemory = op.getMask() || op.getBias();
  int64_t lanes = !readsMemory || !end || getConstantOr(sizes.keys, 1) % 2 == 0 ? 2 : 1;
  for (int64_t first = 0; first < 2; first += lanes)
    e.withLanes(lanes, nullptr, [&] {
      LaneIndex keys = {em.add(key, first), lanes > 1, false, lanes}, inside = keys;
      if (end && readsMemory)
        inside.base = em.min(keys.base, em.sub(end, em.i64(lanes)));
      Position position = rowPositions[row];
      position.back() = inside;
      Value own = products[first];
      if (lanes > 1)
        own = em.create<vector::FromElementsOp>(VectorType::get({lanes}, f32), products);
      own = score(position, own);
      if (end)
        own = em.create<arith::SelectOp>(e.less(keys, e.uniform(end)), own,
                                         e.broadcast(number(-HUGE_VAL)));
      for (int64_t lane = 0; lane < lanes; ++lane)
        products[first + lane] = lanes > 1 ? Value(em.create<vector::ExtractOp>(own, lane)) : own;
    });
}

/// Where a pair of sums is among those of a lane.
static int64_t placeOfPair(int64_t row, int64_t pair) { return 4 * pair + 2 * row; }

/// The scores of sixteen keys.
Value MmaAttentionEmitter::makeScores(Value products, Value firstKey) {
  SmallVector<Value> scores(2 * kRows * kPairs);
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t pair = 0; pair < kPairs; ++pair) {
      int64_t place = placeOfPair(row, pair);
      SmallVector<Value> both;
      for (int64_t i = 0; i < 2; ++i)
        both.push_back(em.create<vector::ExtractOp>(products, place + i));
      makePair(row, em.add(firstKey, pair * kDistance), both);
      llvm::copy(both, scores.begin() + place);
    }
  return em.create<vector::FromElementsOp>(products.getType(), scores);
}

//===-- Softmax --===//

/// The places of a row among the sums of a lane.
static SmallVector<int64_t> placesOfRow(int64_t row) {
  SmallVector<int64_t> places;
  for (int64_t pair = 0; pair < kPairs; ++pair)
    for (int64_t i = 0; i < 2; ++i)
      places.push_back(placeOfPair(row, pair) + i);
  return places;
}

Value MmaAttentionEmitter::largestIn(ArrayRef<Value> scores, int64_t row) {
  Value largest;
  for (Value part : scores)
    for (int64_t place : placesOfRow(row)) {
      Value score = em.create<vector::ExtractOp>(part, place);
      largest = largest ? largestOf(largest, score) : score;
    }
  return e.foldLanes(ReduceKind::Max, f32, largest, kAcross);
}

Value MmaAttentionEmitter::spread(ArrayRef<Value> ofRows) {
  SmallVector<Value> all(2 * kRows * kPairs);
  for (auto [row, own] : llvm::enumerate(ofRows))
    for (int64_t place : placesOfRow(static_cast<int64_t>(row)))
      all[place] = own;
  auto type = VectorType::get({static_cast<int64_t>(all.size())}, ofRows.front().getType());
  return em.create<vector::FromElementsOp>(type, all);
}

Value MmaAttentionEmitter::power(Value exponent, Value base) {
  Value negative = em.create<arith::NegFOp>(base);
  Value binary = em.create<LLVM::FMAOp>(exponent, number(llvm::numbers::log2e), negative);
  return em
      .create<LLVM::CallIntrinsicOp>(f32, em.getStringAttr("llvm.nvvm.ex2.approx"),
                                     ValueRange{binary})
      .getResult(0);
}

/// Makes powers of the scores, and corrects what was known before to the new largest scores.
MmaRowStates MmaAttentionEmitter::emitPowers(SmallVectorImpl<Value> &scores,
                                             const MmaRowStates &states) {
  MmaRowStates next;
  SmallVector<Value> bases, corrections;
  for (int64_t row = 0; row < kRows; ++row) {
    Value largest = largestOf(states.largest[row], largestIn(scores, row));
    Value base = toBinary(makeBase(largest));
    Value correction = power(states.largest[row], base);
    next.largest.push_back(largest);
    next.sums.push_back(em.create<arith::MulFOp>(states.sums[row], correction));
    bases.push_back(base);
    corrections.push_back(correction);
  }
  for (Value &part : scores) {
    SmallVector<Value> powers(2 * kRows * kPairs);
    for (int64_t row = 0; row < kRows; ++row)
      for (int64_t place : placesOfRow(row)) {
        powers[place] = power(em.create<vector::ExtractOp>(part, place), bases[row]);
        next.sums[row] = em.create<arith::AddFOp>(next.sums[row], powers[place]);
      }
    part = em.create<vector::FromElementsOp>(part.getType(), powers);
  }
  Value factors = spread(corrections);
  for (Value result : states.results)
    next.results.push_back(em.create<arith::MulFOp>(result, factors));
  return next;
}

MmaRowStates MmaAttentionEmitter::emitStep(Value step, Value stage, const MmaRowStates &states) {
  SmallVector<Value> scores = multiplyKeys(stage);
  Value firstKey = em.add(em.mul(step, schedule.getTileKeys()), em.mul(slice, keyParts * kSide));
  firstKey = em.add(firstKey, laneColumn);
  for (auto [part, own] : llvm::enumerate(scores))
    own = makeScores(own, em.add(firstKey, static_cast<int64_t>(part) * kSide));
  MmaRowStates next = emitPowers(scores, states);
  multiplyValues(stage, scores, next.results);
  return next;
}

} // namespace tenon::cuda
