// Chooses how products of few rows are computed, which are bound by reading their columns.
//
// A warp's columns are read together: with more of them, rows are loaded the fewer times and more
// is under way. But there are to be warps for all multiprocessors, as many as these can hold.
//
// Products of more rows than here are bound by arithmetic: a number that arrives takes a conversion
// and an FMA for each row, of which a multiprocessor does 128 in a cycle, while memory gives it
// about 16 bytes.

#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Sizes.h"

#include "dialects/Target/KernelStrategy.h"

using namespace mlir;

namespace tenon::cuda {

/// Bytes that memory gives a multiprocessor in a cycle, and FMAs that it does.
static constexpr int64_t memoryBytesPerCycle = 16, operationsPerCycle = 128;
/// Sums of a lane, one for each of its warp at most.
static constexpr int64_t mostSums = 32;
static constexpr int64_t threads = 256;

/// Neighbours in depth that a lane loads at a time: 16 bytes of columns, of which the depth is
/// whole.
static int64_t chooseLanes(int64_t depth, int64_t elementBytes) {
  int64_t lanes = 16 / elementBytes;
  while (depth % lanes != 0)
    lanes /= 2;
  return lanes;
}

/// Whether a column's numbers lie side by side, or can be laid out so.
static bool hasDeepColumns(Operation *op) {
  auto matmul = dyn_cast<MatMulOp>(op);
  return (matmul && matmul.getTransposeRhs()) || isPackable(op->getOpOperand(1));
}

GemvScheduleAttr chooseGemv(TargetAttr target, Operation *op) {
  constexpr int64_t many = 1 << 12; // what only a run tells
  ContractionSizes sizes = getContractionSizes(op);
  MLIRContext *context = op->getContext();
  int64_t rows = getConstantOr(product(sizes.rows, context), many),
          depth = getConstantOr(product(sizes.depth, context), 0);
  int64_t bytes = getElementBytes(getElementTypeOrSelf(op->getOperand(1)));
  int64_t elementsPerCycle = memoryBytesPerCycle / bytes;
  auto conv = dyn_cast<ConvOp>(op);
  if (!getElementTypeOrSelf(op->getResult(0)).isF32() || (conv && conv.getGroups() != 1) ||
      !hasDeepColumns(op) || depth < TargetAttr::warpSize ||
      (rows + 1) * elementsPerCycle > operationsPerCycle || rows > mostSums / 4)
    return nullptr;
  int64_t lanes = chooseLanes(depth, bytes);
  int64_t all = getConstantOr(product(sizes.outer, context) * sizes.columns, many);
  int64_t warps = target.getMultiprocessors() * target.getThreads() / TargetAttr::warpSize / 2;
  int64_t columns = 4;
  while (columns > 1 && all / columns < warps)
    columns /= 2;
  return GemvScheduleAttr::get(context, columns, lanes, threads);
}

} // namespace tenon::cuda
