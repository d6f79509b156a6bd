// The results of attention on matrix units: sums of powers become weights, slices are added up in
// their order through shared memory, and what follows the results in the kernel is computed.

#include "dialects/Tenon/Reduction.h"
#include "passes/Codegen/Cuda/AttentionMmaEmitter.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// What the results of each row of a lane are to be multiplied with: one by the sum of its powers,
/// unless others have powers of it, too.
SmallVector<Value> MmaAttentionEmitter::weighRows(MmaRowStates &states) {
  SmallVector<Value> weights;
  for (Value sum : states.sums)
    weights.push_back(isPart() ? number(1) : Value(em.create<arith::DivFOp>(number(1), sum)));
  return weights;
}

/// The same where other slices have powers of the same rows, and their own largest scores. States
/// become those of all slices.
SmallVector<Value> MmaAttentionEmitter::weighSlices(MmaRowStates &states) {
  auto pair = VectorType::get({2}, f32);
  SmallVector<Value> rows, weights;
  for (int64_t row = 0; row < kRows; ++row)
    rows.push_back(em.add(em.add(warpRow, laneRow), row * kDistance));
  em.ifThen(em.compare(arith::CmpIPredicate::eq, laneColumn, em.i64(0)), [&] {
    for (auto [row, largest, sum] : llvm::zip_equal(rows, states.largest, states.sums)) {
      Value state = em.create<vector::FromElementsOp>(pair, ValueRange{largest, sum});
      em.create<StoreOp>(state, stateTiles, slice, row, em.i64(0));
    }
  });
  e.barrier();
  for (auto [row, own, ownSum] : llvm::zip_equal(rows, states.largest, states.sums)) {
    SmallVector<Value> largest, sums;
    for (int64_t other = 0; other < schedule.getSlices(); ++other) {
      Value state = em.create<LoadOp>(pair, stateTiles, em.i64(other), row, em.i64(0));
      largest.push_back(em.create<vector::ExtractOp>(state, 0));
      sums.push_back(em.create<vector::ExtractOp>(state, 1));
    }
    Value ofAll = largest.front();
    for (Value one : ArrayRef(largest).drop_front())
      ofAll = largestOf(ofAll, one);
    Value base = toBinary(makeBase(ofAll)), total;
    for (auto [one, sum] : llvm::zip_equal(largest, sums)) {
      Value part = em.create<arith::MulFOp>(sum, power(one, base));
      total = total ? Value(em.create<arith::AddFOp>(total, part)) : part;
    }
    Value weight = power(own, base);
    weights.push_back(isPart() ? weight : Value(em.create<arith::DivFOp>(weight, total)));
    own = ofAll;
    ownSum = total;
  }
  return weights;
}

void MmaAttentionEmitter::finishTile(Value set, Value firstRow, const MmaRowStates &last) {
  MmaRowStates states = last;
  for (Value &sum : states.sums)
    sum = e.foldLanes(ReduceKind::Sum, f32, sum, kAcross);
  SmallVector<Value> weights = schedule.getSlices() > 1 ? weighSlices(states) : weighRows(states),
                     empty;
  if (isPart())
    storeStates(set, firstRow, states);
  else
    for (Value largest : states.largest)
      if (Value isEmpty = hasNothing(largest))
        empty.push_back(isEmpty);
  Value factors = spread(weights), areEmpty = empty.empty() ? Value() : spread(empty);
  for (auto [part, result] : llvm::enumerate(states.results)) {
    Value weighted = em.create<arith::MulFOp>(result, factors);
    if (areEmpty)
      weighted = em.create<arith::SelectOp>(
          areEmpty, em.create<arith::ConstantOp>(em.getZeroAttr(weighted.getType())), weighted);
    em.create<StoreSumsOp>(weighted, resultTiles, slice, warpRow,
                           em.i64(static_cast<int64_t>(part) * kSide));
  }
  e.barrier();
  storeResults(set, firstRow);
}

/// One lane of those that have a row does it, of one slice.
void MmaAttentionEmitter::storeStates(Value set, Value firstRow, const MmaRowStates &states) {
  auto isZero = [&](Value number) {
    return em.compare(arith::CmpIPredicate::eq, number, em.i64(0));
  };
  Value isOne = em.create<arith::AndIOp>(isZero(laneColumn), isZero(slice));
  Value rows = e.value(sizes.rows());
  for (auto [number, state] : llvm::enumerate(llvm::zip_equal(states.largest, states.sums))) {
    auto [largest, sum] = state;
    int64_t distance = static_cast<int64_t>(number) * kDistance;
    Value row = em.add(firstRow, em.add(em.add(warpRow, laneRow), distance));
    em.ifThen(em.create<arith::AndIOp>(isOne, em.less(row, rows)),
              [&, largest = largest, sum = sum] { storeState(set, row, largest, sum); });
  }
}

void MmaAttentionEmitter::storeResults(Value set, Value firstRow) {
  // Neighbours are stored together where all or none of them are columns.
  int64_t lanes = 4;
  while (sizes.width % lanes != 0)
    lanes /= 2;
  Value perRow = em.i64(sizes.width / lanes), rows = e.value(sizes.rows());
  Value count = em.mul(perRow, schedule.getTileRows());
  em.loop(e.thread, count, em.i64(e.blockThreads), [&](Value number) {
    Value inRow = em.div(number, perRow), column = em.mul(em.rem(number, perRow), lanes);
    Value row = em.add(firstRow, inRow);
    em.ifThen(em.less(row, rows), [&] {
      Value result;
      for (int64_t other = 0; other < schedule.getSlices(); ++other) {
        Value part = em.create<LoadOp>(VectorType::get({lanes}, f32), resultTiles, em.i64(other),
                                       inRow, column);
        result = result ? Value(em.create<arith::AddFOp>(result, part)) : part;
      }
      if (lanes == 1)
        result = em.create<vector::ExtractOp>(result, 0);
      store(set, row, column, result, lanes);
    });
  });
}

} // namespace tenon::cuda
