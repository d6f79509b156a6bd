// Dynamic storage allocation is NP-hard; what works is placing one buffer after the other, each
// into a hole among those that are placed already and meet it in time. No order is best for all
// models: large buffers first is best for most, long-lived ones first where skip connections
// dominate, those that are in use at the fullest times first where one moment decides. So all
// orders are tried, with the lowest and with the tightest hole, until one meets the lower bound.

#include "passes/Memory/Arena.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>
#include <vector>

namespace tenon {

namespace {

enum class Hole { Lowest, Tightest };

/// How often an order is changed and tried again.
constexpr int kRounds = 16;

/// Bytes in use over time, as steps: the time of each change and the bytes from then on.
std::vector<std::pair<int64_t, int64_t>> getProfile(llvm::ArrayRef<Interval> intervals) {
  std::vector<std::pair<int64_t, int64_t>> changes;
  for (const Interval &interval : intervals) {
    changes.push_back({interval.begin, interval.bytes});
    changes.push_back({interval.end + 1, -interval.bytes});
  }
  llvm::sort(changes);
  std::vector<std::pair<int64_t, int64_t>> profile;
  int64_t bytes = 0;
  for (auto [time, change] : changes) {
    bytes += change;
    if (!profile.empty() && profile.back().first == time)
      profile.back().second = bytes;
    else
      profile.push_back({time, bytes});
  }
  return profile;
}

bool meet(const Interval &a, const Interval &b) { return a.begin <= b.end && b.begin <= a.end; }

/// Where `interval` goes among those placed before it, which are sorted by offset.
int64_t findHole(const Interval &interval, llvm::ArrayRef<Interval *> placed, Hole kind) {
  int64_t end = 0, best = -1, bestSize = std::numeric_limits<int64_t>::max();
  for (const Interval *other : placed) {
    if (!meet(*other, interval))
      continue;
    int64_t size = other->offset - end;
    if (size >= interval.bytes && size < bestSize) {
      best = end;
      bestSize = size;
      if (kind == Hole::Lowest)
        break;
    }
    end = std::max(end, other->offset + other->bytes);
  }
  return best >= 0 ? best : end;
}

int64_t placeInOrder(llvm::ArrayRef<Interval *> order, Hole kind) {
  auto isLower = [](Interval *a, Interval *b) { return a->offset < b->offset; };
  std::vector<Interval *> placed;
  int64_t arena = 0;
  for (Interval *interval : order) {
    interval->offset = findHole(*interval, placed, kind);
    arena = std::max(arena, interval->offset + interval->bytes);
    placed.insert(llvm::upper_bound(placed, interval, isLower), interval);
  }
  return arena;
}

void moveTopToFront(std::vector<Interval *> &order, int64_t arena) {
  auto top = llvm::find_if(
      order, [&](Interval *interval) { return interval->offset + interval->bytes == arena; });
  std::rotate(order.begin(), top, top + 1);
}

/// The orders that are tried: each a key per interval, larger ones first.
std::vector<std::vector<int64_t>> getOrders(llvm::ArrayRef<Interval> intervals) {
  std::vector<std::vector<int64_t>> orders(4);
  auto profile = getProfile(intervals);
  for (const Interval &interval : intervals) {
    int64_t fullest = 0;
    auto from = llvm::partition_point(profile, [&](auto &s) { return s.first < interval.begin; });
    for (; from != profile.end() && from->first <= interval.end; ++from)
      fullest = std::max(fullest, from->second);
    orders[0].push_back(interval.bytes);
    orders[1].push_back(interval.end - interval.begin);
    orders[2].push_back(fullest);
    orders[3].push_back(-interval.begin);
  }
  return orders;
}

} // namespace

int64_t getLowerBound(llvm::ArrayRef<Interval> intervals) {
  int64_t bound = 0;
  for (auto [time, bytes] : getProfile(intervals))
    bound = std::max(bound, bytes);
  return bound;
}

int64_t placeInArena(llvm::MutableArrayRef<Interval> intervals) {
  if (intervals.empty())
    return 0;
  int64_t bound = getLowerBound(intervals), best = std::numeric_limits<int64_t>::max();
  std::vector<int64_t> bestOffsets(intervals.size());
  std::vector<Interval *> order;
  for (Interval &interval : intervals)
    order.push_back(&interval);
  for (const std::vector<int64_t> &keys : getOrders(intervals))
    for (Hole kind : {Hole::Lowest, Hole::Tightest}) {
      auto keyOf = [&](Interval *interval) { return keys[interval - intervals.data()]; };
      // Among equals, larger ones first, then in program order.
      llvm::sort(order, [&](Interval *a, Interval *b) {
        return std::tuple(keyOf(b), b->bytes, a) < std::tuple(keyOf(a), a->bytes, b);
      });
      for (int round = 0; round < kRounds && best > bound; ++round) {
        int64_t arena = placeInOrder(order, kind);
        if (arena < best) {
          best = arena;
          for (auto [offset, interval] : llvm::zip(bestOffsets, intervals))
            offset = interval.offset;
        }
        moveTopToFront(order, arena);
      }
    }
  for (auto [offset, interval] : llvm::zip(bestOffsets, intervals))
    interval.offset = offset;
  return best;
}

bool isValidPlacement(llvm::ArrayRef<Interval> intervals, int64_t arenaBytes) {
  std::vector<const Interval *> byBegin, inUse;
  for (const Interval &interval : intervals)
    byBegin.push_back(&interval);
  llvm::sort(byBegin, [](auto *a, auto *b) { return a->begin < b->begin; });
  for (const Interval *interval : byBegin) {
    if (interval->offset < 0 || interval->offset + interval->bytes > arenaBytes)
      return false;
    llvm::erase_if(inUse, [&](auto *other) { return other->end < interval->begin; });
    for (const Interval *other : inUse)
      if (interval->offset < other->offset + other->bytes &&
          other->offset < interval->offset + interval->bytes)
        return false;
    inUse.push_back(interval);
  }
  return true;
}

} // namespace tenon
