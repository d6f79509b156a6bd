// TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble of ai.onnx.ml.
//
// ONNX describes trees as lists of nodes, each with a tree and a number in it, and lists of weights
// that name a leaf. A Forest is the same with nodes that point at each other and weights sorted by
// leaf; ForestTables.cpp makes of it what tenon.tree_ensemble walks.

#include "lib/Importer/Ops/Forest.h"
#include "lib/Importer/Ops/OptionalOperands.h"
#include "lib/Importer/Ops/PostTransform.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static std::optional<TreeTest> getTest(StringRef name) {
  return llvm::StringSwitch<std::optional<TreeTest>>(name)
      .Case("BRANCH_LEQ", TreeTest::AtMost)
      .Case("BRANCH_LT", TreeTest::Less)
      .Case("BRANCH_GTE", TreeTest::AtLeast)
      .Case("BRANCH_GT", TreeTest::Greater)
      .Case("BRANCH_EQ", TreeTest::Equal)
      .Case("BRANCH_NEQ", TreeTest::NotEqual)
      .Case("BRANCH_MEMBER", TreeTest::Member)
      .Case("LEAF", TreeTest::Leaf)
      .Default(std::nullopt);
}

/// A list of floats that is a FLOATS attribute or, for doubles, a tensor named `<name>_as_tensor`.
static SmallVector<float> getFloatList(NodeImporter &node, StringRef name) {
  std::string tensorName = (name + "_as_tensor").str();
  if (!node.hasAttribute(tensorName))
    return node.getFloats(name, SmallVector<float>());
  SmallVector<float> result;
  if (auto values = node.constantFloats(node.makeConstant(node.getTensor(tensorName))))
    for (double value : *values)
      result.push_back(static_cast<float>(value));
  return result;
}

/// Orders weights by leaf and target. False after an error.
static bool attachWeights(NodeImporter &node, Forest &forest) {
  llvm::sort(forest.weights, [](const LeafWeight &a, const LeafWeight &b) {
    return std::tie(a.leaf, a.target) < std::tie(b.leaf, b.target);
  });
  bool areAtLeaves = llvm::all_of(forest.weights, [&](const LeafWeight &weight) {
    return forest.nodes[weight.leaf].test == TreeTest::Leaf;
  });
  if (!areAtLeaves)
    node.emitError() << "a weight belongs to a node that is no leaf";
  return areAtLeaves;
}

/// A node that walking down from it leads back to; nullopt if every walk ends.
static std::optional<int32_t> findCycle(const Forest &forest) {
  enum State : char { Unseen, Open, Done }; // Open: on the way from where the search began
  std::vector<State> states(forest.nodes.size(), Unseen);
  for (int32_t start = 0; start < static_cast<int32_t>(states.size()); ++start) {
    SmallVector<int32_t> pending = {start};
    while (!pending.empty()) {
      int32_t at = pending.back();
      if (states[at] != Unseen) { // all below it is done
        states[at] = Done;
        pending.pop_back();
        continue;
      }
      states[at] = Open;
      if (forest.nodes[at].test == TreeTest::Leaf)
        continue;
      for (int32_t child : {forest.nodes[at].yes, forest.nodes[at].no}) {
        if (states[child] == Open)
          return child;
        if (states[child] == Unseen)
          pending.push_back(child);
      }
    }
  }
  return std::nullopt;
}

