// Sampling of images at positions that data gives (GridSample, AffineGrid), and Col2Im.

#include "lib/Importer/Ops/Windows.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

namespace {

enum class Padding { Zeros, Border, Reflection };

class GridSampler {
public:
  GridSampler(NodeImporter &node, Value image, Value grid)
      : node(node), m(node), image(m.toChannelsLast(image)), grid(grid) {}

  Results import();

private:
  Value sizeOf(int64_t d) {
    return node.cast(m.shapeScalar(node.dim(image, d + 1)), node.elementType(grid));
  }
  Value reflect(Value position, Value low, Value high);
  Value coordinate(int64_t d);
  Value read(ArrayRef<Value> position);
  Value interpolate(ArrayRef<Value> done, int64_t d);

  NodeImporter &node;
  TensorMath m;
  Value image, grid; // [N, spatial..., C] and [N, positions..., rank]
  int64_t rank = 0;
  Padding padding = Padding::Zeros;
  bool alignCorners = false;
  StringRef mode;
  SmallVector<Value> coordinates;
};

} // namespace

/// Mirrors positions at the borders until they lie between them: a triangle wave.
Value GridSampler::reflect(Value position, Value low, Value high) {
  Value span = m.max(m.sub(high, low), 1e-6);
  Value distance = m.abs(m.sub(position, low));
  Value turns = m.floor(m.div(distance, span));
  Value rest = m.sub(distance, m.mul(turns, span));
  Value isOdd = m.equal(m.sub(turns, m.mul(m.floor(m.mul(turns, 0.5)), 2)), 1);
  return m.select(isOdd, m.sub(high, rest), m.add(low, rest));
}

/// Where each point of the grid lies along spatial dimension `d`: [N, positions...].
Value GridSampler::coordinate(int64_t d) {
  // The grid's last dimension counts from the innermost spatial dimension outwards.
  int64_t last = node.rank(grid) - 1;
  Value normalized = m.squeeze(m.slice(grid, last, rank - 1 - d, 1), last);
  Value size = sizeOf(d), zero = m.scalar(size, 0), end = m.sub(size, 1);
  Value x = alignCorners ? m.mul(m.mul(m.add(normalized, 1), 0.5), end)
                         : m.mul(m.sub(m.mul(m.add(normalized, 1), size), 1), 0.5);
  if (mode == "nearest")
    x = node.infer<RoundOp>(x);
  if (padding == Padding::Border) {
    // Half a pixel beyond the border still interpolates with what lies there.
    double margin = alignCorners ? 0 : 0.5;
    Value outside = m.logicalOr(m.less(x, -margin), m.less(m.add(end, margin), x));
    x = m.select(outside, m.min(m.max(x, zero), end), x);
  }
  if (padding == Padding::Reflection)
    x = alignCorners ? reflect(x, zero, end) : reflect(x, m.sub(zero, 0.5), m.sub(size, 0.5));
  return x;
}

/// The image at integer positions, one per spatial dimension: [N, positions..., C].
Value GridSampler::read(ArrayRef<Value> position) {
  SmallVector<Value> indices;
  Value inside;
  for (size_t d = 0; d < position.size(); ++d) {
    Value value = position[d], size = sizeOf(d), end = m.sub(size, 1);
    if (padding == Padding::Zeros) {
      Value here = m.logicalAnd(m.lessEqual(m.scalar(value, 0), value), m.lessEqual(value, end));
      inside = inside ? m.logicalAnd(inside, here) : here;
    } else if (padding == Padding::Reflection) {
      Value zero = m.scalar(size, 0);
      value = alignCorners ? reflect(value, zero, end)
                           : reflect(value, m.sub(zero, 0.5), m.sub(size, 0.5));
    }
    Value index = m.min(m.max(value, 0.0), end);
    if (node.hasFailed())
      return nullptr;
    indices.push_back(
        m.unsqueeze(node.cast(index, node.builder().getI64Type()), {node.rank(index)}));
  }
  Value tuples = m.concat(indices, node.rank(indices[0]) - 1);
  Value result = node.infer<GatherNDOp>({image, tuples}, node.attr("batchDims", 1));
  if (!inside)
    return result;
  return m.select(m.unsqueeze(inside, {node.rank(inside)}), result, m.scalar(result, 0));
}

