// Convolution, over channels-last tensors and with padding made explicit.

#include "lib/Importer/Ops/Contractions.h"
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

/// Pads a channels-last tensor with zeros.
static Value padSpatial(NodeImporter &node, Value x, ArrayRef<AffineExpr> low,
                        ArrayRef<AffineExpr> high) {
  if (!x)
    return x;
  DimExprs dims = node.dims(x), before(dims.size(), node.expr(0));
  for (size_t d = 0; d < low.size(); ++d) {
    before[d + 1] = low[d];
    dims[d + 1] = dims[d + 1] + low[d] + high[d];
  }
  return TensorMath(node).pad(x, before, dims);
}

Value buildChannelsLastConv(NodeImporter &node, Value x, Value weights, ArrayRef<int64_t> strides,
                            ArrayRef<int64_t> dilations, int64_t groups) {
  return node.infer<ConvOp>({x, weights},
                            {node.attr("strides", strides), node.attr("dilations", dilations),
                             node.attr("groups", groups)});
}

Value buildConvolution(NodeImporter &node, Value x, Value weights, Value bias) {
  TensorMath m(node);
  if (!x || !weights)
    return nullptr;
  int64_t groups = node.getInt("group", 1);
  std::optional<NodeImporter::Ints> kernel = getKernelSizes(node, weights);
  std::optional<Windows> windows = kernel ? getWindows(node, x, *kernel) : std::nullopt;
  if (!windows || !checkChannels(node, x, weights, groups))
    return nullptr;
  Value padded = padSpatial(node, m.toChannelsLast(x), windows->low, windows->high);
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
