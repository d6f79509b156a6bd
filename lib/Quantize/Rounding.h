// Codes of weights that are not the nearest ones, so that a product's results are nearer.
//
// With e = w - ŵ of one row and the mean H of x xᵀ over a product's operands, eᵀ H e is the mean
// squared error of its results.
#ifndef TENON_LIB_QUANTIZE_ROUNDING_H
#define TENON_LIB_QUANTIZE_ROUNDING_H

#include "lib/Quantize/ProductInputs.h"

namespace tenon::quantize {

/// The mean squared error of a group's results, summed over rows.
double measureResultError(const CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram);

/// Makes the scales of blocks smaller where what is clamped costs less than finer steps give, each
/// column weighted by how large its operands are, and rounds to the nearest.
void fitScales(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram,
               const ScaleGrid &grid, size_t numScales);

/// GPTQ: column by column, what one loses is spread over those that follow, which have not been
/// rounded yet. Cholesky's factor of H⁻¹ tells how. False if H has none, however it is damped.
bool roundCompensated(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram);

/// Moves codes between the two nearest of each weight as long as that makes the error smaller, one
/// after another, a few times over.
void roundAdaptively(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram);

} // namespace tenon::quantize

#endif
