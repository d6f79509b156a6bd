// Attention on the matrix units of a GPU: scores, softmax and the weighted sum of values in one
// kernel, in which scores and powers never leave the registers of their warp.
//
//   for each tile of the block's share:              (rows of one set)
//     bring queries, and the first step's keys and values; barrier
//     for each step of keys:
//       start to bring the next step's keys and values to the other stage
//       each warp, for its rows and its slice of the keys:
//         scores = queries * keys', scaled, masked, biased
//         powers = 2^((scores - largest so far) * log2 e)
//         results = results * correction + powers * values
//       wait; barrier                                (1)
//     largest scores and sums of powers of slices    -> shared memory; barrier
//     results / sum of powers                        -> shared memory; barrier
//     all threads: results of neighbours, what follows them in the kernel, and its stores
//     barrier                                        (2)
//
// Barrier (1) makes the copies of all threads visible, and says that all warps are done with the
// step, whose stage is the one that is written next. Behind the last one nobody reads or copies
// tiles any more, and results take their place, which the next tile's copies take behind (2).
//
// A warp has sixteen rows. Its lanes have the scores of four neighbouring lanes' rows as tile.mma
// leaves them, which is how the second product takes its left operand (tile.left_of_sums). Largest
// scores, sums and results are corrected from step to step (AttentionKernel.cpp). Powers are
// rounded to what is multiplied, or taken in two parts of it: the exponential of the hardware,
// which is right to 22 bits, is exact enough for them.
//
// Where there are few rows, groups of warps ("slices") share the keys of each step. Each has
// largest scores and sums of its own; results are weighted by what all slices know and added up in
// their order.
//
// Keys are taken in their order, whatever the number of blocks, so results do not depend on it.

#include "passes/Codegen/Cuda/AttentionMma.h"
#include "dialects/Tenon/Reduction.h"
#include "passes/Codegen/Cuda/AttentionEmitter.h"
#include "passes/Codegen/Cuda/ContractionMma.h"
#include "passes/Codegen/Cuda/ContractionStaging.h"
#include "passes/Schedule/Cuda/AttentionTiles.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

namespace {

/// Rows that a lane has parts of, and the distance of the second one; pairs of neighbours in each
/// row of a part, and their distance.
constexpr int64_t kRows = 2, kPairs = 2, kDistance = 8;
/// Lanes that share rows.
constexpr int64_t kAcross = 4;

/// What a lane knows of its rows: for each its largest score and its part of the sum of powers; and
/// the results of its warp's rows, sixteen columns at a time.
struct RowStates {
  SmallVector<Value> largest, sums, results;

  SmallVector<Value> flatten() const {
    return llvm::to_vector(llvm::concat<const Value>(largest, sums, results));
  }
  static RowStates unflatten(ValueRange values) {
    return {values.take_front(kRows), values.slice(kRows, kRows), values.drop_front(2 * kRows)};
  }
};

class MmaAttentionEmitter : AttentionEmitter {
public:
  MmaAttentionEmitter(KernelEmitter &e, AttentionOp op, AttentionTileScheduleAttr schedule);

  void emit() {
    forTiles(schedule.getTileRows(), [&](Value set, Value firstRow) { emitTile(set, firstRow); });
  }

private:
  ContractionOperand queryOperand();
  ContractionOperand keyOperand();
  ContractionOperand valueOperand();

  void emitTile(Value set, Value firstRow);
  void bringStep(Value set, Value step, Value stage);
  void bringNext(Value set, Value step, Value stage);
  /// Whether anything is brought asynchronously.
  bool areCopied() const {
    return queryTiles.isCopied() || keyTiles.isCopied() || valueTiles.isCopied();
  }
  void awaitTiles();
  RowStates emitStep(Value step, Value stage, const RowStates &states);

  Value load(Role role, const ContractionStaging &operand, Value stage, Value line, Value column);
  void holdQueries();
  Value loadQueries(int64_t part);
  Value loadKeys(Value stage, int64_t key, int64_t part);
  Value loadValues(Value stage, int64_t key, int64_t column);
  SmallVector<Value> multiplyKeys(Value stage);
  SmallVector<Value> splitPowers(Value powers);
  void multiplyValues(Value stage, ArrayRef<Value> powers, SmallVectorImpl<Value> &results);

  Value makeScores(Value products, Value firstKey);
  void makePair(int64_t row, Value key, MutableArrayRef<Value> products);
  Value largestIn(ArrayRef<Value> scores, int64_t row);
  RowStates emitPowers(SmallVectorImpl<Value> &scores, const RowStates &states);
  /// What belongs to each of the rows of a lane, for each of its sums.
  Value spread(ArrayRef<Value> ofRows);
  /// 2^(exponent * log2 e - base), where the base is of that kind already.
  Value power(Value exponent, Value base);
  Value toBinary(Value exponent) {
    return em.create<arith::MulFOp>(exponent, number(llvm::numbers::log2e));
  }

