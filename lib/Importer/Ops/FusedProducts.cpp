// Products of com.microsoft to which ONNX Runtime's optimizer has fused what stands around them:
//
//     FusedMatMul, TransposeMatMul, FusedMatMulActivation:  f(alpha A' · B')
//     FusedGemm, GemmFastGelu:                              f(alpha A' · B' + beta C)
//     FusedConv, NhwcConv, NhwcFusedConv:                   f(conv(X, W) + B + Z)

#include "lib/Importer/Ops/Activations.h"
#include "lib/Importer/Ops/Contractions.h"

using namespace mlir;

namespace tenon {

// --- Activations ---

/// The node's activation, whose parameters are attributes of their own; x itself if it has none.
static Value activate(NodeImporter &node, Value x) {
  StringRef name = node.getString("activation", "");
  auto parameter = [&](StringRef attribute) {
    return node.hasAttribute(attribute) ? std::optional(node.getFloat(attribute)) : std::nullopt;
  };
  if (name.empty())
    return x;
  return buildActivation(
      node, x, name,
      {parameter("activation_alpha"), parameter("activation_beta"), parameter("activation_gamma")});
}

/// The same with a list of parameters.
static Value activateByList(NodeImporter &node, Value x) {
  StringRef name = node.getString("activation", "");
  SmallVector<float> list = node.getFloats("activation_params", SmallVector<float>());
  auto parameter = [&](size_t i) {
    return i < list.size() ? std::optional<double>(list[i]) : std::nullopt;
  };
  if (name.empty())
    return x;
  return buildActivation(node, x, name, {parameter(0), parameter(1), std::nullopt});
}

// --- Matrices ---

/// The matrices of x as the node's attributes for it say. `batchFlag` puts the first dimension,
/// which is one of the matrices, behind those of the batch.
static Value transposeMatrices(NodeImporter &node, Value x, StringRef flag, StringRef batchFlag) {
  int64_t rank = node.rank(x);
  SmallVector<int64_t> permutation = countUp(rank);
  if (rank < 2)
    return x;
  if (node.getBool(batchFlag, false))
    std::rotate(permutation.begin(), permutation.begin() + 1, permutation.end() - 1);
  if (node.getBool(flag, false))
    std::swap(permutation[rank - 1], permutation[rank - 2]);
  return TensorMath(node).transpose(x, permutation);
}

static Results importFusedMatMul(NodeImporter &node) {
  Value a = transposeMatrices(node, node.operand(0), "transA", "transBatchA");
  Value b = transposeMatrices(node, node.operand(1), "transB", "transBatchB");
  Value product = buildMatMul(node, a, b);
  double alpha = node.getFloat("alpha", 1);
  return {{activate(node, alpha == 1 ? product : TensorMath(node).mul(product, alpha))}};
}

static Results importFusedGemm(NodeImporter &node) { return {{activate(node, buildGemm(node))}}; }

// Operands: X, W, bias.
static Results importGemmFastGelu(NodeImporter &node) {
  Value product = buildMatMul(node, node.operand(0), node.operand(1));
  if (node.operand(2))
    product = TensorMath(node).add(product, node.operand(2));
  return {{node.infer<GeluOp>(product, node.attr("approximate", node.builder().getUnitAttr()))}};
}

// --- Convolutions ---

// Operands: X, W, bias, what is added before the activation.
static Results importFusedConv(NodeImporter &node) {
  Value result = buildConvolution(node, node.operand(0), node.operand(1), node.operand(2));
  if (node.operand(3))
    result = TensorMath(node).add(result, node.operand(3));
  return {{activateByList(node, result)}};
}

/// The same of tensors whose channels are last.
static Results importNhwcConv(NodeImporter &node) {
  TensorMath m(node);
  for (unsigned number : {0, 3})
    if (node.operand(number))
      node.setOperand(number, m.toChannelsFirst(node.operand(number)));
  if (node.hasFailed())
    return failure();
  Results results = importFusedConv(node);
  if (succeeded(results))
    results->front() = m.toChannelsLast(results->front());
  return results;
}

void registerFusedProductOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("FusedMatMul", 2, importFusedMatMul);
  add("FusedMatMulActivation", 2, importFusedMatMul);
  add("TransposeMatMul", 2, importFusedMatMul);
  add("FusedGemm", {2, 3}, importFusedGemm);
  add("GemmFastGelu", {2, 3}, importGemmFastGelu);
  add("FusedConv", {2, 4}, importFusedConv);
  add("NhwcConv", {2, 3}, importNhwcConv);
  add("NhwcFusedConv", {2, 4}, importNhwcConv);
}

} // namespace tenon
