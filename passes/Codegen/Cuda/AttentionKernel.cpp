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
// Each thread has some rows, and of these some scores and some columns of the result. The 16
// threads with the same rows are neighbours in a warp and exchange a row's largest score; results,
// largest scores and sums are corrected from step to step ("online softmax": Milakov and
// Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention",
// 2022).
//
// Where few rows would leave multiprocessors idle, a tile has a part of the keys (`keyParts`). Its
// results are not divided, and largest scores and sums of powers are stored beside them.
//
// Keys are taken in their order, whatever the number of blocks, so results do not depend on it.

#include "passes/Codegen/Cuda/AttentionKernel.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Codegen/Cuda/AttentionEmitter.h"
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

class FmaAttentionEmitter : AttentionEmitter {
public:
  FmaAttentionEmitter(KernelEmitter &e, AttentionOp op, AttentionScheduleAttr schedule);

  void emit();

private:
  using Scores = SmallVector<SmallVector<Value>>;

  void emitTile(Value set, Value firstRow);
  RowStates emitStep(Value set, Value firstRow, Value firstKey, const RowStates &states);
  Scores emitScores(Value set, Value firstRow, Value firstKey);
  Value makeScore(Value set, Value row, Value key, Value product);
  RowStates emitPowers(const Scores &scores, const RowStates &states);
  Value finishRow(Value results, Value largest, Value sum);
  void storeResults(Value set, Value firstRow, const RowStates &states);
  LineSource queries(Value set);
  LineSource keys(Value set);
  LineSource values(Value set);

