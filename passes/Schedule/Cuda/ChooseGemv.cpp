// Chooses how products of few rows are computed, which are bound by reading their columns.
//
// A warp's columns are read together: with more of them, rows are loaded the fewer times and more
// is under way. But there are to be warps for all multiprocessors, as many as these can hold. Where
// there are not as many columns, warps share the depth of one.
//
// Products of more rows than here are bound by arithmetic: a number that arrives takes a conversion
// and an FMA for each row, of which a multiprocessor does 128 in a cycle, while memory gives it
// about 16 bytes. Weights that are quantized in blocks are read as codes, which is bound by
// arithmetic from fewer rows on, but never slower than reading them as floats.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Sizes.h"

#include "dialects/Target/KernelStrategy.h"

using namespace mlir;

namespace tenon::cuda {

/// Bytes that memory gives a multiprocessor in a cycle, and FMAs that it does.
static constexpr int64_t memoryBytesPerCycle = 16, operationsPerCycle = 128;
/// Sums of a lane, one for each of its warp at most.
static constexpr int64_t mostSums = 32;
/// Threads of a block, and warps of it that share a column.
static constexpr int64_t threads = 256, mostSlices = 8;

/// Neighbours in depth that a lane loads at a time: 16 bytes of columns, of which the depth is
/// whole.
static int64_t chooseLanes(int64_t depth, int64_t elementBytes) {
  int64_t lanes = 16 / elementBytes;
  while (depth % lanes != 0)
    lanes /= 2;
  return lanes;
}

bool areWholeCodes(DequantizeBlocksOp op, int64_t lanes) {
  auto type = cast<RankedTensorType>(op.getOperand().getType());
  int64_t blockSize = op.getBlockSize();
  return lanes * type.getElementTypeBitWidth() % 8 == 0 &&
         (blockSize % lanes == 0 || blockSize >= type.getDimSize(op.getAxis()));
}

/// The same of codes, as many as lie in one block; 0 if there are none.
static int64_t chooseCodeLanes(int64_t depth, DequantizeBlocksOp op) {
  int64_t lanes = 8;
  while (lanes > 0 && (depth % lanes != 0 || !areWholeCodes(op, lanes)))
    lanes /= 2;
  return lanes;
}

/// Whether a column's numbers lie side by side, or can be laid out so.
static bool hasDeepColumns(Operation *op) {
  auto matmul = dyn_cast<MatMulOp>(op);
  return (matmul && matmul.getTransposeRhs()) || isPackable(op->getOpOperand(1));
}

/// Constant codes of 2, 4 or 8 bits, in blocks along the depth of words of 32 bits: the host, where
/// a kernel may be placed, reads no others.
static bool areCodes(OpOperand &weights, DequantizeBlocksOp narrow) {
  constexpr int64_t wordBits = 32;
  auto matmul = dyn_cast<MatMulOp>(weights.getOwner());
  auto type = cast<RankedTensorType>(narrow.getOperand().getType());
  int64_t bits = type.getElementTypeBitWidth(), depthDim = narrow.getAxis();
  int64_t blockSize = narrow.getBlockSize();
  return matmul && &weights == &matmul.getRhsMutable() && isPackable(weights) &&
         getElementTypeOrSelf(matmul.getLhs()).isF32() && type.getRank() == 2 &&
         depthDim == (matmul.getTransposeRhs() ? 1 : 0) && llvm::is_contained({2, 4, 8}, bits) &&
         (blockSize % (wordBits / bits) == 0 || blockSize >= type.getDimSize(depthDim));
}

/// Whether it takes less time to read the columns than to multiply them, so that few rows are
/// better not tiles.
static bool isBoundByColumns(int64_t rows, int64_t elementBytes) {
  return (rows + 1) * (memoryBytesPerCycle / elementBytes) <= operationsPerCycle;
}

/// The neighbours of a lane; 0 if this is no product of few rows.
static int64_t findLanes(Operation *op) {
  ContractionSizes sizes = getContractionSizes(op);
  MLIRContext *context = op->getContext();
  int64_t rows = getConstantOr(product(sizes.rows, context), 0),
          depth = getConstantOr(product(sizes.depth, context), 0);
  auto conv = dyn_cast<ConvOp>(op);
  if (!getElementTypeOrSelf(op->getResult(0)).isF32() || (conv && conv.getGroups() != 1) ||
      depth < TargetAttr::warpSize || rows < 1 || rows > mostSums / 4)
    return 0;
  OpOperand &columns = op->getOpOperand(1);
  if (auto narrow = columns.get().getDefiningOp<DequantizeBlocksOp>())
    return areCodes(columns, narrow) ? chooseCodeLanes(depth, narrow) : 0;
  int64_t bytes = getElementBytes(getElementTypeOrSelf(columns.get()));
  return hasDeepColumns(op) && isBoundByColumns(rows, bytes) ? chooseLanes(depth, bytes) : 0;
}

bool readsCodes(OpOperand &weights) {
  return weights.get().getDefiningOp<DequantizeBlocksOp>() && findLanes(weights.getOwner()) > 0;
}

GemvScheduleAttr chooseGemv(TargetAttr target, Operation *op) {
  constexpr int64_t many = 1 << 12; // what only a run tells
  int64_t lanes = findLanes(op);
  if (lanes == 0)
    return nullptr;
  ContractionSizes sizes = getContractionSizes(op);
  MLIRContext *context = op->getContext();
  int64_t all = getConstantOr(product(sizes.outer, context) * sizes.columns, many);
  int64_t depth = getConstantOr(product(sizes.depth, context), 0);
  int64_t warps = target.getMultiprocessors() * target.getThreads() / TargetAttr::warpSize / 2;
  int64_t columns = 4, slices = 1;
  while (columns > 1 && all / columns < warps)
    columns /= 2;
  while (slices < mostSlices && all * slices < warps * columns &&
         depth >= 2 * slices * lanes * TargetAttr::warpSize)
    slices *= 2;
  return GemvScheduleAttr::get(context, columns, lanes, slices, threads);
}

} // namespace tenon::cuda
