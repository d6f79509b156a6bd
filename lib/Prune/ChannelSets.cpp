// Union by the smaller number, so that the first channel of a set in the order of the graph stands
// for it and its reason is the first one found.

#include "lib/Prune/ChannelSets.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

void ChannelSets::addValue(StringRef value, ArrayRef<int64_t> dims) {
  auto [entry, isNew] = axes.try_emplace(value);
  if (!isNew)
    return;
  for (auto [number, size] : enumerate(dims)) {
    Axis &axis = entry->second.emplace_back();
    if (size < 0 || size > longestAxis)
      continue;
    axis = {static_cast<int64_t>(parents.size()), size};
    for (int64_t channel : seq(axis.first, axis.first + size))
      parents.push_back(static_cast<int32_t>(channel));
    pins.resize(parents.size());
    places.push_back({{entry->first(), static_cast<int64_t>(number)}, axis});
  }
}

ArrayRef<Axis> ChannelSets::getAxes(StringRef value) const {
  auto entry = axes.find(value);
  return entry == axes.end() ? ArrayRef<Axis>() : ArrayRef<Axis>(entry->second);
}

int64_t ChannelSets::find(int64_t channel) const {
  while (parents[channel] != channel) {
    parents[channel] = parents[parents[channel]];
    channel = parents[channel];
  }
  return channel;
}

void ChannelSets::unite(int64_t channel, int64_t other) {
  int64_t first = find(channel), second = find(other);
  if (first == second)
    return;
  if (second < first)
    std::swap(first, second);
  parents[second] = static_cast<int32_t>(first);
  if (!pins[first])
    pins[first] = pins[second];
}

void ChannelSets::pin(int64_t channel, const Twine &reason) {
  int32_t &pin = pins[find(channel)];
  if (pin)
    return;
  std::string text = reason.str();
  // One node pins many channels in a row.
  if (reasons.back() != text)
    reasons.push_back(std::move(text));
  pin = static_cast<int32_t>(reasons.size() - 1);
}

bool ChannelSets::isPinned(Axis axis) const {
  return axis && all_of(seq(axis.first, axis.first + axis.size),
                        [&](int64_t channel) { return isPinned(channel); });
}

} // namespace tenon