/// Interpolates along dimension `d` and those after it, with integer positions chosen before it.
Value GridSampler::interpolate(ArrayRef<Value> done, int64_t d) {
  if (d == rank)
    return read(done);
  Value x = coordinates[d], base = m.floor(x), result;
  bool isCubic = mode == "cubic" || mode == "bicubic";
  for (int64_t tap = isCubic ? -1 : 0; tap <= (isCubic ? 2 : 1); ++tap) {
    SmallVector<Value> next(done);
    next.push_back(m.add(base, tap));
    Value distance = m.abs(m.sub(next.back(), x)), weight;
    if (isCubic) { // Keys' convolution with a = -3/4
      Value square = m.mul(distance, distance), cube = m.mul(square, distance);
      bool isNear = tap == 0 || tap == 1;
      weight =
          isNear
              ? m.add(m.sub(m.mul(cube, 1.25), m.mul(square, 2.25)), 1)
              : m.add(m.sub(m.add(m.mul(cube, -0.75), m.mul(square, 3.75)), m.mul(distance, 6)), 3);
    } else {
      weight = m.sub(m.scalar(distance, 1), distance);
    }
    Value part = interpolate(next, d + 1);
    if (!part || !weight)
      return nullptr;
    weight = node.cast(m.unsqueeze(weight, {node.rank(weight)}), node.elementType(part));
    part = m.mul(part, weight);
    result = result ? m.add(result, part) : part;
  }
  return result;
}

Results GridSampler::import() {
  if (!image || node.rank(grid) != node.rank(image) || node.rank(image) < 3) {
    node.emitError() << "grid " << grid.getType() << " does not fit the image";
    return failure();
  }
  rank = node.rank(image) - 2;
  mode = node.getString("mode", "linear");
  alignCorners = node.getBool("align_corners", false);
  StringRef name = node.getString("padding_mode", "zeros");
  padding = name == "border"       ? Padding::Border
            : name == "reflection" ? Padding::Reflection
                                   : Padding::Zeros;
  bool isKnown = llvm::is_contained({"nearest", "linear", "bilinear", "cubic", "bicubic"}, mode);
  // A grid has a position of each sample, with a coordinate for each dimension.
  DimExprs positions = node.dims(grid);
  bool fits = !isa<AffineConstantExpr>(positions.back()) || positions.back() == node.expr(rank);
  positions.front() = node.dim(image, 0);
  positions.back() = node.expr(rank);
  if (fits)
    grid = m.sized(grid, positions, "grid");
  if (!isKnown || (padding == Padding::Zeros && name != "zeros") || !fits || !grid) {
    if (!node.hasFailed())
      node.emitError() << "mode " << mode << ", padding " << name << " and grid " << grid.getType()
                       << " do not go together";
    return failure();
  }
  // Interpolating reads 2 or 4 neighbours in each dimension.
  constexpr int64_t maxInterpolated = 4;
  if (rank > maxInterpolated && mode != "nearest") {
    node.emitError() << "interpolates in at most " << maxInterpolated << " dimensions, not in "
                     << rank;
    return failure();
  }
  for (int64_t d = 0; d < rank; ++d)
    coordinates.push_back(coordinate(d));
  if (node.hasFailed())
    return failure();
  Value sampled = mode == "nearest" ? read(coordinates) : interpolate({}, 0);
  return {{m.toChannelsFirst(sampled)}};
}

static Results importGridSample(NodeImporter &node) {
  return GridSampler(node, node.operand(0), node.operand(1)).import();
}