  SmallVector<Value> weighRows(RowStates &states);
  SmallVector<Value> weighSlices(RowStates &states);
  void finishTile(Value set, Value firstRow, const RowStates &states);
  void storeResults(Value set, Value firstRow);

  AttentionTileScheduleAttr schedule;
  FloatType multiplied;
  AttentionTiles layout;
  /// The type of what is in shared memory, and how it is multiplied.
  Type stored;
  Number kind;
  /// Numbers of a part's depth, parts of the depth, of a slice's keys, and of columns.
  int64_t partDepth, depthParts, keyParts, columnParts;
  ContractionOperand query, key, value;
  ContractionStaging queryTiles, keyTiles, valueTiles;
  Value resultTiles, stateTiles;
  /// Of this warp: its first row, and its slice; and the place of this lane in a part.
  Value warpRow, slice, laneRow, laneColumn;
  Value steps;
  /// Of the present tile: the positions of this lane's rows, and queries that stay in registers.
  SmallVector<Position> rowPositions;
  SmallVector<Value> heldQueries;
};

} // namespace

//===-- Shared memory --===//

MmaAttentionEmitter::MmaAttentionEmitter(KernelEmitter &e, AttentionOp op,
                                         AttentionTileScheduleAttr schedule)
    : AttentionEmitter(e, op), schedule(schedule), multiplied(getMultipliedType(op)),
      layout(sizes, schedule, multiplied),
      stored(isa<FloatTF32Type>(multiplied) ? f32 : Type(multiplied)), kind(getNumber(stored)),
      partDepth(kDepthBytes * 8 / stored.getIntOrFloatBitWidth()),
      depthParts(llvm::divideCeil(sizes.depth, partDepth)),
      keyParts(schedule.getTileKeys() / schedule.getSlices() / kSide),
      columnParts(layout.columns / kSide), query(queryOperand()), key(keyOperand()),
      value(valueOperand()), queryTiles(e, query, em.getAffineConstantExpr(sizes.depth), stored,
                                        schedule.getTileRows(), layout.depthLine, /*stages=*/1, 0),
      keyTiles(e, key, em.getAffineConstantExpr(sizes.depth), stored, schedule.getTileKeys(),
               layout.depthLine, schedule.stages, layout.queryBytes),
      valueTiles(e, value, sizes.keys, stored, layout.widthLine, schedule.getTileKeys(),
                 schedule.stages, layout.queryBytes + layout.keyBytes) {
  auto tilesOf = [&](int64_t columns, int64_t offset) {
    auto type = BufferType::get(em.getContext(), schedule.getSlices(), schedule.getTileRows(),
                                columns, f32, Layout::Padded);
    return em.create<BufferOp>(type, offset);
  };
  resultTiles = tilesOf(layout.columns, 0);
  if (schedule.getSlices() > 1)
    stateTiles = tilesOf(kAcross, layout.resultBytes);
  e.setDynamicSharedBytes(layout.getBytes());
  Value warp = em.div(e.thread, em.i64(TargetAttr::warpSize));
  Value down = em.i64(schedule.getTileRows() / schedule.warpRows);
  warpRow = em.mul(em.rem(warp, down), schedule.warpRows);
  slice = em.div(warp, down);
  Type i64 = em.getI64Type();
  auto place = em.create<PlaceOp>(i64, i64);
  laneRow = place.getRow();
  laneColumn = place.getColumn();
  steps = em.ceilDiv(e.value(sizes.keys), em.i64(schedule.getTileKeys()));
}

ContractionOperand MmaAttentionEmitter::queryOperand() {
  return {.tensor = op.getQueries(),
          .size = sizes.rows(),
          .lastDepth = em.getAffineConstantExpr(sizes.depth),
          .isDeep = true,
          .index = [this](Value set, LaneIndex row, LaneIndex depth) {
            return indexOf(ofRow(set, row.base, depth), op.getQueryPermutation());
          }};
}

ContractionOperand MmaAttentionEmitter::keyOperand() {
  SmallVector<int64_t> permutation = op.getKeyPermutation();
  return {.tensor = op.getKeys(),
          .size = sizes.keys,
          .lastDepth = em.getAffineConstantExpr(sizes.depth),
          .isDeep = permutation.back() + 1 == static_cast<int64_t>(permutation.size()),
          .index = [=, this](Value set, LaneIndex key, LaneIndex depth) {
            return indexOf(ofHead(set, op.getKeyDims(), key, depth), permutation);
          }};
}

