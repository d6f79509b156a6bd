// Pad and CenterCropPad.

#include "lib/Importer/Ops/RunTimeAxes.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

static std::optional<PadMode> getMode(NodeImporter &node) {
  StringRef name = node.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(name);
  if (!mode)
    node.emitAttributeError("mode") << "expected constant, reflect, edge or wrap, found " << name;
  return mode;
}

namespace {

/// What happens to one dimension at its beginning and end: positive amounts grow it.
struct PadAmounts {
  int64_t axis;
  AffineExpr low, high;
};

} // namespace

/// Modes that repeat what is there do so with what cutting off leaves, so that comes first.
static Value cutOff(NodeImporter &node, Value data, MutableArrayRef<PadAmounts> amounts) {
  TensorMath m(node);
  for (PadAmounts &pad : amounts) {
    SignedSize low = splitSign(node, pad.low, "pads"), high = splitSign(node, pad.high, "pads");
    AffineExpr rest = node.dim(data, pad.axis) - low.negative - high.negative;
    AffineExpr growth = low.positive + high.positive;
    // Nothing can be repeated in an empty dimension.
    requireNonNegative(node, rest, "what negative pads leave of a dimension");
    if (!isKnownNonNegative(growth * (rest - 1)))
      requireAtLeast(node, growth * rest, growth,
                     "the product of elements to add and elements to repeat");
    data = m.slice(data, pad.axis, low.negative, rest);
    pad.low = low.positive;
    pad.high = high.positive;
  }
  return data;
}

/// Grows `data` by `amounts`, those of all `axes` in front, then those behind. `value` may be null:
/// zero.
static Results buildPad(NodeImporter &node, Value data, ArrayRef<int64_t> axes,
                        ArrayRef<AffineExpr> amounts, PadMode mode, Value value) {
  if (node.hasFailed())
    return failure();
  if (amounts.size() != 2 * axes.size()) {
    node.emitError() << amounts.size() << " pads do not fit " << axes.size() << " axes";
    return failure();
  }
  SmallVector<PadAmounts> pads;
  AffineExpr zero = node.expr(0);
  for (auto [i, axis] : llvm::enumerate(axes))
    if (PadAmounts pad{axis, amounts[i], amounts[axes.size() + i]};
        pad.low != zero || pad.high != zero)
      pads.push_back(pad);
  if (mode != PadMode::Constant)
    data = cutOff(node, data, pads);
  if (!data || node.hasFailed())
    return failure();
  DimExprs dims = node.dims(data), low(dims.size(), zero);
  for (const PadAmounts &pad : pads) {
    low[pad.axis] = pad.low;
    dims[pad.axis] = dims[pad.axis] + pad.low + pad.high;
    requireNonNegative(node, dims[pad.axis], "a padded dimension");
  }
  if (node.hasFailed())
    return failure();
  if (dims == node.dims(data) && llvm::all_of(low, [&](AffineExpr pad) { return pad == zero; }))
    return {{data}};
  SmallVector<Value> operands = {data};
  if (mode == PadMode::Constant)
    operands.push_back(value ? node.reshape(value, {})
                             : node.makeScalar(node.elementType(data), 0));
  return {{node.make<PadOp>(
      makeTensorType(dims, node.elementType(data)), operands,
      {node.attr("low", low), node.attr("mode", PadModeAttr::get(node.context(), mode))})}};
}

static Results importPadV2(NodeImporter &node) {
  Value data = node.operand(0);
  std::optional<PadMode> mode = getMode(node);
  NodeImporter::Ints pads = node.getInts(node.opset() < 2 ? "paddings" : "pads");
  Value value = node.makeScalar(node.elementType(data), node.getFloat("value", 0));
  if (!mode || !value)
    return failure();
  DimExprs amounts = llvm::map_to_vector<6>(pads, [&](int64_t pad) { return node.expr(pad); });
  NodeImporter::Ints axes = countUp(node.rank(data));
  return buildPad(node, data, axes, amounts, *mode, value);
}

/// The pads of all dimensions, from those of axes that only a run tells.
static Value spreadPads(NodeImporter &node, Value pads, Value axes, int64_t rank) {
  TensorMath m(node);
  if (node.rank(pads) != 1 || !node.type(axes).hasStaticShape())
    return node.emitError() << "pads and axes do not fit", nullptr;
  int64_t count = node.type(axes).getNumElements();
  Value none = m.broadcast(node.makeScalar(node.builder().getI64Type(), 0), node.expr(rank));
  Value low = spreadOverAxes(node, axes, m.slice(pads, 0, 0, count), rank, none);
  Value high = spreadOverAxes(node, axes, m.slice(pads, 0, count, count), rank, none);
  return low && high ? m.concat({low, high}, 0) : Value();
}

static Results importPad(NodeImporter &node) {
  Value data = node.operand(0);
  std::optional<PadMode> mode = getMode(node);
  Value pads = node.operand(1);
  bool runTimeAxes = hasRunTimeAxes(node, 3);
  if (runTimeAxes)
    pads = spreadPads(node, pads, node.operand(3), node.rank(data));
  std::optional<DimExprs> amounts = signedContentsOrBind(node, pads, "pads");
  NodeImporter::Ints axes = countUp(node.rank(data));
  if (node.operand(3) && !runTimeAxes)
    axes = getAxes(node, 3, node.rank(data)).value_or(NodeImporter::Ints());
  if (!mode || !amounts || node.hasFailed())
    return failure();
  return buildPad(node, data, axes, *amounts, *mode, node.operand(2));
}

/// Pads may have a first dimension of 1.
static Results importContribPad(NodeImporter &node) {
  if (Value pads = node.operand(1); node.rank(pads) == 2)
    node.setOperand(1, node.reshape(pads, product(node.dims(pads), node.context())));
  return importPad(node);
}

// What is missing or too much is shared between both sides, the odd one at the end.
static Results importCenterCropPad(NodeImporter &node) {
  Value data = node.operand(0);
  std::optional<DimExprs> shape = node.contentsOrBind(node.operand(1), "shape");
  NodeImporter::Ints axes =
      node.hasAttribute("axes") ? *getAxes(node, ~0u, node.rank(data)) : countUp(node.rank(data));
  if (!shape || node.hasFailed())
    return failure();
  if (shape->size() != axes.size()) {
    node.emitError() << shape->size() << " sizes do not fit " << axes.size() << " axes";
    return failure();
  }
  DimExprs dims = node.dims(data), low, high;
  for (auto [axis, size] : llvm::zip_equal(axes, *shape)) {
    AffineExpr missing = size - dims[axis];
    SignedSize parts = splitSign(node, missing, "crop");
    AffineExpr before = parts.positive.floorDiv(2) - parts.negative.floorDiv(2);
    low.push_back(before);
    high.push_back(missing - before);
  }
  low.append(high);
  return buildPad(node, data, axes, low, PadMode::Constant, nullptr);
}

void registerPadOps(OpRegistry &registry) {
  registry.add("Pad", 1, 1, importPadV2);
  registry.add("Pad", 11, {2, 4}, importPad);
  registry.add("com.microsoft", "Pad", 1, {2, 3}, importContribPad);
  registry.add("CenterCropPad", 18, 2, importCenterCropPad);
}

} // namespace tenon
