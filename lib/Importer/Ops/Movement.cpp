// Ops that move whole parts of tensors: transposing, joining, splitting, repeating.

#include "lib/Importer/Broadcasting.h"
#include "lib/Importer/Ops/TensorMath.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

static Results importTranspose(NodeImporter &node) {
  Value data = node.operand(0);
  NodeImporter::Ints reversed;
  for (int64_t axis = node.rank(data); axis-- > 0;)
    reversed.push_back(axis);
  NodeImporter::Ints permutation = node.getInts("perm", reversed);
  for (int64_t &axis : permutation)
    axis = node.normalizeAxis(axis, node.rank(data));
  return {{node.infer<TransposeOp>(data, node.attr("permutation", permutation))}};
}

static Results importConcat(NodeImporter &node) {
  std::optional<int64_t> otherwise = node.opset() < 4 ? std::optional<int64_t>(1) : std::nullopt;
  int64_t axis = node.getAxis("axis", otherwise, node.rank(node.operand(0)));
  return {{TensorMath(node).concat(node.operands(), axis)}};
}

/// The sizes of a split's parts: given, or equal but for a smaller last one.
static std::optional<DimExprs> getSplitSizes(NodeImporter &node, AffineExpr size) {
  if (node.operand(1))
    return node.contentsOrBind(node.operand(1), "split");
  DimExprs sizes;
  if (node.hasAttribute("split")) {
    for (int64_t part : node.getInts("split"))
      sizes.push_back(node.expr(part));
    return sizes;
  }
  int64_t parts = node.getInt("num_outputs", node.numOutputs());
  if (parts < 1 || parts != node.numOutputs()) {
    node.emitError() << "cannot split into " << parts << " parts for " << node.numOutputs()
                     << " outputs";
    return std::nullopt;
  }
  AffineExpr part = size.ceilDiv(parts);
  sizes.assign(parts - 1, part);
  sizes.push_back(size - part * (parts - 1));
  return sizes;
}

static Results importSplit(NodeImporter &node) {
  TensorMath m(node);
  Value data = node.operand(0);
  int64_t axis = node.getAxis("axis", 0, node.rank(data));
  if (node.hasFailed())
    return failure();
  AffineExpr size = node.dim(data, axis);
  std::optional<DimExprs> sizes = getSplitSizes(node, size);
  if (!sizes)
    return failure();
  AffineExpr sum = node.expr(0);
  for (AffineExpr part : *sizes) {
    requireNonNegative(node, part, "the size of a part");
    sum = sum + part;
  }
  if (isa<AffineConstantExpr>(sum) && isa<AffineConstantExpr>(size) && sum != size)
    node.emitError() << "the parts have " << cast<AffineConstantExpr>(sum).getValue()
                     << " positions together, dimension " << axis << " of " << data.getType()
                     << " has not";
  requireEqual(node, sum, size, "the sizes of the parts together and of the dimension");
  SmallVector<Value> parts;
  AffineExpr start = node.expr(0);
  for (AffineExpr part : *sizes) {
    parts.push_back(m.slice(data, axis, start, part));
    start = start + part;
  }
  return parts;
}

/// A broadcast in both directions: the operand's dimensions may be larger than the shape's.
static Results importExpand(NodeImporter &node) {
  Value data = node.operand(0);
  std::optional<DimExprs> shape = node.contentsOrBind(node.operand(1), "shape");
  if (!shape)
    return failure();
  return {{TensorMath(node).broadcast(data, broadcastSizes(node, node.dims(data), *shape))}};
}

// Each repeated dimension d becomes [repeat, d], broadcast from [1, d].
static Results buildTile(NodeImporter &node, ArrayRef<AffineExpr> repeats) {
  TensorMath m(node);
  Value data = node.operand(0);
  DimExprs dims = node.dims(data);
  if (repeats.size() != dims.size()) {
    node.emitError() << repeats.size() << " repeats do not fit " << data.getType();
    return failure();
  }
  DimExprs narrow, wide, result;
  for (auto [dim, repeat] : llvm::zip_equal(dims, repeats)) {
    result.push_back(dim * repeat);
    if (repeat != node.expr(1) && dim != node.expr(1)) {
      narrow.push_back(node.expr(1));
      wide.push_back(repeat);
    }
    narrow.push_back(dim);
    wide.push_back(dim == node.expr(1) ? repeat : dim);
  }
  return {{node.reshape(m.broadcast(node.reshape(data, narrow), wide), result)}};
}

static Results importTile(NodeImporter &node) {
  std::optional<DimExprs> repeats = node.contentsOrBind(node.operand(1), "repeats");
  if (!repeats)
    return failure();
  return buildTile(node, *repeats);
}

