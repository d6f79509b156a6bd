// Kernel by kernel: the class chooses the strategy, then math functions are expanded and everything
// goes to the LLVM dialect.

#include "passes/Codegen/Cpu/GenerateKernel.h"
#include "passes/Codegen/Cpu/ExpandMath.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/LowerToLLVM.h"

using namespace mlir;

namespace tenon::cpu {

// Products whose operands' batches broadcast against each other in part are computed element by
// element; all others have a regular place for every operand.
static bool isEmittable(KernelOp kernel) {
  for (MatMulOp op : kernel.getOps<MatMulOp>()) {
    DimExprs batch = getDims(op.getType());
    batch.truncate(batch.size() - 2);
    auto batchOf = [](Value operand, size_t matrixRank) {
      DimExprs dims = getDims(operand.getType());
      dims.truncate(dims.size() - matrixRank);
      return dims;
    };
    DimExprs lhs = batchOf(op.getLhs(), 2), rhs = batchOf(op.getRhs(), op.getPacked() ? 3 : 2);
    auto sameElements = [&](const DimExprs &dims) {
      return product(dims, op.getContext()) == product(batch, op.getContext());
    };
    bool shares = product(lhs, op.getContext()) == getAffineConstantExpr(1, op.getContext());
    if (op.sharesRhs() ? !sameElements(lhs) : !sameElements(rhs) || !(sameElements(lhs) || shares))
      return false;
  }
  return true;
}

OwningOpRef<ModuleOp> emitKernel(KernelOp kernel, const TargetInfo &target) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc(), kernel.getSymName());
  KernelEmitter emitter(kernel, *module, target);
  switch (kernel.getKernelClass()) {
  case KernelClass::Rows:
    emitRowsKernel(emitter);
    break;
  case KernelClass::Attention:
    emitAttentionKernel(emitter);
    break;
  case KernelClass::Contraction:
  case KernelClass::Depthwise:
    if (isEmittable(kernel))
      emitContractionKernel(emitter);
    else
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
  if (failed(expandMath(*module, {.hasScalef = target.vectorBits == 512})) ||
      failed(lowerKernelModule(*module)))
    return failure();
  return module;
}

} // namespace tenon::cpu
