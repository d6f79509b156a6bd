// Kernels between forming them and generating code. Code generation believes the schedule; what an
// earlier pass laid out for it (panels of weights, transformed filters) must agree, or the kernel
// reads the wrong weights.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

/// Whether a kernel has the kind of schedule that its class takes, if it takes one.
static bool isScheduled(KernelOp kernel, Operation *root) {
  ScheduleAttrInterface schedule = kernel.getScheduleAttr();
  KernelClass kind = kernel.getKernelClass();
  if (kind == KernelClass::Rows || kind == KernelClass::Library)
    return !schedule;
  auto conv = dyn_cast_if_present<ConvOp>(root);
  bool isTransformed = conv && conv.getWinograd();
  return schedule && schedule.getStrategy() == stringifyKernelClass(kind) &&
         isa<cpu::WinogradScheduleAttr>(schedule) == isTransformed;
}

/// Columns per panel that the generated code will read.
static int64_t readPanelWidth(KernelOp kernel) {
  if (auto winograd = dyn_cast<cpu::WinogradScheduleAttr>(kernel.getScheduleAttr()))
    return winograd.getPanelWidth();
  return cast<cpu::ContractionScheduleAttr>(kernel.getScheduleAttr()).getPanelWidth();
}

/// The weights lie in memory as the schedule says that they are read.
static LogicalResult verifyLayout(KernelOp kernel, Operation *root) {
  auto conv = dyn_cast<ConvOp>(root);
  auto matmul = dyn_cast<MatMulOp>(root);
  std::optional<int64_t> packed = conv     ? conv.getPacked()
                                  : matmul ? matmul.getPacked()
                                           : std::nullopt;
  if (!packed)
    return success();
  if (conv && conv.getWinograd()) {
    int64_t tile = cast<cpu::WinogradScheduleAttr>(kernel.getScheduleAttr()).getOutputTile();
    if (tile != static_cast<int64_t>(*conv.getWinograd()))
      return root->emitError("has filters transformed for output tiles of ")
             << *conv.getWinograd() << ", but the schedule of @" << kernel.getSymName()
             << " has tiles of " << tile;
  }
  int64_t width = readPanelWidth(kernel);
  if (width != static_cast<int64_t>(*packed))
    return root->emitError("has weights in panels of ")
           << *packed << " columns, but the schedule of @" << kernel.getSymName()
           << " reads panels of " << width;
  return success();
}

static LogicalResult verifyKernel(KernelOp kernel) {
  Operation *root = nullptr;
  LogicalResult result = success();
  for (Operation &op : kernel.getEntryBlock()) {
    if (isa<KernelRootOpInterface>(op)) {
      if (root)
        result = kernel.emitError("has two roots: ") << root->getName() << " and " << op.getName();
      root = &op;
    } else if (isa<DecomposeOpInterface>(op)) {
      result = op.emitError("is still to be decomposed");
    }
  }
  if (failed(result))
    return result; // what the schedule is for is not known
  if (!isScheduled(kernel, root))
    return kernel.emitError("has no schedule for its class, ")
           << stringifyKernelClass(kernel.getKernelClass());
  if (root && kernel.getKernelClass() == KernelClass::Contraction)
    return verifyLayout(kernel, root);
  return success();
}

LogicalResult verifyKernels(ModuleOp module) {
  LogicalResult result = success();
  module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto kernel = dyn_cast<KernelOp>(op)) {
      if (failed(verifyKernel(kernel)))
        result = failure();
      return WalkResult::skip();
    }
    bool holdsHostOps = isa<ModuleOp, func::FuncOp, func::ReturnOp>(op);
    if (!holdsHostOps && !op->hasTrait<HostOp>())
      result = op->emitError("is in no kernel");
    return WalkResult::advance();
  });
  return result;
}

} // namespace tenon