/// Version 1 repeats one dimension, whose number is an operand as well.
static Results importTileV1(NodeImporter &node) {
  // Both are of the type of what is repeated.
  Value tiles = node.cast(node.operand(1), node.builder().getI64Type());
  std::optional<DimExprs> repeats = node.contentsOrBind(tiles, "tiles");
  std::optional<NodeImporter::Ints> axis = node.constantInts(node.operand(2));
  if (std::optional<SmallVector<double>> floats = node.constantFloats(node.operand(2)); floats)
    axis = NodeImporter::Ints(floats->begin(), floats->end());
  if (!repeats || node.hasFailed())
    return failure();
  if (!axis || axis->size() != 1 || repeats->size() != 1)
    return node.emitError() << "needs one number of tiles, and an axis known at compile time";
  DimExprs all(node.rank(node.operand(0)), node.expr(1));
  int64_t number = node.normalizeAxis(axis->front(), all.size());
  if (node.hasFailed())
    return failure();
  all[number] = repeats->front();
  return buildTile(node, all);
}

/// The block size and the rank-4 dimensions that both block ops need; nullopt after an error.
static std::optional<int64_t> getBlockSize(NodeImporter &node, bool dividesChannels) {
  int64_t block = node.getInt("blocksize");
  Value data = node.operand(0);
  if (node.rank(data) != 4) {
    node.emitError() << "needs a tensor of rank 4, not " << data.getType();
    return std::nullopt;
  }
  ArrayRef<int64_t> shape = node.type(data).getShape();
  auto divides = [&](int64_t size, int64_t divisor) {
    return ShapedType::isDynamic(size) || size % divisor == 0;
  };
  bool fits = block > 0 && block < (1 << 15) &&
              (dividesChannels ? divides(shape[1], block * block)
                               : divides(shape[2], block) && divides(shape[3], block));
  if (fits)
    return block;
  node.emitError() << "blocks of " << block << " do not divide " << data.getType();
  return std::nullopt;
}

static Results importDepthToSpace(NodeImporter &node) {
  TensorMath m(node);
  StringRef mode = node.getString("mode", "DCR");
  std::optional<int64_t> block = getBlockSize(node, /*dividesChannels=*/true);
  if (!block)
    return failure();
  Value data = node.operand(0);
  DimExprs d = node.dims(data);
  AffineExpr b = node.expr(*block), depth = d[1].floorDiv(*block * *block);
  Value split, moved;
  if (mode == "CRD") {
    split = node.reshape(data, {d[0], depth, b, b, d[2], d[3]});
    moved = m.transpose(split, {0, 1, 4, 2, 5, 3});
  } else {
    split = node.reshape(data, {d[0], b, b, depth, d[2], d[3]});
    moved = m.transpose(split, {0, 3, 4, 1, 5, 2});
  }
  return {{node.reshape(moved, {d[0], depth, d[2] * b, d[3] * b})}};
}

static Results importSpaceToDepth(NodeImporter &node) {
  TensorMath m(node);
  std::optional<int64_t> block = getBlockSize(node, /*dividesChannels=*/false);
  if (!block)
    return failure();
  Value data = node.operand(0);
  DimExprs d = node.dims(data);
  AffineExpr b = node.expr(*block);
  AffineExpr rows = d[2].floorDiv(*block), columns = d[3].floorDiv(*block);
  bool isCRD = node.getString("mode", "DCR") == "CRD";
  Value split = node.reshape(data, {d[0], d[1], rows, b, columns, b});
  Value moved =
      isCRD ? m.transpose(split, {0, 1, 3, 5, 2, 4}) : m.transpose(split, {0, 3, 5, 1, 2, 4});
  return {{node.reshape(moved, {d[0], d[1] * b * b, rows, columns})}};
}

Value reverseSequences(NodeImporter &node, Value data, Value lengths, int64_t time, int64_t batch) {
  TensorMath m(node);
  if (!data || !lengths)
    return nullptr;
  int64_t rank = node.rank(data);
  DimExprs dims = node.dims(data), alongBatch(rank, node.expr(1));
  alongBatch[batch] = dims[batch];
  lengths = node.reshape(node.cast(lengths, node.builder().getI64Type()), alongBatch);
  Value position = m.iotaAlong(rank, time, dims[time]);
  Value turned = m.sub(m.sub(lengths, position), 1);
  Value source = m.select(m.less(position, lengths), turned, position);
  return node.infer<GatherElementsOp>({data, m.broadcast(source, dims)}, node.attr("axis", time));
}

static Results importReverseSequence(NodeImporter &node) {
  Value data = node.operand(0);
  int64_t rank = node.rank(data);
  int64_t time = node.getAxis("time_axis", 0, rank), batch = node.getAxis("batch_axis", 1, rank);
  if (node.hasFailed() || time == batch || rank < 2) {
    node.emitError() << "needs two different axes";
    return failure();
  }
  return {{reverseSequences(node, data, node.operand(1), time, batch)}};
}

void registerMovementOps(OpRegistry &registry) {
  registry.add("Transpose", 1, 1, importTranspose);
  registry.add("Concat", 1, {1, Arity::unbounded}, importConcat);
  registry.add("Split", 1, {1, 2}, importSplit);
  registry.add("Expand", 8, 2, importExpand);
  registry.add("Tile", 1, 3, importTileV1);
  registry.add("Tile", 6, 2, importTile);
  registry.add("DepthToSpace", 1, 1, importDepthToSpace);
  registry.add("SpaceToDepth", 1, 1, importSpaceToDepth);
  registry.add("ReverseSequence", 10, 2, importReverseSequence);
}

} // namespace tenon
