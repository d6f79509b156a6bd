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

/// Element types of a contraction in memory, and how integers among them extend.
struct MmaTypes {
  mlir::Type input, weight, accumulator;
  bool inputIsUnsigned = false, weightsAreUnsigned = false;
};

class Mma {
public:
  /// What one operand is in registers.
  using Operand = llvm::SmallVector<mlir::Value, 2>;

  virtual ~Mma() = default;

  /// Prepares inputs, of one channel or as many as are interleaved, for all lanes.
  virtual Operand prepareInput(Emitter &emitter, mlir::Value scalar) const = 0;
  /// Prepares a vector of weights.
  virtual Operand prepareWeights(Emitter &emitter, mlir::Value vector) const = 0;
  /// sum + input * weights in each lane.
  virtual mlir::Value multiplyAdd(Emitter &emitter, const Operand &input, const Operand &weights,
                                  mlir::Value sum) const = 0;
};

/// The code for an instruction on vectors of so many sums. Interleaved channels are one integer of
/// the sum's type for it, and their types those of the contraction.
std::unique_ptr<Mma> createMma(MmaAttr mma, const MmaTypes &types, int64_t lanes);

} // namespace tenon::cpu

#endif