  Value splat(Value value, Type type) { return em.create<vector::BroadcastOp>(type, value); }
  Value exp(Value value) { return em.create<math::ExpOp>(value); }

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

FmaAttentionEmitter::FmaAttentionEmitter(KernelEmitter &e, AttentionOp op,
                                         AttentionScheduleAttr schedule)
    : AttentionEmitter(e, op), tileRows(schedule.getTileRows()), tileKeys(schedule.getTileKeys()),
      tileColumns(padWidth(sizes)), threadRows(tileRows / kAcross), threadKeys(tileKeys / kAcross),
      threadColumns(tileColumns / kAcross),
      keysMemory(e.sharedArray(em.getI8Type(), getKeyBytes(sizes, tileKeys))),
      queryLines(e, f32, tileRows, sizes.depth),
      keyLines(e, f32, tileKeys, sizes.depth, keysMemory),
      valueLines(e, f32, tileColumns, tileKeys, keysMemory), powerLines(e, f32, tileRows, tileKeys),
      threadRow(em.div(e.thread, em.i64(kAcross))),
      threadColumn(em.rem(e.thread, em.i64(kAcross))) {}

//===-- Operands --===//

LineSource FmaAttentionEmitter::queries(Value set) {
  return {.tensor = op.getQueries(),
          .isDeep = true,
          .positions = limit(sizes.rows(), tileRows),
          .depth = nullptr,
          .index = [=, this](Value row, Value depth) {
            return indexOf(ofRow(set, row, e.uniform(depth)), op.getQueryPermutation());
          }};
}

LineSource FmaAttentionEmitter::keys(Value set) {
  SmallVector<int64_t> permutation = op.getKeyPermutation();
  return {.tensor = op.getKeys(),
          .isDeep = permutation.back() + 1 == static_cast<int64_t>(permutation.size()),
          .positions = limit(sizes.keys, tileKeys),
          .depth = nullptr,
          .index = [=, this](Value key, Value depth) {
            return indexOf(ofHead(set, op.getKeyDims(), e.uniform(key), e.uniform(depth)),
                           permutation);
          }};
}

LineSource FmaAttentionEmitter::values(Value set) {
  return {.tensor = op.getValues(),
          .isDeep = false,
          .positions = limit(em.getAffineConstantExpr(sizes.width), tileColumns),
          .depth = limit(sizes.keys, tileKeys),
          .index = [=, this](Value column, Value key) {
            return indexOf(ofHead(set, op.getValueDims(), e.uniform(key), e.uniform(column)),
                           op.getValuePermutation());
          }};
}

//===-- Scores --===//

/// What is no row or no key scores minus infinity.
Value FmaAttentionEmitter::makeScore(Value set, Value row, Value key, Value product) {
  auto inside = [&] { return score(ofRow(set, row, e.uniform(key)), product); };
  Value isInside =
      areBelow(em, {{row, limit(sizes.rows(), tileRows)}, {key, limit(sizes.keys, tileKeys)}});
  if (!isInside)
    return inside();
  if (op.getMask() || op.getBias())
    return e.guarded(isInside, inside, number(-HUGE_VAL));
  return em.create<arith::SelectOp>(isInside, inside(), number(-HUGE_VAL));
}

FmaAttentionEmitter::Scores FmaAttentionEmitter::emitScores(Value set, Value firstRow,
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
RowStates FmaAttentionEmitter::emitPowers(const Scores &scores, const RowStates &states) {
  RowStates next;
  SmallVector<SmallVector<Value>> powers(threadKeys);
  for (auto [row, own] : llvm::enumerate(scores)) {
    Value largest = own.front();
    for (Value score : ArrayRef(own).drop_front())
      largest = largestOf(largest, score);
    largest = e.foldLanes(ReduceKind::Max, f32, largest, kAcross);
    largest = largestOf(states.largest[row], largest);
    Value base = makeBase(largest);
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

RowStates FmaAttentionEmitter::emitStep(Value set, Value firstRow, Value firstKey,
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

Value FmaAttentionEmitter::finishRow(Value results, Value largest, Value sum) {
  if (isPart())
    return results;
  Type type = results.getType();
  results = em.create<arith::DivFOp>(results, splat(sum, type));
  if (Value isEmpty = hasNothing(largest))
    results = em.create<arith::SelectOp>(isEmpty, splat(number(0), type), results);
  return results;
}

void FmaAttentionEmitter::storeResults(Value set, Value firstRow, const RowStates &states) {
  Value row = em.add(firstRow, em.mul(threadRow, threadRows));
  Value column = em.mul(threadColumn, threadColumns);
  Value rowLimit = e.value(sizes.rows()), columnLimit = em.i64(sizes.width);
  // Neighbours are stored together where all or none of them are columns.
  bool areTogether = sizes.width % threadColumns == 0 && llvm::isPowerOf2_64(threadColumns);
  int64_t lanes = areTogether ? threadColumns : 1;
  for (int64_t i = 0; i < threadRows; ++i) {
    Value sum = e.foldLanes(ReduceKind::Sum, f32, states.sums[i], kAcross);
    Value own = em.add(row, i), results = finishRow(states.results[i], states.largest[i], sum);
    if (isPart()) {
      Value isFirst = em.compare(arith::CmpIPredicate::eq, threadColumn, em.i64(0));
      em.ifThen(em.create<arith::AndIOp>(isFirst, em.less(own, rowLimit)),
                [&] { storeState(set, own, states.largest[i], sum); });
    }
    for (int64_t first = 0; first < threadColumns; first += lanes) {
      Value at = em.add(column, first);
      Value isInside = em.create<arith::AndIOp>(em.less(own, rowLimit), em.less(at, columnLimit));
      Value part = lanes > 1 ? results : Value(em.create<vector::ExtractOp>(results, first));
      em.ifThen(isInside, [&] { store(set, own, at, part, lanes); });
    }
  }
}

//===-- Loops --===//

void FmaAttentionEmitter::emitTile(Value set, Value firstRow) {
  Value none = number(-HUGE_VAL), zero = number(0);
  Value zeros = splat(zero, VectorType::get({threadColumns}, f32));
  RowStates states = {SmallVector<Value>(threadRows, none), SmallVector<Value>(threadRows, zero),
                      SmallVector<Value>(threadRows, zeros)};
  queryLines.bring(queries(set), firstRow, em.i64(0));
  auto [first, end] = getSteps(tileKeys);
  SmallVector<Value> last =
      em.loop(first, end, em.i64(1), states.flatten(), [&](Value step, ValueRange values) {
        SmallVector<Value> next;
        e.withLanes(1, nullptr, [&] {
          Value firstKey = em.mul(step, tileKeys);
          next = emitStep(set, firstRow, firstKey, RowStates::unflatten(values)).flatten();
        });
        return next;
      });
  storeResults(set, firstRow, RowStates::unflatten(last));
}

void FmaAttentionEmitter::emit() {
  forTiles(tileRows, [&](Value set, Value firstRow) { emitTile(set, firstRow); });
}

void emitAttentionKernel(KernelEmitter &emitter, AttentionOp op, AttentionScheduleAttr schedule) {
  FmaAttentionEmitter(emitter, op, schedule).emit();
}

} // namespace tenon::cuda
