// By how much results may differ because products are rounded: docs/numerics.md has the errors that
// were measured.

#include "tools/tenon/VerifyCase.h"
#include "llvm/Support/ErrorHandling.h"

namespace tenon::cli {

static double getRangeTolerance(Precision precision) {
  switch (precision) {
  case Precision::F32:
  case Precision::F32Split: // errors are those of fp32
    return 0;
  case Precision::F32Fast:
    return 1e-4;
  case Precision::BF16:
  case Precision::I8:
    return 2e-2;
  case Precision::TF32: // as many digits
  case Precision::F16:
    return 3e-3;
  }
  llvm_unreachable("no other precisions");
}

double getRangeTolerance(llvm::ArrayRef<PrecisionRule> rules) {
  double largest = 0;
  for (const PrecisionRule &rule : rules)
    largest = std::max(largest, getRangeTolerance(rule.getPrecision()));
  return largest;
}

} // namespace tenon::cli
