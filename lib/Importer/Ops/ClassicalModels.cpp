// Linear models and preprocessing of ai.onnx.ml, as ordinary arithmetic.

#include "lib/Importer/Ops/PostTransform.h"
#include "lib/Importer/Ops/TensorMath.h"
#include "lib/Importer/TensorData.h"

using namespace mlir;

namespace tenon {

static Value floatConstants(NodeImporter &node, ArrayRef<float> values) {
  return TensorMath(node).constants(node.builder().getF32Type(),
                                    SmallVector<double>(values.begin(), values.end()));
}

static Value toFloat(NodeImporter &node) {
  return node.cast(node.operand(0), node.builder().getF32Type());
}

// (x - offset) * scale
static Results importScaler(NodeImporter &node) {
  TensorMath m(node);
  Value x = toFloat(node);
  SmallVector<float> offset = node.getFloats("offset", SmallVector<float>());
  SmallVector<float> scale = node.getFloats("scale", SmallVector<float>());
  if (!offset.empty())
    x = m.sub(x, floatConstants(node, offset));
  if (!scale.empty())
    x = m.mul(x, floatConstants(node, scale));
  return {{x}};
}

static Results importNormalizer(NodeImporter &node) {
  TensorMath m(node);
  Value x = toFloat(node);
  int64_t axis = node.rank(x) - 1;
  StringRef norm = node.getString("norm", "MAX");
  if (axis < 0)
    return node.emitError() << "a scalar has no rows";
  Value size;
  if (norm == "MAX")
    size = m.maximum(m.abs(x), axis);
  else if (norm == "L1")
    size = m.sum(m.abs(x), axis);
  else if (norm == "L2")
    size = m.sqrt(m.sum(m.mul(x, x), axis));
  else
    return node.emitAttributeError("norm") << "unknown norm '" << norm << "'";
  return {{m.select(m.equal(size, 0.0), x, m.div(x, size))}};
}

static Results importBinarizer(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  return {{node.cast(m.less(node.getFloat("threshold", 0), x), node.elementType(x))}};
}

// Columns chosen by position.
static Results importArrayFeatureExtractor(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), indices = node.operand(1);
  if (node.rank(x) == 0)
    return node.emitError() << "a scalar has no features";
  if (node.rank(x) == 1)
    x = m.unsqueeze(x, {0});
  indices = node.reshape(indices, product(node.dims(indices), node.context()));
  return {{m.gather(x, indices, node.rank(x) - 1)}};
}

static Results importImputer(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  Type type = node.elementType(x);
  if (node.hasAttribute("imputed_value_int64s")) {
    Value values = node.cast(node.makeInts(node.getInts("imputed_value_int64s")), type);
    int64_t replaced = node.getInt("replaced_value_int64", 0);
    return {{m.select(m.equal(x, static_cast<double>(replaced)), values, x)}};
  }
  Value values = node.cast(floatConstants(node, node.getFloats("imputed_value_floats")), type);
  double replaced = node.getFloat("replaced_value_float", 0);
  Value isMissing = std::isnan(replaced) ? node.infer<IsNaNOp>(x) : m.equal(x, replaced);
  return {{m.select(isMissing, values, x)}};
}

static Results importFeatureVectorizer(NodeImporter &node) {
  TensorMath m(node);
  SmallVector<Value> parts;
  for (Value operand : node.operands()) {
    Value part = node.cast(operand, node.builder().getF32Type());
    parts.push_back(node.rank(part) == 1 ? m.unsqueeze(part, {0}) : part);
  }
  return {{m.concat(parts, 1)}};
}

/// 1 for each element that no later one equals.
template <typename T> static SmallVector<double> findLast(ArrayRef<T> elements) {
  SmallVector<double> isLast;
  llvm::DenseSet<T> later;
  for (const T &element : llvm::reverse(elements))
    isLast.push_back(later.insert(element).second);
  std::reverse(isLast.begin(), isLast.end());
  return isLast;
}

