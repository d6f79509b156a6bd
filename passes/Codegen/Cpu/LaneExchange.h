// Exchanges of lanes between vectors: squares are transposed, and rows become one vector of sums.
#ifndef TENON_PASSES_CODEGEN_CPU_LANEEXCHANGE_H
#define TENON_PASSES_CODEGEN_CPU_LANEEXCHANGE_H

#include "passes/Codegen/Common/EmitHelpers.h"

namespace tenon::cpu {

/// Transposes a square of as many vectors as each has lanes; null vectors are rows of no interest.
llvm::SmallVector<mlir::Value> emitTranspose(Emitter &emitter, llvm::ArrayRef<mlir::Value> vectors);

/// Adds the lanes of each vector: lane i of the result is the sum of vector i, in a fixed order.
/// Null vectors, and those missing up to the number of lanes, count as zeros.
mlir::Value emitLaneSums(Emitter &emitter, llvm::ArrayRef<mlir::Value> vectors);

/// Puts the bytes of four vectors together, as lanes of 32 bits: those of the first one are the
/// lowest. A multiple of four bytes each.
mlir::Value emitByteColumns(Emitter &emitter, llvm::ArrayRef<mlir::Value> rows);

} // namespace tenon::cpu

#endif
