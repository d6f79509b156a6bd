// The sizes and strides of an attention op (see the header).

#include "passes/Codegen/Cpu/AttentionShape.h"

using namespace mlir;

namespace tenon {

static int64_t sizeOf(AffineExpr dim) {
  auto constant = dyn_cast<AffineConstantExpr>(dim);
  return constant ? constant.getValue() : -1;
}

cpu::AttentionSizes getAttentionSizes(AttentionOp op) {
  cpu::AttentionSizes sizes;
  DimExprs queries = op.getQueryDims(), keys = op.getKeyDims(), values = op.getValueDims();
  size_t rank = queries.size();
  int64_t heads = sizeOf(queries[rank - 3]), keyHeads = sizeOf(keys[rank - 3]);
  if (heads > 0 && keyHeads > 0)
    sizes.group = heads / keyHeads;
  sizes.queryCount = sizeOf(queries[rank - 2]);
  sizes.keyCount = sizeOf(keys[rank - 2]);
  sizes.depth = sizeOf(queries.back());
  sizes.width = sizeOf(values.back());
  sizes.elementBits = getStorageType(getElementTypeOrSelf(op.getKeys())).getIntOrFloatBitWidth();
  sizes.keysAreColumns = op.getKeyPermutation().back() != static_cast<int64_t>(rank) - 1;
  // From one row of scores to the next: queries of one head, or heads with one query.
  int64_t rowDim = op.getQueryPermutation()[sizes.queryCount == 1 ? rank - 3 : rank - 2];
  sizes.queryRowStride = 1;
  DimExprs stored = getDims(op.getQueries().getType());
  for (AffineExpr dim : ArrayRef(stored).drop_front(rowDim + 1))
    sizes.queryRowStride = sizeOf(dim) < 0 ? -1 : sizes.queryRowStride * sizeOf(dim);
  return sizes;
}

DimExprs getAttentionStrides(ArrayRef<AffineExpr> strides, Type type,
                             ArrayRef<int64_t> permutation) {
  DimExprs dims = getDims(type), result;
  AffineExpr zero = getAffineConstantExpr(0, type.getContext());
  for (int64_t position : permutation)
    result.push_back(strides[position]);
  if (result.size() == 3) // all of one batch
    result.insert(result.begin(), zero);
  else if (sizeOf(dims[permutation[0]]) == 1)
    result[0] = zero;
  return result;
}

} // namespace tenon
