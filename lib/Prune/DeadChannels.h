// Takes out of a model what no result depends on: channels that nobody reads, that hold one number,
// or that are like others.

#ifndef TENON_LIB_PRUNE_DEADCHANNELS_H
#define TENON_LIB_PRUNE_DEADCHANNELS_H

#include "lib/Importer/Importer.h"

namespace tenon {

struct DeadChannelOptions {
  /// Groups keep a multiple of so many channels, of which some may be dead, rather than fill a
  /// vector in part.
  int64_t multiple = 1;
  /// What is said of the model's shapes.
  ImportOptions import;
};

/// What was removed from a group.
struct DeadChannels {
  /// The node whose results had the channels first.
  std::string node;
  int64_t before = 0, unread = 0, constant = 0, duplicate = 0;

  int64_t count() const { return unread + constant + duplicate; }
};

struct DeadChannelResult {
  /// The model itself where nothing is dead.
  std::shared_ptr<ModelFile> model;
  std::vector<DeadChannels> removed;
};

/// The same model without dead channels. Weights are looked at no longer than until it is clear
/// that there are none. A model that cannot be imported is left as it is, for the importer to
/// refuse.
llvm::Expected<DeadChannelResult> removeDeadChannels(const std::shared_ptr<ModelFile> &model,
                                                     const DeadChannelOptions &options);

/// Whether weights have channels of zeros, or two channels of equal ones: without any of these
/// nothing is dead.
bool mayHaveDeadChannels(const std::shared_ptr<ModelFile> &model);

} // namespace tenon

#endif
