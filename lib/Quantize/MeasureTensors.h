// What rounding does to each tensor of a recipe, measured.
#ifndef TENON_LIB_QUANTIZE_MEASURETENSORS_H
#define TENON_LIB_QUANTIZE_MEASURETENSORS_H

#include "lib/Calibration/Calibrate.h"
#include "lib/Quantize/Recipe.h"

namespace tenon::quantize {

/// Fills in the measured errors of a recipe's tensors, and the predicted ones of weights: those of
/// errors that are spread evenly over a step. `adjusted` is the model with the recipe's
/// adjustments, `data` samples that calibration did not see.
llvm::Error measureTensors(Recipe &recipe, const std::shared_ptr<ModelFile> &adjusted,
                           DataSource &data, const CalibrateOptions &options);

} // namespace tenon::quantize

#endif
