// What the copy engine can read (see the header).

#include "passes/Schedule/Cuda/MappedTensor.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

/// What addresses and strides are multiples of.
static constexpr int64_t kChunkBytes = 16;
/// A map tells the sizes that a run has by the places of a launch's arguments, in a word.
static constexpr unsigned kMostArguments = 64;

std::optional<SizeFactors> factorize(AffineExpr size) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return SizeFactors{constant.getValue(), 0};
  if (auto symbol = dyn_cast<AffineSymbolExpr>(size))
    return symbol.getPosition() < kMostArguments
               ? std::optional(SizeFactors{1, uint64_t(1) << symbol.getPosition()})
               : std::nullopt;
  auto both = dyn_cast<AffineBinaryOpExpr>(size);
  if (!both || both.getKind() != AffineExprKind::Mul)
    return std::nullopt;
  std::optional<SizeFactors> left = factorize(both.getLHS()), right = factorize(both.getRHS());
  if (!left || !right || (left->symbols & right->symbols))
    return std::nullopt;
  return SizeFactors{left->factor * right->factor, left->symbols | right->symbols};
}

static bool hasManyArguments(KernelOp kernel) {
  return kernel.getArgumentTypes().size() + kernel.getResultTypes().size() +
             kernel.getNumSymbols() >
         kMostArguments;
}

/// Factors of all sizes; empty if one has none, or if there are none.
static SmallVector<SizeFactors> factorizeAll(ArrayRef<AffineExpr> sizes) {
  SmallVector<SizeFactors> factors;
  for (AffineExpr size : sizes)
    if (std::optional<SizeFactors> found = factorize(size))
      factors.push_back(*found);
  return factors.size() == sizes.size() ? factors : SmallVector<SizeFactors>();
}

/// How many elements lie between neighbours in each dimension.
static DimExprs getStrides(Type type) {
  DimExprs dims = getDims(type);
  DimExprs strides(dims.size(), getAffineConstantExpr(1, type.getContext()));
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  return strides;
}

std::optional<MappedTensor> findMapped(Value tensor) {
  DimExprs sizes = getDims(tensor.getType());
  AffineExpr offset = getAffineConstantExpr(0, tensor.getContext());
  Value source = tensor;
  SmallVector<SliceOp> slices;
  for (auto slice = source.getDefiningOp<SliceOp>(); slice;
       slice = source.getDefiningOp<SliceOp>()) {
    if (!slice.isView())
      return std::nullopt;
    slices.push_back(slice);
    source = slice.getOperand();
  }
  auto argument = dyn_cast<BlockArgument>(source);
  auto kernel = argument ? dyn_cast<KernelOp>(argument.getOwner()->getParentOp()) : KernelOp();
  if (!kernel || hasManyArguments(kernel))
    return std::nullopt;
  DimExprs strides = getStrides(argument.getType());
  for (SliceOp slice : slices)
    for (auto [start, stride] : llvm::zip_equal(slice.getStarts().getResults(), strides))
      offset = offset + start * stride;
  auto first = dyn_cast<AffineConstantExpr>(offset);
  int64_t chunk = kChunkBytes / getElementBytes(getElementTypeOrSelf(tensor.getType()));
  auto isWhole = [&](AffineExpr stride) { return stride.getLargestKnownDivisor() % chunk == 0; };
  if (!first || first.getValue() % chunk != 0 ||
      !llvm::all_of(ArrayRef(strides).drop_back(), isWhole))
    return std::nullopt;
  MappedTensor mapped = {argument, first.getValue(), factorizeAll(sizes), factorizeAll(strides)};
  if (mapped.sizes.empty() || mapped.strides.empty())
    return std::nullopt;
  return mapped;
}

} // namespace tenon::cuda
