// SVMClassifier and SVMRegressor of ai.onnx.ml: sums of a kernel between each sample and support
// vectors. Without support vectors both are linear.
//
// A classifier has a score for each pair of classes i < j,
//
//     s(i, j) = sum over v of class i of c[j - 1][v] K(x, v)
//             + sum over v of class j of c[i][v] K(x, v) + rho(i, j)
//
// of which a positive one is a vote for i, and others are for j. Probabilities, where the model has
// them, are coupled from those of pairs.

#include "lib/Importer/Ops/PostTransform.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

namespace {

class SupportVectors {
public:
  explicit SupportVectors(NodeImporter &node)
      : n(node), m(node), rho(node.getFloats("rho")), coefficients(node.getFloats("coefficients")) {
  }

  Results importRegressor();
  Results importClassifier();

private:
  bool readInput();
  Value matrix(ArrayRef<float> values, int64_t rows);
  Value linear(int64_t rows);
  Value kernel(int64_t vectors);
  Value scorePairs();
  Value countVotes(Value scores);
  Value couple(Value scores);
  Results finishLinear(Value scores, PostTransform transform);
  Results finishPairs(Value scores, PostTransform transform);

  NodeImporter &n;
  TensorMath m;
  Type f32 = n.builder().getF32Type();
  SmallVector<float> rho, coefficients;
  Value x; // [N, features]
  /// Those of a classifier, and how many support vectors each class has.
  Labels labels;
  NodeImporter::Ints sizes;
};

} // namespace

bool SupportVectors::readInput() {
  x = n.cast(n.operand(0), f32);
  if (n.hasFailed())
    return false;
  if (n.rank(x) == 1)
    x = m.unsqueeze(x, {0});
  if (n.rank(x) != 2)
    n.emitError() << "samples need rank 1 or 2, not " << x.getType();
  else if (rho.empty() || coefficients.empty())
    n.emitError() << "rho and coefficients are needed";
  return !n.hasFailed();
}

/// A constant [rows, rest].
Value SupportVectors::matrix(ArrayRef<float> values, int64_t rows) {
  auto count = static_cast<int64_t>(values.size());
  if (rows < 1 || count % rows != 0) {
    n.emitError() << count << " numbers do not make " << rows << " rows";
    return nullptr;
  }
  Value list = m.constants(f32, SmallVector<double>(values.begin(), values.end()));
  return n.reshape(list, {n.expr(rows), n.expr(count / rows)});
}

/// [N, rows]
Value SupportVectors::linear(int64_t rows) {
  return m.add(n.infer<MatMulOp>({x, m.transpose(matrix(coefficients, rows), {1, 0})}), rho[0]);
}

/// [N, vectors]
Value SupportVectors::kernel(int64_t vectors) {
  SmallVector<float> parameters =
      n.getFloats("kernel_params", SmallVector<float>{0.0f, 0.0f, 0.0f});
  StringRef type = n.getString("kernel_type", "LINEAR");
  Value support = matrix(n.getFloats("support_vectors"), vectors);
  if (!support)
    return nullptr;
  if (parameters.size() != 3) {
    n.emitAttributeError("kernel_params") << "expected 3 numbers, got " << parameters.size();
    return nullptr;
  }
  double gamma = parameters[0], offset = parameters[1], degree = parameters[2];
  if (type == "RBF") {
    // Not as |x|^2 - 2 x v + |v|^2, whose digits cancel where x is near v.
    Value difference = m.sub(m.unsqueeze(x, {1}), m.unsqueeze(support, {0}));
    Value distance = m.squeeze(m.sum(m.mul(difference, difference), 2), {2});
    return m.exp(m.mul(distance, -gamma));
  }
  Value product = n.infer<MatMulOp>({x, m.transpose(support, {1, 0})});
  if (type == "LINEAR")
    return product;
  Value scaled = m.add(m.mul(product, gamma), offset);
  if (type == "SIGMOID")
    return n.infer<TanhOp>(scaled);
  if (type == "POLY") {
    if (degree == 2)
      return m.mul(scaled, scaled);
    return degree == 3 ? m.mul(m.mul(scaled, scaled), scaled) : m.pow(scaled, degree);
  }
  n.emitAttributeError("kernel_type") << "unknown kernel '" << type << "'";
  return nullptr;
}

