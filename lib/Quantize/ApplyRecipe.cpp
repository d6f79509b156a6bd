// Rewrites a model as a recipe says (see the header).

#include "lib/Quantize/ApplyRecipe.h"
#include "lib/Editing/Attributes.h"
#include "lib/Editing/RaiseOpset.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/PackedWeights.h"
#include "lib/Quantize/QuantizableNodes.h"
#include "lib/Quantize/SplitProducts.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

namespace tenon::quantize {

namespace {

/// One call of applyRecipe.
class Application {
public:
  Application(ModelEditor &model, const Recipe &recipe, const ApplyOptions &options)
      : model(model), recipe(recipe), options(options) {
    for (const TensorRecipe &tensor : recipe.tensors)
      tensors[tensor.name] = &tensor;
  }

  llvm::Expected<std::vector<std::string>> run();

private:
  llvm::Error adjust(const Adjustment &adjustment);
  llvm::Error apply(onnx::NodeProto &node, const NodeRecipe &entry);
  llvm::Error quantizeOperands(onnx::NodeProto &node, bool constantsOnly);
  llvm::Error splitOutliers(onnx::NodeProto &node);
  llvm::Error quantizeBias(onnx::NodeProto &node, llvm::StringRef input, llvm::StringRef weight);
  llvm::Error storeHalf(onnx::NodeProto &node, int32_t dtype);

  llvm::Expected<std::string> dequantized(const TensorRecipe &entry);

  ModelEditor &model;
  const Recipe &recipe;
  const ApplyOptions &options;
  llvm::StringMap<const TensorRecipe *> tensors;
  /// The dequantized values of tensors, and constants as halves with what widens them.
  llvm::StringMap<std::string> replacements, halves;
  /// Tensors without their outlier channels.
  llvm::StringMap<std::string> rests;
  /// Of quantized constants, their scales for biases.
  llvm::StringMap<std::vector<float>> weightScales;
  /// Tensors that a node read.
  llvm::StringSet<> used;
};

} // namespace

// ---- Adjustments

llvm::Error Application::adjust(const Adjustment &adjustment) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError("adjustment of '" + adjustment.tensor + "' (" +
                                   adjustment.method + "): " + reason);
  };
  llvm::Expected<Tensor> constant = model.readConstant(adjustment.tensor);
  if (!constant)
    return fail(llvm::toString(constant.takeError()));
  int64_t rank = static_cast<int64_t>(constant->dims.size()), axis = adjustment.axis;
  if (constant->dtype != TENON_FLOAT || axis < 0 || axis >= rank)
    return fail("does not fit " + describeTensorType(*constant));
  int64_t size = constant->dims[axis], inner = 1;
  for (int64_t dim : llvm::ArrayRef(constant->dims).drop_front(axis + 1))
    inner *= dim;
  for (llvm::ArrayRef<float> numbers :
       {llvm::ArrayRef(adjustment.multiply), llvm::ArrayRef(adjustment.add)})
    if (!numbers.empty() && static_cast<int64_t>(numbers.size()) != size)
      return fail(llvm::Twine(numbers.size()) + " numbers do not fit " +
                  describeTensorType(*constant));
  for (auto [i, value] : llvm::enumerate(floatsOf(*constant))) {
    size_t at = i / inner % size;
    if (!adjustment.multiply.empty())
      value *= adjustment.multiply[at];
    if (!adjustment.add.empty())
      value += adjustment.add[at];
  }
  model.setConstant(adjustment.tensor, *constant);
  return llvm::Error::success();
}

// ---- Tensors

/// What a node reads in the place of a tensor.
llvm::Expected<std::string> Application::dequantized(const TensorRecipe &entry) {
  std::string &replacement = replacements[entry.name];
  if (!replacement.empty())
    return replacement;
  if (entry.blockSize)
    return llvm::createStringError("entry of tensor '" + entry.name +
                                   "': blocks are for products with constant weights");
  if (model.isConstant(entry.name)) {
    llvm::Expected<DequantizedConstant> constant = addDequantizedConstant(model, entry);
    if (!constant)
      return constant.takeError();
    replacement = std::move(constant->value);
    weightScales[entry.name] = std::move(constant->scales);
  } else if (entry.scales.size() != 1) {
    return llvm::createStringError("entry of tensor '" + entry.name +
                                   "': only constants have more than one scale");
  } else {
    TensorRecipe quantized = entry;
    if (auto rest = rests.find(entry.name); rest != rests.end())
      quantized.name = rest->second;
    replacement = addConversions(model, quantized);
  }
  return replacement;
}

