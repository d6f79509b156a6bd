// Slice. ONNX clamps starts and ends to the operand's bounds, which an affine expression cannot
// say. So there are three ways:
//
// - bounds that are constants, or that the shapes' expressions decide, are resolved now;
// - those whose sign is known are clamped as far as that cannot be told: the run finds the larger
//   of an expression and 0, and the same expression gives the same symbol (RunTimeSizes.h);
// - all others are computed by tensor arithmetic, and the start and size bound to new symbols.
//
// A table in the model itself is as long as anyone needs: who slices s0 of 512 learned positions
// from the s1-th on means s0 positions. There, bounds are taken as they are, with a check at run
// time, so that sizes do not get new names. (From the first on, the smaller one of s0 and 512 is s0
// wherever it meets s0 again: Broadcasting.cpp.)

#include "lib/Importer/Ops/RunTimeAxes.h"
#include "lib/Importer/RunTimeSizes.h"

using namespace mlir;

namespace tenon {

namespace {

/// One dimension of a slice.
struct Range {
  AffineExpr size;                      // of the operand's dimension
  std::optional<AffineExpr> start, end; // nullopt: depends on data
  Value startTensor, endTensor; // their rank-1 tensors of one element, if they depend on data
  int64_t step;
  bool isOfTable; // so that nothing is clamped
};

/// A bound as a position, and whether it is known not to lie behind the operand.
struct Position {
  AffineExpr at;
  bool isInside;
};

struct Resolved {
  AffineExpr start, count;
};

/// Longer steps leave every dimension, too, and sums with them might overflow.
constexpr int64_t largestStep = int64_t(1) << 40;

std::optional<int64_t> constantOf(AffineExpr expr) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant ? std::optional(constant.getValue()) : std::nullopt;
}

} // namespace

static Resolved resolveConstant(NodeImporter &node, int64_t size, int64_t start, int64_t end,
                                int64_t step) {
  auto normalize = [&](int64_t position) { return position < 0 ? position + size : position; };
  start = normalize(start);
  end = normalize(end);
  int64_t count = 0;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, 0, size);
    count = end > start ? (end - start - 1) / step + 1 : 0;
  } else {
    start = std::min(std::max<int64_t>(start, 0), size - 1);
    end = std::clamp<int64_t>(end, -1, size - 1);
    count = start > end ? (start - end - 1) / -step + 1 : 0;
  }
  return {node.expr(std::max<int64_t>(start, 0)), node.expr(count)};
}

/// `size + offset`, or 0 where the offset reaches beyond the beginning.
static Position countFromEnd(NodeImporter &node, AffineExpr size, AffineExpr offset) {
  return {atLeastZero(node, size + offset, "slice.bound"), true};
}

/// A start or end, not clamped to the size yet; nullopt if only the run tells from which side it
/// counts.
static std::optional<Position> findPosition(NodeImporter &node, const Range &range,
                                            AffineExpr bound) {
  constexpr int64_t huge = std::numeric_limits<int32_t>::max();
  if (std::optional<int64_t> value = constantOf(bound)) {
    if (*value >= huge)
      return Position{range.size, true};
    if (*value <= -huge)
      return Position{node.expr(0), true};
    if (*value < 0)
      return countFromEnd(node, range.size, bound);
  }
  if (!isNonNegativeHere(node, bound)) {
    if (isKnownNonNegative(bound * -1 - 1))
      return countFromEnd(node, range.size, bound);
    if (!range.isOfTable)
      return std::nullopt;
    requireNonNegative(node, bound, "slice.bound");
  }
  if (!range.isOfTable || constantOf(bound))
    return Position{bound, isKnownNonNegative(range.size - bound)};
  requireNonNegative(node, range.size - bound, "slice.bound");
  return Position{bound, true};
}

/// A start behind the end gives no positions, and so matters to nobody.
static std::optional<Resolved> resolveForward(NodeImporter &node, const Range &range) {
  std::optional<Position> start = findPosition(node, range, *range.start);
  std::optional<Position> end = findPosition(node, range, *range.end);
  if (!start || !end)
    return std::nullopt;
  if (!end->isInside)
    end->at = smallerOf(node, end->at, range.size, "slice.end");
  AffineExpr length = end->at - start->at;
  // No position is negative.
  if (start->at != node.expr(0) && (end->at != range.size || !start->isInside))
    length = atLeastZero(node, length, "slice.size");
  return Resolved{start->at, length.ceilDiv(range.step)};
}

