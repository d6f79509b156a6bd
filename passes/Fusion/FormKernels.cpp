// Groups ops into kernels.
//
// A kernel reads buffers, computes, and writes buffers. Every value between ops of one kernel stays
// in registers, so fusing saves a write and a read of memory per value. The pass visits the ops of
// a block from last to first. An op whose result someone outside its consumers' kernel needs starts
// a kernel of its own (its seed); any other op joins the kernel of its consumers if the rules in
// `canJoin` allow it. Since all users of a joining op are in the kernel already, launches can never
// wait for each other in a circle.
//
// What may stand around an op that a strategy of its own computes, the kernel's root, is up to the
// target's strategies (KernelStrategy.h): the pass knows no device.
//
// A pad or an insert that ends a kernel is only a frame around what the kernel computes: code
// generation writes straight into the middle of it. So an op whose strategy stores elements
// anywhere may join under it. Likewise, a slice is only another way to look at memory, and so is a
// gather that picks whole matrices: some strategies read through them.
//
// Where the results of two roots meet, the epilogue of each is in its own kernel.
//
// Small splat constants are copied into the kernels that use them.
//
// Where the root's strategy reads weights as narrow as they are quantized, their dequantization
// belongs to the kernel, a copy of it to each if there are several: so it stands right in front of
// the root, which else has only buffers there.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Fusion/OutlineKernel.h"
#include "passes/Fusion/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_FORMKERNELSPASS
#include "passes/Fusion/Passes.h.inc"

using namespace mlir;

namespace {

class KernelFormer {
public:
  KernelFormer(ModuleOp module, const TargetStrategies &strategies, bool marksWeights)
      : strategies(strategies), rules(strategies),
        outliner(module, strategies, rules, marksWeights) {}

  LogicalResult run(Block &block);

  int64_t numKernels = 0, numFused = 0;

private:
  const TargetStrategies &strategies;
  JoinRules rules;
  KernelOutliner outliner;
};

} // namespace

/// Ops that stay in the function: the host executes them.
static bool staysInFunction(Operation *op) {
  return op->hasTrait<HostOp>() || !isa<TenonDialect>(op->getDialect());
}

LogicalResult KernelFormer::run(Block &block) {
  std::vector<std::unique_ptr<KernelGroup>> groups;
  llvm::DenseMap<Operation *, KernelGroup *> groupOf;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        if (failed(run(inner)))
          return failure();
    if (staysInFunction(&op))
      continue;
    if (!isa<InsertOp>(op) && !strategies.find(&op))
      return op.emitOpError("has no way to be computed");
    KernelGroup *common = nullptr;
    bool joins = !op.use_empty();
    for (Operation *user : op.getUsers()) {
      KernelGroup *group = groupOf.lookup(user);
      joins &= group && (!common || common == group);
      common = group;
    }
    if (joins && op.getNumResults() == 1 && rules.canJoin(&op, *common)) {
      rules.add(&op, *common);
      groupOf[&op] = common;
      ++numFused;
      continue;
    }
    auto &group = groups.emplace_back(std::make_unique<KernelGroup>());
    group->seed = &op;
    rules.add(&op, *group);
    groupOf[&op] = group.get();
  }
  for (auto &group : llvm::reverse(groups))
    outliner.outline(*group);
  numKernels += groups.size();
  return success();
}

/// Gives every user of narrow weights a dequantization of its own.
static void copyNarrowWeights(ModuleOp module, const TargetStrategies &strategies) {
  SmallVector<DequantizeBlocksOp> ops;
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](DequantizeBlocksOp op) {
      if (!op->use_empty() && !op->hasOneUse() && isReadNarrow(op, strategies))
        ops.push_back(op);
    });
  for (DequantizeBlocksOp op : ops)
    for (OpOperand &use : llvm::make_early_inc_range(llvm::drop_begin(op->getUses())))
      use.set(OpBuilder(op).clone(*op)->getResult(0));
}

namespace {

struct FormKernels : impl::FormKernelsPassBase<FormKernels> {
  using FormKernelsPassBase::FormKernelsPassBase;

  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    copyNarrowWeights(getOperation(), *strategies);
    KernelFormer former(getOperation(), *strategies, marksWeights);
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>()))
      for (Block &block : function.getBody())
        if (failed(former.run(block)))
          return signalPassFailure();
    numKernels += former.numKernels;
    numFused += former.numFused;
  }
};

} // namespace

} // namespace tenon
