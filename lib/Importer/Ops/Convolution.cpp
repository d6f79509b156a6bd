// Convolution, over channels-last tensors and with padding made explicit.

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Quantize.h"
#include "lib/Importer/Ops/Windows.h"

using namespace mlir;

namespace tenon {

std::optional<NodeImporter::Ints> getKernelSizes(NodeImporter &node, Value weights) {
  RankedTensorType type = node.type(weights);
  if (type.getRank() < 3 || !type.hasStaticShape()) {
    node.emitError() << "weights must have rank 3 or more and known sizes, not " << type;
    return std::nullopt;
  }
  NodeImporter::Ints kernel(type.getShape().drop_front(2));
  NodeImporter::Ints declared = node.getInts("kernel_shape", kernel);
  if (!declared.empty() && declared != kernel) {
    node.emitAttributeError("kernel_shape") << "does not fit weights " << type;
    return std::nullopt;
  }
  if (!llvm::all_of(kernel, isWindowSize)) {
    node.emitError() << "an empty or too large kernel: " << type;
    return std::nullopt;
  }
  return kernel;
}

/// Checks what the weights [O, C / groups, kernel...] say about channels.
static bool checkChannels(NodeImporter &node, Value x, Value weights, int64_t groups) {
  int64_t inputs = node.type(x).getDimSize(1), outputs = node.type(weights).getDimSize(0);
  int64_t perGroup = node.type(weights).getDimSize(1);
  bool fits =
      groups > 0 && outputs % groups == 0 &&
      (ShapedType::isDynamic(inputs) || (inputs % groups == 0 && inputs / groups == perGroup));
  if (!fits)
    node.emitError() << "weights " << weights.getType() << " in " << groups << " groups do not fit "
                     << x.getType();
  return fits;
}

/// [O, I, kernel...] to [kernel..., I, O].
static Value toKernelFirst(NodeImporter &node, Value weights) {
  SmallVector<int64_t> permutation;
  for (int64_t axis = 2; axis < node.rank(weights); ++axis)
    permutation.push_back(axis);
  permutation.append({1, 0});
  return TensorMath(node).transpose(weights, permutation);
}

/// Makes the input of a convolution channels-last and pads it. With `inputZero`, see
/// buildConvolution; bytes move before they are widened.
static Value prepareInput(NodeImporter &node, Value x, ArrayRef<AffineExpr> low,
                          ArrayRef<AffineExpr> high, std::optional<Value> inputZero) {
  x = TensorMath(node).toChannelsLast(x);
  if (!x)
    return x;
  DimExprs dims = node.dims(x), before(dims.size(), node.expr(0));
  for (size_t d = 0; d < low.size(); ++d) {
    before[d + 1] = low[d];
    dims[d + 1] = dims[d + 1] + low[d] + high[d];
  }
  if (!inputZero)
    return TensorMath(node).pad(x, before, dims);
  return subtractZero(node, TensorMath(node).pad(x, before, dims, *inputZero), *inputZero);
}

Value buildChannelsLastConv(NodeImporter &node, Value x, Value weights, ArrayRef<int64_t> strides,
                            ArrayRef<int64_t> dilations, int64_t groups) {
  return node.infer<ConvOp>({x, weights},
                            {node.attr("strides", strides), node.attr("dilations", dilations),
                             node.attr("groups", groups)});
}

// Kernels need weights of known sizes. Others are a matrix product with windows that are gathered:
//
//   [N, S, C] -> [N, windows, k, C] -> [groups, N * windows, C / groups * k] x weights
//
// in one dimension, and the same in each of several.
Value buildGatheredConv(NodeImporter &node, Value x, Value weights, ArrayRef<int64_t> strides,
                        ArrayRef<int64_t> dilations, AffineExpr groups) {
  TensorMath m(node);
  if (!x || !weights)
    return nullptr;
  int64_t rank = strides.size();
  DimExprs kernel = node.dims(weights);
  AffineExpr outputs = kernel[0], inputs = kernel[1],
             perGroup = divideProducts(outputs, groups, node.context());
  kernel.erase(kernel.begin(), kernel.begin() + 2);
  requireEqual(node, outputs % groups, node.expr(0), "output channels that groups leave, and 0,");
  DimExprs dims = node.dims(x);
  dims.back() = inputs * groups;
  x = m.sized(x, dims, "the input of a convolution");
  DimExprs split = {dims[0]}, counts;
  SmallVector<int64_t> order = {2 * rank + 1, 0}, taps = {2 * rank + 2};
  for (int64_t d = 0; d < rank; ++d) {
    AffineExpr room = dims[d + 1] - (kernel[d] - 1) * dilations[d] - 1;
    requireNonNegative(node, room, "positions that the kernel leaves");
    counts.push_back(room.floorDiv(strides[d]) + 1);
    split.append({counts.back(), kernel[d]});
    order.push_back(2 * d + 1);
    taps.push_back(2 * d + 2);
  }
  for (int64_t d = rank; d-- > 0;) {
    Value first = m.mul(m.iotaAlong(2, 0, counts[d]), static_cast<double>(strides[d]));
    Value offset = m.mul(m.iotaAlong(2, 1, kernel[d]), static_cast<double>(dilations[d]));
    x = m.gather(x, m.add(first, offset), d + 1);
  }
  split.append({groups, inputs});
  order.append(taps);
  AffineExpr rows = dims[0] * product(counts, node.context());
  AffineExpr depth = inputs * product(kernel, node.context());
  x = m.transpose(node.reshape(x, split), order);
  weights = node.reshape(weights, {groups, perGroup, depth});
  Value result = node.infer<MatMulOp>(
      {node.reshape(x, {groups, rows, depth}), m.transpose(weights, {0, 2, 1})});
  // [groups, N * counts, O / groups] to [N, counts..., O].
  DimExprs joined = {dims[0]};
  joined.append(counts);
  joined.push_back(outputs);
  result = node.reshape(result, {groups, rows, perGroup});
  return node.reshape(m.transpose(result, {1, 0, 2}), joined);
}

/// A convolution whose weights have sizes that only a run tells; channels-last. `kernel_shape`
/// tells them, or explicit padding does not depend on them.
static Value buildOpenConvolution(NodeImporter &node, Value x, Value weights, int64_t groups,
                                  std::optional<Value> inputZero) {
  TensorMath m(node);
  DimExprs dims = node.dims(weights);
  NodeImporter::Ints declared = node.getInts("kernel_shape", NodeImporter::Ints());
  if (declared.size() + 2 == dims.size()) {
    for (auto [dim, size] : llvm::zip(MutableArrayRef(dims).drop_front(2), declared))
      dim = node.expr(size);
    weights = m.sized(weights, dims, "weights");
  }
  NodeImporter::Ints kernel;
  for (AffineExpr size : ArrayRef(dims).drop_front(2))
    if (auto known = dyn_cast<AffineConstantExpr>(size))
      kernel.push_back(known.getValue());
  // Without a known kernel, a kernel of 1 gives the same padding, unless that depends on it.
  bool isOpen = kernel.size() + 2 != dims.size();
  if (isOpen && node.getString("auto_pad", "NOTSET").starts_with("SAME")) {
    node.emitError() << "auto_pad needs weights of known sizes or kernel_shape, not "
                     << weights.getType();
    return nullptr;
  }
  if (isOpen)
    kernel.assign(dims.size() - 2, 1);
  if (groups < 1 || !llvm::all_of(kernel, isWindowSize)) {
    node.emitError() << "weights " << weights.getType() << " in " << groups
                     << " groups cannot be used";
    return nullptr;
  }
  std::optional<Windows> windows = getWindows(node, x, kernel);
  if (!windows)
    return nullptr;
  Value padded = prepareInput(node, x, windows->low, windows->high, inputZero);
  return buildGatheredConv(node, padded, weights, windows->strides, windows->dilations,
                           node.expr(groups));
}

Value buildConvolution(NodeImporter &node, Value x, Value weights, Value bias,
                       std::optional<Value> inputZero) {
  TensorMath m(node);
  if (!x || !weights)
    return nullptr;
  int64_t groups = node.getInt("group", 1);
  if (!node.type(weights).hasStaticShape() && node.rank(weights) >= 3) {
    Value result = buildOpenConvolution(node, x, weights, groups, inputZero);
    return m.toChannelsFirst(bias && result ? m.add(result, bias) : result);
  }
  std::optional<NodeImporter::Ints> kernel = getKernelSizes(node, weights);
  std::optional<Windows> windows = kernel ? getWindows(node, x, *kernel) : std::nullopt;
  if (!windows || !checkChannels(node, x, weights, groups))
    return nullptr;
  Value padded = prepareInput(node, x, windows->low, windows->high, inputZero);
  Value result = buildChannelsLastConv(node, padded, toKernelFirst(node, weights), windows->strides,
                                       windows->dilations, groups);
  if (bias)
    result = m.add(result, bias);
  return m.toChannelsFirst(result);
}

static Results importConv(NodeImporter &node) {
  return {{buildConvolution(node, node.operand(0), node.operand(1), node.operand(2))}};
}

void registerConvolutionOps(OpRegistry &registry) { registry.add("Conv", 1, {2, 3}, importConv); }

} // namespace tenon
