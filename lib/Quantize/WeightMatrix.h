// The constant that a product multiplies as a matrix, whatever the operator.
#ifndef TENON_LIB_QUANTIZE_WEIGHTMATRIX_H
#define TENON_LIB_QUANTIZE_WEIGHTMATRIX_H

#include "lib/Quantize/QuantizeConstant.h"
#include <onnx/onnx_pb.h>

namespace tenon::quantize {

/// A row for each result, a column for each term of its sum. Rows of one group, next to each other,
/// multiply the same numbers; each group has numbers of its own.
struct WeightLayout {
  int64_t rows = 0, columns = 0, groups = 1;
  /// Steps between elements of the constant.
  int64_t rowStride = 0, columnStride = 0;

  int64_t position(int64_t row, int64_t column) const {
    return row * rowStride + column * columnStride;
  }
  int64_t rowsPerGroup() const { return rows / groups; }

  /// Of operand 1 of MatMul (two dimensions), Gemm and Conv; nullopt for others.
  static std::optional<WeightLayout> find(const onnx::NodeProto &node,
                                          llvm::ArrayRef<int64_t> dims);
};

/// Which of an entry's scales each element of a constant has.
class ScaleGrid {
public:
  ScaleGrid(llvm::ArrayRef<int64_t> dims, const TensorRecipe &entry);
  size_t find(int64_t position) const;
  /// How many scales so many elements have.
  size_t count(int64_t elements) const {
    size_t result = 0;
    for (int64_t i = 0; i < elements; ++i)
      result = std::max(result, find(i) + 1);
    return result;
  }

private:
  enum class Kind { One, Axis, Blocks } kind;
  int64_t inner = 1, size = 1, blockSize = 1;
};

/// A weight with codes that can be changed.
struct CodedWeight {
  WeightLayout layout;
  /// In fp32, in the constant's order.
  std::vector<float> values;
  std::vector<int64_t> codes;
  /// Of each element.
  std::vector<float> scales;
  std::vector<int64_t> zeroPoints;
  int64_t least = 0, largest = 0;

  /// What an element's code stands for.
  float decode(int64_t position) const {
    return static_cast<float>(codes[position] - zeroPoints[position]) * scales[position];
  }
  /// The nearest code.
  int64_t encode(int64_t position, float value) const;

  /// As an entry quantizes it.
  static llvm::Expected<CodedWeight> create(const Tensor &constant, const WeightLayout &layout,
                                            const TensorRecipe &entry);
  /// Makes the codes those of the entry.
  void store(const Tensor &constant, TensorRecipe &entry) const;
};

} // namespace tenon::quantize

#endif
