// Attention on the FMA units of a GPU: scores, softmax and the weighted sum of values in one
// kernel, so that scores are never in memory.
//
//   for each tile of the block's share:            (rows of one head of keys)
//     queries                                      -> shared memory
//     for keys in steps:
//       keys                                       -> shared memory
//       scores = queries * keys', scaled, masked, biased
//       powers = e^(scores - largest so far)       -> shared memory, and values where keys were
//       result = result * correction + powers * values
//     result / sum of powers, and what follows it in the kernel
//
// Rows are the queries of all heads that share a head of keys, one head after the other. Each
// thread has some rows, and of these some scores and some columns of the result. The 16 threads
// with the same rows are neighbours in a warp and exchange a row's largest score; results, largest
// scores and sums are corrected from step to step ("online softmax": Milakov and Gimelshein,
// "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022).
//
// Keys are taken in their order, whatever the number of blocks, so results do not depend on it.

#include "passes/Codegen/Cuda/AttentionKernel.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Codegen/Cuda/SharedLines.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

/// What a thread knows of its rows: for each its largest score, the sum of its powers, and its part
/// of the result.
struct RowStates {
  SmallVector<Value> largest, sums, results;

  SmallVector<Value> flatten() const;
  static RowStates unflatten(ValueRange values);
};

class AttentionEmitter {
public:
  AttentionEmitter(KernelEmitter &e, AttentionOp op, AttentionScheduleAttr schedule);

  void emit();

private:
  /// The rows of one head of keys.
  struct Set {
    Value batch, head;
  };
  using Scores = SmallVector<SmallVector<Value>>;

  void emitTile(const Set &set, Value firstRow);
  RowStates emitStep(const Set &set, Value firstRow, Value firstKey, const RowStates &states);
  Scores emitScores(const Set &set, Value firstRow, Value firstKey);
  Value makeScore(const Set &set, Value row, Value key, Value product);
  Value score(ArrayRef<LaneIndex> index, Value product);
  RowStates emitPowers(const Scores &scores, const RowStates &states);
  Value hasNothing(Value largest);
  void storeResults(const Set &set, Value firstRow, const RowStates &states);
  void store(ArrayRef<Value> position, Value results, int64_t lanes);
  LineSource queries(const Set &set);
  LineSource keys(const Set &set);
  LineSource values(const Set &set);
  SmallVector<Value> ofRow(const Set &set, Value row, Value last);
  SmallVector<Value> ofHead(const Set &set, const DimExprs &dims, Value key, Value last);
  SmallVector<LaneIndex> indexOf(ArrayRef<Value> position, ArrayRef<int64_t> permutation);
  /// The end of a range of tiles; null if they fill it.
  Value limit(AffineExpr size, int64_t tile);

  Value number(double value) { return em.create<arith::ConstantOp>(em.getF32FloatAttr(value)); }
  Value splat(Value value, Type type) { return em.create<vector::BroadcastOp>(type, value); }
  Value exp(Value value) { return em.create<math::ExpOp>(value); }
  Value largestOf(Value a, Value b) { return em.create<arith::MaximumFOp>(a, b); }
  Value isMinusInfinity(Value value) {
    return em.create<arith::CmpFOp>(arith::CmpFPredicate::OEQ, value, number(-HUGE_VAL));
  }

  KernelEmitter &e;
  Emitter &em;
  Type f32;
  AttentionOp op;
  AttentionSizes sizes;
  int64_t tileRows, tileKeys, tileColumns;
  /// Of them, what a thread has.
  int64_t threadRows, threadKeys, threadColumns;
  Value keysMemory;
  SharedLines queryLines, keyLines, valueLines, powerLines;
  /// Which rows, and which keys and columns, counted in what each thread has.
  Value threadRow, threadColumn;
};

} // namespace

SmallVector<Value> RowStates::flatten() const {
  return llvm::to_vector(llvm::concat<const Value>(largest, sums, results));
}

RowStates RowStates::unflatten(ValueRange values) {
  size_t rows = values.size() / 3;
  return {values.take_front(rows), values.slice(rows, rows), values.take_back(rows)};
}

//===-- Shared memory --===//

