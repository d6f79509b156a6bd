// Applying patterns for as long as one matches.
#ifndef TENON_PASSES_GRAPH_REWRITETOREST_H
#define TENON_PASSES_GRAPH_REWRITETOREST_H

#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// Applies the patterns to what is in `op` until none matches, and leaves regions as they are. An
/// error that `what` does not come to rest ("scales do") if there is no end.
llvm::LogicalResult rewriteToRest(mlir::Operation *op, mlir::RewritePatternSet patterns,
                                  llvm::StringRef what);

} // namespace tenon

#endif
