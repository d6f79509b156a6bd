// Resize and Upsample: interpolation along one axis after another.
//
// A position of the result corresponds to a coordinate in the operand. Each axis becomes
//
//     sum over taps t of gather(x, index[t]) * weight[t]
//
// with as many taps as the mode reads neighbours (1: nearest, 2: linear, 4: cubic, more with
// antialiasing). Index and weight depend on the position along this axis alone: they are small
// constants if the sizes are known, else computed from an iota by tensor arithmetic. Images are
// resized as channels-last, so that lanes run along the channels.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

namespace {

enum class Mode { Nearest, Linear, Cubic };

struct Options {
  Mode mode;
  StringRef coordinates, nearest;
  double cubicA, extrapolation;
  bool excludeOutside, antialias;
};

/// One axis to resize.
struct Axis {
  int64_t axis;
  AffineExpr from, to;
  /// nullopt: `scaleTensor`, or `to` over `from`, computed at run time.
  std::optional<double> scale = 1.0;
  Value scaleTensor;
  /// For tf_crop_and_resize, scalars of f64.
  Value roiStart, roiEnd;
};

/// For each tap an index and a weight, as tensors over the positions along the axis.
struct Taps {
  SmallVector<Value> indices, weights;
  /// Where the coordinate lies outside of the operand, for tf_crop_and_resize; else null.
  Value isOutside;
};

class Interpolation {
public:
  Interpolation(NodeImporter &node, const Options &options)
      : node(node), m(node), options(options) {}

  Value resize(Value x, const Axis &axis);

private:
  /// Sizes before and after, and the scale, as scalars of f64.
  struct Scalars {
    Value from, to, scale;
  };
  Scalars makeScalars(const Axis &axis);
  Value real(double value) { return node.makeScalar(node.builder().getF64Type(), value); }
  Value coordinate(const Axis &axis, Value from, Value to, Value scale);
  Value nearestIndex(Value coordinate);
  /// Where a coordinate lies outside of the operand, for tf_crop_and_resize; else null.
  Value findOutside(Value coordinate, Value last) {
    if (options.coordinates != "tf_crop_and_resize")
      return nullptr;
    return m.logicalOr(m.less(coordinate, 0.0), m.less(last, coordinate));
  }
  Value extrapolate(Value result, Value isOutside, const Axis &axis);
  /// Neighbours reach as far to both sides.
  double radius() const { return options.mode == Mode::Linear ? 1 : 2; }
  Value weigh(Value distance);
  Taps makeTaps(const Axis &axis);
  Value resizeByMatrix(Value x, const Axis &axis);

  NodeImporter &node;
  TensorMath m;
  const Options &options;
};

} // namespace

/// The operand's coordinate of each position of the result, in f64.
Value Interpolation::coordinate(const Axis &axis, Value from, Value to, Value scale) {
  Type f64 = node.builder().getF64Type();
  Value position = m.iota(axis.to, 0, f64);
  StringRef mode = options.coordinates;
  // Scales may give a fraction of a position more than what the result has.
  Value length = m.mul(from, scale);
  auto halfPixel = [&] { return m.sub(m.div(m.add(position, 0.5), scale), 0.5); };
  auto unlessOne = [&](Value value, Value ifOne) {
    return m.select(m.equal(length, 1), ifOne, value);
  };
  if (mode == "align_corners") {
    Value step = m.div(m.sub(from, 1), m.max(m.sub(length, 1), 1e-30));
    return m.mul(position, unlessOne(step, real(0)));
  }
  if (mode == "asymmetric")
    return m.div(position, scale);
  if (mode == "pytorch_half_pixel")
    return unlessOne(halfPixel(), real(-0.5));
  if (mode == "half_pixel_symmetric") {
    Value adjustment = m.div(to, length);
    Value offset = m.mul(m.mul(from, 0.5), m.sub(real(1), adjustment));
    return m.add(halfPixel(), offset);
  }
  if (mode == "tf_crop_and_resize") {
    Value last = m.sub(from, 1);
    Value span = m.sub(axis.roiEnd, axis.roiStart);
    Value step = m.div(m.mul(last, span), m.max(m.sub(length, 1), 1e-30));
    Value steps = unlessOne(m.mul(position, step), m.mul(m.mul(last, span), 0.5));
    return m.add(steps, m.mul(last, axis.roiStart));
  }
  if (mode == "half_pixel" || mode == "tf_half_pixel_for_nn") {
    if (mode == "half_pixel")
      return halfPixel();
    return m.div(m.add(position, 0.5), scale);
  }
  node.emitAttributeError("coordinate_transformation_mode") << "does not know " << mode;
  return nullptr;
}

