// Normalizations, of ONNX and those of com.microsoft that transformers use.

#include "lib/Importer/Ops/Norms.h"

using namespace mlir;

namespace tenon {

/// The operand of a norm, with sizes that only scale or bias tell.
static Value adoptSizes(NodeImporter &node, Value x, ArrayRef<Value> parameters) {
  if (!x)
    return x;
  DimExprs dims = node.dims(x);
  for (Value parameter : parameters) {
    if (!parameter)
      continue;
    DimExprs sizes = node.dims(parameter);
    for (auto [dim, size] : llvm::zip(llvm::reverse(dims), llvm::reverse(sizes)))
      if (!isa<AffineConstantExpr>(dim) && isa<AffineConstantExpr>(size) && size != node.expr(1))
        dim = size;
  }
  return TensorMath(node).sized(x, dims, "the operand");
}

/// A named normalization op over the dimensions from `axis` on. Scale and bias may be null.
template <typename OpT>
static Value buildNorm(NodeImporter &node, Value x, Value scale, Value bias, int64_t axis,
                       double epsilon) {
  SmallVector<Value> operands = {adoptSizes(node, x, {scale, bias})};
  for (Value parameter : {scale, bias})
    if (parameter)
      operands.push_back(parameter);
  auto segments = node.builder().getDenseI32ArrayAttr({1, scale ? 1 : 0, bias ? 1 : 0});
  return node.infer<OpT>(operands, {node.attr("axis", axis),
                                    node.attr("epsilon", node.builder().getF64FloatAttr(epsilon)),
                                    node.attr("operandSegmentSizes", segments)});
}

/// Statistics of a layer normalization, kept as outputs.
static void appendStatistics(NodeImporter &node, Value x, int64_t axis, double epsilon,
                             SmallVectorImpl<Value> &results) {
  TensorMath m(node);
  auto type = x ? dyn_cast<FloatType>(node.elementType(x)) : FloatType();
  if (!type || node.hasFailed())
    return;
  if (node.getInt("stash_type", 1) == 1 && type.getWidth() < 32)
    x = node.cast(x, node.builder().getF32Type());
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(axis, node.rank(x)));
  Value mean = m.mean(x, axes), centered = m.sub(x, mean);
  Value variance = m.mean(m.mul(centered, centered), axes);
  results.push_back(mean);
  results.push_back(m.reciprocal(m.sqrt(m.add(variance, epsilon))));
}

static Results importLayerNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t axis = node.getAxis("axis", -1, node.rank(x));
  if (node.hasFailed())
    return failure();
  double epsilon = node.getFloat("epsilon", 1e-5);
  SmallVector<Value> results = {
      buildNorm<LayerNormOp>(node, x, node.operand(1), node.operand(2), axis, epsilon)};
  if (node.hasOutput(1) || node.hasOutput(2))
    appendStatistics(node, x, axis, epsilon, results);
  return results;
}

static Results importRMSNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  int64_t axis = node.getAxis("axis", -1, node.rank(x));
  return {{buildNorm<RMSNormOp>(node, x, node.operand(1), nullptr, axis,
                                node.getFloat("epsilon", 1e-5))}};
}

/// Input plus residual, then a norm; the sum is output 3 as well.
template <typename OpT> static Results importSkipNorm(NodeImporter &node) {
  TensorMath m(node);
  constexpr bool hasBeta = std::is_same_v<OpT, LayerNormOp>;
  double epsilon = node.getFloat("epsilon", 1e-12);
  Value sum = m.add(node.operand(0), node.operand(1));
  if (Value bias = node.operand(hasBeta ? 4 : 3))
    sum = m.add(sum, bias);
  if (!node.checkRank(sum, 1))
    return failure();
  int64_t axis = node.rank(sum) - 1;
  SmallVector<Value> results = {buildNorm<OpT>(node, sum, node.operand(2),
                                               hasBeta ? node.operand(3) : Value(), axis, epsilon)};
  if (node.hasOutput(1) || node.hasOutput(2) || node.hasOutput(3)) {
    appendStatistics(node, sum, axis, epsilon, results);
    results.push_back(sum);
  }
  return results;
}

