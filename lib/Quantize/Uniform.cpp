// All of a model in one precision (see the header).

#include "lib/Quantize/Uniform.h"
#include "lib/Quantize/Costs.h"
#include "lib/Quantize/MeasureTensors.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/RecipeParts.h"
#include "lib/Quantize/RepairJudge.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// One call of quantizeUniformly.
class UniformQuantizer {
public:
  UniformQuantizer(RecipeParts parts, DataSource &data, const QuantizeOptions &options)
      : parts(std::move(parts)), options(options), split(splitData(data)) {
    calibration.probe = keepCode({options.compile, options.threads});
  }

  llvm::Expected<QuantizeResult> run();

private:
  llvm::Error repair();
  llvm::Expected<std::pair<Session, driver::CompileReport>> load(const Recipe &recipe);
  llvm::Expected<double> measureTime(Session &session);
  RepairContext getRepairContext() {
    return {parts.getModel(), parts.getPlan(),        split.calibration, calibration,
            options.tensors,  &parts.getHistograms(), options.progress};
  }

  RecipeParts parts;
  const QuantizeOptions &options;
  DataSplit split;
  CalibrateOptions calibration;
  QuantizeResult result;
};

} // namespace

llvm::Expected<std::pair<Session, driver::CompileReport>>
UniformQuantizer::load(const Recipe &recipe) {
  llvm::Expected<PreparedModel> prepared = prepareModel(parts.getModel(), recipe);
  if (!prepared)
    return prepared.takeError();
  ProbeOptions probe = calibration.probe;
  probe.compile.precision = prepared->precision;
  return loadModel(prepared->model, probe);
}

llvm::Error UniformQuantizer::repair() {
  DataSplit samples = splitForRepairs(split.calibration);
  llvm::Expected<RepairJudge> judge =
      RepairJudge::create(parts.getModel(), samples.heldBack, calibration.probe);
  if (!judge)
    return judge.takeError();
  auto repairs =
      improveRecipe(result.recipe, makeRepairs(), getRepairContext(), samples.calibration,
                    [&](const Recipe &recipe) { return judge->measure(recipe); });
  if (!repairs)
    return repairs.takeError();
  result.repairs = std::move(*repairs);
  return llvm::Error::success();
}

llvm::Expected<double> UniformQuantizer::measureTime(Session &session) {
  llvm::Expected<Sample> sample = split.calibration.read(0);
  if (!sample)
    return sample.takeError();
  llvm::Expected<KernelCosts> costs = measureKernels(session, *sample);
  if (!costs)
    return costs.takeError();
  return totalTime(*costs);
}

llvm::Expected<QuantizeResult> UniformQuantizer::run() {
  auto reference = loadModel(parts.getModel(), calibration.probe);
  if (!reference)
    return reference.takeError();
  if (llvm::Error error = parts.calibrate(split.calibration, calibration, options.tensors))
    return error;
  result.recipe = parts.makeUniformRecipe(options.allow.front());
  if (options.repair)
    if (llvm::Error error = repair())
      return error;
  auto lowered = load(result.recipe);
  if (!lowered)
    return lowered.takeError();
  llvm::Expected<Evaluation> evaluation =
      Evaluator(reference->first, split.heldBack, options.budget, options.metric,
                &split.calibration)
          .evaluate(lowered->first);
  if (!evaluation)
    return evaluation.takeError();
  llvm::Expected<double> before = measureTime(reference->first),
                         after = measureTime(lowered->first);
  if (!before || !after)
    return llvm::joinErrors(before.takeError(), after.takeError());
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = getRepairContext().adjust(result.recipe);
  if (!adjusted)
    return adjusted.takeError();
  if (llvm::Error error = measureTensors(result.recipe, *adjusted, split.heldBack, calibration))
    return error;
  result.holds = true;
  result.evaluation = std::move(*evaluation);
  result.recipe.measured = result.evaluation.outputs;
  result.recipe.calibrationSamples = split.calibration.size();
  result.recipe.heldBackSamples = split.heldBack.size();
  result.timeBefore = *before;
  result.timeAfter = *after;
  result.weightsBefore = reference->second.weightsBytes;
  result.weightsAfter = lowered->second.weightsBytes;
  result.validations = 1;
  return std::move(result);
}

llvm::Expected<QuantizeResult> quantizeUniformly(const std::shared_ptr<ModelFile> &model,
                                                 DataSource &data, const QuantizeOptions &options) {
  if (options.allow.empty())
    return makeError("no precision is allowed");
  llvm::Expected<RecipeParts> parts = RecipeParts::create(model, options.compile.import);
  if (!parts)
    return parts.takeError();
  return UniformQuantizer(std::move(*parts), data, options).run();
}

} // namespace tenon::quantize