Value Interpolation::nearestIndex(Value coordinate) {
  if (options.nearest == "floor")
    return m.floor(coordinate);
  if (options.nearest == "ceil")
    return m.ceil(coordinate);
  if (options.nearest == "round_prefer_ceil")
    return m.floor(m.add(coordinate, 0.5));
  if (options.nearest == "round_prefer_floor")
    return m.ceil(m.sub(coordinate, 0.5));
  node.emitAttributeError("nearest_mode") << "does not know " << options.nearest;
  return nullptr;
}

/// The weight of a neighbour at `distance`.
Value Interpolation::weigh(Value distance) {
  Value d = m.abs(distance);
  if (options.mode == Mode::Linear)
    return m.max(m.sub(real(1), d), 0.0);
  // Keys' cubic convolution.
  double a = options.cubicA;
  Value square = m.mul(d, d), cube = m.mul(square, d);
  Value near = m.add(m.sub(m.mul(cube, a + 2), m.mul(square, a + 3)), 1);
  Value far = m.sub(m.add(m.sub(m.mul(cube, a), m.mul(square, 5 * a)), m.mul(d, 8 * a)), 4 * a);
  return m.select(m.lessEqual(d, 1), near, m.select(m.less(d, 2), far, real(0)));
}

Interpolation::Scalars Interpolation::makeScalars(const Axis &axis) {
  auto size = [&](AffineExpr expr) -> Value {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      return real(constant.getValue());
    return node.cast(m.shapeScalar(expr), node.builder().getF64Type());
  };
  Value from = size(axis.from), to = size(axis.to);
  if (axis.scale)
    return {from, to, real(*axis.scale)};
  return {from, to, axis.scaleTensor ? axis.scaleTensor : m.div(to, from)};
}

Taps Interpolation::makeTaps(const Axis &axis) {
  Type i64 = node.builder().getI64Type();
  auto [from, to, scale] = makeScalars(axis);
  Value last = m.sub(from, 1);
  Value x = coordinate(axis, from, to, scale);
  Taps taps;
  taps.isOutside = findOutside(x, last);
  auto clampedIndex = [&](Value index) { return node.cast(m.min(m.max(index, 0.0), last), i64); };
  if (options.mode == Mode::Nearest) {
    taps.indices.push_back(clampedIndex(nearestIndex(x)));
    return taps;
  }
  // Neighbours are read from farther when several positions fall into one.
  double shrink = options.antialias ? std::min(*axis.scale, 1.0) : 1;
  constexpr double maxRadius = 2048;
  if (!(radius() / shrink <= maxRadius)) {
    node.emitError() << "antialiasing reads too many neighbours at a scale of " << shrink;
    return taps;
  }
  int64_t first = static_cast<int64_t>(std::floor(-radius() / shrink)) + 1, end = 2 - first;
  // The neighbour to the left counts as at distance 1 where the coordinate is an integer.
  Value base = m.sub(m.ceil(x), 1), sum;
  for (int64_t tap = first; tap < end; ++tap) {
    Value index = m.add(base, tap), distance = m.sub(index, x);
    Value weight = weigh(shrink == 1 ? distance : m.mul(distance, shrink));
    if (options.excludeOutside) {
      Value outside = m.logicalOr(m.less(index, 0.0), m.less(last, index));
      weight = m.select(outside, real(0), weight);
    }
    taps.indices.push_back(clampedIndex(index));
    taps.weights.push_back(weight);
    sum = sum ? m.add(sum, weight) : weight;
  }
  if (options.excludeOutside || options.antialias)
    for (Value &weight : taps.weights)
      weight = m.div(weight, sum);
  return taps;
}

