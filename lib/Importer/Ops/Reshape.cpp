// Reshape and its kin: the same elements under other dimensions.

#include "lib/Importer/Ops/RunTimeAxes.h"

using namespace mlir;

namespace tenon {

/// What dimension -1 of a shape is, as a tensor of one element: `shape` has 1 in its place. An
/// empty tensor under a shape that is empty without it keeps its other positions: 0 x 6 as [0, -1]
/// has 6.
static Value takeRest(NodeImporter &node, Value from, Value shape) {
  TensorMath m(node);
  auto count = [&](Value sizes) { return m.reduce(ReduceKind::Prod, sizes, 0); };
  auto positive = [&](Value sizes) { return count(m.max(sizes, 1)); };
  Value isEmpty = m.equal(count(shape), 0.0);
  return m.div(m.select(isEmpty, positive(from), count(from)), positive(shape));
}

/// Whether a divisor may be 0 in a run.
static bool dividesBySymbols(AffineExpr expr) {
  bool found = false;
  expr.walk([&](AffineExpr part) {
    if (auto binary = dyn_cast<AffineBinaryOpExpr>(part);
        part.getKind() == AffineExprKind::FloorDiv)
      found |= !isa<AffineConstantExpr>(binary.getRHS());
  });
  return found;
}

/// The result's dimensions, from a shape that is known as expressions: 0 copies the operand's
/// dimension (unless `allowZero`), and one -1 takes what is left.
static std::optional<DimExprs> resolveShape(NodeImporter &node, ArrayRef<AffineExpr> from,
                                            ArrayRef<AffineExpr> shape, bool allowZero) {
  DimExprs result;
  std::optional<size_t> rest;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    int64_t value = constant ? constant.getValue() : 1;
    if (value == 0 && !allowZero) {
      if (axis >= from.size()) {
        node.emitError() << "the shape copies dimension " << axis << " of a tensor of rank "
                         << from.size();
        return std::nullopt;
      }
      result.push_back(from[axis]);
      continue;
    }
    if (value == -1 && rest) {
      node.emitError() << "the shape has more than one -1";
      return std::nullopt;
    }
    if (value == -1)
      rest = axis;
    result.push_back(value == -1 ? node.expr(1) : size);
  }
  if (!rest)
    return result;
  result[*rest] = divideProducts(from, result, node.context());
  if (dividesBySymbols(result[*rest])) {
    TensorMath m(node);
    result[*rest] = node.expr(1);
    std::optional<DimExprs> bound = node.contentsOrBind(
        takeRest(node, m.shapeTensor(from), m.shapeTensor(result)), "reshape.rest");
    if (!bound)
      return std::nullopt;
    result[*rest] = bound->front();
  }
  return result;
}

/// The same for a shape that depends on data: computed at run time, then bound to new symbols.
static std::optional<DimExprs> bindShape(NodeImporter &node, ArrayRef<AffineExpr> from, Value shape,
                                         bool allowZero) {
  TensorMath m(node);
  constexpr int64_t maxRank = 64;
  ArrayRef<int64_t> sizes = node.type(shape).getShape();
  if (sizes.size() != 1 || ShapedType::isDynamic(sizes[0]) || sizes[0] > maxRank) {
    node.emitError() << "the shape's length must be known at compile time and at most " << maxRank
                     << ", not " << shape.getType();
    return std::nullopt;
  }
  DimExprs kept(from);
  kept.resize(sizes[0], node.expr(1));
  shape = node.cast(shape, node.builder().getI64Type());
  if (!allowZero)
    shape = m.select(m.equal(shape, 0.0), m.shapeTensor(kept), shape);
  Value isRest = m.equal(shape, -1);
  Value rest = takeRest(node, m.shapeTensor(from), m.select(isRest, m.scalar(shape, 1), shape));
  return node.contentsOrBind(m.select(isRest, rest, shape), "shape");
}

/// Ends the run with an error where the number of elements changes, unless it clearly does not.
static void checkCount(NodeImporter &node, ArrayRef<AffineExpr> from, ArrayRef<AffineExpr> to) {
  AffineExpr one = node.expr(1);
  if (divideProducts(from, to, node.context()) == one &&
      divideProducts(to, from, node.context()) == one)
    return;
  // Of constants, the op's verifier reports it.
  requireEqual(node, product(from, node.context()), product(to, node.context()),
               "the numbers of elements before and after,");
}

static Results importReshape(NodeImporter &node) {
  Value data = node.operand(0), shape = node.operand(1);
  bool allowZero = node.getBool("allowzero", false);
  DimExprs from = node.dims(data);
  std::optional<DimExprs> known = node.contents(shape);
  std::optional<DimExprs> dims =
      known ? resolveShape(node, from, *known, allowZero) : bindShape(node, from, shape, allowZero);
  if (!dims)
    return failure();
  checkCount(node, from, *dims);
  return {{node.reshape(data, *dims)}};
}

