// Chooses how to compute a contraction from its sizes and the target's numbers. Constants come from
// measurements (docs/cpu-codegen.md).
#include "passes/Codegen/Cpu/Contraction.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>

namespace tenon::cpu {

/// Vectors per tile: as many as keep padding of the last panel small, with enough rows left that
/// weights are reused.
static int64_t chooseTileVectors(const TargetInfo &target, const ContractionSizes &sizes) {
  int64_t lanes = target.lanes(sizes.accumulatorBits);
  int64_t preferred = 2;
  if (sizes.outChannels < 0)
    return preferred;
  int64_t vectors = llvm::divideCeil(sizes.outChannels, lanes);
  if (vectors <= preferred)
    return vectors;
  int64_t most = target.vectorRegisters >= 32 ? 3 : 2;
  if (most >= 3 && vectors % 3 == 0)
    return 3;
  return preferred;
}

ContractionSchedule chooseContractionSchedule(const TargetInfo &target,
                                              const ContractionSizes &sizes) {
  ContractionSchedule schedule;
  schedule.tileVectors = chooseTileVectors(target, sizes);
  // Sums may take three quarters of the registers; weights and broadcasts need the rest.
  int64_t sums = target.vectorRegisters * 3 / 4;
  schedule.tileRows = std::max<int64_t>(1, sums / schedule.tileVectors);

  int64_t totalRows = sizes.batch > 0 && sizes.lines > 0 && sizes.rows > 0
                          ? sizes.batch * sizes.lines * sizes.rows
                          : -1;
  if (totalRows > 0 && totalRows <= 4) {
    // Few rows: more vectors side by side, or additions wait for one another.
    int64_t lanes = target.lanes(sizes.accumulatorBits);
    int64_t vectors = sizes.outChannels > 0 ? llvm::divideCeil(sizes.outChannels, lanes) : 8;
    schedule.tileVectors =
        std::clamp<int64_t>(std::min(vectors, sums / totalRows), 1, totalRows == 1 ? 8 : 6);
  }
  if (sizes.weightLayout == WeightLayout::Transposed) {
    // Too few rows to pay for packing, or too few columns to fill a vector.
    bool fewColumns = sizes.outChannels > 0 && sizes.outChannels <= 4;
    schedule.packWeights = !fewColumns && (totalRows < 0 || totalRows > 4);
    if (!schedule.packWeights) {
      schedule.tileVectors = 1;
      schedule.tileRows = fewColumns ? sums / 2 / sizes.outChannels : 1;
    }
  }
  if (sizes.weightLayout == WeightLayout::RowMajor)
    schedule.packWeights = totalRows < 0 || totalRows >= 48;
  if (sizes.rows > 0)
    schedule.tileRows = std::min(schedule.tileRows, sizes.rows);

  if (sizes.inChannels > 0 && sizes.outChannels > 0 && sizes.weightLayout == WeightLayout::Packed) {
    int64_t weightBytes = sizes.taps * sizes.inChannels * sizes.outChannels * sizes.weightBits / 8;
    schedule.blockTiles = weightBytes <= target.l2Bytes / 2 ? 1 : 0;
  }
  return schedule;
}

} // namespace tenon::cpu