Value Interpolation::extrapolate(Value result, Value isOutside, const Axis &axis) {
  if (!isOutside || !result)
    return result;
  DimExprs along(node.rank(result), node.expr(1));
  along[axis.axis] = axis.to;
  return m.select(node.reshape(isOutside, along), m.scalar(result, options.extrapolation), result);
}

// How many neighbours antialiasing reads shows in the run only: a matrix has the weights of all
// positions, and of as many beyond both ends as are read there.
Value Interpolation::resizeByMatrix(Value x, const Axis &axis) {
  Type f64 = node.builder().getF64Type(), type = node.elementType(x);
  auto [from, to, scale] = makeScalars(axis);
  Value center = coordinate(axis, from, to, scale), shrink = m.min(scale, 1.0);
  if (!center)
    return nullptr;
  Value reach = m.add(m.ceil(m.div(real(radius()), shrink)), 1);
  auto bound = node.contentsOrBind(
      node.cast(node.reshape(reach, node.expr(1)), node.builder().getI64Type()), "neighbours");
  if (!bound)
    return nullptr;
  AffineExpr beyond = bound->front(), wide = axis.from + beyond * 2;
  Value index = m.sub(node.cast(m.iotaAlong(2, 1, wide), f64), reach);
  Value distance = m.sub(index, m.unsqueeze(center, {1}));
  Value weights = weigh(m.mul(distance, shrink));
  Value isOutside = m.logicalOr(m.less(index, 0.0), m.lessEqual(from, index));
  if (options.excludeOutside)
    weights = m.select(isOutside, m.scalar(weights, 0), weights);
  weights = m.div(weights, m.sum(weights, {1}));
  // The elements at both ends stand for what lies beyond.
  int64_t rank = node.rank(x);
  Value inside = m.sub(m.iotaAlong(1, 0, wide), m.shapeScalar(beyond));
  inside = m.min(m.max(inside, 0.0), m.shapeScalar(axis.from - 1));
  NodeImporter::Ints turned = countUp(rank);
  std::swap(turned[axis.axis], turned.back());
  Type computed = isa<FloatType>(type) ? type : node.builder().getF32Type();
  Value lines = m.transpose(node.cast(m.gather(x, inside, axis.axis), computed), turned);
  Value result = node.infer<MatMulOp>({lines, m.transpose(node.cast(weights, computed), {1, 0})});
  result = extrapolate(m.transpose(result, turned), findOutside(center, m.sub(from, 1)), axis);
  return node.cast(result, type);
}

Value Interpolation::resize(Value x, const Axis &axis) {
  if (!x)
    return x;
  if (options.antialias && !axis.scale && options.mode != Mode::Nearest)
    return resizeByMatrix(x, axis);
  Taps taps = makeTaps(axis);
  if (node.hasFailed())
    return nullptr;
  Type type = node.elementType(x), real = isa<FloatType>(type) ? type : node.builder().getF32Type();
  DimExprs along(node.rank(x), node.expr(1));
  along[axis.axis] = axis.to;
  Value result;
  for (auto [number, index] : llvm::enumerate(taps.indices)) {
    Value tap = m.gather(x, index, axis.axis);
    if (!taps.weights.empty())
      tap = m.mul(node.cast(tap, real), node.reshape(node.cast(taps.weights[number], real), along));
    result = result ? m.add(result, tap) : tap;
  }
  result = extrapolate(result, taps.isOutside, axis);
  // Integers round to nearest, as the reference's conversion does not for linear ones.
  return node.cast(result, type);
}

// --- Parameters ---

