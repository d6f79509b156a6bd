// Chooses how to compute attention from its sizes and the target's numbers (docs/cpu-codegen.md).
#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace tenon::cpu {

/// More keys at one time make rows of scores that leave the nearest cache.
static constexpr int64_t longestKeyBlock = 512;
/// Rows that share a block of packed keys: enough to pay for packing it.
static constexpr int64_t rowsPerGroup = 192;

AttentionScheduleAttr chooseAttention(TargetAttr target, const AttentionSizes &sizes) {
  // The heads of a group are rows of one product if each has one query.
  int64_t rows = sizes.queryCount == 1 ? sizes.group : sizes.queryCount;
  int64_t rowBytes = std::max(sizes.depth, sizes.width) * 4;
  int64_t lanes = target.getLanes(32);
  int64_t most =
      std::clamp<int64_t>(target.getL2Bytes() / 4 / rowBytes, 4 * lanes, longestKeyBlock);
  int64_t keyBlock = most;
  if (sizes.keyCount > 0)
    keyBlock = llvm::divideCeil(sizes.keyCount, llvm::divideCeil(sizes.keyCount, most));

  ContractionSizes queriesByKeys;
  queriesByKeys.rows = rows;
  queriesByKeys.inChannels = sizes.depth;
  queriesByKeys.outChannels = sizes.keyCount > 0 ? keyBlock : -1;
  queriesByKeys.inputBits = queriesByKeys.weightBits = sizes.elementBits;
  queriesByKeys.inputType = queriesByKeys.weightType = sizes.halves;
  queriesByKeys.inputRowStride = sizes.queryRowStride;
  queriesByKeys.weightLayout =
      sizes.keysAreColumns ? WeightLayout::RowMajor : WeightLayout::Transposed;
  InnerProduct scores = chooseInnerProduct(target, queriesByKeys, /*mayPackInput=*/true);
  int64_t rowBlock = scores.schedule.getTileRows();
  if (scores.schedule.getTileVectors() == 1 && !scores.packsWeights)
    rowBlock = std::max<int64_t>(rows, 1); // dot products: rows one by one

  ContractionSizes powersByValues;
  powersByValues.rows = rows;
  powersByValues.inChannels = keyBlock;
  powersByValues.outChannels = sizes.width;
  powersByValues.weightBits = sizes.elementBits;
  powersByValues.inputType = powersByValues.weightType = sizes.halves;
  powersByValues.weightLayout = WeightLayout::RowMajor;
  InnerProduct values = chooseInnerProduct(target, powersByValues, /*mayPackInput=*/false);

  // Several blocks of keys: whole panels in all but the last.
  if (sizes.keyCount < 0 || sizes.keyCount > keyBlock)
    keyBlock = llvm::alignTo(keyBlock, scores.schedule.getPanelWidth());
  int64_t groupBlocks =
      std::max<int64_t>(1, std::min(rowsPerGroup, (64 << 10) / rowBytes) / rowBlock);
  return AttentionScheduleAttr::get(target.getContext(), scores.schedule, values.schedule, lanes,
                                    rowBlock, keyBlock, groupBlocks, scores.packsWeights,
                                    values.packsWeights);
}

} // namespace tenon::cpu
