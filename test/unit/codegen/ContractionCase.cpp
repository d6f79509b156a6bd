#include "test/unit/codegen/ContractionCase.h"
#include "llvm/Support/FormatVariadic.h"
#include <numeric>

using namespace mlir;

namespace tenon::testing {

int64_t product(const std::vector<int64_t> &values) {
  return std::accumulate(values.begin(), values.end(), int64_t(1), std::multiplies<>());
}

ContractionCase ContractionCase::matmul(int64_t m, int64_t n, int64_t k) {
  ContractionCase result;
  result.outSpatial = {m};
  result.kernel = result.stride = result.dilation = {1};
  result.inChannels = k;
  result.outChannels = n;
  return result;
}

ContractionCase ContractionCase::conv(int64_t out, int64_t inChannels, int64_t outChannels,
                                      int64_t kernel, int64_t stride) {
  ContractionCase result;
  result.outSpatial = {out, out};
  result.kernel = {kernel, kernel};
  result.stride = {stride, stride};
  result.dilation = {1, 1};
  result.inChannels = inChannels;
  result.outChannels = outChannels;
  return result;
}

ContractionCase ContractionCase::depthwiseConv(int64_t out, int64_t channels, int64_t kernel,
                                               int64_t stride) {
  ContractionCase result = conv(out, 1, 1, kernel, stride);
  result.group = channels;
  result.depthwise = true;
  return result;
}

std::string ContractionCase::name() const {
  auto join = [](const std::vector<int64_t> &values) {
    std::string text;
    for (int64_t value : values)
      text += (text.empty() ? "" : "x") + std::to_string(value);
    return text;
  };
  std::string text = llvm::formatv("b{0} g{1} out {2} k {3} s {4} d {5} c {6} -> {7}", batch, group,
                                   join(outSpatial), join(kernel), join(stride), join(dilation),
                                   inChannels, outChannels);
  if (winograd)
    text += " winograd" + std::to_string(winograd);
  if (dynamic)
    text += " dynamic";
  if (layout != cpu::WeightLayout::Packed)
    text += layout == cpu::WeightLayout::RowMajor ? " row-major" : " transposed";
  return text;
}

double ContractionCase::flops() const {
  return 2.0 * batch * group * product(outSpatial) * product(kernel) * inChannels * outChannels;
}

cpu::ContractionSizes ContractionCase::sizes(MLIRContext &context) const {
  cpu::ContractionSizes sizes;
  sizes.accumulatorBits = sizeOf(sumType) * 8;
  sizes.inputBits = sizeOf(inputType) * 8;
  sizes.weightBits = sizeOf(weightType) * 8;
  sizes.weightLayout = layout;
  sizes.weightsPerBatch = weightsPerBatch;
  sizes.taps = product(kernel);
  sizes.lastTaps = kernel.empty() ? 1 : kernel.back();
  if (codeBits) {
    sizes.hasCodes = true;
    sizes.mayRoundInput = mayRoundInput;
    sizes.weightBits = codeBits;
  }
  if (inputType == Scalar::BF16 && weightType == Scalar::BF16)
    sizes.inputType = sizes.weightType = BFloat16Type::get(&context);
  if (isInteger(inputType)) {
    auto typeIn = [&](Scalar type) -> Type {
      return type == Scalar::U8 ? IntegerType::get(&context, 8, IntegerType::Unsigned)
                                : IntegerType::get(&context, sizeOf(type) * 8);
    };
    sizes.inputType = typeIn(inputType);
    sizes.weightType = typeIn(weightType);
  }
  if (dynamic) {
    sizes.batch = sizes.group = sizes.lines = sizes.rows = -1;
    if (codeBits) {
      sizes.inChannels = inChannels;
      sizes.outChannels = outChannels;
    }
    return sizes;
  }
  sizes.batch = batch;
  sizes.group = group;
  sizes.rows = outSpatial.empty() ? 1 : outSpatial.back();
  sizes.lines = sizes.rows ? product(outSpatial) / sizes.rows : 0;
  sizes.inChannels = inChannels;
  sizes.outChannels = outChannels;
  if (outSpatial.empty())
    return sizes;
  int64_t pitch = group * inChannels + rowPadding;
  sizes.inputRowStride = stride.back() * pitch;
  sizes.tapsAreNeighbours = kernel.back() > 1 && dilation.back() == 1 && pitch == inChannels;
  return sizes;
}

std::vector<int64_t> ContractionCase::inputSpatial() const {
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < outSpatial.size(); ++i)
    sizes.push_back((outSpatial[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1);
  return sizes;
}

} // namespace tenon::testing
