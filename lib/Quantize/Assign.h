// The choice of a precision for each group: the least time within a limit on noise.
#ifndef TENON_LIB_QUANTIZE_ASSIGN_H
#define TENON_LIB_QUANTIZE_ASSIGN_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <vector>

namespace tenon::quantize {

/// A precision that a group can have.
struct Choice {
  /// Of the group's kernels. Any unit.
  double time = 0;
  /// What the outputs get of it. Any unit in which noise of several groups adds up.
  double noise = 0;
  /// What its results are in memory: groups that differ in this need conversions between them.
  int format = 0;
};

/// Two groups of which one reads what the other computes.
struct Neighbours {
  unsigned first, second;
  /// Of a conversion between them.
  double time;
};

struct AssignmentProblem {
  /// For each group its choices. The first is the original precision, without noise.
  std::vector<llvm::SmallVector<Choice, 4>> groups;
  std::vector<Neighbours> neighbours;
};

/// For each group the number of its choice.
using Choices = std::vector<unsigned>;

/// Of all groups and of the conversions between them.
double totalTime(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices);
double totalNoise(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices);
/// Between neighbours.
int64_t countConversions(const AssignmentProblem &problem, llvm::ArrayRef<unsigned> choices);

/// Choices that together take little time and have no more noise than `limit`. No group has another
/// than its first choice unless that saves time where it stands.
Choices assignPrecisions(const AssignmentProblem &problem, double limit);

} // namespace tenon::quantize

#endif