/// Threads that share rows.
static constexpr int64_t kAcross = AttentionScheduleAttr::threadsAcross;

AttentionEmitter::AttentionEmitter(KernelEmitter &e, AttentionOp op, AttentionScheduleAttr schedule)
    : e(e), em(e.em), f32(em.getF32Type()), op(op), sizes(getAttentionSizes(op)),
      tileRows(schedule.getTileRows()), tileKeys(schedule.getTileKeys()),
      tileColumns(padWidth(sizes)), threadRows(tileRows / kAcross), threadKeys(tileKeys / kAcross),
      threadColumns(tileColumns / kAcross),
      keysMemory(e.sharedArray(em.getI8Type(), getKeyBytes(sizes, tileKeys))),
      queryLines(e, f32, tileRows, sizes.depth),
      keyLines(e, f32, tileKeys, sizes.depth, keysMemory),
      valueLines(e, f32, tileColumns, tileKeys, keysMemory), powerLines(e, f32, tileRows, tileKeys),
      threadRow(em.div(e.thread, em.i64(kAcross))),
      threadColumn(em.rem(e.thread, em.i64(kAcross))) {}

//===-- Operands --===//

Value AttentionEmitter::limit(AffineExpr size, int64_t tile) {
  int64_t known = getConstantOr(size, 0);
  return known > 0 && known % tile == 0 ? Value() : e.value(size);
}

/// The index in memory of what has this position in the op's description.
SmallVector<LaneIndex> AttentionEmitter::indexOf(ArrayRef<Value> position,
                                                 ArrayRef<int64_t> permutation) {
  SmallVector<LaneIndex> index(permutation.size());
  for (auto [part, place] : llvm::zip_equal(position.take_back(permutation.size()), permutation))
    index[place] = e.uniform(part);
  return index;
}

/// The position of a query, score or result: (batch, head, query, last).
SmallVector<Value> AttentionEmitter::ofRow(const Set &set, Value row, Value last) {
  Value queries = e.value(sizes.queries);
  Value head = em.add(em.mul(set.head, e.value(sizes.group)), em.div(row, queries));
  return {set.batch, head, em.rem(row, queries), last};
}

/// The position in keys or values, which may have one batch for all.
SmallVector<Value> AttentionEmitter::ofHead(const Set &set, const DimExprs &dims, Value key,
                                            Value last) {
  bool isShared = getConstantOr(dims.front(), 0) == 1;
  return {isShared ? em.i64(0) : set.batch, set.head, key, last};
}

LineSource AttentionEmitter::queries(const Set &set) {
  return {.tensor = op.getQueries(),
          .isDeep = true,
          .positions = limit(sizes.rows(), tileRows),
          .depth = nullptr,
          .index = [=, this](Value row, Value depth) {
            return indexOf(ofRow(set, row, depth), op.getQueryPermutation());
          }};
}

LineSource AttentionEmitter::keys(const Set &set) {
  SmallVector<int64_t> permutation = op.getKeyPermutation();
  return {.tensor = op.getKeys(),
          .isDeep = permutation.back() + 1 == static_cast<int64_t>(permutation.size()),
          .positions = limit(sizes.keys, tileKeys),
          .depth = nullptr,
          .index = [=, this](Value key, Value depth) {
            return indexOf(ofHead(set, op.getKeyDims(), key, depth), permutation);
          }};
}

LineSource AttentionEmitter::values(const Set &set) {
  return {.tensor = op.getValues(),
          .isDeep = false,
          .positions = limit(em.getAffineConstantExpr(sizes.width), tileColumns),
          .depth = limit(sizes.keys, tileKeys),
          .index = [=, this](Value column, Value key) {
            return indexOf(ofHead(set, op.getValueDims(), key, column), op.getValuePermutation());
          }};
}

//===-- Scores --===//

/// where(mask, product * scale, masked) + bias, at [B, H, S, T].
Value AttentionEmitter::score(ArrayRef<LaneIndex> index, Value product) {
  auto elementOf = [&](Value operand) {
    return e.element(operand, broadcastIndex(e, operand, op.getScoreDims(), index));
  };
  Value score = em.create<arith::MulFOp>(product, number(op.getScale().convertToDouble()));
  if (op.getMask())
    score = em.create<arith::SelectOp>(elementOf(op.getMask()), score,
                                       number(op.getMasked().convertToDouble()));
  return op.getBias() ? Value(em.create<arith::AddFOp>(score, elementOf(op.getBias()))) : score;
}

