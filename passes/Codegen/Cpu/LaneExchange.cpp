// Eklundh's transposition: for each distance d, pairs of vectors that lie d apart exchange the
// blocks of d lanes off the diagonal. Adding instead of keeping both halves sums the lanes.

#include "passes/Codegen/Cpu/LaneExchange.h"

using namespace mlir;

namespace tenon::cpu {

/// One stage of a transposition: exchanges the bit `distance` of the row number with that of the
/// lane number between two rows that differ in it.
static std::pair<SmallVector<int64_t>, SmallVector<int64_t>> exchangeMasks(int64_t lanes,
                                                                           int64_t distance) {
  SmallVector<int64_t> low, high;
  for (int64_t lane = 0; lane < lanes; ++lane) {
    bool bit = lane & distance;
    low.push_back(bit ? lanes + lane - distance : lane);
    high.push_back(bit ? lanes + lane : lane + distance);
  }
  return {low, high};
}

SmallVector<Value> emitTranspose(Emitter &emitter, ArrayRef<Value> vectors) {
  SmallVector<Value> rows(vectors);
  int64_t lanes = rows.size();
  Type type = (*llvm::find_if(rows, [](Value row) { return bool(row); })).getType();
  Value zero = arith::ConstantOp::create(emitter, emitter.getZeroAttr(type));
  for (int64_t distance = lanes / 2; distance > 0; distance /= 2) {
    auto [low, high] = exchangeMasks(lanes, distance);
    for (int64_t row = 0; row < lanes; ++row) {
      if (row & distance)
        continue;
      Value &first = rows[row], &second = rows[row + distance];
      if (!first && !second)
        continue;
      Value a = first ? first : zero, b = second ? second : zero;
      first = vector::ShuffleOp::create(emitter, a, b, low);
      second = vector::ShuffleOp::create(emitter, a, b, high);
    }
  }
  return rows;
}

Value emitLaneSums(Emitter &emitter, ArrayRef<Value> vectors) {
  auto type = cast<VectorType>(vectors.front().getType());
  int64_t lanes = type.getNumElements();
  SmallVector<Value> rows(vectors);
  rows.resize(lanes);
  Value zero = arith::ConstantOp::create(emitter, emitter.getZeroAttr(type));
  // Each stage adds the halves of pairs of rows and puts them into one row; a row's number bit
  // becomes the lane bit that was summed away.
  for (int64_t distance = lanes / 2; distance > 0; distance /= 2) {
    auto [low, high] = exchangeMasks(lanes, distance);
    SmallVector<Value> next(distance);
    for (int64_t row = 0; row < distance; ++row) {
      Value a = rows[row], b = rows[row + distance];
      if (!a && !b)
        continue;
      a = a ? a : zero;
      b = b ? b : zero;
      Value lowHalves = vector::ShuffleOp::create(emitter, a, b, low);
      Value highHalves = vector::ShuffleOp::create(emitter, a, b, high);
      next[row] = isa<FloatType>(type.getElementType())
                      ? arith::AddFOp::create(emitter, lowHalves, highHalves).getResult()
                      : arith::AddIOp::create(emitter, lowHalves, highHalves).getResult();
    }
    rows = next;
  }
  return rows.front();
}

} // namespace tenon::cpu
