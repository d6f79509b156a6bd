// Which channels of a model can be removed, and which others go with each of them.
//
// The sets of channels that must be kept or removed together (ChannelSets) of which none is pinned
// and some weight is a member. Sets that go through the same axes are units of one group: the
// outputs of a convolution, the residual stream of a stage, the heads of an attention. A model's
// inputs and outputs, and what graphs inside of nodes read, are pinned, and so is what an operator
// without a rule reads and gives.

#ifndef TENON_LIB_PRUNE_CHANNELGROUPS_H
#define TENON_LIB_PRUNE_CHANNELGROUPS_H

#include "lib/Prune/Coupling.h"

namespace tenon {

/// Units that could each be removed.
struct ChannelGroup {
  /// The node whose result the channels are first.
  std::string name;
  /// All nodes that make these channels from others, in order.
  std::vector<llvm::StringRef> nodes;
  /// The axes that the units go through, and how many channels each unit has there.
  std::vector<ChannelSets::Place> places;
  std::vector<int64_t> channelsAtPlaces;
  /// Of each unit its channels on all of these axes.
  std::vector<std::vector<int64_t>> units;
  /// How many channels of the first node a unit has, such as the size of a head.
  int64_t channelsPerUnit = 1;

  int64_t countChannels() const { return units.size() * channelsPerUnit; }
};

/// Channels of a node's result that must stay.
struct PinnedChannels {
  llvm::StringRef node;
  int64_t channels;
  llvm::StringRef reason;
};

class ChannelGroups {
public:
  /// `editor`'s nodes must be in order. Both must live as long as the result.
  static ChannelGroups find(const ModelEditor &editor, const ValueTypes &types);

  const ChannelSets &getSets() const { return sets; }
  llvm::ArrayRef<ChannelGroup> getGroups() const { return groups; }
  llvm::ArrayRef<WeightedSum> getSums() const { return sums; }
  /// Whether a node sums the channel up in a way that no WeightedSum tells.
  bool isReadOpaquely(int64_t channel) const { return opaque[channel]; }
  /// How reshapes were taken in the end.
  const RegroupingChoices &getChoices() const { return choices; }
  /// What of the results of sums cannot be removed.
  std::vector<PinnedChannels> listPinned() const;

private:
  void propagate(const ModelEditor &editor, const ValueTypes &types);
  void formGroups(const ModelEditor &editor);

  ChannelSets sets;
  std::vector<WeightedSum> sums;
  llvm::BitVector opaque;
  RegroupingChoices choices;
  std::vector<ChannelGroup> groups;
};

} // namespace tenon

#endif
