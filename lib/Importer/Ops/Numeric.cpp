// DFT, STFT, windows, MelWeightMatrix, regions of images, determinants and inverses.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

/// The library computes in f32 and f64.
static Type getComputeType(NodeImporter &node, Value x) {
  Type type = node.elementType(x);
  return type.isF64() ? type : node.builder().getF32Type();
}

// --- Fourier transforms ---

static constexpr int64_t maxLength = int64_t(1) << 40;

/// x [..., parts] with two parts, if its type does not tell how many it has.
static Value completeParts(NodeImporter &node, Value x) {
  AffineExpr parts = node.dim(x, -1);
  if (isa<AffineConstantExpr>(parts))
    return x;
  requireNonNegative(node, parts - 1, "parts of a number beyond the real one");
  requireNonNegative(node, node.expr(2) - parts, "parts of a number, less than two,");
  DimExprs dims = node.dims(x);
  dims.back() = node.expr(2);
  return TensorMath(node).pad(x, DimExprs(dims.size(), node.expr(0)), dims);
}

/// The transform of x [..., parts] along `axis`; half of it if `half`.
static Value buildDft(NodeImporter &node, Value x, int64_t axis, AffineExpr length, bool isInverse,
                      bool half) {
  if (!x)
    return x;
  auto known = dyn_cast<AffineConstantExpr>(length);
  if (known && (known.getValue() < 1 || known.getValue() > maxLength)) {
    node.emitError() << "cannot transform lines of length " << known.getValue();
    return nullptr;
  }
  requireNonNegative(node, length - 1, "the length of a transform beyond 1");
  x = completeParts(node, x);
  if (!x)
    return x;
  DimExprs dims = node.dims(x);
  AffineExpr halfLength = length.floorDiv(2) + 1;
  // The op takes a length that it is not told from its operand or result.
  if (AffineExpr given = half && isInverse ? halfLength : length; !known && dims[axis] != given) {
    dims[axis] = given;
    x = TensorMath(node).pad(x, DimExprs(dims.size(), node.expr(0)), dims);
  }
  // The inverse of half a spectrum is real and has full length.
  dims[axis] = half && !isInverse ? halfLength : length;
  dims.back() = node.expr(half && isInverse ? 1 : 2);
  SmallVector<NamedAttribute> attributes = {
      node.attr("axis", axis), node.attr("length", known ? known.getValue() : int64_t(0))};
  if (isInverse)
    attributes.push_back(node.attr("inverse", node.builder().getUnitAttr()));
  Type computed = getComputeType(node, x);
  Value result =
      node.make<DftOp>(makeTensorType(dims, computed), node.cast(x, computed), attributes);
  return node.cast(result, node.elementType(x));
}

/// A single size; `otherwise` where the operand is omitted.
static std::optional<AffineExpr> getLength(NodeImporter &node, Value value, StringRef what,
                                           AffineExpr otherwise) {
  if (!value)
    return otherwise;
  std::optional<DimExprs> sizes =
      node.contentsOrBind(TensorMath(node).toScalar(value), what, /*minimum=*/1);
  if (!sizes || sizes->size() != 1)
    return std::nullopt;
  auto constant = dyn_cast<AffineConstantExpr>(sizes->front());
  if (constant && (constant.getValue() < 1 || constant.getValue() > maxLength)) {
    node.emitError() << what << " must be from 1 to " << maxLength << ", not "
                     << constant.getValue();
    return std::nullopt;
  }
  return sizes->front();
}

/// The transform of x along `axis`, with what the node says.
static Value transform(NodeImporter &node, Value x, int64_t axis) {
  bool isInverse = node.getBool("inverse", false), half = node.getBool("onesided", false);
  AffineExpr size = node.dim(x, axis);
  std::optional<AffineExpr> length =
      getLength(node, node.operand(1), "dft_length", half && isInverse ? (size - 1) * 2 : size);
  return length ? buildDft(node, x, axis, *length, isInverse, half) : Value();
}

