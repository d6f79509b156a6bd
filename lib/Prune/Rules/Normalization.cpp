// Normalizations. Those of each channel, or of each group of channels, couple channels; those over
// channels would compute other means from fewer of them, so these channels stay.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

static void coupleBatchNormalization(Coupler &c) {
  if (c.getNumOutputs() > 1 && c.hasOutput(1))
    return c.pinAll(c.describe() + " computes statistics");
  c.uniteAxes(c.getInput(0), c.getOutput(0));
  for (int input : seq(1, c.getNumInputs()))
    c.unite(c.getAxis(c.getInput(input), 0), c.getAxis(c.getOutput(0), 1));
}

static void coupleInstanceNormalization(Coupler &c) {
  coupleBatchNormalization(c);
  for (int64_t axis : seq<int64_t>(2, std::max<int64_t>(c.getRank(c.getInput(0)), 2)))
    c.pin(c.getAxis(c.getInput(0), axis), "these are positions, not channels");
}

/// All channels of a group go together.
static void coupleGroupNormalization(Coupler &c) {
  c.uniteAxes(c.getInput(0), c.getOutput(0));
  int64_t groups = getInt(c.getNode(), "num_groups", 0);
  Axis channels = c.getAxis(c.getOutput(0), 1);
  if (groups < 1 || !channels || channels.size % groups)
    return c.pinAll("the groups of " + c.describe() + " are not known");
  int64_t members = channels.size / groups;
  for (int64_t position : seq(channels.size))
    c.unite(channels.first + position, channels.first + position / members * members);
  for (int input : {1, 2}) {
    Axis parameters = c.getAxis(c.getInput(input), 0);
    if (parameters.size == channels.size)
      c.unite(parameters, channels);
    else if (parameters.size == groups)
      for (int64_t group : seq(groups))
        c.unite(parameters.first + group, channels.first + group * members);
    else
      c.pinAll("the scales of " + c.describe() + " are not known");
  }
  for (int64_t axis : seq<int64_t>(2, std::max<int64_t>(c.getRank(c.getInput(0)), 2)))
    c.pin(c.getAxis(c.getInput(0), axis), "these are positions, not channels");
}

static void adjustGroupNormalization(Adjuster &a) {
  int64_t groups = getInt(a.getNode(), "num_groups", 1), channels = a.getSize(a.getInput(0), 1);
  if (a.isChanged(a.getInput(0), 1))
    setInt(a.getNode(), "num_groups", a.countKept(a.getInput(0), 1) / (channels / groups));
}

static void pinNormalized(Coupler &c, StringRef value, int64_t fromEnd) {
  int64_t rank = c.getRank(value);
  for (int64_t axis : seq(std::max<int64_t>(rank - fromEnd, 0), rank))
    c.pin(c.getAxis(value, axis), "the mean over it in " + c.describe() + " would change");
}

/// Over the last axes, from `axis` on.
static void coupleLayerNormalization(Coupler &c) {
  int64_t rank = c.getRank(c.getInput(0)), axis = getInt(c.getNode(), "axis", -1);
  int64_t fromEnd = axis < 0 ? -axis : rank - axis;
  for (int input : seq(c.getNumInputs()))
    pinNormalized(c, c.getInput(input), fromEnd);
  pinNormalized(c, c.getOutput(0), fromEnd);
  c.uniteAxes(c.getInput(0), c.getOutput(0));
  for (int output : seq(1, c.getNumOutputs()))
    c.pin(c.getOutput(output), c.describe() + " computes it");
}

/// Normalizes the sum of the first two operands, which is the last result.
static void coupleSkipNormalization(Coupler &c) {
  for (int input : seq(c.getNumInputs()))
    pinNormalized(c, c.getInput(input), 1);
  c.uniteAxes(c.getInput(0), c.getOutput(0));
  c.uniteBroadcast(c.getInput(1), c.getOutput(0));
  for (int output : {1, 2})
    c.pin(c.getOutput(output), c.describe() + " computes it");
  c.uniteAxes(c.getOutput(3), c.getOutput(0));
}

static void coupleSoftmax(Coupler &c) {
  int64_t rank = c.getRank(c.getInput(0)),
          axis = getInt(c.getNode(), "axis", c.getOpset() < 13 ? 1 : -1);
  axis += axis < 0 ? rank : 0;
  // Before version 13 it is over all axes from this one on.
  for (int64_t each : seq(axis, c.getOpset() < 13 ? rank : axis + 1))
    c.pin(c.getAxis(c.getInput(0), each), c.describe() + " sums over it");
  c.uniteAxes(c.getInput(0), c.getOutput(0));
}

/// Over one axis.
static void coupleLpNormalization(Coupler &c) {
  c.pin(c.getAxis(c.getInput(0), getInt(c.getNode(), "axis", -1)), c.describe() + " sums over it");
  c.uniteAxes(c.getInput(0), c.getOutput(0));
}

static void coupleLrn(Coupler &c) {
  c.pin(c.getAxis(c.getInput(0), 1), c.describe() + " sums over neighbours");
  c.uniteAxes(c.getInput(0), c.getOutput(0));
}

void addNormalizationRules(CouplingRules &rules) {
  rules.add({"BatchNormalization"}, {coupleBatchNormalization});
  rules.add({"InstanceNormalization"}, {coupleInstanceNormalization});
  rules.add({"GroupNormalization"}, {coupleGroupNormalization, adjustGroupNormalization});
  rules.add({"LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"},
            {coupleLayerNormalization});
  rules.add({"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"},
            {coupleSkipNormalization}, "com.microsoft");
  rules.add({"Softmax", "LogSoftmax", "Hardmax"}, {coupleSoftmax});
  rules.add({"LpNormalization"}, {coupleLpNormalization});
  rules.add({"LRN"}, {coupleLrn});
}

} // namespace tenon
