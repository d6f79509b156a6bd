// Post transforms (see the header).

#include "lib/Importer/Ops/PostTransform.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

Value Labels::of(NodeImporter &node, Value positions) const {
  return arePositions ? positions : TensorMath(node).gather(table, positions, 0);
}

std::optional<Labels> getLabels(NodeImporter &node, StringRef ints) {
  NodeImporter::Ints numbers = node.getInts(ints, NodeImporter::Ints());
  NodeImporter::Strings names = node.getStrings("classlabels_strings", NodeImporter::Strings());
  if (node.hasFailed())
    return std::nullopt;
  if (numbers.empty() && names.empty()) {
    node.emitError() << "needs labels of classes, in '" << ints << "' or 'classlabels_strings'";
    return std::nullopt;
  }
  if (numbers.empty())
    return Labels{node.makeStrings(names), static_cast<int64_t>(names.size()), false};
  auto count = static_cast<int64_t>(numbers.size());
  return Labels{node.makeInts(numbers), count, llvm::equal(numbers, llvm::seq<int64_t>(0, count))};
}

std::optional<PostTransform> getPostTransform(NodeImporter &node) {
  StringRef name = node.getString("post_transform", "NONE");
  auto known = llvm::StringSwitch<std::optional<PostTransform>>(name)
                   .Case("NONE", PostTransform::None)
                   .Case("SOFTMAX", PostTransform::Softmax)
                   .Case("LOGISTIC", PostTransform::Logistic)
                   .Case("SOFTMAX_ZERO", PostTransform::SoftmaxZero)
                   .Case("PROBIT", PostTransform::Probit)
                   .Default(std::nullopt);
  if (!known)
    node.emitAttributeError("post_transform") << "unknown transform '" << name << "'";
  return known;
}

/// Softmax in which zeros stay out of the sum of exponentials, and stay zeros.
static Value buildSoftmaxZero(NodeImporter &node, Value scores) {
  TensorMath m(node);
  Value isZero = m.lessEqual(m.abs(scores), 1e-7), largest = m.maximum(scores, 1);
  Value e = m.exp(m.sub(scores, largest));
  Value terms = m.select(isZero, m.scalar(scores, 0), e);
  Value scaled = m.select(isZero, m.mul(scores, m.exp(m.neg(largest))), e);
  return m.div(scaled, m.sum(terms, 1));
}

/// sqrt(2) erfinv(2 x - 1) with Winitzki's approximation of the inverse, as ONNX Runtime has it:
///   erfinv(y) = sign(y) sqrt(sqrt(v^2 - l / a) - v),  l = ln(1 - y^2),  v = 2 / (pi a) + l / 2
static Value buildProbit(NodeImporter &node, Value x) {
  TensorMath m(node);
  constexpr double a = 0.147, pi = 3.14159;
  Value y = m.sub(m.mul(x, 2), 1);
  Value l = m.log(m.mul(m.sub(m.scalar(y, 1), y), m.add(y, 1)));
  Value v = m.add(m.mul(l, 0.5), 2 / (pi * a));
  Value root = m.sqrt(m.sub(m.sqrt(m.sub(m.mul(v, v), m.div(l, a))), v));
  Value sign = m.select(m.less(y, 0.0), m.scalar(y, -1), m.scalar(y, 1));
  return m.mul(m.mul(sign, root), 1.41421356);
}

Value applyPostTransform(NodeImporter &node, Value scores, PostTransform transform) {
  switch (transform) {
  case PostTransform::None:
    return scores;
  case PostTransform::Softmax:
    return node.infer<SoftmaxOp>(scores, node.attr("axis", 1));
  case PostTransform::Logistic:
    return node.infer<SigmoidOp>(scores);
  case PostTransform::SoftmaxZero:
    return buildSoftmaxZero(node, scores);
  case PostTransform::Probit:
    return buildProbit(node, scores);
  }
  llvm_unreachable("all transforms are handled");
}

Value buildArgMax(NodeImporter &node, Value scores) {
  Operation *best =
      scores ? node.inferOp<TopKOp>(scores, {node.attr("axis", 1),
                                             node.attr("count", DimExprs{node.expr(1)}),
                                             node.attr("largest", node.builder().getUnitAttr())})
             : nullptr;
  return best ? TensorMath(node).squeeze(best->getResult(1), {1}) : Value();
}

} // namespace tenon
