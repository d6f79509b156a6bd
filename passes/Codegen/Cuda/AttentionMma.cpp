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
// Where few rows would leave multiprocessors idle, a tile has a part of the keys (`keyParts`). Its
// results are not divided, and largest scores and sums of powers are stored beside them.
//
// Keys are taken in their order, whatever the number of blocks, so results do not depend on it.

#include "passes/Codegen/Cuda/AttentionMma.h"
#include "passes/Codegen/Cuda/AttentionMmaEmitter.h"
#include "passes/Codegen/Cuda/ContractionMma.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

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
  em.ifThen(em.less(step, lastStep), [&] { bringStep(set, step, stage); });
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

//===-- Loops --===//

void MmaAttentionEmitter::emitTile(Value set, Value firstRow) {
  rowPositions.clear();
  Value limited = limit(sizes.rows(), schedule.getTileRows());
  for (int64_t row = 0; row < kRows; ++row) {
    Value own = em.add(firstRow, em.add(em.add(warpRow, laneRow), row * kDistance));
    if (limited)
      own = em.min(own, em.sub(limited, em.i64(1)));
    rowPositions.push_back(ofRow(set, own, e.index(0)));
  }
  auto [firstStep, end] = getSteps(schedule.getTileKeys());
  lastStep = end;
  auto stageOf = [&](Value step) { return em.rem(step, em.i64(schedule.stages)); };
  queryTiles.begin(set, firstRow);
  queryTiles.bring(em.i64(0), em.i64(0));
  bringNext(set, firstStep, stageOf(firstStep));
  awaitTiles();
  holdQueries();
  Value zero = number(0),
        zeros = em.create<arith::ConstantOp>(em.getZeroAttr(VectorType::get({8}, f32)));
  MmaRowStates states = {SmallVector<Value>(kRows, number(-HUGE_VAL)),
                         SmallVector<Value>(kRows, zero), SmallVector<Value>(columnParts, zeros)};
  SmallVector<Value> last =
      em.loop(firstStep, lastStep, em.i64(1), states.flatten(), [&](Value step, ValueRange values) {
        Value stage = stageOf(step), next = em.add(step, 1);
        SmallVector<Value> after;
        e.withLanes(1, nullptr, [&] {
          bringNext(set, next, stageOf(next));
          after = emitStep(step, stage, MmaRowStates::unflatten(values)).flatten();
        });
        awaitTiles();
        return after;
      });
  finishTile(set, firstRow, MmaRowStates::unflatten(last));
  e.barrier();
}

void emitAttentionMmaKernel(KernelEmitter &emitter, AttentionOp op,
                            AttentionTileScheduleAttr schedule) {
  MmaAttentionEmitter(emitter, op, schedule).emit();
}

} // namespace tenon::cuda
