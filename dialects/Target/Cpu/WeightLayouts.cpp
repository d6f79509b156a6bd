// How weights are laid out for the kernels of CPUs.
//
// Panels: [K, N] -> pad N to panels -> [K, P, NR] -> [P, K, NR], and the same per group and kernel
// position for convolutions; where g channels lie together, [K / g, g, P, NR] -> [P, K / g, NR, g]
// after K is padded. Where weights are sums of parts, the panels of
// all parts lie one behind the other along K. Codes of a few bits lie together likewise, as many as
// fill 32 bits. The filter transforms of minimal filtering come before that; those of inputs and
// outputs are code generation's (passes/Codegen/Cpu/Winograd.cpp).

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Target/PackingBuilder.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

constexpr double filter2[] = {1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1};
constexpr double filter4[] = {1.0 / 4,  0,         0,        -1.0 / 6, -1.0 / 6, -1.0 / 6,
                              -1.0 / 6, 1.0 / 6,   -1.0 / 6, 1.0 / 24, 1.0 / 12, 1.0 / 6,
                              1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,        1};

/// Rows of weights in panels.
struct PanelShape {
  int64_t groups, width;
  /// Dimensions in front of the output channels, the input channels last.
  SmallVector<int64_t> rows;
  int64_t interleave = 1, depth = 1;

  /// Rows of a panel for the last of `rows`.
  int64_t countLastRows() const {
    return llvm::alignTo(llvm::divideCeil(rows.back(), interleave), depth);
  }
};

/// Builds ops on weights, of known sizes all.
class Packer : public PackingBuilder {
public:
  using PackingBuilder::PackingBuilder;

  Value panels(Value weights, const PanelShape &panels);
  SmallVector<Value> splitFloats(Value weights, int64_t parts);
  Value filterTransform(Type elementType, int64_t outputTile);
  Value transformFilters(Value weights, int64_t outputTile);

private:
  /// A tensor of one number, of rank 0.
  Value scalar(float value) {
    auto tensor = RankedTensorType::get({}, b.getF32Type());
    return ConstantOp::create(b, loc, tensor, DenseElementsAttr::get(tensor, value));
  }
};

} // namespace

/// [kernel..., C, O] -> [g, P, kernel..., C, NR], or [g, P, kernel..., C / interleave, NR,
/// interleave].
Value Packer::panels(Value weights, const PanelShape &panels) {
  SmallVector<int64_t> shape(panels.rows);
  int64_t outputs = cast<RankedTensorType>(weights.getType()).getShape().back() / panels.groups;
  shape.append({panels.groups, outputs});
  int64_t channelDim = panels.rows.size() - 1;
  Value padded = pad(reshape(weights, shape), channelDim, panels.interleave * panels.depth);
  padded = pad(padded, shape.size() - 1, panels.width);
  SmallVector<int64_t> split(ArrayRef(panels.rows).drop_back());
  split.push_back(panels.countLastRows());
  if (panels.interleave > 1)
    split.push_back(panels.interleave);
  int64_t inner = split.size();
  split.append({panels.groups, int64_t(llvm::divideCeil(outputs, panels.width)), panels.width});
  SmallVector<int64_t> permutation = {inner, inner + 1};
  llvm::append_range(permutation, llvm::seq<int64_t>(0, channelDim + 1));
  permutation.push_back(inner + 2);
  if (panels.interleave > 1)
    permutation.push_back(channelDim + 1);
  return transpose(reshape(padded, split), permutation);
}

