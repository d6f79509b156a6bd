// What all strategies of CPUs have in common: the function around what each of them emits.

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

LogicalResult CpuStrategy::generate(KernelOp kernel, TargetAttrInterface target,
                                    ModuleOp module) const {
  auto processor = cast<TargetAttr>(target);
  if (!processor.convertsHalves() && holdsHalves(kernel))
    return kernel.emitError("holds numbers of type float16, for which ")
           << processor.getTargetName() << " has no instructions (F16C)";
  if (failed(verifyScratch(kernel, *this)))
    return failure();
  KernelEmitter emitter(kernel, module, processor);
  emit(emitter);
  emitter.finish();
  return success();
}

} // namespace tenon::cpu
