// What rounding does to tensors (see the header): a pass over the samples for what the model
// computes, and a look at the codes of constants.

#include "lib/Quantize/MeasureTensors.h"
#include "lib/Calibration/Floats.h"
#include "lib/Calibration/Parameters.h"
#include "lib/Editing/ModelEditor.h"
#include "lib/Quantize/Conversions.h"
#include "lib/Quantize/QuantizeConstant.h"
#include "lib/Quantize/WeightMatrix.h"
#include <cmath>

namespace tenon::quantize {

namespace {

/// Rounds what it sees of an activation.
class RoundingObserver : public Observer {
public:
  explicit RoundingObserver(TensorRecipe &entry) : entry(entry), codes{entry.dtype, false} {}

  llvm::Error observe(const tenon_tensor &tensor) override;
  /// None of a tensor of zeros.
  std::optional<double> sqnr() const {
    return signal > 0 ? std::optional(10 * std::log10(signal / noise)) : std::nullopt;
  }
  TensorRecipe &entry;

private:
  CodeRange codes;
  double signal = 0, noise = 0;
  std::vector<float> storage;
};

} // namespace

llvm::Error RoundingObserver::observe(const tenon_tensor &tensor) {
  double scale = entry.scales.front();
  auto zero = static_cast<double>(entry.zeroPoints.empty() ? 0 : entry.zeroPoints.front());
  auto least = static_cast<double>(codes.least()), largest = static_cast<double>(codes.largest());
  size_t channels = tensor.rank ? tensor.dims[tensor.rank - 1] : 1;
  std::vector<bool> isExact(channels, false);
  for (int64_t outlier : entry.outliers)
    if (outlier < static_cast<int64_t>(channels))
      isExact[outlier] = true;
  for (auto [i, value] : llvm::enumerate(toFloats(tensor, storage))) {
    signal += double(value) * value;
    if (isExact[i % channels])
      continue;
    double code = std::clamp(std::nearbyint(value / scale) + zero, least, largest);
    double error = (code - zero) * scale - value;
    noise += error * error;
  }
  return llvm::Error::success();
}

static llvm::Error measureConstant(const Tensor &constant, TensorRecipe &entry) {
  llvm::Expected<QuantizedConstant> quantized = quantizeConstant(constant, entry);
  if (!quantized)
    return quantized.takeError();
  ScaleGrid grid(constant.dims, entry);
  double signal = 0, noise = 0, expected = 0;
  for (auto [i, value] : llvm::enumerate(floatsOf(constant))) {
    size_t at = grid.find(static_cast<int64_t>(i));
    double scale = quantized->scales[at];
    auto code = static_cast<double>(quantized->getCode(static_cast<int64_t>(i), entry.dtype) -
                                    quantized->zeroPoints[at]);
    signal += double(value) * value;
    noise += std::pow(code * scale - value, 2);
    expected += scale * scale / 12;
  }
  if (signal == 0)
    return llvm::Error::success();
  entry.predictedSqnr = 10 * std::log10(signal / expected);
  entry.measuredSqnr = 10 * std::log10(signal / noise);
  return llvm::Error::success();
}

llvm::Error measureTensors(Recipe &recipe, const std::shared_ptr<ModelFile> &adjusted,
                           DataSource &data, const CalibrateOptions &options) {
  ModelEditor model(adjusted);
  std::vector<RoundingObserver> observers;
  observers.reserve(recipe.tensors.size());
  std::vector<Observed> observed;
  for (TensorRecipe &entry : recipe.tensors) {
    if (!model.isConstant(entry.name)) {
      observed.push_back({entry.name, &observers.emplace_back(entry)});
      continue;
    }
    llvm::Expected<Tensor> constant = model.readConstant(entry.name);
    if (!constant)
      return constant.takeError();
    if (llvm::Error error = measureConstant(*constant, entry))
      return error;
  }
  if (observed.empty())
    return llvm::Error::success();
  if (llvm::Error error = observeTensors(adjusted, observed, data, options))
    return error;
  for (const RoundingObserver &observer : observers)
    observer.entry.measuredSqnr = observer.sqnr();
  return llvm::Error::success();
}

} // namespace tenon::quantize
