// Chooses into how many parts the depth of a product is cut, each a product of its own.
//
// A multiprocessor goes through a tile's depth step by step, and each step takes at least the way
// from memory, over the steps that are under way at a time. Where there are fewer tiles than
// multiprocessors, parts make more of them, of fewer steps each:
//
//   cycles = tiles of the busiest multiprocessor * (steps * step + beginning and end)
//          + for several parts: the launch that adds them up, the bytes of the sums, written and
//            read, and a copy of the left operand, whose rows are cut
//
// The number of parts with the fewest is taken. The tiles are those of the whole product. As in
// ChooseTiles.cpp nothing was measured.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

constexpr int64_t mostParts = 32;
/// A part's depth is a multiple of so many bytes, which is what a step has in a row.
constexpr int64_t stepBytes = 128;
constexpr double latency = 800, tileOverhead = 600, cacheBytesPerCycle = 64;
/// Blocks that share a multiprocessor.
constexpr double mostTogether = 4;
/// Of FMAs in a cycle.
constexpr double operationsPerCycle = 128;

/// A tile and its steps, of whatever schedule.
struct Tile {
  double rows, columns, depth;
  /// Steps that are under way at a time, and products that a multiprocessor adds up in a cycle.
  double underWay, rate;
};

} // namespace

/// The tiles that the whole product would be computed by; nothing if it is not.
static std::optional<Tile> getTile(TargetAttr target, Operation *op, const ProductSize &product) {
  double perWord = 2 / double(product.elementBytes);
  ScheduleAttrInterface schedule = chooseContraction(target, op);
  if (auto tiles = dyn_cast<TileScheduleAttr>(schedule))
    return Tile{double(tiles.getTileRows()), double(tiles.getTileColumns()),
                double(tiles.getDepth()), double(tiles.getStages() - 1),
                double(target.getMmaRate()) * perWord};
  if (auto pipeline = dyn_cast<PipelineScheduleAttr>(schedule))
    return Tile{double(pipeline.getTileRows()), double(pipeline.getTileColumns()),
                double(pipeline.getDepth()), double(pipeline.getStages() - 1),
                double(target.getWgmmaRate()) * perWord};
  if (auto fma = dyn_cast<ContractionScheduleAttr>(schedule))
    return Tile{double(fma.getTileRows()), double(fma.getTileColumns()), double(fma.getDepth()), 1,
                operationsPerCycle};
  return std::nullopt;
}

static double estimate(TargetAttr target, const ProductSize &product, const Tile &tile,
                       double parts) {
  double multiprocessors = double(target.getMultiprocessors());
  double tiles = std::ceil(product.outer * product.rows / tile.rows) *
                 std::ceil(product.columns / tile.columns);
  double perMultiprocessor = std::ceil(tiles * parts / multiprocessors);
  double together = std::min(perMultiprocessor, mostTogether);
  double bytes = (tile.rows + tile.columns) * tile.depth * double(product.elementBytes);
  double step = std::max({tile.rows * tile.columns * tile.depth / tile.rate,
                          bytes / cacheBytesPerCycle, latency / tile.underWay / together});
  double steps = std::ceil(product.depth / parts / tile.depth);
  double cycles = perMultiprocessor * (steps * step + (latency + tileOverhead) / together);
  if (parts == 1)
    return cycles;
  double rows = product.outer * product.rows;
  double moved = 2 * 4 * parts * rows * product.columns;
  if (rows > 1) {
    cycles += kLaunchCycles;
    moved += 2 * rows * product.depth * double(product.elementBytes);
  }
  return cycles + kLaunchCycles + moved / (cacheBytesPerCycle * multiprocessors);
}

int64_t chooseParts(TargetAttr target, MatMulOp op) {
  auto [left, right] =
      std::pair(getElementTypeOrSelf(op.getLhs()), getElementTypeOrSelf(op.getRhs()));
  if (left.getIntOrFloatBitWidth() != right.getIntOrFloatBitWidth())
    return 1;
  ProductSize product = getProductSize(op);
  std::optional<Tile> tile = getTile(target, op, product);
  if (!tile)
    return 1;
  int64_t best = 1, granule = stepBytes / product.elementBytes;
  double bestCycles = estimate(target, product, *tile, 1);
  for (int64_t parts = 2; parts <= mostParts; parts *= 2) {
    if (static_cast<int64_t>(product.depth) % (parts * granule) != 0)
      continue;
    double cycles = estimate(target, product, *tile, double(parts));
    if (cycles >= bestCycles)
      continue;
    best = parts;
    bestCycles = cycles;
  }
  return best;
}

} // namespace tenon::cuda
