// Propagation through a graph (see the header).

#include "lib/Prune/ChannelGroups.h"
#include "lib/Importer/Subgraphs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <map>

using namespace llvm;

namespace tenon {

static bool hasSubgraph(const onnx::NodeProto &node) {
  bool found = false;
  forEachSubgraph(node, [&](const onnx::GraphProto &) { found = true; });
  return found;
}

/// Whether a node's results are the same in each run: it reads nothing but constants.
static bool isKnown(const onnx::NodeProto &node, const ModelEditor &editor,
                    const StringSet<> &known) {
  return node.input_size() > 0 && !hasSubgraph(node) &&
         all_of(node.input(), [&](const auto &input) {
           return input.empty() || editor.isConstant(input) || known.contains(input);
         });
}

void ChannelGroups::propagate(const ModelEditor &editor, const ValueTypes &types) {
  sets = ChannelSets();
  sums.clear();
  opaque.clear();
  const onnx::GraphProto &graph = editor.graph();
  auto addValue = [&](StringRef value) {
    auto type = types.find(value);
    if (type == types.end())
      return;
    sets.addValue(value, type->second.dims);
    if (editor.isInput(value) || editor.isOutput(value) || editor.isReadBySubgraph(value))
      for (Axis axis : sets.getAxes(value))
        for (int64_t channel : seq(axis.first, axis.first + std::max<int64_t>(axis.size, 0)))
          sets.pin(channel, "'" + value + "' is " +
                                (editor.isInput(value)    ? "an input of the model"
                                 : editor.isOutput(value) ? "an output of the model"
                                                          : "read by a graph inside of a node"));
  };
  StringSet<> known;
  BitVector mentioned;
  for (const onnx::NodeProto &node : graph.node()) {
    for (const auto &values : {node.input(), node.output()})
      for (const std::string &value : values)
        if (!value.empty())
          addValue(value);
    opaque.resize(sets.size());
    mentioned.resize(sets.size());
    Coupler coupler(editor, types, node, {sets, sums, known, choices, opaque, mentioned});
    const CouplingRule *rule = CouplingRules::all().find(node);
    if (rule && !hasSubgraph(node))
      rule->couple(coupler);
    else if (node.op_type() != "Constant")
      coupler.pinAll("how " + coupler.describe() + " couples channels is not known");
    coupler.pinUnmentioned();
    if (isKnown(node, editor, known))
      known.insert(node.output().begin(), node.output().end());
  }
}

ChannelGroups ChannelGroups::find(const ModelEditor &editor, const ValueTypes &types) {
  constexpr unsigned mostRounds = 8;
  ChannelGroups result;
  for (unsigned round = 0; round < mostRounds; ++round) {
    result.propagate(editor, types);
    // A reshape whose channels must stay for the axis that it chose may have more luck with
    // another.
    bool isDone = true;
    for (RegroupingChoice &choice : make_second_range(result.choices))
      if (choice.number + 1 < choice.candidates && result.sets.isPinned(choice.axis))
        ++choice.number, isDone = false;
    if (isDone)
      break;
  }
  result.formGroups(editor);
  return result;
}

void ChannelGroups::formGroups(const ModelEditor &editor) {
  // Of each set its channels, and how many of them are on each axis.
  struct Unit {
    std::vector<int64_t> channels;
    std::vector<std::pair<int64_t, int64_t>> counts; // axis by its number, channels
    bool hasWeights = false;
  };
  std::map<int64_t, Unit> units; // in the order of the graph
  std::vector<ChannelSets::Place> places;
  sets.forEachAxis([&](const ChannelSets::Place &place, Axis axis) {
    int64_t number = places.size();
    places.push_back(place);
    bool isConstant = editor.isConstant(place.value);
    for (int64_t channel : seq(axis.first, axis.first + axis.size)) {
      if (sets.isPinned(channel))
        continue;
      Unit &unit = units[sets.find(channel)];
      unit.channels.push_back(channel);
      unit.hasWeights |= isConstant;
      if (unit.counts.empty() || unit.counts.back().first != number)
        unit.counts.emplace_back(number, 0);
      ++unit.counts.back().second;
    }
  });

  std::map<std::vector<std::pair<int64_t, int64_t>>, size_t> known;
  for (Unit &unit : make_second_range(units)) {
    if (!unit.hasWeights)
      continue;
    auto [entry, isNew] = known.try_emplace(unit.counts, groups.size());
    if (isNew) {
      ChannelGroup &group = groups.emplace_back();
      for (auto [axis, count] : unit.counts) {
        group.places.push_back(places[axis]);
        group.channelsAtPlaces.push_back(count);
      }
    }
    groups[entry->second].units.push_back(std::move(unit.channels));
  }

  for (ChannelGroup &group : groups) {
    group.channelsPerUnit = *max_element(group.channelsAtPlaces);
    for (const WeightedSum &sum : sums)
      for (auto [place, count] : zip(group.places, group.channelsAtPlaces))
        if (place.value == sum.result && place.axis == sum.resultAxis) {
          if (group.nodes.empty())
            group.channelsPerUnit = count;
          group.nodes.push_back(getNodeName(*sum.node));
        }
    group.name = (group.nodes.empty() ? group.places.front().value : group.nodes.front()).str();
  }
}

std::vector<PinnedChannels> ChannelGroups::listPinned() const {
  std::vector<PinnedChannels> result;
  for (const WeightedSum &sum : sums) {
    ArrayRef<Axis> axes = sets.getAxes(sum.result);
    if (sum.resultAxis >= static_cast<int64_t>(axes.size()) || !axes[sum.resultAxis])
      continue;
    Axis axis = axes[sum.resultAxis];
    PinnedChannels pinned{getNodeName(*sum.node), 0, ""};
    for (int64_t channel : seq(axis.first, axis.first + axis.size))
      if (sets.isPinned(channel) && ++pinned.channels == 1)
        pinned.reason = sets.getReason(channel);
    if (pinned.channels)
      result.push_back(pinned);
  }
  return result;
}

} // namespace tenon
