// Ranges of activations that cost the outputs little.
//
// What rounding and clipping do to a tensor says little of what they do to the outputs, and the
// samples that a range was found from say nothing of those that reach beyond it: where a norm
// enlarges what is left of a signal, one clipped number may cost more than all rounding. So ranges
// are found from most of the samples, in several ways, and judged by the others, in turns until all
// have judged:
//
//  1. with all tensors rounded at once, and one way for all of them;
//  2. with one class of tensors rounded at a time, by those ways that were best for all: classes
//     that cost most come first, and those that cost next to nothing are left out, as are ways
//     that are far behind after some of the samples;
//  3. with all at once again, each of these by its own best way.
//
// What leaves the outputs the least noise with all rounded is taken, unless most samples have more
// of it. Weights stay as they are.
#ifndef TENON_LIB_QUANTIZE_RANGESEARCH_H
#define TENON_LIB_QUANTIZE_RANGESEARCH_H

#include "lib/Quantize/NoiseChange.h"
#include "lib/Quantize/Repair.h"

namespace tenon::quantize {

/// The outputs' noise for their signal by the ways of the recipe's entries, and by those found.
struct RangeSearchReport {
  double before = 0, after = 0;
  NoiseChange change;
  /// Whether the recipe was changed.
  bool isBetter = false;
};

/// Changes how the ranges of a recipe's activations are found, and finds them. nullopt if nothing
/// of the recipe has a range, or what rounds them is a small part of `allNoise`, that of the
/// outputs with weights rounded, too.
llvm::Expected<std::optional<RangeSearchReport>>
searchRanges(Recipe &recipe, const RepairContext &context, double allNoise = 0);

} // namespace tenon::quantize

#endif
