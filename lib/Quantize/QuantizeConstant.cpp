// Rounding of constants (see the header).

#include "lib/Quantize/QuantizeConstant.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

namespace tenon::quantize {

int64_t QuantizedConstant::getCode(int64_t index, int32_t dtype) const {
  int8_t code = codes[index];
  return dtype == TENON_UINT8 ? static_cast<uint8_t>(code) : code;
}

namespace {

/// Which parameters an element has: elements are [outer, size, inner] around the axis.
class ParameterIndex {
public:
  ParameterIndex(llvm::ArrayRef<int64_t> dims, std::optional<int64_t> axis, int64_t blockSize)
      : blockSize(blockSize) {
    if (!axis)
      return;
    size = dims[*axis];
    for (int64_t dim : dims.drop_front(*axis + 1))
      inner *= dim;
    blocks = blockSize ? llvm::divideCeil(size, blockSize) : size;
    hasAxis = true;
  }

  int64_t operator()(int64_t element) const {
    if (!hasAxis)
      return 0;
    int64_t position = element / inner % size;
    if (!blockSize)
      return position;
    return (element / (inner * size) * blocks + position / blockSize) * inner + element % inner;
  }

private:
  int64_t blockSize, size = 1, inner = 1, blocks = 1;
  bool hasAxis = false;
};

} // namespace

/// The shape of the parameters of an entry that fits the constant.
static llvm::Expected<std::vector<int64_t>> getParameterDims(const Tensor &constant,
                                                             const TensorRecipe &recipe) {
  int64_t rank = constant.dims.size();
  if (!recipe.axis)
    return std::vector<int64_t>();
  if (*recipe.axis < 0 || *recipe.axis >= rank)
    return llvm::createStringError("axis " + llvm::Twine(*recipe.axis) + " is not a dimension of " +
                                   describeTensorType(constant));
  int64_t size = constant.dims[*recipe.axis];
  if (!recipe.blockSize)
    return std::vector<int64_t>{size};
  std::vector<int64_t> dims = constant.dims;
  dims[*recipe.axis] = llvm::divideCeil(size, recipe.blockSize);
  return dims;
}

/// The sum of squared errors of each block whose range is `part` of what holds all of its weights,
/// and the parameters for that.
static std::vector<double> tryPart(llvm::ArrayRef<float> values, const ParameterIndex &index,
                                   int32_t dtype, float part, QuantizedConstant &result) {
  size_t count = result.scales.size();
  std::vector<float> low(count, 0), high(count, 0);
  for (auto [i, value] : llvm::enumerate(values)) {
    int64_t at = index(static_cast<int64_t>(i));
    low[at] = std::min(low[at], value);
    high[at] = std::max(high[at], value);
  }
  bool isSigned = dtype == TENON_INT8 || dtype == TENON_INT4;
  for (auto [low, high, scale, zero] :
       llvm::zip_equal(low, high, result.scales, result.zeroPoints)) {
    QuantizationParameters found =
        makeParameters(part * low, part * high, {dtype, /*symmetric=*/isSigned});
    scale = found.scale;
    zero = found.zeroPoint;
  }
  CodeRange range{dtype};
  auto least = static_cast<float>(range.least()), largest = static_cast<float>(range.largest());
  std::vector<double> errors(count, 0);
  for (auto [i, value] : llvm::enumerate(values)) {
    int64_t at = index(static_cast<int64_t>(i));
    auto zero = static_cast<float>(result.zeroPoints[at]);
    float code = std::clamp(std::nearbyint(value / result.scales[at]) + zero, least, largest);
    double error = (code - zero) * result.scales[at] - value;
    errors[at] += error * error;
  }
  return errors;
}

/// Scales of blocks with the least squared error, and zero points where codes have no sign.
static void findParameters(llvm::ArrayRef<float> values, const ParameterIndex &index, int32_t dtype,
                           QuantizedConstant &result) {
  constexpr float parts[] = {1, 0.95F, 0.9F, 0.85F, 0.8F, 0.75F, 0.7F, 0.65F};
  QuantizedConstant tried = result;
  std::vector<double> least;
  for (float part : parts) {
    std::vector<double> errors = tryPart(values, index, dtype, part, tried);
    if (least.empty())
      least.assign(errors.size(), INFINITY);
    for (size_t at = 0; at < errors.size(); ++at)
      if (errors[at] < least[at]) {
        least[at] = errors[at];
        result.scales[at] = tried.scales[at];
        result.zeroPoints[at] = tried.zeroPoints[at];
      }
  }
}

/// Rounds to the nearest; false if a number is not finite, with its position in `strange`.
static bool round(llvm::ArrayRef<float> values, const ParameterIndex &index, CodeRange range,
                  QuantizedConstant &result, size_t &strange) {
  auto least = static_cast<float>(range.least()), largest = static_cast<float>(range.largest());
  result.codes.reserve(values.size());
  for (auto [i, value] : llvm::enumerate(values)) {
    if (!std::isfinite(value)) {
      strange = i;
      return false;
    }
    int64_t at = index(static_cast<int64_t>(i));
    float code =
        std::nearbyint(value / result.scales[at]) + static_cast<float>(result.zeroPoints[at]);
    result.codes.push_back(
        static_cast<int8_t>(static_cast<int64_t>(std::clamp(code, least, largest))));
  }
  return true;
}

llvm::Expected<QuantizedConstant> quantizeConstant(const Tensor &constant,
                                                   const TensorRecipe &recipe) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError("entry of tensor '" + recipe.name + "': " + reason);
  };
  if (constant.dtype != TENON_FLOAT)
    return fail("the constant is " + describeTensorType(constant) + ", not of f32");
  llvm::Expected<std::vector<int64_t>> dims = getParameterDims(constant, recipe);
  if (!dims)
    return fail(llvm::toString(dims.takeError()));
  QuantizedConstant result;
  result.dims = constant.dims;
  result.parameterDims = std::move(*dims);
  llvm::ArrayRef<float> values(reinterpret_cast<const float *>(constant.bytes.data()),
                               constant.bytes.size() / sizeof(float));
  ParameterIndex index(constant.dims, recipe.axis, recipe.blockSize);
  size_t count = 1;
  for (int64_t dim : result.parameterDims)
    count *= dim;
  if (!recipe.scales.empty() && recipe.scales.size() != count)
    return fail(llvm::Twine(recipe.scales.size()) + " scales for " + describeTensorType(constant) +
                ", which takes " + llvm::Twine(count));
  result.scales = recipe.scales;
  result.zeroPoints = recipe.zeroPoints;
  result.scales.resize(count);
  result.zeroPoints.resize(count);
  if (recipe.scales.empty())
    findParameters(values, index, recipe.dtype, result);
  if (!recipe.codes.empty() && recipe.codes.size() != values.size())
    return fail(llvm::Twine(recipe.codes.size()) + " codes for " + describeTensorType(constant));
  result.codes = recipe.codes;
  size_t strange = 0;
  if (result.codes.empty() && !round(values, index, {recipe.dtype}, result, strange))
    return fail("the constant has " + formatNumber(values[strange]) + " at " +
                describePosition(static_cast<int64_t>(strange), constant.dims));
  return result;
}

llvm::Error roundConstant(Tensor &constant, const TensorRecipe &recipe) {
  llvm::Expected<QuantizedConstant> quantized = quantizeConstant(constant, recipe);
  if (!quantized)
    return quantized.takeError();
  ParameterIndex index(constant.dims, recipe.axis, recipe.blockSize);
  auto *values = reinterpret_cast<float *>(constant.bytes.data());
  for (size_t i = 0; i < quantized->codes.size(); ++i) {
    int64_t at = index(static_cast<int64_t>(i));
    int64_t code = quantized->getCode(static_cast<int64_t>(i), recipe.dtype);
    values[i] = static_cast<float>(code - quantized->zeroPoints[at]) * quantized->scales[at];
  }
  return llvm::Error::success();
}

} // namespace tenon::quantize
