// Positions, scores and results of attention (see the header).

#include "passes/Codegen/Cuda/AttentionEmitter.h"

using namespace mlir;

namespace tenon::cuda {

Value AttentionEmitter::limit(AffineExpr size, int64_t tile) {
  int64_t known = getConstantOr(size, 0);
  return known > 0 && known % tile == 0 ? Value() : e.value(size);
}

// Neighbouring tiles share keys, which then stay in the second cache.
void AttentionEmitter::forTiles(int64_t tileRows, function_ref<void(Value, Value)> body) {
  Value tiles = em.ceilDiv(e.value(sizes.rows()), em.i64(tileRows));
  Value sets = em.mul(e.value(sizes.batch), e.value(sizes.keyHeads));
  Value perSet = em.mul(tiles, sizes.parts);
  em.loop(e.block, em.mul(sets, perSet), e.blocks, [&](Value tile) {
    e.withLanes(1, nullptr, [&] {
      Value inSet = em.rem(tile, perSet);
      keyPart = em.div(inSet, tiles);
      body(em.div(tile, perSet), em.mul(em.rem(inSet, tiles), tileRows));
    });
  });
}

std::pair<Value, Value> AttentionEmitter::getSteps(int64_t tileKeys) {
  Value steps = em.ceilDiv(e.value(sizes.keys), em.i64(tileKeys));
  if (!isPart())
    return {em.i64(0), steps};
  Value perPart = em.ceilDiv(steps, em.i64(sizes.parts)), first = em.mul(keyPart, perPart);
  return {first, em.min(em.add(first, perPart), steps)};
}

//===-- Positions --===//

AttentionEmitter::Position AttentionEmitter::indexOf(ArrayRef<LaneIndex> position,
                                                     ArrayRef<int64_t> permutation) {
  Position index(permutation.size());
  for (auto [part, place] : llvm::zip_equal(position.take_back(permutation.size()), permutation))
    index[place] = part;
  return index;
}

AttentionEmitter::Position AttentionEmitter::ofRow(Value set, Value row, LaneIndex last) {
  Value heads = e.value(sizes.keyHeads), queries = e.value(sizes.queries);
  Value head = em.rem(set, heads), query = row;
  if (getConstantOr(sizes.group, 0) != 1) {
    head = em.add(em.mul(head, e.value(sizes.group)), em.div(row, queries));
    query = em.rem(row, queries);
  }
  return {e.uniform(em.div(set, heads)), e.uniform(head), e.uniform(query), last};
}

AttentionEmitter::Position AttentionEmitter::ofHead(Value set, const DimExprs &dims, LaneIndex key,
                                                    LaneIndex last) {
  Value heads = e.value(sizes.keyHeads);
  bool isShared = getConstantOr(dims.front(), 0) == 1;
  Value batch = isShared ? em.i64(0) : em.div(set, heads);
  return {e.uniform(batch), e.uniform(em.rem(set, heads)), key, last};
}

//===-- Scores and results --===//

Value AttentionEmitter::score(ArrayRef<LaneIndex> position, Value product) {
  DimExprs dims = op.getScoreDims();
  ArrayRef<LaneIndex> index = position.take_back(dims.size());
  auto elementOf = [&](Value operand) {
    return e.broadcast(e.element(operand, broadcastIndex(e, operand, dims, index)));
  };
  auto splat = [&](const APFloat &value) { return e.broadcast(number(value.convertToDouble())); };
  Value score = em.create<arith::MulFOp>(product, splat(op.getScale()));
  if (op.getMask())
    score = em.create<arith::SelectOp>(elementOf(op.getMask()), score, splat(op.getMasked()));
  return op.getBias() ? Value(em.create<arith::AddFOp>(score, elementOf(op.getBias()))) : score;
}

Value AttentionEmitter::hasNothing(Value largest) {
  if (op.getZeroEmptyRows())
    return isMinusInfinity(largest);
  return hasNoKeys();
}

Value AttentionEmitter::hasNoKeys() {
  if (getConstantOr(sizes.keys, 0) > 0)
    return nullptr;
  return em.compare(arith::CmpIPredicate::eq, e.value(sizes.keys), em.i64(0));
}

Value AttentionEmitter::makeBase(Value largest) {
  return em.create<arith::SelectOp>(isMinusInfinity(largest), number(0), largest);
}

void AttentionEmitter::store(Value set, Value row, Value column, Value results, int64_t lanes) {
  LaneIndex columns = {column, lanes > 1, false, lanes};
  Position index = indexOf(ofRow(set, row, columns), op.getResultPermutation());
  if (isPart())
    index.insert(index.begin(), e.uniform(keyPart));
  e.withLanes(lanes, nullptr, [&] { e.storeComputed(op.getResult(), results, index); });
}

// Without any keys results are zeros, and no part is to differ from that.
void AttentionEmitter::storeState(Value set, Value row, Value largest, Value sum) {
  if (Value isNothing = hasNoKeys()) {
    largest = em.create<arith::SelectOp>(isNothing, number(0), largest);
    sum = em.create<arith::SelectOp>(isNothing, number(1), sum);
  }
  store(set, row, em.i64(sizes.width), largest, 1);
  store(set, row, em.i64(sizes.width + 1), sum, 1);
}

} // namespace tenon::cuda
