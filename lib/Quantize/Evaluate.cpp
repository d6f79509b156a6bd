// How much a model loses against another (see the header).

#include "lib/Quantize/Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

/// Of all samples so far.
struct Evaluator::Sums {
  struct Output {
    size_t index;
    TensorLoss loss;
  };
  std::vector<Output> outputs;
  /// Of the output that has scores: of classes of fp32, and of labels for each model.
  std::optional<size_t> scores;
  TopAccuracy agreement{1}, agreementOfFive{5};
  struct Accuracy {
    TopAccuracy first{1}, five{5};
  };
  Accuracy candidate, reference;
};

static bool isFloatTensor(const tenon_tensor_info &info) {
  return info.num_kinds == 0 && isFloatingPoint(info.dtype);
}

static llvm::Error addLabel(int64_t label, const tenon_tensor &scores, TopAccuracy &first,
                            TopAccuracy &five) {
  if (llvm::Error error = first.addLabel(label, scores))
    return error;
  return five.addLabel(label, scores);
}

llvm::Error Evaluator::addSample(Session &candidate, Sample &sample, Sums &sums) {
  auto fail = [&](llvm::Error error) {
    return makeError(sample.origin + ": " + llvm::toString(std::move(error)));
  };
  llvm::Expected<llvm::ArrayRef<tenon_value>> expected = reference.view(sample.inputs);
  if (!expected)
    return fail(expected.takeError());
  llvm::Expected<llvm::ArrayRef<tenon_value>> got = candidate.view(sample.inputs);
  if (!got)
    return fail(got.takeError());
  for (Sums::Output &output : sums.outputs)
    if (llvm::Error error =
            output.loss.add((*expected)[output.index].tensor, (*got)[output.index].tensor))
      return fail(std::move(error));
  if (!sums.scores)
    return llvm::Error::success();
  const tenon_tensor &from = (*expected)[*sums.scores].tensor, &to = (*got)[*sums.scores].tensor;
  llvm::Error error = sums.agreement.addAgreement(from, to);
  if (!error)
    error = sums.agreementOfFive.addAgreement(from, to);
  if (!error && sample.label)
    error = addLabel(*sample.label, from, sums.reference.first, sums.reference.five);
  if (!error && sample.label)
    error = addLabel(*sample.label, to, sums.candidate.first, sums.candidate.five);
  return error ? fail(std::move(error)) : std::move(error);
}

llvm::Expected<double> Evaluator::findMetricLoss(Session &candidate) {
  if (!metric)
    return makeError("a budget of a metric needs the metric");
  if (!referenceMetric) {
    llvm::Expected<double> value = metric(reference, data);
    if (!value)
      return value.takeError();
    referenceMetric = *value;
  }
  llvm::Expected<double> value = metric(candidate, data);
  return value ? llvm::Expected<double>(*referenceMetric - *value) : value.takeError();
}

/// What an output loses in a budget's terms if it has some times the noise that was measured.
static double scaleLoss(LossKind kind, const OutputLoss &loss, double times) {
  if (kind == LossKind::Sqnr)
    return loss.sqnr - 10 * std::log10(times);
  if (kind == LossKind::Cosine)
    return 1 - (1 - loss.cosine) * times;
  return loss.relative * std::sqrt(times);
}

llvm::Expected<Evaluator::Losses> Evaluator::findLosses(Session &candidate, const Sums &sums,
                                                        const Evaluation &evaluation) {
  auto worst = [&](bool bounded) {
    double value = budget.isQuality() ? INFINITY : 0;
    for (auto [output, loss] : llvm::zip_equal(sums.outputs, evaluation.outputs)) {
      double own = scaleLoss(budget.kind, loss, bounded ? output.loss.noiseBound() : 1);
      value = budget.isQuality() ? std::min(value, own) : std::max(value, own);
    }
    return value;
  };
  auto drop = [&](TopAccuracy Sums::Accuracy::*accuracy, const TopAccuracy &agreement) {
    double lost = (sums.reference.*accuracy).fraction() - (sums.candidate.*accuracy).fraction();
    lost = (sums.reference.*accuracy).count() ? lost : 1 - agreement.fraction();
    return Losses{lost, lost};
  };
  switch (budget.kind) {
  case LossKind::Sqnr:
  case LossKind::Cosine:
  case LossKind::Relative:
    return Losses{worst(false), worst(true)};
  case LossKind::Top1:
    return drop(&Sums::Accuracy::first, sums.agreement);
  case LossKind::Top5:
    return drop(&Sums::Accuracy::five, sums.agreementOfFive);
  case LossKind::Metric:
    break;
  }
  llvm::Expected<double> lost = findMetricLoss(candidate);
  if (!lost)
    return lost.takeError();
  return Losses{*lost, *lost};
}

llvm::Expected<Evaluation> Evaluator::evaluate(Session &candidate) {
  Sums sums;
  for (size_t index = 0; index < reference.numOutputs(); ++index)
    if (isFloatTensor(reference.output(index)))
      sums.outputs.push_back({index, {}});
  if (sums.outputs.empty() && budget.kind != LossKind::Metric)
    return makeError("the model has no output of floating point numbers to compare");
  bool ranks = budget.kind == LossKind::Top1 || budget.kind == LossKind::Top5;
  if (ranks)
    sums.scores = sums.outputs.front().index;
  for (int64_t i = 0; i < data.size(); ++i) {
    llvm::Expected<Sample> sample = data.read(i);
    if (!sample)
      return sample.takeError();
    if (llvm::Error error = addSample(candidate, *sample, sums))
      return error;
  }
  Evaluation evaluation;
  for (Sums::Output &output : sums.outputs) {
    OutputLoss &loss = evaluation.outputs.emplace_back();
    loss.name = reference.output(output.index).name;
    loss.sqnr = output.loss.sqnr();
    loss.cosine = output.loss.cosine();
    loss.relative = output.loss.relativeError();
    if (sums.scores == output.index)
      loss.top1 = sums.agreement.fraction();
    evaluation.noise = std::max(evaluation.noise, std::pow(10, -loss.sqnr / 10));
  }
  llvm::Expected<Losses> losses = findLosses(candidate, sums, evaluation);
  if (!losses)
    return losses.takeError();
  evaluation.loss = losses->measured;
  evaluation.bound = losses->bound;
  evaluation.holds = budget.holds(losses->bound);
  return evaluation;
}

} // namespace tenon::quantize
