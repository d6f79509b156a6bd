// Chooses the tiles of matrix products and convolutions that warps with different roles compute,
// from sizes alone. The model is that of ChooseTiles.cpp, in the same cycles, but that operands are
// brought while sums are finished, so that the way from memory shows once for all tiles of a block.
//
// Weights without half of them are rows of instructions, and positions are columns: there are twice
// as many products in a cycle, and rows have half of the bytes, and words. What is read of columns
// is the same, though, which is then what limits the matrix units: 128 bytes in a cycle.
//
// The constants are those of published analyses and NVIDIA's papers; nothing was measured.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Pipeline.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include <numeric>

using namespace mlir;

namespace tenon::cuda {

namespace {

constexpr int64_t widths[] = {256, 224, 192, 160, 128, 96, 64, 32};
/// Bytes of a step in one row or column.
constexpr int64_t lines[] = {128, 64, 32};
constexpr int64_t mostStages = 8, leastStages = 3;
constexpr double sharedBytesPerCycle = 128, cacheBytesPerCycle = 64;
/// From memory to shared memory; for the barriers of a step; to begin and to end a tile, beside its
/// sums; and to set up a block.
constexpr double latency = 800, stepOverhead = 40, tileOverhead = 200, blockOverhead = 800;
/// For what another block of the cluster has to say of a step.
constexpr double clusterOverhead = 24;
/// Of what is shorter than the longest, this part shows.
constexpr double exposedPart = 0.125;

} // namespace

/// Steps of so many channels that make up a product's depth: those of each tap by themselves.
static double countSteps(Operation *op, int64_t depth) {
  ContractionSizes sizes = getContractionSizes(op);
  double steps = 1;
  for (AffineExpr taps : ArrayRef(sizes.depth).drop_back())
    steps *= double(getConstantOr(taps, 1));
  return steps * double(llvm::divideCeil(getConstantOr(sizes.depth.back(), 1), depth));
}

/// Cycles for the whole product.
static double estimate(TargetAttr target, Operation *op, const ProductSize &product,
                       PipelineScheduleAttr schedule) {
  auto ceilDiv = [](double a, double b) { return std::ceil(a / b); };
  double rows = double(schedule.getTileRows()), columns = double(schedule.getTileColumns());
  bool isTurned = schedule.isTurned();
  double allRows = isTurned ? product.columns : product.rows,
         allColumns = isTurned ? product.rows : product.columns;
  double columnBytes = double(schedule.getDepth() * product.elementBytes);
  double rowBytes = double(PipelineMemory(schedule, product.elementBytes).stageRowBytes) / rows;
  double cluster = double(schedule.getCluster());
  double tiles = product.outer * ceilDiv(allRows, rows * cluster) * ceilDiv(allColumns, columns);
  double perMultiprocessor =
      ceilDiv(tiles, std::floor(double(target.getMultiprocessors()) / cluster));

  double rate =
      double(target.getWgmmaRate()) * 2 / double(product.elementBytes) * (isTurned ? 2 : 1);
  double ownRows = std::min(rows, allRows) * rowBytes,
         ownColumns = std::min(columns, allColumns) * columnBytes;
  double brought = ownRows + ownColumns, asked = ownRows + ownColumns / cluster;
  double read = rows * rowBytes + double(schedule.getConsumers()) * columns * columnBytes;
  double bounds[] = {rows * columns * double(schedule.getDepth()) / rate,
                     (brought + read) / sharedBytesPerCycle, asked / cacheBytesPerCycle,
                     product.addsSums ? rows * columns / kAdditionsPerCycle : 0,
                     latency / double(schedule.getStages() - 1)};
  double longest = *llvm::max_element(bounds);
  double step =
      longest +
      (std::accumulate(std::begin(bounds), std::end(bounds), 0.0) - longest) * exposedPart +
      stepOverhead + (cluster > 1 ? clusterOverhead : 0);
  double sums = 2 * rows * columns * 4 / sharedBytesPerCycle;
  return perMultiprocessor * (countSteps(op, schedule.getDepth()) * step + sums + tileOverhead) +
         latency + blockOverhead;
}

/// With as many stages as there is room for; null if these are too few.
static PipelineScheduleAttr makeSchedule(TargetAttr target, Operation *op,
                                         const ProductSize &product, MmaAttr mma, int64_t cluster,
                                         int64_t consumers, int64_t columns, int64_t lineBytes) {
  int64_t depth = lineBytes / product.elementBytes;
  auto make = [&](int64_t stages, int64_t band) {
    return PipelineScheduleAttr::get(op->getContext(), columns, depth, consumers, stages, band,
                                     cluster, mma);
  };
  PipelineScheduleAttr tiles = make(mostStages, 1);
  int64_t band = chooseBand(target, product, tiles.getPositions(), tiles.getOutputs());
  for (int64_t stages = mostStages; stages >= leastStages; --stages) {
    PipelineScheduleAttr schedule = make(stages, band);
    if (PipelineMemory(schedule, product.elementBytes).bytes <= target.getSharedBytes())
      return findObstacle(schedule, op, target).empty() ? schedule : PipelineScheduleAttr();
  }
  return nullptr;
}

/// The tiles that take the fewest cycles.
static std::pair<PipelineScheduleAttr, double> findBest(TargetAttr target, Operation *op,
                                                        MmaAttr mma) {
  PipelineScheduleAttr best;
  double bestCycles = 0;
  if (!mma || !target.getWgmmaRate())
    return {best, bestCycles};
  ProductSize product = getProductSize(op);
  // A run may have no rows, and then no whole cluster.
  SmallVector<int64_t> clusters = {1};
  if (isStatic(op->getResult(0).getType()))
    clusters.push_back(2);
  for (int64_t cluster : clusters)
    for (int64_t consumers : {2, 1})
      for (int64_t columns : widths)
        for (int64_t lineBytes : lines) {
          PipelineScheduleAttr schedule =
              makeSchedule(target, op, product, mma, cluster, consumers, columns, lineBytes);
          if (!schedule)
            continue;
          double cycles = estimate(target, op, product, schedule);
          if (best && cycles >= bestCycles)
            continue;
          best = schedule;
          bestCycles = cycles;
        }
  return {best, bestCycles};
}

std::pair<PipelineScheduleAttr, double> ratePipeline(TargetAttr target, Operation *op) {
  return findBest(target, op,
                  findMma(target, op, MmaInstruction::Wgmma, MmaInstruction::WgmmaTf32));
}

std::pair<PipelineScheduleAttr, double> rateSparsePipeline(TargetAttr target, Operation *op) {
  if (!isTwoOfFour(op))
    return {};
  return findBest(target, op, MmaAttr::get(op->getContext(), MmaInstruction::WgmmaSparse));
}

/// Why no schedule multiplies the op; empty if one does.
static std::string findObstacle(TargetAttr target, Operation *op) {
  MmaAttr mma = findMma(target, op, MmaInstruction::Wgmma, MmaInstruction::WgmmaTf32);
  if (!mma)
    return "f32 is taken apart in registers";
  int64_t elementBytes = getProductSize(op).elementBytes;
  std::string obstacle;
  for (int64_t lineBytes : lines) {
    obstacle = findObstacle(op, lineBytes / elementBytes);
    if (obstacle.empty())
      break;
  }
  return obstacle;
}

std::string describeObstacle(TargetAttr target, Operation *op, ScheduleAttrInterface schedule) {
  auto tiles = dyn_cast_if_present<TileScheduleAttr>(schedule);
  if (!tiles || tiles.getMma().isSparse() || !target.getWgmmaRate())
    return {};
  std::string obstacle = findObstacle(target, op);
  return "mma, not wgmma: " + (obstacle.empty() ? "that would take more cycles" : obstacle);
}

} // namespace tenon::cuda
