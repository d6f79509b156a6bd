// How the noise of outputs changes (see the header).

#include "lib/Quantize/NoiseChange.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

NoiseChange NoiseChange::find(llvm::ArrayRef<double> before, llvm::ArrayRef<double> after) {
  auto count = static_cast<double>(before.size());
  double mean = 0, square = 0;
  for (double noise : before)
    mean += noise / count;
  // Samples that have no noise to speak of say nothing.
  double least = std::max(mean * 1e-4, std::numeric_limits<double>::min());
  NoiseChange change;
  for (auto [x, y] : llvm::zip_equal(before, after)) {
    double ratio = std::log(std::max(y, least) / std::max(x, least));
    change.mean += ratio / count;
    square += ratio * ratio;
  }
  if (before.size() > 1)
    change.standardError =
        std::sqrt(std::max(0.0, square / count - change.mean * change.mean) / (count - 1));
  return change;
}

bool NoiseChange::leaves(double part) const {
  return mean <= std::log(part) && mean + standardError <= 0;
}

} // namespace tenon::quantize
