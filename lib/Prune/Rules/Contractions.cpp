// Convolutions and matrix products: where channels begin and end.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

static const char kPosition[] = "these are positions, not channels";

static void pinPositions(Coupler &c, StringRef value) {
  for (int64_t axis : seq<int64_t>(2, std::max<int64_t>(c.getRank(value), 2)))
    c.pin(c.getAxis(value, axis), kPosition);
}

static bool hasPadding(const onnx::NodeProto &node) {
  StringRef automatic = getString(node, "auto_pad", "NOTSET");
  if (automatic != "NOTSET" && automatic != "VALID")
    return true;
  return any_of(getInts(node, "pads"), [](int64_t pad) { return pad != 0; });
}

/// Channels of one group go together: its inputs, its outputs and their weights.
static void coupleGroups(Coupler &c, Axis inputs, Axis outputs, int64_t groups) {
  if (!inputs || !outputs || inputs.size % groups || outputs.size % groups) {
    c.pin(inputs, "the groups of " + c.describe() + " are not known");
    c.pin(outputs, "the groups of " + c.describe() + " are not known");
    return;
  }
  for (Axis axis : {inputs, outputs}) {
    int64_t members = axis.size / groups;
    for (int64_t position : seq(axis.size))
      c.unite(axis.first + position, outputs.first + position / members * (outputs.size / groups));
  }
}

/// `in` and `out` are the axes of the weights.
static void coupleConvolution(Coupler &c, int64_t in, int64_t out) {
  StringRef input = c.getInput(0), weights = c.getInput(1), result = c.getOutput(0);
  int64_t groups = getInt(c.getNode(), "group", 1);
  if (!c.isKnown(weights) || groups < 1)
    return c.pinAll("the weights of " + c.describe() + " are not known");
  for (StringRef value : {input, weights, result})
    pinPositions(c, value);
  c.unite(c.getAxis(input, 0), c.getAxis(result, 0));
  Axis inputs = c.getAxis(input, 1), outputs = c.getAxis(result, 1);
  bool isTransposed = in == 0;
  if (groups == 1) {
    c.unite(c.getAxis(weights, in), inputs);
    c.unite(c.getAxis(weights, out), outputs);
  } else {
    coupleGroups(c, inputs, outputs, groups);
    c.unite(c.getAxis(weights, 0), isTransposed ? inputs : outputs);
    c.pin(c.getAxis(weights, 1), "it is inside of a group");
  }
  if (c.hasInput(2))
    c.unite(c.getAxis(c.getInput(2), 0), outputs);
  c.addSum({.input = input,
            .weights = weights,
            .result = result,
            .inputAxis = 1,
            .weightsIn = groups == 1 ? in : -1,
            .weightsOut = groups > 1 && isTransposed ? -1 : out,
            .resultAxis = 1,
            .groups = groups,
            .biasOperand = 2,
            // What a transposed one leaves between its inputs reads like padding.
            .isPadded = isTransposed || hasPadding(c.getNode())});
}

static void coupleConv(Coupler &c) { coupleConvolution(c, 1, 0); }
static void coupleConvTranspose(Coupler &c) { coupleConvolution(c, 0, 1); }

/// Adds what FusedConv adds to the sums.
static void coupleFusedConv(Coupler &c) {
  coupleConv(c);
  c.uniteAxes(c.getInput(3), c.getOutput(0));
}

static void adjustGroups(Adjuster &a) {
  int64_t groups = getInt(a.getNode(), "group", 1);
  int64_t inputs = a.getSize(a.getInput(0), 1);
  if (groups > 1 && a.isChanged(a.getInput(0), 1))
    setInt(a.getNode(), "group", a.countKept(a.getInput(0), 1) / (inputs / groups));
}

/// Couples what a product sums over. Of two activations the order would have to change in both.
static void coupleSummed(Coupler &c, Axis left, Axis right) {
  if (c.isKnown(c.getInput(0)) || c.isKnown(c.getInput(1)))
    return c.unite(left, right);
  c.pin(left, c.describe() + " multiplies it by other activations");
  c.pin(right, c.describe() + " multiplies it by other activations");
}

static void addProduct(Coupler &c, int64_t inputAxis, int64_t weightsIn, int64_t weightsOut,
                       int64_t biasOperand) {
  bool isLeft = c.isKnown(c.getInput(0)), isRight = c.isKnown(c.getInput(1));
  if (isLeft) // of weights on the left nothing more needs to be known
    c.addOpaqueRead(c.getAxis(c.getInput(1), weightsIn));
  else if (isRight)
    c.addSum({.input = c.getInput(0),
              .weights = c.getInput(1),
              .result = c.getOutput(0),
              .inputAxis = inputAxis,
              .weightsIn = weightsIn,
              .weightsOut = weightsOut,
              .resultAxis = c.getRank(c.getOutput(0)) - 1,
              .biasOperand = biasOperand});
}

static void coupleGemm(Coupler &c) {
  int64_t transA = getInt(c.getNode(), "transA", 0) != 0;
  int64_t transB = getInt(c.getNode(), "transB", 0) != 0;
  StringRef left = c.getInput(0), right = c.getInput(1), result = c.getOutput(0);
  coupleSummed(c, c.getAxis(left, 1 - transA), c.getAxis(right, transB));
  c.unite(c.getAxis(left, transA), c.getAxis(result, 0));
  c.unite(c.getAxis(right, 1 - transB), c.getAxis(result, 1));
  c.uniteBroadcast(c.getInput(2), result);
  addProduct(c, 1 - transA, transB, 1 - transB, 2);
}

static void coupleMatMul(Coupler &c) {
  StringRef left = c.getInput(0), right = c.getInput(1), result = c.getOutput(0);
  if (c.getRank(left) < 2 || c.getRank(right) < 2 || !c.hasType(result))
    return c.pinAll(c.describe() + " multiplies vectors");
  coupleSummed(c, c.getAxis(left, -1), c.getAxis(right, -2));
  c.unite(c.getAxis(left, -2), c.getAxis(result, -2));
  c.unite(c.getAxis(right, -1), c.getAxis(result, -1));
  c.uniteBroadcast(left, result, 2);
  c.uniteBroadcast(right, result, 2);
  if (c.getRank(right) == 2)
    return addProduct(c, c.getRank(left) - 1, 0, 1, -1);
  c.addOpaqueRead(c.getAxis(left, -1));
  c.addOpaqueRead(c.getAxis(right, -2));
}

void addContractionRules(CouplingRules &rules) {
  rules.add({"Conv"}, {coupleConv, adjustGroups});
  rules.add({"ConvTranspose"}, {coupleConvTranspose, adjustGroups});
  rules.add({"FusedConv"}, {coupleFusedConv, adjustGroups}, "com.microsoft");
  rules.add({"Gemm"}, {coupleGemm});
  rules.add({"MatMul"}, {coupleMatMul});
}

} // namespace tenon
