// Weights of which two of each four neighbours in depth are zero: where matrix units can leave them
// out, and what that is thought to gain. They multiply such weights at twice the rate.

#include "dialects/Target/KernelStrategy.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace tenon::cuda {

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
  auto tiles = dyn_cast_if_present<TileScheduleAttr>(schedule);
  if (!tiles || !tiles.getMma().isSparse())
    return llvm::formatv("{0:P0} zeros: dense", zeros);
  double dense = rateTiles(target, op).second, pipeline = choosePipeline(target, op).second;
  if (pipeline > 0)
    dense = std::min(dense, pipeline);
  return llvm::formatv("{0:P0} zeros: 2 of 4, {1:F1} x", zeros,
                       dense / rateSparseTiles(target, op).second);
}

} // namespace tenon::cuda
