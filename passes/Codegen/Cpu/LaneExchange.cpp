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

// Transposes 4 x 4 bytes at a time: words of four bytes come together first, those of one row after
// the other, in 16 bytes; then bytes within these. Two instructions on a register: vpermd and
// vpshufb, or one, vpermb.
Value emitByteColumns(Emitter &e, ArrayRef<Value> rows) {
  constexpr int64_t count = 4;
  assert(rows.size() == count && "words have four bytes");
  int64_t lanes = cast<VectorType>(rows.front().getType()).getNumElements(), words = lanes / count;
  auto wordType = VectorType::get(words, e.getI32Type());
  SmallVector<Value> parts;
  for (Value row : rows)
    parts.push_back(e.create<vector::BitCastOp>(wordType, row));
  auto join = [&](Value low, Value high) {
    int64_t size = 2 * cast<VectorType>(low.getType()).getNumElements();
    return e.create<vector::ShuffleOp>(low, high, llvm::to_vector(llvm::seq<int64_t>(0, size)));
  };
  Value joined = join(join(parts[0], parts[1]), join(parts[2], parts[3]));
  SmallVector<int64_t> wordOrder, byteOrder;
  for (int64_t word = 0; word < words; ++word)
    for (int64_t row = 0; row < count; ++row)
      wordOrder.push_back(row * words + word);
  for (int64_t first = 0; first < count * lanes; first += count * count)
    for (int64_t byte = 0; byte < count; ++byte)
      for (int64_t row = 0; row < count; ++row)
        byteOrder.push_back(first + row * count + byte);
  Value ordered = e.create<vector::ShuffleOp>(joined, joined, wordOrder);
  Value bytes = e.create<vector::BitCastOp>(VectorType::get(count * lanes, e.getI8Type()), ordered);
  bytes = e.create<vector::ShuffleOp>(bytes, bytes, byteOrder);
  return e.create<vector::BitCastOp>(VectorType::get(lanes, e.getI32Type()), bytes);
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
