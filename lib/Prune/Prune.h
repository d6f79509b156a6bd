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

/// A model and what of it can be removed.
class PrunableModel {
public:
  /// `options` say what is known of the model's shapes.
  static llvm::Expected<PrunableModel> create(const std::shared_ptr<ModelFile> &file,
                                              const ImportOptions &options = {});

  ModelEditor &getEditor() { return *editor; }
  const ModelEditor &getEditor() const { return *editor; }
  ValueTypes &getTypes() { return *types; }
  const ValueTypes &getTypes() const { return *types; }
  const ChannelGroups &getGroups() const { return *groups; }

  /// Removes channels, and tells about it. All but the editor describes the model as it was before,
  /// from here on.
  llvm::Expected<PruneReport> remove(const PruneChoice &choice);
  std::unique_ptr<ModelEditor> takeEditor() { return std::move(editor); }

private:
  // Where they are does not change.
  std::unique_ptr<ModelEditor> editor;
  std::unique_ptr<ValueTypes> types;
  std::unique_ptr<ChannelGroups> groups;
};

/// Removes channels, judged by weights alone, and gives the smaller model.
llvm::Expected<std::pair<std::unique_ptr<ModelEditor>, PruneReport>>
pruneModel(const std::shared_ptr<ModelFile> &file, const PruneOptions &options);

} // namespace tenon

#endif