/// What is no row or no key scores minus infinity.
Value AttentionEmitter::makeScore(const Set &set, Value row, Value key, Value product) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, op.getScoreDims().size()));
  auto inside = [&] { return score(indexOf(ofRow(set, row, key), order), product); };
  Value isInside =
      areBelow(em, {{row, limit(sizes.rows(), tileRows)}, {key, limit(sizes.keys, tileKeys)}});
  if (!isInside)
    return inside();
  if (op.getMask() || op.getBias())
    return e.guarded(isInside, inside, number(-HUGE_VAL));
  return em.create<arith::SelectOp>(isInside, inside(), number(-HUGE_VAL));
}

AttentionEmitter::Scores AttentionEmitter::emitScores(const Set &set, Value firstRow,
                                                      Value firstKey) {
  Value zeros = splat(number(0), VectorType::get({threadKeys}, f32));
  SmallVector<Value> products =
      multiplyLines(e, {queryLines, threadRow, threadRows}, {keyLines, threadColumn, threadKeys},
                    em.i64(sizes.depth), SmallVector<Value>(threadRows, zeros));
  Value row = em.add(firstRow, em.mul(threadRow, threadRows));
  Value key = em.add(firstKey, em.mul(threadColumn, threadKeys));
  Scores scores(threadRows);
  for (int64_t i = 0; i < threadRows; ++i)
    for (int64_t k = 0; k < threadKeys; ++k) {
      Value product = em.create<vector::ExtractOp>(products[i], k);
      scores[i].push_back(makeScore(set, em.add(row, i), em.add(key, k), product));
    }
  return scores;
}

//===-- Softmax --===//

/// Stores the powers of the scores, and corrects what was known before to the new largest scores.
RowStates AttentionEmitter::emitPowers(const Scores &scores, const RowStates &states) {
  RowStates next;
  SmallVector<SmallVector<Value>> powers(threadKeys);
  for (auto [row, own] : llvm::enumerate(scores)) {
    Value largest = own.front();
    for (Value score : ArrayRef(own).drop_front())
      largest = largestOf(largest, score);
    largest = e.foldLanes(ReduceKind::Max, f32, largest, kAcross);
    largest = largestOf(states.largest[row], largest);
    // Powers of rows that have nothing but minus infinity are zero.
    Value base = em.create<arith::SelectOp>(isMinusInfinity(largest), number(0), largest);
    Value correction = exp(em.create<arith::SubFOp>(states.largest[row], base));
    Value sum = em.create<arith::MulFOp>(states.sums[row], correction);
    for (auto [key, score] : llvm::enumerate(own)) {
      Value power = exp(em.create<arith::SubFOp>(score, base));
      sum = em.create<arith::AddFOp>(sum, power);
      powers[key].push_back(power);
    }
    Value result = states.results[row];
    next.largest.push_back(largest);
    next.sums.push_back(sum);
    next.results.push_back(em.create<arith::MulFOp>(result, splat(correction, result.getType())));
  }
  Value line = em.mul(threadColumn, threadKeys);
  auto type = VectorType::get({threadRows}, f32);
  for (auto [key, column] : llvm::enumerate(powers))
    powerLines.write(em.add(line, static_cast<int64_t>(key)), threadRow,
                     em.create<vector::FromElementsOp>(type, column));
  return next;
}

RowStates AttentionEmitter::emitStep(const Set &set, Value firstRow, Value firstKey,
                                     const RowStates &states) {
  keyLines.bring(keys(set), firstKey, em.i64(0));
  e.barrier();
  Scores scores = emitScores(set, firstRow, firstKey);
  e.barrier();
  valueLines.bring(values(set), em.i64(0), firstKey);
  RowStates next = emitPowers(scores, states);
  e.barrier();
  next.results =
      multiplyLines(e, {powerLines, threadRow, threadRows},
                    {valueLines, threadColumn, threadColumns}, em.i64(tileKeys), next.results);
  e.barrier();
  return next;
}