// An axis that only a run tells: the dimensions before it count as one, and so do those behind it.
static Value transformAlong(NodeImporter &node, Value x, Value axis) {
  TensorMath m(node);
  int64_t rank = node.rank(x);
  DimExprs dims = node.dims(x);
  AffineExpr parts = dims.pop_back_val();
  axis = m.toScalar(node.cast(axis, node.builder().getI64Type()));
  axis = m.select(m.less(axis, 0.0), m.add(axis, static_cast<double>(rank)), axis);
  Value size = m.shapeTensor(dims), one = m.scalar(size, 1);
  Value number = m.iotaAlong(1, 0, node.expr(rank - 1));
  Value isBefore = m.less(number, axis), isAxis = m.equal(number, axis);
  // Another axis is none of the dimensions: none of them is counted.
  Value counted = m.sum(node.cast(isAxis, node.builder().getI64Type()), {0});
  auto found = node.contentsOrBind(counted, "dimensions at the axis", /*minimum=*/1);
  auto extent = [&](Value isPart) {
    return m.reduce(ReduceKind::Prod, m.select(isPart, size, one), {0});
  };
  Value isBehind = m.less(axis, number);
  auto shape = node.contentsOrBind(
      m.concat({extent(isBefore), extent(isAxis), extent(isBehind)}, 0), "around the axis");
  if (!found || !shape)
    return nullptr;
  requireEqual(node, product(*shape, node.context()), product(dims, node.context()),
               "the numbers of elements before and after,");
  shape->push_back(parts);
  Value result = transform(node, node.reshape(x, *shape), 1);
  if (!result)
    return nullptr;
  Value along = m.shapeTensor(node.dim(result, 1));
  auto after = node.contentsOrBind(m.select(isAxis, along, size), "transformed");
  if (!after)
    return nullptr;
  after->push_back(node.dim(result, -1));
  return node.reshape(result, *after);
}

static Results importDft(NodeImporter &node) {
  Value x = node.operand(0), given = node.opset() >= 20 ? node.operand(2) : Value();
  int64_t rank = node.rank(x), axis = node.opset() >= 20 ? -2 : node.getInt("axis", 1);
  if (rank < 2)
    return node.hasFailed() ? failure() : node.emitError() << "needs rank 2 or more";
  if (given) {
    auto known = node.constantInts(given);
    if (!known)
      return {{transformAlong(node, x, given)}};
    if (known->size() != 1)
      return node.emitError() << "axis must be one number, not " << known->size();
    axis = known->front();
  }
  axis = node.normalizeAxis(axis, rank);
  if (node.hasFailed())
    return failure();
  return {{transform(node, x, axis)}};
}

// Frames [B, frames, length] are gathered from the signal, multiplied by the window, transformed.
static Results importStft(NodeImporter &node) {
  TensorMath m(node);
  Value signal = node.operand(0), window = node.operand(2);
  std::optional<DimExprs> step = node.contentsOrBind(node.operand(1), "frame_step", 1);
  AffineExpr otherwise = window ? node.dim(window, 0) : node.expr(0);
  std::optional<AffineExpr> length = getLength(node, node.operand(3), "frame_length", otherwise);
  if (!step || step->size() != 1 || !length || *length == node.expr(0) ||
      step->front() == node.expr(0))
    return node.hasFailed() ? failure()
                            : node.emitError() << "frame_step and frame_length must be positive";
  if (node.rank(signal) == 2)
    signal = m.unsqueeze(signal, {2});
  AffineExpr frames = (node.dim(signal, 1) - *length).floorDiv(step->front()) + 1;
  requireNonNegative(node, frames, "the number of frames");
  Value starts = m.mul(m.iotaAlong(2, 0, frames), m.shapeScalar(step->front()));
  Value positions = m.add(starts, m.iotaAlong(2, 1, *length));
  Value framed = m.gather(signal, positions, 1);
  if (window)
    framed = m.mul(framed, m.unsqueeze(m.sized(window, *length, "window"), {1}));
  return {{buildDft(node, framed, 2, *length, false, node.getBool("onesided", true))}};
}