/// The forest of the older ops; `prefix` is "class" or "target".
static std::optional<Forest> readForest(NodeImporter &node, StringRef prefix, int64_t features,
                                        int64_t numTargets) {
  NodeImporter::Ints trees = node.getInts("nodes_treeids"), ids = node.getInts("nodes_nodeids");
  NodeImporter::Ints tested = node.getInts("nodes_featureids");
  NodeImporter::Ints yes = node.getInts("nodes_truenodeids"),
                     no = node.getInts("nodes_falsenodeids");
  NodeImporter::Strings modes = node.getStrings("nodes_modes");
  NodeImporter::Ints nan =
      node.getInts("nodes_missing_value_tracks_true", NodeImporter::Ints(ids.size(), 0));
  SmallVector<float> limits = getFloatList(node, "nodes_values");
  NodeImporter::Ints weightTrees = node.getInts((prefix + "_treeids").str());
  NodeImporter::Ints weightNodes = node.getInts((prefix + "_nodeids").str());
  NodeImporter::Ints weightTargets = node.getInts((prefix + "_ids").str());
  SmallVector<float> weights = getFloatList(node, (prefix + "_weights").str());
  if (node.hasFailed())
    return std::nullopt;
  size_t count = ids.size();
  nan.resize(std::max(nan.size(), count), 0);
  if (trees.size() != count || tested.size() != count || yes.size() != count ||
      no.size() != count || modes.size() != count || limits.size() != count ||
      weightTrees.size() != weights.size() || weightNodes.size() != weights.size() ||
      weightTargets.size() != weights.size()) {
    node.emitError() << "lists that describe nodes or weights differ in length";
    return std::nullopt;
  }

  DenseMap<std::pair<int64_t, int64_t>, int64_t> positions;
  Forest forest;
  for (size_t i = 0; i < count; ++i)
    if (!positions.try_emplace({trees[i], ids[i]}, i).second) {
      node.emitError() << "tree " << trees[i] << " has two nodes " << ids[i];
      return std::nullopt;
    }
  auto find = [&](int64_t tree, int64_t id) -> int64_t {
    auto found = positions.find({tree, id});
    if (found != positions.end())
      return found->second;
    node.emitError() << "tree " << tree << " has no node " << id;
    return 0;
  };
  for (size_t i = 0; i < count; ++i) {
    std::optional<TreeTest> test = getTest(modes[i]);
    // Sets have a place in TreeEnsemble only.
    bool isKnown = test && *test != TreeTest::Member;
    if (!isKnown || (*test != TreeTest::Leaf && (tested[i] < 0 || tested[i] >= features))) {
      node.emitError() << "node " << ids[i] << " of tree " << trees[i] << " tests feature "
                       << tested[i] << " of " << features << " with mode '" << modes[i] << "'";
      return std::nullopt;
    }
    TreeNode &entry = forest.nodes.emplace_back(TreeNode{*test});
    if (*test == TreeTest::Leaf)
      continue;
    entry.nanPasses = nan[i] != 0;
    entry.feature = static_cast<int32_t>(tested[i]);
    entry.yes = static_cast<int32_t>(find(trees[i], yes[i]));
    entry.no = static_cast<int32_t>(find(trees[i], no[i]));
    entry.limit = limits[i];
  }
  // A tree's root is the first of its nodes in the list.
  llvm::DenseSet<int64_t> started;
  for (size_t i = 0; i < count; ++i)
    if (started.insert(trees[i]).second)
      forest.roots.push_back(i);

  for (size_t i = 0; i < weights.size(); ++i) {
    if (weightTargets[i] < 0 || weightTargets[i] >= numTargets)
      node.emitError() << "a weight names target " << weightTargets[i] << " of " << numTargets;
    forest.weights.push_back({find(weightTrees[i], weightNodes[i]), weightTargets[i], weights[i]});
  }
  if (node.hasFailed() || !attachWeights(node, forest))
    return std::nullopt;
  if (std::optional<int32_t> at = findCycle(forest)) {
    node.emitError() << "tree " << trees[*at] << " has a cycle through node " << ids[*at];
    return std::nullopt;
  }
  SmallVector<float> base = node.getFloats("base_values", SmallVector<float>());
  forest.base.assign(base.begin(), base.end());
  return forest;
}

/// Rows of N numbers, [rows, N], as a constant.
template <size_t N>
static Value makeTable(NodeImporter &node, ArrayRef<std::array<int32_t, N>> rows) {
  auto type =
      RankedTensorType::get({static_cast<int64_t>(rows.size()), N}, node.builder().getI32Type());
  ArrayRef<int32_t> numbers(reinterpret_cast<const int32_t *>(rows.data()), rows.size() * N);
  return node.makeConstant(DenseElementsAttr::get(type, numbers));
}

