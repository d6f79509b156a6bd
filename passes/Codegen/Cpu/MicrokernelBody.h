// The body of a microkernel whose sums are in vector registers; internal to Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_MICROKERNELBODY_H
#define TENON_PASSES_CODEGEN_CPU_MICROKERNELBODY_H

#include "passes/Codegen/Cpu/ContractionPack.h"

namespace tenon::cpu {

/// State while one microkernel's body is emitted.
struct MicrokernelEmitter::Body {
  using Sums = llvm::SmallVector<mlir::Value>;

  Body(const MicrokernelEmitter &parent, Emitter &emitter, const TileShape &shape,
       const TileOperands &operands);
  void emit();

private:
  Sums emitTaps(Sums sums);
  Sums emitDotProducts();
  /// Of weights that are codes (ContractionCodes.cpp).
  Sums emitCodes(Sums totals);
  Sums emitBlock(const BlockCodes &codes, mlir::Value block, int64_t size, Sums totals);
  Sums emitCodeStep(const BlockCodes &codes, mlir::Value step, int64_t count, Sums sums);
  Sums emitChannels(mlir::Value input, mlir::Value weights, mlir::Value tap, Sums sums);
  /// Of weights without their zeros (ContractionSkips.cpp).
  Sums emitKeptBlocks(mlir::Value input, mlir::Value tap, Sums sums);
  Sums emitKeptWeights(mlir::Value input, mlir::Value tap, Sums sums);
  Sums emitStep(mlir::Value input, mlir::Value weights, int64_t unrolled, Sums sums,
                mlir::Value count = nullptr);
  Sums multiplyStep(mlir::Value input, mlir::ValueRange weights, int64_t unrolled, Sums sums,
                    mlir::Value count = nullptr);
  llvm::SmallVector<mlir::Value> loadWeights(mlir::Value pointer);
  mlir::Value loadInput(mlir::Value pointer, mlir::Value count);
  void
  forRowSums(size_t first, Sums &sums,
             llvm::function_ref<void(int64_t v, llvm::MutableArrayRef<mlir::Value> ofRows)> body);
  void emitEpilogue(llvm::ArrayRef<mlir::Value> sums);

  const MicrokernelEmitter &parent;
  Emitter &emitter;
  TileShape shape;
  TileOperands operands;
  const NormalizedContraction &contraction;
  const ContractionSpec &spec;
  ContractionScheduleAttr schedule;
  int64_t lanes;
  mlir::VectorType vectorType;
  /// What lies one after another: input elements, or packed steps, and steps of weights.
  mlir::Type inputType, weightType;
  int64_t unroll;
  /// Input elements from the tile's first position to each of its positions, and from one step to
  /// the next; weights from one step to the next.
  llvm::SmallVector<mlir::Value> rowOffsets;
  int64_t inputStep;
  mlir::Value weightStep;
  ChannelMasks masks;
  /// Of input, by one instruction.
  size_t rowsAtOnce;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_MICROKERNELBODY_H
