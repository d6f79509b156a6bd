// Operators that compute each element from those at its position, with broadcasting.

#include "lib/Prune/Coupling.h"

using namespace llvm;

namespace tenon {

static void coupleElementwise(Coupler &c) {
  for (int output = 0; output < c.getNumOutputs(); ++output)
    for (int input = 0; input < c.getNumInputs(); ++input)
      c.uniteBroadcast(c.getInput(input), c.getOutput(output));
}

/// Scale and zero point are numbers, or have an entry for each position of one axis.
static void coupleQuantization(Coupler &c) {
  c.uniteAxes(c.getInput(0), c.getOutput(0));
  int64_t axis = getInt(c.getNode(), "axis", 1);
  for (int input : {1, 2}) {
    StringRef parameters = c.getInput(input);
    int64_t size = c.getSize(parameters, 0);
    if (c.getRank(parameters) == 1 && size == c.getSize(c.getInput(0), axis) && size != 1)
      c.unite(c.getAxis(parameters, 0), c.getAxis(c.getInput(0), axis));
    else if (c.getRank(parameters) > 1)
      c.pinAll(c.describe() + " has scales for blocks");
  }
}

void addElementwiseRules(CouplingRules &rules) {
  rules.add({"Abs",        "Acos",     "Acosh",       "Asin",
             "Asinh",      "Atan",     "Atanh",       "BitwiseNot",
             "Cast",       "Ceil",     "Celu",        "Cos",
             "Cosh",       "Elu",      "Erf",         "Exp",
             "Floor",      "Gelu",     "HardSigmoid", "HardSwish",
             "Identity",   "IsInf",    "IsNaN",       "LeakyRelu",
             "Log",        "Mish",     "Neg",         "Not",
             "Reciprocal", "Relu",     "Round",       "Selu",
             "Shrink",     "Sigmoid",  "Sign",        "Sin",
             "Sinh",       "Softplus", "Softsign",    "Sqrt",
             "Swish",      "Tan",      "Tanh",        "ThresholdedRelu"},
            {coupleElementwise});
  rules.add({"Add",   "And",         "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
             "Clip",  "Div",         "Dropout",  "Equal",      "Greater",   "GreaterOrEqual",
             "Less",  "LessOrEqual", "Max",      "Mean",       "Min",       "Mod",
             "Mul",   "Or",          "PRelu",    "Pow",        "Sub",       "Sum",
             "Where", "Xor"},
            {coupleElementwise});
  rules.add({"BiasGelu", "FastGelu", "Gelu", "QuickGelu"}, {coupleElementwise}, "com.microsoft");
  rules.add({"DequantizeLinear", "QuantizeLinear"}, {coupleQuantization});
  rules.add({"DequantizeLinear", "QuantizeLinear"}, {coupleQuantization}, "com.microsoft");
}

} // namespace tenon