template <typename T>
static Value makeList(NodeImporter &node, Type elementType, ArrayRef<T> values) {
  auto type = RankedTensorType::get(static_cast<int64_t>(values.size()), elementType);
  return node.makeConstant(DenseElementsAttr::get(type, values));
}

/// The scores [N, targets].
static Value buildForest(NodeImporter &node, const Forest &forest, TreeCombination kind,
                         int64_t numTargets) {
  OpBuilder &b = node.builder();
  Type f32 = b.getF32Type(), i32 = b.getI32Type();
  Value x = node.cast(node.operand(0), f32);
  if (!x)
    return x;
  if (!forest.base.empty() && static_cast<int64_t>(forest.base.size()) != numTargets) {
    node.emitAttributeError("base_values")
        << "expected " << numTargets << " numbers, got " << forest.base.size();
    return nullptr;
  }
  ForestTables tables = makeTables(forest, kind, numTargets);
  int64_t needed = tables.columns.empty() ? 0 : tables.columns.back() / 2 + 1;
  requireNonNegative(node, node.dim(x, 1) - needed, "features beyond those that nodes test");
  OptionalOperands operands(
      node,
      {x, makeList<int32_t>(node, i32, tables.columns), makeTable<3>(node, tables.nodes),
       makeList<int32_t>(node, i32, tables.roots),
       tables.entries.empty() ? Value() : makeTable<2>(node, tables.entries),
       forest.base.empty() ? Value() : makeList<float>(node, f32, forest.base)},
      4);
  Type type = makeTensorType({node.dim(x, 0), node.expr(numTargets)}, f32);
  return node.make<TreeEnsembleOp>(
      type, operands.values,
      {operands.segments, node.attr("kind", TreeCombinationAttr::get(node.context(), kind))});
}

/// The number of features of operand 0, which must have rank 2, or the most that there may be where
/// only a run tells: buildForest checks it then. nullopt after an error.
static std::optional<int64_t> getFeatures(NodeImporter &node) {
  RankedTensorType type = node.type(node.operand(0));
  constexpr int64_t maxFeatures = 1 << 30; // they share 31 bits with a sign
  if (type.getRank() == 2 && type.isDynamicDim(1))
    return maxFeatures;
  if (type.getRank() == 2 && type.getDimSize(1) <= maxFeatures)
    return type.getShape()[1];
  node.emitError() << "expected [samples, features] with a number of features of at most "
                   << maxFeatures << ", got " << type;
  return std::nullopt;
}

// Two classes whose weights all go to one: the sum is the second one's score.
static Results importBinaryClassifier(NodeImporter &node, Forest forest, PostTransform transform) {
  TensorMath m(node);
  for (LeafWeight &weight : forest.weights)
    weight.target = 0;
  if (forest.base.size() == 2)
    forest.base = {forest.base[1]};
  Value score = buildForest(node, forest, TreeCombination::Sum, 1);
  bool isProbability =
      llvm::all_of(forest.weights, [](const LeafWeight &weight) { return weight.weight >= 0; });
  Value isSecond = m.less(isProbability ? 0.5 : 0.0, score);
  Value first;
  if (isProbability) {
    first = m.sub(m.scalar(score, 1), score);
  } else if (transform == PostTransform::Logistic) {
    first = node.infer<SigmoidOp>(m.neg(score));
    score = node.infer<SigmoidOp>(score);
  } else {
    first = m.neg(score);
  }
  return {{m.squeeze(node.cast(isSecond, node.builder().getI64Type()), {1}),
           m.concat({first, score}, 1)}};
}

