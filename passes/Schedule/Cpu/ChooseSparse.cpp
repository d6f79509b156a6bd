// Whether weights are better read without their zeros. Constants come from measurements
// (docs/sparsity.md).
//
// Time is counted in vectors that are multiplied and added. Dense code takes one for each vector of
// weights and output position. Code that skips blocks leaves out those that are zero, but walks
// lists: a step computes its addresses from a number that it loads, and each list ends with a
// branch that is predicted wrongly. Code that puts single weights back to their places multiplies
// as much as dense code, and reads less. Code for columns multiplies single weights by vectors of
// positions, which takes a bit longer for each. Where a tile has all positions, and visits weights
// once, reading them bounds the time.
#include "dialects/Target/Cpu/SparsePanels.h"
#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace tenon::cpu {
namespace {

/// Shorter lists of steps gain nothing even if they are empty.
constexpr int64_t shortestList = 8;
/// What a step and a list take beside their products, and the time in which a sum takes the next
/// product.
constexpr double stepCost = 2, listCost = 24, latency = 5;
/// What a weight of a column takes beside its products, and the time in which the sums of a column
/// take the next one, while another column's may go on; and what a column's list takes.
constexpr double weightCost = 1.5, columnLatency = 3.2, columnCost = 16;
/// What it takes to put a vector of weights to their places.
constexpr double expandCost = 3;
/// Bytes of weights that arrive from memory, and from the second and third cache.
constexpr double memoryBytes = 4.6, l3Bytes = 20, l2Bytes = 26;
/// Less is within what other things change.
constexpr double leastGain = 1.15;

/// Of weights and schedules for them.
class Prediction {
public:
  Prediction(TargetAttr target, const ContractionSizes &sizes) : target(target), sizes(sizes) {}

  /// The time that a tile's positions take with all weights.
  double predict(ContractionScheduleAttr schedule) const;
  int64_t countPositions(ContractionScheduleAttr schedule) const;

private:
  int64_t countRows() const {
    bool areKnown = sizes.batch >= 0 && sizes.lines >= 0 && sizes.rows >= 0;
    return areKnown ? sizes.batch * sizes.lines * sizes.rows : -1;
  }
  int64_t countPanels(ContractionScheduleAttr schedule) const {
    return sizes.group * llvm::divideCeil(sizes.outChannels, schedule.getPanelWidth());
  }
  int64_t countSteps(ContractionScheduleAttr schedule) const {
    return sizes.taps * llvm::divideCeil(sizes.inChannels, schedule.getMma().getInterleave());
  }
  double predictColumns(ContractionScheduleAttr schedule) const;
  double predictReading(double bytes) const;

  TargetAttr target;
  const ContractionSizes &sizes;
};

} // namespace

int64_t Prediction::countPositions(ContractionScheduleAttr schedule) const {
  int64_t tile = schedule.getTileRows() * schedule.getTileLines(), rows = countRows();
  return rows < 0 ? tile : std::max<int64_t>(1, std::min(tile, rows));
}

double Prediction::predictReading(double bytes) const {
  double perVector = sizes.zeros.runBytes > target.getL3Bytes()   ? memoryBytes
                     : sizes.zeros.runBytes > target.getL2Bytes() ? l3Bytes
                                                                  : l2Bytes;
  return bytes / perVector;
}

double Prediction::predictColumns(ContractionScheduleAttr schedule) const {
  SkipAttr skip = schedule.getSkip();
  // Tiles are as long as each other, and vectors at their ends are filled in part.
  int64_t tile = countPositions(schedule), rows = std::max<int64_t>(countRows(), tile);
  int64_t positions = llvm::divideCeil(rows, llvm::divideCeil(rows, tile));
  double vectors = llvm::divideCeil(positions, schedule.getLanes());
  double lists = countPanels(schedule) * schedule.getPanelWidth() *
                 llvm::divideCeil(sizes.inChannels, skip.getDepth());
  double packing = sizes.inChannels * vectors * 2;
  double ofTile = packing + skip.getKept() * std::max(vectors + weightCost, columnLatency) +
                  lists * (columnCost + vectors);
  return ofTile * tile / positions;
}

double Prediction::predict(ContractionScheduleAttr schedule) const {
  double positions = countPositions(schedule);
  double panels = countPanels(schedule), steps = panels * countSteps(schedule);
  // Half as long vectors take half the time, or no more than they would.
  double length = std::min(1.0, static_cast<double>(schedule.getLanes()) /
                                    target.getLanes(sizes.accumulatorBits));
  double vectors = schedule.getTileVectors() * length;
  double bytes = sizes.weightBits / 8.0;
  double weights = steps * schedule.getPanelWidth() * schedule.getMma().getInterleave();
  double products, read = weights * bytes;
  SkipAttr skip = schedule.getSkip();
  if (!skip) {
    products = steps * std::max(positions * vectors, latency);
  } else if (skip.getZeros() == Zeros::Blocks) {
    double kept = skip.getKept();
    products =
        kept * std::max(positions * vectors + stepCost, latency) + panels * sizes.taps * listCost;
    read *= kept / steps;
  } else if (skip.getZeros() == Zeros::Columns) {
    return predictColumns(schedule);
  } else {
    products = steps * std::max(vectors * (positions + expandCost), latency);
    read = weights / 8 + skip.getKept() * bytes;
  }
  bool readsOnce = countRows() > 0 && countRows() <= positions;
  return readsOnce ? std::max(products, predictReading(read)) : products;
}

