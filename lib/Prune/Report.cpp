// See the header.

#include "lib/Prune/Report.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace tenon {

/// "conv1 and 3 more".
static std::string describeNodes(const PruneReport::Group &group) {
  if (group.nodes.empty())
    return group.name;
  std::string text = group.nodes.front();
  if (group.nodes.size() > 1)
    text += formatv(" and {0} more", group.nodes.size() - 1);
  return text;
}

std::string formatPruneTable(const PruneReport &report, int64_t multiple) {
  std::string text;
  text += formatv("{0,9} {1,9}  {2}\n", "before", "after", "channels of");
  int64_t before = 0, after = 0;
  for (const PruneReport::Group &group : report.groups) {
    std::string unit =
        group.channelsPerUnit == 1 ? "" : formatv(", {0} at a time", group.channelsPerUnit).str();
    text += formatv("{0,9} {1,9}  {2}{3}\n", group.before, group.after, describeNodes(group), unit);
    before += group.before;
    after += group.after;
  }
  for (const PruneReport::Pinned &pinned : report.pinned)
    text += formatv("{0,9} {1,9}  {2}: {3}\n", pinned.channels, "stay", pinned.node, pinned.reason);
  text += formatv(
      "{0} of {1} channels that may go stay, in multiples of {2}; predicted to be {3:F2} times as "
      "fast\n",
      after, before, multiple, report.predictedSpeedup);
  return text;
}

json::Object toJson(const PruneReport &report) {
  json::Array groups, pinned;
  for (const PruneReport::Group &group : report.groups) {
    json::Array slices;
    for (const PruneReport::Slice &slice : group.slices)
      slices.push_back(json::Object{{"constant", json::fixUTF8(slice.constant)},
                                    {"axis", slice.axis},
                                    {"removed", json::Array(slice.positions)}});
    json::Array nodes;
    for (const std::string &node : group.nodes)
      nodes.push_back(json::fixUTF8(node));
    groups.push_back(json::Object{{"name", json::fixUTF8(group.name)},
                                  {"nodes", std::move(nodes)},
                                  {"before", group.before},
                                  {"after", group.after},
                                  {"channels_per_unit", group.channelsPerUnit},
                                  {"slices", std::move(slices)}});
  }
  for (const PruneReport::Pinned &each : report.pinned)
    pinned.push_back(json::Object{{"node", json::fixUTF8(each.node)},
                                  {"channels", each.channels},
                                  {"reason", json::fixUTF8(each.reason)}});
  return json::Object{{"groups", std::move(groups)},
                      {"pinned", std::move(pinned)},
                      {"predicted_speedup", report.predictedSpeedup}};
}

} // namespace tenon