//===-- Results --===//

/// Whether a row's result is zero, as it takes part of nothing; null if it never is.
Value AttentionEmitter::hasNothing(Value largest) {
  if (op.getZeroEmptyRows())
    return isMinusInfinity(largest);
  if (getConstantOr(sizes.keys, 0) > 0)
    return nullptr;
  return em.compare(arith::CmpIPredicate::eq, e.value(sizes.keys), em.i64(0));
}

void AttentionEmitter::storeResults(const Set &set, Value firstRow, const RowStates &states) {
  Value row = em.add(firstRow, em.mul(threadRow, threadRows));
  Value column = em.mul(threadColumn, threadColumns);
  Value rowLimit = e.value(sizes.rows()), columnLimit = em.i64(sizes.width);
  // Neighbours are stored together where all or none of them are columns.
  bool areTogether = sizes.width % threadColumns == 0 && llvm::isPowerOf2_64(threadColumns);
  int64_t lanes = areTogether ? threadColumns : 1;
  for (int64_t i = 0; i < threadRows; ++i) {
    Value sum = e.foldLanes(ReduceKind::Sum, f32, states.sums[i], kAcross);
    Value results = states.results[i];
    results = em.create<arith::DivFOp>(results, splat(sum, results.getType()));
    if (Value isEmpty = hasNothing(states.largest[i]))
      results = em.create<arith::SelectOp>(isEmpty, splat(number(0), results.getType()), results);
    Value own = em.add(row, i);
    for (int64_t first = 0; first < threadColumns; first += lanes) {
      Value at = em.add(column, first);
      Value isInside = em.create<arith::AndIOp>(em.less(own, rowLimit), em.less(at, columnLimit));
      Value part = lanes > 1 ? results : Value(em.create<vector::ExtractOp>(results, first));
      em.ifThen(isInside, [&] { store(ofRow(set, own, at), part, lanes); });
    }
  }
}

/// Emits what follows `lanes` neighbouring results in the kernel, and its stores.
void AttentionEmitter::store(ArrayRef<Value> position, Value results, int64_t lanes) {
  SmallVector<LaneIndex> index = indexOf(position, op.getResultPermutation());
  index.back() = {position.back(), lanes > 1, false, lanes};
  e.withLanes(lanes, nullptr, [&] { e.storeComputed(op.getResult(), results, index); });
}

//===-- Loops --===//

void AttentionEmitter::emitTile(const Set &set, Value firstRow) {
  Value none = number(-HUGE_VAL), zero = number(0);
  Value zeros = splat(zero, VectorType::get({threadColumns}, f32));
  RowStates states = {SmallVector<Value>(threadRows, none), SmallVector<Value>(threadRows, zero),
                      SmallVector<Value>(threadRows, zeros)};
  queryLines.bring(queries(set), firstRow, em.i64(0));
  SmallVector<Value> last =
      em.loop(em.i64(0), e.value(sizes.keys), em.i64(tileKeys), states.flatten(),
              [&](Value firstKey, ValueRange values) {
                SmallVector<Value> next;
                e.withLanes(1, nullptr, [&] {
                  next = emitStep(set, firstRow, firstKey, RowStates::unflatten(values)).flatten();
                });
                return next;
              });
  storeResults(set, firstRow, RowStates::unflatten(last));
}

// Neighbouring tiles share keys, which then stay in the second cache.
void AttentionEmitter::emit() {
  Value tiles = em.ceilDiv(e.value(sizes.rows()), em.i64(tileRows));
  Value heads = e.value(sizes.keyHeads);
  Value sets = em.mul(e.value(sizes.batch), heads);
  em.loop(e.block, em.mul(sets, tiles), e.blocks, [&](Value tile) {
    Value set = em.div(tile, tiles);
    Value firstRow = em.mul(em.rem(tile, tiles), tileRows);
    e.withLanes(1, nullptr, [&] { emitTile({em.div(set, heads), em.rem(set, heads)}, firstRow); });
  });
}

void emitAttentionKernel(KernelEmitter &emitter, AttentionOp op, AttentionScheduleAttr schedule) {
  AttentionEmitter(emitter, op, schedule).emit();
}

} // namespace tenon::cuda
