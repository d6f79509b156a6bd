// Samples in files and folders (see DataSource.h). Each file, or each set of files that belong
// together, is a part with one or more samples.

#include "lib/Calibration/DataSource.h"
#include "lib/Calibration/Labels.h"
#include "lib/Tensors/ArrayFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

namespace tenon::quantize {

namespace {

/// Samples of one file, or of files that belong together.
class Part {
public:
  virtual ~Part() = default;
  virtual int64_t size() const { return 1; }
  virtual llvm::Expected<Sample> load(int64_t index) = 0;
};

/// A picture, or another file with the value of a model's only input.
class FilePart : public Part {
public:
  FilePart(std::string path, const InputType &input, ImageOptions image)
      : path(std::move(path)), input(input), image(std::move(image)) {}

  llvm::Expected<Sample> load(int64_t) override {
    llvm::Expected<Value> value = readInputFile(path, input, image);
    if (!value)
      return value.takeError();
    Sample sample{path, {}, {}};
    sample.inputs.push_back(std::move(*value));
    return sample;
  }

private:
  std::string path;
  InputType input;
  ImageOptions image;
};

/// Arrays for all inputs, whose rows are samples.
class ArrayPart : public Part {
public:
  /// An array of one input and how samples lie in it.
  struct Column {
    FileArray array;
    std::string path;
    /// Of the input that it is for, whose numbers may be narrower than the file's.
    int32_t dtype = TENON_UNDEFINED;
    /// 0: the array is the same for all samples; else so many rows are one sample.
    int64_t rows = 0;
    /// Whether a row has no dimension for the rows that it is one of.
    bool dropsAxis = false;

    int64_t samples() const { return rows ? array.getDims()[0] / rows : 1; }
  };

  static llvm::Expected<std::unique_ptr<Part>> create(std::vector<Column> columns,
                                                      llvm::ArrayRef<InputType> inputs);

  int64_t size() const override { return count; }
  llvm::Expected<Sample> load(int64_t index) override;

private:
  static llvm::Error findSamples(Column &column, const InputType &input);

  std::vector<Column> columns;
  int64_t count = 1;
};

/// A folder of ONNX's tests: input_0.pb, input_1.pb, ...
class TestDataPart : public Part {
public:
  TestDataPart(std::string folder, llvm::ArrayRef<InputType> inputs)
      : folder(std::move(folder)), inputs(inputs.vec()) {}

  llvm::Expected<Sample> load(int64_t) override {
    Sample sample{folder, {}, {}};
    for (auto [number, input] : llvm::enumerate(inputs)) {
      llvm::SmallString<256> path(folder);
      llvm::sys::path::append(path, "input_" + llvm::Twine(number) + ".pb");
      llvm::Expected<Value> value = readInputFile(path, input, {});
      if (!value)
        return value.takeError();
      sample.inputs.push_back(std::move(*value));
    }
    return sample;
  }

private:
  std::string folder;
  std::vector<InputType> inputs;
};

/// All parts, one behind the other.
class FileData : public DataSource {
public:
  FileData(std::vector<InputType> inputs, DataOptions options)
      : DataSource(std::move(inputs)), options(std::move(options)) {}

  /// Adds the arguments of one call of openData.
  llvm::Error addPaths(llvm::ArrayRef<std::string> paths);
  /// Gives samples their classes and leaves out what is beyond the limit.
  llvm::Error finish(llvm::ArrayRef<std::string> paths);

  int64_t size() const override { return count; }

protected:
  llvm::Expected<Sample> load(int64_t index) override;

private:
  llvm::Error addFile(llvm::StringRef path);
  llvm::Error addFolder(llvm::StringRef path);
  llvm::Error addArchive(llvm::StringRef path);
  llvm::Error addArray(llvm::StringRef path);
  llvm::Error addColumns(std::vector<ArrayPart::Column> columns);
  void add(std::unique_ptr<Part> part);
  const InputType *findNamedInput(llvm::StringRef text) const;

