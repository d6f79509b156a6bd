// Random numbers: RandomUniform, RandomNormal, Bernoulli, Multinomial and their relatives; and
// Dropout.

#include "lib/Importer/Ops/RandomNumbers.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace tenon {

/// Seeds are floats, but those of Dropout integers.
uint32_t RandomBuilder::getSeed(NodeImporter &node) {
  if (!node.hasAttribute("seed"))
    return static_cast<uint32_t>(llvm::xxh3_64bits(node.outputName(0)));
  if (node.opType().ends_with("Dropout"))
    return static_cast<uint32_t>(node.getInt("seed")) * 0x85ebca6bu + 1;
  auto seed = static_cast<float>(node.getFloat("seed"));
  return llvm::bit_cast<uint32_t>(seed) * 0x85ebca6bu + 1;
}

/// The element type of the result: attribute `dtype`, or that of the operand, or f32.
static Type getResultType(NodeImporter &node) {
  if (node.hasAttribute("dtype"))
    return node.getElementType("dtype");
  return node.numOperands() > 0 ? node.elementType(node.operand(0)) : node.builder().getF32Type();
}

static DimExprs getShape(NodeImporter &node) {
  if (node.numOperands() > 0)
    return node.dims(node.operand(0));
  DimExprs dims;
  for (int64_t size : node.getInts("shape")) {
    if (size < 0)
      node.emitAttributeError("shape") << "a dimension of " << size;
    dims.push_back(node.expr(size));
  }
  return dims;
}

static Results importUniform(NodeImporter &node) {
  RandomBuilder random(node);
  Type type = getResultType(node);
  double low = node.getFloat("low", 0), high = node.getFloat("high", 1);
  DimExprs dims = getShape(node);
  if (!type || node.hasFailed())
    return failure();
  Value numbers = random.m.add(random.m.mul(random.uniform(dims), high - low), low);
  return {{node.cast(numbers, type)}};
}

static Results importNormal(NodeImporter &node) {
  RandomBuilder random(node);
  Type type = getResultType(node);
  double mean = node.getFloat("mean", 0), scale = node.getFloat("scale", 1);
  DimExprs dims = getShape(node);
  if (!type || node.hasFailed())
    return failure();
  Value numbers = random.m.add(random.m.mul(random.normal(dims), scale), mean);
  return {{node.cast(numbers, type)}};
}

static Results importBernoulli(NodeImporter &node) {
  RandomBuilder random(node);
  Value x = node.operand(0);
  Type type = getResultType(node);
  if (!type)
    return failure();
  Value probability = node.cast(x, node.builder().getF32Type());
  return {{node.cast(random.m.less(random.uniform(node.dims(x)), probability), type)}};
}

// The largest of log p + Gumbel noise has class c with probability p[c].
static Results importMultinomial(NodeImporter &node) {
  RandomBuilder random(node);
  TensorMath &m = random.m;
  Value x = node.operand(0);
  if (node.rank(x) != 2)
    return node.emitError() << "needs [batch, classes], not " << x.getType();
  DimExprs dims = {node.dim(x, 0), node.expr(node.getInt("sample_size", 1)), node.dim(x, 1)};
  Type type =
      node.hasAttribute("dtype") ? node.getElementType("dtype") : Type(node.builder().getI32Type());
  if (!type)
    return failure();
  Value noise = m.neg(m.log(m.neg(m.log(m.max(random.uniform(dims), std::ldexp(1.0, -25))))));
  Value scores = m.add(m.unsqueeze(node.cast(x, node.builder().getF32Type()), {1}), noise);
  Operation *best =
      scores ? node.inferOp<TopKOp>(scores, {node.attr("axis", 2),
                                             node.attr("count", DimExprs{node.expr(1)}),
                                             node.attr("largest", node.builder().getUnitAttr())})
             : nullptr;
  if (!best)
    return failure();
  return {{node.cast(m.squeeze(best->getResult(1), {2}), type)}};
}

namespace {
/// What is left of a tensor, and where.
struct Dropped {
  Value result, mask;
};
} // namespace

/// Whether a scalar of integers or bools is known to be 0.
static bool isZero(NodeImporter &node, Value value) {
  std::optional<NodeImporter::Ints> known = node.constantInts(value);
  return known && known->size() == 1 && known->front() == 0;
}

/// Where it trains, each element of x becomes zero with the probability `ratio`, and others grow by
/// what is lost. Null operands: it does not train, and a ratio of one half.
static Dropped dropOut(NodeImporter &node, Value x, Value ratio, Value training) {
  TensorMath m(node);
  std::optional<SmallVector<double>> known;
  if (ratio)
    known = node.constantFloats(ratio);
  bool dropsNothing = known && known->size() == 1 && known->front() == 0;
  if (!training || dropsNothing || isZero(node, training))
    return {x, m.broadcast(node.makeScalar(node.builder().getI1Type(), 1), node.dims(x))};
  Type f32 = node.builder().getF32Type();
  ratio = ratio ? node.cast(m.toScalar(ratio), f32) : node.makeScalar(f32, 0.5);
  training = node.cast(m.toScalar(training), node.builder().getI1Type());
  Value isKept = m.lessEqual(ratio, RandomBuilder(node).uniform(node.dims(x)));
  Value scale = m.reciprocal(m.sub(m.scalar(ratio, 1), ratio));
  Value mask = m.logicalOr(m.logicalNot(training), isKept);
  Value scaled =
      m.mul(x, node.cast(m.select(training, scale, m.scalar(scale, 1)), node.elementType(x)));
  return {m.select(mask, scaled, m.scalar(x, 0)), mask};
}

/// Before version 7 a node trains unless it says that it does not, from then on to version 12 none
/// does. Before version 12 the ratio is an attribute, before version 10 a mask has x's type.
static Results importDropout(NodeImporter &node) {
  Value x = node.operand(0), ratio = node.operand(1), training = node.operand(2);
  if (node.opset() < 12) {
    ratio = node.makeScalar(node.builder().getF32Type(), node.getFloat("ratio", 0.5));
    training = node.opset() < 7
                   ? node.makeScalar(node.builder().getI1Type(), !node.getBool("is_test", false))
                   : Value();
  }
  Dropped dropped = dropOut(node, x, ratio, training);
  if (!node.hasOutput(1))
    return {{dropped.result}};
  return {{dropped.result,
           node.opset() < 10 ? node.cast(dropped.mask, node.elementType(x)) : dropped.mask}};
}

/// Dropout of the sum of data and bias, then a residual. Operands: these, ratio, training mode.
static Results importBiasDropout(NodeImporter &node) {
  TensorMath m(node);
  Value sum = m.add(node.operand(0), node.operand(1));
  Dropped dropped = dropOut(node, sum, node.operand(3), node.operand(4));
  if (node.operand(2))
    dropped.result = m.add(dropped.result, node.operand(2));
  if (!node.hasOutput(1))
    return {{dropped.result}};
  return {{dropped.result, dropped.mask}};
}

void registerRandomOps(OpRegistry &registry) {
  registry.add("RandomUniform", 1, 0, importUniform);
  registry.add("RandomUniformLike", 1, 1, importUniform);
  registry.add("RandomNormal", 1, 0, importNormal);
  registry.add("RandomNormalLike", 1, 1, importNormal);
  registry.add("Bernoulli", 15, 1, importBernoulli);
  registry.add("Multinomial", 7, 1, importMultinomial);
  registry.add("Dropout", 1, {1, 3}, importDropout);
  registry.add("com.microsoft", "BiasDropout", 1, {2, 5}, importBiasDropout);
}

} // namespace tenon
