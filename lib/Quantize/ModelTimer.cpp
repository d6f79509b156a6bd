// Models that are measured (see the header).

#include "lib/Quantize/ModelTimer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"
#include "llvm/TargetParser/Host.h"

namespace tenon::quantize {

/// The key of a model's records: what its kernels' times depend on.
static std::string makeRecordKey(const ModelFile &file, const ProbeOptions &options) {
  const driver::CompileOptions &compile = options.compile;
  std::string key = digestGraph(file.graph()) + " " + llvm::sys::getHostCPUName().str() + " " +
                    llvm::join(compile.targets, ",") +
                    " threads=" + std::to_string(options.threads);
  for (const PrecisionRule &rule : compile.precision.getRules())
    key += " " + rule.str();
  for (const ShapeOverride &shape : compile.import.shapes) {
    key += " " + shape.name;
    for (std::optional<int64_t> dim : shape.dims)
      key += "," + std::to_string(dim.value_or(-1));
  }
  return llvm::utohexstr(llvm::xxh3_64bits(key), /*LowerCase=*/true);
}

llvm::Expected<MeasuredModel> ModelTimer::measure(const std::shared_ptr<ModelFile> &model,
                                                  const driver::PrecisionOption &precision) {
  ProbeOptions own = probe;
  own.compile.precision = precision;
  auto loaded = loadModel(model, own);
  if (!loaded)
    return loaded.takeError();
  MeasuredModel measured{
      std::move(loaded->first), std::move(loaded->second), {}, makeRecordKey(*model, own)};
  if (auto known = records.find(measured.key)) {
    measured.kernels = std::move(*known);
    measured.isRecorded = true;
  } else if (llvm::Error error = measureAgain(measured)) {
    return std::move(error);
  }
  return std::move(measured);
}

/// Of each kernel the least time that was ever measured counts.
llvm::Error ModelTimer::measureAgain(MeasuredModel &model) {
  llvm::Expected<Sample> sample = data.read(0);
  if (!sample)
    return sample.takeError();
  llvm::Expected<KernelCosts> kernels = measureKernels(model.session, *sample);
  if (!kernels)
    return kernels.takeError();
  for (auto &[name, kernel] : *kernels) {
    auto [known, isNew] = model.kernels.try_emplace(name, kernel);
    if (!isNew)
      known->second.time = std::min(known->second.time, kernel.time);
  }
  records.add(model.key, model.kernels);
  return llvm::Error::success();
}

llvm::Error ModelTimer::measureInTurn(llvm::ArrayRef<MeasuredModel *> models) {
  for (MeasuredModel *model : models)
    if (llvm::Error error = measureAgain(*model))
      return error;
  return llvm::Error::success();
}

} // namespace tenon::quantize