static Results importClassifier(NodeImporter &node) {
  std::optional<int64_t> features = getFeatures(node);
  std::optional<PostTransform> transform = getPostTransform(node);
  std::optional<Labels> labels = getLabels(node, "classlabels_int64s");
  if (!features || !transform || !labels)
    return failure();
  int64_t numClasses = labels->count;
  std::optional<Forest> forest = readForest(node, "class", *features, numClasses);
  if (!forest)
    return failure();
  bool isBinary = numClasses == 2 &&
                  llvm::all_equal(llvm::map_range(
                      forest->weights, [](const LeafWeight &weight) { return weight.target; }));
  Results results;
  if (isBinary) {
    results = importBinaryClassifier(node, std::move(*forest), *transform);
  } else {
    Value scores = buildForest(node, *forest, TreeCombination::Sum, numClasses);
    Value best = buildArgMax(node, scores);
    results = Results{{best, applyPostTransform(node, scores, *transform)}};
  }
  // The position of the best class becomes its label.
  if (succeeded(results))
    (*results)[0] = labels->of(node, (*results)[0]);
  return results;
}

/// The attribute n_targets.
static int64_t getTargets(NodeImporter &node) {
  int64_t targets = node.getInt("n_targets");
  if (!node.hasFailed() && (targets < 1 || !llvm::isInt<32>(targets)))
    node.emitAttributeError("n_targets") << "cannot give " << targets << " numbers";
  return targets;
}

static std::optional<TreeCombination> getCombination(NodeImporter &node) {
  StringRef name = node.getString("aggregate_function", "SUM");
  std::optional<TreeCombination> kind = symbolizeTreeCombination(name.lower());
  if (!kind)
    node.emitAttributeError("aggregate_function") << "unknown function '" << name << "'";
  return kind;
}

static Results importRegressor(NodeImporter &node) {
  std::optional<int64_t> features = getFeatures(node);
  std::optional<PostTransform> transform = getPostTransform(node);
  std::optional<TreeCombination> kind = getCombination(node);
  int64_t targets = getTargets(node);
  if (!features || !transform || !kind || node.hasFailed())
    return failure();
  std::optional<Forest> forest = readForest(node, "target", *features, targets);
  if (!forest)
    return failure();
  return {{applyPostTransform(node, buildForest(node, *forest, *kind, targets), *transform)}};
}

