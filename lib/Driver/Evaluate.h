// Runs a compiled model in the compiler's own process.
#ifndef TENON_LIB_DRIVER_EVALUATE_H
#define TENON_LIB_DRIVER_EVALUATE_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"

namespace tenon::driver {

/// Loads the library at `path`, a model without inputs, runs it once, and gives its outputs as
/// attributes of the given types. Large ones are resources, which the context owns.
llvm::Expected<llvm::SmallVector<mlir::ElementsAttr>> evaluate(llvm::StringRef path,
                                                               mlir::TypeRange types);

} // namespace tenon::driver

#endif