/// theta times the homogeneous coordinates of every position.
static Results importAffineGrid(NodeImporter &node) {
  TensorMath m(node);
  Value theta = node.operand(0);
  std::optional<DimExprs> size = node.contentsOrBind(node.operand(1), "size");
  if (!size || (size->size() != 4 && size->size() != 5) || node.rank(theta) != 3) {
    node.emitError() << "size must have 4 or 5 elements, and theta rank 3";
    return failure();
  }
  Type type = node.elementType(theta);
  ArrayRef<AffineExpr> spatial = ArrayRef<AffineExpr>(*size).drop_front(2);
  int64_t rank = spatial.size();
  bool alignCorners = node.getBool("align_corners", false);
  DimExprs column(spatial);
  column.push_back(node.expr(1));
  SmallVector<Value> columns;
  // x, the innermost dimension, comes first.
  for (int64_t d = rank; d-- > 0;) {
    Value count = node.cast(m.shapeScalar(spatial[d]), type);
    Value position = m.iota(column, d, type);
    columns.push_back(alignCorners ? m.sub(m.div(m.mul(position, 2), m.sub(count, 1)), 1)
                                   : m.sub(m.div(m.add(m.mul(position, 2), 1), count), 1));
  }
  columns.push_back(m.broadcast(node.makeScalar(type, 1), column));
  if (node.hasFailed())
    return failure();
  AffineExpr positions = product(spatial, node.context());
  Value points = node.reshape(m.concat(columns, rank), {positions, node.expr(rank + 1)});
  Value moved = node.infer<MatMulOp>({points, m.transpose(theta, {0, 2, 1})});
  DimExprs result = {node.dim(theta, 0)};
  result.append(spatial.begin(), spatial.end());
  result.push_back(node.expr(rank));
  return {{node.reshape(moved, result)}};
}

/// The attributes of Col2Im, for an image of `rank` dimensions.
struct ColumnWindows {
  ColumnWindows(NodeImporter &node, size_t rank)
      : strides(node.getInts("strides", NodeImporter::Ints(rank, 1))),
        dilations(node.getInts("dilations", NodeImporter::Ints(rank, 1))),
        pads(node.getInts("pads", NodeImporter::Ints(2 * rank, 0))) {}

  bool fit(size_t rank) const {
    auto isSmall = [](int64_t value) { return llvm::isInt<32>(value); };
    return strides.size() == rank && dilations.size() == rank && pads.size() == 2 * rank &&
           llvm::all_of(strides, isWindowSize) && llvm::all_of(dilations, isWindowSize) &&
           llvm::all_of(pads, isSmall);
  }

  /// How many windows of `block` positions lie in dimension `d` of the image.
  AffineExpr count(NodeImporter &node, AffineExpr image, AffineExpr block, size_t d) const {
    AffineExpr reach = (block - 1) * dilations[d] + 1;
    AffineExpr windows =
        (image + pads[d] + pads[strides.size() + d] - reach).floorDiv(strides[d]) + 1;
    requireNonNegative(node, image, "a size of the image");
    requireNonNegative(node, windows, "the number of windows");
    return windows;
  }

  NodeImporter::Ints strides, dilations, pads;
};

// A block that only a run tells: every column value is added to where it lies in the image as one
// row, those outside of it to one position more.
static Results buildCol2ImAtRunTime(NodeImporter &node, ArrayRef<AffineExpr> image,
                                    const ColumnWindows &windows) {
  TensorMath m(node);
  Value columns = node.operand(0);
  std::optional<DimExprs> block = node.contentsOrBind(node.operand(2), "block", /*minimum=*/1);
  if (!block || block->size() != image.size())
    return node.hasFailed() ? failure()
                            : node.emitError() << "image and block shapes differ in length";
  size_t rank = image.size();
  DimExprs dims = node.dims(columns);
  AffineExpr volume = product(*block, node.context()), pixels = product(image, node.context());
  std::optional<DimExprs> channels =
      node.contentsOrBind(m.div(m.shapeTensor(dims[1]), m.shapeTensor(volume)), "channels");
  if (!channels)
    return failure();
  Value position = m.shapeScalar(node.expr(0)), isInside;
  AffineExpr count = node.expr(1);
  for (size_t d = 0; d < rank; ++d) {
    AffineExpr along = windows.count(node, image[d], (*block)[d], d);
    Value inBlock = m.mul(m.iotaAlong(2 * rank, d, (*block)[d]), windows.dilations[d]);
    Value inWindows = m.mul(m.iotaAlong(2 * rank, rank + d, along), windows.strides[d]);
    Value at = m.sub(m.add(inBlock, inWindows), windows.pads[d]);
    Value size = m.shapeScalar(image[d]);
    Value fits = m.logicalAnd(m.less(-1, at), m.less(at, size));
    isInside = isInside ? m.logicalAnd(isInside, fits) : fits;
    position = m.add(m.mul(position, size), at);
    count = count * along;
  }
  requireEqual(node, channels->front() * volume, dims[1], "channels");
  requireEqual(node, count, dims[2], "numbers of windows");
  Value row = m.select(isInside, position, m.shapeScalar(pixels));
  DimExprs rows = {dims[0], channels->front(), volume * count};
  Value zeros = m.broadcast(m.scalar(columns, 0), {dims[0], channels->front(), pixels + 1});
  Value result = node.infer<ScatterElementsOp>(
      {zeros, m.broadcast(node.reshape(row, {node.expr(1), node.expr(1), rows.back()}), rows),
       node.reshape(columns, rows)},
      {node.attr("axis", int64_t(2)),
       node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::Add))});
  DimExprs shape = {dims[0], channels->front()};
  shape.append(image.begin(), image.end());
  return {{node.reshape(m.slice(result, 2, node.expr(0), pixels), shape)}};
}

