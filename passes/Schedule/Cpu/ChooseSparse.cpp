// Whether weights are better read without their zeros. Constants come from measurements
// (docs/sparsity.md).
//
// Time is counted in vectors that are multiplied and added. Dense code takes one for each vector of
// weights and output position; sparse code leaves out those of blocks that are zero, but walks lists:
// a step computes its addresses from a number that it loads, and each list ends with a branch that
// is predicted wrongly.
#include "passes/Schedule/Cpu/Choose.h"
#include "llvm/Support/MathExtras.h"

namespace tenon::cpu {
namespace {

/// Output channels of a block.
constexpr int64_t blockWidth = 16;
/// Shorter lists of steps gain nothing even if they are empty.
constexpr int64_t shortestList = 8;
/// What a step and a list take beside their products, and the time in which a sum takes the next
/// product.
constexpr double stepCost = 2, listCost = 24, latency = 4;
/// Less is within what other things change.
constexpr double leastGain = 1.15;

/// Output positions that share a visit to a panel.
int64_t countPositions(const ContractionSizes &sizes, ContractionScheduleAttr schedule) {
  int64_t tile = schedule.getTileRows() * schedule.getTileLines();
  if (sizes.batch < 0 || sizes.lines < 0 || sizes.rows < 0)
    return tile;
  return std::max<int64_t>(1, std::min(tile, sizes.batch * sizes.lines * sizes.rows));
}

/// Of all weights, for one output position. `steps` of a panel are multiplied.
double countCost(const ContractionSizes &sizes, ContractionScheduleAttr schedule, double steps,
                 double lists) {
  double positions = countPositions(sizes, schedule);
  double products = positions * schedule.getTileVectors();
  return (steps * std::max(products + stepCost, latency) + lists * listCost) / positions;
}

} // namespace

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
  return {{mma.getInterleave(), blockWidth}};
}

double predictSparseGain(const ContractionSizes &sizes, ContractionScheduleAttr dense,
                         ContractionScheduleAttr sparse) {
  auto panels = [&](ContractionScheduleAttr schedule) {
    return sizes.group * llvm::divideCeil(sizes.outChannels, schedule.getPanelWidth());
  };
  double lists = sizes.taps * panels(sparse), kept = sparse.getSkip().getKept();
  double steps = panels(dense) * sizes.taps *
                 llvm::divideCeil(sizes.inChannels, dense.getMma().getInterleave());
  // Half as long vectors take half the time, or no more than they would.
  double shorter = static_cast<double>(dense.getLanes()) / sparse.getLanes();
  return countCost(sizes, dense, steps, /*lists=*/0) * std::min(shorter, 1.0) /
         countCost(sizes, sparse, kept, lists);
}

bool isWorthSkipping(const ContractionSizes &sizes, ContractionScheduleAttr dense,
                     ContractionScheduleAttr sparse) {
  return predictSparseGain(sizes, dense, sparse) >= leastGain;
}

} // namespace tenon::cpu
