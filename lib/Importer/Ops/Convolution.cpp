// Convolution, over channels-last tensors and with padding made explicit.

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Windows.h"

using namespace mlir;

namespace tenon {

/// Sizes that windows may have, from the weights [O, I, kernel...]; `kernel_shape` must agree.
static std::optional<NodeImporter::Ints> getKernel(NodeImporter &node, Value weights) {
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
  if (llvm::any_of(kernel, [](int64_t size) { return size < 1; })) {
    node.emitError() << "an empty kernel: " << type;
    return std::nullopt;
  }
  return kernel;
}

/// Checks what the weights [O, C / groups, kernel...] say about channels.
static bool checkChannels(NodeImporter &node, Value x, Value weights, int64_t groups) {
  int64_t inputs = node.type(x).getDimSize(1), outputs = node.type(weights).getDimSize(0);
  int64_t perGroup = node.type(weights).getDimSize(1);
  bool fits = groups > 0 && outputs % groups == 0 &&
              (ShapedType::isDynamic(inputs) || perGroup * groups == inputs);
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

static Value buildConv(NodeImporter &node, Value x, Value weights, ArrayRef<int64_t> strides,
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
  std::optional<NodeImporter::Ints> kernel = getKernel(node, weights);
  std::optional<Windows> windows = kernel ? getWindows(node, x, *kernel) : std::nullopt;
  if (!windows || !checkChannels(node, x, weights, groups))
    return nullptr;
  Value padded = padSpatial(node, m.toChannelsLast(x), windows->low, windows->high);
  Value result = buildConv(node, padded, toKernelFirst(node, weights), windows->strides,
                           windows->dilations, groups);
  if (bias)
    result = m.add(result, bias);
  return m.toChannelsFirst(result);
}

static Results importConv(NodeImporter &node) {
  return {{buildConvolution(node, node.operand(0), node.operand(1), node.operand(2))}};
}

namespace {

/// Padding of a transposed convolution: how much of its full result to cut off, and to add.
struct TransposedPadding {
  DimExprs low, high;
};

} // namespace

/// From explicit pads, or from the shape that the result shall have.
static std::optional<TransposedPadding>
getTransposedPadding(NodeImporter &node, ArrayRef<AffineExpr> spatial, ArrayRef<int64_t> kernel,
                     ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                     ArrayRef<int64_t> extra) {
  size_t rank = spatial.size();
  StringRef autoPad = node.getString("auto_pad", "NOTSET");
  bool isSame = autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER";
  NodeImporter::Ints shape = node.getInts("output_shape", NodeImporter::Ints());
  NodeImporter::Ints none(2 * rank, 0);
  NodeImporter::Ints pads = autoPad == "NOTSET" ? node.getInts("pads", none) : none;
  if (pads.empty())
    pads = none;
  if (shape.size() == rank + 2)
    shape.erase(shape.begin(), shape.begin() + 2);
  if (pads.size() != 2 * rank || (!shape.empty() && shape.size() != rank) || node.hasFailed()) {
    node.emitError() << "pads or output_shape do not fit " << rank << " spatial dimensions";
    return std::nullopt;
  }
  TransposedPadding padding;
  for (size_t d = 0; d < rank; ++d) {
    if (shape.empty() && !isSame) {
      padding.low.push_back(node.expr(pads[d]));
      padding.high.push_back(node.expr(pads[rank + d]));
      continue;
    }
    int64_t reach = (kernel[d] - 1) * dilations[d] + 1;
    AffineExpr size = shape.empty() ? spatial[d] * strides[d] : node.expr(shape[d]);
    AffineExpr total = (spatial[d] - 1) * strides[d] + extra[d] + reach - size;
    AffineExpr half = total.floorDiv(2);
    bool upper = autoPad == "SAME_UPPER";
    padding.low.push_back(upper ? half : total - half);
    padding.high.push_back(upper ? total - half : half);
  }
  return padding;
}

/// Zeros between the positions of every spatial dimension: `stride - 1` after each but the last.
static Value spread(NodeImporter &node, Value x, ArrayRef<int64_t> strides) {
  TensorMath m(node);
  for (auto [d, stride] : llvm::enumerate(strides)) {
    if (stride == 1 || !x)
      continue;
    DimExprs dims = node.dims(x), split = dims, low(dims.size() + 1, node.expr(0)), merged = dims;
    split.insert(split.begin() + d + 2, node.expr(1));
    DimExprs wide = split;
    wide[d + 2] = node.expr(stride);
    merged[d + 1] = dims[d + 1] * stride;
    x = node.reshape(m.pad(node.reshape(x, split), low, wide), merged);
    x = m.slice(x, d + 1, node.expr(0), merged[d + 1] - (stride - 1));
  }
  return x;
}

/// Weights [C, O / groups, kernel...] of a transposed convolution as those of the plain one over
/// the spread input: kernel turned around, [kernel..., C / groups, O].
static Value turnAround(NodeImporter &node, Value weights, int64_t groups) {
  TensorMath m(node);
  DimExprs dims = node.dims(weights);
  DimExprs split = {node.expr(groups), dims[0].floorDiv(groups), dims[1]}, result;
  SmallVector<int64_t> permutation;
  for (size_t axis = 2; axis < dims.size(); ++axis) {
    split.push_back(dims[axis]);
    permutation.push_back(axis + 1);
    result.push_back(dims[axis]);
  }
  permutation.append({1, 0, 2});
  result.append({dims[0].floorDiv(groups), dims[1] * groups});
  Value turned = node.reshape(m.transpose(node.reshape(weights, split), permutation), result);
  for (size_t d = 0; d + 2 < dims.size(); ++d)
    if (result[d] != node.expr(1))
      turned = m.slice(turned, d, result[d] - 1, result[d], -1);
  return turned;
}

static Results importConvTranspose(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), weights = node.operand(1);
  int64_t groups = node.getInt("group", 1);
  std::optional<NodeImporter::Ints> kernel = getKernel(node, weights);
  if (!kernel)
    return failure();
  size_t rank = kernel->size();
  int64_t channels = node.rank(x) > 1 ? node.type(x).getDimSize(1) : 0;
  if (node.rank(x) != static_cast<int64_t>(rank) + 2 || groups < 1 ||
      (!ShapedType::isDynamic(channels) && channels != node.type(weights).getDimSize(0)) ||
      node.type(weights).getDimSize(0) % groups != 0) {
    node.emitError() << "weights " << weights.getType() << " in " << groups << " groups do not fit "
                     << x.getType();
    return failure();
  }
  auto strides = getSpatialInts(node, "strides", rank);
  auto dilations = getSpatialInts(node, "dilations", rank);
  NodeImporter::Ints extra = node.getInts("output_padding", NodeImporter::Ints(rank, 0));
  if (extra.empty())
    extra.assign(rank, 0);
  if (!strides || !dilations || extra.size() != rank)
    return failure();
  Value spatialLast = m.toChannelsLast(x);
  DimExprs dims = node.dims(x);
  ArrayRef<AffineExpr> spatial = ArrayRef<AffineExpr>(dims).drop_front(2);
  auto padding = getTransposedPadding(node, spatial, *kernel, *strides, *dilations, extra);
  if (!padding)
    return failure();
  DimExprs low, high;
  for (size_t d = 0; d < rank; ++d) {
    int64_t reach = ((*kernel)[d] - 1) * (*dilations)[d];
    low.push_back(reach - padding->low[d]);
    high.push_back(reach - padding->high[d] + extra[d]);
  }
  Value spreadInput = padSpatial(node, spread(node, spatialLast, *strides), low, high);
  Value result = buildConv(node, spreadInput, turnAround(node, weights, groups),
                           SmallVector<int64_t>(rank, 1), *dilations, groups);
  if (Value bias = node.operand(2))
    result = m.add(result, bias);
  return {{m.toChannelsFirst(result)}};
}

void registerConvolutionOps(OpRegistry &registry) {
  registry.add("Conv", 1, {2, 3}, importConv);
  registry.add("ConvTranspose", 1, {2, 3}, importConvTranspose);
}

} // namespace tenon
