// What outputs lose (see the header).

#include "lib/Evaluation/OutputLosses.h"
#include "llvm/ADT/STLExtras.h"

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

double OutputLosses::findLoss() const {
  std::vector<OutputLoss> losses = summarize();
  auto worst = [&](double OutputLoss::*member, bool isQuality) {
    double value = losses.front().*member;
    for (const OutputLoss &output : losses)
      value = isQuality ? std::min(value, output.*member) : std::max(value, output.*member);
    return value;
  };
  switch (budget.kind) {
  case LossKind::Sqnr:
    return worst(&OutputLoss::sqnr, true);
  case LossKind::Cosine:
    return worst(&OutputLoss::cosine, true);
  case LossKind::Relative:
    return worst(&OutputLoss::relative, false);
  case LossKind::Top1:
    return 1 - agreement.fraction();
  case LossKind::Top5:
    return 1 - agreementOfFive.fraction();
  case LossKind::Metric:
    break;
  }
  llvm_unreachable("a metric has no losses of outputs");
}

} // namespace tenon::quantize
