// Values for a model's inputs, from files of several kinds or made up.

#include "lib/Tensors/Image.h"
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
  InputSet(const Session &session, const Arguments &arguments)
      : session(session), arguments(arguments), values(session.numInputs()) {}

  llvm::Error readFiles();
  llvm::Error addRandom();
  llvm::Expected<std::vector<Value>> take();

private:
  llvm::Error readFile(llvm::StringRef text);
  llvm::Error readArchive(llvm::StringRef path, std::optional<size_t> index);
  llvm::Error readImage(llvm::StringRef path, size_t index);
  llvm::Expected<size_t> findInput(llvm::StringRef name) const;
  llvm::Expected<llvm::SmallVector<int64_t>> randomShape(size_t index) const;
  llvm::Error readProto(llvm::StringRef path, size_t index);
  void store(size_t index, Tensor tensor);

  const Session &session;
  const Arguments &arguments;
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

/// Elements narrower than a byte have no type of their own in most files.
void InputSet::store(size_t index, Tensor tensor) {
  int32_t wanted = session.input(index).dtype;
  if (tenon_dtype_bits(wanted) < 8 &&
      (tensor.dtype == TENON_INT8 || tensor.dtype == TENON_UINT8 || tensor.dtype == TENON_FLOAT)) {
    Tensor packed;
    packed.dtype = wanted;
    packed.dims = tensor.dims;
    packed.bytes.resize(
        tenon_tensor_bytes(wanted, static_cast<int32_t>(packed.dims.size()), packed.dims.data()));
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      packed.setElement(i, tensor.element(i));
    tensor = std::move(packed);
  }
  values[index] = std::move(tensor);
}

static llvm::Expected<std::vector<double>> readNumbers(const Arguments &arguments,
                                                       llvm::StringRef option) {
  std::vector<double> numbers;
  std::string list = arguments.get(option);
  llvm::SmallVector<llvm::StringRef> parts;
  llvm::StringRef(list).split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    double number = 0;
    if (part.trim().getAsDouble(number))
      return makeError("option '" + option + "' needs numbers, got '" + part + "'");
    numbers.push_back(number);
  }
  if (arguments.has(option) && numbers.empty())
    return makeError("option '" + option + "' needs numbers");
  return numbers;
}

static llvm::Expected<ImageOptions> readImageOptions(const Arguments &arguments) {
  ImageOptions options;
  std::string layout = arguments.get("--layout");
  if (layout == "nchw")
    options.layout = ImageLayout::ChannelsFirst;
  else if (layout == "nhwc")
    options.layout = ImageLayout::ChannelsLast;
  else if (!layout.empty())
    return makeError("option '--layout' is nchw or nhwc, not '" + layout + "'");
  llvm::Expected<std::vector<double>> mean = readNumbers(arguments, "--mean"),
                                      deviation = readNumbers(arguments, "--std"),
                                      scale = readNumbers(arguments, "--scale");
  if (!mean || !deviation || !scale)
    return llvm::joinErrors(llvm::joinErrors(mean.takeError(), deviation.takeError()),
                            scale.takeError());
  if (llvm::is_contained(*deviation, 0.0))
    return makeError("option '--std' must not be 0");
  options.mean = std::move(*mean);
  options.deviation = std::move(*deviation);
  if (!scale->empty())
    options.scale = scale->front();
  options.bgr = arguments.has("--bgr");
  return options;
}

llvm::Error InputSet::readImage(llvm::StringRef path, size_t index) {
  llvm::Expected<ImageOptions> options = readImageOptions(arguments);
  if (!options)
    return options.takeError();
  const tenon_tensor_info &info = session.input(index);
  llvm::SmallVector<int64_t> dims;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    dims.push_back(info.dims[axis].value);
  llvm::Expected<Tensor> tensor = readImageTensor(path, info.dtype, dims, *options);
  if (!tensor)
    return tensor.takeError();
  store(index, std::move(*tensor));
  return llvm::Error::success();
}

/// An input's array of an archive: the one of its name, or the only one; without an input, all.
llvm::Error InputSet::readArchive(llvm::StringRef path, std::optional<size_t> index) {
  llvm::Expected<std::vector<NamedTensor>> arrays = readNpzFile(path);
  if (!arrays)
    return arrays.takeError();
  if (index) {
    llvm::StringRef name = session.input(*index).name;
    for (NamedTensor &array : *arrays)
      if (arrays->size() == 1 || array.name == name) {
        store(*index, std::move(array.tensor));
        return llvm::Error::success();
      }
    return makeError(path + ": has no array '" + name + "'");
  }
  for (NamedTensor &array : *arrays) {
    llvm::Expected<size_t> input = findInput(array.name);
    if (!input)
      return makeError(path + ": " + llvm::toString(input.takeError()));
    store(*input, std::move(array.tensor));
  }
  return llvm::Error::success();
}

llvm::Error InputSet::readProto(llvm::StringRef path, size_t index) {
  llvm::Expected<NamedValue> value = readProtoFile(path, kindsOf(session.input(index)));
  if (!value)
    return value.takeError();
  if (value->value.isTensor())
    store(index, std::move(value->value.tensor));
  else
    values[index] = std::move(value->value);
  return llvm::Error::success();
}

/// Whether files of this kind are read as pictures; what is in them tells the format.
static bool isPicture(llvm::StringRef extension) {
  static constexpr llvm::StringRef kinds[] = {".png",  ".jpg", ".jpeg", ".webp", ".tif",
                                              ".tiff", ".jp2", ".j2k",  ".bmp",  ".pbm",
                                              ".pgm",  ".ppm", ".pnm"};
  return llvm::any_of(kinds,
                      [&](llvm::StringRef kind) { return extension.equals_insensitive(kind); });
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
  llvm::StringRef extension = llvm::sys::path::extension(path);
  if (!index && text.contains('=') && !llvm::sys::fs::exists(text))
    return findInput(text.rsplit('=').first).takeError();
  if (extension.equals_insensitive(".npz"))
    return readArchive(path, index);
  if (!index) {
    if (session.numInputs() != 1)
      return makeError("'" + text + "' is not NAME=FILE, and the model has " +
                       llvm::Twine(session.numInputs()) + " inputs");
    index = 0;
  }
  if (extension.equals_insensitive(".npy")) {
    llvm::Expected<Tensor> tensor = readNpyFile(path);
    if (!tensor)
      return tensor.takeError();
    store(*index, std::move(*tensor));
  } else if (extension.equals_insensitive(".pb")) {
    return readProto(path, *index);
  } else if (isPicture(extension)) {
    return readImage(path, *index);
  } else {
    return makeError(path + ": is of an unknown kind; .npy, .npz, .pb and pictures are read");
  }
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
  InputSet inputs(session, arguments);
  if (llvm::Error error = inputs.readFiles())
    return std::move(error);
  if (random)
    if (llvm::Error error = inputs.addRandom())
      return std::move(error);
  return inputs.take();
}

} // namespace tenon::cli
