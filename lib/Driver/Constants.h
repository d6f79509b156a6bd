// Constants of programs: how they become bytes, and how they are computed.
#ifndef TENON_LIB_DRIVER_CONSTANTS_H
#define TENON_LIB_DRIVER_CONSTANTS_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"

namespace tenon::driver {

/// The bytes of a constant as kernels read them: row-major, booleans and small integers in bytes.
/// Failure if it holds no numbers.
mlir::FailureOr<llvm::SmallVector<char>> constantBytes(mlir::ElementsAttr attr);

/// Loads the library at `path`, a model without inputs, runs it once, and gives its outputs as
/// attributes of the given types. Large ones are resources, which the context owns.
llvm::Expected<llvm::SmallVector<mlir::ElementsAttr>> evaluate(llvm::StringRef path,
                                                               mlir::TypeRange types);

} // namespace tenon::driver

#endif
