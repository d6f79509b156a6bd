// Pointwise ops of com.microsoft that are no activation: sums with biases, gates, complex products.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static Value halve(NodeImporter &node, Value x, bool second) {
  if (!node.checkRank(x, 1))
    return nullptr;
  AffineExpr half = node.dim(x, -1).floorDiv(2);
  requireEqual(node, node.dim(x, -1) % 2, node.expr(0), "elements without a partner, and 0,");
  return TensorMath(node).slice(x, node.rank(x) - 1, second ? half : node.expr(0), half);
}

// X + bias + skip
static Results importBiasAdd(NodeImporter &node) {
  TensorMath m(node);
  return {{m.add(m.add(node.operand(0), node.operand(1)), node.operand(2))}};
}

// The first half of each row, times gelu of the second.
static Results importBiasSplitGelu(NodeImporter &node) {
  TensorMath m(node);
  Value x = m.add(node.operand(0), node.operand(1));
  return {{m.mul(halve(node, x, false), node.infer<GeluOp>(halve(node, x, true)))}};
}

// softmax(data + bias) over all dimensions from `axis` on.
static Results importBiasSoftmax(NodeImporter &node) {
  TensorMath m(node);
  Value sum = m.add(node.operand(0), node.operand(1));
  int64_t axis = node.getAxis("axis", 1, node.rank(sum), /*inclusive=*/true);
  if (node.hasFailed())
    return failure();
  DimExprs dims = node.dims(sum);
  ArrayRef<AffineExpr> all = dims;
  Value rows = node.reshape(sum, {product(all.take_front(axis), node.context()),
                                  product(all.drop_front(axis), node.context())});
  return {{node.reshape(node.infer<SoftmaxOp>(rows, node.attr("axis", 1)), dims)}};
}

// silu(scale x), where an operand's scale comes before the attribute's.
static Results importScaledSilu(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), scale = node.operand(1);
  Type type = node.elementType(x);
  Value scaled =
      scale ? node.cast(m.mul(node.cast(x, node.elementType(scale)), m.toScalar(scale)), type)
            : m.mul(x, node.getFloat("alpha", 1));
  return {{node.infer<SiluOp>(scaled)}};
}

// X + Y * gate
static Results importGatedAdd(NodeImporter &node) {
  TensorMath m(node);
  return {{m.add(node.operand(0), m.mul(node.operand(1), node.operand(2)))}};
}

// The last dimension holds a real and an imaginary part: a b, or a times the conjugate of b.
template <bool conjugate> static Results importComplexMul(NodeImporter &node) {
  TensorMath m(node);
  Value a = node.operand(0), b = node.operand(1);
  auto part = [&](Value x, int64_t which) {
    return node.checkRank(x, 1) ? m.slice(x, node.rank(x) - 1, which, 1) : Value();
  };
  Value imaginary = part(b, 1);
  if (conjugate)
    imaginary = m.neg(imaginary);
  Value real = m.sub(m.mul(part(a, 0), part(b, 0)), m.mul(part(a, 1), imaginary));
  Value rest = m.add(m.mul(part(a, 0), imaginary), m.mul(part(a, 1), part(b, 0)));
  if (!real || !rest)
    return failure();
  return {{m.concat({real, rest}, node.rank(real) - 1)}};
}

// Whether no element of any operand is infinite, or NaN.
static Results importIsAllFinite(NodeImporter &node) {
  TensorMath m(node);
  bool onlyNaN = node.getBool("isnan_only", false), onlyInf = node.getBool("isinf_only", false);
  if (onlyNaN && onlyInf)
    return node.emitError() << "isnan_only and isinf_only exclude each other";
  Value worst;
  for (Value x : node.operands()) {
    Value isBad = onlyNaN   ? node.infer<IsNaNOp>(x)
                  : onlyInf ? node.infer<IsInfOp>(x)
                            : m.logicalOr(node.infer<IsNaNOp>(x), node.infer<IsInfOp>(x));
    Value count = m.sum(node.cast(isBad, node.builder().getI64Type()), countUp(node.rank(x)));
    count = node.reshape(count, {});
    worst = worst ? m.add(worst, count) : count;
  }
  return {{m.equal(worst, 0.0)}};
}

void registerElementwiseContribOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("BiasAdd", 3, importBiasAdd);
  add("BiasSplitGelu", 2, importBiasSplitGelu);
  add("BiasSoftmax", 2, importBiasSoftmax);
  add("ScaledSiLU", {1, 2}, importScaledSilu);
  add("GatedAdd", 3, importGatedAdd);
  add("ComplexMul", 2, importComplexMul<false>);
  add("ComplexMulConj", 2, importComplexMul<true>);
  add("IsAllFinite", {1, Arity::unbounded}, importIsAllFinite);
}

} // namespace tenon