ContractionOperand MmaAttentionEmitter::valueOperand() {
  SmallVector<int64_t> permutation = op.getValuePermutation();
  return {.tensor = op.getValues(),
          .size = em.getAffineConstantExpr(sizes.width),
          .lastDepth = sizes.keys,
          .isDeep = permutation.back() + 1 != static_cast<int64_t>(permutation.size()),
          .index =
              [=, this](Value set, LaneIndex column, LaneIndex key) {
                return indexOf(ofHead(set, op.getValueDims(), key, column), permutation);
              },
          .keepsLines = true};
}

/// Brings a step's keys and values.
void MmaAttentionEmitter::bringStep(Value set, Value step, Value stage) {
  Value firstKey = em.mul(step, schedule.getTileKeys());
  keyTiles.begin(set, firstKey);
  keyTiles.bring(em.i64(0), stage);
  valueTiles.begin(set, em.i64(0));
  valueTiles.bring(firstKey, stage);
}

/// The same if there is such a step.
void MmaAttentionEmitter::bringNext(Value set, Value step, Value stage) {
  em.ifThen(em.less(step, steps), [&] { bringStep(set, step, stage); });
  if (areCopied())
    em.create<CommitOp>();
}

/// Until all threads see what all have brought.
void MmaAttentionEmitter::awaitTiles() {
  if (areCopied())
    em.create<WaitOp>(0);
  e.barrier();
}

//===-- Products --===//

Value MmaAttentionEmitter::load(Role role, const ContractionStaging &operand, Value stage,
                                Value line, Value column) {
  auto words = VectorType::get({4}, em.getI32Type());
  return em.create<OperandOp>(words, role, operand.getTiles(), stage, line, column);
}

/// Loads the queries of a warp for all steps if they are few.
void MmaAttentionEmitter::holdQueries() {
  heldQueries.clear();
  if (!staysInRegisters(sizes.depth, multiplied))
    return;
  SmallVector<Value> held;
  for (int64_t part = 0; part < depthParts; ++part)
    held.push_back(loadQueries(part));
  heldQueries = std::move(held);
}

Value MmaAttentionEmitter::loadQueries(int64_t part) {
  if (!heldQueries.empty())
    return heldQueries[part];
  return load(Role::Rows, queryTiles, em.i64(0), warpRow, em.i64(part * partDepth));
}

/// Sixteen of the slice's keys.
Value MmaAttentionEmitter::loadKeys(Value stage, int64_t key, int64_t part) {
  Value first = em.add(em.mul(slice, keyParts * kSide), key * kSide);
  Value depth = em.i64(part * partDepth);
  return keyTiles.isByLines() ? load(Role::Lines, keyTiles, stage, depth, first)
                              : load(Role::Columns, keyTiles, stage, first, depth);
}

/// Sixteen columns of values, for as many keys as are multiplied at a time.
Value MmaAttentionEmitter::loadValues(Value stage, int64_t key, int64_t column) {
  Value first = em.add(em.mul(slice, keyParts * kSide), key);
  Value columns = em.i64(column * kSide);
  if (!valueTiles.isByLines())
    return load(Role::Columns, valueTiles, stage, columns, first);
  Role role = kind == Number::TF32 ? Role::PairedLines : Role::Lines;
  return load(role, valueTiles, stage, first, columns);
}

SmallVector<Value> MmaAttentionEmitter::multiplyKeys(Value stage) {
  Value zero = em.create<arith::ConstantOp>(em.getZeroAttr(VectorType::get({8}, f32)));
  SmallVector<Value> products(keyParts, zero);
  for (int64_t part = 0; part < depthParts; ++part) {
    Value left = loadQueries(part);
    for (auto [number, sum] : llvm::enumerate(products)) {
      Value right = loadKeys(stage, static_cast<int64_t>(number), part);
      sum = em.create<MmaOp>(sum.getType(), kind, left, kind, right, sum);
    }
  }
  return products;
}

void MmaAttentionEmitter::multiplyValues(Value stage, ArrayRef<Value> powers,
                                         SmallVectorImpl<Value> &results) {
  for (auto [number, sums] : llvm::enumerate(powers))
    for (int64_t part = 0; part < kSide / partDepth; ++part) {
      auto words = VectorType::get({4}, em.getI32Type());
      SmallVector<Value> lefts;
      for (Value terms : splitPowers(sums))
        lefts.push_back(em.create<LeftOfSumsOp>(words, kind, terms, static_cast<uint32_t>(part)));
      int64_t key = static_cast<int64_t>(number) * kSide + part * partDepth;
      for (auto [column, result] : llvm::enumerate(results)) {
        Value right = loadValues(stage, key, static_cast<int64_t>(column));
        for (Value left : lefts)
          result = em.create<MmaOp>(result.getType(), kind, left, kind, right, result);
      }
    }
}

