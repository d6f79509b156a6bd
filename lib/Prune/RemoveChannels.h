// Takes channels out of a model: a smaller model of the same kind.

#ifndef TENON_LIB_PRUNE_REMOVECHANNELS_H
#define TENON_LIB_PRUNE_REMOVECHANNELS_H

#include "lib/Prune/ChannelGroups.h"

namespace tenon {

/// Units to remove: for each group, the numbers of its units, in order.
using ChannelSelection = std::vector<std::vector<size_t>>;

/// The first channels of the sets that a selection removes.
llvm::BitVector selectSets(const ChannelGroups &groups, const ChannelSelection &selection);

/// Slices constants, adjusts attributes and lists of sizes, and renews declared shapes. Each axis
/// must keep a channel. `groups` describes the model as it was before, and nothing after.
llvm::Error removeChannels(ModelEditor &editor, const ValueTypes &types,
                           const ChannelGroups &groups, const llvm::BitVector &removed);

} // namespace tenon

#endif