/// Whether weights can be put to their places in whole vectors of the target.
static bool canExpand(TargetAttr target, const ContractionSizes &sizes,
                      ContractionScheduleAttr dense) {
  return target.getVectorBits() == 512 && target.has("avx512f") &&
         (sizes.weightBits >= 32 || target.has("avx512vbmi2")) &&
         dense.getLanes() == target.getLanes(sizes.accumulatorBits);
}

// Four vectors on the longest vectors there are, and as many positions where they are shorter.
int64_t chooseColumnPositions(TargetAttr target, const ContractionSizes &sizes) {
  constexpr int64_t most = 64;
  int64_t lanes = target.getLanes(sizes.accumulatorBits),
          rows = sizes.batch * sizes.lines * sizes.rows;
  int64_t positions = std::min<int64_t>(most, llvm::alignTo(rows, lanes));
  while (positions > 2 * lanes &&
         positions * sizes.inChannels * sizes.accumulatorBits / 8 > target.getL2Bytes() / 2)
    positions /= 2;
  return positions;
}

/// The input channels of a list, so that their tile fits the nearest cache; 0 if weights had better
/// not be multiplied one by one.
static int64_t chooseColumnDepth(TargetAttr target, const ContractionSizes &sizes,
                                 ContractionScheduleAttr dense) {
  int64_t rows = sizes.batch * sizes.lines * sizes.rows;
  bool isKnown = sizes.batch >= 0 && sizes.lines >= 0 && sizes.rows >= 0;
  if (!sizes.positionsAreRows || !isKnown || rows < target.getLanes(sizes.accumulatorBits) ||
      sizes.taps != 1 || dense.getMma().getInterleave() > 1 || sizes.inputType)
    return 0;
  int64_t positions = chooseColumnPositions(target, sizes);
  int64_t tileBytes = positions * sizes.accumulatorBits / 8;
  if (tileBytes * sizes.inChannels > target.getL2Bytes() / 2)
    return 0;
  int64_t depth = target.getL1Bytes() * 3 / 4 / tileBytes;
  return std::min({depth, SparseForm::mostDepth, sizes.inChannels});
}

llvm::SmallVector<SkipAttr> listSkips(TargetAttr target, const ContractionSizes &sizes,
                                      ContractionScheduleAttr dense) {
  llvm::SmallVector<SkipAttr> skips;
  auto add = [&](Zeros zeros, int64_t kept, int64_t depth) {
    skips.push_back(SkipAttr::get(target.getContext(), zeros, kept, depth));
  };
  for (const auto &[block, kept] : sizes.zeros.blocks) {
    if (block == WeightBlock{dense.getMma().getInterleave(), blockWidth})
      add(Zeros::Blocks, kept, 0);
    if (block != WeightBlock())
      continue;
    if (canExpand(target, sizes, dense))
      add(Zeros::Single, kept, 0);
    if (int64_t depth = chooseColumnDepth(target, sizes, dense))
      add(Zeros::Columns, kept, depth);
  }
  return skips;
}

llvm::SmallVector<WeightBlock> listSkippableBlocks(TargetAttr target,
                                                   const ContractionSizes &sizes) {
  ContractionScheduleAttr dense = chooseContraction(target, sizes);
  MmaAttr mma = dense.getMma();
  int64_t lanes = target.getLanes(sizes.accumulatorBits);
  if (!dense.getPacked() || sizes.hasCodes || mma.hasTiles() || mma.getRows() > 1 ||
      lanes > blockWidth || sizes.outChannels < blockWidth || sizes.inChannels <= 0 ||
      sizes.inChannels % mma.getInterleave() != 0 ||
      sizes.inChannels / mma.getInterleave() < shortestList)
    return {};
  return {{mma.getInterleave(), blockWidth}, {1, 1}};
}

double predictSparseGain(TargetAttr target, const ContractionSizes &sizes,
                         ContractionScheduleAttr dense, ContractionScheduleAttr sparse) {
  Prediction prediction(target, sizes);
  return prediction.predict(dense) / prediction.countPositions(dense) /
         (prediction.predict(sparse) / prediction.countPositions(sparse));
}

bool isWorthSkipping(double gain) { return gain >= leastGain; }

std::string describeZeros(TargetAttr target, ContractionSizes sizes,
                          ContractionScheduleAttr schedule) {
  const auto *single = llvm::find_if(
      sizes.zeros.blocks, [](const KeptBlocks &each) { return each.block == WeightBlock(); });
  if (single == sizes.zeros.blocks.end())
    return {};
  double weights = 1.0 * sizes.group * sizes.taps * sizes.inChannels * sizes.outChannels;
  double zeros = 1 - single->kept / weights;
  SkipAttr skip = schedule.getSkip();
  if (!skip)
    return llvm::formatv("{0:P0} zeros: dense", zeros);
  // What it would be if none were known.
  ContractionSizes dense = sizes;
  dense.zeros.blocks.clear();
  double gain = predictSparseGain(target, sizes, chooseContraction(target, dense), schedule);
  return llvm::formatv("{0:P0} zeros: {1}, {2:F1} x", zeros, stringifyZeros(skip.getZeros()), gain);
}

} // namespace tenon::cpu
