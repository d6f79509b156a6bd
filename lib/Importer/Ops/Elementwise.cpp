// Pointwise arithmetic, logic and comparison.

#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/Ops/Strings.h"
#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

/// Before version 7 the second operand has the first one's shape, or where `broadcast` says so
/// that of some of its dimensions, from `axis` on: 1s stand for those behind.
template <ImportFunction import> static Results importAligned(NodeImporter &node) {
  if (!node.getBool("broadcast", false) || !node.hasAttribute("axis"))
    return import(node);
  int64_t rank = node.rank(node.operand(0)), axis = node.getAxis("axis", std::nullopt, rank);
  DimExprs dims = node.dims(node.operand(1));
  auto end = axis + static_cast<int64_t>(dims.size());
  if (node.hasFailed())
    return failure();
  if (end > rank)
    return node.emitError() << node.operand(1).getType() << " has no place in "
                            << node.operand(0).getType() << " from dimension " << axis << " on";
  dims.append(rank - end, node.expr(1));
  node.setOperand(1, node.reshape(node.operand(1), dims));
  return import(node);
}

/// Greater is less with its operands swapped.
template <typename OpT> static Results importSwapped(NodeImporter &node) {
  return {{node.infer<OpT>({node.operand(1), node.operand(0)})}};
}

template <typename OpT> static Results importVariadic(NodeImporter &node) {
  Value result = node.operand(0);
  for (Value operand : node.operands().drop_front())
    result = node.infer<OpT>({result, operand});
  return {{result}};
}

static Results importMean(NodeImporter &node) {
  Results sum = importVariadic<AddOp>(node);
  return {{TensorMath(node).div((*sum)[0], node.numOperands())}};
}

// Small constant exponents are worth more as products and roots.
static Results importPow(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), exponent = node.operand(1);
  std::optional<SmallVector<double>> floats = node.constantFloats(exponent);
  std::optional<NodeImporter::Ints> ints = node.constantInts(exponent);
  if (m.isFloat(x) && node.rank(exponent) <= node.rank(x) && node.hasElements(exponent, 1)) {
    double power = floats ? (*floats)[0] : ints ? (*ints)[0] : HUGE_VAL;
    if (power == 1)
      return {{x}};
    if (power == 2)
      return {{m.mul(x, x)}};
    if (power == 3)
      return {{m.mul(m.mul(x, x), x)}};
    if (power == 0.5)
      return {{m.sqrt(x)}};
    if (power == -0.5)
      return {{m.reciprocal(m.sqrt(x))}};
    if (power == -1)
      return {{m.reciprocal(x)}};
  }
  return {{m.pow(x, exponent)}};
}

static Results importMod(NodeImporter &node) {
  return node.getBool("fmod", false) ? importBinary<FmodOp>(node) : importBinary<ModOp>(node);
}

static Results importBitShift(NodeImporter &node) {
  StringRef direction = node.getString("direction");
  if (direction == "LEFT")
    return importBinary<ShiftLeftOp>(node);
  if (direction == "RIGHT")
    return importBinary<ShiftRightOp>(node);
  node.emitAttributeError("direction") << "expected LEFT or RIGHT, found " << direction;
  return failure();
}

/// Of integers it is computed as of f64, and what is left of a fraction is 0.
static Results importErf(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  if (m.isFloat(x))
    return {{node.infer<ErfOp>(x)}};
  Type f64 = node.builder().getF64Type();
  return {{node.cast(node.infer<ErfOp>(node.cast(x, f64)), node.elementType(x))}};
}

/// Bounds were attributes before version 11, with the largest finite numbers of f32 as defaults.
/// To halves these are infinite and bound nothing.
static Results importClip(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), low = node.operand(1), high = node.operand(2);
  if (node.opset() < 11) {
    constexpr double largest = std::numeric_limits<float>::max();
    auto bound = [&](StringRef name, double otherwise) {
      bool isWide = node.elementType(x).isF32() || node.elementType(x).isF64();
      return isWide || node.hasAttribute(name) ? m.scalar(x, node.getFloat(name, otherwise))
                                               : Value();
    };
    low = bound("min", -largest);
    high = bound("max", largest);
  }
  if (low)
    x = m.max(x, m.toScalar(low));
  if (high)
    x = m.min(x, m.toScalar(high));
  return {{x}};
}

