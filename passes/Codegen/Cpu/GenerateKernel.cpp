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

/// The sizes between a contraction and the kernel's result that must be equal in a run, so that
/// each element of the product is one of the result.
static KernelEmitter::SizePairs collectUncertainRows(KernelOp kernel) {
  llvm::SmallPtrSet<Operation *, 8> dependent;
  KernelEmitter::SizePairs pairs;
  for (Operation &op : kernel.getEntryBlock()) {
    bool depends = isa<KernelRootOpInterface>(op) || llvm::any_of(op.getOperands(), [&](Value v) {
                     return v.getDefiningOp() && dependent.contains(v.getDefiningOp());
                   });
    if (!depends)
      continue;
    dependent.insert(&op);
    if (auto broadcast = dyn_cast<BroadcastOp>(op))
      for (auto [size, wide] :
           llvm::zip_equal(getDims(broadcast.getOperand().getType()), getDims(broadcast.getType())))
        if (size != wide)
          pairs.push_back({size, wide});
  }
  return pairs;
}

/// A contraction with its epilogue. Where the epilogue repeats it in this run, the elements are
/// computed one by one.
static void emitContraction(KernelEmitter &emitter) {
  KernelEmitter::SizePairs pairs = collectUncertainRows(emitter.kernel);
  if (pairs.empty())
    return emitContractionKernel(emitter);
  emitter.ifSizesAgree(
      pairs, [&] { emitContractionKernel(emitter); }, [&] { emitRowsKernel(emitter); });
}

OwningOpRef<ModuleOp> emitKernel(KernelOp kernel, TargetAttr target) {
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
      emitContraction(emitter);
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
  OwningOpRef<ModuleOp> module = emitKernel(kernel, target);
  if (failed(expandMath(*module, {.hasScalef = target.has("avx512f")})) ||
      failed(lowerKernelModule(*module)))
    return failure();
  return module;
}

} // namespace tenon::cpu
