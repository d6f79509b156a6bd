// Normalizations of com.microsoft over groups: those of diffusion models, and RMS norms with a gate
// or in branches.

#include "lib/Importer/Ops/Norms.h"

using namespace mlir;

namespace tenon {

/// The node's norm of x, in the type of its parameters.
static Results buildNodesNorm(NodeImporter &node, Value x) {
  TensorMath m(node);
  int64_t groups = node.getInt("groups"), activation = node.getInt("activation");
  bool channelsLast = node.getBool("channels_last", true);
  if (node.hasFailed() || !node.checkRank(x, 3))
    return failure();
  if (activation != 0 && activation != 1)
    return node.emitAttributeError("activation") << "unknown function " << activation;
  AffineExpr channels = node.dim(x, channelsLast ? -1 : 1);
  if (auto scale = dyn_cast<AffineConstantExpr>(node.dim(node.operand(1), 0)))
    channels = scale;
  auto known = dyn_cast<AffineConstantExpr>(channels);
  if (groups < 1 || (known && known.getValue() % groups != 0))
    return node.emitError() << "groups must divide the channels: " << groups << " groups in "
                            << x.getType();
  requireEqual(node, channels % groups, node.expr(0), "channels that groups leave, and 0,");
  Type type = node.elementType(x), computed = node.elementType(node.operand(1));
  Value input = node.cast(channelsLast ? m.toChannelsFirst(x) : x, computed);
  DimExprs dims = node.dims(input);
  if (node.hasFailed())
    return failure();
  dims[1] = channels;
  Value y =
      buildGroupNorm(node, m.sized(input, dims, "the input"), node.expr(groups),
                     m.sized(node.operand(1), channels, "gamma"),
                     m.sized(node.operand(2), channels, "beta"), node.getFloat("epsilon", 1e-5));
  if (activation == 1)
    y = node.infer<SiluOp>(y);
  y = node.cast(y, type);
  return {{channelsLast ? m.toChannelsLast(y) : y}};
}

// Operands: x, gamma, beta.
static Results importGroupNorm(NodeImporter &node) { return buildNodesNorm(node, node.operand(0)); }

// Operands: x, gamma, beta, skip, bias. Output 1 is their sum.
static Results importSkipGroupNorm(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), skip = node.operand(3), bias = node.operand(4);
  bool channelsLast = node.getBool("channels_last", true);
  int64_t rank = node.rank(x);
  if (node.rank(skip) == 2 && rank > 2) {
    DimExprs dims(rank, node.expr(1));
    dims[0] = node.dim(skip, 0);
    dims[channelsLast ? rank - 1 : 1] = node.dim(skip, 1);
    skip = node.reshape(skip, dims);
  }
  Value sum = m.add(x, skip);
  if (bias)
    sum = m.add(sum, channelsLast ? bias : m.alongChannels(bias, rank));
  Results results = buildNodesNorm(node, sum);
  if (succeeded(results))
    results->push_back(sum);
  return results;
}

/// x / sqrt(mean of squares of the last dimension + epsilon) in f32, times a scale that may be
/// null.
static Value normalizeRows(NodeImporter &node, Value x, Value scale) {
  TensorMath m(node);
  Type f32 = node.builder().getF32Type();
  if (!node.checkRank(x, 1))
    return nullptr;
  auto epsilon = node.builder().getF64FloatAttr(node.getFloat("epsilon", 1e-5));
  Value normed = node.infer<RMSNormOp>(
      node.cast(x, f32),
      {node.attr("axis", node.rank(x) - 1), node.attr("epsilon", epsilon),
       node.attr("operandSegmentSizes", node.builder().getDenseI32ArrayAttr({1, 0, 0}))});
  return scale ? m.mul(normed, node.cast(scale, f32)) : normed;
}

/// The last dimension of x as [count, rest].
static Value splitLast(NodeImporter &node, Value x, AffineExpr count, AffineExpr rest) {
  if (!node.checkRank(x, 1))
    return nullptr;
  DimExprs dims = node.dims(x);
  requireEqual(node, dims.back(), count * rest, "a row and its parts");
  dims.back() = count;
  dims.push_back(rest);
  return node.reshape(x, dims);
}

// Operands: x [..., H * C], scale [C], gate like x.
static Results importGatedRMSNorm(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), scale = node.operand(1), gate = node.operand(2);
  StringRef activation = node.getString("activation", "silu");
  if (activation != "silu" && activation != "swish" && activation != "sigmoid")
    return node.emitAttributeError("activation") << "unknown function '" << activation << "'";
  if (!node.checkRank(scale, 1))
    return failure();
  AffineExpr size = node.dim(scale, 0), count = node.dim(x, -1).floorDiv(size);
  Value split = splitLast(node, x, count, size);
  Value normed = normalizeRows(node, split, scale);
  gate = node.cast(gate, node.builder().getF32Type());
  gate = activation == "sigmoid" ? node.infer<SigmoidOp>(gate) : node.infer<SiluOp>(gate);
  if (!normed)
    return failure();
  return {{node.cast(m.mul(node.reshape(normed, node.dims(x)), gate), node.elementType(x))}};
}

// Operands: x [..., C, H], or [..., C * H] with `num_branches`; scale [C * H], [C, H] or [H].
static Results importBranchwiseRMSNorm(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), scale = node.operand(1), grouped = x;
  int64_t branches = node.getInt("num_branches", 0);
  if (!node.checkRank(x, 1))
    return failure();
  if (branches > 0)
    grouped = splitLast(node, x, node.expr(branches), node.dim(x, -1).floorDiv(branches));
  if (!grouped || !node.checkRank(grouped, 2))
    return failure();
  AffineExpr count = node.dim(grouped, -2), size = node.dim(grouped, -1);
  if (scale && node.rank(scale) == 1) {
    // Where only a run tells how long it is, it has the form of x.
    bool isKnown = isa<AffineConstantExpr>(node.dim(scale, 0)) && isa<AffineConstantExpr>(size);
    bool isWhole = isKnown ? node.dim(scale, 0) != size : branches > 0;
    scale = isWhole ? splitLast(node, scale, count, size) : m.sized(scale, size, "scale");
  }
  Value normed = normalizeRows(node, grouped, scale);
  return {{node.cast(node.reshape(normed, node.dims(x)), node.elementType(x))}};
}

void registerNormalizationContribOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("GroupNorm", 3, importGroupNorm);
  add("SkipGroupNorm", {4, 5}, importSkipGroupNorm);
  add("GatedRMSNorm", 3, importGatedRMSNorm);
  add("BranchwiseRMSNorm", {1, 2}, importBranchwiseRMSNorm);
}

} // namespace tenon
