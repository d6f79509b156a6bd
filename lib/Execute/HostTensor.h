// Tensors that go into a run and come out of it.
#ifndef TENON_LIB_EXECUTE_HOSTTENSOR_H
#define TENON_LIB_EXECUTE_HOSTTENSOR_H

#include "include/tenon/runtime.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"

namespace tenon {

/// A tensor outside of the IR. Its bytes are its own, or a view of what lives longer than it.
struct HostTensor {
  /// All sizes are known.
  mlir::RankedTensorType type;
  /// Row-major, as the runtime wants them: a boolean is a byte.
  mlir::AsmResourceBlob bytes;

  /// A view of a constant, where it holds its elements like this. Failure if it holds no numbers.
  static mlir::FailureOr<HostTensor> get(mlir::ElementsAttr constant);
  /// Memory for a result; what is in it is not known.
  static HostTensor allocate(mlir::RankedTensorType type);
  /// A copy of what the runtime gave, with the elements of `type`.
  static HostTensor copy(const tenon_tensor &tensor, mlir::RankedTensorType type);

  /// The constant with these elements. Large ones keep the memory.
  mlir::ElementsAttr takeConstant() &&;
  /// As the runtime takes an input. The view lives as long as the tensor.
  tenon_tensor view() const;
};

} // namespace tenon

#endif
