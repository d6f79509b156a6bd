// What quantization leaves behind: a compiled model, an ONNX model, or a recipe.
#ifndef TENON_LIB_QUANTIZE_WRITEMODEL_H
#define TENON_LIB_QUANTIZE_WRITEMODEL_H

#include "lib/Driver/Driver.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// An error unless a path ends in .so, .onnx or .precision.json.
llvm::Error checkOutputPath(llvm::StringRef path);

/// Writes the model as a recipe says: compiled, as a standard model with QuantizeLinear and
/// DequantizeLinear, or the recipe itself, by the name of the file; whole, or not at all.
llvm::Error writeModel(const std::shared_ptr<ModelFile> &model, const Recipe &recipe,
                       const std::string &path, const driver::CompileOptions &options);

} // namespace tenon::quantize

#endif
