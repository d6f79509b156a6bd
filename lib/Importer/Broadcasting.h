// Broadcasting of sizes that only a run tells.

#ifndef TENON_LIB_IMPORTER_BROADCASTING_H
#define TENON_LIB_IMPORTER_BROADCASTING_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// What both sizes broadcast to. Where neither is known to be 1 and they differ as expressions, a
/// symbol that `tenon.bind_broadcast` binds: the same one wherever the same sizes meet again. A
/// constant other than 1 is what the other size must broadcast to. Constants that contradict each
/// other give the first of them: verifiers report them.
mlir::AffineExpr broadcastSizes(NodeImporter &node, mlir::AffineExpr a, mlir::AffineExpr b);

/// The same for dimensions of any number, aligned at the last one.
DimExprs broadcastSizes(NodeImporter &node, llvm::ArrayRef<mlir::AffineExpr> a,
                        llvm::ArrayRef<mlir::AffineExpr> b);

/// The operands of an op that is about to be built, each brought to the common sizes in those
/// dimensions in which the op would broadcast it, but only a run tells whether.
llvm::SmallVector<mlir::Value> broadcastOperands(NodeImporter &node, mlir::OperationName op,
                                                 mlir::ValueRange operands);

} // namespace tenon

#endif