// ---- Nodes

// A bias is quantized with the product of the scales, so that it joins the sum of integers. One
// that does not fit into 32 bits stays as it is, and is added to the scaled sum.
llvm::Error Application::quantizeBias(onnx::NodeProto &node, llvm::StringRef input,
                                      llvm::StringRef weight) {
  bool isPlain = getFloat(node, "alpha", 1) == 1 && getFloat(node, "beta", 1) == 1;
  if (!isProduct(node) || node.input_size() < 3 || !isPlain || !model.isConstant(node.input(2)))
    return llvm::Error::success();
  const TensorRecipe *inputEntry = tensors.lookup(input);
  auto scales = weightScales.find(weight);
  if (!inputEntry || scales == weightScales.end())
    return llvm::Error::success();
  llvm::Expected<Tensor> bias = model.readConstant(node.input(2));
  if (!bias)
    return bias.takeError();
  size_t count = scales->second.size();
  if (bias->dtype != TENON_FLOAT || bias->dims.size() != 1 ||
      (count != 1 && count != static_cast<size_t>(bias->dims[0])))
    return llvm::Error::success();
  std::vector<float> products;
  for (float scale : scales->second)
    products.push_back(inputEntry->scales.front() * scale);
  std::string result = addDequantizedBias(model, node.input(2), *bias, products);
  if (!result.empty())
    model.setOperand(node, 2, result);
  return llvm::Error::success();
}

/// Computes what a product's outlier channels add to its result by itself.
llvm::Error Application::splitOutliers(onnx::NodeProto &node) {
  const TensorRecipe *entry = tensors.lookup(node.input(0));
  if (!entry || entry->outliers.empty() || !isProduct(node))
    return llvm::Error::success();
  llvm::Expected<Tensor> weight = model.readConstant(node.input(1));
  if (!weight)
    return weight.takeError();
  if (!rests.contains(entry->name)) {
    bool isTransposed = node.op_type() == "Gemm" && getInt(node, "transB", 0);
    llvm::Expected<std::string> rest =
        addRest(model, *entry, weight->dims.empty() ? 0 : weight->dims[isTransposed ? 1 : 0]);
    if (!rest)
      return rest.takeError();
    rests[entry->name] = std::move(*rest);
  }
  return addOutlierProduct(model, node, *entry);
}

llvm::Error Application::quantizeOperands(onnx::NodeProto &node, bool constantsOnly) {
  if (!constantsOnly && node.input_size() > 1)
    if (llvm::Error error = splitOutliers(node))
      return error;
  std::vector<std::string> operands(node.input().begin(), node.input().end());
  for (auto [number, name] : llvm::enumerate(operands)) {
    const TensorRecipe *entry = tensors.lookup(name);
    if (!entry || (constantsOnly && !model.isConstant(name)))
      continue;
    used.insert(name);
    if (isTableLookup(model, node))
      return quantizeTable(model, node, *entry);
    if (entry->blockSize)
      return packWeights(model, node, *entry);
    llvm::Expected<std::string> value = dequantized(*entry);
    if (!value)
      return value.takeError();
    model.setOperand(node, static_cast<int>(number), *value);
  }
  if (constantsOnly || operands.size() < 3)
    return llvm::Error::success();
  return quantizeBias(node, operands[0], operands[1]);
}

/// The constant that a node of 16 bits has for itself: a product's weight, or a table of rows.
static std::optional<int> findHalfOperand(const ModelEditor &model, const onnx::NodeProto &node) {
  if (isTableLookup(model, node))
    return 0;
  if (isProduct(node))
    for (int operand : {0, 1})
      if (model.isConstant(node.input(operand)))
        return operand;
  return std::nullopt;
}

