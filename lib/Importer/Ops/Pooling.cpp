// Pooling. Windows slide over channels-last tensors; the transposes around them cancel out between
// neighbouring convolutions and pools.

#include "lib/Importer/Ops/Windows.h"
#include "lib/Importer/TensorData.h"

using namespace mlir;

namespace tenon {

static std::optional<Windows> getPoolWindows(NodeImporter &node, Value x) {
  NodeImporter::Ints kernel = node.getInts("kernel_shape");
  if (!llvm::all_of(kernel, isWindowSize))
    node.emitAttributeError("kernel_shape") << "expected positive numbers";
  else if (llvm::Expected<int64_t> volume = countElements(kernel); !volume)
    node.emitAttributeError("kernel_shape") << llvm::toString(volume.takeError());
  if (node.hasFailed())
    return std::nullopt;
  return getWindows(node, x, kernel);
}

static SmallVector<NamedAttribute> makeAttributes(NodeImporter &node, const Windows &windows) {
  return {node.attr("kernel", ArrayRef<int64_t>(windows.kernel)),
          node.attr("strides", ArrayRef<int64_t>(windows.strides)),
          node.attr("dilations", ArrayRef<int64_t>(windows.dilations)),
          node.attr("low", ArrayRef<AffineExpr>(windows.low))};
}

/// A mean over every window, on and giving channels-last tensors. `high` is the padding that
/// counts.
static Value buildMeans(NodeImporter &node, Value x, const Windows &windows,
                        ArrayRef<AffineExpr> high, bool countPadding) {
  if (!node.checkRank(x, 2))
    return nullptr;
  DimExprs dims = node.dims(x);
  SmallVector<NamedAttribute> attributes = makeAttributes(node, windows);
  attributes.push_back(node.attr("high", high));
  if (countPadding)
    attributes.push_back(node.attr("countPadding", node.builder().getUnitAttr()));
  Type type = makeTensorType(windows.resultChannelsLast(dims[0], dims.back()), node.elementType(x));
  return node.make<AveragePoolOp>(type, x, attributes);
}

Value buildAveragePool(NodeImporter &node, Value x) {
  TensorMath m(node);
  std::optional<Windows> windows = getPoolWindows(node, x);
  x = windows ? m.toChannelsLast(x) : Value();
  if (!x)
    return nullptr;
  bool countPadding = node.getBool("count_include_pad", false);
  return m.toChannelsFirst(buildMeans(node, x, *windows, windows->high, countPadding));
}

static Results importAveragePool(NodeImporter &node) {
  return {{buildAveragePool(node, node.operand(0))}};
}

/// The exponent of a norm, which may be a fraction in version 1.
static double getExponent(NodeImporter &node) {
  return node.opset() < 2 ? node.getFloat("p", 2) : static_cast<double>(node.getInt("p", 2));
}

/// (sum of |x|^p)^(1/p): a mean that counts all of every window, times the window's size.
static Results importLpPool(NodeImporter &node) {
  TensorMath m(node);
  std::optional<Windows> windows = getPoolWindows(node, node.operand(0));
  Value x = windows ? m.toChannelsLast(node.operand(0)) : Value();
  if (!x)
    return failure();
  double p = getExponent(node);
  int64_t volume = 1;
  DimExprs dims = node.dims(x), high;
  for (size_t d = 0; d < windows->rank(); ++d) {
    volume *= windows->kernel[d];
    high.push_back((windows->counts[d] - 1) * windows->strides[d] + windows->reach(d) -
                   windows->low[d] - dims[d + 1]);
  }
  Value power = p == 1 ? m.abs(x) : p == 2 ? m.mul(x, x) : m.pow(m.abs(x), p);
  Value sum = m.mul(buildMeans(node, power, *windows, high, /*countPadding=*/true), volume);
  Value norm = p == 1 ? sum : p == 2 ? m.sqrt(sum) : m.pow(sum, 1.0 / p);
  return {{m.toChannelsFirst(norm)}};
}

// The position among the spatial ones becomes the position in the whole [N, C, spatial...] tensor.
static Value buildIndices(NodeImporter &node, Value position, ArrayRef<AffineExpr> dims,
                          bool columnMajor) {
  TensorMath m(node);
  int64_t rank = dims.size();
  ArrayRef<AffineExpr> spatial = dims.drop_front(2);
  auto size = [&](ArrayRef<AffineExpr> part) {
    return m.shapeScalar(product(part, node.context()));
  };
  if (columnMajor) {
    Value rest = position, result;
    for (size_t d = spatial.size(); d-- > 0;) {
      Value extent = size(spatial[d]);
      Value quotient = m.div(rest, extent);
      Value index = m.sub(rest, m.mul(quotient, extent));
      Value term = m.mul(index, size(spatial.take_front(d)));
      result = result ? m.add(result, term) : term;
      rest = quotient;
    }
    position = result;
  }
  Value batch = m.iotaAlong(rank, 0, dims[0]), channel = m.iotaAlong(rank, 1, dims[1]);
  Value plane = m.add(m.mul(batch, size(dims[1])), channel);
  return m.add(m.mul(plane, size(spatial)), position);
}

static Results importMaxPool(NodeImporter &node) {
  TensorMath m(node);
  std::optional<Windows> windows = getPoolWindows(node, node.operand(0));
  Value x = windows ? m.toChannelsLast(node.operand(0)) : Value();
  if (!x)
    return failure();
  DimExprs dims = node.dims(x), result = windows->resultChannelsLast(dims[0], dims.back());
  SmallVector<NamedAttribute> attributes = makeAttributes(node, *windows);
  SmallVector<Value> results = {m.toChannelsFirst(
      node.make<MaxPoolOp>(makeTensorType(result, node.elementType(x)), x, attributes))};
  if (node.hasOutput(1)) {
    Type type = makeTensorType(result, node.builder().getI64Type());
    Value position = m.toChannelsFirst(node.make<MaxPoolPositionOp>(type, x, attributes));
    results.push_back(buildIndices(node, position, node.dims(node.operand(0)),
                                   node.getBool("storage_order", false)));
  }
  return results;
}

/// Positions [P, K] of windows of one dimension in a padded input.
static Value placeWindows(NodeImporter &node, const Windows &windows, size_t d) {
  TensorMath m(node);
  Value start =
      m.mul(m.iotaAlong(2, 0, windows.counts[d]), static_cast<double>(windows.strides[d]));
  Value tap = m.iotaAlong(2, 1, node.expr(windows.kernel[d]));
  return m.sub(m.add(start, tap), m.shapeScalar(windows.low[d]));
}

/// For each position of each window, [P..., K...]: where it lies in an image, and whether it does.
static std::pair<Value, Value> placeInImage(NodeImporter &node, const Windows &windows,
                                            ArrayRef<AffineExpr> sizes) {
  TensorMath m(node);
  size_t rank = windows.rank();
  Value place, isInside;
  for (size_t d = 0; d < rank; ++d) {
    Value position = placeWindows(node, windows, d), size = m.shapeScalar(sizes[d]);
    NodeImporter::Ints others;
    for (int64_t axis = 0; axis < static_cast<int64_t>(2 * rank); ++axis)
      if (axis % rank != d)
        others.push_back(axis);
    position = m.unsqueeze(position, others);
    Value fits = m.logicalAnd(m.lessEqual(m.scalar(position, 0), position), m.less(position, size));
    position = m.max(m.min(position, m.sub(size, 1)), 0.0);
    place = place ? m.add(m.mul(place, size), position) : position;
    isInside = isInside ? m.logicalAnd(isInside, fits) : fits;
  }
  return {place, isInside};
}

// Of each line of a window along the last dimension, what lies before the first zero of the mask
// counts; but for images of several dimensions, the mask of the first pixel does not. The mask of
// image and channel i begins at element (i * size of an image) mod (number of masks).
static Results importMaxPoolWithMask(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), mask = node.operand(1);
  std::optional<Windows> windows = getPoolWindows(node, x);
  if (!windows || !node.checkRank(mask, node.rank(x)))
    return failure();
  DimExprs dims = node.dims(x), masks = node.dims(mask);
  ArrayRef<AffineExpr> sizes = ArrayRef(dims).drop_front(2);
  AffineExpr count = dims[0] * dims[1], pixels = product(sizes, node.context());
  auto [place, isInside] = placeInImage(node, *windows, sizes);
  if (!place)
    return failure();
  int64_t rank = node.rank(place) + 1;
  Value first = m.mul(m.iotaAlong(rank, 0, count), m.shapeScalar(pixels));
  Value offset = node.infer<ModOp>({first, m.shapeScalar(masks[0] * masks[1])});
  Value flat = node.reshape(mask, product(masks, node.context()));
  Value counts = m.logicalNot(m.equal(m.gather(flat, m.add(offset, place), 0), 0.0));
  Value passes = m.logicalNot(isInside);
  if (windows->rank() > 1)
    passes = m.logicalOr(passes, m.equal(place, 0.0));
  // Products along the window's last dimension: 1 as long as no mask was zero.
  Value goesOn = node.infer<CumulateOp>(
      node.cast(m.logicalOr(counts, passes), node.builder().getI32Type()),
      {node.attr("axis", rank - 1),
       node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Prod))});
  Value values = m.gather(node.reshape(x, {count, pixels}), place, 1);
  values = m.select(m.logicalAnd(m.less(0.0, goesOn), isInside), values,
                    m.scalar(values, -std::numeric_limits<float>::max()));
  NodeImporter::Ints taps;
  for (int64_t axis = 1 + windows->rank(); axis < rank; ++axis)
    taps.push_back(axis);
  DimExprs result = {dims[0], dims[1]};
  result.append(windows->counts.begin(), windows->counts.end());
  values = m.maximum(values, taps);
  return {{values ? node.reshape(values, result) : values}};
}

