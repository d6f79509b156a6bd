// Sizes of contractions and attention (see the header).

#include "passes/Schedule/Cuda/Sizes.h"
#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/MultipliedType.h"

using namespace mlir;

namespace tenon::cuda {

static ContractionSizes getSizes(MatMulOp op) {
  DimExprs dims = getDims(op.getType());
  ContractionSizes sizes;
  sizes.columns = dims.pop_back_val();
  sizes.rows = {dims.pop_back_val()};
  sizes.outer = dims;
  sizes.depth = {getDims(op.getLhs().getType()).back()};
  return sizes;
}

static ContractionSizes getSizes(ConvOp op) {
  MLIRContext *context = op.getContext();
  int64_t groups = op.getGroups();
  DimExprs dims = getDims(op.getType());
  ContractionSizes sizes;
  sizes.columns = dims.pop_back_val().floorDiv(groups);
  sizes.rows = dims;
  sizes.outer = {getAffineConstantExpr(groups, context)};
  for (int64_t taps : op.getKernelSizes())
    sizes.depth.push_back(getAffineConstantExpr(taps, context));
  sizes.depth.push_back(getDims(op.getInput().getType()).back().floorDiv(groups));
  return sizes;
}

ContractionSizes getContractionSizes(Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return getSizes(matmul);
  return getSizes(cast<ConvOp>(op));
}

AttentionSizes getAttentionSizes(AttentionOp op) {
  DimExprs queries = op.getQueryDims(), keys = op.getKeyDims();
  size_t rank = queries.size();
  AffineExpr one = getAffineConstantExpr(1, op.getContext());
  AttentionSizes sizes;
  sizes.batch = rank == 4 ? queries.front() : one;
  sizes.keyHeads = keys[rank - 3];
  bool hasOwnKeys = queries[rank - 3] == sizes.keyHeads;
  sizes.group = hasOwnKeys ? one : queries[rank - 3].floorDiv(sizes.keyHeads);
  sizes.queries = queries[rank - 2];
  sizes.keys = keys[rank - 2];
  sizes.depth = getConstantOr(queries.back(), -1);
  sizes.width = getConstantOr(op.getValueDims().back(), -1);
  sizes.parts = op.getKeyParts().value_or(1);
  return sizes;
}

bool mayRound(OpOperand &operand, Type half) {
  if (!getElementTypeOrSelf(operand.get()).isF32() || !(half.isF16() || half.isBF16()))
    return false;
  auto allowed = operand.getOwner()->getAttrOfType<TypeAttr>(kMultipliedTypeAttrName);
  auto widened = operand.get().getDefiningOp<CastOp>();
  return (allowed && allowed.getValue() == half) ||
         (widened && getElementTypeOrSelf(widened.getOperand()) == half);
}

std::pair<Type, Type> getMultipliedTypes(Operation *op) {
  OpOperand &left = op->getOpOperand(0), &right = op->getOpOperand(1);
  Type leftType = getElementTypeOrSelf(left.get()), rightType = getElementTypeOrSelf(right.get());
  if (mayRound(left, rightType))
    return {rightType, rightType};
  if (mayRound(right, leftType))
    return {leftType, leftType};
  return {leftType, rightType};
}

int64_t getLinePitch(int64_t positions, int64_t elementBytes) {
  return positions + 16 / elementBytes;
}

int64_t padWidth(const AttentionSizes &sizes) {
  return llvm::alignTo(sizes.width, AttentionScheduleAttr::threadsAcross);
}

static int64_t getFloatLines(int64_t positions, int64_t depth) {
  constexpr int64_t bytes = 4;
  return depth * getLinePitch(positions, bytes) * bytes;
}

int64_t getKeyBytes(const AttentionSizes &sizes, int64_t tileKeys) {
  return std::max(getFloatLines(tileKeys, sizes.depth), getFloatLines(padWidth(sizes), tileKeys));
}

int64_t getSharedBytes(const AttentionSizes &sizes, int64_t tileRows, int64_t tileKeys) {
  return getFloatLines(tileRows, sizes.depth) + getKeyBytes(sizes, tileKeys) +
         getFloatLines(tileRows, tileKeys);
}

} // namespace tenon::cuda