/// Powers as sums of what halves hold: as they are where they may be rounded, or with what that
/// would lose.
SmallVector<Value> MmaAttentionEmitter::splitPowers(Value powers) {
  if (mayRoundPowers(op))
    return {powers};
  auto type = cast<VectorType>(powers.getType());
  Value rounded = em.create<arith::TruncFOp>(type.clone(stored), powers);
  Value first = em.create<arith::ExtFOp>(type, rounded);
  return {first, em.create<arith::SubFOp>(powers, first)};
}

//===-- Scores --===//

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
RowStates MmaAttentionEmitter::emitPowers(SmallVectorImpl<Value> &scores, const RowStates &states) {
  RowStates next;
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

RowStates MmaAttentionEmitter::emitStep(Value step, Value stage, const RowStates &states) {
  SmallVector<Value> scores = multiplyKeys(stage);
  Value firstKey = em.add(em.mul(step, schedule.getTileKeys()), em.mul(slice, keyParts * kSide));
  firstKey = em.add(firstKey, laneColumn);
  for (auto [part, own] : llvm::enumerate(scores))
    own = makeScores(own, em.add(firstKey, static_cast<int64_t>(part) * kSide));
  RowStates next = emitPowers(scores, states);
  multiplyValues(stage, scores, next.results);
  return next;
}

//===-- Results --===//

/// What the results of each row of a lane are to be multiplied with: one by the sum of its powers.
SmallVector<Value> MmaAttentionEmitter::weighRows(RowStates &states) {
  SmallVector<Value> weights;
  for (Value sum : states.sums)
    weights.push_back(em.create<arith::DivFOp>(number(1), sum));
  return weights;
}

/// The same where others have powers of the same rows, and their own largest scores.
SmallVector<Value> MmaAttentionEmitter::weighSlices(RowStates &states) {
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
  for (auto [row, own] : llvm::zip_equal(rows, states.largest)) {
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
    weights.push_back(em.create<arith::DivFOp>(power(own, base), total));
    own = ofAll;
  }
  return weights;
}

void MmaAttentionEmitter::finishTile(Value set, Value firstRow, const RowStates &last) {
  RowStates states = last;
  for (Value &sum : states.sums)
    sum = e.foldLanes(ReduceKind::Sum, f32, sum, kAcross);
  SmallVector<Value> weights = schedule.getSlices() > 1 ? weighSlices(states) : weighRows(states),
                     empty;
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

//===-- Loops --===//

void MmaAttentionEmitter::emitTile(Value set, Value firstRow) {
  rowPositions.clear();
  Value end = limit(sizes.rows(), schedule.getTileRows());
  for (int64_t row = 0; row < kRows; ++row) {
    Value own = em.add(firstRow, em.add(em.add(warpRow, laneRow), row * kDistance));
    if (end)
      own = em.min(own, em.sub(end, em.i64(1)));
    rowPositions.push_back(ofRow(set, own, e.index(0)));
  }
  queryTiles.begin(set, firstRow);
  queryTiles.bring(em.i64(0), em.i64(0));
  bringNext(set, em.i64(0), em.i64(0));
  awaitTiles();
  holdQueries();
  Value zero = number(0),
        zeros = em.create<arith::ConstantOp>(em.getZeroAttr(VectorType::get({8}, f32)));
  RowStates states = {SmallVector<Value>(kRows, number(-HUGE_VAL)), SmallVector<Value>(kRows, zero),
                      SmallVector<Value>(columnParts, zeros)};
  SmallVector<Value> last =
      em.loop(em.i64(0), steps, em.i64(1), states.flatten(), [&](Value step, ValueRange values) {
        Value stage = em.rem(step, em.i64(schedule.stages)), next = em.add(step, 1);
        SmallVector<Value> after;
        e.withLanes(1, nullptr, [&] {
          bringNext(set, next, em.rem(next, em.i64(schedule.stages)));
          after = emitStep(step, stage, RowStates::unflatten(values)).flatten();
        });
        awaitTiles();
        return after;
      });
  finishTile(set, firstRow, RowStates::unflatten(last));
  e.barrier();
}

void emitAttentionMmaKernel(KernelEmitter &emitter, AttentionOp op,
                            AttentionTileScheduleAttr schedule) {
  MmaAttentionEmitter(emitter, op, schedule).emit();
}

} // namespace tenon::cuda
