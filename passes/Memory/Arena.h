// Placing buffers with known lifetimes in one arena.
#ifndef TENON_PASSES_MEMORY_ARENA_H
#define TENON_PASSES_MEMORY_ARENA_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace tenon {

/// A buffer that is in use from `begin` to `end`, both included.
struct Interval {
  int64_t begin, end, bytes;
  int64_t offset = 0;
};

/// The most bytes in use at one time: no arena is smaller.
int64_t getLowerBound(llvm::ArrayRef<Interval> intervals);

/// Gives each interval an offset, such that those which meet in time do not overlap. Returns the
/// size of the arena.
int64_t placeInArena(llvm::MutableArrayRef<Interval> intervals);

/// Whether no two intervals are in the same place at the same time.
bool isValidPlacement(llvm::ArrayRef<Interval> intervals, int64_t arenaBytes);

} // namespace tenon

#endif
