// What kernels compute that multiply parts of f32 with tiles: a sum of products, number by number.
#ifndef TENON_TEST_UNIT_CODEGEN_FLOATPARTS_H
#define TENON_TEST_UNIT_CODEGEN_FLOATPARTS_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include <vector>

namespace tenon::testing {

/// Numbers of bf16 whose sum is `value` (docs/numerics.md).
std::vector<float> splitFloat(float value, int64_t parts);

class PartSum {
public:
  explicit PartSum(cpu::MmaAttr mma) : mma(mma), inputs(mma.getParts()), weights(mma.getParts()) {}

  void add(float input, float weight);
  /// No more channels share a tile with those before.
  void endTap();
  float get() const { return sum; }

private:
  cpu::MmaAttr mma;
  float sum = 0;
  /// Parts of the channels of one tile.
  std::vector<std::vector<float>> inputs, weights;
};

} // namespace tenon::testing

#endif // TENON_TEST_UNIT_CODEGEN_FLOATPARTS_H
