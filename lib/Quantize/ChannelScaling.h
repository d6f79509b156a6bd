// Where channels of a tensor can be multiplied with numbers without changing what the model
// computes: constants in front of the tensor take the inverse factors, weights behind it take them
// back.
#ifndef TENON_LIB_QUANTIZE_CHANNELSCALING_H
#define TENON_LIB_QUANTIZE_CHANNELSCALING_H

#include "lib/Quantize/Plan.h"

namespace tenon::quantize {

/// A dimension of a constant.
struct ConstantAxis {
  std::string constant;
  int64_t axis;
};

/// A tensor that products alone read, and whose channels are computed with constants of their own.
struct ScalableTensor {
  std::string tensor;
  /// The dimension of the tensor: 1 in front of convolutions, else the last one (-1).
  int64_t axis;
  int64_t channels;
  /// Multiplied with 1 / s of its channels, these make the tensor smaller by s.
  std::vector<ConstantAxis> producers;
  /// Multiplied with s, these make up for that.
  std::vector<ConstantAxis> consumers;
  /// The products that read it.
  std::vector<const Product *> products;
  /// The weights of the product that computes it; empty if a norm does.
  std::optional<ConstantAxis> producingWeight;
};

/// All such tensors, in the order of the graph. Every constant is read only once in the model, so
/// that nothing else changes with it.
std::vector<ScalableTensor> findScalableTensors(const ModelEditor &model,
                                                const QuantizationPlan &plan);

/// The adjustments for factors s of a tensor's channels.
std::vector<Adjustment> scaleChannels(const ScalableTensor &tensor, llvm::ArrayRef<float> factors,
                                      llvm::StringRef method);

/// The largest absolute number of each index of an axis of a constant of f32.
llvm::Expected<std::vector<float>> findChannelRanges(const ModelEditor &model,
                                                     const ConstantAxis &axis);

} // namespace tenon::quantize

#endif
