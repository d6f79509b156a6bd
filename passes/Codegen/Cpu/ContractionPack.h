// Copies into contiguous scratch that make a contraction's operands fast to read; internal to
// Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_CONTRACTIONPACK_H
#define TENON_PASSES_CODEGEN_CPU_CONTRACTIONPACK_H

#include "passes/Codegen/Cpu/BlockCodes.h"
#include "passes/Codegen/Cpu/ContractionMicrokernel.h"

namespace tenon::cpu {

/// Where packed operands lie in a task's scratch: first tiles of input, then a panel of weights.
/// Sizes in steps of interleaved channels are `fixed + perChannel * inChannels`.
struct ScratchLayout {
  MmaAttr mma;
  int64_t inputTile = 0, inputTiles = 0, weightPanel = 0, slack = 0, interleave = 1, depth = 1;
  /// Of a tile, as many as there is room for.
  int64_t tilePositions = 0;
  /// Sums of columns, behind all else, in elements.
  int64_t columnSums = 0;

  ScratchLayout(ContractionScheduleAttr schedule, int64_t taps, bool hasCodes);
  ScratchBytes bytes(int64_t elementBytes) const;
};

/// Whether code multiplies single weights by vectors of positions. Then tiles of input are packed
/// with whole vectors of them.
inline bool skipsColumns(ContractionScheduleAttr schedule) {
  return schedule.getSkip() && schedule.getSkip().getZeros() == Zeros::Columns;
}

/// A tile's input as products with codes read it: first its rows, each channel divided by the shift
/// of its code (BlockCodes::shiftOf), then for each row the sum of each block.
struct CodeInput {
  int64_t channels, blocks;

  CodeInput(const BlockCodes &codes) : channels(codes.channels()), blocks(codes.blocks()) {}
  int64_t row(int64_t number) const { return number * channels; }
  /// Of a tile with so many rows.
  mlir::Value sums(Emitter &emitter, mlir::Value rows, mlir::Value number) const {
    return emitter.add(emitter.mul(rows, channels), emitter.mul(number, blocks));
  }
};

/// A tile's input as bytes: first its rows, padded to whole steps, then for each row the f32 scales
/// of its blocks. Behind a panel of weights as bytes lie numbers of 32 bits for its blocks, from
/// which their sums start.
///
/// Where codes are multiplied as they are, rows are padded to whole lanes of codes, those bytes of
/// a lane come first whose codes are the first ones of their bytes, and behind the scales lie, for
/// each row, the sums of its blocks.
struct RoundedInput {
  /// Bytes that are summed at once.
  static constexpr int64_t step = 4;
  int64_t steps, blocks;
  bool hasSums;

  RoundedInput(const BlockCodes &codes, bool multipliesCodes)
      : steps(llvm::alignTo(llvm::divideCeil(codes.channels(), step),
                            multipliesCodes ? codes.perLane() / step : 1)),
        blocks(codes.blocks()), hasSums(multipliesCodes) {}
  /// Words of 32 bits for a row and what goes with it.
  int64_t rowWords() const { return steps + blocks * (hasSums ? 2 : 1); }
  /// Where each is in a tile with so many rows, in words.
  int64_t row(int64_t number) const { return number * steps; }
  mlir::Value scales(Emitter &emitter, mlir::Value rows, mlir::Value number) const {
    return emitter.add(emitter.mul(rows, steps), emitter.mul(number, blocks));
  }
  mlir::Value sums(Emitter &emitter, mlir::Value rows, mlir::Value number) const {
    return emitter.add(emitter.mul(rows, steps + blocks), emitter.mul(number, blocks));
  }
};

/// Emits and calls the packing functions of one contraction.
class PackEmitter {
public:
  PackEmitter(mlir::ModuleOp module, const NormalizedContraction &contraction,
              ContractionScheduleAttr schedule, llvm::StringRef namePrefix);

