// What outputs lose (see the header).

#include "lib/Evaluation/OutputLosses.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

llvm::Error OutputLosses::add(size_t output, const tenon_tensor &expected,
                              const tenon_tensor &got) {
  if (llvm::Error error = outputs[output].loss.add(expected, got))
    return error;
  if (output != 0 || !hasScores())
    return llvm::Error::success();
  if (llvm::Error error = agreement.addAgreement(expected, got))
    return error;
  return agreementOfFive.addAgreement(expected, got);
}

std::vector<OutputLoss> OutputLosses::summarize() const {
  std::vector<OutputLoss> losses;
  for (const Output &output : outputs)
    losses.push_back(
        {output.name, output.loss.sqnr(), output.loss.cosine(), output.loss.relativeError(), 1});
  if (hasScores())
    losses.front().top1 = agreement.fraction();
  return losses;
}

std::vector<double> OutputLosses::findSampleNoise() const {
  std::vector<TensorLoss> losses;
  for (const Output &output : outputs)
    losses.push_back(output.loss);
  return quantize::findSampleNoise(losses);
}

/// What an output loses in a budget's terms with some times its noise.
static double scaleLoss(LossKind kind, const TensorLoss &loss, double times) {
  if (kind == LossKind::Sqnr)
    return loss.sqnr() - 10 * std::log10(times);
  if (kind == LossKind::Cosine)
    return 1 - (1 - loss.cosine()) * times;
  return loss.relativeError() * std::sqrt(times);
}

double OutputLosses::boundTimes(const Output &own, const Output &other) {
  double times = own.loss.noiseBound(&other.loss);
  double signal = own.loss.signal() + other.loss.signal();
  if (own.decisions == 0 || own.loss.noise() == 0 || signal == 0)
    return times;
  auto numbers = static_cast<double>(own.loss.count() + other.loss.count());
  size_t samples = own.loss.getSamples().size() + other.loss.getSamples().size();
  double made = own.decisions == asManyAsNumbers
                    ? numbers
                    : static_cast<double>(own.decisions) * static_cast<double>(samples);
  double meanSquare = signal / numbers;
  double range = std::max(own.loss.range(), other.loss.range());
  double unseen = std::min(3 / made, 1.0) * range * range / meanSquare;
  return times + unseen * own.loss.signal() / own.loss.noise();
}

double OutputLosses::findBound(const OutputLosses &alike) const {
  std::vector<double> bounds;
  for (auto [own, other] : llvm::zip_equal(outputs, alike.outputs))
    bounds.push_back(boundTimes(own, other));
  return findWorst(bounds);
}

double OutputLosses::findWorst(llvm::ArrayRef<double> times) const {
  switch (budget.kind) {
  case LossKind::Sqnr:
  case LossKind::Cosine:
  case LossKind::Relative:
    break;
  case LossKind::Top1:
    return 1 - agreement.fraction();
  case LossKind::Top5:
    return 1 - agreementOfFive.fraction();
  case LossKind::Metric:
    llvm_unreachable("a metric has no losses of outputs");
  }
  double worst = budget.isQuality() ? INFINITY : 0;
  for (auto [number, output] : llvm::enumerate(outputs)) {
    double loss = scaleLoss(budget.kind, output.loss, times.empty() ? 1 : times[number]);
    worst = budget.isQuality() ? std::min(worst, loss) : std::max(worst, loss);
  }
  return worst;
}

} // namespace tenon::quantize
