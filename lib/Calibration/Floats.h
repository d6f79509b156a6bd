// Numbers of tensors in one type.
#ifndef TENON_LIB_CALIBRATION_FLOATS_H
#define TENON_LIB_CALIBRATION_FLOATS_H

#include "include/tenon/runtime.h"
#include "llvm/ADT/ArrayRef.h"
#include <vector>

namespace tenon::quantize {

/// The elements of a numeric tensor as f32: where they are, or converted into `storage`.
llvm::ArrayRef<float> toFloats(const tenon_tensor &tensor, std::vector<float> &storage);

} // namespace tenon::quantize

#endif
