// Parts of matrices in the memory that a block shares, for threads that multiply with FMAs.
//
// Lines are steps of the depth, over which products are summed: [depth][positions]. So a thread
// reads what it needs of a line, neighbouring positions, at once. Lines are 16 bytes longer than
// their positions, and what threads store one below another is in different banks.
#ifndef TENON_PASSES_CODEGEN_CUDA_SHAREDLINES_H
#define TENON_PASSES_CODEGEN_CUDA_SHAREDLINES_H

#include "passes/Codegen/Cuda/KernelEmitter.h"

namespace tenon::cuda {

/// Whether each number is below its end; null where all of the ends are, which means no limit.
mlir::Value areBelow(Emitter &em,
                     llvm::ArrayRef<std::pair<mlir::Value, mlir::Value>> numbersAndEnds);

/// A matrix of positions by depth that is somewhere in a tensor.
struct LineSource {
  mlir::Value tensor;
  /// Neighbours in memory are neighbours in depth, and not positions.
  bool isDeep;
  /// How many there are; null where lines are known not to reach beyond them.
  mlir::Value positions, depth;
  /// The index of an element.
  std::function<llvm::SmallVector<LaneIndex>(mlir::Value position, mlir::Value depth)> index;
};

class SharedLines {
public:
  /// Of `element`s, in memory of their own.
  SharedLines(KernelEmitter &e, mlir::Type element, int64_t positions, int64_t depth);
  /// At `memory`, which has the bytes.
  SharedLines(KernelEmitter &e, mlir::Type element, int64_t positions, int64_t depth,
              mlir::Value memory);
  static int64_t getBytes(mlir::Type element, int64_t positions, int64_t depth);

  /// Each thread of the block stores its share of the matrix from position `first` and `depth` on;
  /// neighbouring threads take neighbours in memory. Outside of the matrix there are zeros.
  void bring(const LineSource &source, mlir::Value first, mlir::Value depth);
  /// The part with this number of a line that has parts of `count` positions: a vector.
  mlir::Value read(mlir::Value line, mlir::Value part, int64_t count);
  void write(mlir::Value line, mlir::Value part, mlir::Value vector);

private:
  mlir::Value pointer(mlir::Value line, mlir::Value position);
  mlir::Value load(const LineSource &source, mlir::Value position, mlir::Value depth);
  void store(const LineSource &source, mlir::Value number, mlir::Value first, mlir::Value depth);
  unsigned alignment(int64_t count) const;

  KernelEmitter &e;
  Emitter &em;
  mlir::Value memory;
  mlir::Type element;
  int64_t positions, depth;
};

/// What a thread has of the positions of lines.
struct LinePart {
  SharedLines &lines;
  mlir::Value number;
  int64_t count;
};

/// Adds to `sums`, a vector over the columns for each of the rows, the products of the first
/// `depth` lines.
llvm::SmallVector<mlir::Value> multiplyLines(KernelEmitter &e, LinePart rows, LinePart columns,
                                             mlir::Value depth, mlir::ValueRange sums);

} // namespace tenon::cuda

#endif
