// Operators that give the same elements another shape, or that read a shape.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

/// Axes of the result whose sizes nobody can change stay: sizes are constants, or the entries of a
/// Concat that are.
static void pinComputedSizes(Coupler &c) {
  StringRef list = c.getInput(1), result = c.getOutput(0);
  if (c.readIntegers(list))
    return;
  const onnx::NodeProto *producer = c.findProducer(list);
  int64_t axis = 0;
  if (producer && producer->op_type() == "Concat") {
    for (const std::string &part : producer->input()) {
      std::optional<SmallVector<int64_t>> sizes = c.readIntegers(part);
      int64_t count = sizes ? sizes->size() : c.getSize(part, 0);
      if (count < 0)
        break;
      if (!sizes)
        for (int64_t each : seq(axis, axis + count))
          c.pin(c.getAxis(result, each), "a run computes its size");
      axis += count;
    }
  }
  for (int64_t each : seq(axis, std::max(axis, c.getRank(result))))
    c.pin(c.getAxis(result, each), "a run computes its size");
}

static void coupleReshape(Coupler &c) {
  if (getInt(c.getNode(), "allowzero", 0))
    return c.pinAll(c.describe() + " may make sizes of zero");
  if (c.hasInput(1))
    pinComputedSizes(c);
  c.regroup(c.getInput(0), c.getOutput(0));
}

static void adjustReshape(Adjuster &a) {
  if (a.hasInput(1))
    return a.setSizes(1, a.getOutput(0));
  SmallVector<int64_t> sizes = getInts(a.getNode(), "shape"); // before version 5
  for (auto [axis, size] : enumerate(sizes))
    if (size > 0)
      size = a.countKept(a.getOutput(0), axis);
  setInts(a.getNode(), "shape", sizes);
}

static void coupleRegrouping(Coupler &c) { c.regroup(c.getInput(0), c.getOutput(0)); }

static void coupleExpand(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  pinComputedSizes(c);
  c.uniteBroadcast(input, result);
  int64_t leading = c.getRank(result) - c.getRank(input);
  for (int64_t axis : seq(c.getRank(result)))
    if (axis < leading || c.getSize(input, axis - leading) == 1)
      c.pin(c.getAxis(result, axis), c.describe() + " repeats it");
}

static void adjustExpand(Adjuster &a) { a.setSizes(1, a.getOutput(0)); }

/// The axes whose sizes nodes take from a shape.
static void coupleShape(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  int64_t rank = c.getRank(input);
  SmallVector<bool> isRead(rank, false);
  bool isUnderstood = c.hasType(input) && !c.isReadElsewhere(result) &&
                      !getInt(c.getNode(), "start", 0) && !getInt(c.getNode(), "end", 0);
  for (const ModelEditor::Use &use : c.getUses(result)) {
    std::optional<SmallVector<int64_t>> indices;
    if (use.node->op_type() == "Gather" && use.operand == 0)
      indices = c.readIntegers(use.node->input(1));
    isUnderstood &= indices.has_value();
    for (int64_t index : indices.value_or(SmallVector<int64_t>()))
      if (index += index < 0 ? rank : 0; index >= 0 && index < rank)
        isRead[index] = true;
  }
  for (int64_t axis : seq(rank))
    if (!isUnderstood || isRead[axis])
      c.pin(c.getAxis(input, axis), c.describe() + " reads its size");
    else
      c.ignore(c.getAxis(input, axis));
  c.pin(result, "it is a list of sizes");
}

void addShapeRules(CouplingRules &rules) {
  rules.add({"Reshape"}, {coupleReshape, adjustReshape});
  rules.add({"Flatten", "Squeeze", "Unsqueeze"}, {coupleRegrouping});
  rules.add({"Expand"}, {coupleExpand, adjustExpand});
  rules.add({"Shape"}, {coupleShape});
}

} // namespace tenon
