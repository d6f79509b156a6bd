// Weights of a few bits as a contraction reads them; internal to Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_BLOCKCODES_H
#define TENON_PASSES_CODEGEN_CPU_BLOCKCODES_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Contraction.h"

namespace tenon::cpu {

/// Emits how codes and their parameters come into registers, vector by vector of output channels.
class BlockCodes {
public:
  /// Of the coded weights of `spec`, in vectors as the schedule says.
  BlockCodes(const ContractionSpec &spec, ContractionScheduleAttr schedule);

  /// Channels whose codes lie in one lane.
  int64_t perLane() const { return CodePanelsAttr::getCodesPerLane(weights.bits); }
  int64_t blockSize() const { return weights.blockSize; }
  int64_t channels() const { return inChannels; }
  int64_t blocks() const { return llvm::divideCeil(inChannels, weights.blockSize); }
  /// Lanes of a panel's codes for one output channel.
  int64_t steps() const { return llvm::divideCeil(inChannels, perLane()); }

  /// The lanes of step `step` of vector `number` from the panel of codes at `panel` on.
  mlir::Value load(Emitter &emitter, mlir::Value panel, mlir::Value step, int64_t number) const;
  /// Code `i` of each lane as f32.
  mlir::Value take(Emitter &emitter, mlir::Value lanes, int64_t i) const;
  /// The same times `shiftOf(i)`, in one instruction less.
  mlir::Value takeShifted(Emitter &emitter, mlir::Value lanes, int64_t i) const;
  /// Codes 4 * `step` to 4 * `step` + 3 of each lane, as its four bytes.
  mlir::Value takeBytes(Emitter &emitter, mlir::Value lanes, int64_t step) const;
  /// Bytes of a lane: each has as many codes.
  int64_t perByte() const { return 8 / weights.bits; }
  /// Code `part` of each of a lane's four bytes, as these bytes.
  mlir::Value takeOfBytes(Emitter &emitter, mlir::Value lanes, int64_t part) const;
  /// The last code of a lane comes down to where the first one is anyway.
  float shiftOf(int64_t i) const {
    return i + 1 == perLane() ? 1.0f : float(int64_t(1) << (weights.bits * i));
  }

  /// Parameters of `block` for vector `number` from the panel that begins at `channel` on, as f32.
  mlir::Value scale(Emitter &emitter, mlir::Value channel, mlir::Value block, int64_t number) const;
  /// Null if the codes of all weights that are 0 are 0.
  mlir::Value zero(Emitter &emitter, mlir::Value channel, mlir::Value block, int64_t number) const;
  /// The zero point, an integer of 32 bits; null as above.
  mlir::Value zeroWords(Emitter &emitter, mlir::Value channel, mlir::Value block,
                        int64_t number) const;
  /// The same in each of a lane's four bytes.
  mlir::Value zeroBytes(Emitter &emitter, mlir::Value channel, mlir::Value block,
                        int64_t number) const;
  bool hasZeros() const { return weights.zeros || weights.bias != 0; }

private:
  mlir::Value integers(Emitter &emitter, int64_t value) const;
  mlir::Value masked(Emitter &emitter, mlir::Value lanes, int64_t i) const;
  mlir::Value parameter(Emitter &emitter, mlir::Value from, mlir::Type type, mlir::Value channel,
                        mlir::Value block, int64_t number) const;
  /// Where vector `number` of row `row` is, of panels that have so many rows.
  mlir::Value offset(Emitter &emitter, mlir::Value row, int64_t rows, int64_t number) const;

  const CodedWeights &weights;
  int64_t inChannels, lanes;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_BLOCKCODES_H
