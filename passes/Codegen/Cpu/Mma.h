// Instructions that multiply and add, as the loops of a contraction use them.
//
// Loops, tiles, packing and tasks are the same for all. What differs is how inputs and weights come
// into registers and what is done with them there: one class of a few lines for each instruction.
#ifndef TENON_PASSES_CODEGEN_CPU_MMA_H
#define TENON_PASSES_CODEGEN_CPU_MMA_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include <memory>

namespace tenon::cpu {

/// What sums are of, and how narrower integers extend.
struct MmaTypes {
  mlir::Type accumulator;
  bool inputIsUnsigned = false, weightsAreUnsigned = false;
};

class Mma {
public:
  virtual ~Mma() = default;

  /// Prepares inputs, of one channel or as many as are interleaved, for all lanes: of one row, or
  /// of as many as the instruction multiplies at once.
  virtual mlir::Value prepareInput(Emitter &emitter, mlir::ValueRange scalars) const = 0;
  /// Prepares a vector of weights.
  virtual mlir::Value prepareWeights(Emitter &emitter, mlir::Value vector) const = 0;
  /// sum + input * weights in each lane, for the sums of each of these rows.
  virtual void multiplyAdd(Emitter &emitter, mlir::Value input, mlir::Value weights,
                           llvm::MutableArrayRef<mlir::Value> sums) const = 0;
  /// Gives each row its sums in the end.
  virtual void separateRows(Emitter &emitter, llvm::MutableArrayRef<mlir::Value> sums) const {}
};

/// The channels that lie together in each integer of a vector, the first in the lowest bits, as
/// integers of type `channel`.
mlir::Value splitChannels(Emitter &emitter, mlir::Value vector, int64_t interleave,
                          mlir::Type channel, bool isUnsigned);

/// Of bytes with a sign as weights, and bytes of the sign that the instruction wants as inputs.
MmaTypes getByteTypes(MmaAttr mma);

/// The code for an instruction on vectors of so many sums. Interleaved channels are one integer for
/// it, as wide as all of them in memory, or as packing has made them.
std::unique_ptr<Mma> createMma(MmaAttr mma, const MmaTypes &types, int64_t lanes);

} // namespace tenon::cpu

#endif
