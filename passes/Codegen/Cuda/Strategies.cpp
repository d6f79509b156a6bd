// What each strategy of a GPU computes, and how. The emitters are in files of their own; the cost
// model is passes/Schedule/Cuda.

#include "passes/Codegen/Cuda/Strategies.h"
#include "dialects/Target/KernelStrategy.h"
#include "passes/Codegen/Common/ExpandMath.h"
#include "passes/Codegen/Common/HostStrategy.h"
#include "passes/Codegen/Cuda/ContractionKernel.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Registers.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

/// The error for a kernel whose schedule is missing or of another kind.
LogicalResult complainAboutSchedule(KernelOp kernel) {
  return kernel.emitError("has no schedule for its strategy, ") << kernel.getStrategy();
}

/// Whether the kernel needs a function that only a processor's library has. Of f64 there are no
/// functions but those: of a kernel with such numbers, which powers of integers are on the way, the
/// code itself tells.
bool callsLibrary(KernelOp kernel) {
  auto holdsDoubles = [](Operation &op) {
    return isa<PowOp>(op) || llvm::any_of(op.getResultTypes(), [](Type type) {
             return getElementTypeOrSelf(type).isF64();
           });
  };
  if (llvm::none_of(kernel.getEntryBlock(), holdsDoubles))
    return false;
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  auto schedule = RowsScheduleAttr::get(kernel.getContext(), /*lanes=*/1,
                                        /*threads=*/TargetAttr::warpSize, /*team=*/1);
  KernelEmitter emitter(kernel, *module, schedule, schedule.getThreads(), /*residentBlocks=*/1);
  emitter.withAgreeingLanes([&] { emitRows(emitter); });
  emitter.finish();
  return failed(expandMath(*module, {.scale = nullptr, .hasLibm = false})) ||
         llvm::any_of(module->getOps<LLVM::LLVMFuncOp>(),
                      [](LLVM::LLVMFuncOp function) { return function.isExternal(); });
}

/// What a kernel may have of shared memory without asking the driver for more.
constexpr int64_t kStaticSharedBytes = 48 << 10;

/// A matrix product or convolution, by tiles in shared memory.
class ContractionStrategy final : public KernelStrategy {
public:
  StringRef getName() const override { return "contraction"; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<MatMulOp, ConvOp>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  // Operands are found element by element.
  bool readsSlice(OpOperand &operand) const override { return isa<ConvOp>(operand.getOwner()); }
  bool canCompute(KernelOp kernel) const override {
    return fillsTiles(getRoot(kernel, *this)) && !callsLibrary(kernel);
  }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseContraction(cast<TargetAttr>(target), getRoot(kernel, *this));
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseContractionBlocks(cast<TargetAttr>(target), getRoot(kernel, *this));
  }
  LogicalResult verify(KernelOp kernel) const override;
  LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                         ModuleOp module) const override;

private:
  /// A convolution with few outputs in each group, such as one filter per channel, has columns for
  /// a part of a tile only: its elements are better computed one by one.
  static bool fillsTiles(Operation *root) {
    constexpr int64_t fewest = 8;
    auto conv = dyn_cast<ConvOp>(root);
    return !conv || conv.getGroups() == 1 ||
           conv.getOutputChannels() / static_cast<int64_t>(conv.getGroups()) >= fewest;
  }
};

LogicalResult ContractionStrategy::verify(KernelOp kernel) const {
  auto schedule = dyn_cast_if_present<ContractionScheduleAttr>(kernel.getScheduleAttr());
  Operation *root = getRoot(kernel, *this);
  if (!schedule || !root)
    return complainAboutSchedule(kernel);
  if (!isa<MatMulOp, ConvOp>(root))
    return root->emitError("is nothing that the strategy of @")
           << kernel.getSymName() << " computes: " << getName();
  FailureOr<TargetAttr> target = getTargetAs<TargetAttr>(kernel);
  if (failed(target))
    return failure();
  auto complain = [&] { return root->emitError("has a schedule in @") << kernel.getSymName(); };
  int64_t threads = schedule.getThreads(), depth = schedule.getDepth();
  if (schedule.getTileRows() * depth % threads || schedule.getTileColumns() * depth % threads)
    return complain() << " of which " << threads << " threads do not load equal parts";
  if (!llvm::isPowerOf2_64(schedule.getThreadRows()) ||
      !llvm::isPowerOf2_64(schedule.getThreadColumns()))
    return complain() << " whose threads do not have powers of two of rows and columns";
  int64_t bytes = contractionSharedBytes(schedule, root);
  if (bytes > kStaticSharedBytes)
    return complain() << " that needs " << bytes << " bytes of shared memory, where "
                      << kStaticSharedBytes << " are the most";
  return success();
}

LogicalResult ContractionStrategy::generate(KernelOp kernel, TargetAttrInterface target,
                                            ModuleOp module) const {
  auto schedule = cast<ContractionScheduleAttr>(kernel.getScheduleAttr());
  // For what fills the frame around the results.
  auto rows = RowsScheduleAttr::get(kernel.getContext(), /*lanes=*/1, schedule.getThreads(),
                                    /*team=*/1);
  Operation *root = getRoot(kernel, *this);
  int64_t registers = countContractionRegisters(kernel, root, schedule);
  KernelEmitter emitter(
      kernel, module, rows, schedule.getThreads(),
      countResidentBlocks(cast<TargetAttr>(target), schedule.getThreads(), registers));
  emitContractionKernel(emitter, root, schedule);
  emitter.finish();
  return success();
}

/// Ops that tell their elements one by one, and reductions of rows.
class RowsStrategy final : public KernelStrategy {
public:
  StringRef getName() const override { return "rows"; }
  bool isElemental() const override { return true; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<ElementalOpInterface>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseRows(cast<TargetAttr>(target), kernel);
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseRowBlocks(cast<TargetAttr>(target), kernel);
  }
  bool canCompute(KernelOp kernel) const override { return !callsLibrary(kernel); }
  LogicalResult verify(KernelOp kernel) const override {
    bool isScheduled = isa_and_present<RowsScheduleAttr>(kernel.getScheduleAttr());
    return isScheduled ? success() : complainAboutSchedule(kernel);
  }
  LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                         ModuleOp module) const override {
    auto schedule = cast<RowsScheduleAttr>(kernel.getScheduleAttr());
    int64_t registers = countRowsRegisters(kernel, schedule.getLanes());
    KernelEmitter emitter(
        kernel, module, schedule, schedule.getThreads(),
        countResidentBlocks(cast<TargetAttr>(target), schedule.getThreads(), registers));
    emitter.withAgreeingLanes([&] { emitRows(emitter); });
    emitter.finish();
    return success();
  }
};

KernelStrategies::Ordered makeStrategies() {
  KernelStrategies::Ordered strategies;
  strategies.push_back(std::make_unique<ContractionStrategy>());
  strategies.push_back(std::make_unique<HostStrategy>("library", "library"));
  strategies.push_back(std::make_unique<RowsStrategy>());
  // What rows cannot compute.
  strategies.push_back(std::make_unique<HostStrategy>("host_rows", "rows", /*elemental=*/true));
  return strategies;
}

/// The dialect's interface.
struct CudaStrategies : KernelStrategies {
  explicit CudaStrategies(Dialect *dialect) : KernelStrategies(dialect, makeStrategies()) {}
};

} // namespace

void registerStrategies(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CudaDialect *dialect) { dialect->addInterfaces<CudaStrategies>(); });
}

} // namespace tenon::cuda