static Results importIsInf(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  bool negative = node.getBool("detect_negative", true);
  bool positive = node.getBool("detect_positive", true);
  if (negative && positive)
    return {{node.infer<IsInfOp>(x)}};
  if (negative || positive)
    return {{m.equal(x, positive ? HUGE_VAL : -HUGE_VAL)}};
  return {{m.less(x, x)}};
}

static Results importBitCast(NodeImporter &node) {
  Type to = node.getElementType("to");
  if (!to)
    return failure();
  return {{node.infer<BitCastOp>(node.operand(0), node.attr("to", TypeAttr::get(to)))}};
}

static Results importCast(NodeImporter &node, Type to) {
  if (!to)
    return failure();
  if (to == node.elementType(node.operand(0)))
    return {{node.operand(0)}};
  if (isa<StringType>(to))
    return {{formatNumbers(node, node.operand(0))}};
  if (node.isString(node.operand(0)))
    node.setOperand(0, parseNumbers(node, node.operand(0), to));
  if (node.operand(0) && to == node.elementType(node.operand(0)))
    return {{node.operand(0)}};
  return {{node.infer<CastOp>(
      node.operand(0),
      {node.attr("to", TypeAttr::get(to)),
       node.attr("saturate", node.builder().getBoolAttr(node.getBool("saturate", true)))})}};
}

/// Version 1 names the type.
static Results importCastV1(NodeImporter &node) {
  StringRef name = node.getString("to");
  onnx::TensorProto::DataType type;
  if (node.hasFailed())
    return failure();
  if (!onnx::TensorProto::DataType_Parse(name.upper(), &type) ||
      !getElementType(type, node.context()))
    return node.emitAttributeError("to") << "element type '" << name << "' is not supported";
  return importCast(node, getElementType(type, node.context()));
}
static Results importPlainCast(NodeImporter &node) {
  return importCast(node, node.getElementType("to"));
}
static Results importCastLike(NodeImporter &node) {
  return importCast(node, node.elementType(node.operand(1)));
}

static Results importWhere(NodeImporter &node) { return {{node.infer<SelectOp>(node.operands())}}; }

// A slope of rank r broadcasts in one direction, to the input. Before version 7 it goes along the
// channels.
static Results importPRelu(NodeImporter &node) {
  Value x = node.operand(0), slope = node.operand(1);
  if (node.opset() < 7 && node.rank(slope) == 1 && node.rank(x) > 1)
    slope = TensorMath(node).alongChannels(slope, node.rank(x));
  return {{node.infer<PReluOp>({x, slope})}};
}

