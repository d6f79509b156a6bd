// Values for a model's inputs, from files of several kinds or made up.

#include "lib/Tensors/Npy.h"
#include "tools/tenon/ModelOptions.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <random>

namespace tenon::cli {

namespace {

/// Collects values for the inputs of one model.
class InputSet {
public:
  InputSet(const Session &session, const Arguments &arguments, ImageOptions image)
      : session(session), arguments(arguments), image(std::move(image)),
        values(session.numInputs()) {}

  llvm::Error readFiles();
  llvm::Error addRandom();
  llvm::Expected<std::vector<Value>> take();

private:
  llvm::Error readFile(llvm::StringRef text);
  llvm::Error readArchive(llvm::StringRef path);
  llvm::Expected<size_t> findInput(llvm::StringRef name) const;
  llvm::Expected<llvm::SmallVector<int64_t>> randomShape(size_t index) const;

  const Session &session;
  const Arguments &arguments;
  ImageOptions image;
  std::vector<std::optional<Value>> values;
};

} // namespace

llvm::Expected<size_t> InputSet::findInput(llvm::StringRef name) const {
  int32_t index = tenon_model_find_input(session.model(), name.str().c_str());
  if (index >= 0)
    return static_cast<size_t>(index);
  std::string known;
  for (size_t i = 0; i < session.numInputs(); ++i)
    known += (i ? ", '" : "'") + std::string(session.input(i).name) + "'";
  return makeError("the model has no input '" + name + "'; it has " +
                   (known.empty() ? std::string("none") : known));
}

/// All arrays of an archive, for the inputs of their names.
llvm::Error InputSet::readArchive(llvm::StringRef path) {
  llvm::Expected<std::vector<NamedTensor>> arrays = readNpzFile(path);
  if (!arrays)
    return arrays.takeError();
  for (NamedTensor &array : *arrays) {
    llvm::Expected<size_t> input = findInput(array.name);
    if (!input)
      return makeError(path + ": " + llvm::toString(input.takeError()));
    values[*input] = packForInput(std::move(array.tensor), session.input(*input).dtype);
  }
  return llvm::Error::success();
}

llvm::Error InputSet::readFile(llvm::StringRef text) {
  // Names and paths may contain '=': the name is what an input is called.
  std::optional<size_t> index;
  llvm::StringRef path = text;
  for (size_t i = 0; i < session.numInputs() && !index; ++i) {
    llvm::StringRef rest = text;
    if (rest.consume_front(session.input(i).name) && rest.consume_front("=")) {
      index = i;
      path = rest;
    }
  }
  if (!index && text.contains('=') && !llvm::sys::fs::exists(text))
    return findInput(text.rsplit('=').first).takeError();
  if (!index && llvm::sys::path::extension(path).equals_insensitive(".npz"))
    return readArchive(path);
  if (!index) {
    if (session.numInputs() != 1)
      return makeError("'" + text + "' is not NAME=FILE, and the model has " +
                       llvm::Twine(session.numInputs()) + " inputs");
    index = 0;
  }
  llvm::Expected<Value> value = readInputFile(path, inputTypeOf(session.input(*index)), image);
  if (!value)
    return value.takeError();
  values[*index] = std::move(*value);
  return llvm::Error::success();
}

llvm::Error InputSet::readFiles() {
  for (const std::string &text : arguments.all("--input"))
    if (llvm::Error error = readFile(text))
      return error;
  return llvm::Error::success();
}

/// The input's shape, with --shape for what the model leaves open.
llvm::Expected<llvm::SmallVector<int64_t>> InputSet::randomShape(size_t index) const {
  const tenon_tensor_info &info = session.input(index);
  llvm::SmallVector<int64_t> dims;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    dims.push_back(info.dims[axis].value);
  for (const std::string &text : arguments.all("--shape")) {
    llvm::Expected<ShapeOverride> shape = ShapeOverride::parse(text);
    if (!shape)
      return shape.takeError();
    if (shape->name == info.name && shape->dims.size() == dims.size())
      for (auto [dim, value] : llvm::zip(dims, shape->dims))
        dim = dim < 0 ? value.value_or(dim) : dim;
    for (size_t axis = 0; axis < dims.size() && shape->dims.size() == 1; ++axis)
      if (const char *symbol = info.dims[axis].symbol; symbol && shape->name == symbol)
        dims[axis] = shape->dims[0].value_or(dims[axis]);
  }
  for (size_t axis = 0; axis < dims.size(); ++axis)
    if (dims[axis] < 0)
      return makeError("input '" + llvm::Twine(info.name) + "' is " + describeSignature(info) +
                       ": say --shape " + info.name + "=… or give it with --input");
  return dims;
}

/// Floating point numbers in [-1, 1); integers 0 and 1, which are fit for masks and indices, and
/// strings "0" and "1". The same ones each time.
llvm::Error InputSet::addRandom() {
  // NOLINTNEXTLINE(bugprone-random-generator-seed): runs must be comparable.
  std::mt19937_64 generator(0);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i])
      continue;
    if (session.input(i).num_kinds)
      return makeError("input '" + llvm::Twine(session.input(i).name) + "' is " +
                       describeSignature(session.input(i)) + ": give it with --input");
    llvm::Expected<llvm::SmallVector<int64_t>> dims = randomShape(i);
    if (!dims)
      return dims.takeError();
    llvm::Expected<Tensor> tensor = Tensor::create(session.input(i).dtype, *dims);
    if (!tensor)
      return tensor.takeError();
    bool isFloat = isFloatingPoint(tensor->dtype);
    for (int64_t e = 0; e < tensor->numElements(); ++e) {
      double uniform = static_cast<double>(generator() >> 11) * 0x1p-53;
      if (tensor->dtype == TENON_STRING)
        tensor->strings[e] = uniform < 0.5 ? "0" : "1";
      else
        tensor->setElement(e, isFloat ? 2 * uniform - 1 : uniform < 0.5 ? 0 : 1);
    }
    values[i] = std::move(*tensor);
  }
  return llvm::Error::success();
}

llvm::Expected<std::vector<Value>> InputSet::take() {
  std::vector<Value> result;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i])
      return makeError("no value for input '" + llvm::Twine(session.input(i).name) + "', " +
                       describeSignature(session.input(i)) + ": give --input " +
                       session.input(i).name + "=FILE, or --random");
    result.push_back(std::move(*values[i]));
  }
  return result;
}

llvm::Expected<std::vector<Value>> makeInputs(const Session &session, const Arguments &arguments,
                                              bool random) {
  llvm::Expected<ImageOptions> image = readImageOptions(arguments);
  if (!image)
    return image.takeError();
  InputSet inputs(session, arguments, std::move(*image));
  if (llvm::Error error = inputs.readFiles())
    return std::move(error);
  if (random)
    if (llvm::Error error = inputs.addRandom())
      return std::move(error);
  return inputs.take();
}

} // namespace tenon::cli