/// What code generation makes of inputs (passes/Codegen/Cpu/FloatParts.h), of weights.
SmallVector<Value> Packer::splitFloats(Value weights, int64_t parts) {
  Type f32 = b.getF32Type(), bf16 = b.getBF16Type();
  SmallVector<Value> split;
  Value rest = weights;
  while (int64_t(split.size()) + 1 < parts) {
    Value magnitude = AbsOp::create(b, loc, rest);
    Value isFinite =
        LessOp::create(b, loc, magnitude, scalar(std::numeric_limits<float>::infinity()));
    Value finite = SelectOp::create(b, loc, isFinite, rest, scalar(0));
    finite = MinOp::create(b, loc, finite, scalar(largestBFloat));
    finite = MaxOp::create(b, loc, finite, scalar(-largestBFloat));
    split.push_back(castTo(finite, bf16));
    rest = SubOp::create(b, loc, rest, castTo(split.back(), f32));
  }
  split.push_back(castTo(rest, bf16));
  return split;
}

/// [points, 3]: G, or 2 G, whose numbers are whole, for integers.
Value Packer::filterTransform(Type elementType, int64_t outputTile) {
  ArrayRef<double> values = getWinogradFilterTransform(outputTile);
  auto type = RankedTensorType::get({outputTile + 2, 3}, elementType);
  SmallVector<Attribute> elements;
  for (double value : values)
    elements.push_back(isa<FloatType>(elementType)
                           ? Attribute(b.getFloatAttr(elementType, value))
                           : b.getIntegerAttr(elementType, int64_t(2 * value)));
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, elements));
}

/// [3, 3, C, O] -> G w G^T over the first two dimensions: [m + 2, m + 2, C, O].
Value Packer::transformFilters(Value weights, int64_t outputTile) {
  auto type = cast<RankedTensorType>(weights.getType());
  int64_t points = outputTile + 2, channels = type.getDimSize(2), outputs = type.getDimSize(3);
  Value matrix = filterTransform(type.getElementType(), outputTile);
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

/// The panels of `weights`. Of the dimensions in front of the output channels, those that are
/// merged are one.
static PanelShape getPanelShape(PanelsAttr panels, RankedTensorType weights) {
  SmallVector<int64_t> rows(weights.getShape().drop_back());
  if (panels.getMergeTaps() && rows.size() > 1) {
    int64_t channels = rows.pop_back_val();
    rows.back() *= channels;
  }
  return {panels.getGroups(), panels.getWidth(), rows, panels.getInterleave(), panels.getDepth()};
}

RankedTensorType PanelsAttr::getPackedType(RankedTensorType weights) const {
  ArrayRef<int64_t> shape = weights.getShape();
  if (getWidth() < 1 || getGroups() < 1 || getInterleave() < 1 || getDepth() < 1 ||
      getParts() < 1 || shape.back() % getGroups() != 0 ||
      (getParts() > 1 && !weights.getElementType().isF32()))
    return nullptr;
  SmallVector<int64_t> packed = {getGroups(),
                                 int64_t(llvm::divideCeil(shape.back() / getGroups(), getWidth()))};
  PanelShape panels = getPanelShape(*this, weights);
  llvm::append_range(packed, panels.rows);
  packed.back() = panels.countLastRows() * getParts();
  packed.push_back(getWidth());
  if (getInterleave() > 1)
    packed.push_back(getInterleave());
  Type element = getParts() > 1 ? BFloat16Type::get(getContext()) : weights.getElementType();
  return RankedTensorType::get(packed, element);
}

Value PanelsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  PanelShape panels = getPanelShape(*this, cast<RankedTensorType>(weights.getType()));
  Packer packer(builder, loc);
  if (getParts() == 1)
    return packer.panels(weights, panels);
  SmallVector<Value> parts;
  for (Value part : packer.splitFloats(weights, getParts()))
    parts.push_back(packer.panels(part, panels));
  // Behind groups and panels, as the rows.
  int64_t axis = 1 + panels.rows.size();
  return ConcatOp::create(builder, loc, getPackedType(cast<RankedTensorType>(weights.getType())),
                          parts, axis);
}

