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

/// Which operands are what.
struct ConvolutionOperands {
  int weights = 1;
  std::optional<int> bias = 2;
  /// Scales and zero points, which may have an entry for each of the result's channels.
  ArrayRef<int> parameters = {};
  /// Whether elements have zero points: of sums of these no more is known than what goes together.
  bool isQuantized = false;
};

/// A number for each channel, or one for all.
static void coupleParameters(Coupler &c, ArrayRef<int> operands, Axis channels) {
  for (int operand : operands)
    if (Axis axis = c.getAxis(c.getInput(operand), 0); axis && axis.size != 1)
      c.unite(axis, channels);
}

/// `in` and `out` are the axes of the weights.
static void coupleConvolution(Coupler &c, int64_t in, int64_t out,
                              const ConvolutionOperands &operands = {}) {
  StringRef input = c.getInput(0), weights = c.getInput(operands.weights), result = c.getOutput(0);
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
  if (operands.bias && c.hasInput(*operands.bias))
    c.unite(c.getAxis(c.getInput(*operands.bias), 0), outputs);
  coupleParameters(c, operands.parameters, outputs);
  if (operands.isQuantized && groups == 1)
    c.addOpaqueRead(inputs);
  c.addSum({.input = input,
            .weights = weights,
            .result = result,
            .inputAxis = 1,
            .weightsIn = groups == 1 && !operands.isQuantized ? in : -1,
            .weightsOut = (groups > 1 && isTransposed) || operands.isQuantized ? -1 : out,
            .resultAxis = 1,
            .groups = groups,
            .biasOperand = operands.bias.value_or(-1),
            // What a transposed one leaves between its inputs reads like padding.
            .isPadded = isTransposed || hasPadding(c.getNode())});
}

static void coupleConv(Coupler &c) { coupleConvolution(c, 1, 0); }
static void coupleConvTranspose(Coupler &c) { coupleConvolution(c, 0, 1); }
static void coupleQLinearConv(Coupler &c) {
  coupleConvolution(c, 1, 0, {.weights = 3, .bias = 8, .parameters = {4, 5}, .isQuantized = true});
}
static void coupleConvInteger(Coupler &c) {
  coupleConvolution(c, 1, 0, {.bias = std::nullopt, .parameters = {3}, .isQuantized = true});
}

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
  c.uniteSummed(left, 1 - transA, right, transB);
  c.unite(c.getAxis(left, transA), c.getAxis(result, 0));
  c.unite(c.getAxis(right, 1 - transB), c.getAxis(result, 1));
  c.uniteBroadcast(c.getInput(2), result);
  addProduct(c, 1 - transA, transB, 1 - transB, 2);
}

/// All but what the product sums over; false if that is all that can be said.
static bool coupleMatrices(Coupler &c, StringRef left, StringRef right) {
  StringRef result = c.getOutput(0);
  if (c.getRank(left) < 2 || c.getRank(right) < 2 || !c.hasType(result)) {
    c.pinAll(c.describe() + " multiplies vectors");
    return false;
  }
  c.uniteSummed(left, -1, right, -2);
  c.unite(c.getAxis(left, -2), c.getAxis(result, -2));
  c.unite(c.getAxis(right, -1), c.getAxis(result, -1));
  c.uniteBroadcast(left, result, 2);
  c.uniteBroadcast(right, result, 2);
  return true;
}

static void coupleMatMul(Coupler &c) {
  StringRef left = c.getInput(0), right = c.getInput(1);
  if (!coupleMatrices(c, left, right))
    return;
  if (c.getRank(right) == 2)
    return addProduct(c, c.getRank(left) - 1, 0, 1, -1);
  c.addOpaqueRead(c.getAxis(left, -1));
  c.addOpaqueRead(c.getAxis(right, -2));
}

/// Of elements with zero points: those of the right operand may be one for each column, those of
/// the left one for each row.
static void coupleQuantizedMatMul(Coupler &c, StringRef right, ArrayRef<int> ofRows,
                                  ArrayRef<int> ofColumns) {
  StringRef left = c.getInput(0), result = c.getOutput(0);
  if (!coupleMatrices(c, left, right))
    return;
  coupleParameters(c, ofRows, c.getAxis(left, -2));
  coupleParameters(c, ofColumns, c.getAxis(right, -1));
  c.addOpaqueRead(c.getAxis(left, -1));
  c.addOpaqueRead(c.getAxis(right, -2));
  if (c.isKnown(right))
    c.addSum({.input = left,
              .weights = right,
              .result = result,
              .inputAxis = c.getRank(left) - 1,
              .weightsIn = -1,
              .weightsOut = -1,
              .resultAxis = c.getRank(result) - 1});
}

static void coupleQLinearMatMul(Coupler &c) {
  coupleQuantizedMatMul(c, c.getInput(3), {1, 2}, {4, 5});
}
static void coupleMatMulInteger(Coupler &c) { coupleQuantizedMatMul(c, c.getInput(1), {2}, {3}); }

void addContractionRules(CouplingRules &rules) {
  rules.add({"Conv"}, {coupleConv, adjustGroups});
  rules.add({"ConvTranspose"}, {coupleConvTranspose, adjustGroups});
  rules.add({"FusedConv"}, {coupleFusedConv, adjustGroups}, "com.microsoft");
  rules.add({"Gemm"}, {coupleGemm});
  rules.add({"MatMul"}, {coupleMatMul});
  rules.add({"QLinearConv"}, {coupleQLinearConv, adjustGroups});
  rules.add({"ConvInteger"}, {coupleConvInteger, adjustGroups});
  rules.add({"QLinearMatMul"}, {coupleQLinearMatMul});
  rules.add({"MatMulInteger"}, {coupleMatMulInteger});
}

} // namespace tenon
