// Pad and CenterCropPad.

#include "lib/Importer/Ops/RunTimeAxes.h"

using namespace mlir;

namespace tenon {

static std::optional<PadMode> getMode(NodeImporter &node) {
  StringRef name = node.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(name);
  if (!mode)
    node.emitAttributeError("mode") << "expected constant, reflect, edge or wrap, found " << name;
  return mode;
}

/// Grows `data` by `low` and `high` along `axes`. `value` may be null: zero.
static Results buildPad(NodeImporter &node, Value data, ArrayRef<int64_t> axes,
                        ArrayRef<AffineExpr> amounts, PadMode mode, Value value) {
  DimExprs dims = node.dims(data), low(dims.size(), node.expr(0));
  if (node.hasFailed())
    return failure();
  if (amounts.size() != 2 * axes.size()) {
    node.emitError() << amounts.size() << " pads do not fit " << axes.size() << " axes";
    return failure();
  }
  bool isNothing = true;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    low[axis] = amounts[i];
    dims[axis] = dims[axis] + amounts[i] + amounts[axes.size() + i];
    bool staysAs = amounts[i] == node.expr(0) && amounts[axes.size() + i] == node.expr(0);
    isNothing &= staysAs;
    // Other modes repeat what is there: nothing, in an empty dimension.
    if (!staysAs && mode != PadMode::Constant)
      requireNonNegative(node, node.dim(data, axis) - 1, "the last position of a padded dimension");
  }
  if (isNothing)
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
  NodeImporter::Ints pads = node.getInts("pads");
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
  constexpr int64_t any = std::numeric_limits<int64_t>::min();
  Value pads = node.operand(1);
  bool runTimeAxes = hasRunTimeAxes(node, 3);
  if (runTimeAxes)
    pads = spreadPads(node, pads, node.operand(3), node.rank(data));
  std::optional<DimExprs> amounts = node.contentsOrBind(pads, "pads", any);
  NodeImporter::Ints axes = countUp(node.rank(data));
  if (node.operand(3) && !runTimeAxes)
    axes = getAxes(node, 3, node.rank(data)).value_or(NodeImporter::Ints());
  if (!mode || !amounts || node.hasFailed())
    return failure();
  return buildPad(node, data, axes, *amounts, *mode, node.operand(2));
}

/// Half of a number that may be negative, rounded towards 0.
static std::optional<AffineExpr> halve(NodeImporter &node, AffineExpr number) {
  TensorMath m(node);
  if (isa<AffineConstantExpr>(number) || isKnownNonNegative(number))
    return isKnownNonNegative(number) ? number.floorDiv(2) : number.ceilDiv(2);
  Value value = m.shapeTensor(number), half = m.div(m.abs(value), 2);
  std::optional<DimExprs> bound = node.contentsOrBind(
      m.select(m.less(value, 0.0), m.neg(half), half), "crop", std::numeric_limits<int64_t>::min());
  return bound ? std::optional((*bound)[0]) : std::nullopt;
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
    std::optional<AffineExpr> before = halve(node, missing);
    if (!before)
      return failure();
    low.push_back(*before);
    high.push_back(missing - *before);
  }
  low.append(high);
  return buildPad(node, data, axes, low, PadMode::Constant, nullptr);
}

void registerPadOps(OpRegistry &registry) {
  registry.add("Pad", 2, 1, importPadV2);
  registry.add("Pad", 11, {2, 4}, importPad);
  registry.add("CenterCropPad", 18, 2, importCenterCropPad);
}

} // namespace tenon
