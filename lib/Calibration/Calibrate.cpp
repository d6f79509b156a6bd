// What a model's tensors hold when it runs on samples (see the header).

#include "lib/Calibration/Calibrate.h"
#include "lib/Calibration/Floats.h"
#include <cmath>
#include <numeric>

namespace tenon::quantize {

namespace {

/// Histograms of parts of the samples, which take turns.
class HistogramObserver : public Observer {
public:
  explicit HistogramObserver(int64_t parts) : histograms(parts) {}
  llvm::Error observe(const tenon_tensor &tensor) override {
    histograms[next].add(toFloats(tensor, storage));
    next = (next + 1) % histograms.size();
    return llvm::Error::success();
  }

  std::vector<Histogram> histograms;

private:
  size_t next = 0;
  std::vector<float> storage;
};

/// One use of observeTensors.
class Observation {
public:
  Observation(const std::shared_ptr<ModelFile> &model, DataSource &data,
              const CalibrateOptions &options)
      : model(model), data(data), options(options) {}

  llvm::Error run(llvm::ArrayRef<Observed> tensors);

private:
  llvm::Error runRound(llvm::ArrayRef<Observed> tensors);

  const std::shared_ptr<ModelFile> &model;
  DataSource &data;
  const CalibrateOptions &options;
  int64_t done = 0, planned = 0;
};

} // namespace

static llvm::Error observeSample(ProbedModel &probed, Sample &sample,
                                 llvm::ArrayRef<Observed> tensors) {
  llvm::Expected<std::vector<tenon_tensor>> values = probed.run(sample);
  if (!values)
    return values.takeError();
  for (auto [observed, value] : llvm::zip_equal(tensors, *values))
    if (llvm::Error error = observed.observer->observe(value))
      return makeError(sample.origin + ": tensor '" + observed.tensor +
                       "': " + llvm::toString(std::move(error)));
  return llvm::Error::success();
}

llvm::Error Observation::runRound(llvm::ArrayRef<Observed> tensors) {
  std::vector<std::string> names;
  for (const Observed &observed : tensors)
    names.push_back(observed.tensor);
  llvm::Expected<ProbedModel> probed = ProbedModel::compile(model, names, options.probe);
  if (!probed)
    return probed.takeError();
  for (int64_t i = 0; i < data.size(); ++i) {
    llvm::Expected<Sample> sample = data.read(i);
    if (!sample)
      return sample.takeError();
    if (llvm::Error error = observeSample(*probed, *sample, tensors))
      return error;
    if (options.progress)
      options.progress(++done, planned);
  }
  return llvm::Error::success();
}

/// Sizes that a run tells count as 1.
static int64_t countBytes(const ValueType &type) {
  llvm::SmallVector<int64_t> dims = llvm::map_to_vector(
      type.dims, [](int64_t dim) { return std::max<int64_t>(dim, dim < 0 ? 1 : 0); });
  return std::max<int64_t>(
      0, tenon_tensor_bytes(type.dtype, static_cast<int32_t>(dims.size()), dims.data()));
}

std::vector<std::vector<std::string>> divideTensors(llvm::ArrayRef<std::string> tensors,
                                                    const llvm::StringMap<ValueType> &types,
                                                    int64_t bytesPerRound) {
  std::vector<std::vector<std::string>> rounds(1);
  int64_t bytes = 0;
  for (const std::string &tensor : tensors) {
    auto type = types.find(tensor);
    int64_t more = type == types.end() ? 0 : countBytes(type->second);
    if (bytes + more > bytesPerRound && !rounds.back().empty()) {
      rounds.emplace_back();
      bytes = 0;
    }
    bytes += more;
    rounds.back().push_back(tensor);
  }
  return rounds;
}

llvm::Error Observation::run(llvm::ArrayRef<Observed> tensors) {
  if (data.size() == 0)
    return makeError("there is no sample to calibrate " + model->name() + " with");
  auto types = inferValueTypes(model, options.probe.compile.import);
  if (!types)
    return types.takeError();
  std::vector<std::string> names;
  for (const Observed &observed : tensors) {
    names.push_back(observed.tensor);
    if (!types->contains(observed.tensor))
      return makeError(model->name() + ": has no tensor '" + observed.tensor + "'");
  }
  auto rounds = divideTensors(names, *types, options.bytesPerRound);
  planned = static_cast<int64_t>(rounds.size()) * data.size();
  for (const std::vector<std::string> &round : rounds) {
    if (llvm::Error error = runRound(tensors.take_front(round.size())))
      return error;
    tensors = tensors.drop_front(round.size());
  }
  return llvm::Error::success();
}

llvm::Error observeTensors(const std::shared_ptr<ModelFile> &model,
                           llvm::ArrayRef<Observed> tensors, DataSource &data,
                           const CalibrateOptions &options) {
  return Observation(model, data, options).run(tensors);
}

llvm::Expected<std::vector<llvm::StringMap<Histogram>>>
calibrateInParts(const std::shared_ptr<ModelFile> &model, llvm::ArrayRef<std::string> tensors,
                 DataSource &data, int64_t parts, const CalibrateOptions &options) {
  llvm::StringMap<HistogramObserver> observers;
  std::vector<Observed> observed;
  for (const std::string &tensor : tensors)
    if (auto [entry, isNew] = observers.try_emplace(tensor, parts); isNew)
      observed.push_back({tensor, &entry->second});
  if (llvm::Error error = observeTensors(model, observed, data, options))
    return std::move(error);
  std::vector<llvm::StringMap<Histogram>> result(parts);
  for (auto &entry : observers)
    for (auto [part, histogram] : llvm::zip_equal(result, entry.second.histograms))
      part.try_emplace(entry.first(), std::move(histogram));
  return result;
}

llvm::Expected<llvm::StringMap<Histogram>> calibrate(const std::shared_ptr<ModelFile> &model,
                                                     llvm::ArrayRef<std::string> tensors,
                                                     DataSource &data,
                                                     const CalibrateOptions &options) {
  auto parts = calibrateInParts(model, tensors, data, 1, options);
  if (!parts)
    return parts.takeError();
  return std::move(parts->front());
}

llvm::Error ChannelObserver::observe(const tenon_tensor &tensor) {
  int64_t position = axis < 0 ? axis + tensor.rank : axis;
  if (position < 0 || position >= tensor.rank)
    return makeError("a tensor of rank " + llvm::Twine(tensor.rank) + " has no axis " +
                     llvm::Twine(axis));
  llvm::ArrayRef<int64_t> dims(tensor.dims, tensor.rank);
  auto product = [](llvm::ArrayRef<int64_t> sizes) {
    return std::accumulate(sizes.begin(), sizes.end(), int64_t(1), std::multiplies<>());
  };
  int64_t channels = dims[position], outer = product(dims.take_front(position)),
          inner = product(dims.drop_front(position + 1));
  if (statistics.min.empty()) {
    statistics.min.assign(channels, INFINITY);
    statistics.max.assign(channels, -INFINITY);
    statistics.sum.assign(channels, 0);
    statistics.squares.assign(channels, 0);
  } else if (static_cast<int64_t>(statistics.min.size()) != channels) {
    return makeError("axis " + llvm::Twine(axis) + " has " + llvm::Twine(channels) +
                     " channels here and had " + llvm::Twine(statistics.min.size()) + " before");
  }
  statistics.count += outer * inner;
  const float *number = toFloats(tensor, storage).data();
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t i = 0; i < inner; ++i, ++number) {
        statistics.min[c] = std::min(statistics.min[c], *number);
        statistics.max[c] = std::max(statistics.max[c], *number);
        statistics.sum[c] += *number;
        statistics.squares[c] += double(*number) * *number;
      }
  return llvm::Error::success();
}

} // namespace tenon::quantize
