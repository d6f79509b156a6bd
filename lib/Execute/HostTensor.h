// Tensors that go into a run and come out of it.
#ifndef TENON_LIB_EXECUTE_HOSTTENSOR_H
#define TENON_LIB_EXECUTE_HOSTTENSOR_H

#include "include/tenon/runtime.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include <vector>

namespace tenon {

/// A tensor outside of the IR. Its bytes are its own, or a view of what lives longer than it.
struct HostTensor {
  /// All sizes are known.
  mlir::RankedTensorType type;
  /// Row-major, as compiled code has them: a boolean is a byte, and so is a narrower number.
  mlir::AsmResourceBlob bytes;

  /// A view of a constant, where it holds its elements like this. Failure if it holds no numbers.
  static mlir::FailureOr<HostTensor> get(mlir::ElementsAttr constant);
  /// Memory for a result; what is in it is not known.
  static HostTensor allocate(mlir::RankedTensorType type);
  /// A copy of what the runtime gave, with the elements of `type`.
  static HostTensor copy(const tenon_tensor &tensor, mlir::RankedTensorType type);

  /// The constant with these elements. Large ones keep the memory.
  mlir::ElementsAttr takeConstant() &&;
  /// As the runtime takes an input: the elements where they are or, if the runtime wants them
  /// packed, in `storage`. The view lives as long as both.
  tenon_tensor view(std::vector<char> &storage) const;
  /// Whether the runtime has elements of less than a byte packed.
  static bool isPacked(mlir::Type type);
};

} // namespace tenon

#endif
