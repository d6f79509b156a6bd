// Which channels to remove: how many of each group, and which of them.

#ifndef TENON_LIB_PRUNE_CHOOSECHANNELS_H
#define TENON_LIB_PRUNE_CHOOSECHANNELS_H

#include "lib/Prune/Importance.h"
#include "lib/Prune/RemoveChannels.h"

namespace tenon {

struct PruneOptions {
  /// The part of channels to remove, above 0 and below 1, or how much faster the model is to
  /// become. With neither, something else says how much.
  std::optional<double> channels, targetSpeedup;
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
  /// The part of channels that was to go, before rounding.
  double part = 0;
  /// The time that the model takes, before by after, as operations and bytes of memory tell.
  double predictedSpeedup = 1;
};

/// Chooses among the channels of one model.
class ChannelChooser {
public:
  /// `importance` has a number for each unit of each group, as `measureImportance` gives it. All
  /// must live as long. An error says that nothing can be removed, or that a pattern names no node.
  static llvm::Expected<ChannelChooser> create(const ModelEditor &editor, const ValueTypes &types,
                                               const ChannelGroups &groups,
                                               const PruneOptions &options,
                                               std::vector<std::vector<double>> importance);

  /// As much as the options say. An error if that is nothing, or if no number of channels makes the
  /// model so fast.
  llvm::Expected<PruneChoice> choose() const;
  /// All choices that rounding tells apart, each of which removes more than the one before.
  std::vector<PruneChoice> listChoices() const;

private:
  ChannelChooser(const ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                 const PruneOptions &options, std::vector<std::vector<double>> importance);
  llvm::Error readKept();
  PruneChoice choose(double part) const;
  ChannelSelection select(double part) const;
  /// How many units of a group stay of those that should, after rounding.
  size_t roundKept(const ChannelGroup &group, double wished) const;
  std::vector<double> countKept(double part) const;

  const ModelEditor *editor;
  const ValueTypes *types;
  const ChannelGroups *groups;
  const PruneOptions *options;
  std::vector<std::vector<double>> importance;
  std::vector<bool> mayShrink; // groups
  double dense = 0;
};

/// A measure of the time that a model takes without the channels of `removed`.
double estimateCost(const ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                    const llvm::BitVector &removed);

} // namespace tenon

#endif
