// Random numbers: RandomUniform, RandomNormal, Bernoulli, Multinomial and their relatives; and
// Dropout.

#include "lib/Importer/Ops/Random.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace tenon {

Value RandomBuilder::uniform(ArrayRef<AffineExpr> dims, uint32_t stream) {
  AffineExpr count = product(dims, n.context());
  Type u32 = n.builder().getIntegerType(32, /*isSigned=*/false);
  Value bits = n.cast(m.iota(count, 0, n.builder().getI64Type()), u32);
  bits = m.add(bits, constant(bits, seed + stream * 0x9e3779b9u));
  if (salt)
    bits = m.add(bits, m.mul(n.cast(salt, u32), constant(bits, 0x9e3779b1u)));
  // Wellons' lowbias32, over position and seed.
  bits = xorShift(bits, 16);
  bits = xorShift(m.mul(bits, constant(bits, 0x7feb352du)), 15);
  bits = xorShift(m.mul(bits, constant(bits, 0x846ca68bu)), 16);
  // The upper 24 bits are what f32 holds exactly.
  Value high = n.infer<ShiftRightOp>({bits, constant(bits, 8)});
  Value number = m.mul(n.cast(high, n.builder().getF32Type()), std::ldexp(1.0, -24));
  return number ? n.reshape(number, dims) : number;
}

// By Box and Muller: sqrt(-2 ln(1 - u)) cos(2 pi v).
Value RandomBuilder::normal(ArrayRef<AffineExpr> dims) {
  Value u = uniform(dims, 1), v = uniform(dims, 2);
  Value radius = m.sqrt(m.mul(m.log(m.sub(m.scalar(u, 1), u)), -2));
  return m.mul(radius, n.infer<CosOp>(m.mul(v, 2 * 3.14159265358979323846)));
}

// The largest of log p + Gumbel noise has class c with probability p[c].
Value RandomBuilder::chooseClass(Value x, AffineExpr samples) {
  if (!x)
    return nullptr;
  DimExprs dims = {n.dim(x, 0), samples, n.dim(x, 1)};
  Value noise = m.neg(m.log(m.neg(m.log(m.max(uniform(dims), std::ldexp(1.0, -25))))));
  Value scores = m.add(m.unsqueeze(n.cast(x, n.builder().getF32Type()), {1}), noise);
  Operation *best =
      scores ? n.inferOp<TopKOp>(scores, {n.attr("axis", 2), n.attr("count", DimExprs{n.expr(1)}),
                                          n.attr("largest", n.builder().getUnitAttr())})
             : nullptr;
  return best ? m.squeeze(best->getResult(1), {2}) : Value();
}

Value RandomBuilder::xorShift(Value bits, uint32_t amount) {
  return n.infer<XorOp>({bits, n.infer<ShiftRightOp>({bits, constant(bits, amount)})});
}

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

static Results importMultinomial(NodeImporter &node) {
  RandomBuilder random(node);
  Value x = node.operand(0);
  if (node.rank(x) != 2)
    return node.emitError() << "needs [batch, classes], not " << x.getType();
  Type type =
      node.hasAttribute("dtype") ? node.getElementType("dtype") : Type(node.builder().getI32Type());
  if (!type)
    return failure();
  return {{node.cast(random.chooseClass(x, node.expr(node.getInt("sample_size", 1))), type)}};
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

/// A mask as bits of words, of 32 elements each. Bits behind the last element are set.
static Value packMask(NodeImporter &node, Value mask) {
  TensorMath m(node);
  if (!mask)
    return nullptr;
  Type u32 = node.builder().getIntegerType(32, /*isSigned=*/false);
  AffineExpr count = product(node.dims(mask), node.context()), words = count.ceilDiv(32);
  Value bits = node.cast(node.reshape(mask, {count}), u32);
  bits = m.pad(bits, {node.expr(0)}, {words * 32}, node.makeScalar(u32, 1));
  bits = node.reshape(bits, {words, node.expr(32)});
  bits = node.infer<ShiftLeftOp>({bits, m.iota({node.expr(32)}, 0, u32)});
  return node.reshape(m.sum(bits, {1}), {words});
}

static Results giveDropped(NodeImporter &node, Dropped dropped, bool packsMask) {
  if (!node.hasOutput(1))
    return {{dropped.result}};
  return {{dropped.result, packsMask ? packMask(node, dropped.mask) : dropped.mask}};
}

/// Dropout of the sum of data and bias, then a residual. Operands: these, ratio, training mode.
template <bool packsMask> static Results importBiasDropout(NodeImporter &node) {
  TensorMath m(node);
  Value sum = m.add(node.operand(0), node.operand(1));
  Dropped dropped = dropOut(node, sum, node.operand(3), node.operand(4));
  if (node.operand(2))
    dropped.result = m.add(dropped.result, node.operand(2));
  return giveDropped(node, dropped, packsMask);
}

/// Operands: data, ratio, training mode.
static Results importBitmaskDropout(NodeImporter &node) {
  return giveDropped(node, dropOut(node, node.operand(0), node.operand(1), node.operand(2)),
                     /*packsMask=*/true);
}

void registerRandomOps(OpRegistry &registry) {
  registry.add("RandomUniform", 1, 0, importUniform);
  registry.add("RandomUniformLike", 1, 1, importUniform);
  registry.add("RandomNormal", 1, 0, importNormal);
  registry.add("RandomNormalLike", 1, 1, importNormal);
  registry.add("Bernoulli", 15, 1, importBernoulli);
  registry.add("Multinomial", 7, 1, importMultinomial);
  registry.add("Dropout", 1, {1, 3}, importDropout);
  auto add = registry.inDomain("com.microsoft");
  add("BiasDropout", {2, 5}, importBiasDropout<false>);
  add("BitmaskBiasDropout", {2, 5}, importBiasDropout<true>);
  add("BitmaskDropout", {1, 3}, importBitmaskDropout);
}

} // namespace tenon