// One column per category: 1 where an element is it. Of equal categories the last one counts.
static Results importOneHotEncoder(NodeImporter &node) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type();
  Value x = node.operand(0), categories;
  SmallVector<double> isLast;
  if (node.isString(x)) {
    NodeImporter::Strings names = node.getStrings("cats_strings");
    isLast = findLast<StringRef>(names);
    categories = node.makeStrings(names);
  } else {
    NodeImporter::Ints numbers = node.getInts("cats_int64s");
    isLast = findLast<int64_t>(numbers);
    categories = node.makeInts(numbers);
    x = node.cast(x, i64);
  }
  if (node.hasFailed())
    return failure();
  int64_t rank = node.rank(x);
  Value isCategory = m.equal(m.unsqueeze(x, {rank}), categories);
  if (llvm::is_contained(isLast, 0.0))
    isCategory =
        m.logicalAnd(isCategory, node.cast(m.constants(i64, isLast), node.builder().getI1Type()));
  if (!node.getBool("zeros", true)) {
    Value found = m.sum(node.cast(isCategory, i64), countUp(rank + 1));
    Value missing = m.sub(node.reshape(found, node.expr(1)),
                          m.shapeTensor(product(node.dims(x), node.context())));
    if (!node.contentsOrBind(missing, "elements that are categories, less all elements,"))
      return failure();
  }
  return {{node.cast(isCategory, node.builder().getF32Type())}};
}

/// x · coefficients' + intercepts, one column per row of the coefficients.
static Value buildLinear(NodeImporter &node, int64_t rows, ArrayRef<float> coefficients,
                         ArrayRef<float> intercepts) {
  TensorMath m(node);
  Value x = toFloat(node);
  if (node.rank(x) == 1)
    x = m.unsqueeze(x, {0});
  if (rows < 1 || coefficients.size() % rows != 0 ||
      (!intercepts.empty() && intercepts.size() != static_cast<size_t>(rows))) {
    node.emitError() << coefficients.size() << " coefficients and " << intercepts.size()
                     << " intercepts do not fit " << rows << " targets";
    return nullptr;
  }
  int64_t columns = static_cast<int64_t>(coefficients.size()) / rows;
  Value weights =
      node.reshape(floatConstants(node, coefficients), {node.expr(rows), node.expr(columns)});
  Value result = node.infer<MatMulOp>({x, m.transpose(weights, {1, 0})});
  return intercepts.empty() ? result : m.add(result, floatConstants(node, intercepts));
}

static Results importLinearRegressor(NodeImporter &node) {
  std::optional<PostTransform> transform = getPostTransform(node);
  if (!transform)
    return failure();
  Value scores = buildLinear(node, node.getInt("targets", 1), node.getFloats("coefficients"),
                             node.getFloats("intercepts", SmallVector<float>()));
  return {{applyPostTransform(node, scores, *transform)}};
}

static Results importLinearClassifier(NodeImporter &node) {
  TensorMath m(node);
  std::optional<PostTransform> transform = getPostTransform(node);
  std::optional<Labels> labels = getLabels(node, "classlabels_ints");
  SmallVector<float> coefficients = node.getFloats("coefficients");
  SmallVector<float> intercepts = node.getFloats("intercepts", SmallVector<float>());
  if (!transform || !labels || node.hasFailed())
    return failure();
  // Two classes may share one row of coefficients.
  int64_t rows = intercepts.empty() ? labels->count : static_cast<int64_t>(intercepts.size());
  Value scores = buildLinear(node, rows, coefficients, intercepts);
  Value best;
  if (rows == 1 && labels->count == 2) {
    bool isLogistic = *transform == PostTransform::Logistic;
    best = m.squeeze(node.cast(m.less(0.0, scores), node.builder().getI64Type()), {1});
    Value other = isLogistic ? m.neg(scores) : m.sub(m.scalar(scores, 1), scores);
    scores = m.concat({other, scores}, 1);
  } else {
    best = buildArgMax(node, scores);
  }
  return {{labels->of(node, best), applyPostTransform(node, scores, *transform)}};
}

