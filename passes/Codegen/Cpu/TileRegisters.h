// The tile registers of Intel AMX (Intel SDM volume 1, chapter 18).
//
// Eight registers of 16 rows of 64 bytes: four tiles of sums, two of inputs, two of weights. All
// have this one size; what is narrower or shorter is padded, which costs the same.
#ifndef TENON_PASSES_CODEGEN_CPU_TILEREGISTERS_H
#define TENON_PASSES_CODEGEN_CPU_TILEREGISTERS_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "passes/Codegen/Cpu/Mma.h"

namespace tenon::cpu {

/// Emits the setting of tile registers for a task of a kernel, and the instructions on them.
/// Nothing that the task calls may set them otherwise.
class TileRegisters {
public:
  /// The numbers of registers: of sums, of inputs, of weights.
  static constexpr int64_t firstSums = 0, firstInput = 4, firstWeights = 6;

  /// Sets the registers; nothing if `mma` has no tiles.
  TileRegisters(Emitter &emitter, MmaAttr mma);
  /// Gives them back, so that threads of a caller have none set.
  void release(Emitter &emitter);

  static void clear(Emitter &emitter, int64_t tile);
  /// Rows are `pitch` bytes apart.
  static void load(Emitter &emitter, int64_t tile, mlir::Value pointer, mlir::Value pitch);
  static void store(Emitter &emitter, int64_t tile, mlir::Value pointer, mlir::Value pitch);
  /// sums += input * weights, by an instruction with tiles.
  static void multiplyAdd(Emitter &emitter, MmaAttr mma, const MmaTypes &types, int64_t sums,
                          int64_t input, int64_t weights);

private:
  bool areSet;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_TILEREGISTERS_H
