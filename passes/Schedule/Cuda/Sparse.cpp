// Weights of which two of each four neighbours in depth are zero: where matrix units can leave them
// out, and what that is thought to gain. They multiply such weights at twice the rate.

#include "dialects/Target/KernelStrategy.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tenon::cuda {

/// Less may be a loss: where one of the cost model's constants, of which nobody has measured any,
/// is half of what it should be, or twice (docs/gpu.md).
static constexpr double leastGain = 1.125;

bool canLeaveOutHalf(Operation *op) {
  OpOperand &weights = op->getOpOperand(1);
  auto matmul = dyn_cast<MatMulOp>(op);
  auto [left, right] = getMultipliedTypes(op);
  if (!isPackable(weights) || (matmul && !matmul.sharesRhs()) ||
      getElementTypeOrSelf(weights.get()) != right)
    return false;
  ContractionSizes sizes = getContractionSizes(op);
  // Four neighbours are of one tap.
  constexpr int64_t group = 4;
  bool haveOneTap =
      sizes.depth.size() == 1 ||
      getConstantOr(product(ArrayRef(sizes.depth).drop_back(), op->getContext()), 0) == 1;
  int64_t channels = getConstantOr(sizes.depth.back(), 0);
  return channels > 0 && (haveOneTap || channels % group == 0) &&
         MmaAttr::get(op->getContext(), MmaInstruction::MmaSparse).accepts(left, right);
}

bool isWorthLeavingOut(double gain) { return gain >= leastGain; }

bool leavesOutHalf(ScheduleAttrInterface schedule) {
  MmaAttr mma = getInstruction(schedule);
  return mma && mma.isSparse();
}

bool isTwoOfFour(Operation *op) {
  WeightZeros zeros = readZeros(op->getOperand(1));
  return llvm::is_contained(zeros.blocks, KeptBlocks{kTwoOfFour, 0}) && canLeaveOutHalf(op);
}

std::string describeZeros(TargetAttr target, Operation *op, ScheduleAttrInterface schedule) {
  WeightZeros known = readZeros(op->getOperand(1));
  const auto *single = llvm::find_if(
      known.blocks, [](const KeptBlocks &each) { return each.block == WeightBlock(); });
  if (single == known.blocks.end())
    return {};
  ProductSize size = getProductSize(op);
  // Convolutions have weights of their own in each group.
  double weights = size.columns * size.depth * (isa<ConvOp>(op) ? size.outer : 1);
  double zeros = 1 - double(single->kept) / weights;
  RatedSchedule dense = rateDense(target, op), sparse = rateSparse(target, op);
  double gain = sparse.schedule && dense.schedule ? dense.cycles / sparse.cycles : 0;
  if (leavesOutHalf(schedule))
    return llvm::formatv("{0:P0} zeros: 2 of 4, {1:F1} x", zeros, gain);
  // Few rows are not multiplied by matrix units at all.
  if (gain > 0 && isa_and_present<TileScheduleAttr, PipelineScheduleAttr>(schedule))
    return llvm::formatv("{0:P0} zeros: dense, 2 of 4 is {1:F2} x", zeros, gain);
  return llvm::formatv("{0:P0} zeros: dense", zeros);
}

} // namespace tenon::cuda
