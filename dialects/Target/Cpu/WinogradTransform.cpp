// The filter transforms of minimal filtering, row by row. Those of inputs and outputs are code
// generation's (passes/Codegen/Cpu/Winograd.cpp).

#include "dialects/Target/Cpu/CpuDialect.h"

namespace tenon::cpu {

static constexpr double filter2[] = {1, 0, 0, 0.5, 0.5, 0.5, 0.5, -0.5, 0.5, 0, 0, 1};
static constexpr double filter4[] = {1.0 / 4,  0,         0,        -1.0 / 6, -1.0 / 6, -1.0 / 6,
                                     -1.0 / 6, 1.0 / 6,   -1.0 / 6, 1.0 / 24, 1.0 / 12, 1.0 / 6,
                                     1.0 / 24, -1.0 / 12, 1.0 / 6,  0,        0,        1};

llvm::ArrayRef<double> getWinogradFilterTransform(int64_t outputTile) {
  return outputTile == 2 ? llvm::ArrayRef<double>(filter2) : llvm::ArrayRef<double>(filter4);
}

} // namespace tenon::cpu
