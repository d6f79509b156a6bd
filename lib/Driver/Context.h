// What a context needs before anything is compiled in it.
#ifndef TENON_LIB_DRIVER_CONTEXT_H
#define TENON_LIB_DRIVER_CONTEXT_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"

namespace tenon::driver {

/// Loads the dialects of all stages, and registers strategies and the translation to LLVM IR.
void prepareContext(mlir::MLIRContext &context);

/// What counts of channels should be multiples of for a target, by its name.
llvm::Expected<int64_t> getChannelMultiple(llvm::StringRef target);

} // namespace tenon::driver

#endif