  /// A tile of one row and tap is its own packed form, if its elements need not be widened.
  bool isPackedInPlace(int64_t lines, int64_t rows) const {
    return lines * rows == 1 && !spec.codes && !skipsColumns(schedule) &&
           !schedule.getMma().hasTiles() && contraction.packedInputType == spec.inputType &&
           contraction.hasOneTap();
  }
  /// Copies the input of a tile to [taps][K][lines*rows], steps of interleaved channels, which must
  /// be full, in the place of channels. For codes that are multiplied as they are, see CodeInput;
  /// for those that become bytes, RoundedInput. May write up to the scratch's slack behind it, so
  /// tiles that lie behind one another must be packed in order.
  void packInput(Emitter &emitter, int64_t lines, int64_t rows, mlir::Value input,
                 mlir::Value packed);
  /// The same for an instruction with tiles, to [positions / 16][taps * K / 64][16][64] bytes, of
  /// which those of positions that do not exist stay as they are.
  void packTiles(Emitter &emitter, mlir::Value lines, mlir::Value rows, mlir::Value input,
                 mlir::Value packed);
  /// Copies a panel of RowMajor or Transposed weights, of which `columns` exist, to [taps*K][NR],
  /// or [taps * steps][NR][interleave]. Of codes, it is a panel of which `columns` is the first
  /// channel, and they become the weights that they stand for, or, as bytes, those less their
  /// scales (RoundedInput).
  void packWeights(Emitter &emitter, mlir::Value weights, mlir::Value columns, mlir::Value packed);

private:
  void emitPackInput(Emitter &emitter, int64_t lines, mlir::Value rows, mlir::Value input,
                     mlir::Value packed);
  /// Calls `copyRow` for each row of a panel, with the masks of its vectors.
  void forPanelRows(Emitter &emitter, mlir::Value rows, mlir::Value columns,
                    llvm::function_ref<void(mlir::Value, llvm::ArrayRef<mlir::Value>)> copyRow);
  void emitPackRowMajor(Emitter &emitter, mlir::Value weights, mlir::Value columns,
                        mlir::Value packed);
  void emitInterleaveRows(Emitter &emitter, mlir::Value weights, mlir::Value columns,
                          mlir::Value packed);
  void emitPackTransposed(Emitter &emitter, mlir::Value weights, mlir::Value columns,
                          mlir::Value packed);
  void emitDecode(Emitter &emitter, mlir::Value codes, mlir::Value channel, mlir::Value packed);
  void emitPackForCodes(Emitter &emitter, mlir::Value rows, mlir::Value input, mlir::Value packed);
  /// For products of bytes (ContractionBlocks.cpp).
  void emitRound(Emitter &emitter, mlir::Value rows, mlir::Value input, mlir::Value packed);
  void emitDecodeBytes(Emitter &emitter, mlir::Value codes, mlir::Value channel,
                       mlir::Value packed);
  /// The channels of a position that a tile holds, as it holds them: of all parts. `channels`: how
  /// many there are; null: all.
  llvm::SmallVector<mlir::Value> loadTileRow(Emitter &emitter, mlir::Value pointer,
                                             mlir::Value channels);
  /// One position (ContractionTiles.cpp).
  void emitPackTiles(Emitter &emitter, mlir::Value position, mlir::Value input, mlir::Value packed);
  void emitLastStep(Emitter &emitter, llvm::ArrayRef<mlir::Value> columns, mlir::Value packed);
  void emitMissingSteps(Emitter &emitter, mlir::Value packed);
  /// Reads vectors of channels of all `rows` (pointers), transposes them, and stores the rows of
  /// each channel one after another, channels `pitch` elements of type `packedType` apart.
  /// Interleaved channels move together, as far as they fill a step.
  void emitTransposedCopy(Emitter &emitter, llvm::ArrayRef<mlir::Value> rows, mlir::Type type,
                          mlir::Type packedType, bool isUnsigned, mlir::Value packed,
                          mlir::Value pitch);

  mlir::ModuleOp module;
  const NormalizedContraction &contraction;
  const ContractionSpec &spec;
  ContractionScheduleAttr schedule;
  std::string namePrefix;
  int64_t lanes, panelWidth;
  std::map<std::pair<int64_t, int64_t>, OutlinedFunction> inputFunctions;
  std::optional<OutlinedFunction> weightFunction;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_CONTRACTIONPACK_H
