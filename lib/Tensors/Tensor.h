// A tensor in the memory of a tool: what files are read into and written from, what a compiled
// model is run on and its results are compared with.
#ifndef TENON_LIB_TENSORS_TENSOR_H
#define TENON_LIB_TENSORS_TENSOR_H

#include "include/tenon/runtime.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace tenon {

struct Tensor {
  int32_t dtype = TENON_UNDEFINED; // a tenon_dtype
  std::vector<int64_t> dims;
  /// Elements as the runtime wants them (tenon_tensor in include/tenon/runtime.h). Strings are
  /// elsewhere.
  std::vector<char> bytes;
  std::vector<std::string> strings;

  /// Zeros; an error if the shape is negative or too large for memory.
  static llvm::Expected<Tensor> create(int32_t dtype, llvm::ArrayRef<int64_t> dims);
  /// A copy of what the runtime gave.
  static Tensor copy(const tenon_tensor &tensor);

  int64_t numElements() const;
  /// Element `index` in row-major order, of any type but strings and complex numbers (their real
  /// part). Integers beyond 2^53 are rounded.
  double element(int64_t index) const;
  /// Stores the nearest value that the type has.
  void setElement(int64_t index, double value);

  /// As the runtime takes it. The view lives as long as this tensor is unchanged.
  tenon_tensor view();

private:
  std::vector<tenon_string> stringViews;
};

bool isFloatingPoint(int32_t dtype);

/// "float[1,3,224,224]".
std::string describeTensorType(int32_t dtype, llvm::ArrayRef<int64_t> dims);
inline std::string describeTensorType(const Tensor &tensor) {
  return describeTensorType(tensor.dtype, tensor.dims);
}

/// The position of element `index` of a tensor with these dimensions: "[0,3,7]".
std::string describePosition(int64_t index, llvm::ArrayRef<int64_t> dims);

/// As %g prints it.
std::string formatNumber(double number);

} // namespace tenon

#endif // TENON_LIB_TENSORS_TENSOR_H
