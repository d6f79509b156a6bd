// What quantization leaves behind (see the header).

#include "lib/Quantize/WriteModel.h"
#include "lib/Quantize/ApplyRecipe.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Support/Files.h"

namespace tenon::quantize {

llvm::Error checkOutputPath(llvm::StringRef path) {
  if (isRecipePath(path) || path.ends_with_insensitive(".onnx") || path.ends_with(".so"))
    return llvm::Error::success();
  return makeError("output '" + path + "' is none of .so, .onnx, .precision.json");
}

llvm::Error writeModel(const std::shared_ptr<ModelFile> &model, const Recipe &recipe,
                       const std::string &path, const driver::CompileOptions &options) {
  if (llvm::Error error = checkOutputPath(path))
    return error;
  if (isRecipePath(path))
    return writeFile(path, formatRecipe(recipe));
  if (llvm::StringRef(path).ends_with_insensitive(".onnx")) {
    ModelEditor editor(model);
    llvm::Expected<std::vector<std::string>> unmatched =
        applyRecipe(editor, recipe, {.isForOthers = true, .import = options.import});
    return unmatched ? editor.save(path) : unmatched.takeError();
  }
  llvm::Expected<PreparedModel> prepared = prepareModel(model, recipe);
  if (!prepared)
    return prepared.takeError();
  driver::CompileOptions compile = options;
  compile.output = path;
  compile.precision = prepared->precision;
  return driver::compile(prepared->model, compile).takeError();
}

} // namespace tenon::quantize