Value buildGroupNorm(NodeImporter &node, Value x, AffineExpr groups, Value scale, Value bias,
                     double epsilon) {
  TensorMath m(node);
  DimExprs dims = node.dims(x);
  AffineExpr perGroup = divideProducts({dims[1]}, groups, node.context());
  AffineExpr positions = product(ArrayRef(dims).drop_front(2), node.context());
  Value grouped = node.reshape(x, {dims[0], groups, perGroup, positions});
  if (!grouped)
    return grouped;
  // Scaled before channels are told apart again, so that all is one kernel.
  Value normed = buildNorm<LayerNormOp>(node, grouped, nullptr, nullptr, 2, epsilon);
  auto alongGroups = [&](Value parameter) {
    return node.reshape(parameter, {groups, perGroup, node.expr(1)});
  };
  normed = m.add(m.mul(normed, alongGroups(scale)), alongGroups(bias));
  return node.reshape(normed, dims);
}

/// A norm over the positions of each channel, as the arithmetic that defines it: that can be done
/// in any order of dimensions, as convolutions around it like it.
static Value buildSpatialNorm(NodeImporter &node, Value x, Value scale, Value bias,
                              double epsilon) {
  TensorMath m(node);
  int64_t rank = node.rank(x);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  Value centered = m.sub(x, m.mean(x, axes));
  Value variance = m.mean(m.mul(centered, centered), axes);
  Value normed = m.mul(centered, m.reciprocal(m.sqrt(m.add(variance, epsilon))));
  return m.add(m.mul(normed, m.alongChannels(scale, rank)), m.alongChannels(bias, rank));
}

static Results importInstanceNormalization(NodeImporter &node) {
  Value x = node.operand(0);
  if (!node.checkRank(x, 3))
    return failure();
  if (node.rank(x) > 3)
    return {{buildSpatialNorm(node, x, node.operand(1), node.operand(2),
                              node.getFloat("epsilon", 1e-5))}};
  return {{buildGroupNorm(node, x, node.dim(x, 1), node.operand(1), node.operand(2),
                          node.getFloat("epsilon", 1e-5))}};
}

/// Before version 21, scale and bias have one element per group.
static Results importGroupNormalization(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), scale = node.operand(1), bias = node.operand(2);
  int64_t groups = node.getInt("num_groups");
  if (!node.checkRank(x, 2))
    return failure();
  AffineExpr channels = node.dim(x, 1);
  auto known = dyn_cast<AffineConstantExpr>(channels);
  if (groups < 1 || (known && (known.getValue() <= 0 || known.getValue() % groups != 0))) {
    node.emitError() << "num_groups must divide the channels: " << groups
                     << " groups for dimension 1 of " << x.getType();
    return failure();
  }
  requireEqual(node, channels % groups, node.expr(0), "channels that groups leave, and 0,");
  auto perChannel = [&](Value parameter) {
    DimExprs repeated = {node.expr(groups), channels.floorDiv(groups)};
    Value wide = m.broadcast(node.reshape(parameter, {repeated[0], node.expr(1)}), repeated);
    return node.reshape(wide, channels);
  };
  AffineExpr expected = node.opset() < 21 ? node.expr(groups) : channels;
  scale = m.sized(scale, expected, "scale");
  bias = m.sized(bias, expected, "bias");
  if (node.opset() < 21) {
    scale = perChannel(scale);
    bias = perChannel(bias);
  }
  return {
      {buildGroupNorm(node, x, node.expr(groups), scale, bias, node.getFloat("epsilon", 1e-5))}};
}

/// Before version 7 a node says that it does not train, from version 14 on that it does; in
/// between, outputs for the statistics would say so, which are refused as outputs that are not
/// there.
static bool isTraining(NodeImporter &node) {
  if (node.opset() < 7)
    return !node.getBool("is_test", false);
  return node.getBool("training_mode", false);
}

