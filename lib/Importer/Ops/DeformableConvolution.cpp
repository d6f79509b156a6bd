// DeformConv: a convolution whose every tap is moved by an offset, and reads between elements.
//
// Channels come in groups of offsets, each sampled like an image of its own. In two dimensions:
//
//   x        [N, C, H, W]        -> [N * G, H, W, C / G]
//   offsets  [N, G * k * 2, ...] -> a position [N * G, counts..., k] in each dimension
//   taps     [N * G, counts..., k, C / G]: sum over 2 neighbours in each dimension of
//            element * weight, times the mask
//
// What is left is the product of a convolution with the windows side by side.

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Windows.h"

using namespace mlir;

namespace tenon {

namespace {

class DeformableConvolution {
public:
  explicit DeformableConvolution(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  bool read();
  Value splitOffsets(Value x, int64_t perTap);
  Value getPosition(size_t d, Value offsets);
  Value readTaps(ArrayRef<Value> indices, Value inside);
  Value interpolate(ArrayRef<Value> indices, Value inside, Value weight);
  Value multiply(Value taps);

  NodeImporter &n;
  TensorMath m;
  Windows windows;
  int64_t groups = 1, offsetGroups = 1, volume = 1;
  AffineExpr batch, channels, outputs;
  Value x, weights;
  SmallVector<Value> positions;
};

} // namespace

/// The kernel's sizes: the weights' own or, where only a run tells these, the attribute's.
static std::optional<NodeImporter::Ints> getKnownKernel(NodeImporter &node, Value weights) {
  RankedTensorType type = node.type(weights);
  NodeImporter::Ints declared = node.getInts("kernel_shape", NodeImporter::Ints());
  if (type.hasStaticShape() || type.getRank() != static_cast<int64_t>(declared.size()) + 2)
    return getKernelSizes(node, weights);
  for (auto [size, own] : llvm::zip_equal(declared, type.getShape().drop_front(2)))
    if (!isWindowSize(size) || (!ShapedType::isDynamic(own) && own != size)) {
      node.emitAttributeError("kernel_shape") << "does not fit weights " << type;
      return std::nullopt;
    }
  return declared;
}

bool DeformableConvolution::read() {
  x = n.operand(0);
  weights = n.operand(1);
  std::optional<NodeImporter::Ints> kernel = getKnownKernel(n, weights);
  if (!kernel || !n.checkRank(x, 3))
    return false;
  std::optional<Windows> found = getWindows(n, x, *kernel);
  groups = n.getInt("group", 1);
  offsetGroups = n.getInt("offset_group", 1);
  if (!found || n.hasFailed())
    return false;
  windows = *found;
  for (int64_t size : *kernel)
    volume *= size;
  constexpr int64_t maxTaps = 1 << 16;
  outputs = n.dim(weights, 0);
  channels = n.dim(weights, 1) * std::max<int64_t>(groups, 1);
  auto mayBe = [&](AffineExpr size, AffineExpr other) {
    return size == other || !isa<AffineConstantExpr>(size) || !isa<AffineConstantExpr>(other);
  };
  bool fits = groups > 0 && offsetGroups > 0 && volume <= maxTaps && windows.rank() <= 3 &&
              mayBe(outputs % groups, n.expr(0)) && mayBe(channels % offsetGroups, n.expr(0)) &&
              mayBe(n.dim(x, 1), channels);
  if (!fits) {
    n.emitError() << "weights " << weights.getType() << " in " << groups << " groups and "
                  << offsetGroups << " groups of offsets do not fit " << x.getType();
    return false;
  }
  requireEqual(n, outputs % groups, n.expr(0), "output channels that groups leave, and 0,");
  requireEqual(n, channels % offsetGroups, n.expr(0),
               "channels that groups of offsets leave, and 0,");
  DimExprs weightDims = {outputs, n.dim(weights, 1)};
  for (int64_t size : *kernel)
    weightDims.push_back(n.expr(size));
  weights = m.sized(weights, weightDims, "weights");
  batch = n.dim(x, 0);
  DimExprs dims = n.dims(x);
  dims[1] = channels;
  x = m.sized(x, dims, "the input of a convolution");
  return x && weights;
}

/// [N, groups * k * perTap, counts...] as [N * groups, counts..., k, perTap].
Value DeformableConvolution::splitOffsets(Value value, int64_t perTap) {
  DimExprs dims = {batch, n.expr(offsetGroups * volume * perTap)};
  dims.append(windows.counts);
  value = m.sized(value, dims, perTap == 1 ? "the mask" : "offsets");
  DimExprs split = {batch * offsetGroups, n.expr(volume), n.expr(perTap)};
  split.append(windows.counts);
  SmallVector<int64_t> permutation = {0};
  for (size_t d = 0; d < windows.rank(); ++d)
    permutation.push_back(static_cast<int64_t>(d) + 3);
  permutation.append({1, 2});
  return value ? m.transpose(n.reshape(value, split), permutation) : value;
}

/// Where in dimension `d` each tap of each window reads: [N * G, counts..., k].
Value DeformableConvolution::getPosition(size_t d, Value offsets) {
  auto axis = static_cast<int64_t>(d);
  int64_t rank = static_cast<int64_t>(windows.rank()), inner = 1;
  for (size_t other = d + 1; other < windows.rank(); ++other)
    inner *= windows.kernel[other];
  SmallVector<int64_t> taps;
  for (int64_t tap = 0; tap < volume; ++tap)
    taps.push_back(tap / inner % windows.kernel[d] * windows.dilations[d]);
  Value start = m.mul(m.iotaAlong(rank + 2, axis + 1, windows.counts[d]),
                      static_cast<double>(windows.strides[d]));
  start = m.sub(m.add(start, n.makeInts(taps)), m.shapeScalar(windows.low[d]));
  Value offset = m.squeeze(m.slice(offsets, rank + 2, axis, 1), {rank + 2});
  return offset ? m.add(n.cast(start, n.elementType(offset)), offset) : Value();
}

/// The elements at integer positions, one for each dimension; zeros where not `inside`.
Value DeformableConvolution::readTaps(ArrayRef<Value> indices, Value inside) {
  SmallVector<Value> columns;
  for (auto [d, index] : llvm::enumerate(indices)) {
    Value last =
        n.cast(m.shapeScalar(n.dim(x, static_cast<int64_t>(d) + 1) - 1), n.elementType(index));
    Value clamped = m.min(m.max(index, 0.0), last);
    if (!clamped)
      return nullptr;
    columns.push_back(m.unsqueeze(n.cast(clamped, n.builder().getI64Type()), {n.rank(clamped)}));
  }
  Value tuples = m.concat(columns, n.rank(columns[0]) - 1);
  Value taps = n.infer<GatherNDOp>({x, tuples}, n.attr("batchDims", 1));
  return taps ? m.select(m.unsqueeze(inside, {n.rank(inside)}), taps, m.scalar(taps, 0)) : taps;
}

/// The sum over both neighbours in each dimension whose index is not chosen yet. Those outside of
/// the image are zeros.
Value DeformableConvolution::interpolate(ArrayRef<Value> indices, Value inside, Value weight) {
  size_t d = indices.size();
  if (d == windows.rank()) {
    Value taps = readTaps(indices, inside);
    return taps ? m.mul(taps, m.unsqueeze(weight, {n.rank(weight)})) : taps;
  }
  Value base = m.floor(positions[d]), behind = m.sub(positions[d], base), result;
  for (int64_t side : {0, 1}) {
    Value index = side ? m.add(base, 1) : base;
    Value share = side ? behind : m.sub(m.scalar(behind, 1), behind);
    Value size = n.cast(m.shapeScalar(n.dim(x, static_cast<int64_t>(d) + 1)), n.elementType(base));
    Value here = m.logicalAnd(m.lessEqual(m.scalar(index, 0), index), m.less(index, size));
    SmallVector<Value> next(indices);
    next.push_back(index);
    Value part = interpolate(next, inside ? m.logicalAnd(inside, here) : here,
                             weight ? m.mul(weight, share) : share);
    if (!part)
      return nullptr;
    result = result ? m.add(result, part) : part;
  }
  return result;
}

/// [N * G, counts..., k, C / G] times the weights: [N, O, counts...].
Value DeformableConvolution::multiply(Value taps) {
  AffineExpr count = product(windows.counts, n.context()), k = n.expr(volume);
  AffineExpr perOffsets = channels.floorDiv(offsetGroups), perGroup = channels.floorDiv(groups);
  // Channels of all groups of offsets side by side, then those of each group of weights by itself.
  taps = n.reshape(taps, {batch, n.expr(offsetGroups), count, k, perOffsets});
  taps =
      n.reshape(m.transpose(taps, {0, 2, 3, 1, 4}), {batch * count, k, n.expr(groups), perGroup});
  taps = n.reshape(m.transpose(taps, {2, 0, 1, 3}), {n.expr(groups), batch * count, k * perGroup});
  // [O, C / groups, k...] to [groups, k * C / groups, O / groups].
  AffineExpr wide = outputs.floorDiv(groups);
  Value matrix = n.reshape(weights, {n.expr(groups), wide, perGroup, k});
  matrix = n.reshape(m.transpose(matrix, {0, 3, 2, 1}), {n.expr(groups), k * perGroup, wide});
  Value result = n.infer<MatMulOp>({taps, matrix});
  result = n.reshape(result, {n.expr(groups), batch, count, wide});
  DimExprs dims = {batch, outputs};
  dims.append(windows.counts);
  return n.reshape(m.transpose(result, {1, 0, 3, 2}), dims);
}

Results DeformableConvolution::import() {
  if (!read())
    return failure();
  int64_t rank = static_cast<int64_t>(windows.rank());
  Value offsets = splitOffsets(n.operand(2), rank);
  if (!offsets)
    return failure();
  DimExprs split = n.dims(x);
  split[0] = batch * offsetGroups;
  split[1] = channels.floorDiv(offsetGroups);
  x = m.toChannelsLast(n.reshape(x, split));
  for (size_t d = 0; d < windows.rank(); ++d)
    positions.push_back(getPosition(d, offsets));
  if (n.hasFailed())
    return failure();
  Value taps = interpolate({}, nullptr, nullptr);
  if (n.operand(4))
    taps = m.mul(taps, splitOffsets(n.operand(4), 1));
  if (!taps)
    return failure();
  Value result = multiply(taps);
  if (n.operand(3))
    result = m.add(result, m.alongChannels(n.operand(3), rank + 2));
  return {{result}};
}

// Operands: X, W, offsets, bias, mask.
static Results importDeformConv(NodeImporter &node) { return DeformableConvolution(node).import(); }

void registerDeformableConvolutionOps(OpRegistry &registry) {
  registry.add("DeformConv", 19, {3, 5}, importDeformConv);
}

} // namespace tenon
