// Constants of programs and their bytes.
#ifndef TENON_LIB_DRIVER_CONSTANTS_H
#define TENON_LIB_DRIVER_CONSTANTS_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"

namespace tenon::driver {

/// The bytes of a constant as kernels read them: row-major, booleans and small integers in bytes. A
/// view of the constant where it holds them like this. Failure if it holds no numbers.
mlir::FailureOr<mlir::AsmResourceBlob> constantBytes(mlir::ElementsAttr constant);

/// A constant of such bytes. Large ones are resources, which the context owns.
mlir::ElementsAttr makeConstant(mlir::RankedTensorType type, mlir::AsmResourceBlob bytes);

} // namespace tenon::driver

#endif
