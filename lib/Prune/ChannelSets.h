// Sets of channels that must be kept or removed together.
//
// A channel is one position on one axis of one value. Rules say which channels of a node's values
// belong together; this is the union of all they say, and why some must stay.

#ifndef TENON_LIB_PRUNE_CHANNELSETS_H
#define TENON_LIB_PRUNE_CHANNELSETS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include <string>
#include <vector>

namespace tenon {

/// The channels of an axis: `size` numbers from `first` on. One whose size is unknown has none.
struct Axis {
  int64_t first = 0, size = -1;
  explicit operator bool() const { return size >= 0; }
};

class ChannelSets {
public:
  /// Axes longer than this are not followed: these are positions, never channels.
  static constexpr int64_t longestAxis = int64_t(1) << 20;

  /// Where an axis is: of which value, and which of its dimensions.
  struct Place {
    llvm::StringRef value; // a key of `axes`, which outlives everything
    int64_t axis;
  };

  /// Numbers the channels of a value the first time it is asked for; sizes of -1 are unknown.
  void addValue(llvm::StringRef value, llvm::ArrayRef<int64_t> dims);
  bool hasValue(llvm::StringRef value) const { return axes.contains(value); }
  /// The axes of a value; none if it is unknown.
  llvm::ArrayRef<Axis> getAxes(llvm::StringRef value) const;

  void unite(int64_t channel, int64_t other);
  void pin(int64_t channel, const llvm::Twine &reason);

  /// The channel that stands for the whole set.
  int64_t find(int64_t channel) const;
  bool isPinned(int64_t channel) const { return pins[find(channel)] != 0; }
  bool isPinned(Axis axis) const;
  /// Why the set must stay; empty if it need not.
  llvm::StringRef getReason(int64_t channel) const { return reasons[pins[find(channel)]]; }

  int64_t size() const { return parents.size(); }
  /// Calls `visit` with each axis that has channels, in the order in which they were numbered.
  template <typename Visit> void forEachAxis(Visit visit) const {
    for (const auto &[place, axis] : places)
      visit(place, axis);
  }

private:
  llvm::StringMap<llvm::SmallVector<Axis, 4>> axes;
  std::vector<std::pair<Place, Axis>> places;
  mutable std::vector<int32_t> parents; // find shortens ways
  std::vector<int32_t> pins;            // numbers of reasons, of sets' first channels
  std::vector<std::string> reasons = {""};
};

} // namespace tenon

#endif
