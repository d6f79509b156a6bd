// What warps with different roles can compute (see the header).
//
// The copy engine reads what is in memory as it is multiplied: tensors whose steps are multiples of
// 16 bytes. Of convolutions it reads runs of output pixels, each as far from them as a tap of the
// filter says (im2col), within what the driver's maps can say.

#include "passes/Schedule/Cuda/Pipeline.h"
#include "dialects/Target/KernelStrategy.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/MappedTensor.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Sizes.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

RightForm getRightForm(Operation *root) {
  auto matmul = dyn_cast<MatMulOp>(root);
  bool isKnown = isPackable(root->getOpOperand(1));
  return !matmul || isKnown || matmul.getTransposeRhs() ? RightForm::Columns : RightForm::Lines;
}

//===-- Operands --===//

/// What a map of pixels can say, for one, two and three spatial dimensions: how far a filter
/// reaches, from one pixel to the next, and how many pixels a run has.
static constexpr int64_t kFarthest[] = {32768, 128, 16}, kLongestStep = 8;

static std::string findObstacle(ConvOp conv, int64_t depth) {
  size_t spatial = conv.getSpatialRank();
  if (spatial < 1 || spatial > std::size(kFarthest))
    return llvm::formatv("a filter has {0} dimensions", spatial);
  for (size_t d = 0; d < spatial; ++d) {
    int64_t reach = (conv.getKernelSizes()[d] - 1) * conv.getDilations()[d];
    if (reach > kFarthest[spatial - 1] || conv.getStrides()[d] > kLongestStep)
      return llvm::formatv("a filter reaches {0} far by steps of {1}", reach, conv.getStrides()[d]);
  }
  ContractionSizes sizes = getContractionSizes(conv);
  int64_t channels = getConstantOr(sizes.depth.back(), 0);
  int64_t chunk = 16 / getElementBytes(getMultipliedTypes(conv).first);
  if (channels == 0 || channels % chunk != 0)
    return llvm::formatv("{0} channels are no chunks of 16 bytes", channels);
  if (conv.getGroups() > 1 && channels % depth != 0)
    return llvm::formatv("steps of {0} channels leave a group of {1}", depth, channels);
  if (!isPackable(conv->getOpOperand(1)))
    return "the filters are not known";
  return "";
}

static bool isBrought(Value operand, Type number) {
  return getElementTypeOrSelf(operand) == number && findMapped(operand);
}

std::string findObstacle(Operation *root, int64_t depth) {
  constexpr size_t mostDimensions = 5;
  auto [left, right] = getMultipliedTypes(root);
  ContractionSizes sizes = getContractionSizes(root);
  if (getConstantOr(product(sizes.depth, root->getContext()), 0) < 1)
    return "its depth is not known";
  for (Value operand : root->getOperands().take_front(2))
    if (getDims(operand.getType()).size() > mostDimensions)
      return "an operand has more than five dimensions";
  if (!isBrought(root->getOperand(0), left))
    return "its left operand is not in memory by chunks of 16 bytes";
  if (auto conv = dyn_cast<ConvOp>(root))
    return findObstacle(conv, depth);
  if (isPackable(root->getOpOperand(1)))
    return "";
  if (!isBrought(root->getOperand(1), right))
    return "its right operand is not in memory by chunks of 16 bytes";
  bool isTurned = getRightForm(root) == RightForm::Lines;
  return isTurned && getElementBytes(right) != 2 ? "only numbers of 16 bits are turned" : "";
}

//===-- Memory --===//

/// Sums of a group of warps in shared memory, as lines that are longer by some bytes (`padded`):
/// sixteen rows of each warp, or, turned, columns of all rows.
static int64_t getSumBytes(int64_t columns, bool isTurned) {
  constexpr int64_t rows = PipelineScheduleAttr::consumerRows, sumBytes = 4, padding = 32;
  return isTurned ? columns * (rows * sumBytes + padding) : rows * (columns * sumBytes + padding);
}

