// Kernels become functions: the strategy that a kernel names writes its function. How it does that
// is the target's own affair; what must hold afterwards is written in Passes.td.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/Codegen/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_GENERATEKERNELSPASS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

namespace {

struct GenerateKernels : impl::GenerateKernelsPassBase<GenerateKernels> {
  using GenerateKernelsPassBase::GenerateKernelsPassBase;

  void runOnOperation() override {
    auto kernels = llvm::to_vector(getOperation().getOps<KernelOp>());
    if (kernels.empty())
      return;
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    for (KernelOp kernel : kernels) {
      if (failed(generate(kernel, *strategies)))
        return signalPassFailure();
      ++numGenerated;
    }
  }

  /// Puts a module in the kernel's place.
  static LogicalResult generate(KernelOp kernel, const TargetStrategies &strategies) {
    const KernelStrategy *strategy = strategies.lookup(kernel);
    if (!strategy)
      return failure();
    OpBuilder builder(kernel);
    auto module = ModuleOp::create(builder, kernel.getLoc(), kernel.getSymName());
    module->setAttr(kTargetAttrName, strategies.getTarget());
    if (failed(strategy->generate(kernel, strategies.getTarget(), module)))
      return failure();
    kernel.erase();
    return success();
  }
};

} // namespace

FailureOr<OwningOpRef<ModuleOp>> generateKernel(KernelOp kernel, TargetAttrInterface target) {
  OwningOpRef<ModuleOp> program = ModuleOp::create(kernel.getLoc());
  (*program)->setAttr(kTargetAttrName, target);
  program->push_back(kernel->clone());
  PassManager passes(kernel.getContext());
  // What passes make is checked where they are stages (Compile.cpp), not again for each kernel.
  passes.enableVerifier(false);
  passes.addPass(createGenerateKernelsPass());
  buildLoweringPipeline(passes.nest<ModuleOp>());
  if (failed(passes.run(*program)))
    return failure();
  ModuleOp module = *program->getOps<ModuleOp>().begin();
  module->remove();
  return OwningOpRef<ModuleOp>(module);
}

} // namespace tenon
