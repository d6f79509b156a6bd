// The strategies of a CPU in order, and what attention, functions of the kernel library, and rows
// compute. The emitters are in files of their own; the cost model is passes/Schedule/Cpu.

#include "passes/Codegen/Common/RowPasses.h"
#include "passes/Codegen/Cpu/Attention.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/ScheduledStrategy.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Attention with pointwise ops on its result. Blocks of keys and values have a size that is known,
/// and rows that are read are contiguous.
class AttentionStrategy final : public ScheduledStrategy<AttentionScheduleAttr> {
public:
  StringRef getName() const override { return "attention"; }
  FusionRules getFusionRules(Operation *) const override { return {.takesEpilogue = true}; }
  bool multipliesHalves(Operation *root, TargetAttrInterface target) const override {
    return computes(root) &&
           chooseFor(root, cast<TargetAttr>(target)).getScores().getMma().getInterleave() > 1;
  }
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return multipliesHalves(root, target);
  }
  void emit(KernelEmitter &emitter) const override { emitAttentionKernel(emitter); }

protected:
  bool computes(Operation *op) const override;
  AttentionScheduleAttr chooseFor(Operation *root, TargetAttr target) const override {
    return chooseAttention(target, getAttentionSizes(cast<AttentionOp>(root)));
  }
  AffineExpr getScratchOf(Operation *root, AttentionScheduleAttr schedule) const override {
    AttentionSizes sizes = getAttentionSizes(cast<AttentionOp>(root));
    std::optional<int64_t> keyCount;
    if (sizes.keyCount >= 0)
      keyCount = sizes.keyCount;
    return getAffineConstantExpr(
        attentionScratchBytes(schedule, sizes.depth, sizes.width, keyCount), root->getContext());
  }
};

bool AttentionStrategy::computes(Operation *op) const {
  constexpr int64_t longestRow = 1024;
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention || attention.getKeyParts())
    return false;
  Type type = getElementTypeOrSelf(attention.getQueries());
  if (!type.isF32() && !type.isF16() && !type.isBF16())
    return false;
  DimExprs queries = attention.getQueryDims(), keys = attention.getKeyDims();
  int64_t last = queries.size() - 1;
  for (AffineExpr size : {queries.back(), attention.getValueDims().back()})
    if (getConstantOr(size, 0) < 1 || getConstantOr(size, 0) > longestRow)
      return false;
  AffineExpr heads = queries[last - 2], keyHeads = keys[last - 2];
  if (heads != keyHeads && (getConstantOr(heads, 0) < 1 || getConstantOr(keyHeads, 0) < 1))
    return false;
  return attention.getQueryPermutation()[last] == last &&
         attention.getValuePermutation()[last] == last &&
         attention.getResultPermutation()[last] == last &&
         (attention.getKeyPermutation()[last] == last ||
          attention.getKeyPermutation()[last - 1] == last);
}

/// An irregular op, which a function of the kernel library computes.
class LibraryStrategy final : public CpuStrategy {
public:
  StringRef getName() const override { return "library"; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<LibraryOpInterface>(op);
  }
  KernelResources getResources(Operation *root) const override;
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return {cast<LibraryOpInterface>(getRoot(kernel, *this)).getMaxTasks()};
  }
  AffineExpr getScratchBytes(KernelOp kernel) const override {
    auto op = dyn_cast_if_present<LibraryOpInterface>(getRoot(kernel, *this));
    return op ? op.getScratchBytes() : AffineExpr();
  }
  LogicalResult verify(KernelOp kernel) const override {
    return kernel.getSchedule() ? complainAboutSchedule(kernel) : success();
  }
  void emit(KernelEmitter &emitter) const override { emitLibraryKernel(emitter); }
};

KernelResources LibraryStrategy::getResources(Operation *root) const {
  auto op = cast<LibraryOpInterface>(root);
  KernelResources resources;
  resources.reportSlots = 1;
  for (auto [number, type] : llvm::enumerate(root->getResultTypes())) {
    resources.reportSlots += cast<RankedTensorType>(type).getRank();
    resources.capacities.push_back(op.getResultCapacity(number));
  }
  return resources;
}

/// Ops that tell their elements one by one, and reductions of rows.
class RowsStrategy final : public CpuStrategy {
public:
  StringRef getName() const override { return "rows"; }
  bool isElemental() const override { return true; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<ElementalOpInterface>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface) const override {
    return cpu::chooseTasks(kernel);
  }
  ScheduleAttrInterface choose(KernelOp, TargetAttrInterface target) const override {
    return chooseRows(cast<TargetAttr>(target));
  }
  void enumerate(KernelOp, TargetAttrInterface target,
                 function_ref<void(ScheduleAttrInterface)> take) const override {
    enumerateRows(cast<TargetAttr>(target), take);
  }
  LogicalResult verify(KernelOp kernel) const override {
    bool isScheduled = isa_and_present<RowsScheduleAttr>(kernel.getScheduleAttr());
    return isScheduled ? success() : complainAboutSchedule(kernel);
  }
  AffineExpr getScratchBytes(KernelOp kernel) const override;
  void emit(KernelEmitter &emitter) const override { emitRowsKernel(emitter); }
};

// Rows of what waits for a later pass.
AffineExpr RowsStrategy::getScratchBytes(KernelOp kernel) const {
  if (kernel.getOps<ReduceOp>().empty())
    return nullptr;
  RowPasses passes(kernel);
  int64_t slots = llvm::count_if(passes.chooseKept(/*mayUseScratch=*/true),
                                 [](const KeptValue &value) { return !value.inResult; });
  return slots ? getAffineConstantExpr(slots * passes.getSlotBytes(), kernel.getContext())
               : AffineExpr();
}

KernelStrategies::Ordered makeStrategies() {
  KernelStrategies::Ordered strategies;
  strategies.push_back(std::make_unique<AttentionStrategy>());
  strategies.push_back(createWinogradStrategy());
  strategies.push_back(createDepthwiseStrategy());
  strategies.push_back(createContractionStrategy());
  strategies.push_back(std::make_unique<LibraryStrategy>());
  strategies.push_back(std::make_unique<RowsStrategy>());
  return strategies;
}

/// The dialect's interface.
struct CpuStrategies : KernelStrategies {
  explicit CpuStrategies(Dialect *dialect) : KernelStrategies(dialect, makeStrategies()) {}
};

} // namespace

void registerStrategies(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CpuDialect *dialect) { dialect->addInterfaces<CpuStrategies>(); });
}

} // namespace tenon::cpu
