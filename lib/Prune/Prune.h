// Pruning a model in one call: what `tenon prune` stands on.

#ifndef TENON_LIB_PRUNE_PRUNE_H
#define TENON_LIB_PRUNE_PRUNE_H

#include "lib/Prune/ChooseChannels.h"

namespace tenon {

struct PruneReport {
  /// Positions that an axis of a constant loses.
  struct Slice {
    std::string constant;
    int64_t axis;
    std::vector<int64_t> positions;
  };
  struct Group {
    std::string name;
    std::vector<std::string> nodes;
    int64_t before = 0, after = 0, channelsPerUnit = 1;
    std::vector<Slice> slices;
  };
  struct Pinned {
    std::string node, reason;
    int64_t channels;
  };
  std::vector<Group> groups;
  /// What could not be removed.
  std::vector<Pinned> pinned;
  double predictedSpeedup = 1;
};

/// Removes channels and gives the smaller model.
llvm::Expected<std::pair<std::unique_ptr<ModelEditor>, PruneReport>>
pruneModel(const std::shared_ptr<ModelFile> &file, const PruneOptions &options);

} // namespace tenon

#endif