/// The table of a LabelEncoder from `prefix` ("keys" or "values"), whichever type it has.
static Value readTable(NodeImporter &node, StringRef prefix) {
  std::string tensor = (prefix + "_tensor").str(), ints = (prefix + "_int64s").str(),
              floats = (prefix + "_floats").str(), strings = (prefix + "_strings").str();
  if (node.hasAttribute(tensor))
    return node.makeConstant(node.getTensor(tensor));
  if (node.hasAttribute(ints))
    return node.makeInts(node.getInts(ints));
  if (node.hasAttribute(floats))
    return floatConstants(node, node.getFloats(floats));
  return node.makeStrings(node.getStrings(strings));
}

/// What a LabelEncoder gives for elements that are no keys, of the type of its values.
static Value readDefault(NodeImporter &node, Type type) {
  if (node.hasAttribute("default_tensor"))
    return node.makeConstant(node.getTensor("default_tensor"));
  if (isa<StringType>(type))
    return node.makeString(node.getString("default_string", "_Unused"));
  if (isa<FloatType>(type))
    return node.makeScalar(type, node.getFloat("default_float", -0.0));
  return node.makeScalar(type, static_cast<double>(node.getInt("default_int64", -1)));
}

// Every element is compared with all keys; the match's position selects the value, and a position
// behind the last one the default.
static Results buildEncoder(NodeImporter &node, Value keys, Value values) {
  TensorMath m(node);
  Value x = node.operand(0);
  if (!keys || !values)
    return failure();
  Value otherwise = readDefault(node, node.elementType(values));
  if (!otherwise)
    return failure();
  if (node.isString(x) != node.isString(keys))
    return node.emitError() << "has keys " << keys.getType() << " for elements " << x.getType();
  int64_t rank = node.rank(x);
  AffineExpr count = node.dim(keys, 0);
  Value matches = m.equal(m.unsqueeze(x, {rank}), node.cast(keys, node.elementType(x)));
  if (isa<FloatType>(node.elementType(x))) {
    Value bothNaN = m.logicalAnd(node.infer<IsNaNOp>(m.unsqueeze(x, {rank})),
                                 node.infer<IsNaNOp>(node.cast(keys, node.elementType(x))));
    matches = m.logicalOr(matches, bothNaN);
  }
  Value positions = m.iota({count}, 0, node.builder().getI64Type());
  Value chosen = m.select(matches, positions, m.shapeScalar(count));
  Value first = m.squeeze(m.reduce(ReduceKind::Min, chosen, rank), {rank});
  Value table = m.concat({values, node.reshape(otherwise, node.expr(1))}, 0);
  return {{m.gather(table, first, 0)}};
}

static Results importLabelEncoder(NodeImporter &node) {
  return buildEncoder(node, readTable(node, "keys"), readTable(node, "values"));
}

// Version 1: a list of classes, and their positions; to or from strings as the input is.
static Results importLabelEncoderV1(NodeImporter &node) {
  NodeImporter::Strings classes = node.getStrings("classes_strings");
  Value names = node.makeStrings(classes), positions = node.makeInts(countUp(classes.size()));
  if (node.hasFailed())
    return failure();
  bool isFromStrings = node.isString(node.operand(0));
  return buildEncoder(node, isFromStrings ? names : positions, isFromStrings ? positions : names);
}

static Results importCategoryMapper(NodeImporter &node) {
  Value names = node.makeStrings(node.getStrings("cats_strings"));
  Value numbers = node.makeInts(node.getInts("cats_int64s"));
  if (node.hasFailed())
    return failure();
  bool isFromStrings = node.isString(node.operand(0));
  return buildEncoder(node, isFromStrings ? names : numbers, isFromStrings ? numbers : names);
}

