// The classes of samples.
#ifndef TENON_LIB_CALIBRATION_LABELS_H
#define TENON_LIB_CALIBRATION_LABELS_H

#include "lib/Tensors/Tensor.h"

namespace tenon::quantize {

/// Integers of any shape, one after another. `origin` is named in errors.
llvm::Expected<std::vector<int64_t>> readLabels(const Tensor &tensor, llvm::StringRef origin);

/// The labels in an .npy file, an .npz file with one array, or a text with a line for each sample:
/// a number, or the name of one of `files` and a number.
llvm::Expected<std::vector<int64_t>> readLabelFile(llvm::StringRef path,
                                                   llvm::ArrayRef<std::string> files);

} // namespace tenon::quantize

#endif
