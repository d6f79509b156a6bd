// What must hold between stages (the list is in Passes.td), checked after each. Graphs are checked
// here, states in VerifyStates.cpp, kernels in VerifyKernels.cpp, places in VerifyPlacements.cpp,
// functions in VerifyCode.cpp.

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "dialects/Tenon/Strings.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/Compile.h"
#include "passes/Pipelines/Passes.h"
#include "passes/Pipelines/StageChecks.h"

namespace tenon {

#define GEN_PASS_DEF_VERIFYSTAGEPASS
#include "passes/Pipelines/Passes.h.inc"

using namespace mlir;

static LogicalResult verifySymbols(Operation *op, Type type, unsigned known) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || tensor.hasStaticShape())
    return success();
  auto dims = dyn_cast_if_present<AffineMapAttr>(tensor.getEncoding());
  if (!dims)
    return op->emitError("has a result with unknown dimensions: ") << type;
  AffineMap map = dims.getValue();
  for (unsigned symbol = known; symbol < map.getNumSymbols(); ++symbol)
    if (map.isFunctionOfSymbol(symbol))
      return op->emitError("uses symbol ")
             << symbol << " of a function with " << known << " symbols";
  return success();
}

static LogicalResult verifyGraphFunction(func::FuncOp function) {
  const unsigned known = getSymbolNames(function).size();
  LogicalResult result = success();
  function.walk([&](Operation *op) {
    if (isa<LaunchOp, TransferOp, ReleaseOp>(op))
      result = op->emitError("is not part of a graph: no kernels exist yet");
    for (Type type : op->getResultTypes())
      if (failed(verifySymbols(op, type, known)))
        result = failure();
  });
  return result;
}

LogicalResult verifyGraph(ModuleOp module) {
  LogicalResult result = success();
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      result = op.emitError("is not part of a graph");
    else if (failed(verifyGraphFunction(function)))
      result = failure();
  }
  return result;
}

LogicalResult verifyTargetGraph(ModuleOp module) {
  LogicalResult result = verifyGraph(module);
  FailureOr<TargetAttrInterface> target = getTarget(module);
  if (failed(target))
    return failure();
  auto check = [&](Operation *op, Type type) {
    if (!target->getComputeType(getInnerElementType(type)))
      result = op->emitError("holds elements for which ")
               << target->getTargetName() << " has no code: " << type;
    // Objects refer to memory of the host, and pictures are decoded there.
    else if ((isHostType(type) || isa<DecodeImageOp>(op)) && hasOwnMemory(*target))
      result = op->emitError("makes a value that programs for ")
               << target->getTargetName() << " cannot hold: " << type;
  };
  for (auto function : module.getOps<func::FuncOp>()) {
    for (Type type : function.getArgumentTypes())
      check(function, type);
    function.walk([&](Operation *op) {
      for (Type type : op->getResultTypes())
        check(op, type);
    });
  }
  return result;
}

namespace {

struct VerifyStage : impl::VerifyStagePassBase<VerifyStage> {
  using VerifyStagePassBase::VerifyStagePassBase;

  void runOnOperation() override {
    if (failed(verify()))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult verify() {
    ModuleOp module = getOperation();
    std::optional<Stage> parsed = parseStage(stage);
    if (!parsed)
      return module.emitError("unknown stage '") << stage << "'";
    // Equations that only simplifying the graph uses may tell that two sizes are one.
    if (failed(verifyStates(module, /*compareSizes=*/*parsed != Stage::Import)))
      return failure();
    switch (*parsed) {
    case Stage::Import:
    case Stage::Graph:
      return verifyGraph(module);
    case Stage::Target:
      return verifyTargetGraph(module);
    case Stage::Kernels:
      return verifyKernels(module);
    case Stage::Program:
      return success(succeeded(verifyKernels(module)) & succeeded(verifyPlacements(module)));
    case Stage::Code:
      return verifyCode(module);
    case Stage::LLVM:
      return verifyLLVM(module);
    }
    llvm_unreachable("all stages are listed");
  }
};

} // namespace

} // namespace tenon
