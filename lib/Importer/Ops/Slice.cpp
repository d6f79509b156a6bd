// Slice. ONNX clamps starts and ends to the operand's bounds; an affine expression cannot say that,
// so bounds fall into three classes:
//
// - those that are constants, or that the shapes' expressions decide, are resolved at compile time;
// - those that nobody would write unless they lie inside (an end of s0 in a table of 512 rows, a
//   start of 1, a last position) are taken as they are, with a check at run time;
// - all others are computed by tensor arithmetic, and the start and size bound to new symbols.

#include "lib/Importer/Ops/RunTimeAxes.h"

using namespace mlir;

namespace tenon {

namespace {

/// One dimension of a slice.
struct Range {
  AffineExpr size;                      // of the operand's dimension
  std::optional<AffineExpr> start, end; // nullopt: depends on data
  Value startTensor, endTensor; // their rank-1 tensors of one element, if they depend on data
  int64_t step;
};

struct Resolved {
  AffineExpr start, count;
};

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
    start = std::clamp<int64_t>(start, 0, std::max<int64_t>(size - 1, 0));
    end = std::clamp<int64_t>(end, -1, size - 1);
    count = start > end ? (start - end - 1) / -step + 1 : 0;
  }
  return {node.expr(start), node.expr(count)};
}

// Conditions that make a symbolic bound exact; the caller checks them at run time.
using Conditions = SmallVector<AffineExpr>;

/// A start or end as a position, when it can be told; what must hold goes to `conditions`.
static std::optional<AffineExpr> resolveBound(AffineExpr bound, AffineExpr size, bool isEnd,
                                              Conditions &conditions) {
  constexpr int64_t huge = std::numeric_limits<int32_t>::max();
  MLIRContext *context = size.getContext();
  if (std::optional<int64_t> value = constantOf(bound)) {
    if (*value >= huge)
      return size;
    if (*value <= -huge)
      return getAffineConstantExpr(0, context);
    AffineExpr position = *value < 0 ? size + *value : bound;
    if (*value < 0) {
      bool isInside = isKnownNonNegative(position);
      if (!isInside && *value != -1)
        return std::nullopt;
      if (!isInside)
        conditions.push_back(position);
      return position;
    }
    if (!isKnownNonNegative(size - bound)) {
      if (isEnd && *value > 1)
        return std::nullopt;
      conditions.push_back(size - bound);
    }
    return position;
  }
  // An expression over sizes: not negative but for mistakes, or its negation.
  AffineExpr position = bound;
  if (!isKnownNonNegative(bound) && isKnownNonNegative(bound * -1))
    position = size + bound;
  if (!isKnownNonNegative(position))
    conditions.push_back(position);
  if (!isKnownNonNegative(size - position)) {
    // Two unrelated sizes: the smaller one counts, and which that is shows at run time.
    if (!constantOf(size))
      return std::nullopt;
    conditions.push_back(size - position);
  }
  return position;
}

static std::optional<Resolved> resolveForward(const Range &range, Conditions &conditions) {
  auto start = resolveBound(*range.start, range.size, /*isEnd=*/false, conditions);
  auto end = resolveBound(*range.end, range.size, /*isEnd=*/true, conditions);
  if (!start || !end)
    return std::nullopt;
  AffineExpr length = *end - *start;
  if (!isKnownNonNegative(length))
    conditions.push_back(length);
  return Resolved{*start, length.ceilDiv(range.step)};
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
  Conditions conditions;
  std::optional<Resolved> resolved =
      range.step > 0 ? resolveForward(range, conditions) : resolveBackward(range);
  if (!resolved)
    return std::nullopt;
  for (AffineExpr condition : conditions)
    requireNonNegative(node, condition, "slice.bound");
  return resolved;
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
    start = m.max(m.min(start, last), zero);
    end = m.max(m.min(end, last), -1);
    count = m.div(m.add(m.sub(start, end), -range.step - 1), -range.step);
  }
  bool startsAtZero = range.start && constantOf(*range.start) == 0 && range.step > 0;
  std::optional<DimExprs> counts = node.contentsOrBind(m.max(count, zero), "slice.size");
  std::optional<DimExprs> starts =
      startsAtZero ? DimExprs{node.expr(0)} : node.contentsOrBind(start, "slice.start");
  if (!counts || !starts)
    return std::nullopt;
  return Resolved{(*starts)[0], (*counts)[0]};
}

/// Slices `data` along axes that bounds are given for, as expressions or as rank-1 tensors.
static Results buildSlice(NodeImporter &node, Value data, ArrayRef<int64_t> axes,
                          ArrayRef<int64_t> steps, std::optional<DimExprs> starts,
                          std::optional<DimExprs> ends) {
  TensorMath m(node);
  DimExprs dims = node.dims(data), first(dims.size(), node.expr(0));
  SmallVector<int64_t> allSteps(dims.size(), 1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Range range{dims[axis], {}, {}, {}, {}, steps[i]};
    if (starts)
      range.start = (*starts)[i];
    else
      range.startTensor = m.slice(node.operand(1), 0, i, 1);
    if (ends)
      range.end = (*ends)[i];
    else
      range.endTensor = m.slice(node.operand(2), 0, i, 1);
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
  Value forward = m.less(zero, step), last = m.sub(size, one);
  start = m.max(m.min(start, m.select(forward, size, last)), zero);
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
  for (int64_t &step : steps) // so that sums stay in range
    step = std::clamp<int64_t>(step, -(int64_t(1) << 40), int64_t(1) << 40);
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
