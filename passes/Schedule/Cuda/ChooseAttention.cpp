// Chooses the tiles of attention that is computed with FMAs, and parts of the keys whatever
// multiplies.
//
// A thread that has r rows and c keys or columns loads r + c numbers from shared memory for r c
// FMAs, and keys are brought once for each tile of rows: tiles have as many rows as there is work
// for, then as many keys as shared memory holds.

#include "passes/Schedule/Cuda/AttentionTiles.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

static bool fits(const AttentionSizes &sizes, int64_t tileRows, int64_t tileKeys) {
  return getSharedBytes(sizes, tileRows, tileKeys) <= kStaticSharedBytes;
}

/// A size that only a run tells counts as many.
static int64_t known(AffineExpr size) { return getConstantOr(size, 1 << 12); }

static AttentionScheduleAttr chooseLines(TargetAttr target, AttentionOp op, int64_t parts) {
  constexpr int64_t smallest = AttentionScheduleAttr::threadsAcross;
  AttentionSizes sizes = getAttentionSizes(op);
  int64_t rows = known(sizes.rows()), sets = known(sizes.batch * sizes.keyHeads) * parts;
  auto hasWork = [&](int64_t tile) {
    return tile < 2 * rows &&
           sets * static_cast<int64_t>(llvm::divideCeil(rows, tile)) >= target.getMultiprocessors();
  };
  int64_t tileRows = 4 * smallest, tileKeys = 4 * smallest;
  while (tileRows > smallest && !(hasWork(tileRows) && fits(sizes, tileRows, smallest)))
    tileRows /= 2;
  while (tileKeys > smallest &&
         !(tileKeys < 2 * known(sizes.keys) && fits(sizes, tileRows, tileKeys)))
    tileKeys /= 2;
  return AttentionScheduleAttr::get(target.getContext(), tileRows, tileKeys);
}

/// Cycles for all of it with FMAs. Keys, and then values, are waited for in each step.
static double estimateLines(TargetAttr target, AttentionOp op, int64_t parts) {
  constexpr double operations = 128, cacheBytesPerCycle = 64, latency = 800, tileOverhead = 1000,
                   mostTogether = 4, bytes = 4;
  AttentionScheduleAttr schedule = chooseLines(target, op, parts);
  AttentionSizes sizes = getAttentionSizes(op);
  auto tileRows = double(schedule.getTileRows()), tileKeys = double(schedule.getTileKeys());
  double tiles = double(known(sizes.batch * sizes.keyHeads)) * double(parts) *
                 std::ceil(double(known(sizes.rows())) / tileRows);
  double perMultiprocessor = std::ceil(tiles / double(target.getMultiprocessors()));
  double together = std::min(perMultiprocessor, mostTogether);
  double brought = tileKeys * double(sizes.depth + sizes.width);
  double step = std::max({tileRows * brought / operations, brought * bytes / cacheBytesPerCycle,
                          2 * latency / together});
  double steps = std::ceil(std::ceil(double(known(sizes.keys)) / tileKeys) / double(parts));
  return perMultiprocessor * (steps * step + (latency + tileOverhead) / together);
}

ScheduleAttrInterface chooseAttention(TargetAttr target, AttentionOp op) {
  if (AttentionTileScheduleAttr schedule = chooseAttentionTiles(target, op))
    return schedule;
  return chooseLines(target, op, getAttentionSizes(op).parts);
}

DimExprs chooseAttentionBlocks(TargetAttr target, AttentionOp op) {
  AttentionSizes sizes = getAttentionSizes(op);
  AttentionTileScheduleAttr tiles = chooseAttentionTiles(target, op);
  int64_t tileRows =
      tiles ? tiles.getTileRows() : chooseLines(target, op, sizes.parts).getTileRows();
  AffineExpr perSet = sizes.rows().ceilDiv(tileRows) * sizes.parts;
  return limitBlocks(target, sizes.batch * sizes.keyHeads * perSet);
}

//===-- Parts of the keys --===//

/// What it costs to join the results of parts: a kernel, and their bytes, written and read.
static double estimateJoin(TargetAttr target, const AttentionSizes &sizes, int64_t parts) {
  constexpr double bytes = 2 * 4, cacheBytesPerCycle = 64;
  double rows = double(known(sizes.batch * sizes.keyHeads)) * double(known(sizes.rows()));
  double moved = bytes * double(parts) * rows * double(sizes.width);
  return kLaunchCycles + moved / (cacheBytesPerCycle * double(target.getMultiprocessors()));
}

// Tiles of few rows leave multiprocessors idle, while each goes through all keys step by step.
int64_t chooseKeyParts(TargetAttr target, AttentionOp op) {
  constexpr int64_t mostParts = 32;
  AttentionSizes sizes = getAttentionSizes(op);
  auto estimate = [&](int64_t parts) {
    auto [tiles, cycles] = rateAttentionTiles(target, op, parts);
    return tiles ? cycles : estimateLines(target, op, parts);
  };
  int64_t best = 1;
  double bestCycles = estimate(1);
  for (int64_t parts = 2; parts <= mostParts; parts *= 2) {
    double cycles = estimate(parts) + estimateJoin(target, sizes, parts);
    if (cycles >= bestCycles)
      continue;
    best = parts;
    bestCycles = cycles;
  }
  return best;
}

} // namespace tenon::cuda
