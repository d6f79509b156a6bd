// Kernel by kernel: the class chooses the strategy, then math functions are expanded and everything
// goes to the LLVM dialect.

#include "passes/Codegen/Cpu/GenerateKernel.h"
#include "passes/Codegen/Cpu/ExpandMath.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/LowerToLLVM.h"

using namespace mlir;

namespace tenon::cpu {

OwningOpRef<ModuleOp> emitKernel(KernelOp kernel, const TargetInfo &target) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc(), kernel.getSymName());
  KernelEmitter emitter(kernel, *module, target);
  switch (kernel.getKernelClass()) {
  case KernelClass::Rows:
  case KernelClass::Attention:
  case KernelClass::Contraction:
  case KernelClass::Depthwise:
    emitRowsKernel(emitter);
    break;
  case KernelClass::Library:
    emitLibraryKernel(emitter);
    break;
  }
  emitter.finish();
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> generateKernel(KernelOp kernel, const TargetInfo &target) {
  OwningOpRef<ModuleOp> module = emitKernel(kernel, target);
  if (failed(expandMath(*module)) || failed(lowerKernelModule(*module)))
    return failure();
  return module;
}

} // namespace tenon::cpu
