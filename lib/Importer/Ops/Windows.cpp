// Window geometry (see the header).

#include "lib/Importer/Ops/Windows.h"

using namespace mlir;

namespace tenon {

DimExprs Windows::lowChannelsLast() const {
  AffineExpr zero = getAffineConstantExpr(0, low[0].getContext());
  DimExprs result = {zero};
  result.append(low);
  result.push_back(zero);
  return result;
}

DimExprs Windows::resultChannelsLast(AffineExpr batch, AffineExpr channels) const {
  DimExprs result = {batch};
  result.append(counts);
  result.push_back(channels);
  return result;
}

std::optional<NodeImporter::Ints> getSpatialInts(NodeImporter &node, StringRef name, size_t rank) {
  NodeImporter::Ints values = node.getInts(name, NodeImporter::Ints(rank, 1));
  if (values.empty())
    values.assign(rank, 1);
  if (values.size() == rank && llvm::all_of(values, isWindowSize))
    return values;
  node.emitAttributeError(name) << "expected " << rank << " positive numbers";
  return std::nullopt;
}

/// The larger of `number` and 0, for a number from -stride to stride - 1. An expression that
/// clearly is not negative: a symbol of its own would hide how the sizes depend on each other.
static AffineExpr positivePart(AffineExpr number, int64_t stride) {
  return (number % stride) * (number + stride).floorDiv(stride);
}

/// What padding makes as many windows as strides fit into the dimension: ceil(size / stride). The
/// last stride lacks some positions, and the kernel needs `missing` more than that, or fewer.
static void padToSame(Windows &windows, ArrayRef<AffineExpr> spatial, bool upper) {
  for (auto [d, size] : llvm::enumerate(spatial)) {
    int64_t stride = windows.strides[d], missing = windows.reach(d) - stride;
    AffineExpr lacks = (size * -1) % stride, total = lacks + missing;
    if (missing < 0)
      total = windows.reach(d) == 1 ? lacks * 0 : positivePart(total, stride);
    AffineExpr smaller = total.floorDiv(2), larger = total.ceilDiv(2);
    windows.low.push_back(upper ? smaller : larger);
    windows.high.push_back(upper ? larger : smaller);
    windows.counts.push_back(size.ceilDiv(stride));
  }
}

/// Windows per dimension. In ceil mode a last window may reach beyond the padding, but must start
/// inside of the operand or the padding before it: only the last one is ever left out. Whether it
/// is depends on the size only where padding is as long as the kernel, up to a stride less.
static AffineExpr countWindows(const Windows &windows, size_t d, AffineExpr size, bool ceilMode) {
  AffineExpr begin = size + windows.low[d], room = begin + windows.high[d] - windows.reach(d);
  int64_t stride = windows.strides[d];
  if (!ceilMode)
    return room.floorDiv(stride) + 1;
  // Windows that start before the end of the operand: as many as strides fit, counting a part.
  int64_t high = cast<AffineConstantExpr>(windows.high[d]).getValue();
  int64_t farther = high - windows.reach(d) + stride;
  if (farther > stride)
    return room.ceilDiv(stride);
  return farther < 0 ? room.ceilDiv(stride) + 1 : begin.ceilDiv(stride);
}

std::optional<Windows> getWindows(NodeImporter &node, Value input, ArrayRef<int64_t> kernel) {
  DimExprs dims = node.dims(input);
  if (dims.size() < 3 || kernel.size() != dims.size() - 2) {
    node.emitError() << "a kernel of rank " << kernel.size() << " does not fit " << input.getType();
    return std::nullopt;
  }
  ArrayRef<AffineExpr> spatial = ArrayRef<AffineExpr>(dims).drop_front(2);
  Windows windows;
  windows.kernel.assign(kernel.begin(), kernel.end());
  std::optional<NodeImporter::Ints> strides = getSpatialInts(node, "strides", kernel.size());
  std::optional<NodeImporter::Ints> dilations = getSpatialInts(node, "dilations", kernel.size());
  if (!strides || !dilations)
    return std::nullopt;
  windows.strides = *strides;
  windows.dilations = *dilations;

  StringRef autoPad = node.getString("auto_pad", "NOTSET");
  bool ceilMode = node.getBool("ceil_mode", false);
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
    padToSame(windows, spatial, autoPad == "SAME_UPPER");
    return windows;
  }
  NodeImporter::Ints none(2 * kernel.size(), 0);
  NodeImporter::Ints pads = autoPad == "NOTSET" ? node.getInts("pads", none) : none;
  if (pads.empty())
    pads = none;
  if (autoPad != "NOTSET" && autoPad != "VALID")
    node.emitAttributeError("auto_pad")
        << "expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, found " << autoPad;
  if (pads.size() != 2 * kernel.size() || llvm::any_of(pads, [](int64_t pad) { return pad < 0; }))
    node.emitAttributeError("pads")
        << "expected " << 2 * kernel.size() << " numbers that are not negative";
  if (node.hasFailed())
    return std::nullopt;
  for (auto [d, size] : llvm::enumerate(spatial)) {
    windows.low.push_back(node.expr(pads[d]));
    windows.high.push_back(node.expr(pads[kernel.size() + d]));
    AffineExpr count = countWindows(windows, d, size, ceilMode);
    if (auto constant = dyn_cast<AffineConstantExpr>(count); constant && constant.getValue() < 1) {
      node.emitError() << "a kernel over " << windows.reach(d)
                       << " positions does not fit spatial dimension " << d << " of "
                       << input.getType();
      return std::nullopt;
    }
    requireNonNegative(node, count, "the number of windows");
    windows.counts.push_back(count);
  }
  return windows;
}

} // namespace tenon
