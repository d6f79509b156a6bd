// ScatterElements, ScatterND, TensorScatter and MaxUnpool: a copy with some elements replaced.

#include "lib/Importer/Ops/Cache.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

static std::optional<ScatterKind> getKind(NodeImporter &node) {
  StringRef name = node.getString("reduction", "none");
  std::optional<ScatterKind> kind = symbolizeScatterKind(name);
  if (!kind)
    node.emitAttributeError("reduction") << "unknown reduction '" << name << "'";
  return kind;
}

/// Half precision combines in f32; what only moves stays as it is where the library has it.
template <typename OpT>
static Value buildScatter(NodeImporter &node, Value data, Value indices, Value updates,
                          ScatterKind kind, ArrayRef<NamedAttribute> more = {}) {
  if (!data || !indices || !updates)
    return nullptr;
  OpBuilder &b = node.builder();
  Type type = node.elementType(data);
  bool isNarrow = isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32;
  Type computed = isNarrow ? b.getF32Type() : type;
  SmallVector<NamedAttribute> attributes(more);
  attributes.push_back(node.attr("kind", ScatterKindAttr::get(node.context(), kind)));
  Value result = node.infer<OpT>(
      {node.cast(data, computed), node.cast(indices, b.getI64Type()), node.cast(updates, computed)},
      attributes);
  return node.cast(result, type);
}

static Results importScatterElements(NodeImporter &node) {
  int64_t axis = node.getAxis("axis", 0, node.rank(node.operand(0)));
  std::optional<ScatterKind> kind = getKind(node);
  if (node.hasFailed())
    return failure();
  return {{buildScatter<ScatterElementsOp>(node, node.operand(0), node.operand(1), node.operand(2),
                                           *kind, node.attr("axis", axis))}};
}

// The ranks tell how many numbers each index tuple has, if the indices' type does not.
static Results importScatterND(NodeImporter &node) {
  std::optional<ScatterKind> kind = getKind(node);
  Value data = node.operand(0), indices = node.operand(1), updates = node.operand(2);
  if (node.hasFailed() || !node.checkRank(indices, 1))
    return failure();
  DimExprs sizes = node.dims(indices);
  if (!isa<AffineConstantExpr>(sizes.back()))
    sizes.back() = node.expr(node.rank(data) + node.rank(indices) - 1 - node.rank(updates));
  indices = TensorMath(node).sized(indices, sizes, "indices");
  return {{buildScatter<ScatterNDOp>(node, data, indices, updates, *kind)}};
}

Value writeCache(NodeImporter &node, Value cache, Value update, Value starts, int64_t axis,
                 bool isCircular) {
  TensorMath m(node);
  if (!cache || !update)
    return nullptr;
  // What lies behind the axis moves as a whole.
  int64_t outer = axis + 1;
  DimExprs dims = node.dims(update);
  dims.resize(outer);
  Value positions = m.iotaAlong(outer, axis, dims[axis]);
  if (starts) {
    DimExprs batch(outer, node.expr(1));
    batch[0] = node.dim(starts, 0);
    starts = node.reshape(node.cast(starts, node.builder().getI64Type()), batch);
    positions = m.add(positions, starts);
  }
  if (isCircular)
    positions = node.infer<ModOp>({positions, m.shapeScalar(node.dim(cache, axis))});
  SmallVector<Value> coordinates;
  for (int64_t i = 0; i < axis; ++i)
    coordinates.push_back(m.iotaAlong(outer, i, dims[i]));
  coordinates.push_back(positions);
  for (Value &coordinate : coordinates)
    coordinate = m.unsqueeze(m.broadcast(coordinate, dims), {outer});
  return buildScatter<ScatterNDOp>(node, cache, m.concat(coordinates, outer), update,
                                   ScatterKind::None);
}

// Writes `update` into a cache along `axis`, from a position per batch row on.
static Results importTensorScatter(NodeImporter &node) {
  Value cache = node.operand(0), update = node.operand(1), starts = node.operand(2);
  int64_t rank = node.rank(cache), axis = node.getAxis("axis", -2, rank);
  StringRef mode = node.getString("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return node.emitAttributeError("mode") << "unknown mode '" << mode << "'";
  if (node.hasFailed())
    return failure();
  return {{writeCache(node, cache, update, starts, axis, mode == "circular")}};
}

// The indices are positions in the whole result, so it is scattered to as one row.
static Results importMaxUnpool(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0), indices = node.operand(1);
  NodeImporter::Ints kernel = node.getInts("kernel_shape");
  size_t spatial = kernel.size();
  if (node.rank(x) != static_cast<int64_t>(spatial) + 2)
    return node.emitError() << "a kernel of " << spatial << " dimensions does not fit "
                            << x.getType();
  NodeImporter::Ints strides = node.getInts("strides", NodeImporter::Ints(spatial, 1));
  NodeImporter::Ints pads = node.getInts("pads", NodeImporter::Ints(2 * spatial, 0));
  auto isSmall = [](int64_t value) { return llvm::isInt<32>(value); };
  if (strides.size() != spatial || pads.size() != 2 * spatial || !llvm::all_of(kernel, isSmall) ||
      !llvm::all_of(strides, isSmall) || !llvm::all_of(pads, isSmall))
    return node.emitError() << "strides and pads do not fit " << spatial << " dimensions";
  DimExprs dims = node.dims(x), positions = node.dims(indices);
  if (positions.size() != dims.size())
    return node.emitError() << "indices " << indices.getType() << " do not fit " << x.getType();
  for (auto [size, other] : llvm::zip_equal(dims, positions))
    requireEqual(node, size, other, "indices");
  for (size_t i = 0; i < spatial; ++i) {
    dims[i + 2] = (dims[i + 2] - 1) * strides[i] + kernel[i] - pads[i] - pads[i + spatial];
    requireNonNegative(node, dims[i + 2], "a size of the result");
  }
  AffineExpr count = product(node.dims(x), node.context());
  Value zeros = m.broadcast(m.scalar(x, 0), product(dims, node.context()));
  Value flat = buildScatter<ScatterElementsOp>(node, zeros, node.reshape(indices, count),
                                               node.reshape(x, count), ScatterKind::None,
                                               node.attr("axis", 0));
  Value result = flat ? node.reshape(flat, dims) : Value();
  if (result && node.operand(2)) {
    std::optional<DimExprs> wanted = node.contentsOrBind(node.operand(2), "output_shape");
    if (!wanted || wanted->size() != dims.size())
      return node.hasFailed() ? failure() : node.emitError() << "output_shape has the wrong rank";
    result = m.pad(result, DimExprs(dims.size(), node.expr(0)), *wanted);
  }
  return {{result}};
}

void registerScatterOps(OpRegistry &registry) {
  registry.add("Scatter", 9, 3, importScatterElements);
  registry.add("ScatterElements", 11, 3, importScatterElements);
  registry.add("ScatterND", 11, 3, importScatterND);
  registry.add("TensorScatter", 24, {2, 3}, importTensorScatter);
  registry.add("MaxUnpool", 9, {2, 3}, importMaxUnpool);
}

} // namespace tenon
