// See FloatParts.h.
#include "test/unit/codegen/FloatParts.h"
#include "test/unit/codegen/TileEmulator.h"
#include "llvm/ADT/APFloat.h"
#include <cmath>

namespace tenon::testing {

static float roundToBFloat(float value) {
  llvm::APFloat rounded(value);
  bool losesInfo;
  rounded.convert(llvm::APFloat::BFloat(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  return rounded.convertToFloat();
}

std::vector<float> splitFloat(float value, int64_t parts) {
  std::vector<float> split;
  float rest = value;
  while (int64_t(split.size()) + 1 < parts) {
    float finite = std::isfinite(rest) ? rest : 0;
    split.push_back(roundToBFloat(std::clamp(finite, -cpu::largestBFloat, cpu::largestBFloat)));
    rest -= split.back();
  }
  split.push_back(roundToBFloat(rest));
  return split;
}

void PartSum::add(float input, float weight) {
  std::vector<float> inputParts = splitFloat(input, mma.getParts()),
                     weightParts = splitFloat(weight, mma.getParts());
  for (int64_t part = 0; part < mma.getParts(); ++part) {
    inputs[part].push_back(inputParts[part]);
    weights[part].push_back(weightParts[part]);
  }
  if (inputs.front().size() == bfloatsPerRow)
    endTap();
}

void PartSum::endTap() {
  if (inputs.front().empty())
    return;
  for (int64_t part = 0; part < mma.getParts(); ++part) {
    inputs[part].resize(bfloatsPerRow);
    weights[part].resize(bfloatsPerRow);
  }
  for (auto product : mma.getPartProducts())
    sum = addBFloatProducts(sum, inputs[product.input], weights[product.weights]);
  for (int64_t part = 0; part < mma.getParts(); ++part) {
    inputs[part].clear();
    weights[part].clear();
  }
}

} // namespace tenon::testing