/// Backwards over the whole dimension is all that symbolic sizes occur with.
static std::optional<Resolved> resolveBackward(const Range &range) {
  constexpr int64_t huge = std::numeric_limits<int32_t>::max();
  auto start = constantOf(*range.start), end = constantOf(*range.end);
  if (!start || !end || (*start != -1 && *start < huge) || *end > -huge)
    return std::nullopt;
  return Resolved{range.size - 1, range.size.ceilDiv(-range.step)};
}

static std::optional<Resolved> resolve(NodeImporter &node, const Range &range) {
  if (!range.start || !range.end)
    return std::nullopt;
  auto size = constantOf(range.size), start = constantOf(*range.start),
       end = constantOf(*range.end);
  if (size && start && end)
    return resolveConstant(node, *size, *start, *end, range.step);
  return range.step > 0 ? resolveForward(node, range) : resolveBackward(range);
}

/// The same arithmetic as resolveConstant's, on tensors of one element.
static std::optional<Resolved> resolveAtRunTime(NodeImporter &node, const Range &range) {
  TensorMath m(node);
  Value size = m.shapeTensor(range.size);
  Value zero = m.scalar(size, 0), last = m.sub(size, 1);
  auto position = [&](Value tensor, std::optional<AffineExpr> expr) {
    Value value = expr ? m.shapeTensor(*expr) : node.cast(tensor, node.builder().getI64Type());
    return m.select(m.less(value, zero), m.add(value, size), value);
  };
  Value start = position(range.startTensor, range.start);
  Value end = position(range.endTensor, range.end), count;
  if (range.step > 0) {
    start = m.min(m.max(start, zero), size);
    end = m.min(m.max(end, zero), size);
    count = m.div(m.add(m.sub(end, start), range.step - 1), range.step);
  } else {
    start = m.min(m.max(start, zero), last); // -1 in an empty dimension
    end = m.max(m.min(end, last), -1);
    count = m.div(m.add(m.sub(start, end), -range.step - 1), -range.step);
  }
  bool startsAtZero = range.start && constantOf(*range.start) == 0 && range.step > 0;
  std::optional<DimExprs> counts = node.contentsOrBind(m.max(count, zero), "slice.size");
  std::optional<DimExprs> starts = startsAtZero
                                       ? DimExprs{node.expr(0)}
                                       : node.contentsOrBind(m.max(start, zero), "slice.start");
  if (!counts || !starts)
    return std::nullopt;
  return Resolved{(*starts)[0], (*counts)[0]};
}

/// Whether a value comes from constants in a few steps.
static bool isTable(Value value, unsigned steps = 4) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ConstantOp>(op))
    return op;
  return steps > 0 && op->getNumOperands() > 0 && op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperands(),
                      [&](Value operand) { return isTable(operand, steps - 1); });
}

/// Slices `data` along axes that bounds are given for, as expressions or as rank-1 tensors.
static Results buildSlice(NodeImporter &node, Value data, ArrayRef<int64_t> axes,
                          ArrayRef<int64_t> steps, std::optional<DimExprs> starts,
                          std::optional<DimExprs> ends) {
  TensorMath m(node);
  if (!data)
    return failure();
  DimExprs dims = node.dims(data), first(dims.size(), node.expr(0));
  SmallVector<int64_t> allSteps(dims.size(), 1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Range range{dims[axis], {}, {}, {}, {}, steps[i], false};
    if (starts)
      range.start = (*starts)[i];
    else
      range.startTensor = m.slice(node.operand(1), 0, i, 1);
    if (ends)
      range.end = (*ends)[i];
    else
      range.endTensor = m.slice(node.operand(2), 0, i, 1);
    bool startsAnywhere = range.start && !constantOf(*range.start);
    range.isOfTable = startsAnywhere && constantOf(range.size) && isTable(data);
    std::optional<Resolved> resolved = resolve(node, range);
    if (!resolved && !node.hasFailed())
      resolved = resolveAtRunTime(node, range);
    if (!resolved || node.hasFailed())
      return failure();
    first[axis] = resolved->start;
    dims[axis] = resolved->count;
    allSteps[axis] = range.step;
  }
  bool isWhole =
      dims == node.dims(data) && llvm::all_of(allSteps, [](int64_t step) { return step == 1; });
  if (isWhole)
    return {{data}};
  return {{node.make<SliceOp>(makeTensorType(dims, node.elementType(data)), data,
                              {node.attr("starts", first), node.attr("steps", allSteps)})}};
}

static DimExprs toExprs(NodeImporter &node, ArrayRef<int64_t> values) {
  return llvm::map_to_vector<6>(values, [&](int64_t value) { return node.expr(value); });
}

