// Chooses the tiles of attention that is computed with FMAs.
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

static AttentionScheduleAttr chooseLines(TargetAttr target, AttentionOp op) {
  constexpr int64_t smallest = AttentionScheduleAttr::threadsAcross;
  AttentionSizes sizes = getAttentionSizes(op);
  int64_t rows = known(sizes.rows()), sets = known(sizes.batch * sizes.keyHeads);
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

ScheduleAttrInterface chooseAttention(TargetAttr target, AttentionOp op) {
  if (AttentionTileScheduleAttr schedule = chooseAttentionTiles(target, op))
    return schedule;
  return chooseLines(target, op);
}

DimExprs chooseAttentionBlocks(TargetAttr target, AttentionOp op) {
  AttentionSizes sizes = getAttentionSizes(op);
  AttentionTileScheduleAttr tiles = chooseAttentionTiles(target, op);
  int64_t tileRows = tiles ? tiles.getTileRows() : chooseLines(target, op).getTileRows();
  return limitBlocks(target, sizes.batch * sizes.keyHeads * sizes.rows().ceilDiv(tileRows));
}

} // namespace tenon::cuda
