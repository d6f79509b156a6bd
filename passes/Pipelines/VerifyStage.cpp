// What must hold between stages (the list is in Passes.td), checked after each.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/Compile.h"
#include "passes/Pipelines/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_VERIFYSTAGEPASS
#include "passes/Pipelines/Passes.h.inc"

using namespace mlir;

/// Every dimension is an expression over symbols that the function has.
static LogicalResult verifySymbols(func::FuncOp function) {
  const unsigned known = getSymbolNames(function).size();
  WalkResult result = function.walk([&](Operation *op) {
    for (Type type : op->getResultTypes()) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || tensor.hasStaticShape())
        continue;
      auto dims = dyn_cast_if_present<AffineMapAttr>(tensor.getEncoding());
      if (!dims) {
        op->emitError("has a result with unknown dimensions: ") << type;
        return WalkResult::interrupt();
      }
      AffineMap map = dims.getValue();
      for (unsigned symbol = known; symbol < map.getNumSymbols(); ++symbol)
        if (map.isFunctionOfSymbol(symbol)) {
          op->emitError("uses symbol ") << symbol << " of a function with " << known << " symbols";
          return WalkResult::interrupt();
        }
    }
    return WalkResult::advance();
  });
  return success(!result.wasInterrupted());
}

static LogicalResult verifyGraph(ModuleOp module) {
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return op.emitError("is not part of a graph");
    WalkResult result = function.walk([](Operation *inner) {
      if (!isa<LaunchOp, ReleaseOp>(inner))
        return WalkResult::advance();
      inner->emitError("is not part of a graph: no kernels exist yet");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted() || failed(verifySymbols(function)))
      return failure();
  }
  return success();
}

/// Whether a kernel has the kind of schedule that its class takes, if it takes one.
static bool isScheduled(KernelOp kernel, Operation *root) {
  Attribute schedule = kernel.getSchedule().value_or(Attribute());
  auto conv = dyn_cast_if_present<ConvOp>(root);
  switch (kernel.getKernelClass()) {
  case KernelClass::Contraction:
    return conv && conv.getWinograd() ? isa_and_present<WinogradScheduleAttr>(schedule)
                                      : isa_and_present<ContractionScheduleAttr>(schedule);
  case KernelClass::Depthwise:
    return isa_and_present<DepthwiseScheduleAttr>(schedule);
  case KernelClass::Attention:
    return isa_and_present<AttentionScheduleAttr>(schedule);
  case KernelClass::Rows:
  case KernelClass::Library:
    return !schedule;
  }
  llvm_unreachable("all classes are listed");
}

static LogicalResult verifyKernel(KernelOp kernel) {
  Operation *root = nullptr;
  for (Operation &op : kernel.getEntryBlock()) {
    if (isa<KernelRootOpInterface>(op)) {
      if (root)
        return kernel.emitError("has two roots: ") << root->getName() << " and " << op.getName();
      root = &op;
    } else if (isa<DecomposeOpInterface>(op)) {
      return op.emitError("is still to be decomposed");
    }
  }
  if (!isScheduled(kernel, root))
    return kernel.emitError("has no schedule for its class, ")
           << stringifyKernelClass(kernel.getKernelClass());
  return success();
}

static LogicalResult verifyKernels(ModuleOp module) {
  for (KernelOp kernel : module.getOps<KernelOp>())
    if (failed(verifyKernel(kernel)))
      return failure();
  WalkResult result = module.walk<WalkOrder::PreOrder>([](Operation *op) {
    if (isa<KernelOp>(op))
      return WalkResult::skip();
    if (isa<ModuleOp, func::FuncOp, func::ReturnOp, ConstantOp, ReshapeOp, BindSymbolOp,
            BindBroadcastOp, RequireOp, IfOp, LoopOp, YieldOp, LaunchOp, ReleaseOp>(op))
      return WalkResult::advance();
    op->emitError("is in no kernel");
    return WalkResult::interrupt();
  });
  return success(!result.wasInterrupted());
}

static LogicalResult verifyPlaces(LaunchOp launch, int64_t arenaBytes, int64_t numOutputs) {
  std::optional<ArrayRef<int64_t>> places = launch.getPlacement();
  if (!places || places->size() != launch.getNumResults())
    return launch.emitError("needs one place for each of its ")
           << launch.getNumResults() << " results";
  for (int64_t place : *places)
    if (place >= arenaBytes || -2 - place >= numOutputs)
      return launch.emitError("has a result at ") << place << ", with an arena of " << arenaBytes
                                                  << " bytes and " << numOutputs << " outputs";
  return success();
}

static LogicalResult verifyProgram(ModuleOp module) {
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    auto bytes = function->getAttrOfType<IntegerAttr>("tenon.arena_bytes");
    if (!bytes)
      return function.emitError("has no 'tenon.arena_bytes'");
    WalkResult result = function.walk([&](LaunchOp launch) {
      return failed(verifyPlaces(launch, bytes.getInt(), function.getNumResults()))
                 ? WalkResult::interrupt()
                 : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
  }
  return verifyKernels(module);
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
    switch (parseStage(stage).value_or(Stage::Import)) {
    case Stage::Import:
    case Stage::Graph:
      return verifyGraph(getOperation());
    case Stage::Kernels:
      return verifyKernels(getOperation());
    case Stage::Program:
      return verifyProgram(getOperation());
    }
    llvm_unreachable("all stages are listed");
  }
};

} // namespace

} // namespace tenon