Results SupportVectors::importRegressor() {
  std::optional<PostTransform> transform = getPostTransform(n);
  int64_t vectors = n.getInt("n_supports", 0);
  if (!transform || !readInput())
    return failure();
  // ONNX Runtime leaves the scores as they are whatever is asked for.
  if (*transform != PostTransform::None)
    return n.emitAttributeError("post_transform") << "is not supported";
  Value scores;
  if (vectors > 0) {
    Value weights = matrix(coefficients, static_cast<int64_t>(coefficients.size()));
    scores = m.add(n.infer<MatMulOp>({kernel(vectors), weights}), rho[0]);
  } else {
    scores = linear(1);
  }
  if (n.getBool("one_class", false))
    scores = m.select(m.less(0.0, scores), m.scalar(scores, 1), m.scalar(scores, -1));
  return {{scores}};
}

/// [N, pairs]. The two sums of a score are products of parts of the kernel, one for each class.
Value SupportVectors::scorePairs() {
  auto classes = static_cast<int64_t>(sizes.size());
  int64_t vectors = 0;
  for (int64_t size : sizes)
    vectors += size;
  Value kernels = kernel(vectors), weights = matrix(coefficients, classes - 1);
  weights = m.transpose(weights, {1, 0});
  if (n.hasFailed())
    return nullptr;
  // Column i * (classes - 1) + r: the sum over class i with row r of the coefficients.
  SmallVector<Value> sums;
  int64_t start = 0;
  for (int64_t size : sizes) {
    sums.push_back(
        n.infer<MatMulOp>({m.slice(kernels, 1, start, size), m.slice(weights, 0, start, size)}));
    start += size;
  }
  SmallVector<int64_t> ofFirst, ofSecond;
  for (int64_t i = 0; i < classes; ++i)
    for (int64_t j = i + 1; j < classes; ++j) {
      ofFirst.push_back(i * (classes - 1) + j - 1);
      ofSecond.push_back(j * (classes - 1) + i);
    }
  if (rho.size() != ofFirst.size()) {
    n.emitAttributeError("rho") << "expected " << ofFirst.size() << " numbers, got " << rho.size();
    return nullptr;
  }
  Value all = m.concat(sums, 1);
  Value scores =
      m.add(m.gather(all, n.makeInts(ofFirst), 1), m.gather(all, n.makeInts(ofSecond), 1));
  return m.add(scores, m.constants(f32, SmallVector<double>(rho.begin(), rho.end())));
}

/// [N, classes]: those for j, and for each positive score one for i in place of j.
Value SupportVectors::countVotes(Value scores) {
  size_t classes = sizes.size();
  SmallVector<double> changes, without(classes, 0);
  for (size_t i = 0; i < classes; ++i)
    for (size_t j = i + 1; j < classes; ++j) {
      size_t pair = changes.size();
      changes.resize(pair + classes, 0);
      changes[pair + i] = 1;
      changes[pair + j] = -1;
      without[j] += 1;
    }
  auto pairs = static_cast<int64_t>(rho.size());
  Value table =
      n.reshape(m.constants(f32, changes), {n.expr(pairs), n.expr(static_cast<int64_t>(classes))});
  Value isPositive = n.cast(m.less(0.0, scores), f32);
  return m.add(n.infer<MatMulOp>({isPositive, table}), m.constants(f32, without));
}

