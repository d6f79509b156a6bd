// What a contraction under test computes with: its numbers, and how they lie in memory.
#include "passes/Codegen/Cpu/Winograd.h"
#include "test/unit/codegen/ContractionCase.h"
#include <cmath>

using namespace mlir;
using llvm::divideCeil;

namespace tenon::testing {

void ContractionRun::makeData() {
  const ContractionCase &c = description;
  Random random;
  int64_t pixels = product(c.inputSpatial());
  int64_t inputSize = c.batch * pixels * (c.group * c.inChannels + c.rowPadding);
  for (int64_t i = 0; i < inputSize; ++i)
    inputValues.push_back(store(input, random.next(), c.inputType));
  int64_t weightSize = (c.weightsPerBatch ? c.batch : 1) * c.group * product(c.kernel) *
                       c.inChannels * c.outChannels;
  std::vector<char> unused;
  for (int64_t i = 0; i < weightSize; ++i)
    weightValues.push_back(store(unused, random.next(), c.weightType));
  if (c.codeBits)
    makeCodes();
  else
    packWeights();
  for (int64_t i = 0; i < c.group * c.outChannels; ++i)
    biasValues.push_back(store(bias, random.next(), c.sumType));
  bias.resize(bias.size() + guardBytes);
  outputSize = c.batch * product(c.outSpatial) * c.group * c.outChannels;
  output.resize(outputSize * sizeOf(c.sumType) + guardBytes);
}

/// Packs G g G^T of all filters g, of integers (2 G) g (2 G)^T, as Winograd kernels want them.
void ContractionRun::transformFilters() {
  const ContractionCase &c = description;
  cpu::WinogradScheduleAttr winograd = cpu::chooseWinograd(target, c.winograd, c.sizes(*context));
  llvm::ArrayRef<double> matrix = cpu::getWinogradFilterTransform(c.winograd);
  int64_t size = winograd.getInputTile(), panelWidth = winograd.getPanelWidth();
  int64_t interleave = winograd.getMma().getInterleave();
  auto put = [&](double value) {
    if (isInteger(c.weightType))
      storeInteger(weights, 4 * value, Scalar::I16);
    else
      store(weights, value, c.weightType);
  };
  for (int64_t panel = 0; panel < c.outChannels; panel += panelWidth) {
    for (int64_t point = 0; point < size * size; ++point) {
      int64_t steps = divideCeil(c.inChannels, interleave);
      for (int64_t i = 0; i < steps * panelWidth * interleave; ++i) {
        int64_t n = panel + i / interleave % panelWidth;
        int64_t k = i / interleave / panelWidth * interleave + i % interleave;
        double sum = 0;
        for (int64_t tap = 0; n < c.outChannels && k < c.inChannels && tap < 9; ++tap)
          sum += matrix[point / size * 3 + tap / 3] * matrix[point % size * 3 + tap % 3] *
                 weightValues[(tap * c.inChannels + k) * c.outChannels + n];
        put(sum);
      }
    }
  }
}

void ContractionRun::makeCodes() {
  const ContractionCase &c = description;
  int64_t columns = c.outChannels, width = schedule.getPanelWidth(), blocks = countBlocks();
  int64_t perLane = 32 / c.codeBits, codes = int64_t(1) << c.codeBits;
  int64_t lowest = c.codesAreSigned ? -codes / 2 : 0;
  Random random;
  auto draw = [&](int64_t count) { return std::floor((random.next() + 0.5) * count); };
  for (int64_t i = 0; i < c.inChannels * columns; ++i)
    codeValues.push_back(draw(codes));
  for (int64_t i = 0; i < blocks * columns; ++i) {
    scaleValues.push_back(float(random.next() + 0.75));
    zeroValues.push_back(c.zeroPoints == ZeroPoints::None       ? 0
                         : c.zeroPoints == ZeroPoints::Integers ? draw(codes) + lowest
                                                                : float(random.next() * codes));
  }
  for (int64_t panel = 0; panel < columns; panel += width) {
    for (int64_t first = 0; first < c.inChannels; first += perLane) {
      for (int64_t n = panel; n < panel + width; ++n) {
        uint32_t lane = 0;
        for (int64_t k = first; k < std::min(first + perLane, c.inChannels) && n < columns; ++k)
          lane |= uint32_t(codeValues[k * columns + n]) << ((k - first) * c.codeBits);
        append(weights, lane);
      }
    }
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t n = panel; n < panel + width; ++n) {
        bool exists = n < columns;
        append(scales, exists ? float(scaleValues[block * columns + n]) : 0.0f);
        double zero = exists ? zeroValues[block * columns + n] : 0;
        if (c.zeroPoints == ZeroPoints::Integers)
          append(zeros, char(int(zero)));
        else
          append(zeros, float(zero));
      }
    }
  }
}

void ContractionRun::packWeights() {
  const ContractionCase &c = description;
  auto put = [&](double value) {
    if (isInteger(c.weightType))
      storeInteger(weights, value, c.weightType);
    else
      store(weights, value, c.weightType);
  };
  if (c.winograd)
    return transformFilters();
  if (c.depthwise) {
    int64_t taps = product(c.kernel);
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t channel = 0; channel < c.group; ++channel)
        put(weightValues[channel * taps + tap]);
    return;
  }
  int64_t sets = (c.weightsPerBatch ? c.batch : 1) * c.group;
  int64_t rows = product(c.kernel) * c.inChannels, columns = c.outChannels;
  int64_t width = schedule.getPanelWidth(), interleave = schedule.getMma().getInterleave();
  int64_t mergedTaps = schedule.getMergeTaps() ? c.kernel.back() : 1;
  int64_t depth = c.inChannels * mergedTaps, taps = product(c.kernel) / mergedTaps;
  int64_t steps = llvm::alignTo(divideCeil(depth, interleave), schedule.getMma().getDepth());
  for (int64_t set = 0; set < sets; ++set) {
    const double *values = weightValues.data() + set * rows * columns;
    switch (c.layout) {
    case cpu::WeightLayout::Packed:
      for (int64_t panel = 0; panel < columns; panel += width)
        for (int64_t tap = 0; tap < taps; ++tap)
          for (int64_t i = 0; i < steps * width * interleave; ++i) {
            int64_t n = panel + i / interleave % width;
            int64_t k = i / interleave / width * interleave + i % interleave;
            put(n < columns && k < depth ? values[(tap * depth + k) * columns + n] : 0);
          }
      break;
    case cpu::WeightLayout::RowMajor:
      for (int64_t i = 0; i < rows * columns; ++i)
        put(values[i]);
      break;
    case cpu::WeightLayout::Transposed:
      for (int64_t n = 0; n < columns; ++n)
        for (int64_t row = 0; row < rows; ++row)
          put(values[row * columns + n]);
      break;
    }
  }
}

} // namespace tenon::testing
