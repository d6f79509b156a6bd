// Chooses how to compute attention from its sizes and the target's numbers (docs/cpu-codegen.md).
#include "passes/Codegen/Cpu/Attention.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace tenon::cpu {

namespace {

/// More keys at one time make rows of scores that leave the nearest cache.
constexpr int64_t longestKeyBlock = 512;
/// Rows that share a block of packed keys: enough to pay for packing it.
constexpr int64_t rowsPerGroup = 192;

ContractionSchedule chooseProduct(const TargetInfo &target, ContractionSizes sizes,
                                  bool &packWeights) {
  ContractionSchedule schedule = chooseContractionSchedule(target, sizes);
  packWeights = schedule.packWeights;
  if (packWeights) {
    sizes.weightLayout = WeightLayout::Packed;
    schedule = chooseContractionSchedule(target, sizes);
  }
  // A row block is one tile, and all it reads is near.
  schedule.blockTiles = 1;
  schedule.prefetchLines = 0;
  schedule.tileLines = 1;
  return schedule;
}

} // namespace

AttentionSchedule chooseAttentionSchedule(const TargetInfo &target, const AttentionSizes &sizes) {
  AttentionSchedule schedule;
  // The heads of a group are rows of one product if each has one query.
  int64_t rows = sizes.queryCount == 1 ? sizes.group : sizes.queryCount;
  int64_t rowBytes = std::max(sizes.depth, sizes.width) * 4;
  int64_t lanes = target.lanes(32);
  int64_t most = std::clamp<int64_t>(target.l2Bytes / 4 / rowBytes, 4 * lanes, longestKeyBlock);
  schedule.keyBlock = most;
  if (sizes.keyCount > 0)
    schedule.keyBlock = llvm::divideCeil(sizes.keyCount, llvm::divideCeil(sizes.keyCount, most));

  ContractionSizes scores;
  scores.rows = rows;
  scores.inChannels = sizes.depth;
  scores.outChannels = sizes.keyCount > 0 ? schedule.keyBlock : -1;
  scores.inputBits = scores.weightBits = sizes.elementBits;
  scores.inputRowStride = sizes.queryRowStride;
  scores.weightLayout = sizes.keysAreColumns ? WeightLayout::RowMajor : WeightLayout::Transposed;
  schedule.scores = chooseProduct(target, scores, schedule.packKeys);
  schedule.rowBlock = schedule.scores.tileRows;
  if (schedule.scores.tileVectors == 1 && !schedule.packKeys)
    schedule.rowBlock = std::max<int64_t>(rows, 1); // dot products: rows one by one

  ContractionSizes values;
  values.rows = rows;
  values.inChannels = schedule.keyBlock;
  values.outChannels = sizes.width;
  values.weightBits = sizes.elementBits;
  values.weightLayout = WeightLayout::RowMajor;
  schedule.values = chooseProduct(target, values, schedule.packValues);
  schedule.values.packInput = false;

  // Several blocks of keys: whole panels in all but the last.
  if (sizes.keyCount < 0 || sizes.keyCount > schedule.keyBlock)
    schedule.keyBlock = llvm::alignTo(schedule.keyBlock, schedule.scores.panelWidth(target));
  schedule.groupBlocks =
      std::max<int64_t>(1, std::min(rowsPerGroup, (64 << 10) / rowBytes) / schedule.rowBlock);
  return schedule;
}

} // namespace tenon::cpu
