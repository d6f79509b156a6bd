// Kernel modules hold no memrefs and no tensors, so one conversion with a short, fixed list of
// patterns suffices: structured control flow becomes branches, and scalar and vector arithmetic
// becomes LLVM's, as does what a target's own dialects say how to lower. The structured part goes
// first, by itself: its patterns are plain rewrites, and running them inside the type conversion
// would remember every block argument for nothing.
#include "passes/Codegen/Common/LowerKernels.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/ConvertToLLVM/ToLLVMInterface.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/Target/LLVMIR/LLVMTranslationInterface.h"
#include "mlir/Transforms/DialectConversion.h"
#include "passes/Codegen/Passes.h"

using namespace mlir;

namespace tenon {

#define GEN_PASS_DEF_LOWERKERNELSPASS
#include "passes/Codegen/Passes.h.inc"

static bool isBFloat(Type type) { return getElementTypeOrSelf(type).isBF16(); }

/// Also expands conversions from and to bf16, which LLVM's x86 back end may turn into calls of a
/// library that models do not have.
static LogicalResult lowerControlFlow(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  populateSCFToControlFlowConversionPatterns(patterns);
  arith::populateExpandBFloat16Patterns(patterns);
  ConversionTarget target(*module.getContext());
  target.addIllegalDialect<scf::SCFDialect>();
  target.addDynamicallyLegalOp<arith::ExtFOp>(
      [](arith::ExtFOp op) { return !isBFloat(op.getIn().getType()); });
  target.addDynamicallyLegalOp<arith::TruncFOp>(
      [](arith::TruncFOp op) { return !isBFloat(op.getType()); });
  target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
  ConversionConfig config;
  config.allowPatternRollback = false;
  return applyPartialConversion(module, target, std::move(patterns), config);
}

static LogicalResult lowerArithmetic(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LLVMTypeConverter converter(context);
  RewritePatternSet patterns(context);
  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false);
  vector::populateVectorInterleaveLoweringPatterns(patterns);
  vector::populateVectorStepLoweringPatterns(patterns);
  populateVectorToLLVMConversionPatterns(converter, patterns);

  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  // Dialects of one target's instructions, and those that its own code is written in.
  target.markUnknownOpDynamicallyLegal(isTranslatable);
  populateConversionTargetFromOperation(module, target, converter, patterns);
  return applyFullConversion(module, target, std::move(patterns));
}

bool isTranslatable(Operation *op) {
  Dialect *dialect = op->getDialect();
  if (!dialect || isa<BuiltinDialect>(dialect))
    return false;
  return isa<LLVM::LLVMDialect>(dialect) ||
         dialect->getRegisteredInterface<LLVMTranslationDialectInterface>();
}

LogicalResult lowerKernels(ModuleOp module) {
  return success(succeeded(lowerControlFlow(module)) && succeeded(lowerArithmetic(module)));
}

namespace {

struct LowerKernels : impl::LowerKernelsPassBase<LowerKernels> {
  using LowerKernelsPassBase::LowerKernelsPassBase;
  void runOnOperation() override {
    if (failed(lowerKernels(getOperation())))
      signalPassFailure();
  }
};

} // namespace

void buildLoweringPipeline(OpPassManager &passes) {
  passes.addPass(createExpandMathPass());
  passes.addPass(createLowerKernelsPass());
}

void registerCodeDialects(DialectRegistry &registry) {
  registry.insert<arith::ArithDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, math::MathDialect,
                  scf::SCFDialect, vector::VectorDialect>();
}

} // namespace tenon
