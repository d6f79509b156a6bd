// Samples with what a model makes of them (see the header).

#include "lib/Quantize/ExpectedSamples.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

int64_t ExpectedSample::countBytes() const {
  size_t bytes = 0;
  for (const Value &input : sample.inputs)
    bytes += input.tensor.bytes.size();
  for (const auto &[number, output] : outputs)
    bytes += output.bytes.size();
  return static_cast<int64_t>(bytes);
}

llvm::Error ExpectedSample::addLosses(llvm::ArrayRef<tenon_value> got,
                                      std::vector<TensorLoss> &losses) {
  losses.resize(outputs.size());
  for (auto [loss, expected] : llvm::zip_equal(losses, outputs))
    if (llvm::Error error = loss.add(expected.second.view(), got[expected.first].tensor))
      return makeError(sample.origin + ": " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

static llvm::Expected<ExpectedSample> expect(Sample sample, RunSample run) {
  llvm::Expected<llvm::ArrayRef<tenon_value>> outputs = run(sample);
  if (!outputs)
    return outputs.takeError();
  ExpectedSample expected{std::move(sample), {}};
  for (auto [index, output] : llvm::enumerate(*outputs))
    if (output.kind == TENON_TENSOR && isFloatingPoint(output.tensor.dtype))
      expected.outputs.emplace_back(index, Tensor::copy(output.tensor));
  return std::move(expected);
}

llvm::Error visitBatches(DataSource &data, int64_t samples, RunSample runUnchanged, UseBatch use) {
  constexpr int64_t mostBytes = int64_t(32) << 20;
  samples = std::min(samples, data.size());
  for (int64_t next = 0; next < samples;) {
    std::vector<ExpectedSample> batch;
    for (int64_t bytes = 0; next < samples && bytes < mostBytes; ++next) {
      llvm::Expected<Sample> sample = data.read(next);
      if (!sample)
        return sample.takeError();
      llvm::Expected<ExpectedSample> expected = expect(std::move(*sample), runUnchanged);
      if (!expected)
        return expected.takeError();
      bytes += expected->countBytes();
      batch.push_back(std::move(*expected));
    }
    if (llvm::Error error = use(batch))
      return error;
  }
  return llvm::Error::success();
}

double findLargestNoise(llvm::ArrayRef<TensorLoss> outputs) {
  double noise = 0;
  for (const TensorLoss &loss : outputs)
    noise = std::max(noise, std::pow(10, -loss.sqnr() / 10));
  return noise;
}

} // namespace tenon::quantize
