// Finds named ops in their long-hand forms. The patterns are in one file per family.

#include "passes/Graph/Recognize.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Graph/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_RECOGNIZEPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

struct Recognize : impl::RecognizePassBase<Recognize> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateSimplifyArithmeticPatterns(patterns);
    populateRecognizeNormsPatterns(patterns);
    populateRecognizeActivationsPatterns(patterns);
    populateRecognizeAttentionPatterns(patterns);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation().emitError("simplification does not come to rest");
      signalPassFailure();
    }
  }
};

} // namespace

} // namespace tenon
