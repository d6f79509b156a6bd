// What a contraction must give, and whether it did.
#include "test/unit/codegen/ContractionCase.h"
#include "test/unit/codegen/FloatParts.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>

namespace tenon::testing {

float ContractionRun::multiplyCodes(const double *x, int64_t n) const {
  const ContractionCase &c = description;
  float bias = c.codesAreSigned ? float(int64_t(1) << (c.codeBits - 1)) : 0, total = 0;
  bool hasZeros = c.zeroPoints != ZeroPoints::None || bias != 0;
  bool isFew = schedule.getFewRows() > 0 && c.outSpatial.front() <= schedule.mostFewRows;
  bool decodes = schedule.getPackWeights() && !isFew;
  for (int64_t block = 0; block < countBlocks(); ++block) {
    float scale = scaleValues[block * c.outChannels + n];
    float zero = float(zeroValues[block * c.outChannels + n]) + bias;
    float sum = 0, inputs[8] = {};
    int64_t begin = block * c.blockSize, end = std::min(begin + c.blockSize, c.inChannels);
    for (int64_t k = begin; k < end; ++k) {
      float code = codeValues[k * c.outChannels + n];
      if (decodes)
        total = std::fma(float(x[k]), (hasZeros ? code - zero : code) * scale, total);
      sum = std::fma(float(x[k]), code, sum);
      inputs[(k - begin) % 8] += float(x[k]);
    }
    if (decodes)
      continue;
    float inputSum = std::accumulate(inputs, inputs + 8, 0.0f);
    total = std::fma(hasZeros ? std::fma(-zero, inputSum, sum) : sum, scale, total);
  }
  return total;
}

float ContractionRun::multiplyBytes(const double *x, int64_t n) const {
  const ContractionCase &c = description;
  double bias = c.codesAreSigned ? double(int64_t(1) << (c.codeBits - 1)) : 0;
  float total = 0;
  for (int64_t block = 0; block < countBlocks(); ++block) {
    int64_t begin = block * c.blockSize, end = std::min(begin + c.blockSize, c.inChannels);
    float largest = 0;
    for (int64_t k = begin; k < end; ++k)
      largest = std::isnan(x[k]) ? float(x[k]) : std::max(largest, std::abs(float(x[k])));
    bool isNothing = largest < 0x1p-100f;
    float factor = isNothing ? 0 : 127 / largest, scale = isNothing ? 0 : largest / 127;
    double sum = 0;
    for (int64_t k = begin; k < end; ++k)
      sum += std::nearbyint(x[k] * double(factor)) *
             (codeValues[k * c.outChannels + n] - zeroValues[block * c.outChannels + n] - bias);
    total = std::fma(float(sum), scale * float(scaleValues[block * c.outChannels + n]), total);
  }
  return total;
}

std::string ContractionRun::check() const {
  const ContractionCase &c = description;
  std::vector<int64_t> inputSpatial = c.inputSpatial();
  int64_t rank = c.outSpatial.size();
  int64_t pixelStride = c.group * c.inChannels + c.rowPadding;
  int64_t taps = product(c.kernel), positions = product(c.outSpatial);
  auto digits = [&](int64_t number, const std::vector<int64_t> &sizes) {
    std::vector<int64_t> result(rank);
    for (int64_t i = rank - 1; i >= 0; --i) {
      result[i] = number % sizes[i];
      number /= sizes[i];
    }
    return result;
  };
  auto addTap = [&](auto sum, const double *x, const double *w) {
    for (int64_t k = 0; k < c.inChannels; ++k)
      sum = std::fma(decltype(sum)(x[k]), decltype(sum)(w[k * c.outChannels]), sum);
    return sum;
  };
  auto addTapOfParts = [&](PartSum &sum, const double *x, const double *w, bool isLast) {
    for (int64_t k = 0; k < c.inChannels; ++k)
      sum.add(x[k], w[k * c.outChannels]);
    if (isLast)
      sum.endTap();
  };
  auto expect = [&](auto sum, int64_t b, int64_t g, const std::vector<int64_t> &position,
                    int64_t n) {
    PartSum partSum(schedule.getMma());
    bool hasParts = schedule.getMma().getParts() > 1;
    int64_t mergedTaps = schedule.getMergeTaps() ? c.kernel.back() : 1;
    // Without input channels the sum is empty, and so are the arrays.
    for (int64_t tap = 0; tap < taps && c.inChannels > 0; ++tap) {
      std::vector<int64_t> tapPosition = digits(tap, c.kernel);
      int64_t pixel = b;
      for (int64_t i = 0; i < rank; ++i)
        pixel =
            pixel * inputSpatial[i] + position[i] * c.stride[i] + tapPosition[i] * c.dilation[i];
      int64_t set = (c.weightsPerBatch ? b : 0) * c.group + g;
      if (c.codeBits && schedule.getMma().getInterleave() > 1)
        sum = multiplyBytes(&inputValues[pixel * pixelStride], n);
      else if (c.codeBits)
        sum = multiplyCodes(&inputValues[pixel * pixelStride], n);
      else if (hasParts)
        addTapOfParts(partSum, &inputValues[pixel * pixelStride + g * c.inChannels],
                      &weightValues[(set * taps + tap) * c.inChannels * c.outChannels + n],
                      (tap + 1) % mergedTaps == 0);
      else
        sum = addTap(sum, &inputValues[pixel * pixelStride + g * c.inChannels],
                     &weightValues[(set * taps + tap) * c.inChannels * c.outChannels + n]);
    }
    if (hasParts)
      sum = partSum.get();
    sum += decltype(sum)(biasValues[g * c.outChannels + n]);
    if (isInteger(c.sumType)) // exact so far, and then modulo its width
      return double(int32_t(int64_t(sum)));
    return double(c.relu ? std::max(sum, decltype(sum)(0)) : sum);
  };
  auto actual = [&](int64_t index) -> double {
    const char *bytes = output.data() + index * sizeOf(c.sumType);
    auto read = [&](auto value) {
      std::memcpy(&value, bytes, sizeof(value));
      return double(value);
    };
    return c.sumType == Scalar::F64   ? read(double())
           : c.sumType == Scalar::I32 ? read(int32_t())
                                      : read(float());
  };

  int64_t index = 0;
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t p = 0; p < positions; ++p) {
      std::vector<int64_t> position = digits(p, c.outSpatial);
      for (int64_t g = 0; g < c.group; ++g) {
        for (int64_t n = 0; n < c.outChannels; ++n, ++index) {
          double expected = c.sumType == Scalar::F32 ? expect(float(), b, g, position, n)
                                                     : expect(double(), b, g, position, n);
          double tolerance = c.exact ? 0 : 1e-6 * (1 + taps * c.inChannels);
          if (!(std::abs(actual(index) - expected) <= tolerance))
            return llvm::formatv("{0}: batch {1} position {2} channel {3}: {4}, expected {5}",
                                 c.name(), b, p, g * c.outChannels + n, actual(index), expected);
        }
      }
    }
  }
  for (size_t i = outputSize * sizeOf(c.sumType); i < output.size(); ++i)
    if (static_cast<unsigned char>(output[i]) != guardPattern)
      return c.name() + ": wrote behind the output";
  return "";
}

} // namespace tenon::testing
