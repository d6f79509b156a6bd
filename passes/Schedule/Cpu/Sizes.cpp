// The sizes of ops, as schedules depend on them.

#include "passes/Schedule/Cpu/Sizes.h"
#include "dialects/Target/KernelStrategy.h"
#include "dialects/Target/MultipliedType.h"

using namespace mlir;

namespace tenon::cpu {

static int64_t productOf(ArrayRef<AffineExpr> dims) {
  int64_t product = 1;
  for (AffineExpr dim : dims) {
    int64_t size = getConstantOr(dim, -1);
    if (size < 0)
      return -1;
    product *= size;
  }
  return product;
}

static ContractionSizes sizesOf(MatMulOp op) {
  ContractionSizes sizes;
  DimExprs lhs = getDims(op.getLhs().getType()), result = getDims(op.getType());
  sizes.inChannels = getConstantOr(lhs.back(), -1);
  sizes.outChannels = getConstantOr(result.back(), -1);
  ArrayRef<AffineExpr> batch = ArrayRef(result).drop_back(2);
  sizes.rows = getConstantOr(result[result.size() - 2], -1);
  if (op.sharesRhs()) {
    int64_t rows = productOf(ArrayRef(result).drop_back());
    sizes.rows = rows;
    sizes.positionsAreRows = true;
  } else {
    sizes.batch = productOf(batch);
    sizes.weightsPerBatch = true;
  }
  sizes.inputRowStride = sizes.inChannels;
  sizes.weightLayout = op.sharesRhs() && isPackable(op.getRhsMutable()) ? WeightLayout::Packed
                       : op.getTransposeRhs()                           ? WeightLayout::Transposed
                                                                        : WeightLayout::RowMajor;
  return sizes;
}

static ContractionSizes sizesOf(ConvOp op) {
  ContractionSizes sizes;
  DimExprs input = getDims(op.getInput().getType()), result = getDims(op.getType());
  int64_t channels = getConstantOr(input.back(), -1);
  sizes.batch = getConstantOr(result.front(), -1);
  sizes.group = op.getGroups();
  sizes.lines = productOf(ArrayRef(result).drop_front().drop_back(2));
  sizes.rows = getConstantOr(result[result.size() - 2], -1);
  for (int64_t size : op.getKernelSizes())
    sizes.taps *= size;
  sizes.lastTaps = op.getKernelSizes().back();
  sizes.inChannels = channels < 0 ? -1 : channels / sizes.group;
  sizes.outChannels = op.getOutputChannels() / sizes.group;
  auto areOnes = [](ArrayRef<int64_t> numbers) {
    return llvm::all_of(numbers, [](int64_t number) { return number == 1; });
  };
  sizes.positionsAreRows = areOnes(op.getKernelSizes()) && areOnes(op.getStrides()) &&
                           !op.getInput().getDefiningOp<SliceOp>();
  Value memory = op.getInput();
  while (auto slice = memory.getDefiningOp<SliceOp>())
    memory = slice.getOperand();
  int64_t pitch = getConstantOr(getDims(memory.getType()).back(), -1);
  sizes.inputRowStride = pitch < 0 ? -1 : pitch * op.getStrides().back();
  sizes.tapsAreNeighbours = op.getKernelSizes().back() > 1 && op.getDilations().back() == 1 &&
                            pitch >= 0 && pitch == sizes.inChannels;
  sizes.weightLayout =
      isPackable(op.getWeightsMutable()) ? WeightLayout::Packed : WeightLayout::RowMajor;
  return sizes;
}

/// Whether codes less their zero points are bytes with a sign, and blocks long enough to pay for
/// their scales.
static bool canBecomeBytes(DequantizeBlocksOp op) {
  constexpr int64_t shortestBlock = 16;
  auto codes = cast<IntegerType>(getElementTypeOrSelf(op.getOperand()));
  if (static_cast<int64_t>(op.getBlockSize()) < shortestBlock)
    return false;
  if (op.getZero())
    return codes.getWidth() < 8 && isa<IntegerType>(getElementTypeOrSelf(op.getZero()));
  return codes.getWidth() < 8 || !codes.isUnsigned();
}

ContractionSizes getContractionSizes(Operation *op) {
  ContractionSizes sizes;
  if (auto matmul = dyn_cast<MatMulOp>(op))
    sizes = sizesOf(matmul);
  else
    sizes = sizesOf(cast<ConvOp>(op));
  Type elementType = getElementTypeOrSelf(op->getOperand(0).getType());
  sizes.accumulatorBits = getAccumulatorType(elementType).getIntOrFloatBitWidth();
  Type weightType = getElementTypeOrSelf(op->getOperand(1).getType());
  sizes.inputBits = getStorageType(elementType).getIntOrFloatBitWidth();
  sizes.weightBits = getStorageType(weightType).getIntOrFloatBitWidth();
  if (auto narrow = op->getOperand(1).getDefiningOp<DequantizeBlocksOp>()) {
    sizes.hasCodes = true;
    sizes.mayRoundInput = cast<MatMulOp>(op).getMayRoundInput() && canBecomeBytes(narrow);
    sizes.weightBits = getElementTypeOrSelf(narrow.getOperand()).getIntOrFloatBitWidth();
  }
  sizes.zeros = readZeros(op->getOperand(1));
  bool areHalves = elementType == weightType && elementType.getIntOrFloatBitWidth() < 32;
  if (isa<IntegerType>(elementType) || areHalves) {
    sizes.inputType = elementType;
    sizes.weightType = weightType;
  }
  auto products = op->getAttrOfType<IntegerAttr>(kBFloatProductsAttrName);
  if (products && elementType.isF32() && weightType.isF32())
    sizes.bfloatProducts = products.getInt();
  return sizes;
}

bool canReadTiles(const ContractionSizes &sizes, ContractionScheduleAttr schedule) {
  constexpr int64_t rows = MmaAttr::tileRows, bytes = MmaAttr::tileBytes;
  if (schedule.getMma().getParts() > 1 || sizes.inChannels <= 0 || sizes.rows < rows ||
      schedule.getTileLines() > 1 || schedule.getTileRows() != 2 * rows)
    return false;
  int64_t channels = sizes.inChannels * (schedule.getMergeTaps() ? sizes.lastTaps : 1);
  return channels * sizes.inputBits / 8 % bytes == 0;
}

DepthwiseSizes getDepthwiseSizes(ConvOp op) {
  DepthwiseSizes sizes;
  llvm::append_range(sizes.kernel, op.getKernelSizes());
  llvm::append_range(sizes.stride, op.getStrides());
  DimExprs input = getDims(op.getInput().getType());
  int64_t elements = productOf(ArrayRef(input).drop_front());
  Type elementType = getElementTypeOrSelf(op.getInput().getType());
  sizes.accumulatorBits = getAccumulatorType(elementType).getIntOrFloatBitWidth();
  sizes.inputType = elementType;
  sizes.weightType = getElementTypeOrSelf(op.getWeights().getType());
  Type storage = getStorageType(elementType);
  if (elements >= 0)
    sizes.imageBytes = elements * storage.getIntOrFloatBitWidth() / 8;
  return sizes;
}

AttentionSizes getAttentionSizes(AttentionOp op) {
  AttentionSizes sizes;
  DimExprs queries = op.getQueryDims(), keys = op.getKeyDims(), values = op.getValueDims();
  size_t rank = queries.size();
  int64_t heads = getConstantOr(queries[rank - 3], -1),
          keyHeads = getConstantOr(keys[rank - 3], -1);
  if (heads > 0 && keyHeads > 0)
    sizes.group = heads / keyHeads;
  sizes.queryCount = getConstantOr(queries[rank - 2], -1);
  sizes.keyCount = getConstantOr(keys[rank - 2], -1);
  sizes.depth = getConstantOr(queries.back(), -1);
  sizes.width = getConstantOr(values.back(), -1);
  sizes.elementBits = getStorageType(getElementTypeOrSelf(op.getKeys())).getIntOrFloatBitWidth();
  Type element = getElementTypeOrSelf(op.getQueries());
  bool haveOneType = element == getElementTypeOrSelf(op.getKeys()) &&
                     element == getElementTypeOrSelf(op.getValues());
  if (haveOneType && element.getIntOrFloatBitWidth() < 32)
    sizes.halves = element;
  sizes.keysAreColumns = op.getKeyPermutation().back() != static_cast<int64_t>(rank) - 1;
  // From one row of scores to the next: queries of one head, or heads with one query.
  int64_t rowDim = op.getQueryPermutation()[sizes.queryCount == 1 ? rank - 3 : rank - 2];
  sizes.queryRowStride = 1;
  DimExprs stored = getDims(op.getQueries().getType());
  for (AffineExpr dim : ArrayRef(stored).drop_front(rowDim + 1))
    sizes.queryRowStride =
        getConstantOr(dim, -1) < 0 ? -1 : sizes.queryRowStride * getConstantOr(dim, -1);
  return sizes;
}

} // namespace tenon::cpu
