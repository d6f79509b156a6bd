// From a recipe to what the driver compiles (see the header).

#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/ApplyRecipe.h"

namespace tenon::quantize {

/// The rules that give products 16 bits. Tables are stored in them (applyRecipe).
static std::vector<PrecisionRule> makeRules(const Recipe &recipe) {
  std::vector<PrecisionRule> rules;
  for (const NodeRecipe &node : recipe.nodes)
    if (node.op != "Gather" &&
        (node.precision == NodePrecision::BF16 || node.precision == NodePrecision::F16))
      rules.push_back(PrecisionRule::createForNode(
          node.name, node.precision == NodePrecision::BF16 ? Precision::BF16 : Precision::F16));
  return rules;
}

llvm::Expected<PreparedModel> prepareModel(const std::shared_ptr<ModelFile> &model,
                                           const Recipe &recipe) {
  ModelEditor editor(model);
  llvm::Expected<std::vector<std::string>> unmatched = applyRecipe(editor, recipe);
  if (!unmatched)
    return unmatched.takeError();
  llvm::Expected<std::shared_ptr<ModelFile>> changed = editor.toModelFile();
  if (!changed)
    return changed.takeError();
  return PreparedModel{std::move(*changed), driver::PrecisionOption(makeRules(recipe)),
                       std::move(*unmatched)};
}

llvm::Expected<std::pair<Session, driver::CompileReport>>
loadRecipe(const std::shared_ptr<ModelFile> &model, const Recipe &recipe, ProbeOptions options) {
  llvm::Expected<PreparedModel> prepared = prepareModel(model, recipe);
  if (!prepared)
    return prepared.takeError();
  options.compile.precision = prepared->precision;
  return loadModel(prepared->model, options);
}

} // namespace tenon::quantize
