// The equation of an Einsum, as far as channels can be followed through it.

#ifndef TENON_LIB_PRUNE_EINSUMEQUATION_H
#define TENON_LIB_PRUNE_EINSUMEQUATION_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace tenon {

/// A label for each axis of each operand and of the result.
struct EinsumEquation {
  llvm::SmallVector<std::string, 2> operands;
  std::string result;

  /// nullopt for dots and for diagonals.
  static std::optional<EinsumEquation> parse(llvm::StringRef text);
};

} // namespace tenon

#endif
