// From a recipe to what the driver compiles.
#ifndef TENON_LIB_QUANTIZE_PREPARE_H
#define TENON_LIB_QUANTIZE_PREPARE_H

#include "lib/Calibration/ProbedModel.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

struct PreparedModel {
  std::shared_ptr<ModelFile> model;
  /// Of the nodes of 16 bits, which are not in the model.
  driver::PrecisionOption precision;
  /// A sentence for each entry of the recipe that matches nothing.
  std::vector<std::string> unmatched;
};

/// The model as the recipe wants it. An error if the recipe is for another model.
llvm::Expected<PreparedModel> prepareModel(const std::shared_ptr<ModelFile> &model,
                                           const Recipe &recipe);

/// Compiles the model as the recipe wants it, and loads it (`loadModel`).
llvm::Expected<std::pair<Session, driver::CompileReport>>
loadRecipe(const std::shared_ptr<ModelFile> &model, const Recipe &recipe, ProbeOptions options);

} // namespace tenon::quantize

#endif
