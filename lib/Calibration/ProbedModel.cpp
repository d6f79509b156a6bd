// Models that show values inside of them (see the header): the values become outputs.

#include "lib/Calibration/ProbedModel.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Support/Files.h"
#include "lib/Target/CodeCache.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileUtilities.h"

namespace tenon::quantize {

ProbeOptions keepCode(ProbeOptions options) {
  options.compile.codeCache = std::make_shared<CodeCache>();
  return options;
}

llvm::Expected<std::pair<Session, driver::CompileReport>>
loadModel(const std::shared_ptr<ModelFile> &model, const ProbeOptions &options) {
  driver::CompileOptions compile = options.compile;
  compile.output = inventTemporaryPath(".so");
  llvm::FileRemover remover(compile.output);
  llvm::Expected<driver::CompileReport> report = driver::compile(model, compile);
  if (!report)
    return report.takeError();
  tenon_context_options context = {};
  context.threads = options.threads;
  llvm::Expected<Session> session = Session::load(compile.output, context);
  if (!session)
    return session.takeError();
  return std::pair(std::move(*session), std::move(*report));
}

/// The model with these values as outputs behind its own, except those that are given or returned
/// anyway.
static llvm::Expected<std::shared_ptr<ModelFile>>
addOutputs(const std::shared_ptr<ModelFile> &model, llvm::ArrayRef<std::string> values) {
  llvm::StringSet<> known;
  for (const onnx::ValueInfoProto &info : model->graph().input())
    known.insert(info.name());
  for (const onnx::ValueInfoProto &info : model->graph().output())
    known.insert(info.name());
  std::vector<std::string> added;
  llvm::copy_if(values, std::back_inserter(added),
                [&](const std::string &value) { return known.insert(value).second; });
  if (added.empty())
    return model;
  ModelEditor editor(model);
  // The importer finds their types.
  for (const std::string &value : added)
    editor.graph().add_output()->set_name(value);
  return editor.toModelFile();
}

llvm::Expected<ProbedModel> ProbedModel::compile(const std::shared_ptr<ModelFile> &model,
                                                 llvm::ArrayRef<std::string> values,
                                                 const ProbeOptions &options) {
  llvm::Expected<std::shared_ptr<ModelFile>> probed = addOutputs(model, values);
  if (!probed)
    return probed.takeError();
  auto loaded = loadModel(*probed, options);
  if (!loaded)
    return loaded.takeError();
  ProbedModel result(std::move(loaded->first), std::move(loaded->second));
  for (const std::string &value : values) {
    const tenon_model *compiled = result.session.model();
    int32_t input = tenon_model_find_input(compiled, value.c_str());
    int32_t output = tenon_model_find_output(compiled, value.c_str());
    if (input < 0 && output < 0)
      return makeError(model->name() + ": has no tensor '" + value + "'");
    result.places.push_back({input >= 0, static_cast<size_t>(input >= 0 ? input : output)});
  }
  return result;
}

llvm::Expected<std::vector<tenon_tensor>> ProbedModel::run(Sample &sample) {
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = session.view(sample.inputs);
  if (!outputs)
    return makeError(sample.origin + ": " + llvm::toString(outputs.takeError()));
  std::vector<tenon_tensor> tensors;
  for (const Place &place : places)
    tensors.push_back(place.isInput ? sample.inputs[place.index].tensor.view()
                                    : (*outputs)[place.index].tensor);
  return tensors;
}

} // namespace tenon::quantize
