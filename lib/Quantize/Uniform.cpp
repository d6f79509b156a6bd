// All of a model in one precision (see the header).

#include "lib/Quantize/Uniform.h"
#include "lib/Quantize/Costs.h"
#include "lib/Quantize/CrossValidation.h"
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
      : parts(std::move(parts)), options(options), data(data), split(splitData(data)) {
    calibration.probe = keepCode({options.compile, options.threads});
  }

  llvm::Expected<QuantizeResult> run();

private:
  llvm::Error repair();
  llvm::Expected<Evaluation> evaluate(Session &reference, Session &lowered);
  llvm::Expected<double> measureTime(Session &session);
  RepairContext getRepairContext() {
    return {parts.getModel(), parts.getPlan(),        split.calibration, calibration,
            options.tensors,  &parts.getHistograms(), options.progress};
  }

  RecipeParts parts;
  const QuantizeOptions &options;
  DataSource &data;
  DataSplit split;
  CalibrateOptions calibration;
  QuantizeResult result;
};

} // namespace

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

llvm::Expected<Evaluation> UniformQuantizer::evaluate(Session &reference, Session &lowered) {
  Evaluator evaluator(reference, split.heldBack, options.budget, options.metric,
                      &split.calibration);
  evaluator.setDecisions(parts.countDecisions());
  if (!evaluator.canUseOthers() || !CrossValidation::concerns(result.recipe, parts.getPlan()))
    return evaluator.evaluate(lowered);
  llvm::Expected<CrossValidation> validation =
      CrossValidation::create(result.recipe, getRepairContext(), data, split);
  if (!validation)
    return validation.takeError();
  return evaluator.evaluate(lowered, [&](Evaluator::Judge judge) {
    return validation->run(result.recipe, parts.getModel(), calibration.probe, judge);
  });
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
  auto lowered = loadRecipe(parts.getModel(), result.recipe, calibration.probe);
  if (!lowered)
    return lowered.takeError();
  llvm::Expected<Evaluation> evaluation = evaluate(reference->first, lowered->first);
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
  result.decisions = parts.getDecisions();
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
