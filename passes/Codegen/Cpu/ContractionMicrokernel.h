// The register tile of a contraction; internal to Contraction*.cpp.
#ifndef TENON_PASSES_CODEGEN_CPU_CONTRACTIONMICROKERNEL_H
#define TENON_PASSES_CODEGEN_CPU_CONTRACTIONMICROKERNEL_H

#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Codegen/Cpu/Mma.h"
#include <map>
#include <string>

namespace tenon::cpu {

/// One spatial dimension of the loop nest: either one of the convolution's, or several that lie
/// behind one another in memory and are walked as one.
struct SpatialDim {
  mlir::Value size, kernel;
  /// Input elements from one output position, or one tap, to the next.
  mlir::Value step, tapStep;
  /// The dimensions of the specification in it, outermost first: -1 is the batch.
  llvm::SmallVector<int> origins;
};

/// Where a tile is: coordinates of its first position and channel.
struct TilePlace {
  mlir::Value batch, group, depth, height, width, channel;
};

/// A contraction with exactly three spatial dimensions (depth, height, width).
struct NormalizedContraction {
  ContractionSpec spec;
  SpatialDim depth, height, width;
  /// Of the loop nest: 1 if the batch is part of `width`.
  mlir::Value batch;
  /// Width taps are neighbours of the channels, so that both are one loop over `sumChannels`.
  bool mergesWidthTaps = false;
  /// Channels per trip through the taps: K, or K times the width taps.
  mlir::Value sumChannels;
  /// How many of them are multiplied and added at once, and how many such steps there are.
  int64_t interleave = 1;
  mlir::Value sumSteps;
  /// Numbers are sums of so many, each of which has these steps.
  int64_t parts = 1;
  /// The types of operands' elements where packing has written them to scratch memory.
  mlir::Type packedInputType, packedWeightType;

  /// The type of what one step reads of elements that lie together: an integer that holds all of
  /// them if they are several.
  mlir::Type getStepType(mlir::Type element) const {
    if (interleave == 1)
      return element;
    return mlir::IntegerType::get(element.getContext(),
                                  interleave * element.getIntOrFloatBitWidth());
  }
  /// Whether `sumChannels` is all that is summed over.
  bool hasOneTap() const {
    return isConstant(depth.kernel, 1) && isConstant(height.kernel, 1) &&
           (mergesWidthTaps || isConstant(width.kernel, 1));
  }
  /// Steps of all taps: rows of a panel of weights.
  mlir::Value countPanelRows(Emitter &emitter) const;
  /// Loops over the taps that are not part of `sumChannels`, in memory order of the weights;
  /// dimensions with one tap leave no loop. `body` gets the input of the tap, given that of the
  /// first one, the tap's number, and values carried from one to the next.
  llvm::SmallVector<mlir::Value>
  forTaps(Emitter &emitter, mlir::Value input, mlir::ValueRange initial,
          llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value input, mlir::Value tap,
                                                            mlir::ValueRange carried)>
              body) const;

  /// The output position `line`, `row` of the tile at `place`, in the caller's dimensions.
  OutputIndex outputIndex(Emitter &emitter, const TilePlace &place, mlir::Value line,
                          mlir::Value row) const;
};

NormalizedContraction normalizeContraction(Emitter &emitter, const ContractionSpec &spec,
                                           ContractionScheduleAttr schedule);

/// Interleaved channels, of which only the first `count` exist, as one integer. The others, whose
/// weights are zero, are zeros if these are floats, and else repeat the last one. Channels are of
/// type `type`, integers among them widened to `part`.
mlir::Value loadSomeChannels(Emitter &emitter, mlir::Type type, mlir::Type part, bool isUnsigned,
                             mlir::Value pointer, int64_t interleave, mlir::Value count);

/// What distinguishes one microkernel from another.
struct TileShape {
  int64_t lines, rows, vectors;
  /// The last vectors may have fewer valid lanes, or none.
  bool masked;
  bool operator<(const TileShape &other) const {
    return std::tie(lines, rows, vectors, masked) <
           std::tie(other.lines, other.rows, other.vectors, other.masked);
  }
};

/// Operands of one microkernel call.
struct TileOperands {
  /// First input element (or packed input), first weight of the panel, what to prefetch (or null).
  mlir::Value input, weights, prefetch;
  TilePlace place;
  /// Those of the shape's lines and rows that there are. Only instructions with tiles take fewer.
  mlir::Value lines, rows;
};

/// Which of a tile's channels there are.
class ChannelMasks {
public:
  ChannelMasks(Emitter &emitter, const ContractionSpec &spec, const TileShape &shape, int64_t lanes,
               mlir::Value firstChannel);
  /// The first `count`; null: all.
  ChannelMasks(int64_t lanes, mlir::Value count) : lanes(lanes), count(count) {}
  /// Of vector `number` of channels; null: all.
  mlir::Value of(Emitter &emitter, int64_t number) const;
  /// Their number; null: all.
  mlir::Value getCount() const { return count; }

private:
  int64_t lanes;
  mlir::Value count;
};

/// Emits and calls the microkernels of one contraction.
class MicrokernelEmitter {
public:
  MicrokernelEmitter(mlir::ModuleOp module, const NormalizedContraction &contraction,
                     ContractionScheduleAttr schedule, EpilogueFn epilogue,
                     llvm::StringRef namePrefix);

  /// Calls the microkernel for `shape` at `emitter`'s place; emits it if it is new.
  void call(Emitter &emitter, const TileShape &shape, TileOperands operands);

  /// Weights are not in panels: they are read where the caller has them.
  bool readsWeightsInPlace() const;
  /// Weights are codes, and not decoded before.
  bool multipliesCodes() const;
  /// Lanes are channels to sum over instead of output channels.
  bool addsAcrossLanes() const;

private:
  struct Body;
  struct TileBody;
  struct BlockBody;
  struct ColumnBody;
  const OutlinedFunction &get(Emitter &emitter, const TileShape &shape);
  /// What trip number `trip` through the channels prefetches of the next panel.
  void prefetchNext(Emitter &emitter, const TileOperands &operands, mlir::Value trip) const;
  /// Hands the vectors of sums of one position to the caller of the contraction.
  void finish(Emitter &emitter, const TilePlace &place, mlir::Value line, mlir::Value row,
              mlir::ValueRange sums, const ChannelMasks &masks) const;
  /// The body of a microkernel of tiles (ContractionTiles.cpp).
  void emitTiles(Emitter &emitter, const TileShape &shape, const TileOperands &operands) const;
  /// The body of a microkernel of bytes that are scaled block by block (ContractionBlocks.cpp).
  void emitBlocks(Emitter &emitter, const TileShape &shape, const TileOperands &operands) const;
  /// The body of a microkernel of single weights and vectors of positions
  /// (ContractionColumns.cpp).
  void emitColumns(Emitter &emitter, const TileShape &shape, const TileOperands &operands) const;
  /// What is passed to microkernels: coordinates that are not always 0, and the numbers of lines
  /// and rows if they differ from call to call.
  llvm::SmallVector<mlir::Value *> passedNumbers(TileOperands &operands) const;

  mlir::ModuleOp module;
  const NormalizedContraction &contraction;
  ContractionScheduleAttr schedule;
  EpilogueFn epilogue;
  std::string namePrefix;
  std::unique_ptr<Mma> mma;
  std::map<TileShape, OutlinedFunction> kernels;
};

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_CONTRACTIONMICROKERNEL_H
