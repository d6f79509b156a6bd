// Which channels to remove: how many of each group, and which of them.

#ifndef TENON_LIB_PRUNE_CHOOSECHANNELS_H
#define TENON_LIB_PRUNE_CHOOSECHANNELS_H

#include "lib/Prune/Importance.h"
#include "lib/Prune/RemoveChannels.h"

namespace tenon {

struct PruneOptions {
  /// The part of channels to remove, above 0 and below 1; or none, and how much faster the model
  /// is to become.
  std::optional<double> channels;
  double targetSpeedup = 0;
  Importance importance = Importance::L1;
  /// Remove the least important channels of all groups rather than the same part of each.
  bool isGlobal = false;
  /// Patterns of nodes whose channels stay.
  std::vector<std::string> kept;
  /// Groups keep a multiple of so many channels where they have that many to keep.
  int64_t multiple = 1;
};

/// What is removed, and what is expected of it.
struct PruneChoice {
  ChannelSelection selection;
  /// The time that the model takes, before by after, as operations and bytes of memory tell.
  double predictedSpeedup = 1;
};

/// An error says that nothing can be removed, that a pattern names no node, or that no number of
/// channels makes the model so fast.
llvm::Expected<PruneChoice> chooseChannels(const ModelEditor &editor, const ValueTypes &types,
                                           const ChannelGroups &groups,
                                           const PruneOptions &options);

/// A measure of the time that a model takes without the channels of `removed`.
double estimateCost(const ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                    const llvm::BitVector &removed);

} // namespace tenon

#endif