// Every offset of the block contributes one image: its column values spread out by the strides and
// moved to where the offset lies. The result is their sum.
static Results importCol2Im(NodeImporter &node) {
  TensorMath m(node);
  Value columns = node.operand(0);
  std::optional<DimExprs> image = node.contentsOrBind(node.operand(1), "image");
  if (!image || node.rank(columns) != 3)
    return node.hasFailed() ? failure() : node.emitError() << "the columns must have rank 3";
  size_t rank = image->size();
  ColumnWindows windows(node, rank);
  auto isImageSize = [](AffineExpr size) {
    auto constant = dyn_cast<AffineConstantExpr>(size);
    return !constant || isWindowSize(constant.getValue());
  };
  if (!windows.fit(rank) || !llvm::all_of(*image, isImageSize))
    return node.emitError() << "attributes do not fit an image of rank " << rank;
  std::optional<NodeImporter::Ints> block = node.constantInts(node.operand(2));
  if (!block)
    return buildCol2ImAtRunTime(node, *image, windows);
  // Each of the block's positions becomes ops of its own.
  constexpr int64_t maxVolume = 4096;
  int64_t volume = 1;
  for (int64_t size : *block)
    volume *= volume > maxVolume ? 1 : std::clamp<int64_t>(size, 0, maxVolume + 1);
  if (block->size() != rank || volume < 1 || volume > maxVolume)
    return node.emitError() << "the block does not fit an image of rank " << rank;
  DimExprs dims = node.dims(columns);
  AffineExpr channels = dims[1].floorDiv(volume), numWindows = node.expr(1);
  DimExprs split = {dims[0], channels}, result = {dims[0], channels};
  for (int64_t size : *block)
    split.push_back(node.expr(size));
  for (size_t d = 0; d < rank; ++d) {
    AffineExpr count = windows.count(node, (*image)[d], node.expr((*block)[d]), d);
    split.push_back(count);
    result.push_back((*image)[d]);
    numWindows = numWindows * count;
  }
  requireEqual(node, channels * volume, dims[1], "channels");
  requireEqual(node, numWindows, dims[2], "numbers of windows");
  Value blocks = node.reshape(columns, split), sum;
  for (int64_t offset = 0; offset < volume && blocks; ++offset) {
    Value part = blocks;
    DimExprs low = {node.expr(0), node.expr(0)};
    low.append(rank, node.expr(0));
    int64_t rest = offset;
    SmallVector<int64_t> blockAxes;
    for (size_t d = rank; d-- > 0;) {
      int64_t at = rest % (*block)[d];
      rest /= (*block)[d];
      part = m.slice(part, 2 + d, at, 1);
      low[2 + d] = node.expr(at * windows.dilations[d] - windows.pads[d]);
      blockAxes.push_back(2 + d);
    }
    part = m.squeeze(part, blockAxes);
    for (size_t d = 0; d < rank; ++d)
      part = m.spreadOut(part, 2 + d, windows.strides[d]);
    part = m.pad(part, low, result);
    sum = sum ? m.add(sum, part) : part;
  }
  return {{sum}};
}

void registerSamplingOps(OpRegistry &registry) {
  registry.add("com.microsoft", "GridSample", 1, 2, importGridSample);
  registry.add("GridSample", 16, 2, importGridSample);
  registry.add("AffineGrid", 20, 2, importAffineGrid);
  registry.add("Col2Im", 18, 3, importCol2Im);
}

} // namespace tenon
