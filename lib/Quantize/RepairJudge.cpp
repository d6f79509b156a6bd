// What recipes lose (see the header).

#include "lib/Quantize/RepairJudge.h"
#include "lib/Quantize/Prepare.h"
#include "lib/Quantize/Scores.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// Each sample several times in a row, fainter each time: so nothing is beyond ranges that was not
/// before. Numbers other than f32 stay.
class FainterSamples : public DataSource {
public:
  FainterSamples(DataSource &all, int64_t times)
      : DataSource(all.getInputs().vec()), all(all), times(times) {}
  int64_t size() const override { return all.size() * times; }

protected:
  llvm::Expected<Sample> load(int64_t index) override {
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

private:
  DataSource &all;
  int64_t times;
};

} // namespace

/// How often samples are looked at: some dozens of times together, if all outputs are small, and
/// there is an input that can be fainter.
static int64_t chooseTimes(const Session &model, const DataSource &samples) {
  constexpr int64_t wanted = 48, most = 8, small = 4096;
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

/// Of each sample that was looked at several times in a row.
static std::vector<double> takeMeans(llvm::ArrayRef<double> noise, int64_t times) {
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

static llvm::Expected<Session> loadScores(const std::shared_ptr<ModelFile> &model,
                                          const ProbeOptions &probe) {
  llvm::Expected<std::shared_ptr<ModelFile>> shown = showScores(model, probe.compile.import);
  if (!shown)
    return shown.takeError();
  auto loaded = loadModel(*shown, probe);
  if (!loaded)
    return loaded.takeError();
  return std::move(loaded->first);
}

llvm::Expected<RepairJudge> RepairJudge::create(const std::shared_ptr<ModelFile> &model,
                                                DataSource &samples, const ProbeOptions &probe) {
  llvm::Expected<Session> reference = loadScores(model, probe);
  if (!reference)
    return reference.takeError();
  int64_t times = chooseTimes(*reference, samples);
  return RepairJudge(model, samples, probe, std::move(*reference), times);
}

llvm::Expected<Evaluation> RepairJudge::measure(const Recipe &recipe) {
  llvm::Expected<PreparedModel> prepared = prepareModel(model, recipe);
  if (!prepared)
    return prepared.takeError();
  ProbeOptions own = probe;
  own.compile.precision = prepared->precision;
  llvm::Expected<Session> session = loadScores(prepared->model, own);
  if (!session)
    return session.takeError();
  FainterSamples varied(samples, times);
  llvm::Expected<Evaluation> found =
      Evaluator(reference, varied, {LossKind::Sqnr, INFINITY}).evaluate(*session);
  if (found)
    found->sampleNoise = takeMeans(found->sampleNoise, times);
  return found;
}

} // namespace tenon::quantize
