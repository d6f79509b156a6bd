// What types cannot tell about sizes, checked by the run.

#ifndef TENON_LIB_IMPORTER_RUNTIMECHECKS_H
#define TENON_LIB_IMPORTER_RUNTIMECHECKS_H

#include "lib/Importer/NodeImporter.h"

namespace tenon {

/// Ends the run with an error where `expr` is negative; `what` names it. Nothing is emitted if that
/// cannot be, or has been checked; a constant that is negative is an error at once.
void requireNonNegative(NodeImporter &node, mlir::AffineExpr expr, llvm::StringRef what);

/// The same where `size` is below `least`.
void requireAtLeast(NodeImporter &node, mlir::AffineExpr size, mlir::AffineExpr least,
                    llvm::StringRef what);

/// Whether `expr` is not negative where the run has come this far.
bool isNonNegativeHere(NodeImporter &node, mlir::AffineExpr expr);

/// Ends the run with an error where the sizes differ; `what` names them both. Constants that differ
/// are left to verifiers.
void requireEqual(NodeImporter &node, mlir::AffineExpr a, mlir::AffineExpr b, llvm::StringRef what);

/// Ends the run with an error where the sizes of the operands of `op` contradict each other. Types
/// cannot tell that of two different expressions; only the run knows.
void requireMatchingSizes(NodeImporter &node, mlir::Operation *op);

} // namespace tenon

#endif