/// coefficients[0] - coefficients[1] cos(a) + coefficients[2] cos(2 a) with a = 2 pi i / n, where
/// symmetric windows have n one less than their size.
template <const double (&coefficients)[3]> static Results importWindow(NodeImporter &node) {
  TensorMath m(node);
  std::optional<DimExprs> size = node.contentsOrBind(node.operand(0), "size");
  int64_t dtype = node.getInt("output_datatype", 1);
  Type type =
      dtype == 1 ? Type(node.builder().getF32Type()) : node.getElementType("output_datatype");
  if (!size || size->size() != 1 || !type)
    return node.hasFailed() ? failure() : node.emitError() << "size must be one number";
  Type computed = type.isF64() ? type : node.builder().getF32Type();
  bool isPeriodic = node.getBool("periodic", true);
  Value count = node.cast(m.shapeScalar(isPeriodic ? (*size)[0] : (*size)[0] - 1), computed);
  Value i = m.iota((*size)[0], 0, computed);
  Value angle = m.div(m.mul(i, 2 * 3.14159265358979323846), count);
  Value window =
      m.sub(m.scalar(angle, coefficients[0]), m.mul(node.infer<CosOp>(angle), coefficients[1]));
  if (coefficients[2] != 0)
    window = m.add(window, m.mul(node.infer<CosOp>(m.mul(angle, 2)), coefficients[2]));
  return {{node.cast(window, type)}};
}

static constexpr double hann[3] = {0.5, 0.5, 0};
static constexpr double hamming[3] = {25.0 / 46, 21.0 / 46, 0};
static constexpr double blackman[3] = {0.42, 0.5, 0.08};

// Triangles over the bins of a spectrum, at equal distances on the mel scale: each column rises
// from one edge to the next and falls to the one after.
static Results importMelWeightMatrix(NodeImporter &node) {
  TensorMath m(node);
  Type f64 = node.builder().getF64Type(), f32 = node.builder().getF32Type();
  auto bins = getLength(node, node.operand(0), "num_mel_bins", node.expr(1));
  auto length = getLength(node, node.operand(1), "dft_length", node.expr(1));
  if (!bins || !length)
    return failure();
  auto real = [&](unsigned number) { return m.toScalar(node.cast(node.operand(number), f64)); };
  auto toMel = [&](Value hertz) {
    return m.mul(m.log(m.add(m.div(hertz, 700), 1)), 2595 / std::log(10.0));
  };
  Value first = toMel(real(3)), rate = real(2);
  Value count = node.cast(m.shapeScalar(*bins + 2), f64);
  Value step = m.div(m.sub(toMel(real(4)), first), count);
  Value mel = m.add(first, m.mul(m.iota(*bins + 2, 0, f64), step));
  Value hertz = m.mul(m.sub(m.pow(m.scalar(mel, 10), m.div(mel, 2595)), 1), 700);
  Value edges = m.floor(m.div(m.mul(hertz, node.cast(m.shapeScalar(*length + 1), f64)), rate));
  Value all = node.cast(edges, f32);
  auto edge = [&](int64_t start) { return m.slice(all, 0, node.expr(start), *bins); };
  Value lower = edge(0), center = edge(1), upper = edge(2);
  Value bin = node.cast(m.iotaAlong(2, 0, length->floorDiv(2) + 1), f32);
  Value rising = m.div(m.sub(bin, lower), m.max(m.sub(center, lower), 1));
  Value falling = m.div(m.sub(upper, bin), m.max(m.sub(upper, center), 1));
  Value zero = m.scalar(bin, 0);
  Value onRise = m.logicalAnd(m.lessEqual(lower, bin), m.less(bin, center));
  Value onFall = m.logicalAnd(m.lessEqual(center, bin), m.less(bin, upper));
  Value weights = m.select(onRise, rising, m.select(onFall, falling, zero));
  // A triangle without a slope still has its peak.
  weights = m.select(m.equal(bin, center), m.scalar(bin, 1), weights);
  int64_t dtype = node.getInt("output_datatype", 1);
  Type type = dtype == 1 ? f32 : node.getElementType("output_datatype");
  return {{type ? node.cast(weights, type) : Value()}};
}

// --- Regions ---