  DataOptions options;
  std::vector<std::unique_ptr<Part>> parts;
  /// The number of the first sample of each part.
  std::vector<int64_t> firsts;
  int64_t count = 0;
  /// The files that parts of one sample are, in order; for labels by name.
  std::vector<std::string> names;
  std::vector<int64_t> labels;
};

} // namespace

/// Finds out which axis of an array counts samples.
llvm::Error ArrayPart::findSamples(Column &column, const InputType &input) {
  llvm::ArrayRef<int64_t> dims = column.array.getDims(), wanted = input.dims;
  column.dtype = input.dtype;
  if (dims.size() == wanted.size() + 1 && fitsShape(dims.drop_front(), wanted)) {
    column.rows = 1;
    column.dropsAxis = true;
    return llvm::Error::success();
  }
  if (dims.size() == wanted.size() && !dims.empty() &&
      fitsShape(dims.drop_front(), wanted.drop_front())) {
    int64_t batch = wanted[0] < 0 ? 1 : wanted[0];
    bool isOne = dims[0] == wanted[0];
    if (!isOne && batch > 0 && dims[0] % batch == 0)
      column.rows = batch;
    if (isOne || column.rows)
      return llvm::Error::success();
  }
  if (dims.empty() && wanted.empty())
    return llvm::Error::success();
  return makeError(column.path + ": array '" + input.name + "' is " +
                   describeTensorType(column.array.getDtype(), dims) + ", but the model takes " +
                   describeTensorType(input.dtype, wanted) +
                   ", or an array of these with one axis more");
}

llvm::Expected<std::unique_ptr<Part>> ArrayPart::create(std::vector<Column> columns,
                                                        llvm::ArrayRef<InputType> inputs) {
  auto part = std::make_unique<ArrayPart>();
  const Column *counting = nullptr;
  for (auto [column, input] : llvm::zip_equal(columns, inputs)) {
    if (llvm::Error error = findSamples(column, input))
      return std::move(error);
    if (column.rows == 0)
      continue;
    if (counting && counting->samples() != column.samples())
      return makeError(column.path + ": array '" + input.name + "' has " +
                       llvm::Twine(column.samples()) + " samples, but " + counting->path + " has " +
                       llvm::Twine(counting->samples()));
    counting = &column;
    part->count = column.samples();
  }
  part->columns = std::move(columns);
  return part;
}

llvm::Expected<Sample> ArrayPart::load(int64_t index) {
  Sample sample{columns.empty() ? std::string() : columns.front().path, {}, {}};
  if (count > 1)
    sample.origin += ", sample " + std::to_string(index);
  for (const Column &column : columns) {
    Tensor tensor = column.rows == 0 ? column.array.readAll()
                                     : column.array.readRows(index * column.rows, column.rows);
    if (column.dropsAxis)
      tensor.dims.erase(tensor.dims.begin());
    sample.inputs.emplace_back(packForInput(std::move(tensor), column.dtype));
  }
  return sample;
}

void FileData::add(std::unique_ptr<Part> part) {
  firsts.push_back(count);
  count += part->size();
  parts.push_back(std::move(part));
}

llvm::Expected<Sample> FileData::load(int64_t index) {
  size_t part = llvm::upper_bound(firsts, index) - firsts.begin() - 1;
  llvm::Expected<Sample> sample = parts[part]->load(index - firsts[part]);
  if (sample && !labels.empty())
    sample->label = labels[index];
  return sample;
}

llvm::Error FileData::addColumns(std::vector<ArrayPart::Column> columns) {
  llvm::Expected<std::unique_ptr<Part>> part = ArrayPart::create(std::move(columns), getInputs());
  if (!part)
    return part.takeError();
  add(std::move(*part));
  return llvm::Error::success();
}

/// "'a', 'b'"
static std::string listNames(llvm::ArrayRef<FileArray> arrays) {
  std::string text;
  for (const FileArray &array : arrays)
    text += (text.empty() ? "'" : ", '") + array.getName() + "'";
  return text.empty() ? "none" : text;
}

/// The classes of an archive that has them beside its inputs.
static constexpr llvm::StringLiteral labelsArray = "labels";

llvm::Error FileData::addArchive(llvm::StringRef path) {
  llvm::Expected<std::vector<FileArray>> arrays = FileArray::open(path);
  if (!arrays)
    return arrays.takeError();
  bool isOnly = arrays->size() == 1 && getInputs().size() == 1;
  std::vector<ArrayPart::Column> columns;
  for (const InputType &input : getInputs()) {
    auto array = llvm::find_if(
        *arrays, [&](const FileArray &array) { return isOnly || array.getName() == input.name; });
    if (array == arrays->end())
      return makeError(path + ": has no array '" + input.name + "'; it has " + listNames(*arrays));
    columns.push_back({*array, path.str()});
  }
  int64_t before = count;
  if (llvm::Error error = addColumns(std::move(columns)))
    return error;
  auto found =
      llvm::find_if(*arrays, [](const FileArray &array) { return array.getName() == labelsArray; });
  if (found == arrays->end() || isOnly || findNamedInput("labels="))
    return llvm::Error::success();
  llvm::Expected<std::vector<int64_t>> classes = readLabels(found->readAll(), path);
  if (!classes)
    return classes.takeError();
  if (static_cast<int64_t>(labels.size()) == before)
    llvm::append_range(labels, *classes);
  return llvm::Error::success();
}

llvm::Error FileData::addArray(llvm::StringRef path) {
  if (getInputs().size() != 1)
    return makeError(path + ": is the value of one input, but the model has " +
                     llvm::Twine(getInputs().size()) + "; say NAME=" + path + " for each");
  llvm::Expected<std::vector<FileArray>> arrays = FileArray::open(path);
  if (!arrays)
    return arrays.takeError();
  std::vector<ArrayPart::Column> columns;
  columns.push_back({std::move(arrays->front()), path.str()});
  return addColumns(std::move(columns));
}

llvm::Error FileData::addFile(llvm::StringRef path) {
  if (getInputs().empty())
    return makeError("the model has no input that data could be for");
  const InputType &only = getInputs().front();
  llvm::StringRef extension = llvm::sys::path::extension(path);
  if (extension.equals_insensitive(".npz"))
    return addArchive(path);
  if (extension.equals_insensitive(".npy"))
    return addArray(path);
  if (!isPictureFile(path) && !extension.equals_insensitive(".pb"))
    return makeError(path + ": is of an unknown kind; .npy, .npz, .pb and pictures are read");
  if (getInputs().size() != 1)
    return makeError(path + ": is the value of one input, but the model has " +
                     llvm::Twine(getInputs().size()));
  names.push_back(path.str());
  add(std::make_unique<FilePart>(path.str(), only, options.image));
  return llvm::Error::success();
}

static bool hasTestData(llvm::StringRef folder) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, "input_0.pb");
  return llvm::sys::fs::exists(path);
}

