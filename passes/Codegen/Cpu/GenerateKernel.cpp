// Kernel by kernel: its strategy emits it, then math functions are expanded and everything goes to
// the LLVM dialect.

#include "passes/Codegen/Cpu/GenerateKernel.h"
#include "passes/Codegen/Common/ExpandMath.h"
#include "passes/Codegen/Common/LowerToLLVM.h"
#include "passes/Codegen/Cpu/Strategies.h"

using namespace mlir;

namespace tenon::cpu {

/// Whether the kernel converts float16 numbers, which takes an instruction or a function of a
/// compiler's library, with which models are not linked.
static bool holdsHalves(KernelOp kernel) {
  auto isHalf = [](Type type) { return getElementTypeOrSelf(type).isF16(); };
  return llvm::any_of(kernel.getArgumentTypes(), isHalf) ||
         llvm::any_of(kernel.getResultTypes(), isHalf) ||
         llvm::any_of(kernel.getEntryBlock(),
                      [&](Operation &op) { return llvm::any_of(op.getResultTypes(), isHalf); });
}

FailureOr<OwningOpRef<ModuleOp>> generateKernel(KernelOp kernel, TargetAttr target) {
  if (!target.has("f16c") && holdsHalves(kernel))
    return kernel.emitError("holds numbers of type float16, for which ")
           << target.getTargetName() << " has no instructions (F16C)";
  const CpuStrategy *strategy = lookupStrategy(kernel, target);
  if (!strategy)
    return failure();
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc(), kernel.getSymName());
  KernelEmitter emitter(kernel, *module, target);
  strategy->emit(emitter);
  emitter.finish();
  if (failed(expandMath(*module, {.hasScalef = target.has("avx512f")})) ||
      failed(lowerKernelModule(*module)))
    return failure();
  return module;
}

} // namespace tenon::cpu
