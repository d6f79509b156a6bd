// Types of ONNX values that are no tensors.

#ifndef TENON_LIB_IMPORTER_VALUETYPES_H
#define TENON_LIB_IMPORTER_VALUETYPES_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"
#include <onnx/onnx_pb.h>
#include <string>

namespace tenon {

/// The type of a sequence, optional or map; of a tensor, as the element of one. An error says what
/// cannot be: an unknown element type, or a nesting that ONNX's operators have no use for.
llvm::Expected<mlir::Type> importHostType(const onnx::TypeProto &proto, mlir::MLIRContext *context);

/// "a sequence of float tensors", "a map from int64 to float".
std::string describeValueType(mlir::Type type);

} // namespace tenon

#endif
