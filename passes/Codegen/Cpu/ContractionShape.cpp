// The sizes of a contraction op.

#include "passes/Codegen/Cpu/ContractionShape.h"

using namespace mlir;

namespace tenon {

static int64_t sizeOf(AffineExpr dim) {
  auto constant = dyn_cast<AffineConstantExpr>(dim);
  return constant ? constant.getValue() : -1;
}

static int64_t productOf(ArrayRef<AffineExpr> dims) {
  int64_t product = 1;
  for (AffineExpr dim : dims) {
    if (sizeOf(dim) < 0)
      return -1;
    product *= sizeOf(dim);
  }
  return product;
}

Type getAccumulatorType(Type elementType) {
  Type compute = ElementEmitter::computeType(elementType);
  bool isNarrow = compute.isInteger() && compute.getIntOrFloatBitWidth() < 32;
  return isNarrow ? IntegerType::get(elementType.getContext(), 32) : compute;
}

static cpu::ContractionSizes sizesOf(MatMulOp op) {
  cpu::ContractionSizes sizes;
  DimExprs lhs = getDims(op.getLhs().getType()), result = getDims(op.getType());
  sizes.inChannels = sizeOf(lhs.back());
  sizes.outChannels = sizeOf(result.back());
  ArrayRef<AffineExpr> batch = ArrayRef(result).drop_back(2);
  sizes.rows = sizeOf(result[result.size() - 2]);
  if (op.sharesRhs()) {
    int64_t rows = productOf(ArrayRef(result).drop_back());
    sizes.rows = rows;
  } else {
    sizes.batch = productOf(batch);
    sizes.weightsPerBatch = true;
  }
  sizes.inputRowStride = sizes.inChannels;
  sizes.weightLayout = op.getPacked()         ? cpu::WeightLayout::Packed
                       : op.getTransposeRhs() ? cpu::WeightLayout::Transposed
                                              : cpu::WeightLayout::RowMajor;
  return sizes;
}

static cpu::ContractionSizes sizesOf(ConvOp op) {
  cpu::ContractionSizes sizes;
  DimExprs input = getDims(op.getInput().getType()), result = getDims(op.getType());
  int64_t channels = sizeOf(input.back());
  sizes.batch = sizeOf(result.front());
  sizes.group = op.getGroups();
  sizes.lines = productOf(ArrayRef(result).drop_front().drop_back(2));
  sizes.rows = sizeOf(result[result.size() - 2]);
  for (int64_t size : op.getKernelSizes())
    sizes.taps *= size;
  sizes.inChannels = channels < 0 ? -1 : channels / sizes.group;
  sizes.outChannels = op.getOutputChannels() / sizes.group;
  Value memory = op.getInput();
  while (auto slice = memory.getDefiningOp<SliceOp>())
    memory = slice.getOperand();
  int64_t pitch = sizeOf(getDims(memory.getType()).back());
  sizes.inputRowStride = pitch < 0 ? -1 : pitch * op.getStrides().back();
  sizes.weightLayout = op.getPacked() ? cpu::WeightLayout::Packed : cpu::WeightLayout::RowMajor;
  return sizes;
}

cpu::ContractionSizes getContractionSizes(Operation *op) {
  cpu::ContractionSizes sizes;
  if (auto matmul = dyn_cast<MatMulOp>(op))
    sizes = sizesOf(matmul);
  else
    sizes = sizesOf(cast<ConvOp>(op));
  Type elementType = getElementTypeOrSelf(op->getOperand(0).getType());
  sizes.accumulatorBits = getAccumulatorType(elementType).getIntOrFloatBitWidth();
  Type weightType = getElementTypeOrSelf(op->getOperand(1).getType());
  sizes.inputBits = getStorageType(elementType).getIntOrFloatBitWidth();
  sizes.weightBits = getStorageType(weightType).getIntOrFloatBitWidth();
  return sizes;
}

cpu::DepthwiseSizes getDepthwiseSizes(ConvOp op) {
  cpu::DepthwiseSizes sizes;
  llvm::append_range(sizes.kernel, op.getKernelSizes());
  llvm::append_range(sizes.stride, op.getStrides());
  DimExprs input = getDims(op.getInput().getType());
  int64_t elements = productOf(ArrayRef(input).drop_front());
  Type storage = getStorageType(getElementTypeOrSelf(op.getInput().getType()));
  if (elements >= 0)
    sizes.imageBytes = elements * storage.getIntOrFloatBitWidth() / 8;
  return sizes;
}

} // namespace tenon
