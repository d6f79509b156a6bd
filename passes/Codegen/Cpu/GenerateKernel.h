// From a `tenon.kernel` to an LLVM-dialect module with its function.
#ifndef TENON_PASSES_CODEGEN_CPU_GENERATEKERNEL_H
#define TENON_PASSES_CODEGEN_CPU_GENERATEKERNEL_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace tenon::cpu {

/// The module with the function of `kernel` for `target`. Fails with diagnostics.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> generateKernel(KernelOp kernel,
                                                                  TargetAttr target);

} // namespace tenon::cpu

#endif
