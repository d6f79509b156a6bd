// TreeEnsemble: the weights that the leaves of decision trees give to targets, combined over the
// trees. The op (tenon.tree_ensemble) describes the tables.
//   inputs   x [N, F] float
//            columns int32 [C]: feature * 2 + whether its sign is flipped
//            nodes int32 [nodes, 3]: limit, column, distance to the first child
//            roots int32 [trees]
//            entries int32 [entries, 2]: target * 2 + whether it is a leaf's last, bits of a
//            weight; or
//              omitted   float [targets]: what is added at the end, or omitted
//   outputs  float [N, targets]
//   ints     how to combine (sum, average, min, max), samples in a block
//   scratch  a block of samples: for each one NaN and its C columns as ordered integers
//
// A step of a walk has to wait for the one before it, for 10 cycles and more, and a step that
// branches on its comparison is predicted wrongly half of the time. So eight walks go down
// together, without a branch but for the end, when all are at leaves (where walks stay). These are
// walks of eight samples through one tree, and each tree meets all samples of a block while it is
// in the cache; what is left of a block, a single sample say, takes as many trees at a time as make
// eight walks. Whichever it is, a sample's weights are combined in the order of the trees.
#include "lib/Target/KernelLibrary/LibTensor.h"
#include "lib/Target/KernelLibrary/OrderedFloat.h"
#include "lib/Target/KernelLibrary/src/VectorMath.h"
#include <algorithm>
#include <bit>
#include <cmath>

namespace {

enum Combination { Sum, Average, Min, Max };

struct Node {
  int32_t limit, column, first;
};

struct Entry {
  int32_t target, weight;
};

constexpr int64_t lanes = 8;

/// Walks on their way. Loops over them are unrolled, so that they stay in registers.
struct Walks {
  const Node *at[lanes];
  const int32_t *samples[lanes];
  float *results[lanes];
};

class Ensemble {
public:
  Ensemble(const LibTensor *inputs, LibTensor *outputs, const int64_t *ints, int32_t *block)
      : x(inputs[0].as<const float>()), columns(inputs[1].as<const int32_t>()),
        nodes(inputs[2].as<const Node>()), roots(inputs[3].as<const int32_t>()),
        entries(inputs[4].as<const Entry>()), base(inputs[5].as<const float>()),
        results(outputs[0].as<float>()), block(block), combination(ints[0]),
        features(inputs[0].dims[1]), numColumns(inputs[1].dims[0]), trees(inputs[3].dims[0]),
        targets(outputs[0].dims[1]) {}

  /// Computes the samples [begin, end), which fit the block.
  void compute(int64_t begin, int64_t end) {
    int64_t count = end - begin, together = count / lanes * lanes;
    for (int64_t i = 0; i < count; ++i)
      readColumns(x + (begin + i) * features, block + i * (numColumns + 1));
    float start = combination == Min ? INFINITY : combination == Max ? -INFINITY : 0.0f;
    float *first = results + begin * targets;
    std::fill(first, first + count * targets, start);
    walkTogether(first, together);
    walkRest(first, together, count);
    for (int64_t i = 0; i < count; ++i)
      finish(first + i * targets);
  }

private:
  void readColumns(const float *sample, int32_t *row) const {
    row[0] = tenon::orderedNaN;
    for (int64_t i = 0; i < numColumns; ++i) {
      auto column = static_cast<uint32_t>(columns[i]);
      uint32_t sign = column << 31; // the last bit says whether it is flipped
      auto bits = std::bit_cast<uint32_t>(sample[column >> 1]);
      row[i + 1] = tenon::orderedFloat(std::bit_cast<float>(bits ^ sign));
    }
  }

  /// The first `count` samples of the block, a multiple of the lanes.
  void walkTogether(float *first, int64_t count) const {
    for (int64_t tree = 0; tree < trees; ++tree)
      for (int64_t sample = 0; sample < count; sample += lanes) {
        Walks walks;
        TENON_UNROLL for (int64_t lane = 0; lane < lanes; ++lane)
            begin(walks, lane, tree, sample + lane, first);
        walk(walks, lanes);
      }
  }

  /// The samples [begin, end) of the block.
  void walkRest(float *first, int64_t from, int64_t to) const {
    int64_t left = (to - from) * trees;
    for (int64_t tree = 0, sample = from; left > 0; left -= lanes) {
      Walks walks;
      TENON_UNROLL for (int64_t lane = 0; lane < lanes; ++lane) {
        // Lanes that are too many do the last walk again.
        begin(walks, lane, std::min(tree, trees - 1), tree < trees ? sample : to - 1, first);
        if (++sample == to) {
          sample = from;
          ++tree;
        }
      }
      walk(walks, std::min(left, lanes));
    }
  }

  void begin(Walks &walks, int64_t lane, int64_t tree, int64_t sample, float *first) const {
    walks.at[lane] = nodes + roots[tree];
    walks.samples[lane] = block + sample * (numColumns + 1);
    walks.results[lane] = first + sample * targets;
  }

  /// Goes down to the leaves and combines the weights of the first `count` walks.
  void walk(Walks &walks, int64_t count) const {
    int32_t isOpen;
    do {
      isOpen = 0;
      TENON_UNROLL for (int64_t lane = 0; lane < lanes; ++lane) {
        const Node *node = walks.at[lane];
        node += node->first + (walks.samples[lane][node->column] > node->limit);
        isOpen |= node->column;
        walks.at[lane] = node;
      }
    } while (isOpen);
    for (int64_t lane = 0; lane < count; ++lane)
      combineLeaf(walks.results[lane], walks.at[lane]->limit);
  }

  void combineLeaf(float *result, int32_t leaf) const {
    if (!entries)
      return combine(*result, leaf);
    const Entry *entry = entries + leaf;
    for (; entry->target % 2 == 0; ++entry)
      combine(result[entry->target / 2], entry->weight);
    combine(result[entry->target / 2], entry->weight);
  }

  void combine(float &target, int32_t bits) const {
    auto weight = std::bit_cast<float>(bits);
    if (combination == Min)
      target = std::fmin(target, weight);
    else if (combination == Max)
      target = std::fmax(target, weight);
    else
      target += weight;
  }

  void finish(float *result) const {
    for (int64_t i = 0; i < targets; ++i) {
      // A target that no tree speaks about has no smallest or largest weight.
      if (std::isinf(result[i]) && (combination == Min || combination == Max))
        result[i] = 0;
      if (combination == Average)
        result[i] /= static_cast<float>(trees);
      if (base)
        result[i] += base[i];
    }
  }

  const float *x;
  const int32_t *columns;
  const Node *nodes;
  const int32_t *roots;
  const Entry *entries;
  const float *base;
  float *results;
  int32_t *block;
  int64_t combination, features, numColumns, trees, targets;
};

int32_t treeEnsemble(TENON_KERNEL_PARAMETERS) {
  Ensemble ensemble(inputs, outputs, ints, static_cast<int32_t *>(scratch));
  Share share(inputs[0].dims[0], task, tasks);
  for (int64_t begin = share.begin; begin < share.end; begin += ints[1])
    ensemble.compute(begin, std::min(begin + ints[1], share.end));
  return 0;
}

} // namespace

TENON_KERNEL(tenon_tree_ensemble_f32, treeEnsemble)
