// TreeEnsemble: the weights that the leaves of decision trees give to targets, combined over the
// trees.
//   inputs   x [N, F] float
//            nodes int32 [nodes, 4]: feature * 16 + mode, the child where the test holds, the one
//              where it does not, whether NaN passes. A leaf has mode 15, and its weights are those
//              from the second number on, up to the third.
//            float [nodes]: what the feature is compared with; for mode 6 the place in `members`
//              of a list: its length, then numbers
//            roots int32 [trees]
//            int32 [weights]: targets   float [weights]   float [targets]: where sums start, or
//              omitted   float [members], or omitted
//   outputs  float [N, targets]
//   ints     how to combine (sum, average, min, max)
#include "lib/Target/KernelLibrary/LibTensor.h"
#include <cmath>

namespace {

enum Mode { LessEqual, Less, GreaterEqual, Greater, Equal, NotEqual, Member, Leaf = 15 };
enum Combination { Sum, Average, Min, Max };

struct Node {
  int32_t test, yes, no, nanPasses;
};

bool isMember(float value, const float *list) {
  auto count = static_cast<int64_t>(list[0]);
  for (int64_t i = 1; i <= count; ++i)
    if (list[i] == value)
      return true;
  return false;
}

bool passes(int32_t mode, float value, float limit, const float *members) {
  switch (mode) {
  case LessEqual:
    return value <= limit;
  case Less:
    return value < limit;
  case GreaterEqual:
    return value >= limit;
  case Greater:
    return value > limit;
  case Equal:
    return value == limit;
  case NotEqual:
    return value != limit;
  case Member:
    return isMember(value, members + static_cast<int64_t>(limit));
  }
  return false;
}

int32_t treeEnsemble(TENON_KERNEL_PARAMETERS) {
  const LibTensor &x = inputs[0];
  auto *nodes = inputs[1].as<const Node>();
  auto *limits = inputs[2].as<const float>(), *members = inputs[7].as<const float>();
  auto *roots = inputs[3].as<const int32_t>(), *targets = inputs[4].as<const int32_t>();
  auto *weights = inputs[5].as<const float>(), *base = inputs[6].as<const float>();
  int64_t features = x.dims[1], trees = inputs[3].dims[0], width = outputs[0].dims[1];
  Share share(x.dims[0], task, tasks);
  for (int64_t row = share.begin; row < share.end; ++row) {
    const float *sample = x.as<float>() + row * features;
    float *result = outputs[0].as<float>() + row * width;
    float start = ints[0] == Min ? INFINITY : ints[0] == Max ? -INFINITY : 0.0f;
    for (int64_t i = 0; i < width; ++i)
      result[i] = start;
    for (int64_t tree = 0; tree < trees; ++tree) {
      int32_t at = roots[tree];
      while ((nodes[at].test & 15) != Leaf) {
        const Node &node = nodes[at];
        float value = sample[node.test >> 4];
        bool yes = passes(node.test & 15, value, limits[at], members) ||
                   (node.nanPasses && std::isnan(value));
        at = yes ? node.yes : node.no;
      }
      for (int32_t i = nodes[at].yes; i < nodes[at].no; ++i) {
        float &target = result[targets[i]];
        if (ints[0] == Min)
          target = std::fmin(target, weights[i]);
        else if (ints[0] == Max)
          target = std::fmax(target, weights[i]);
        else
          target += weights[i];
      }
    }
    for (int64_t i = 0; i < width; ++i) {
      // A target that no tree speaks about has no smallest or largest weight.
      if (std::isinf(result[i]) && (ints[0] == Min || ints[0] == Max))
        result[i] = 0;
      if (ints[0] == Average)
        result[i] /= static_cast<float>(trees);
      if (base)
        result[i] += base[i];
    }
  }
  return 0;
}

} // namespace

TENON_KERNEL(tenon_tree_ensemble_f32, treeEnsemble)