/// The probabilities of classes from those of pairs, 1 / (1 + e^(a s + b)).
Value SupportVectors::couple(Value scores) {
  SmallVector<float> a = n.getFloats("prob_a"), b = n.getFloats("prob_b");
  if (n.hasFailed())
    return nullptr;
  if (a.size() != rho.size() || b.size() != rho.size()) {
    n.emitError() << "has " << a.size() << " and " << b.size() << " probability coefficients for "
                  << rho.size() << " pairs of classes";
    return nullptr;
  }
  auto list = [&](ArrayRef<float> values) {
    return m.constants(f32, SmallVector<double>(values.begin(), values.end()));
  };
  Value pairs = n.infer<SigmoidOp>(m.neg(m.add(m.mul(scores, list(a)), list(b))));
  constexpr double least = 1e-7;
  return n.infer<CouplePairsOp>(m.clamp(pairs, least, 1 - least),
                                n.attr("classes", static_cast<int64_t>(sizes.size())));
}

/// Of two classes with one rho, the second is chosen by the largest score's value.
Results SupportVectors::finishLinear(Value scores, PostTransform transform) {
  Value best = buildArgMax(n, scores);
  if (labels.count == 2 && rho.size() == 1) {
    bool arePositive = llvm::all_of(coefficients, [](float weight) { return weight >= 0; });
    Value largest = m.squeeze(m.maximum(scores, 1), {1});
    Value isSecond =
        arePositive ? m.lessEqual(m.scalar(largest, 0.5), largest) : m.less(0.0, largest);
    best = m.select(isSecond, m.scalar(best, 1), best);
  }
  if (labels.count > 1 || transform == PostTransform::Probit)
    scores = applyPostTransform(n, scores, transform);
  return {{labels.of(n, best), scores}};
}

Results SupportVectors::finishPairs(Value scores, PostTransform transform) {
  Value label = labels.of(n, buildArgMax(n, countVotes(scores)));
  if (!n.getFloats("prob_a", SmallVector<float>()).empty())
    return {{label, applyPostTransform(n, couple(scores), transform)}};
  if (labels.count > 2)
    return {{label, applyPostTransform(n, scores, transform)}};
  if (transform == PostTransform::Probit)
    return n.emitAttributeError("post_transform")
           << "PROBIT of the one score of two classes is not defined";
  // As ONNX Runtime has it, softmax of one score leaves it as it is.
  bool isSigned = transform == PostTransform::None || transform == PostTransform::Logistic;
  Value other = isSigned ? m.neg(scores) : m.sub(m.scalar(scores, 1), scores);
  scores = m.concat({other, scores}, 1);
  return {{label, transform == PostTransform::Logistic ? n.infer<SigmoidOp>(scores) : scores}};
}

Results SupportVectors::importClassifier() {
  std::optional<PostTransform> transform = getPostTransform(n);
  std::optional<Labels> found = getLabels(n, "classlabels_ints");
  sizes = n.getInts("vectors_per_class", NodeImporter::Ints());
  if (!transform || !found || !readInput())
    return failure();
  labels = *found;
  if (sizes.empty())
    return finishLinear(linear(labels.count), *transform);
  bool areSizes = llvm::all_of(sizes, [](int64_t size) { return size >= 0 && size < 1 << 30; });
  if (static_cast<int64_t>(sizes.size()) != labels.count || sizes.size() < 2 || !areSizes)
    return n.emitAttributeError("vectors_per_class")
           << "has " << sizes.size() << " sizes for " << labels.count << " classes";
  return finishPairs(scorePairs(), *transform);
}

static Results importSVMRegressor(NodeImporter &node) {
  return SupportVectors(node).importRegressor();
}
static Results importSVMClassifier(NodeImporter &node) {
  return SupportVectors(node).importClassifier();
}

void registerSupportVectorOps(OpRegistry &registry) {
  registry.add("ai.onnx.ml", "SVMRegressor", 1, 1, importSVMRegressor);
  registry.add("ai.onnx.ml", "SVMClassifier", 1, 1, importSVMClassifier);
}

} // namespace tenon
