// Operators on positions, which leave channels alone: pools, resizing, reductions.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

static const char kPosition[] = "these are positions, not channels";

static void couplePool(Coupler &c) {
  for (int output : seq(c.getNumOutputs())) {
    // The places of maxima count elements of all channels.
    if (output > 0)
      c.pin(c.getOutput(output), c.describe() + " numbers positions");
    if (c.hasOutput(output))
      for (int64_t axis : {0, 1})
        c.unite(c.getAxis(c.getInput(0), axis), c.getAxis(c.getOutput(output), axis));
  }
  for (StringRef value : {c.getInput(0), c.getOutput(0)})
    for (int64_t axis : seq<int64_t>(2, std::max<int64_t>(c.getRank(value), 2)))
      c.pin(c.getAxis(value, axis), kPosition);
}

static void coupleResize(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  if (getString(c.getNode(), "coordinate_transformation_mode", "") == "tf_crop_and_resize" ||
      !c.hasType(input) || !c.hasType(result))
    return c.pinAll(c.describe() + " crops, or sizes around it are not known");
  // Sizes are operand 3; where they are for some axes only, all stay.
  bool hasSizes = c.getType() == "Resize" && c.hasInput(3);
  bool areKnown =
      !hasSizes || (c.readIntegers(c.getInput(3)) && getInts(c.getNode(), "axes").empty());
  for (int64_t axis : seq(c.getRank(input))) {
    Axis from = c.getAxis(input, axis), to = c.getAxis(result, axis);
    if (axis < 2 && areKnown && from && from.size == to.size) {
      c.unite(from, to);
      continue;
    }
    c.pin(from, c.describe() + " resizes it");
    c.pin(to, c.describe() + " resizes it");
  }
}

static void adjustResize(Adjuster &a) {
  if (a.getType() == "Resize" && a.hasInput(3))
    a.setSizes(3, a.getOutput(0));
}

static void coupleReduction(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  int64_t rank = c.getRank(input);
  std::optional<SmallVector<int64_t>> axes = getInts(c.getNode(), "axes");
  if (c.getType() == "ArgMax" || c.getType() == "ArgMin")
    axes = SmallVector<int64_t>{getInt(c.getNode(), "axis", 0)};
  else if (c.hasInput(1))
    axes = c.readIntegers(c.getInput(1));
  if (!axes || !c.hasType(input) || !c.hasType(result))
    return c.pinAll("what " + c.describe() + " reduces is not known");
  if (axes->empty() && getInt(c.getNode(), "noop_with_empty_axes", 0))
    return c.uniteAxes(input, result);
  bool keeps = getInt(c.getNode(), "keepdims", 1);
  int64_t next = 0;
  for (int64_t axis : seq(rank)) {
    bool isReduced = axes->empty() || is_contained(*axes, axis) || is_contained(*axes, axis - rank);
    if (isReduced)
      c.pin(c.getAxis(input, axis), c.describe() + " reduces it");
    else
      c.unite(c.getAxis(input, axis), c.getAxis(result, next));
    next += !isReduced || keeps;
  }
}

void addWindowRules(CouplingRules &rules) {
  rules.add(
      {"AveragePool", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "LpPool", "MaxPool"},
      {couplePool});
  rules.add({"Resize", "Upsample"}, {coupleResize, adjustResize});
  rules.add({"ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
             "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"},
            {coupleReduction});
}

} // namespace tenon
