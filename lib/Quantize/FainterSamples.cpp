// Samples that are looked at several times (see the header).

#include "lib/Quantize/FainterSamples.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

llvm::Expected<Sample> FainterSamples::load(int64_t index) {
  constexpr float step = 0.015f;
  llvm::Expected<Sample> sample = all.read(index / times);
  if (!sample)
    return sample.takeError();
  float factor = 1 - step * static_cast<float>(index % times);
  for (Value &input : sample->inputs)
    if (input.kind == TENON_TENSOR && input.tensor.dtype == TENON_FLOAT)
      for (float &number : llvm::MutableArrayRef(
               reinterpret_cast<float *>(input.tensor.bytes.data()), input.tensor.numElements()))
        number *= factor;
  return sample;
}

int64_t chooseTimes(const Session &model, const DataSource &samples, int64_t wanted) {
  constexpr int64_t most = 8, small = 4096;
  if (llvm::none_of(samples.getInputs(),
                    [](const InputType &input) { return input.dtype == TENON_FLOAT; }))
    return 1;
  for (size_t index = 0; index < model.numOutputs(); ++index) {
    const tenon_tensor_info &info = model.output(index);
    int64_t count = 1;
    for (const tenon_dim_info &dim : llvm::ArrayRef(info.dims, std::max(info.rank, 0)))
      count *= std::max<int64_t>(dim.value, 1);
    if (count > small)
      return 1;
  }
  return std::clamp<int64_t>(wanted / std::max<int64_t>(samples.size(), 1), 1, most);
}

std::vector<double> takeMeans(llvm::ArrayRef<double> noise, int64_t times) {
  double mean = 0;
  for (double each : noise)
    mean += each / static_cast<double>(noise.size());
  // What has no noise to speak of does not count for more than little.
  double least = std::max(mean * 1e-4, std::numeric_limits<double>::min());
  std::vector<double> means;
  for (; !noise.empty(); noise = noise.drop_front(times)) {
    double sum = 0;
    for (double each : noise.take_front(times))
      sum += std::log(std::max(each, least));
    means.push_back(std::exp(sum / static_cast<double>(times)));
  }
  return means;
}

} // namespace tenon::quantize
