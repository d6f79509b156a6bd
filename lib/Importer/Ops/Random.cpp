// Random numbers: RandomUniform, RandomNormal, Bernoulli, Multinomial and their relatives.
//
// ONNX leaves the generator open. Here it is a hash of the element's position and the seed, so it
// is ordinary arithmetic on a tensor of positions: it fuses, runs on any number of threads, and
// gives the same numbers in every run. Nodes without a seed get one that depends on their place in
// the model.

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

uint32_t RandomBuilder::getSeed(NodeImporter &node) {
  if (node.hasAttribute("seed")) {
    auto seed = static_cast<float>(node.getFloat("seed"));
    return llvm::bit_cast<uint32_t>(seed) * 0x85ebca6bu + 1;
  }
  return static_cast<uint32_t>(llvm::xxh3_64bits(node.outputName(0)));
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

void registerRandomOps(OpRegistry &registry) {
  registry.add("RandomUniform", 1, 0, importUniform);
  registry.add("RandomUniformLike", 1, 1, importUniform);
  registry.add("RandomNormal", 1, 0, importNormal);
  registry.add("RandomNormalLike", 1, 1, importNormal);
  registry.add("Bernoulli", 15, 1, importBernoulli);
  registry.add("Multinomial", 7, 1, importMultinomial);
}

} // namespace tenon
