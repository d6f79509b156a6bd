// Weights whose numbers are known when the model is compiled, and where zeros are among them.
#ifndef TENON_DIALECTS_TARGET_KNOWNWEIGHTS_H
#define TENON_DIALECTS_TARGET_KNOWNWEIGHTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include <optional>

namespace tenon {

/// Neighbouring weights that are zero together or not: `depth` input channels of one kernel
/// position by `width` output channels of one group.
struct WeightBlock {
  int64_t depth = 1, width = 1;
  /// Of a block that need not be zero: as many of its weights may be something else.
  int64_t left = 0;

  friend bool operator==(const WeightBlock &, const WeightBlock &) = default;
};

/// Of each four neighbours in depth two are zero at least, if no such block is kept (2:4).
inline constexpr WeightBlock kTwoOfFour = {.depth = 4, .width = 1, .left = 2};

/// How many such blocks of a tensor of weights are not zero, or have more that is not than `left`.
struct KeptBlocks {
  WeightBlock block;
  int64_t kept = 0;

  friend bool operator==(const KeptBlocks &, const KeptBlocks &) = default;
};

/// A constant of [kernel..., inputs, outputs], or its matrices transposed.
class KnownWeights {
public:
  /// Those of a `tenon.constant`, or of a `tenon.transpose` of its last two dimensions; nullopt if
  /// `weights` is anything else, or its elements are no whole bytes.
  static std::optional<KnownWeights> of(mlir::Value weights);

  /// The same numbers, with inputs and outputs swapped.
  KnownWeights transposed() const;

  /// Kernel positions, and channels of each.
  int64_t getTaps() const { return taps; }
  int64_t getInputs() const { return inputs; }
  int64_t getOutputs() const { return outputs; }
  int64_t getElementBytes() const { return elementBytes; }
  const char *getElement(int64_t tap, int64_t input, int64_t output) const {
    int64_t number = tap * inputs * outputs + input * inputStride + output * outputStride;
    return bytes.data() + number * elementBytes;
  }
  /// Zeros of either sign.
  bool isZero(int64_t tap, int64_t input, int64_t output) const;
  /// Whether all of a block are but those that may be left, as far as it is inside of the tensor.
  bool isZero(int64_t tap, int64_t input, int64_t output, WeightBlock block) const;

  /// About which part is zero; looks at a few of them.
  double estimateZeros() const;
  int64_t countKept(WeightBlock block, int64_t groups) const;

private:
  llvm::ArrayRef<char> bytes;
  int64_t taps = 1, inputs = 0, outputs = 0, inputStride = 0, outputStride = 1;
  int64_t elementBytes = 0;
  /// Of an element, those that are not all zero unless it is.
  uint64_t magnitude = 0;
};

/// What the schedule of a kernel may depend on of its weights' numbers.
struct WeightZeros {
  /// For blocks of some shapes; none if there are few zeros.
  llvm::SmallVector<KeptBlocks> blocks;
  /// Bytes of all constants that a run of the program reads, by which they come from a cache or
  /// from memory.
  int64_t runBytes = 0;
};

/// The attribute of a kernel's argument that tells it (`tenon-find-zeros`): a dictionary of
/// `blocks`, [depth, width, kept] each, and `left` behind it unless it is 0, and `run_bytes`.
inline constexpr llvm::StringLiteral kZerosAttrName = "tenon.zeros";

mlir::Attribute makeZerosAttr(mlir::MLIRContext *context, const WeightZeros &zeros);
/// What such an attribute says; nothing of null.
WeightZeros readZerosAttr(mlir::Attribute attribute);
/// What a kernel says of weights that are its argument, laid out or not; nothing of others.
WeightZeros readZeros(mlir::Value weights);

} // namespace tenon

#endif
