// CPUs as targets.
#ifndef TENON_PASSES_CODEGEN_CPU_REGISTERTARGET_H
#define TENON_PASSES_CODEGEN_CPU_REGISTERTARGET_H

#include "mlir/IR/DialectRegistry.h"

namespace tenon::cpu {

/// Has the `cpu` dialect, with its strategies, loaded wherever the `tenon` dialect is.
void registerTarget(mlir::DialectRegistry &registry);

} // namespace tenon::cpu

#endif
