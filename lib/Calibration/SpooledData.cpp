// Samples that come once, kept in a file: what Python generators give.

#include "lib/Calibration/DataSource.h"
#include "lib/Support/Files.h"
#include "llvm/ADT/STLExtras.h"

namespace tenon::quantize {

namespace {

class SpooledData : public DataSource {
public:
  SpooledData(std::vector<InputType> inputs, FileHandle file)
      : DataSource(std::move(inputs)), file(std::move(file)) {}

  llvm::Error append(const Sample &sample);
  int64_t size() const override { return static_cast<int64_t>(samples.size()); }

protected:
  llvm::Expected<Sample> load(int64_t index) override;

private:
  struct Place {
    int32_t dtype;
    std::vector<int64_t> dims;
    uint64_t offset, bytes;
  };
  struct Entry {
    std::string origin;
    std::optional<int64_t> label;
    std::vector<Place> tensors;
  };

  FileHandle file;
  uint64_t end = 0;
  std::vector<Entry> samples;
};

} // namespace

llvm::Error SpooledData::append(const Sample &sample) {
  Entry entry{sample.origin, sample.label, {}};
  for (auto [number, value] : llvm::enumerate(sample.inputs)) {
    if (!value.isTensor() || value.tensor.dtype == TENON_STRING)
      return makeError(sample.origin + ": input '" + getInputs()[number].name +
                       "': only tensors of numbers can be kept");
    const Tensor &tensor = value.tensor;
    entry.tensors.push_back({tensor.dtype, tensor.dims, end, tensor.bytes.size()});
    if (llvm::Error error = writeAt(file.get(), tensor.bytes, end))
      return error;
    end += tensor.bytes.size();
  }
  samples.push_back(std::move(entry));
  return llvm::Error::success();
}

llvm::Expected<Sample> SpooledData::load(int64_t index) {
  const Entry &entry = samples[index];
  Sample sample{entry.origin, {}, entry.label};
  for (const Place &place : entry.tensors) {
    Tensor tensor;
    tensor.dtype = place.dtype;
    tensor.dims = place.dims;
    tensor.bytes.resize(place.bytes);
    if (llvm::Error error = readAt(file.get(), tensor.bytes, place.offset))
      return std::move(error);
    sample.inputs.emplace_back(std::move(tensor));
  }
  return sample;
}

llvm::Expected<std::unique_ptr<DataSource>>
spoolSamples(SampleGenerator next, std::vector<InputType> inputs, int64_t limit) {
  llvm::Expected<FileHandle> file = createScratchFile("");
  if (!file)
    return file.takeError();
  auto data = std::make_unique<SpooledData>(std::move(inputs), std::move(*file));
  while (limit == 0 || data->size() < limit) {
    llvm::Expected<std::optional<Sample>> sample = next();
    if (!sample)
      return sample.takeError();
    if (!*sample)
      break;
    if (llvm::Error error = data->append(**sample))
      return std::move(error);
  }
  if (data->size() == 0)
    return makeError("the data holds no samples");
  return data;
}

} // namespace tenon::quantize