// x * a + b with a = scale / sqrt(variance + epsilon) and b = bias - mean * a, which are constants
// in most models. Up to version 8, spatial = 0 asks for parameters per element instead of per
// channel: [C, spatial...].
static Results importBatchNormalization(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), scale = node.operand(1), bias = node.operand(2);
  Value mean = node.operand(3), variance = node.operand(4);
  double epsilon = node.getFloat("epsilon", 1e-5);
  bool isPerChannel = node.opset() >= 9 || node.getBool("spatial", true);
  SmallVector<Value> results;
  if (!node.checkRank(x, 2))
    return failure();
  if (isTraining(node)) {
    SmallVector<int64_t> axes = {0};
    if (isPerChannel) {
      axes = countUp(node.rank(x));
      axes.erase(axes.begin() + 1);
    }
    Value wide = node.cast(x, node.elementType(mean));
    Value batchMean = m.mean(wide, axes), centered = m.sub(wide, batchMean);
    Value batchVariance = m.mean(m.mul(centered, centered), axes);
    double momentum = node.getFloat("momentum", 0.9);
    auto blend = [&](Value running, Value batch) {
      batch = node.reshape(batch, node.dims(running));
      return m.add(m.mul(running, momentum), m.mul(batch, 1 - momentum));
    };
    if (node.hasFailed())
      return failure();
    results = {blend(mean, batchMean), blend(variance, batchVariance)};
    mean = node.reshape(batchMean, node.dims(mean));
    variance = node.reshape(batchVariance, node.dims(variance));
    if (node.hasFailed())
      return failure();
  }
  // The widest of the parameters' types, then the input's.
  Type type = node.elementType(variance);
  Value factor = m.div(node.cast(scale, type), m.sqrt(m.add(variance, epsilon)));
  Value offset = m.sub(node.cast(bias, type), m.mul(node.cast(mean, type), factor));
  auto alongInput = [&](Value parameter) {
    parameter = node.cast(parameter, node.elementType(x));
    return isPerChannel ? m.alongChannels(parameter, node.rank(x)) : parameter;
  };
  factor = alongInput(factor);
  offset = alongInput(offset);
  results.insert(results.begin(), m.add(m.mul(x, factor), offset));
  return results;
}

/// x / |x|; where the norm is 0, x is, and the result.
static Results importLpNormalization(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  int64_t axis = node.getAxis("axis", -1, node.rank(x)), p = node.getInt("p", 2);
  if (node.hasFailed())
    return failure();
  if (p != 1 && p != 2) {
    node.emitAttributeError("p") << "expected 1 or 2, found " << p;
    return failure();
  }
  Value norm = p == 1 ? m.sum(m.abs(x), axis) : m.sqrt(m.sum(m.mul(x, x), axis));
  return {{m.div(x, m.select(m.equal(norm, 0.0), m.scalar(x, 1), norm))}};
}

static Results importMeanVarianceNormalization(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  NodeImporter::Ints axes = node.getInts("axes", NodeImporter::Ints{0, 2, 3});
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(x));
  Value centered = m.sub(x, m.mean(x, axes));
  Value deviation = m.sqrt(m.mean(m.mul(centered, centered), axes));
  return {{m.div(centered, m.add(deviation, 1e-9))}};
}

/// x / (bias + alpha / size * sum of squares in a window of channels)^beta.
static Results importLRN(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  int64_t size = node.getInt("size");
  DimExprs dims = node.dims(x);
  if (size < 1 || size > 1024 || dims.size() < 2) {
    node.emitError() << "a window of " << size << " channels does not fit " << x.getType();
    return failure();
  }
  DimExprs low(dims.size(), node.expr(0)), padded = dims;
  low[1] = node.expr((size - 1) / 2);
  padded[1] = dims[1] + (size - 1);
  Value squares = m.pad(m.mul(x, x), low, padded), sum;
  for (int64_t i = 0; i < size; ++i) {
    Value part = m.slice(squares, 1, node.expr(i), dims[1]);
    sum = sum ? m.add(sum, part) : part;
  }
  Value base = m.add(m.mul(sum, node.getFloat("alpha", 1e-4) / size), node.getFloat("bias", 1));
  return {{m.div(x, m.pow(base, node.getFloat("beta", 0.75)))}};
}

void registerNormalizationOps(OpRegistry &registry) {
  registry.add("LayerNormalization", 1, {2, 3}, importLayerNormalization);
  registry.add("RMSNormalization", 23, 2, importRMSNormalization);
  registry.add("GroupNormalization", 18, 3, importGroupNormalization);
  registry.add("InstanceNormalization", 1, 3, importInstanceNormalization);
  registry.add("BatchNormalization", 1, 5, importBatchNormalization);
  registry.add("LpNormalization", 1, 1, importLpNormalization);
  registry.add("MeanVarianceNormalization", 9, 1, importMeanVarianceNormalization);
  registry.add("LRN", 1, 1, importLRN);
  // ONNX Runtime writes this one into ONNX's own domain.
  registry.add("SimplifiedLayerNormalization", 1, 2, importRMSNormalization);
  registry.add("com.microsoft", "SimplifiedLayerNormalization", 1, 2, importRMSNormalization);
  registry.add("com.microsoft", "SkipLayerNormalization", 1, {3, 5}, importSkipNorm<LayerNormOp>);
  registry.add("com.microsoft", "SkipSimplifiedLayerNormalization", 1, {3, 4},
               importSkipNorm<RMSNormOp>);
}

} // namespace tenon
