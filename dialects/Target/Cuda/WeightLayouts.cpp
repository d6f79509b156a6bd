// How weights are laid out for matrix units: [kernel..., C, O] -> [K, groups, O / groups] -> pad K
// -> [groups, O / groups, K]; and codes of a few bits likewise, as many in a byte as it holds.

#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Target/PackingBuilder.h"
#include "dialects/Tenon/TenonDialect.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

/// What the depth is a multiple of: a chunk of the smallest elements.
static constexpr int64_t kDepthMultiple = 16;

/// Taps and channels.
static int64_t countDepth(RankedTensorType weights) {
  return llvm::product_of(weights.getShape().drop_back());
}

RankedTensorType ColumnsAttr::getPackedType(RankedTensorType weights) const {
  int64_t outputs = weights.getShape().back();
  if (getGroups() < 1 || outputs % getGroups() != 0)
    return nullptr;
  int64_t depth = llvm::alignTo(countDepth(weights), kDepthMultiple);
  return RankedTensorType::get({getGroups(), outputs / getGroups(), depth},
                               weights.getElementType());
}

Value ColumnsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  auto type = cast<RankedTensorType>(weights.getType());
  PackingBuilder packing(builder, loc);
  int64_t outputs = type.getShape().back() / getGroups();
  Value matrix = packing.reshape(weights, {countDepth(type), getGroups(), outputs});
  return packing.transpose(packing.pad(matrix, 0, kDepthMultiple), {1, 2, 0});
}

SmallVector<LaneIndex> ColumnsAttr::getPackedIndex(ElementEmitter &e, RankedTensorType weights,
                                                   ArrayRef<LaneIndex> index) const {
  Value outputs = e.constant(weights.getShape().back() / getGroups());
  DimExprs depth = getDims(weights);
  depth.pop_back();
  return {e.floorDiv(index.back(), outputs), e.mod(index.back(), outputs),
          e.linearize(index.drop_back(), depth)};
}

static int64_t countCodesPerByte(RankedTensorType weights) {
  return 8 / weights.getElementTypeBitWidth();
}

RankedTensorType CodeColumnsAttr::getPackedType(RankedTensorType weights) const {
  auto type = dyn_cast<IntegerType>(weights.getElementType());
  if (weights.getRank() != 2 || !type || !llvm::is_contained({2u, 4u, 8u}, type.getWidth()))
    return nullptr;
  int64_t bytes = llvm::divideCeil(weights.getDimSize(0), countCodesPerByte(weights));
  return RankedTensorType::get(
      {1, weights.getDimSize(1), int64_t(llvm::alignTo(bytes, kDepthMultiple))},
      IntegerType::get(getContext(), 8, IntegerType::Unsigned));
}

Value CodeColumnsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  auto type = cast<RankedTensorType>(weights.getType());
  PackingBuilder packing(builder, loc);
  Value codes = packing.pad(packing.toBytes(weights), 0, countCodesPerByte(type));
  codes = packing.pad(packing.joinCodes(codes, type.getElementTypeBitWidth()), 0, kDepthMultiple);
  Value columns = packing.transpose(codes, {1, 0});
  return packing.reshape(columns, getPackedType(type).getShape());
}

bool CodeColumnsAttr::canUnpack() const { return false; }

} // namespace tenon::cuda
