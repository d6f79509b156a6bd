// Changes to a recipe that lose less at the same precision.
//
// None of these changes what the model computes in fp32: numbers move between weights, biases and
// norms (adjustments of a recipe), or codes are chosen that are not the nearest (its tensors). What
// a repair is worth depends on the model, so it is for the caller to measure and to keep what
// helps.
#ifndef TENON_LIB_QUANTIZE_REPAIR_H
#define TENON_LIB_QUANTIZE_REPAIR_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Quantize/TensorRecipes.h"
#include <memory>

namespace tenon::quantize {

/// What recipes are repaired with.
struct RepairContext {
  /// The model in fp32, and what of it may be quantized.
  const std::shared_ptr<ModelFile> &model;
  const QuantizationPlan &plan;
  /// Samples that ranges and repairs are fitted to: what a repair is worth shows on others.
  DataSource &data;
  CalibrateOptions calibrate;
  TensorOptions tensors;
  /// What these samples show in the model without adjustments; null if it is not at hand.
  const llvm::StringMap<Histogram> *histograms = nullptr;
  /// Called as work goes on, with what it is, and how much of it is done.
  std::function<void(llvm::StringRef, int64_t, int64_t)> progress;

  /// The options of calibration that show its progress as that of some work.
  CalibrateOptions showCalibration(std::string work) const;
  /// The model in fp32 with a recipe's adjustments.
  llvm::Expected<std::shared_ptr<ModelFile>> adjust(const Recipe &recipe) const;
  /// What becomes of codes of weights that were chosen, and not rounded to the nearest.
  enum class Codes { Forget, Keep };
  /// Finds scales of a recipe's tensors anew, each by the method of its entry, after adjustments,
  /// methods or the samples have changed. Tensors whose outlier channels are split off stay.
  llvm::Error recalibrate(Recipe &recipe, Codes codes = Codes::Forget) const;

private:
  llvm::Expected<TensorRecipes> describe(const std::shared_ptr<ModelFile> &adjusted,
                                         const Recipe &recipe,
                                         llvm::ArrayRef<std::string> activations) const;
};

class Repair {
public:
  virtual ~Repair() = default;
  /// As reports and the recipe's entries call it: "equalization".
  virtual llvm::StringRef getName() const = 0;
  /// Changes a recipe; false if there was nothing to change.
  virtual llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const = 0;
  /// What part of the noise may be left at most to keep it. A few percent may be luck.
  virtual double getMostNoiseLeft() const { return 0.97; }
};

/// All repairs, in the order in which they are of use: later ones build on what earlier ones leave,
/// and those that choose codes and biases come last.
std::vector<std::unique_ptr<Repair>> makeRepairs();

// Each of them, for tests and for callers who want one.

/// Lets additions of shortcuts and what else follows products read what was computed instead of the
/// bytes that products read. That takes time, so it has to help much.
std::unique_ptr<Repair> makeFullShortcuts();
/// Makes ranges of channels alike where one product's result is another's operand, directly or
/// through what keeps positive factors (Relu, pooling): what the first one's weights lose, the
/// second one's gain. After Nagel et al., "Data-Free Quantization Through Weight Equalization and
/// Bias Correction", 2019.
std::unique_ptr<Repair> makeEqualization();
/// Takes factors of an input's channels out of it, into the weights that multiply it: where a norm
/// or another product computes the input, that can take them up. After Xiao et al., "SmoothQuant",
/// 2023.
std::unique_ptr<Repair> makeSmoothing();
/// The same for weights of 4 bits in blocks: channels with large inputs get finer steps. After Lin
/// et al., "AWQ: Activation-aware Weight Quantization", 2024.
std::unique_ptr<Repair> makeActivationAwareScaling();
/// Leaves channels of matrix products' operands that are much larger than the others in f32, and
/// gives the others a range of their own. After Dettmers et al., "LLM.int8()", 2022.
std::unique_ptr<Repair> makeOutlierSplit();
/// Rounds weights of 4 bits column by column, and lets the columns that follow make up for what
/// each one loses. After Frantar et al., "GPTQ", 2023.
std::unique_ptr<Repair> makeCompensatedRounding();
/// Chooses between the two nearest codes of each weight so that the squared error of a product's
/// results is small, one weight after another.
std::unique_ptr<Repair> makeAdaptiveRounding();
/// Adds to biases what rounding weights takes from the mean of results.
std::unique_ptr<Repair> makeBiasCorrection();

} // namespace tenon::quantize

#endif
