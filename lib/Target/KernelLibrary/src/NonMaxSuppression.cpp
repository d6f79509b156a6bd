// NonMaxSuppression: per batch and class, the boxes in order of falling score that do not overlap a
// chosen one too much.
//   inputs   boxes [B, N, 4], scores [B, C, N], then scalars that may be omitted: int64 most boxes
//            per class, float overlap threshold, float score threshold
//   outputs  int64 [chosen, 3]: batch, class, box
//   ints     whether boxes are (center x, center y, width, height) instead of two corners (y, x)
//   scratch  N candidates and five floats per chosen box
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <algorithm>
#include <cmath>

namespace {

struct Candidate {
  float score;
  int32_t box;
  bool operator<(const Candidate &other) const {
    return score > other.score || (score == other.score && box < other.box);
  }
};

struct Box {
  float low[2], high[2], area;

  Box(const float *p, bool isCenter) {
    for (int i = 0; i < 2; ++i) {
      low[i] = isCenter ? p[i] - p[i + 2] / 2 : std::min(p[i], p[i + 2]);
      high[i] = isCenter ? p[i] + p[i + 2] / 2 : std::max(p[i], p[i + 2]);
    }
    area = (high[0] - low[0]) * (high[1] - low[1]);
  }
};

/// Chosen boxes, one array per coordinate, so that the comparison with all of them vectorises.
struct Chosen {
  float *low0, *low1, *high0, *high1, *area;
  int64_t count = 0;

  Chosen(float *memory, int64_t capacity)
      : low0(memory), low1(memory + capacity), high0(memory + 2 * capacity),
        high1(memory + 3 * capacity), area(memory + 4 * capacity) {}

  bool overlaps(const Box &box, float threshold) const {
    int32_t any = 0;
    for (int64_t i = 0; i < count; ++i) {
      float height = std::fmin(high0[i], box.high[0]) - std::fmax(low0[i], box.low[0]);
      float width = std::fmin(high1[i], box.high[1]) - std::fmax(low1[i], box.low[1]);
      float common = (height > 0 ? height : 0) * (width > 0 ? width : 0);
      float all = area[i] + box.area - common;
      any |= (common > threshold * all) & (all > 0) & (area[i] > 0) & (box.area > 0);
    }
    return any;
  }

  void add(const Box &box) {
    low0[count] = box.low[0];
    low1[count] = box.low[1];
    high0[count] = box.high[0];
    high1[count] = box.high[1];
    area[count] = box.area;
    ++count;
  }
};

int32_t nonMaxSuppression(TENON_KERNEL_PARAMETERS) {
  int64_t batches = inputs[1].dims[0], classes = inputs[1].dims[1], boxes = inputs[1].dims[2];
  int64_t most = inputs[2].data ? *inputs[2].as<int64_t>() : 0;
  float overlap = inputs[3].data ? *inputs[3].as<float>() : 0;
  float lowest = inputs[4].data ? *inputs[4].as<float>() : -INFINITY;
  bool isCenter = ints[0];
  most = std::min(most, boxes);
  auto *candidates = static_cast<Candidate *>(scratch);
  int64_t *result = outputs[0].as<int64_t>(), found = 0;
  for (int64_t group = 0; group < batches * classes && most > 0; ++group) {
    const float *scores = inputs[1].as<float>() + group * boxes;
    const float *corners = inputs[0].as<float>() + group / classes * boxes * 4;
    int64_t left = 0;
    for (int64_t i = 0; i < boxes; ++i)
      if (scores[i] > lowest)
        candidates[left++] = {scores[i], static_cast<int32_t>(i)};
    std::sort(candidates, candidates + left);
    Chosen chosen(reinterpret_cast<float *>(candidates + boxes), boxes);
    for (int64_t i = 0; i < left && chosen.count < most; ++i) {
      int64_t number = candidates[i].box;
      Box box(corners + number * 4, isCenter);
      if (chosen.overlaps(box, overlap))
        continue;
      chosen.add(box);
      result[0] = group / classes;
      result[1] = group % classes;
      result[2] = number;
      result += 3;
      ++found;
    }
  }
  outputs[0].dims[0] = found;
  outputs[0].dims[1] = 3;
  return 0;
}

} // namespace

TENON_KERNEL(tenon_nms_f32, nonMaxSuppression)