/// The nodes of TreeEnsemble: inner nodes and leaves have numbers of their own.
static std::optional<Forest> readTreeEnsemble(NodeImporter &node, int64_t features,
                                              int64_t numTargets) {
  auto tensor = [&](StringRef name) { return node.makeConstant(node.getTensor(name)); };
  NodeImporter::Ints ids = node.getInts("nodes_featureids");
  NodeImporter::Ints yes = node.getInts("nodes_truenodeids"),
                     no = node.getInts("nodes_falsenodeids");
  NodeImporter::Ints yesLeaf = node.getInts("nodes_trueleafs");
  NodeImporter::Ints noLeaf = node.getInts("nodes_falseleafs");
  NodeImporter::Ints roots = node.getInts("tree_roots"),
                     leafTargets = node.getInts("leaf_targetids");
  size_t count = ids.size();
  NodeImporter::Ints nan =
      node.getInts("nodes_missing_value_tracks_true", NodeImporter::Ints(count, 0));
  auto modes = node.constantInts(tensor("nodes_modes"));
  auto splits = node.constantFloats(tensor("nodes_splits"));
  auto weights = node.constantFloats(tensor("leaf_weights"));
  if (node.hasFailed() || !modes || !splits || !weights)
    return std::nullopt;
  std::optional<SmallVector<double>> sets;
  if (node.hasAttribute("membership_values"))
    sets = node.constantFloats(tensor("membership_values"));
  nan.resize(std::max(nan.size(), count), 0);
  if (yes.size() != count || no.size() != count || yesLeaf.size() != count ||
      noLeaf.size() != count || modes->size() != count || splits->size() != count ||
      leafTargets.size() != weights->size()) {
    node.emitError() << "lists that describe nodes or leaves differ in length";
    return std::nullopt;
  }

  Forest forest;
  auto leafCount = static_cast<int64_t>(weights->size());
  auto child = [&](int64_t number, bool isLeaf) -> int32_t {
    int64_t limit = isLeaf ? leafCount : static_cast<int64_t>(count);
    if (number < 0 || number >= limit) {
      node.emitError() << "there is no " << (isLeaf ? "leaf " : "node ") << number;
      return 0;
    }
    return number + (isLeaf ? count : 0);
  };
  // Sets follow each other in the order of their nodes, each ended by NaN.
  size_t nextMember = 0;
  for (size_t i = 0; i < count; ++i) {
    int64_t mode = (*modes)[i];
    if (ids[i] < 0 || ids[i] >= features || mode < 0 ||
        mode > static_cast<int64_t>(TreeTest::Member)) {
      node.emitError() << "node " << i << " tests feature " << ids[i] << " of " << features
                       << " with mode " << mode;
      return std::nullopt;
    }
    TreeNode &entry = forest.nodes.emplace_back(TreeNode{static_cast<TreeTest>(mode), nan[i] != 0});
    entry.feature = static_cast<int32_t>(ids[i]);
    entry.yes = child(yes[i], yesLeaf[i] != 0);
    entry.no = child(no[i], noLeaf[i] != 0);
    entry.limit = static_cast<float>((*splits)[i]);
    if (entry.test == TreeTest::Member) {
      entry.set = static_cast<int32_t>(forest.sets.size());
      std::vector<float> &set = forest.sets.emplace_back();
      for (; sets && nextMember < sets->size() && !std::isnan((*sets)[nextMember]); ++nextMember)
        set.push_back(static_cast<float>((*sets)[nextMember]));
      ++nextMember;
    }
  }
  for (int64_t i = 0; i < leafCount; ++i) {
    forest.nodes.push_back({TreeTest::Leaf});
    if (leafTargets[i] < 0 || leafTargets[i] >= numTargets)
      node.emitError() << "leaf " << i << " names target " << leafTargets[i] << " of "
                       << numTargets;
    forest.weights.push_back(
        {static_cast<int64_t>(count) + i, leafTargets[i], static_cast<float>((*weights)[i])});
  }
  for (int64_t root : roots)
    forest.roots.push_back(child(root, /*isLeaf=*/false));
  if (node.hasFailed() || !attachWeights(node, forest))
    return std::nullopt;
  if (std::optional<int32_t> at = findCycle(forest)) {
    node.emitError() << "the trees have a cycle through node " << *at;
    return std::nullopt;
  }
  return forest;
}

static Results importTreeEnsemble(NodeImporter &node) {
  std::optional<int64_t> features = getFeatures(node);
  int64_t targets = getTargets(node), combination = node.getInt("aggregate_function", 1);
  int64_t transform = node.getInt("post_transform", 0);
  constexpr TreeCombination kinds[] = {TreeCombination::Average, TreeCombination::Sum,
                                       TreeCombination::Min, TreeCombination::Max};
  if (combination < 0 || combination > 3 || transform < 0 || transform > 4)
    return node.emitError() << "unknown aggregate_function " << combination << " or post_transform "
                            << transform;
  if (!features || node.hasFailed())
    return failure();
  std::optional<Forest> forest = readTreeEnsemble(node, *features, targets);
  if (!forest)
    return failure();
  Value scores = buildForest(node, *forest, kinds[combination], targets);
  scores = applyPostTransform(node, scores, static_cast<PostTransform>(transform));
  return {{node.cast(scores, node.elementType(node.operand(0)))}};
}

void registerTreeEnsembleOps(OpRegistry &registry) {
  registry.add("ai.onnx.ml", "TreeEnsembleClassifier", 1, 1, importClassifier);
  registry.add("ai.onnx.ml", "TreeEnsembleRegressor", 1, 1, importRegressor);
  registry.add("ai.onnx.ml", "TreeEnsemble", 5, 1, importTreeEnsemble);
}

} // namespace tenon
