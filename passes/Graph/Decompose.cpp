// Replaces named ops by the simple ones they consist of (DecomposeOpInterface).

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Target/MultipliedType.h"
#include "mlir/IR/PatternMatch.h"
#include "passes/Graph/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_DECOMPOSEPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

/// What an op allows whoever multiplies its numbers, the ops that it becomes allow, too.
class KeepMultipliedType : public RewriterBase::Listener {
public:
  explicit KeepMultipliedType(Operation *op) : type(op->getAttr(kMultipliedTypeAttrName)) {}
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    if (type && isa<PrecisionOpInterface>(op))
      op->setAttr(kMultipliedTypeAttrName, type);
  }

private:
  Attribute type;
};

struct Decompose : impl::DecomposePassBase<Decompose> {
  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    // An op may decompose into ops that decompose further.
    for (bool changed = true; changed;) {
      SmallVector<DecomposeOpInterface> ops;
      getOperation().walk([&](DecomposeOpInterface op) {
        if (!strategies->isRoot(op))
          ops.push_back(op);
      });
      changed = !ops.empty();
      IRRewriter rewriter(&getContext());
      for (DecomposeOpInterface op : ops) {
        KeepMultipliedType listener(op);
        rewriter.setListener(&listener);
        rewriter.setInsertionPoint(op);
        if (failed(op.decompose(rewriter))) {
          op.emitOpError("cannot be decomposed");
          return signalPassFailure();
        }
        ++numDecomposed;
      }
    }
  }
};

} // namespace

} // namespace tenon