/// MaxPool of a tensor whose channels are last.
static Results importNhwcMaxPool(NodeImporter &node) {
  TensorMath m(node);
  node.setOperand(0, m.toChannelsFirst(node.operand(0)));
  if (!node.operand(0))
    return failure();
  Results results = importMaxPool(node);
  if (succeeded(results))
    results->front() = m.toChannelsLast(results->front());
  return results;
}

static SmallVector<int64_t> spatialAxes(NodeImporter &node, Value x) {
  return llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(node.rank(x), 2)));
}

template <ReduceKind kind> static Results importGlobalPool(NodeImporter &node) {
  Value x = node.operand(0);
  return {{TensorMath(node).reduce(kind, x, spatialAxes(node, x))}};
}

static Results importGlobalLpPool(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  double p = getExponent(node);
  Value power = p == 2 ? m.mul(x, x) : m.pow(m.abs(x), p);
  Value sum = m.sum(power, spatialAxes(node, x));
  return {{p == 2 ? m.sqrt(sum) : m.pow(sum, 1.0 / p)}};
}

void registerPoolingOps(OpRegistry &registry) {
  registry.add("MaxPool", 1, 1, importMaxPool);
  registry.add("com.microsoft", "MaxpoolWithMask", 1, 2, importMaxPoolWithMask);
  registry.add("com.microsoft", "NhwcMaxPool", 1, 1, importNhwcMaxPool);
  registry.add("AveragePool", 1, 1, importAveragePool);
  registry.add("LpPool", 1, 1, importLpPool);
  registry.add("GlobalMaxPool", 1, 1, importGlobalPool<ReduceKind::Max>);
  registry.add("GlobalAveragePool", 1, 1, importGlobalPool<ReduceKind::Mean>);
  registry.add("GlobalLpPool", 1, 1, importGlobalLpPool);
}

} // namespace tenon