// Rows of a table are widened once they are gathered; a product's weights in front of it.
llvm::Error Application::storeHalf(onnx::NodeProto &node, int32_t dtype) {
  std::optional<int> operand = findHalfOperand(model, node);
  bool isTable = node.op_type() == "Gather";
  if (!operand || (!isTable && !options.isForOthers))
    return llvm::Error::success();
  std::string name = node.input(*operand);
  std::string &half = halves[(name + llvm::Twine(isTable ? "/" : "") + llvm::Twine(dtype)).str()];
  if (half.empty()) {
    llvm::Expected<Tensor> constant = model.readConstant(name);
    if (!constant)
      return constant.takeError();
    if (constant->dtype != TENON_FLOAT)
      return llvm::Error::success();
    half = model.addConstant(
        name + "_half",
        makeTensor<float>(dtype, constant->dims, llvm::ArrayRef<float>(floatsOf(*constant))));
    if (!isTable) {
      std::string wide = model.makeName(name + "_widened");
      addWidening(model, half, wide);
      half = wide;
    }
  }
  model.setOperand(node, *operand, half);
  if (isTable) {
    std::string result = node.output(0);
    std::string rows = model.makeName(result + "_half");
    model.renameResult(node, 0, rows);
    addWidening(model, rows, result);
  }
  return llvm::Error::success();
}

llvm::Error Application::apply(onnx::NodeProto &node, const NodeRecipe &entry) {
  switch (entry.precision) {
  case NodePrecision::F32:
    return llvm::Error::success();
  case NodePrecision::BF16:
    return storeHalf(node, TENON_BFLOAT16);
  case NodePrecision::F16:
    return storeHalf(node, TENON_FLOAT16);
  case NodePrecision::Int8:
    return quantizeOperands(node, /*constantsOnly=*/false);
  case NodePrecision::Int8Weights:
  case NodePrecision::Int4Weights:
    return quantizeOperands(node, /*constantsOnly=*/true);
  }
  llvm_unreachable("no other precisions");
}

// ---- The whole

/// An error unless the recipe is for this model.
static llvm::Error checkDigest(const ModelEditor &model, const Recipe &recipe) {
  std::string digest = digestGraph(model.graph());
  if (digest == recipe.digest)
    return llvm::Error::success();
  return llvm::createStringError("the recipe is for another model ('" + recipe.model + "', graph " +
                                 recipe.digest + "), not for '" + model.getName() + "' (graph " +
                                 digest + ")");
}

llvm::Expected<std::vector<std::string>> Application::run() {
  // Recipes are made of the sorted graph.
  if (llvm::Error error = model.sortNodes())
    return error;
  if (llvm::Error error = checkDigest(model, recipe))
    return error;
  if (options.isForOthers)
    if (llvm::Error error = raiseOpset(model, options.import))
      return error;
  for (const Adjustment &adjustment : recipe.adjustments)
    if (llvm::Error error = adjust(adjustment))
      return error;
  llvm::StringMap<onnx::NodeProto *> nodes;
  for (onnx::NodeProto &node : *model.graph().mutable_node())
    nodes[getNodeName(node)] = &node;
  std::vector<std::string> unmatched;
  for (const NodeRecipe &entry : recipe.nodes) {
    onnx::NodeProto *node = nodes.lookup(entry.name);
    if (!node)
      unmatched.push_back("no node is named '" + entry.name + "'");
    else if (llvm::Error error = apply(*node, entry))
      return llvm::createStringError("node '" + entry.name +
                                     "': " + llvm::toString(std::move(error)));
  }
  for (const TensorRecipe &tensor : recipe.tensors)
    if (!used.contains(tensor.name))
      unmatched.push_back("no quantized node reads a tensor named '" + tensor.name + "'");
  model.removeUnused();
  if (llvm::Error error = model.sortNodes())
    return error;
  return unmatched;
}

llvm::Expected<std::vector<std::string>> applyRecipe(ModelEditor &model, const Recipe &recipe,
                                                     const ApplyOptions &options) {
  return Application(model, recipe, options).run();
}

} // namespace tenon::quantize