/// Before version 10, bounds are attributes.
static Results importSliceV1(NodeImporter &node) {
  Value data = node.operand(0);
  NodeImporter::Ints starts = node.getInts("starts"), ends = node.getInts("ends");
  NodeImporter::Ints axes = node.getInts("axes", countUp(starts.size()));
  if (starts.size() != ends.size() || starts.size() != axes.size())
    node.emitError() << "starts, ends and axes differ in length";
  for (int64_t &axis : axes)
    axis = node.normalizeAxis(axis, node.rank(data));
  if (node.hasFailed())
    return failure();
  return buildSlice(node, data, axes, SmallVector<int64_t>(axes.size(), 1), toExprs(node, starts),
                    toExprs(node, ends));
}

// Axes or steps that only a run tells: every dimension is gathered at start + i * step.
static Results buildSliceAtRunTime(NodeImporter &node, Value data) {
  TensorMath m(node);
  int64_t rank = node.rank(data), count = node.type(node.operand(1)).getNumElements();
  DimExprs dims = node.dims(data);
  Value size = m.shapeTensor(dims), zero = m.scalar(size, 0), one = m.scalar(size, 1);
  Value axes = node.operand(3) ? node.operand(3) : node.makeInts(countUp(count));
  auto all = [&](Value value) { return m.broadcast(value, node.expr(rank)); };
  auto spread = [&](unsigned number, Value otherwise) {
    Value values = node.operand(number);
    return values ? spreadOverAxes(node, axes, values, rank, otherwise) : otherwise;
  };
  Value start = spread(1, all(zero)), end = spread(2, size), step = spread(4, all(one));
  if (!start || !end || !step)
    return failure();
  auto position = [&](Value value) {
    return m.select(m.less(value, zero), m.add(value, size), value);
  };
  start = position(start);
  end = position(end);
  // Steps of 0 are an error, and must not be divided by before that shows.
  step = m.clamp(step, -largestStep, largestStep);
  if (!node.contentsOrBind(m.abs(step), "slice.step", 1))
    return failure();
  step = m.select(m.equal(step, zero), one, step);
  Value forward = m.less(zero, step), last = m.sub(size, one);
  start = m.min(m.max(start, zero), m.select(forward, size, last));
  end = m.select(forward, m.max(m.min(end, size), zero), m.max(m.min(end, last), m.neg(one)));
  Value length = m.sub(m.add(m.sub(end, start), step), node.infer<SignOp>(step));
  std::optional<DimExprs> counts =
      node.contentsOrBind(m.max(m.div(length, step), zero), "slice.size");
  if (!counts)
    return failure();
  for (int64_t d = 0; d < rank; ++d) {
    Value index =
        m.mul(m.iota((*counts)[d], 0, node.builder().getI64Type()), m.slice(step, 0, d, 1));
    data = m.gather(data, m.add(index, m.slice(start, 0, d, 1)), d);
  }
  return {{data}};
}

static Results importSlice(NodeImporter &node) {
  Value data = node.operand(0);
  RankedTensorType startsType = node.type(node.operand(1)), endsType = node.type(node.operand(2));
  if (!startsType.hasStaticShape() || startsType.getRank() != 1 || endsType != startsType ||
      startsType.getNumElements() > node.rank(data)) {
    node.emitError() << "starts " << startsType << " and ends " << endsType << " do not fit "
                     << data.getType();
    return failure();
  }
  if (hasRunTimeAxes(node, 3) || hasRunTimeAxes(node, 4))
    return buildSliceAtRunTime(node, data);
  int64_t count = startsType.getNumElements();
  NodeImporter::Ints axes = countUp(count), steps(count, 1);
  if (node.operand(3)) {
    auto given = getAxes(node, 3, node.rank(data));
    if (!given)
      return failure();
    axes = *given;
  }
  if (node.operand(4)) {
    auto given = node.constantInts(node.operand(4));
    if (!given) {
      node.emitError() << "steps must be known at compile time";
      return failure();
    }
    steps = *given;
  }
  if (static_cast<int64_t>(axes.size()) != count || static_cast<int64_t>(steps.size()) != count ||
      llvm::is_contained(steps, 0))
    node.emitError() << "axes and steps must fit " << count << " starts, and steps must not be 0";
  for (int64_t &step : steps)
    step = std::clamp(step, -largestStep, largestStep);
  if (node.hasFailed())
    return failure();
  return buildSlice(node, data, axes, steps, node.contents(node.operand(1)),
                    node.contents(node.operand(2)));
}

void registerSliceOps(OpRegistry &registry) {
  registry.add("Slice", 1, 1, importSliceV1);
  registry.add("Slice", 10, {3, 5}, importSlice);
}

} // namespace tenon
