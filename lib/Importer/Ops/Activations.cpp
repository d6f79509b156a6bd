// Activation functions. Those without an op of their own are a few pointwise ops.

#include "lib/Importer/Ops/Activations.h"

using namespace mlir;

namespace tenon {

Value buildLeakyRelu(NodeImporter &node, Value x, double alpha) {
  return node.infer<PReluOp>({x, TensorMath(node).scalar(x, alpha)});
}
static Results importLeakyRelu(NodeImporter &node) {
  return {{buildLeakyRelu(node, node.operand(0), node.getFloat("alpha", 0.01))}};
}

Value buildElu(NodeImporter &node, Value x, double alpha) {
  TensorMath m(node);
  Value curve = m.mul(m.sub(m.exp(x), 1), alpha);
  return m.select(m.less(x, 0.0), curve, x);
}
static Results importElu(NodeImporter &node) {
  return {{buildElu(node, node.operand(0), node.getFloat("alpha", 1))}};
}

static Value buildSelu(NodeImporter &node, Value x, double alpha, double gamma) {
  TensorMath m(node);
  Value curve = m.mul(m.sub(m.exp(x), 1), alpha);
  return m.mul(m.select(m.lessEqual(x, 0.0), curve, x), gamma);
}
static constexpr double seluAlpha = 1.67326319217681884765625;
static constexpr double seluGamma = 1.05070102214813232421875;
static Results importSelu(NodeImporter &node) {
  bool isOld = node.opset() < 6;
  double alpha = node.getFloat("alpha", isOld ? 1.6732 : seluAlpha);
  double gamma = node.getFloat("gamma", isOld ? 1.0507 : seluGamma);
  return {{buildSelu(node, node.operand(0), alpha, gamma)}};
}

/// max(0, x) + min(0, alpha (e^(x / alpha) - 1)).
static Results importCelu(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  double alpha = node.getFloat("alpha", 1);
  Value curve = m.mul(m.sub(m.exp(m.div(x, alpha)), 1), alpha);
  return {{m.add(m.max(x, 0.0), m.min(curve, 0.0))}};
}

Value buildHardSigmoid(NodeImporter &node, Value x, double alpha, double beta) {
  TensorMath m(node);
  return m.clamp(m.add(m.mul(x, alpha), beta), 0, 1);
}
static Results importHardSigmoid(NodeImporter &node) {
  double alpha = node.getFloat("alpha", 0.2), beta = node.getFloat("beta", 0.5);
  return {{buildHardSigmoid(node, node.operand(0), alpha, beta)}};
}

static Value buildHardSwish(NodeImporter &node, Value x) {
  TensorMath m(node);
  return m.mul(x, m.clamp(m.add(m.mul(x, 1.0 / 6), 0.5), 0, 1));
}
static Results importHardSwish(NodeImporter &node) {
  return {{buildHardSwish(node, node.operand(0))}};
}

Value buildThresholdedRelu(NodeImporter &node, Value x, double alpha) {
  TensorMath m(node);
  return m.select(m.less(alpha, x), x, m.scalar(x, 0));
}
static Results importThresholdedRelu(NodeImporter &node) {
  return {{buildThresholdedRelu(node, node.operand(0), node.getFloat("alpha", 1))}};
}

Value buildSoftsign(NodeImporter &node, Value x) {
  TensorMath m(node);
  return m.div(x, m.add(m.abs(x), 1));
}
static Results importSoftsign(NodeImporter &node) {
  return {{buildSoftsign(node, node.operand(0))}};
}

static Results importMish(NodeImporter &node) {
  Value x = node.operand(0);
  return {{TensorMath(node).mul(x, node.infer<TanhOp>(node.infer<SoftplusOp>(x)))}};
}

/// Integers are shrunk as f64: bounds are fractions, and negative ones of unsigned types.
static Results importShrink(NodeImporter &node) {
  TensorMath m(node);
  Type type = node.elementType(node.operand(0));
  Value x = node.operand(0);
  if (!m.isFloat(x))
    x = node.cast(x, node.builder().getF64Type());
  double lambda = node.getFloat("lambd", 0.5), bias = node.getFloat("bias", 0);
  Value above = m.select(m.less(lambda, x), m.sub(x, bias), m.scalar(x, 0));
  return {{node.cast(m.select(m.less(x, -lambda), m.add(x, bias), above), type)}};
}

/// x / (1 + e^(-alpha x)).
static Value buildSwish(NodeImporter &node, Value x, double alpha) {
  TensorMath m(node);
  if (alpha == 1)
    return node.infer<SiluOp>(x);
  return m.mul(x, node.infer<SigmoidOp>(m.mul(x, alpha)));
}
static Results importSwish(NodeImporter &node) {
  return {{buildSwish(node, node.operand(0), node.getFloat("alpha", 1))}};
}
static Results importQuickGelu(NodeImporter &node) {
  return {{buildSwish(node, node.operand(0), node.getFloat("alpha", 1.702))}};
}

static Value buildGelu(NodeImporter &node, Value x, bool approximate) {
  if (!approximate)
    return node.infer<GeluOp>(x);
  return node.infer<GeluOp>(x, node.attr("approximate", node.builder().getUnitAttr()));
}
static Results importGelu(NodeImporter &node) {
  StringRef form = node.getString("approximate", "none");
  if (form != "none" && form != "tanh") {
    node.emitAttributeError("approximate") << "expected none or tanh, found " << form;
    return failure();
  }
  return {{buildGelu(node, node.operand(0), form == "tanh")}};
}
/// The contrib forms with a bias that is added first.
template <bool approximate> static Results importBiasGelu(NodeImporter &node) {
  Value x = node.operand(0);
  if (node.operand(1))
    x = TensorMath(node).add(x, node.operand(1));
  return {{buildGelu(node, x, approximate)}};
}

// --- Activations of other operators, and such as ONNX had before version 10 ---

/// alpha * f(beta * x)
template <typename OpT>
static Value buildScaled(NodeImporter &node, Value x, double alpha, double beta) {
  TensorMath m(node);
  return m.mul(node.infer<OpT>(m.mul(x, beta)), alpha);
}
template <typename OpT> static Results importScaled(NodeImporter &node) {
  return {{buildScaled<OpT>(node, node.operand(0), node.getFloat("alpha", 1),
                            node.getFloat("beta", 1))}};
}

Value buildActivation(NodeImporter &node, Value x, StringRef name,
                      const ActivationParameters &parameters) {
  auto alpha = [&](double otherwise) { return parameters.alpha.value_or(otherwise); };
  auto beta = [&](double otherwise) { return parameters.beta.value_or(otherwise); };
  if (name == "Relu")
    return node.infer<ReluOp>(x);
  if (name == "Sigmoid")
    return node.infer<SigmoidOp>(x);
  if (name == "Tanh")
    return node.infer<TanhOp>(x);
  if (name == "Softplus")
    return node.infer<SoftplusOp>(x);
  if (name == "Softsign")
    return buildSoftsign(node, x);
  if (name == "LeakyRelu")
    return buildLeakyRelu(node, x, alpha(0.01));
  if (name == "Elu")
    return buildElu(node, x, alpha(1));
  if (name == "Selu")
    return buildSelu(node, x, alpha(seluAlpha), parameters.gamma.value_or(seluGamma));
  if (name == "ThresholdedRelu")
    return buildThresholdedRelu(node, x, alpha(1));
  if (name == "HardSigmoid")
    return buildHardSigmoid(node, x, alpha(0.2), beta(0.5));
  if (name == "HardSwish")
    return buildHardSwish(node, x);
  if (name == "ScaledTanh")
    return buildScaled<TanhOp>(node, x, alpha(1), beta(1));
  if (name == "ParametricSoftplus")
    return buildScaled<SoftplusOp>(node, x, alpha(1), beta(1));
  if (name == "Gelu")
    return buildGelu(node, x, /*approximate=*/false);
  if (name == "Clip" && parameters.alpha && parameters.beta)
    return TensorMath(node).clamp(x, *parameters.alpha, *parameters.beta);
  node.emitAttributeError("activation") << "'" << name << "' is not supported";
  return nullptr;
}

void registerActivationOps(OpRegistry &registry) {
  registry.add("Relu", 1, 1, importUnary<ReluOp>);
  registry.add("Sigmoid", 1, 1, importUnary<SigmoidOp>);
  registry.add("Tanh", 1, 1, importUnary<TanhOp>);
  registry.add("Softplus", 1, 1, importUnary<SoftplusOp>);
  registry.add("Softsign", 1, 1, importSoftsign);
  registry.add("LeakyRelu", 1, 1, importLeakyRelu);
  registry.add("Elu", 1, 1, importElu);
  registry.add("Selu", 1, 1, importSelu);
  registry.add("Celu", 12, 1, importCelu);
  registry.add("HardSigmoid", 1, 1, importHardSigmoid);
  registry.add("HardSwish", 14, 1, importHardSwish);
  registry.add("ThresholdedRelu", 1, 1, importThresholdedRelu);
  registry.add("ScaledTanh", 1, 1, importScaled<TanhOp>);
  registry.add("ParametricSoftplus", 1, 1, importScaled<SoftplusOp>);
  registry.add("Mish", 18, 1, importMish);
  registry.add("Shrink", 9, 1, importShrink);
  registry.add("Swish", 24, 1, importSwish);
  registry.add("Gelu", 20, 1, importGelu);
  registry.add("com.microsoft", "Gelu", 1, 1, importBiasGelu<false>);
  registry.add("com.microsoft", "BiasGelu", 1, 2, importBiasGelu<false>);
  registry.add("com.microsoft", "FastGelu", 1, {1, 2}, importBiasGelu<true>);
  registry.add("com.microsoft", "QuickGelu", 1, 1, importQuickGelu);
}

} // namespace tenon
