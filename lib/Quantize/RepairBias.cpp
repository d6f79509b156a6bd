// Bias correction: rounding moves the mean of a product's results by (ŵ - w) E[x], which its bias
// can take back.

#include "lib/Editing/Attributes.h"
#include "lib/Quantize/CodedProducts.h"

namespace tenon::quantize {

namespace {

class BiasCorrection : public Repair {
public:
  llvm::StringRef getName() const override { return "bias correction"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;
};

/// The constant that is added to a product's results.
struct Bias {
  std::string constant;
  int64_t axis;
};

} // namespace

/// Whether all numbers of a constant lie along one dimension; that dimension.
static std::optional<int64_t> findOnlyAxis(llvm::ArrayRef<int64_t> dims, int64_t size) {
  std::optional<int64_t> axis;
  for (auto [number, dim] : llvm::enumerate(dims)) {
    if (dim == 1)
      continue;
    if (dim != size || axis)
      return std::nullopt;
    axis = static_cast<int64_t>(number);
  }
  return axis;
}

/// The bias of a product, or of the addition behind it, if nothing else reads it.
static std::optional<Bias> findBias(const ModelEditor &model, const CodedProduct &product) {
  const onnx::NodeProto &node = product.node;
  int64_t rows = product.layout.rows;
  auto check = [&](const std::string &name, int64_t fromEnd) -> std::optional<Bias> {
    if (!model.isConstant(name) || model.getUses(name).size() != 1 ||
        model.isReadBySubgraph(name) || model.isOutput(name))
      return std::nullopt;
    llvm::Expected<Tensor> constant = model.readConstant(name);
    if (!constant) {
      llvm::consumeError(constant.takeError());
      return std::nullopt;
    }
    std::optional<int64_t> axis = findOnlyAxis(constant->dims, rows);
    if (!axis || constant->dtype != TENON_FLOAT ||
        static_cast<int64_t>(constant->dims.size()) - *axis != fromEnd)
      return std::nullopt;
    return Bias{name, *axis};
  };
  if (node.input_size() > 2 && !node.input(2).empty())
    return getFloat(node, "beta", 1) == 1 ? check(node.input(2), 1) : std::nullopt;
  llvm::ArrayRef<ModelEditor::Use> uses = model.getUses(node.output(0));
  if (uses.size() != 1 || uses.front().node->op_type() != "Add" || model.isOutput(node.output(0)))
    return std::nullopt;
  int64_t fromEnd =
      node.op_type() == "Conv" ? static_cast<int64_t>(product.constant.dims.size()) - 1 : 1;
  return check(uses.front().node->input(1 - uses.front().operand), fromEnd);
}

/// Σ (w - ŵ) E[x] for each row.
static llvm::Expected<std::vector<float>> findCorrection(const CodedProduct &product) {
  llvm::Expected<CodedWeight> weight =
      CodedWeight::create(product.constant, product.layout, product.entry);
  if (!weight)
    return weight.takeError();
  const WeightLayout &layout = product.layout;
  std::vector<float> correction;
  for (int64_t group = 0; group < layout.groups; ++group) {
    Eigen::VectorXd mean = product.inputs->getMean(group);
    for (int64_t r = 0; r < layout.rowsPerGroup(); ++r) {
      double sum = 0;
      for (int64_t c = 0; c < layout.columns; ++c) {
        int64_t at = layout.position(group * layout.rowsPerGroup() + r, c);
        sum += (double(weight->values[at]) - weight->decode(at)) * mean(c);
      }
      correction.push_back(static_cast<float>(sum));
    }
  }
  return correction;
}

llvm::Expected<bool> BiasCorrection::apply(Recipe &recipe, const RepairContext &context) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor model(*adjusted);
  std::vector<Adjustment> corrections;
  auto visitor = [&](CodedProduct &product) -> llvm::Error {
    std::optional<Bias> bias = findBias(model, product);
    if (!bias || getFloat(product.node, "alpha", 1) != 1)
      return llvm::Error::success();
    llvm::Expected<std::vector<float>> correction = findCorrection(product);
    if (!correction)
      return correction.takeError();
    corrections.push_back(
        {bias->constant, getName().str(), bias->axis, {}, std::move(*correction)});
    return llvm::Error::success();
  };
  ProductInputs::Options options;
  options.products = false;
  options.positions = 1024;
  NodePrecision precisions[] = {NodePrecision::Int8, NodePrecision::Int8Weights,
                                NodePrecision::Int4Weights};
  if (llvm::Error error = CodedProducts(model, recipe, context).visit(precisions, options, visitor))
    return std::move(error);
  llvm::append_range(recipe.adjustments, corrections);
  return !corrections.empty();
}

std::unique_ptr<Repair> makeBiasCorrection() { return std::make_unique<BiasCorrection>(); }

} // namespace tenon::quantize
