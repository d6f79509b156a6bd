// Lets what is kept make up for what is removed.
//
// A sum over channels x with weights W loses W_r x_r when the channels r go. From the kept ones k,
// least squares predict x_r = A x_k + c, with A = cov(x_r, x_k) cov(x_k, x_k)⁻¹ and
// c = mean(x_r) - A mean(x_k). So W_r A joins W_k, and W_r c the bias: for products and
// convolutions of 1x1 these are the weights whose results are nearest to what they were. A channel
// that is constant or equals another one is the special case that loses nothing (DeadChannels.h).
#ifndef TENON_LIB_MEASUREDPRUNING_COMPENSATE_H
#define TENON_LIB_MEASUREDPRUNING_COMPENSATE_H

#include "lib/MeasuredPruning/ActivationMoments.h"
#include <optional>

namespace tenon {

enum class Compensation {
  None,
  Mean,         // A = 0: biases get what channels add on average
  LeastSquares, // where products were measured, and nothing else reads the weights; else Mean
};

/// "none", "mean" or "least-squares".
std::optional<Compensation> parseCompensation(llvm::StringRef text);

/// Changes weights and biases of the sums that read what will be removed. `moments` are of the
/// model as it is.
llvm::Error compensate(PrunableModel &model, const llvm::BitVector &removed,
                       const ActivationMoments &moments, Compensation how);

} // namespace tenon

#endif
