// How much a channel matters, judged by its weights.

#ifndef TENON_LIB_PRUNE_IMPORTANCE_H
#define TENON_LIB_PRUNE_IMPORTANCE_H

#include "lib/Prune/ChannelGroups.h"

namespace tenon {

enum class Importance {
  L1,        // sum of magnitudes of all weights that go with the channel
  L2,        // root of the sum of their squares
  BatchNorm, // magnitude of the scales of batch normalizations
  // What the channel adds to the sums that read it, by samples (lib/MeasuredPruning)
  Activation,
};

/// "l1", "l2", "bn" or "activation".
std::optional<Importance> parseImportance(llvm::StringRef text);

/// For each group a number for each unit. Only numbers of one group can be compared with each
/// other. An error if there is nothing to judge by, as without samples for activations.
llvm::Expected<std::vector<std::vector<double>>>
measureImportance(const ModelEditor &editor, const ChannelGroups &groups, Importance importance);

} // namespace tenon

#endif
