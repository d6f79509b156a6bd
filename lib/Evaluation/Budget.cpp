// What a changed model may lose (see the header).

#include "lib/Evaluation/Budget.h"
#include "lib/Tensors/Tensor.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>

namespace tenon::quantize {

namespace {

struct KindInfo {
  llvm::StringLiteral name;
  LossKind kind;
  /// What may stand behind the number, and what the number means then.
  llvm::StringLiteral unit;
  double unitSize;
  /// What the number may be.
  double least, most;
};

} // namespace

static constexpr KindInfo kinds[] = {{"sqnr", LossKind::Sqnr, "dB", 1, -100, 200},
                                     {"cosine", LossKind::Cosine, "", 1, 0, 1},
                                     {"relative", LossKind::Relative, "%", 0.01, 0, 1e6},
                                     {"top1", LossKind::Top1, "%", 0.01, 0, 1},
                                     {"top5", LossKind::Top5, "%", 0.01, 0, 1},
                                     {"metric", LossKind::Metric, "", 1, 0, 1e30}};

static const KindInfo &infoOf(LossKind kind) {
  for (const KindInfo &info : kinds)
    if (info.kind == kind)
      return info;
  llvm_unreachable("no other kinds");
}

llvm::Expected<Budget> Budget::parse(llvm::StringRef text) {
  auto [name, value] = text.split('=');
  for (const KindInfo &info : kinds) {
    if (info.name != name)
      continue;
    double size =
        !info.unit.empty() && value.consume_back_insensitive(info.unit) ? info.unitSize : 1;
    double number = 0;
    if (value.trim().getAsDouble(number) || !std::isfinite(number))
      return llvm::createStringError("budget '" + text + "': '" + value + "' is no number");
    number *= size;
    if (number < info.least || number > info.most)
      return llvm::createStringError("budget '" + text + "': must be between " +
                                     formatNumber(info.least) + " and " + formatNumber(info.most));
    return Budget{info.kind, number};
  }
  return llvm::createStringError("budget '" + text +
                                 "' is none of sqnr=30dB, cosine=0.999, relative=1%, top1=1%, "
                                 "top5=1% or metric=0.01");
}

std::string Budget::str() const { return infoOf(kind).name.str() + "=" + format(limit); }

std::string Budget::format(double value) const {
  const KindInfo &info = infoOf(kind);
  std::string number = formatNumber(value / info.unitSize);
  return number + info.unit.str();
}

double Budget::estimateNoise() const {
  switch (kind) {
  case LossKind::Sqnr:
    return std::pow(10, -limit / 10);
  case LossKind::Cosine:
    // |x - y|² = 2 (1 - cos) for vectors of length 1.
    return 2 * (1 - limit);
  case LossKind::Relative:
    // The largest of many errors is some four times their mean; numbers are below the largest.
    return limit * limit;
  case LossKind::Top1:
  case LossKind::Top5:
    return std::max(limit, 1e-3);
  case LossKind::Metric:
    return 0.01;
  }
  llvm_unreachable("no other kinds");
}

} // namespace tenon::quantize