void registerElementwiseOps(OpRegistry &registry) {
  registry.add("Abs", 1, 1, importUnary<AbsOp>);
  registry.add("Neg", 1, 1, importUnary<NegOp>);
  registry.add("Sign", 9, 1, importUnary<SignOp>);
  registry.add("Floor", 1, 1, importUnary<FloorOp>);
  registry.add("Ceil", 1, 1, importUnary<CeilOp>);
  registry.add("Round", 11, 1, importUnary<RoundOp>);
  registry.add("Sqrt", 1, 1, importUnary<SqrtOp>);
  registry.add("Reciprocal", 1, 1, importUnary<ReciprocalOp>);
  registry.add("Exp", 1, 1, importUnary<ExpOp>);
  registry.add("Log", 1, 1, importUnary<LogOp>);
  registry.add("Erf", 9, 1, importErf);
  registry.add("Sin", 7, 1, importUnary<SinOp>);
  registry.add("Cos", 7, 1, importUnary<CosOp>);
  registry.add("Tan", 7, 1, importUnary<TanOp>);
  registry.add("Asin", 7, 1, importUnary<AsinOp>);
  registry.add("Acos", 7, 1, importUnary<AcosOp>);
  registry.add("Atan", 7, 1, importUnary<AtanOp>);
  registry.add("Sinh", 9, 1, importUnary<SinhOp>);
  registry.add("Cosh", 9, 1, importUnary<CoshOp>);
  registry.add("Asinh", 9, 1, importUnary<AsinhOp>);
  registry.add("Acosh", 9, 1, importUnary<AcoshOp>);
  registry.add("Atanh", 9, 1, importUnary<AtanhOp>);
  registry.add("Not", 1, 1, importUnary<NotOp>);
  registry.add("BitwiseNot", 18, 1, importUnary<BitNotOp>);
  registry.add("IsNaN", 9, 1, importUnary<IsNaNOp>);
  registry.add("IsInf", 10, 1, importIsInf);

  registry.add("Add", 1, 2, importAligned<importBinary<AddOp>>);
  registry.add("Sub", 1, 2, importAligned<importBinary<SubOp>>);
  registry.add("Mul", 1, 2, importAligned<importBinary<MulOp>>);
  registry.add("Div", 1, 2, importAligned<importBinary<DivOp>>);
  registry.add("Pow", 1, 2, importAligned<importPow>);
  registry.add("And", 1, 2, importAligned<importBinary<AndOp>>);
  registry.add("Or", 1, 2, importAligned<importBinary<OrOp>>);
  registry.add("Xor", 1, 2, importAligned<importBinary<XorOp>>);
  registry.add("Equal", 1, 2, importAligned<importBinary<EqualOp>>);
  registry.add("Less", 1, 2, importAligned<importBinary<LessOp>>);
  registry.add("Greater", 1, 2, importAligned<importSwapped<LessOp>>);

  registry.add("Add", 7, 2, importBinary<AddOp>);
  registry.add("Sub", 7, 2, importBinary<SubOp>);
  registry.add("Mul", 7, 2, importBinary<MulOp>);
  registry.add("Div", 7, 2, importBinary<DivOp>);
  registry.add("Pow", 7, 2, importPow);
  registry.add("Mod", 10, 2, importMod);
  registry.add("PRelu", 1, 2, importPRelu);
  registry.add("And", 7, 2, importBinary<AndOp>);
  registry.add("Or", 7, 2, importBinary<OrOp>);
  registry.add("Xor", 7, 2, importBinary<XorOp>);
  registry.add("BitwiseAnd", 18, 2, importBinary<AndOp>);
  registry.add("BitwiseOr", 18, 2, importBinary<OrOp>);
  registry.add("BitwiseXor", 18, 2, importBinary<XorOp>);
  registry.add("BitShift", 11, 2, importBitShift);
  registry.add("Equal", 7, 2, importBinary<EqualOp>);
  registry.add("Less", 7, 2, importBinary<LessOp>);
  registry.add("LessOrEqual", 12, 2, importBinary<LessEqualOp>);
  registry.add("Greater", 7, 2, importSwapped<LessOp>);
  registry.add("GreaterOrEqual", 12, 2, importSwapped<LessEqualOp>);

  registry.add("Sum", 1, {1, Arity::unbounded}, importVariadic<AddOp>);
  registry.add("Mean", 1, {1, Arity::unbounded}, importMean);
  registry.add("Max", 1, {1, Arity::unbounded}, importVariadic<MaxOp>);
  registry.add("Min", 1, {1, Arity::unbounded}, importVariadic<MinOp>);
  registry.add("Clip", 1, {1, 3}, importClip);
  registry.add("Where", 9, 3, importWhere);
  registry.add("BitCast", 26, 1, importBitCast);
  registry.add("Cast", 1, 1, importCastV1);
  registry.add("Cast", 6, 1, importPlainCast);
  registry.add("CastLike", 15, 2, importCastLike);
}

} // namespace tenon
