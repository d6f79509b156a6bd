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

/// What an output loses in a budget's terms with some times its noise.
static double scaleLoss(LossKind kind, const TensorLoss &loss, double times) {
  if (kind == LossKind::Sqnr)
    return loss.sqnr() - 10 * std::log10(times);
  if (kind == LossKind::Cosine)
    return 1 - (1 - loss.cosine()) * times;
  return loss.relativeError() * std::sqrt(times);
}

double OutputLosses::findWorst(bool bounded) const {
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
  for (const Output &output : outputs) {
    double loss = scaleLoss(budget.kind, output.loss, bounded ? output.loss.noiseBound() : 1);
    worst = budget.isQuality() ? std::min(worst, loss) : std::max(worst, loss);
  }
  return worst;
}

} // namespace tenon::quantize