static std::optional<Options> getOptions(NodeImporter &node) {
  Options options;
  StringRef mode = node.getString("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "bilinear" && mode != "cubic") {
    node.emitAttributeError("mode") << "expected nearest, linear or cubic, found " << mode;
    return std::nullopt;
  }
  options.mode = mode == "nearest" ? Mode::Nearest : mode == "cubic" ? Mode::Cubic : Mode::Linear;
  // Upsample and the first Resize know one way to find coordinates.
  bool isOld = node.opset() < 11;
  options.coordinates =
      isOld ? "asymmetric" : node.getString("coordinate_transformation_mode", "half_pixel");
  options.nearest = isOld ? "floor" : node.getString("nearest_mode", "round_prefer_floor");
  options.cubicA = node.getFloat("cubic_coeff_a", -0.75);
  options.extrapolation = node.getFloat("extrapolation_value", 0);
  options.excludeOutside = node.getBool("exclude_outside", false);
  options.antialias = node.getBool("antialias", false);
  return options;
}

/// Under another policy than stretch, one scale serves all axes, and sizes follow from it.
static void keepAspectRatio(NodeImporter &node, MutableArrayRef<Axis> axes, StringRef policy) {
  std::optional<double> common;
  for (const Axis &axis : axes) {
    if (!axis.scale) {
      node.emitError() << "cannot keep the aspect ratio of an empty dimension";
      return;
    }
    bool takes =
        !common || (policy == "not_larger" ? *axis.scale < *common : *axis.scale > *common);
    common = takes ? axis.scale : common;
  }
  for (Axis &axis : axes) {
    double size = cast<AffineConstantExpr>(axis.from).getValue() * *common;
    if (!(size < 1e15)) {
      node.emitError() << "cannot scale dimension " << axis.axis << " by " << *common;
      return;
    }
    axis.scale = common;
    axis.to = node.expr(static_cast<int64_t>(std::floor(size + 0.5)));
  }
}

/// An f64 scalar for each element of a tensor of rank 1.
static SmallVector<Value> takeApart(NodeImporter &node, Value tensor) {
  TensorMath m(node);
  SmallVector<Value> scalars;
  int64_t most = 2 * node.rank(node.operand(0));
  if (!tensor || node.rank(tensor) != 1 || !node.type(tensor).hasStaticShape() ||
      node.type(tensor).getNumElements() > most)
    return scalars;
  Value real = node.cast(tensor, node.builder().getF64Type());
  for (int64_t i = 0; i < node.type(tensor).getNumElements(); ++i)
    scalars.push_back(m.toScalar(m.slice(real, 0, i, 1)));
  return scalars;
}

static bool checkCount(NodeImporter &node, StringRef what, size_t count, size_t expected) {
  if (count != expected)
    node.emitError() << what << " must be " << expected << " numbers, found " << count;
  return count == expected;
}

/// Binds the axes' results to sizes that are computed at run time.
static bool bindSizes(NodeImporter &node, MutableArrayRef<Axis> axes, Value sizes) {
  std::optional<DimExprs> bound =
      node.contentsOrBind(node.cast(sizes, node.builder().getI64Type()), "sizes");
  if (!bound || !checkCount(node, "sizes", bound->size(), axes.size()))
    return false;
  for (auto [axis, size] : llvm::zip_equal(axes, *bound))
    axis.to = size;
  return true;
}

static Value sizesBefore(NodeImporter &node, ArrayRef<Axis> axes) {
  DimExprs from;
  for (const Axis &axis : axes)
    from.push_back(axis.from);
  return node.cast(TensorMath(node).shapeTensor(from), node.builder().getF64Type());
}

/// Sizes that depend on data, under any policy.
static bool setRunTimeSizes(NodeImporter &node, MutableArrayRef<Axis> axes, Value sizes,
                            StringRef policy) {
  TensorMath m(node);
  for (Axis &axis : axes)
    axis.scale.reset();
  if (policy == "stretch")
    return bindSizes(node, axes, sizes);
  Value before = sizesBefore(node, axes);
  Value ratios = m.div(node.cast(sizes, node.builder().getF64Type()), before);
  Value common = m.reduce(policy == "not_larger" ? ReduceKind::Min : ReduceKind::Max, ratios, {0});
  for (Axis &axis : axes)
    axis.scaleTensor = m.toScalar(common);
  return bindSizes(node, axes, m.floor(m.add(m.mul(before, common), 0.5)));
}

