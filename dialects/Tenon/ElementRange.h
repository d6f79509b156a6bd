// What is known of the numbers in a tensor: their bounds, and whether they are integers.
#ifndef TENON_DIALECTS_TENON_ELEMENTRANGE_H
#define TENON_DIALECTS_TENON_ELEMENTRANGE_H

#include "mlir/IR/Value.h"
#include <limits>

namespace tenon {

/// What holds for all elements that are numbers; NaN may be among them.
struct ElementRange {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool isIntegral = false;

  bool within(const ElementRange &other) const { return low >= other.low && high <= other.high; }
  /// Integers that f32 holds exactly.
  bool isExactInF32() const {
    constexpr double largest = 1 << 24;
    return isIntegral && low >= -largest && high <= largest;
  }
};

/// All values that an element type has.
ElementRange getElementRange(mlir::Type elementType);

/// What is known of the elements of `value`, from the ops that compute it.
ElementRange getElementRange(mlir::Value value);

} // namespace tenon

#endif
