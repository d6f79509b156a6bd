// Channels that hold one number, whatever the model reads.

#ifndef TENON_LIB_PRUNE_CHANNELCONSTANTS_H
#define TENON_LIB_PRUNE_CHANNELCONSTANTS_H

#include "lib/Prune/ChannelGroups.h"

namespace tenon {

/// Constants of a model, and what is dequantized from constants, each read once.
class ConstantCache {
public:
  explicit ConstantCache(const ModelEditor &editor) : editor(editor) {}
  /// Null for what is no constant, or none of numbers that can be read.
  const Tensor *find(llvm::StringRef value);

private:
  std::optional<Tensor> read(llvm::StringRef value);

  const ModelEditor &editor;
  llvm::StringMap<std::unique_ptr<Tensor>> tensors;
};

/// Where a channel begins as the sum of weights that are all zero, it is its bias; what operators
/// make of such a channel is a number again, but where they mix it with others, or with the zeros
/// around an image.
class ChannelConstants {
public:
  ChannelConstants(const ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                   ConstantCache &constants);

  /// The number that is everywhere in a channel of a value's axis.
  std::optional<double> find(int64_t channel) const {
    auto value = values.find(channel);
    return value == values.end() ? std::nullopt : std::optional(value->second);
  }

private:
  void evaluate(const onnx::NodeProto &node);
  void evaluateSum(const WeightedSum &sum);
  void evaluateElementwise(const onnx::NodeProto &node);
  void evaluateBatchNormalization(const onnx::NodeProto &node);
  void followMovement(const onnx::NodeProto &node);
  /// An operand's number where the result's channel is `position` on an axis.
  std::optional<double> findOperand(llvm::StringRef operand, llvm::StringRef result, int64_t axis,
                                    int64_t position);
  void set(llvm::StringRef value, int64_t channel, double number);
  bool isFloat(llvm::StringRef value) const;

  const ModelEditor &editor;
  const ValueTypes &types;
  const ChannelGroups &groups;
  const ChannelSets &sets;
  ConstantCache &constants;
  llvm::DenseMap<const onnx::NodeProto *, const WeightedSum *> sumOfNode;
  llvm::DenseMap<int64_t, double> values;
  llvm::StringSet<> touched; // values with such a channel
};

} // namespace tenon

#endif