static bool setSizes(NodeImporter &node, MutableArrayRef<Axis> axes, Value sizes) {
  StringRef policy = node.getString("keep_aspect_ratio_policy", "stretch");
  std::optional<DimExprs> known = node.contents(sizes);
  bool isStatic = known && getConstantDims(*known) && llvm::all_of(axes, [](const Axis &axis) {
                    return isa<AffineConstantExpr>(axis.from);
                  });
  if (!known || (policy != "stretch" && !isStatic))
    return setRunTimeSizes(node, axes, sizes, policy);
  if (!checkCount(node, "sizes", known->size(), axes.size()))
    return false;
  for (auto [axis, size] : llvm::zip_equal(axes, *known)) {
    axis.to = size;
    axis.scale.reset();
    auto from = dyn_cast<AffineConstantExpr>(axis.from), to = dyn_cast<AffineConstantExpr>(size);
    if (from && to && from.getValue() > 0)
      axis.scale = static_cast<double>(to.getValue()) / from.getValue();
  }
  if (policy != "stretch")
    keepAspectRatio(node, axes, policy);
  return !node.hasFailed();
}

/// floor(sizes * scales) in f32, as ONNX's shape inference computes it.
static Value scaleSizes(NodeImporter &node, Value sizes, Value scales) {
  TensorMath m(node);
  Type f32 = node.builder().getF32Type();
  return m.floor(m.mul(node.cast(sizes, f32), node.cast(scales, f32)));
}

/// The same for one size and a scale that is known. Null after an error.
static AffineExpr scaleSize(NodeImporter &node, AffineExpr size, double scale) {
  constexpr double maxScale = 1 << 20;
  auto constant = dyn_cast<AffineConstantExpr>(size);
  double known = constant ? static_cast<double>(constant.getValue()) : 0;
  if (!(scale > 0 && scale <= maxScale) || known * scale >= 1e15) {
    node.emitError() << "cannot scale a dimension of " << node.operand(0).getType() << " by "
                     << scale;
    return nullptr;
  }
  if (constant)
    return node.expr(static_cast<int64_t>(
        std::floor(static_cast<float>(constant.getValue()) * static_cast<float>(scale))));
  for (int64_t divisor = 1; divisor <= 64; divisor *= 2)
    if (double factor = scale * divisor; factor == std::round(factor))
      return (size * static_cast<int64_t>(factor)).floorDiv(divisor);
  TensorMath m(node);
  Value factor = node.makeScalar(node.builder().getF32Type(), scale);
  Value scaled = scaleSizes(node, m.shapeTensor(size), factor);
  std::optional<DimExprs> bound =
      node.contentsOrBind(node.cast(scaled, node.builder().getI64Type()), "sizes");
  return bound ? (*bound)[0] : AffineExpr();
}

static bool setScales(NodeImporter &node, MutableArrayRef<Axis> axes,
                      std::optional<SmallVector<double>> scales, Value tensor) {
  if (!scales) {
    SmallVector<Value> scalars = takeApart(node, tensor);
    if (!checkCount(node, "scales", scalars.size(), axes.size()))
      return false;
    for (auto [axis, scale] : llvm::zip_equal(axes, scalars)) {
      axis.scale.reset();
      axis.scaleTensor = scale;
    }
    return bindSizes(node, axes, scaleSizes(node, sizesBefore(node, axes), tensor));
  }
  if (!checkCount(node, "scales", scales->size(), axes.size()))
    return false;
  for (auto [axis, scale] : llvm::zip_equal(axes, *scales)) {
    axis.scale = scale;
    axis.to = scaleSize(node, axis.from, scale);
    if (!axis.to)
      return false;
  }
  return true;
}

static bool setRoi(NodeImporter &node, MutableArrayRef<Axis> axes, Value roi) {
  SmallVector<Value> scalars = takeApart(node, roi);
  if (!checkCount(node, "roi", scalars.size(), 2 * axes.size()))
    return false;
  for (auto [number, axis] : llvm::enumerate(axes)) {
    axis.roiStart = scalars[number];
    axis.roiEnd = scalars[axes.size() + number];
  }
  return true;
}

