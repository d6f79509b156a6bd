// Chooses the tiles of matrix products and convolutions that are computed with FMAs.
//
// A thread that computes r x c outputs loads r + c numbers from shared memory for r c FMAs, so
// tiles are as large as there is work for: the largest only if there are two for each
// multiprocessor. All have 256 threads, each of which loads the same number of elements of both
// operands.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

struct Tile {
  int64_t rows, columns, depth, threadRows, threadColumns;
};

constexpr Tile large = {128, 128, 8, 8, 8}, medium = {64, 64, 16, 4, 4}, small = {32, 32, 16, 2, 2},
               fewRows = {16, 64, 16, 1, 4}, fewColumns = {64, 16, 16, 4, 1},
               fewBoth = {16, 16, 16, 1, 1};

/// From so many rows or columns on a dimension is not narrow; what only a run tells counts as many.
constexpr int64_t narrow = 16, many = 1 << 12;

} // namespace

/// How many such tiles there are; a size that only a run tells counts as many.
static int64_t countTiles(const ContractionSizes &sizes, const Tile &tile) {
  MLIRContext *context = sizes.columns.getContext();
  auto known = [&](AffineExpr size) { return getConstantOr(size, many); };
  return known(product(sizes.outer, context)) *
         llvm::divideCeil(known(product(sizes.rows, context)), tile.rows) *
         llvm::divideCeil(known(sizes.columns), tile.columns);
}

static Tile chooseTile(TargetAttr target, const ContractionSizes &sizes, bool isWide) {
  MLIRContext *context = target.getContext();
  bool hasFewRows = getConstantOr(product(sizes.rows, context), narrow + 1) <= narrow;
  bool hasFewColumns = getConstantOr(sizes.columns, narrow + 1) <= narrow;
  if (hasFewRows || hasFewColumns)
    return !hasFewRows ? fewColumns : hasFewColumns ? fewBoth : fewRows;
  if (!isWide && countTiles(sizes, large) >= 2 * target.getMultiprocessors())
    return large;
  return countTiles(sizes, medium) >= target.getMultiprocessors() ? medium : small;
}

static RatedSchedule findBetter(std::pair<TileScheduleAttr, double> tiles,
                                std::pair<PipelineScheduleAttr, double> pipeline) {
  if (pipeline.first && (!tiles.first || pipeline.second <= tiles.second))
    return {pipeline.first, pipeline.second};
  if (tiles.first)
    return {tiles.first, tiles.second};
  return {};
}

RatedSchedule rateDense(TargetAttr target, Operation *op) {
  return findBetter(rateTiles(target, op), ratePipeline(target, op));
}

RatedSchedule rateSparse(TargetAttr target, Operation *op) {
  return findBetter(rateSparseTiles(target, op), rateSparsePipeline(target, op));
}

MmaAttr getInstruction(ScheduleAttrInterface schedule) {
  if (auto tiles = dyn_cast_if_present<TileScheduleAttr>(schedule))
    return tiles.getMma();
  auto pipeline = dyn_cast_if_present<PipelineScheduleAttr>(schedule);
  return pipeline ? pipeline.getMma() : MmaAttr();
}

ScheduleAttrInterface chooseContraction(TargetAttr target, Operation *op) {
  if (GemvScheduleAttr schedule = chooseGemv(target, op))
    return schedule;
  RatedSchedule dense = rateDense(target, op), sparse = rateSparse(target, op);
  if (sparse.schedule && (!dense.schedule || isWorthLeavingOut(dense.cycles / sparse.cycles)))
    return sparse.schedule;
  if (dense.schedule)
    return dense.schedule;
  bool isWide = getElementTypeOrSelf(op->getResult(0)).getIntOrFloatBitWidth() > 32;
  Tile tile = chooseTile(target, getContractionSizes(op), isWide);
  return ContractionScheduleAttr::get(target.getContext(), tile.rows, tile.columns, tile.depth,
                                      tile.threadRows, tile.threadColumns,
                                      MmaAttr::get(target.getContext(), MmaInstruction::Fma));
}

/// Rows and columns of a schedule's tiles. Few rows are all in one, whose columns are those of a
/// block's groups of warps.
static std::pair<int64_t, int64_t> getTile(ScheduleAttrInterface schedule) {
  if (auto gemv = dyn_cast<GemvScheduleAttr>(schedule))
    return {many, gemv.getColumns() * gemv.getGroups()};
  if (auto tiles = dyn_cast<TileScheduleAttr>(schedule))
    return {tiles.getTileRows(), tiles.getTileColumns()};
  if (auto pipeline = dyn_cast<PipelineScheduleAttr>(schedule))
    return {pipeline.getPositions(), pipeline.getOutputs()};
  auto fma = cast<ContractionScheduleAttr>(schedule);
  return {fma.getTileRows(), fma.getTileColumns()};
}

DimExprs chooseContractionBlocks(TargetAttr target, Operation *op) {
  ContractionSizes sizes = getContractionSizes(op);
  ScheduleAttrInterface schedule = chooseContraction(target, op);
  auto [tileRows, tileColumns] = getTile(schedule);
  MLIRContext *context = target.getContext();
  AffineExpr blocks = product(sizes.outer, context) *
                      product(sizes.rows, context).ceilDiv(tileRows) *
                      sizes.columns.ceilDiv(tileColumns);
  // These go from tile to tile without a gap, and a multiprocessor holds one of them.
  if (auto pipeline = dyn_cast<PipelineScheduleAttr>(schedule)) {
    int64_t cluster = pipeline.getCluster();
    DimExprs clusters = limitBlocks(blocks, target.getMultiprocessors() / cluster);
    return llvm::map_to_vector(clusters, [&](AffineExpr count) { return count * cluster; });
  }
  return limitBlocks(target, blocks);
}

} // namespace tenon::cuda
