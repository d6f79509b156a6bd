// Codes of constants.
#ifndef TENON_LIB_QUANTIZE_QUANTIZECONSTANT_H
#define TENON_LIB_QUANTIZE_QUANTIZECONSTANT_H

#include "lib/Calibration/Parameters.h"
#include "lib/Quantize/Recipe.h"
#include "lib/Tensors/Tensor.h"

namespace tenon::quantize {

/// A constant as codes, and what dequantizes them. `scales` and `zeroPoints` have the shape that
/// DequantizeLinear reads: none, one dimension, or, of blocks, that of the constant with blocks in
/// the place of the axis.
struct QuantizedConstant {
  std::vector<int8_t> codes; // of unsigned types, their bits
  std::vector<int64_t> dims;
  std::vector<float> scales;
  std::vector<int64_t> zeroPoints;
  std::vector<int64_t> parameterDims;

  int64_t getCode(int64_t index, int32_t dtype) const;
};

/// Rounds a constant of f32 as an entry says, or takes the codes from it. Finds scales of blocks
/// that the entry leaves open: those with the least squared error. An error if the entry does not
/// fit the constant.
llvm::Expected<QuantizedConstant> quantizeConstant(const Tensor &constant,
                                                   const TensorRecipe &recipe);

/// Makes of a constant what its codes stand for.
llvm::Error roundConstant(Tensor &constant, const TensorRecipe &recipe);

} // namespace tenon::quantize

#endif
