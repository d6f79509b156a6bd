// Analysis, choice and removal in a row, and what is said of them.

#include "lib/Prune/Prune.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

/// What each constant of a group loses.
static std::vector<PruneReport::Slice> listSlices(const ModelEditor &editor,
                                                  const ChannelSets &sets,
                                                  const ChannelGroup &group,
                                                  const BitVector &removed) {
  std::vector<PruneReport::Slice> slices;
  for (const ChannelSets::Place &place : group.places) {
    if (!editor.isConstant(place.value))
      continue;
    PruneReport::Slice slice{place.value.str(), place.axis, {}};
    Axis axis = sets.getAxes(place.value)[place.axis];
    for (int64_t position : seq(axis.size))
      if (removed[sets.find(axis.first + position)])
        slice.positions.push_back(position);
    slices.push_back(std::move(slice));
  }
  return slices;
}

static PruneReport describe(const ModelEditor &editor, const ChannelGroups &groups,
                            const PruneChoice &choice, const BitVector &removed) {
  PruneReport report;
  for (auto [group, units] : zip(groups.getGroups(), choice.selection)) {
    PruneReport::Group &each = report.groups.emplace_back();
    each.name = group.name;
    each.nodes.assign(group.nodes.begin(), group.nodes.end());
    each.channelsPerUnit = group.channelsPerUnit;
    each.before = group.countChannels();
    each.after = each.before - units.size() * group.channelsPerUnit;
    each.slices = listSlices(editor, groups.getSets(), group, removed);
  }
  for (const PinnedChannels &pinned : groups.listPinned())
    report.pinned.push_back({pinned.node.str(), pinned.reason.str(), pinned.channels});
  report.predictedSpeedup = choice.predictedSpeedup;
  return report;
}

Expected<PrunableModel> PrunableModel::create(const std::shared_ptr<ModelFile> &file,
                                              const ImportOptions &options) {
  Expected<ValueTypes> types = inferValueTypes(file, options);
  if (!types)
    return types.takeError();
  PrunableModel model;
  model.types = std::make_unique<ValueTypes>(std::move(*types));
  model.editor = std::make_unique<ModelEditor>(file);
  if (Error error = model.editor->sortNodes())
    return std::move(error);
  model.groups = std::make_unique<ChannelGroups>(ChannelGroups::find(*model.editor, *model.types));
  return std::move(model);
}

Expected<PruneReport> PrunableModel::remove(const PruneChoice &choice) {
  BitVector removed = selectSets(*groups, choice.selection);
  PruneReport report = describe(*editor, *groups, choice, removed);
  if (Error error = removeChannels(*editor, *types, *groups, removed))
    return std::move(error);
  return report;
}

Expected<std::pair<std::unique_ptr<ModelEditor>, PruneReport>>
pruneModel(const std::shared_ptr<ModelFile> &file, const PruneOptions &options) {
  Expected<PrunableModel> model = PrunableModel::create(file);
  if (!model)
    return model.takeError();
  auto importance = measureImportance(model->getEditor(), model->getGroups(), options.importance);
  if (!importance)
    return importance.takeError();
  auto chooser = ChannelChooser::create(model->getEditor(), model->getTypes(), model->getGroups(),
                                        options, std::move(*importance));
  if (!chooser)
    return chooser.takeError();
  Expected<PruneChoice> choice = chooser->choose();
  if (!choice)
    return choice.takeError();
  Expected<PruneReport> report = model->remove(*choice);
  if (!report)
    return report.takeError();
  return std::pair(model->takeEditor(), std::move(*report));
}

} // namespace tenon
