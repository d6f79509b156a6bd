// How much a model loses against another (see the header).

#include "lib/Evaluation/Evaluate.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

/// Of all samples so far.
struct Evaluator::Sums {
  /// The numbers of the floating point outputs, and what they lose.
  std::vector<size_t> numbers;
  OutputLosses losses;
  /// Of labels, for each model.
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
  for (auto [output, number] : llvm::enumerate(sums.numbers))
    if (llvm::Error error =
            sums.losses.add(output, (*expected)[number].tensor, (*got)[number].tensor))
      return fail(std::move(error));
  if (!hasScores() || !sample.label)
    return llvm::Error::success();
  size_t scores = sums.numbers.front();
  llvm::Error error = addLabel(*sample.label, (*expected)[scores].tensor, sums.reference.first,
                               sums.reference.five);
  if (!error)
    error =
        addLabel(*sample.label, (*got)[scores].tensor, sums.candidate.first, sums.candidate.five);
  return error ? fail(std::move(error)) : std::move(error);
}

llvm::Expected<double> Evaluator::findOtherLoss(Session &candidate, const Sums &sums) {
  auto drop = [&](TopAccuracy Sums::Accuracy::*accuracy) {
    return (sums.reference.*accuracy).fraction() - (sums.candidate.*accuracy).fraction();
  };
  if (sums.reference.first.count())
    return drop(budget.kind == LossKind::Top1 ? &Sums::Accuracy::first : &Sums::Accuracy::five);
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

Evaluator::Sums Evaluator::startSums() const {
  Sums sums{{}, OutputLosses(budget), {}, {}};
  for (size_t index = 0; index < reference.numOutputs(); ++index)
    if (isFloatTensor(reference.output(index))) {
      sums.numbers.push_back(index);
      sums.losses.addOutput(reference.output(index).name,
                            decisions.lookup(reference.output(index).name));
    }
  return sums;
}

llvm::Error Evaluator::addSamples(Session &candidate, DataSource &samples, int64_t count,
                                  Sums &sums) {
  for (int64_t i = 0; i < count; ++i) {
    llvm::Expected<Sample> sample = samples.read(i);
    if (!sample)
      return sample.takeError();
    if (llvm::Error error = addSample(candidate, *sample, sums))
      return error;
  }
  return llvm::Error::success();
}

llvm::Expected<Evaluation> Evaluator::evaluate(Session &candidate) {
  return evaluate(candidate, [&](Judge judge) {
    return alike ? judge(candidate, *alike) : llvm::Error::success();
  });
}

llvm::Expected<Evaluation> Evaluator::evaluate(Session &candidate,
                                               llvm::function_ref<llvm::Error(Judge)> visit) {
  Sums sums = startSums();
  if (sums.numbers.empty() && budget.kind != LossKind::Metric)
    return makeError("the model has no output of floating point numbers to compare");
  if (llvm::Error error = addSamples(candidate, data, data.size(), sums))
    return std::move(error);
  Evaluation evaluation;
  evaluation.outputs = sums.losses.summarize();
  for (const OutputLoss &loss : evaluation.outputs)
    evaluation.noise = std::max(evaluation.noise, std::pow(10, -loss.sqnr / 10));
  evaluation.sampleNoise = sums.losses.findSampleNoise();
  if (budget.kind == LossKind::Metric || sums.reference.first.count()) {
    llvm::Expected<double> loss = findOtherLoss(candidate, sums);
    if (!loss)
      return loss.takeError();
    evaluation.loss = evaluation.bound = *loss;
  } else {
    // Of more, a run of each for every assignment that is compared would take long.
    constexpr int64_t mostOthers = 128;
    int64_t left = mostOthers;
    Sums others = startSums();
    auto judge = [&](Session &model, DataSource &samples) {
      int64_t count = std::min(samples.size(), left);
      left -= count;
      return addSamples(model, samples, count, others);
    };
    if (canUseOthers())
      if (llvm::Error error = visit(judge))
        return std::move(error);
    evaluation.loss = sums.losses.findLoss();
    evaluation.bound = sums.losses.findBound(others.losses);
  }
  evaluation.holds = budget.holds(evaluation.bound);
  return evaluation;
}

} // namespace tenon::quantize
