// Pattern families of the recognition pass.
#ifndef TENON_PASSES_GRAPH_RECOGNIZE_H
#define TENON_PASSES_GRAPH_RECOGNIZE_H

#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// attention.
void populateRecognizeAttentionPatterns(mlir::RewritePatternSet &patterns);
/// gelu, silu, sigmoid.
void populateRecognizeActivationsPatterns(mlir::RewritePatternSet &patterns);
/// layer_norm, rms_norm, softmax.
void populateRecognizeNormsPatterns(mlir::RewritePatternSet &patterns);
/// Cheaper arithmetic with the same result.
void populateSimplifyArithmeticPatterns(mlir::RewritePatternSet &patterns);

} // namespace tenon

#endif