// The pool has the n-grams of length 1, then those of length 2, ...; ngram_counts says where each
// length begins.
static Results importTfIdfVectorizer(NodeImporter &node) {
  TensorMath m(node);
  OpBuilder &b = node.builder();
  Value x = node.operand(0);
  int64_t rank = node.rank(x), shortest = node.getInt("min_gram_length");
  int64_t longest = node.getInt("max_gram_length"), skips = node.getInt("max_skip_count");
  NodeImporter::Ints starts = node.getInts("ngram_counts"), columns = node.getInts("ngram_indexes");
  bool areStrings = node.isString(x);
  Value pool = areStrings ? node.makeStrings(node.getStrings("pool_strings"))
                          : node.makeInts(node.getInts("pool_int64s"));
  SmallVector<float> weights = node.getFloats("weights", SmallVector<float>(columns.size(), 1));
  StringRef modeName = node.getString("mode");
  int64_t mode = llvm::StringSwitch<int64_t>(modeName)
                     .Case("TF", 0)
                     .Case("IDF", 1)
                     .Case("TFIDF", 2)
                     .Default(-1);
  if (node.hasFailed())
    return failure();
  auto poolSize = cast<RankedTensorType>(pool.getType()).getNumElements();
  if (!areStrings && !isa<IntegerType>(node.elementType(x)))
    return node.emitError() << "takes tokens that are integers or strings, not " << x.getType();
  if (mode < 0 || weights.size() != columns.size() || (rank != 1 && rank != 2) || skips < 0)
    return node.emitError() << "mode '" << modeName << "', " << columns.size() << " columns and "
                            << weights.size() << " weights do not fit " << x.getType();
  if (llvm::any_of(columns, [](int64_t column) { return column < 0 || column >= maxElements; }))
    return node.emitAttributeError("ngram_indexes") << "names columns that cannot be";
  SmallVector<int64_t> grams;
  SmallVector<double> used;
  size_t number = 0;
  int64_t width = 0;
  for (auto [index, start] : llvm::enumerate(starts)) {
    auto length = static_cast<int64_t>(index) + 1;
    int64_t end = index + 1 < starts.size() ? starts[index + 1] : poolSize;
    if (start < 0 || end < 0 || end > poolSize || (end - start) % length != 0)
      return node.emitAttributeError("ngram_counts") << "does not divide the pool into n-grams";
    for (int64_t place = start; place < end; place += length, ++number) {
      if (number >= columns.size())
        return node.emitAttributeError("ngram_indexes") << "does not fit the pool";
      width = std::max(width, columns[number] + 1);
      if (length < shortest || length > longest)
        continue;
      grams.append({length, place, columns[number]});
      used.push_back(weights[number]);
    }
  }
  for (int64_t column : columns)
    width = std::max(width, column + 1);
  Value tokens = areStrings ? x : node.cast(x, b.getI64Type());
  if (rank == 1)
    tokens = m.unsqueeze(tokens, {0});
  auto count = static_cast<int64_t>(used.size());
  Value table = node.reshape(node.makeInts(grams), {node.expr(count), node.expr(3)});
  if (!tokens)
    return failure();
  Type type = makeTensorType({node.dim(tokens, 0), node.expr(width)}, b.getF32Type());
  Value result = node.make<TfIdfOp>(type, {tokens, pool, table, m.constants(b.getF32Type(), used)},
                                    {node.attr("mode", mode), node.attr("skips", skips)});
  return {{rank == 1 ? m.squeeze(result, {0}) : result}};
}

void registerClassicalModelOps(OpRegistry &registry) {
  auto add = registry.inDomain("ai.onnx.ml");
  add("Scaler", 1, importScaler);
  add("Normalizer", 1, importNormalizer);
  add("Binarizer", 1, importBinarizer);
  add("ArrayFeatureExtractor", 2, importArrayFeatureExtractor);
  add("Imputer", 1, importImputer);
  add("FeatureVectorizer", {1, Arity::unbounded}, importFeatureVectorizer);
  add("OneHotEncoder", 1, importOneHotEncoder);
  add("LinearRegressor", 1, importLinearRegressor);
  add("LinearClassifier", 1, importLinearClassifier);
  registry.add("TfIdfVectorizer", 9, 1, importTfIdfVectorizer);
  registry.add("ai.onnx.ml", "LabelEncoder", 1, 1, importLabelEncoderV1);
  registry.add("ai.onnx.ml", "LabelEncoder", 2, 1, importLabelEncoder);
  registry.add("ai.onnx.ml", "CategoryMapper", 1, 1, importCategoryMapper);
}

} // namespace tenon