/// What is in a folder and those in it, sorted.
static llvm::Expected<std::vector<std::string>> listFolder(llvm::StringRef folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (llvm::sys::fs::recursive_directory_iterator entry(folder, error), end;
       entry != end && !error; entry.increment(error))
    paths.push_back(entry->path());
  if (error)
    return makeError(folder + ": cannot be read: " + error.message());
  llvm::sort(paths);
  return paths;
}

llvm::Error FileData::addFolder(llvm::StringRef folder) {
  int64_t before = count;
  if (hasTestData(folder)) {
    add(std::make_unique<TestDataPart>(folder.str(), getInputs()));
    return llvm::Error::success();
  }
  llvm::Expected<std::vector<std::string>> paths = listFolder(folder);
  if (!paths)
    return paths.takeError();
  for (const std::string &path : *paths) {
    llvm::StringRef extension = llvm::sys::path::extension(path);
    if (llvm::sys::fs::is_directory(path)) {
      if (hasTestData(path))
        add(std::make_unique<TestDataPart>(path, getInputs()));
    } else if (isPictureFile(path) || extension.equals_insensitive(".npy") ||
               extension.equals_insensitive(".npz")) {
      if (llvm::Error error = addFile(path))
        return error;
    }
  }
  if (count == before)
    return makeError(folder + ": holds no samples: no picture, .npy, .npz or input_0.pb");
  return llvm::Error::success();
}

/// The input of a text NAME=FILE; null if it is no such text.
const InputType *FileData::findNamedInput(llvm::StringRef text) const {
  auto found = llvm::find_if(getInputs(), [&](const InputType &input) {
    llvm::StringRef rest = text;
    return rest.consume_front(input.name) && rest.starts_with("=");
  });
  return found == getInputs().end() ? nullptr : &*found;
}

llvm::Error FileData::addPaths(llvm::ArrayRef<std::string> paths) {
  // Files of single inputs belong together.
  llvm::StringMap<ArrayPart::Column> named;
  for (llvm::StringRef path : paths) {
    if (const InputType *input = findNamedInput(path)) {
      llvm::StringRef file = path.drop_front(input->name.size() + 1);
      llvm::Expected<std::vector<FileArray>> arrays = FileArray::open(file);
      if (!arrays)
        return arrays.takeError();
      if (arrays->size() != 1)
        return makeError(file + ": has " + llvm::Twine(arrays->size()) + " arrays, not one");
      named[input->name] = {std::move(arrays->front()), file.str()};
      continue;
    }
    if (!llvm::sys::fs::exists(path))
      return makeError(path + ": there is no such file or folder");
    bool isFolder = llvm::sys::fs::is_directory(path);
    if (llvm::Error error = isFolder ? addFolder(path) : addFile(path))
      return error;
  }
  if (named.empty())
    return llvm::Error::success();
  std::vector<ArrayPart::Column> columns;
  for (const InputType &input : getInputs()) {
    auto column = named.find(input.name);
    if (column == named.end())
      return makeError("there is no data for input '" + input.name + "'");
    columns.push_back(std::move(column->second));
  }
  return addColumns(std::move(columns));
}

llvm::Error FileData::finish(llvm::ArrayRef<std::string> paths) {
  if (!options.labels.empty()) {
    llvm::Expected<std::vector<int64_t>> classes = readLabelFile(options.labels, names);
    if (!classes)
      return classes.takeError();
    labels = std::move(*classes);
  }
  std::string source = options.labels.empty() ? labelsArray.str() : options.labels;
  if (!labels.empty() && static_cast<int64_t>(labels.size()) != count)
    return makeError(source + ": has " + llvm::Twine(labels.size()) + " labels for " +
                     llvm::Twine(count) + " samples");
  if (options.limit)
    count = std::min(count, options.limit);
  if (count == 0)
    return makeError(llvm::join(paths, ", ") + ": no samples");
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<DataSource>> openData(llvm::ArrayRef<std::string> paths,
                                                     std::vector<InputType> inputs,
                                                     const DataOptions &options) {
  auto data = std::make_unique<FileData>(std::move(inputs), options);
  if (llvm::Error error = data->addPaths(paths))
    return std::move(error);
  if (llvm::Error error = data->finish(paths))
    return std::move(error);
  return data;
}

} // namespace tenon::quantize