static Results importRoiAlign(NodeImporter &node) {
  OpBuilder &b = node.builder();
  Value x = node.operand(0), regions = node.operand(1);
  StringRef mode = node.getString("mode", "avg");
  StringRef coordinates = node.getString("coordinate_transformation_mode",
                                         node.opset() >= 16 ? "half_pixel" : "output_half_pixel");
  if (mode != "avg" && mode != "max")
    return node.emitAttributeError("mode") << "unknown mode '" << mode << "'";
  Value images = node.operand(2);
  if (node.rank(x) != 4 || node.rank(regions) != 2 || node.rank(images) != 1)
    return node.emitError() << "images need rank 4, regions rank 2 and their numbers rank 1";
  TensorMath m(node);
  AffineExpr count = node.dim(regions, 0);
  regions = m.sized(regions, {count, node.expr(4)}, "regions");
  images = m.sized(images, count, "images of regions");
  SmallVector<NamedAttribute> attributes = {
      node.attr("samples", node.getInt("sampling_ratio", 0)),
      node.attr("scale", b.getF64FloatAttr(node.getFloat("spatial_scale", 1)))};
  if (mode == "max")
    attributes.push_back(node.attr("largest", b.getUnitAttr()));
  if (coordinates == "half_pixel")
    attributes.push_back(node.attr("halfPixel", b.getUnitAttr()));
  Type f32 = b.getF32Type();
  DimExprs dims = {count, node.dim(x, 1), node.expr(node.getInt("output_height", 1)),
                   node.expr(node.getInt("output_width", 1))};
  Value result = node.make<RoiAlignOp>(
      makeTensorType(dims, f32),
      {node.cast(x, f32), node.cast(regions, f32), node.cast(images, b.getI64Type())}, attributes);
  return {{node.cast(result, node.elementType(x))}};
}

static Results importMaxRoiPool(NodeImporter &node) {
  OpBuilder &b = node.builder();
  Value x = node.operand(0), regions = node.operand(1);
  NodeImporter::Ints shape = node.getInts("pooled_shape");
  if (shape.size() != 2 || node.rank(x) != 4 || node.rank(regions) != 2)
    return node.hasFailed() ? failure()
                            : node.emitError() << "needs images of rank 4, regions of rank 2 and a "
                                                  "pooled_shape of two numbers";
  Type f32 = b.getF32Type();
  regions = TensorMath(node).sized(regions, {node.dim(regions, 0), node.expr(5)}, "regions");
  DimExprs dims = {node.dim(regions, 0), node.dim(x, 1), node.expr(shape[0]), node.expr(shape[1])};
  Value result = node.make<MaxRoiPoolOp>(
      makeTensorType(dims, f32), {node.cast(x, f32), node.cast(regions, f32)},
      node.attr("scale", b.getF64FloatAttr(node.getFloat("spatial_scale", 1))));
  return {{node.cast(result, node.elementType(x))}};
}

// --- Matrices ---

template <typename OpT> static Results importMatrix(NodeImporter &node) {
  Value x = node.operand(0);
  Value result = node.infer<OpT>(node.cast(x, getComputeType(node, x)));
  return {{node.cast(result, node.elementType(x))}};
}

void registerNumericOps(OpRegistry &registry) {
  registry.add("DFT", 17, {1, 2}, importDft);
  registry.add("DFT", 20, {1, 3}, importDft);
  registry.add("STFT", 17, {2, 4}, importStft);
  registry.add("HannWindow", 17, 1, importWindow<hann>);
  registry.add("HammingWindow", 17, 1, importWindow<hamming>);
  registry.add("BlackmanWindow", 17, 1, importWindow<blackman>);
  registry.add("MelWeightMatrix", 17, 5, importMelWeightMatrix);
  registry.add("RoiAlign", 10, 3, importRoiAlign);
  registry.add("MaxRoiPool", 1, 2, importMaxRoiPool);
  registry.add("Det", 11, 1, importMatrix<DetOp>);
  registry.add("com.microsoft", "Inverse", 1, 1, importMatrix<InverseOp>);
}

} // namespace tenon
