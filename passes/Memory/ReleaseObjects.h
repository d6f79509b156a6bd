// Where the program gives up its references to sequences, optionals and maps.
#ifndef TENON_PASSES_MEMORY_RELEASEOBJECTS_H
#define TENON_PASSES_MEMORY_RELEASEOBJECTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tenon {

/// Puts `tenon.release` after the last use of each object that a block owns, or lets that use
/// consume it. Returns how many references end like this.
int64_t releaseObjects(mlir::func::FuncOp function);

/// Whether the reference to an object that a terminator yields is one that its block has to give:
/// it owns the object itself, or is a branch behind which nobody uses it.
bool givesReference(mlir::Value object, mlir::Operation *terminator);

} // namespace tenon

#endif
