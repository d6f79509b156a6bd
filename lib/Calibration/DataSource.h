// Data that a model is calibrated and judged with: values for its inputs, read one sample at a
// time.
#ifndef TENON_LIB_CALIBRATION_DATASOURCE_H
#define TENON_LIB_CALIBRATION_DATASOURCE_H

#include "lib/Importer/Importer.h"
#include "lib/Tensors/InputFiles.h"
#include <memory>

namespace tenon::quantize {

/// Values for a model's inputs, in its order.
struct Sample {
  /// Where it comes from, for messages: "pictures/cat.jpg", "calibration.npz, sample 7".
  std::string origin;
  std::vector<Value> inputs;
  /// The class that it shows, where there are labels.
  std::optional<int64_t> label;
};

/// Samples that are read in any order, as often as needed, and never held in memory together.
class DataSource {
public:
  explicit DataSource(std::vector<InputType> inputs) : inputs(std::move(inputs)) {}
  virtual ~DataSource() = default;

  virtual int64_t size() const = 0;
  /// A sample that has each input's type and shape, and only finite numbers. An error names file,
  /// input and reason.
  llvm::Expected<Sample> read(int64_t index);
  llvm::ArrayRef<InputType> getInputs() const { return inputs; }

protected:
  virtual llvm::Expected<Sample> load(int64_t index) = 0;

private:
  std::vector<InputType> inputs;
};

/// Some samples of another source, which outlives this.
class DataSubset : public DataSource {
public:
  DataSubset(DataSource &all, std::vector<int64_t> indices)
      : DataSource(all.getInputs().vec()), all(all), indices(std::move(indices)) {}
  int64_t size() const override { return static_cast<int64_t>(indices.size()); }
  /// In the other source.
  llvm::ArrayRef<int64_t> getIndices() const { return indices; }

protected:
  llvm::Expected<Sample> load(int64_t index) override { return all.read(indices[index]); }

private:
  DataSource &all;
  std::vector<int64_t> indices;
};

/// Samples to calibrate with, and those that are held back to judge by: every `1 / heldBack`-th, at
/// least one of each if there are two. A single sample serves both.
struct DataSplit {
  DataSubset calibration, heldBack;
};
DataSplit splitData(DataSource &all, double heldBack = 0.25);

/// Whether a tensor of these sizes is one of a model's, where -1 is any.
bool fitsShape(llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> wanted);

struct DataOptions {
  ImageOptions image;
  /// A file of classes, one for each sample: .npy, .npz with one array, or text with a number per
  /// line, or a file's name and its number. May be empty.
  std::string labels;
  /// Use the first so many samples; 0 is all.
  int64_t limit = 0;
};

/// The inputs that a caller of the model gives, with what `options` fixes.
llvm::Expected<std::vector<InputType>> getInputTypes(const ModelFile &model,
                                                     const ImportOptions &options = {});

/// The samples in files and folders:
///  - a folder of pictures, .npy or .npz files: each is a sample, or several;
///  - an .npz file: an array for each input, whose first axis counts samples if it has one axis
///  more
///    than the input, or its batch dimension is a multiple of the input's; or [NAME=]FILE.npy;
///  - a folder of ONNX's tests: a sample in each `test_data_set_*`, of files `input_*.pb`.
llvm::Expected<std::unique_ptr<DataSource>> openData(llvm::ArrayRef<std::string> paths,
                                                     std::vector<InputType> inputs,
                                                     const DataOptions &options = {});

/// Gives samples one after another, each once; nullopt when there are no more.
using SampleGenerator = llvm::function_ref<llvm::Expected<std::optional<Sample>>()>;

/// What a generator gives, kept in a file without a name, so that it can be read again.
llvm::Expected<std::unique_ptr<DataSource>>
spoolSamples(SampleGenerator next, std::vector<InputType> inputs, int64_t limit = 0);

} // namespace tenon::quantize

#endif
