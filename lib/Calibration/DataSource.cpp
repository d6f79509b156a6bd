// What all sources have in common (see the header): samples are checked when they are read.

#include "lib/Calibration/DataSource.h"
#include "llvm/ADT/StringSet.h"
#include <cmath>

namespace tenon::quantize {

bool fitsShape(llvm::ArrayRef<int64_t> dims, llvm::ArrayRef<int64_t> wanted) {
  return dims.size() == wanted.size() && llvm::all_of(llvm::zip(dims, wanted), [](auto pair) {
           return std::get<1>(pair) < 0 || std::get<0>(pair) == std::get<1>(pair);
         });
}

/// The position of a NaN or infinity.
static std::optional<int64_t> findStrangeNumber(const Tensor &tensor) {
  if (tensor.dtype == TENON_FLOAT) {
    llvm::ArrayRef<float> numbers(reinterpret_cast<const float *>(tensor.bytes.data()),
                                  tensor.bytes.size() / sizeof(float));
    auto *found = llvm::find_if(numbers, [](float number) { return !std::isfinite(number); });
    return found == numbers.end() ? std::nullopt : std::optional<int64_t>(found - numbers.begin());
  }
  if (isFloatingPoint(tensor.dtype))
    for (int64_t i = 0; i < tensor.numElements(); ++i)
      if (!std::isfinite(tensor.element(i)))
        return i;
  return std::nullopt;
}

static llvm::Error checkTensor(const Tensor &tensor, const InputType &input) {
  if (tensor.dtype != input.dtype || !fitsShape(tensor.dims, input.dims))
    return makeError("is " + describeTensorType(tensor) + ", but the model takes " +
                     describeTensorType(input.dtype, input.dims));
  if (std::optional<int64_t> position = findStrangeNumber(tensor))
    return makeError("holds " + formatNumber(tensor.element(*position)) + " at " +
                     describePosition(*position, tensor.dims));
  return llvm::Error::success();
}

llvm::Expected<Sample> DataSource::read(int64_t index) {
  llvm::Expected<Sample> sample = load(index);
  if (!sample)
    return sample;
  if (sample->inputs.size() != inputs.size())
    return makeError(sample->origin + ": has values for " + llvm::Twine(sample->inputs.size()) +
                     " inputs, but the model has " + llvm::Twine(inputs.size()));
  for (auto [value, input] : llvm::zip_equal(sample->inputs, inputs))
    if (value.isTensor())
      if (llvm::Error error = checkTensor(value.tensor, input))
        return makeError(sample->origin + ": input '" + input.name + "' " +
                         llvm::toString(std::move(error)));
  return sample;
}

// Taken by the golden ratio, samples of both kinds are spread evenly, also over data that is
// periodic, as classes in turn are.
DataSplit splitData(DataSource &all, double heldBack) {
  std::vector<int64_t> calibration, judged;
  int64_t count = all.size();
  int64_t wanted = std::llround(static_cast<double>(count) * heldBack);
  if (count > 1)
    wanted = std::clamp<int64_t>(wanted, 1, count - 1);
  std::vector<std::pair<double, int64_t>> order;
  for (int64_t i = 0; i < count; ++i) {
    double position = static_cast<double>(i + 1) * 0.6180339887498949;
    order.emplace_back(position - std::floor(position), i);
  }
  llvm::sort(order);
  for (auto [rank, entry] : llvm::enumerate(order))
    (static_cast<int64_t>(rank) < wanted ? judged : calibration).push_back(entry.second);
  llvm::sort(calibration);
  llvm::sort(judged);
  if (count == 1)
    calibration = judged = {0};
  return {DataSubset(all, std::move(calibration)), DataSubset(all, std::move(judged))};
}

static void applyShapes(InputType &input, const onnx::TensorShapeProto &declared,
                        const ImportOptions &options) {
  for (const ShapeOverride &shape : options.shapes) {
    if (shape.name == input.name && shape.dims.size() == input.dims.size())
      for (auto [dim, value] : llvm::zip(input.dims, shape.dims))
        dim = value.value_or(dim);
    for (size_t axis = 0; axis < input.dims.size() && shape.dims.size() == 1; ++axis)
      if (declared.dim(static_cast<int>(axis)).dim_param() == shape.name)
        input.dims[axis] = shape.dims[0].value_or(input.dims[axis]);
  }
}

llvm::Expected<std::vector<InputType>> getInputTypes(const ModelFile &model,
                                                     const ImportOptions &options) {
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : model.graph().initializer())
    initializers.insert(tensor.name());
  std::vector<InputType> inputs;
  for (const onnx::ValueInfoProto &info : model.graph().input()) {
    if (initializers.contains(info.name()))
      continue;
    if (!info.type().has_tensor_type())
      return makeError(model.name() + ": input '" + info.name() +
                       "' is no tensor, of which calibration needs samples");
    InputType input;
    input.name = info.name();
    input.dtype = info.type().tensor_type().elem_type();
    const onnx::TensorShapeProto &shape = info.type().tensor_type().shape();
    for (const onnx::TensorShapeProto::Dimension &dim : shape.dim())
      input.dims.push_back(dim.has_dim_value() ? dim.dim_value() : -1);
    applyShapes(input, shape, options);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

} // namespace tenon::quantize
