// How many channels each group loses, and which (see the header).

#include "lib/Prune/ChooseChannels.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <numeric>

using namespace llvm;

namespace tenon {

Error ChannelChooser::readKept() {
  mayShrink.assign(groups->getGroups().size(), true);
  for (const std::string &text : options->kept) {
    Expected<GlobPattern> pattern = GlobPattern::create(text);
    if (!pattern)
      return makeError("the pattern '" + text + "' is malformed: " + toString(pattern.takeError()));
    if (none_of(editor->graph().node(),
                [&](const onnx::NodeProto &node) { return pattern->match(getNodeName(node)); }))
      return makeError(editor->getName() + ": no node is called '" + text + "'");
    for (auto [number, group] : enumerate(groups->getGroups()))
      if (any_of(group.nodes, [&](StringRef node) { return pattern->match(node); }))
        mayShrink[number] = false;
  }
  if (none_of(mayShrink, [](bool may) { return may; }))
    return makeError(editor->getName() + ": no channels can be removed" +
                     (options->kept.empty() ? "" : " besides those that are kept"));
  return Error::success();
}

/// Units of a group that stay before rounding: the same part of each group, or those that matter
/// most when the units of all groups compete by their importance within their group.
std::vector<double> ChannelChooser::countKept(double part) const {
  std::vector<double> kept;
  for (const ChannelGroup &group : groups->getGroups())
    kept.push_back(static_cast<double>(group.units.size()));
  if (!options->isGlobal) {
    for (auto [number, count] : enumerate(kept))
      if (mayShrink[number])
        count *= 1 - part;
    return kept;
  }
  std::vector<std::pair<double, size_t>> candidates; // importance, group
  double all = 0, gone = 0;
  for (auto [number, group] : enumerate(groups->getGroups())) {
    if (!mayShrink[number])
      continue;
    ArrayRef<double> values = importance[number];
    double mean = std::accumulate(values.begin(), values.end(), 0.0) / values.size();
    for (double value : values)
      candidates.emplace_back(mean > 0 ? value / mean : 0, number);
    all += group.countChannels();
  }
  sort(candidates);
  for (size_t number : make_second_range(candidates)) {
    const ChannelGroup &group = groups->getGroups()[number];
    if (gone + group.channelsPerUnit > part * all || kept[number] <= 1)
      continue;
    gone += group.channelsPerUnit;
    --kept[number];
  }
  return kept;
}

size_t ChannelChooser::roundKept(const ChannelGroup &group, double wished) const {
  int64_t units = group.units.size();
  // Units of many channels, such as heads, are multiples already or never.
  int64_t step = options->multiple / std::gcd(options->multiple, group.channelsPerUnit);
  if (step > wished || step > units)
    step = std::max<int64_t>(1, bit_floor(static_cast<uint64_t>(std::max(wished, 1.0))));
  int64_t rounded = std::llround(wished / step) * step;
  return std::clamp<int64_t>(rounded, 1, units);
}

ChannelSelection ChannelChooser::select(double part) const {
  ChannelSelection selection;
  for (auto [number, wished] : enumerate(countKept(part))) {
    const ChannelGroup &group = groups->getGroups()[number];
    std::vector<size_t> &chosen = selection.emplace_back();
    if (!mayShrink[number])
      continue;
    size_t kept = std::min(roundKept(group, wished), group.units.size());
    chosen.resize(group.units.size());
    std::iota(chosen.begin(), chosen.end(), 0);
    sort(chosen, [&](size_t a, size_t b) {
      return std::pair(importance[number][a], a) < std::pair(importance[number][b], b);
    });
    chosen.resize(group.units.size() - kept);
    sort(chosen);
  }
  return selection;
}

PruneChoice ChannelChooser::choose(double part) const {
  PruneChoice choice{select(part), part};
  choice.predictedSpeedup =
      dense / estimateCost(*editor, *types, *groups, selectSets(*groups, choice.selection));
  return choice;
}

static bool removesNothing(const ChannelSelection &selection) {
  return all_of(selection, [](const auto &units) { return units.empty(); });
}

/// What is tried where no part is given.
static constexpr double kMostPart = 0.95, kPartStep = 0.01;

std::vector<PruneChoice> ChannelChooser::listChoices() const {
  std::vector<PruneChoice> choices;
  for (double part = kPartStep; part < kMostPart + kPartStep / 2; part += kPartStep) {
    ChannelSelection selection = select(part);
    bool isNew = choices.empty() || choices.back().selection != selection;
    if (isNew && !removesNothing(selection))
      choices.push_back(choose(part));
  }
  return choices;
}

Expected<PruneChoice> ChannelChooser::choose() const {
  if (options->channels) {
    PruneChoice choice = choose(*options->channels);
    if (removesNothing(choice.selection))
      return makeError(
          editor->getName() +
          formatv(": {0:P1} of the channels is less than one of any group, or rounds to none",
                  *options->channels));
    return choice;
  }
  double fastest = 1;
  for (PruneChoice &choice : listChoices()) {
    if (choice.predictedSpeedup >= *options->targetSpeedup)
      return std::move(choice);
    fastest = choice.predictedSpeedup;
  }
  return makeError(editor->getName() +
                   formatv(": cannot become {0:F1} times as fast: without {1:P0} of "
                           "its channels it is predicted to be {2:F2} times",
                           *options->targetSpeedup, kMostPart, fastest));
}

ChannelChooser::ChannelChooser(const ModelEditor &editor, const ValueTypes &types,
                               const ChannelGroups &groups, const PruneOptions &options,
                               std::vector<std::vector<double>> importance)
    : editor(&editor), types(&types), groups(&groups), options(&options),
      importance(std::move(importance)),
      dense(estimateCost(editor, types, groups, BitVector(groups.getSets().size()))) {}

Expected<ChannelChooser> ChannelChooser::create(const ModelEditor &editor, const ValueTypes &types,
                                                const ChannelGroups &groups,
                                                const PruneOptions &options,
                                                std::vector<std::vector<double>> importance) {
  if (groups.getGroups().empty())
    return makeError(editor.getName() + ": no channels can be removed");
  ChannelChooser chooser(editor, types, groups, options, std::move(importance));
  if (Error error = chooser.readKept())
    return std::move(error);
  return chooser;
}

} // namespace tenon
