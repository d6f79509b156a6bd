// How weights are laid out for the kernels of CPUs.
//
// Panels: [K, N] -> pad N to panels -> [K, P, NR] -> [P, K, NR], and the same per group and kernel
// position for convolutions. The filter transforms of minimal filtering come before that; those of
// inputs and outputs are code generation's (passes/Codegen/Cpu/Winograd.cpp).

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

constexpr double filter2[] = {1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1};
constexpr double filter4[] = {1.0 / 4,  0,         0,        -1.0 / 6, -1.0 / 6, -1.0 / 6,
                              -1.0 / 6, 1.0 / 6,   -1.0 / 6, 1.0 / 24, 1.0 / 12, 1.0 / 6,
                              1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,        1};

/// Builds ops on weights, of known sizes all.
class Packer {
public:
  Packer(OpBuilder &b, Location loc) : b(b), loc(loc) {}

  Value reshape(Value value, ArrayRef<int64_t> shape) {
    auto type = RankedTensorType::get(shape, getElementTypeOrSelf(value.getType()));
    return type == value.getType() ? value : ReshapeOp::create(b, loc, type, value).getResult();
  }
  Value transpose(Value value, ArrayRef<int64_t> permutation) {
    return TransposeOp::create(b, loc, value, b.getDenseI64ArrayAttr(permutation));
  }
  Value padLast(Value value, int64_t width);
  Value panels(Value weights, int64_t groups, int64_t width);
  Value transformFilters(Value weights, int64_t outputTile);

private:
  OpBuilder &b;
  Location loc;
};

} // namespace

/// Pads the last dimension to a multiple of `width` with zeros.
Value Packer::padLast(Value value, int64_t width) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  int64_t padded = llvm::alignTo(shape.back(), width);
  if (padded == shape.back())
    return value;
  shape.back() = padded;
  DimExprs low(shape.size(), getAffineConstantExpr(0, b.getContext()));
  auto scalar = RankedTensorType::get({}, type.getElementType());
  Value zero = ConstantOp::create(
      b, loc, scalar,
      DenseElementsAttr::get(scalar, Attribute(b.getZeroAttr(type.getElementType()))));
  return PadOp::create(b, loc, RankedTensorType::get(shape, type.getElementType()), value, zero,
                       AffineMapAttr::get(makeDimsMap(low, b.getContext())),
                       PadModeAttr::get(b.getContext(), PadMode::Constant));
}

/// [kernel..., C, O] -> [g, P, kernel..., C, NR].
Value Packer::panels(Value weights, int64_t groups, int64_t width) {
  SmallVector<int64_t> shape(cast<RankedTensorType>(weights.getType()).getShape());
  int64_t outputs = shape.pop_back_val() / groups;
  SmallVector<int64_t> grouped = shape;
  grouped.append({groups, outputs});
  Value padded = padLast(reshape(weights, grouped), width);
  SmallVector<int64_t> split = shape;
  split.append({groups, int64_t(llvm::divideCeil(outputs, width)), width});
  int64_t inner = shape.size();
  SmallVector<int64_t> permutation = {inner, inner + 1};
  llvm::append_range(permutation, llvm::seq<int64_t>(0, inner));
  permutation.push_back(inner + 2);
  return transpose(reshape(padded, split), permutation);
}

/// [3, 3, C, O] -> G w G^T over the first two dimensions: [m + 2, m + 2, C, O].
Value Packer::transformFilters(Value weights, int64_t outputTile) {
  auto type = cast<RankedTensorType>(weights.getType());
  int64_t points = outputTile + 2, channels = type.getDimSize(2), outputs = type.getDimSize(3);
  SmallVector<float> values(getWinogradFilterTransform(outputTile));
  auto matrixType = RankedTensorType::get({points, 3}, type.getElementType());
  Value matrix = ConstantOp::create(b, loc, matrixType,
                                    DenseElementsAttr::get(matrixType, ArrayRef<float>(values)));
  auto transformFirst = [&](Value tensor, int64_t rest) {
    return MatMulOp::create(b, loc, ValueRange{matrix, reshape(tensor, {3, rest})},
                            MatMulOp::Properties())
        .getResult();
  };
  Value lines = transformFirst(weights, 3 * channels * outputs);
  Value turned = transpose(reshape(lines, {points, 3, channels * outputs}), {1, 0, 2});
  Value both = transformFirst(turned, points * channels * outputs);
  Value straight = transpose(reshape(both, {points, points, channels * outputs}), {1, 0, 2});
  return reshape(straight, {points, points, channels, outputs});
}

ArrayRef<double> getWinogradFilterTransform(int64_t outputTile) {
  return outputTile == 2 ? ArrayRef<double>(filter2) : ArrayRef<double>(filter4);
}

//===-- Panels --===//

RankedTensorType PanelsAttr::getPackedType(RankedTensorType weights) const {
  ArrayRef<int64_t> shape = weights.getShape();
  if (getWidth() < 1 || getGroups() < 1 || shape.back() % getGroups() != 0)
    return nullptr;
  SmallVector<int64_t> packed = {getGroups(),
                                 int64_t(llvm::divideCeil(shape.back() / getGroups(), getWidth()))};
  llvm::append_range(packed, shape.drop_back());
  packed.push_back(getWidth());
  return RankedTensorType::get(packed, weights.getElementType());
}

Value PanelsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  return Packer(builder, loc).panels(weights, getGroups(), getWidth());
}

SmallVector<LaneIndex> PanelsAttr::getPackedIndex(ElementEmitter &e, RankedTensorType weights,
                                                  ArrayRef<LaneIndex> index) const {
  Value width = e.constant(getWidth());
  LaneIndex channel = index.back(), group = e.index(0);
  if (getGroups() > 1) {
    Value outputs = e.constant(weights.getShape().back() / getGroups());
    group = e.floorDiv(channel, outputs);
    channel = e.mod(channel, outputs);
  }
  SmallVector<LaneIndex> packed = {group, e.floorDiv(channel, width)};
  llvm::append_range(packed, index.drop_back());
  packed.push_back(e.mod(channel, width));
  return packed;
}

//===-- Transformed filters --===//

RankedTensorType WinogradFiltersAttr::getPackedType(RankedTensorType weights) const {
  ArrayRef<int64_t> shape = weights.getShape();
  if (shape.size() != 4 || shape[0] != 3 || shape[1] != 3 || getWidth() < 1 ||
      (getOutputTile() != 2 && getOutputTile() != 4))
    return nullptr;
  int64_t points = getOutputTile() + 2;
  return RankedTensorType::get(
      {1, int64_t(llvm::divideCeil(shape[3], getWidth())), points, points, shape[2], getWidth()},
      weights.getElementType());
}

Value WinogradFiltersAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  Packer packer(builder, loc);
  return packer.panels(packer.transformFilters(weights, getOutputTile()), /*groups=*/1, getWidth());
}

bool WinogradFiltersAttr::canUnpack() const { return false; }

} // namespace tenon::cpu
