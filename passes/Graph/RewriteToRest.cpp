// Applying patterns for as long as one matches.

#include "passes/Graph/RewriteToRest.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tenon {

LogicalResult rewriteToRest(Operation *op, RewritePatternSet patterns, StringRef what) {
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  if (succeeded(applyPatternsGreedily(op, std::move(patterns), config)))
    return success();
  return op->emitError(what) << " not come to rest";
}

} // namespace tenon