bool PanelsAttr::canUnpack() const { return getParts() == 1; }

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
  if (getMergeTaps() && index.size() > 2) {
    LaneIndex input = packed.pop_back_val();
    Value channels = e.constant(weights.getShape()[index.size() - 2]);
    packed.back() = e.add(e.mul(packed.back(), channels), input);
  }
  LaneIndex column = e.mod(channel, width);
  if (getInterleave() == 1) {
    packed.push_back(column);
    return packed;
  }
  Value interleave = e.constant(getInterleave());
  LaneIndex input = packed.pop_back_val();
  packed.append({e.floorDiv(input, interleave), column, e.mod(input, interleave)});
  return packed;
}

//===-- Panels of codes --===//

RankedTensorType CodePanelsAttr::getPackedType(RankedTensorType weights) const {
  ArrayRef<int64_t> shape = weights.getShape();
  auto type = dyn_cast<IntegerType>(weights.getElementType());
  if (shape.size() != 2 || getWidth() < 1 || !type ||
      !llvm::is_contained({2u, 4u, 8u}, type.getWidth()))
    return nullptr;
  int64_t perLane = getCodesPerLane(type.getWidth());
  return RankedTensorType::get({int64_t(llvm::divideCeil(shape[1], getWidth())),
                                int64_t(llvm::divideCeil(shape[0], perLane)), getWidth(),
                                laneBits / 8},
                               IntegerType::get(getContext(), 8, IntegerType::Unsigned));
}

Value CodePanelsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  Packer packer(builder, loc);
  int64_t bits = cast<RankedTensorType>(weights.getType()).getElementTypeBitWidth();
  Value codes = packer.pad(packer.toBytes(weights), 0, getCodesPerLane(bits));
  codes = packer.pad(packer.joinCodes(codes, bits), 1, getWidth());
  ArrayRef<int64_t> shape = cast<RankedTensorType>(codes.getType()).getShape();
  constexpr int64_t laneBytes = laneBits / 8;
  Value split =
      packer.reshape(codes, {shape[0] / laneBytes, laneBytes, shape[1] / getWidth(), getWidth()});
  return packer.transpose(split, {2, 0, 3, 1});
}

bool CodePanelsAttr::canUnpack() const { return false; }

//===-- Transformed filters --===//

RankedTensorType WinogradFiltersAttr::getPackedType(RankedTensorType weights) const {
  ArrayRef<int64_t> shape = weights.getShape();
  bool isInteger = weights.getElementType().isInteger(8);
  if (shape.size() != 4 || shape[0] != 3 || shape[1] != 3 || getWidth() < 1 ||
      getInterleave() < 1 || (getOutputTile() != 2 && (getOutputTile() != 4 || isInteger)))
    return nullptr;
  int64_t points = getOutputTile() + 2;
  SmallVector<int64_t> packed = {
      1,      int64_t(llvm::divideCeil(shape[3], getWidth())),      points,
      points, int64_t(llvm::divideCeil(shape[2], getInterleave())), getWidth()};
  if (getInterleave() > 1)
    packed.push_back(getInterleave());
  Type transformed = Float32Type::get(getContext());
  if (isInteger)
    transformed = IntegerType::get(getContext(), 16);
  return RankedTensorType::get(packed, transformed);
}

// Integers are transformed in 32 bits; what comes out fits 16.
Value WinogradFiltersAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  Packer packer(builder, loc);
  bool isInteger = isa<IntegerType>(getElementTypeOrSelf(weights));
  Type f32 = builder.getF32Type();
  Value wide = packer.castTo(weights, isInteger ? builder.getI32Type() : f32);
  Value transformed = packer.transformFilters(wide, getOutputTile());
  transformed = packer.castTo(transformed, isInteger ? builder.getI16Type() : f32);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(transformed.getType()).getShape();
  return packer.panels(
      transformed, {/*groups=*/1, getWidth(), llvm::to_vector(shape.drop_back()), getInterleave()});
}

bool WinogradFiltersAttr::canUnpack() const { return false; }

} // namespace tenon::cpu