/// Version 1 has the shape as an attribute.
static Results importReshapeV1(NodeImporter &node) {
  Value data = node.operand(0);
  DimExprs from = node.dims(data);
  DimExprs shape = llvm::map_to_vector<6>(node.getInts("shape", NodeImporter::Ints()),
                                          [&](int64_t size) { return node.expr(size); });
  std::optional<DimExprs> dims = resolveShape(node, from, shape, /*allowZero=*/false);
  if (!dims)
    return failure();
  checkCount(node, from, *dims);
  return {{node.reshape(data, *dims)}};
}

static Results importFlatten(NodeImporter &node) {
  Value data = node.operand(0);
  DimExprs dims = node.dims(data);
  int64_t axis = node.getAxis("axis", 1, dims.size(), /*inclusive=*/true);
  ArrayRef<AffineExpr> all = dims;
  return {{node.reshape(data, {product(all.take_front(axis), node.context()),
                               product(all.drop_front(axis), node.context())})}};
}

/// Squeezes what has size 1, where only a run tells some of the sizes. The rank depends on them, so
/// the model must declare it. If it is what `known` ones leave, the other dimensions stay.
static Results squeezeOnes(NodeImporter &node, Value data, ArrayRef<int64_t> known) {
  TensorMath m(node);
  int64_t rank = node.rank(data);
  std::optional<int64_t> declared = node.declaredRank(0);
  // Where some are known to be 1 they are what exporters, and ONNX's own functions, mean; a run in
  // which others are 1, too, has another rank, and ends.
  if (!declared && !known.empty()) {
    for (AffineExpr dim : node.dims(data))
      if (!isa<AffineConstantExpr>(dim))
        requireAtLeast(node, dim, node.expr(2), "a size that is not squeezed");
    return {{m.squeeze(data, known)}};
  }
  if (!declared || *declared > rank)
    return node.emitError() << "the rank of the result depends on which dimensions have size 1, "
                               "which only a run tells; give axes, or declare the type of '"
                            << node.outputName(0) << "'";
  int64_t squeezed = rank - *declared;
  if (squeezed == static_cast<int64_t>(known.size()))
    return {{m.squeeze(data, known)}};
  Value isOne = m.equal(m.shapeTensor(node.dims(data)), 1.0);
  Value flags = node.cast(isOne, node.builder().getI64Type());
  return {{squeezeFlagged(node, data, flags, squeezed)}};
}

static Results importSqueeze(NodeImporter &node) {
  Value data = node.operand(0);
  DimExprs dims = node.dims(data);
  if (hasRunTimeAxes(node, 1)) {
    Value flags = flagAxes(node, node.operand(1), dims.size());
    if (!flags)
      return failure();
    return {{squeezeFlagged(node, data, flags, node.type(node.operand(1)).getNumElements())}};
  }
  std::optional<NodeImporter::Ints> axes = getAxes(node, 1, dims.size());
  if (!axes && !node.hasFailed()) {
    axes.emplace();
    for (auto [axis, dim] : llvm::enumerate(dims))
      if (dim == node.expr(1))
        axes->push_back(axis);
    if (!llvm::all_of(dims, llvm::IsaPred<AffineConstantExpr>))
      return squeezeOnes(node, data, *axes);
  }
  if (node.hasFailed())
    return failure();
  for (int64_t axis : *axes) {
    if (isa<AffineConstantExpr>(dims[axis]) && dims[axis] != node.expr(1)) {
      node.emitError() << "dimension " << axis << " of " << data.getType() << " is not 1";
      return failure();
    }
    requireEqual(node, dims[axis], node.expr(1), "sizes of a squeezed dimension");
  }
  return {{TensorMath(node).squeeze(data, *axes)}};
}

static Results importUnsqueeze(NodeImporter &node) {
  Value data = node.operand(0);
  if (hasRunTimeAxes(node, 1))
    return {{unsqueezeAtRunTime(node, data, node.operand(1))}};
  int64_t added = node.hasAttribute("axes") ? node.getInts("axes").size() : 0;
  if (Value axes = node.operand(1))
    added = node.constantInts(axes).value_or(NodeImporter::Ints()).size();
  std::optional<NodeImporter::Ints> axes = getAxes(node, 1, node.rank(data) + added);
  if (!axes) {
    node.emitError() << "axes are missing";
    return failure();
  }
  if (node.hasFailed())
    return failure();
  return {{TensorMath(node).unsqueeze(data, *axes)}};
}

void registerReshapeOps(OpRegistry &registry) {
  registry.add("Reshape", 1, 1, importReshapeV1);
  registry.add("Reshape", 5, 2, importReshape);
  registry.add("Flatten", 1, 1, importFlatten);
  registry.add("Squeeze", 1, {1, 2}, importSqueeze);
  registry.add("Unsqueeze", 1, {1, 2}, importUnsqueeze);
}

} // namespace tenon