PipelineMemory::PipelineMemory(PipelineScheduleAttr schedule, int64_t elementBytes) {
  constexpr int64_t barrierBytes = 8, swizzledLines = 8;
  int64_t line = schedule.getDepth() * elementBytes, columns = schedule.getTileColumns(),
          rows = schedule.getTileRows(), stages = schedule.getStages();
  int64_t valueBytes = rows * line, placesBytes = 0;
  placesLines = 0;
  if (schedule.isTurned()) {
    int64_t blocks = rows / SparseColumns::side * (schedule.getDepth() / SparseColumns::blockDepth);
    valueBytes /= 2;
    placesBytes = blocks * SparseColumns::placesBytes;
    placesLines = llvm::alignTo(blocks, swizzledLines);
  }
  stageRowBytes = valueBytes + placesBytes;
  stageBytes = stageRowBytes + columns * line;
  right = stages * valueBytes;
  places = right + stages * columns * line;
  sums = places + stages * placesLines * SparseColumns::placesBytes;
  // Half a line for the largest tiles, which leaves room for a fourth stage.
  sumColumns = columns % 64 == 0 && columns <= 192 ? 64 : 32;
  full = sums + schedule.getConsumers() * getSumBytes(sumColumns, schedule.isTurned());
  empty = full + stages * barrierBytes;
  bytes = empty + stages * barrierBytes;
}

/// What must hold where weights are multiplied without half of them.
static std::string findSparseObstacle(PipelineScheduleAttr schedule, Operation *root) {
  if (!canLeaveOutHalf(root))
    return "its weights are not known, or cannot be multiplied without half of them";
  int64_t depth = schedule.getDepth();
  if (depth % SparseColumns::blockDepth != 0)
    return llvm::formatv("steps of {0} channels are not of {1} at a time", depth,
                         SparseColumns::blockDepth);
  ContractionSizes sizes = getContractionSizes(root);
  int64_t taps = getConstantOr(product(ArrayRef(sizes.depth).drop_back(), root->getContext()), 0);
  int64_t channels = getConstantOr(sizes.depth.back(), 0);
  if (taps != 1 && channels % depth != 0)
    return llvm::formatv("steps of {0} channels leave a tap of {1}", depth, channels);
  return "";
}

std::string findObstacle(PipelineScheduleAttr schedule, Operation *root, TargetAttr target) {
  constexpr int64_t shortest = 32, longest = 128; // what swizzles are for
  int64_t elementBytes = getElementBytes(getMultipliedTypes(root).first);
  int64_t rowBytes = schedule.getDepth() * elementBytes;
  bool isSparse = schedule.getMma().isSparse();
  if (!target.getWgmmaRate())
    return "the target has no matrix units that read shared memory";
  if (isSparse)
    if (std::string obstacle = findSparseObstacle(schedule, root); !obstacle.empty())
      return obstacle;
  if (rowBytes < shortest || rowBytes > longest)
    return llvm::formatv("lines have {0} bytes, where 32 to 128 are possible", rowBytes);
  if (getRightForm(root) == RightForm::Lines &&
      (schedule.getTileColumns() * elementBytes % longest != 0))
    return llvm::formatv("{0} columns are no panels of 128 bytes", schedule.getTileColumns());
  if (schedule.getCluster() > 1 && getRightForm(root) == RightForm::Lines)
    return "columns that are turned are not shared by a cluster";
  // Those of a step, and those of all steps.
  constexpr int64_t mostShortSums = 128;
  if (hasShortSums(getMultipliedTypes(root).first) && schedule.getTileColumns() > mostShortSums)
    return llvm::formatv("{0} columns have their sums twice, where {1} are the most",
                         schedule.getTileColumns(), mostShortSums);
  int64_t bytes = PipelineMemory(schedule, elementBytes).bytes;
  if (bytes > target.getSharedBytes())
    return llvm::formatv("it needs {0} bytes of shared memory, where {1} are the most", bytes,
                         target.getSharedBytes());
  return findObstacle(root, schedule.getDepth());
}

} // namespace tenon::cuda
