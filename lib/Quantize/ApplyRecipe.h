// Makes of a model and a recipe the quantized model.
//
// Where a node of 8 bits reads a tensor that the recipe has an entry for, it reads
// DequantizeLinear(QuantizeLinear(tensor)) instead, and of a constant DequantizeLinear(codes);
// other readers keep the tensor as it was. This is a standard ONNX model, in which Tenon and other
// runtimes find the products that they multiply as integers.
#ifndef TENON_LIB_QUANTIZE_APPLYRECIPE_H
#define TENON_LIB_QUANTIZE_APPLYRECIPE_H

#include "lib/Editing/ModelEditor.h"
#include "lib/Importer/Importer.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

struct ApplyOptions {
  /// Make a file that other runtimes read: its operators are of the version in which scales have an
  /// axis (`raiseOpset`), and weights of nodes of 16 bits are stored as such, with a Cast that
  /// widens them. Otherwise the compiler is told of these nodes (`PrecisionRule`), and reads
  /// operators of any version.
  bool isForOthers = false;
  /// With which the types of the model's values are found for that.
  ImportOptions import;
};

/// Changes the model. The result has a sentence for each entry that matches nothing. An error if
/// the recipe is for another model, or an entry does not fit the tensor that it names.
llvm::Expected<std::vector<std::string>> applyRecipe(ModelEditor &model, const Recipe &recipe,
                                                     const ApplyOptions &options = {});

} // namespace tenon::quantize

#endif