/// An empty dimension has nothing to take elements from.
static void requireElements(NodeImporter &node, const Axis &axis) {
  auto staysEmpty = [&](AffineExpr size) {
    return size.replace(axis.from, node.expr(0)) == node.expr(0);
  };
  if (!staysEmpty(axis.to) && !isKnownNonNegative(axis.to * (axis.from - 1)))
    requireAtLeast(node, axis.to * axis.from, axis.to,
                   "the product of the sizes before and after resizing");
}

static Results buildResize(NodeImporter &node, Value x, const Options &options,
                           SmallVectorImpl<Axis> &axes) {
  TensorMath m(node);
  llvm::erase_if(axes, [&](const Axis &axis) {
    bool isScaled = axis.scale && *axis.scale != 1;
    return axis.from == axis.to && !isScaled && options.coordinates != "tf_crop_and_resize";
  });
  for (const Axis &axis : axes)
    if (!axis.scale)
      requireElements(node, axis);
  if (axes.empty() || node.hasFailed())
    return {{x}};
  bool spatialOnly =
      node.rank(x) >= 3 && llvm::all_of(axes, [](const Axis &axis) { return axis.axis >= 2; });
  if (spatialOnly) {
    x = m.toChannelsLast(x);
    for (Axis &axis : axes)
      --axis.axis;
  }
  Interpolation interpolation(node, options);
  for (const Axis &axis : axes)
    x = interpolation.resize(x, axis);
  return {{spatialOnly ? m.toChannelsFirst(x) : x}};
}

static SmallVector<Axis> makeAxes(NodeImporter &node, ArrayRef<int64_t> numbers) {
  DimExprs dims = node.dims(node.operand(0));
  SmallVector<Axis> axes;
  for (int64_t number : numbers)
    axes.push_back(Axis{number, dims[number], dims[number], 1.0, {}, {}, {}});
  return axes;
}

/// Before version 11: data and scales. Scales were an attribute in Upsample 7, and two in
/// version 1.
static Results importUpsample(NodeImporter &node) {
  Value x = node.operand(0);
  std::optional<Options> options = getOptions(node);
  SmallVector<Axis> axes = makeAxes(node, countUp(node.rank(x)));
  std::optional<SmallVector<double>> scales = node.constantFloats(node.operand(1));
  if (!node.operand(1)) {
    if (node.opset() < 7) {
      scales =
          SmallVector<double>{1, 1, node.getFloat("height_scale"), node.getFloat("width_scale")};
    } else {
      SmallVector<float> given = node.getFloats("scales");
      scales = SmallVector<double>(given.begin(), given.end());
    }
  }
  if (!options || node.hasFailed() || !setScales(node, axes, scales, node.operand(1)))
    return failure();
  return buildResize(node, x, *options, axes);
}

static Results importResize(NodeImporter &node) {
  Value x = node.operand(0), scales = node.operand(2), sizes = node.operand(3);
  std::optional<Options> options = getOptions(node);
  NodeImporter::Ints numbers = countUp(node.rank(x));
  if (node.hasAttribute("axes"))
    numbers = getAxes(node, ~0u, node.rank(x)).value_or(NodeImporter::Ints());
  if (!options || node.hasFailed())
    return failure();
  SmallVector<Axis> axes = makeAxes(node, numbers);
  bool hasScales = scales && !node.hasElements(scales, 0);
  std::optional<SmallVector<double>> values =
      hasScales ? node.constantFloats(scales) : std::nullopt;
  if (!hasScales && !sizes) {
    node.emitError() << "neither scales nor sizes are given";
    return failure();
  }
  if (!(hasScales ? setScales(node, axes, values, scales) : setSizes(node, axes, sizes)))
    return failure();
  if (options->coordinates == "tf_crop_and_resize" && !setRoi(node, axes, node.operand(1)))
    return failure();
  return buildResize(node, x, *options, axes);
}

void registerResizeOps(OpRegistry &registry) {
  registry.add("Upsample", 1, {1, 2}, importUpsample);
  registry.add("Resize", 10, 2, importUpsample);
  registry.add("Resize", 11, {1, 4}, importResize);
}

} // namespace tenon
