// Zeros in a pattern that matrix units leave out: of each four neighbours in depth two weights at
// most are something else (2:4).

#ifndef TENON_LIB_PRUNE_TWOOFFOUR_H
#define TENON_LIB_PRUNE_TWOOFFOUR_H

#include "lib/Editing/ModelEditor.h"

namespace tenon {

struct PatternReport {
  /// Weights that have the pattern now: how many there are, and how many were zero and are.
  struct Changed {
    std::string node, constant;
    int64_t weights, zerosBefore, zerosAfter;
  };
  /// Products whose weights stay as they are.
  struct Unchanged {
    std::string node, reason;
  };
  std::vector<Changed> changed;
  std::vector<Unchanged> unchanged;
};

/// Keeps of each four weights that are multiplied for one result, in MatMul, Gemm and Conv, the two
/// of the largest magnitude. Nodes that match a pattern of `kept` stay as they are. An error if
/// there are no weights for it, or if a pattern names no node.
llvm::Expected<std::pair<std::unique_ptr<ModelEditor>, PatternReport>>
pruneTwoOfFour(const std::shared_ptr<ModelFile> &file, llvm::ArrayRef<std::string> kept);

} // namespace tenon

#endif
