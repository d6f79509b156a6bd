// All that Tenon generates code for.
#ifndef TENON_PASSES_CODEGEN_TARGETS_H
#define TENON_PASSES_CODEGEN_TARGETS_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon {

/// Has the dialects of all kinds of targets, with their code generation, loaded wherever the
/// `tenon` dialect is.
void registerAllTargets(mlir::DialectRegistry &registry);

} // namespace tenon

#endif
