// Kernels without a contraction: elementwise ops, index maps, and reductions with what surrounds
// them (softmax, norms, pooling over whole images).
//
// Without reductions every element of the results is computed on its own, vectors along the last
// dimension. With reductions, all of which fusion made reduce the same axes of the same shape, the
// kernel goes row by row, a row being the elements that are reduced together:
//
//   for each row:
//     for each level of reductions (softmax: the maximum, then the sum that needs it):
//       one pass over the row accumulates all reductions of the level
//       what is computed from these once for each row (norms: the inverse deviation)
//     one pass over the row, or one store, writes the results
//
// What is expensive and needed by several passes (softmax: the powers) waits in memory (RowPasses).
//
// If the last dimension is reduced, vectors run along it and are folded at the end of a pass; where
// a team shares the row, its members' results are folded next. If it is not, vectors hold
// neighbouring rows, and nothing needs folding.
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "passes/Codegen/Common/FoldLanes.h"
#include "passes/Codegen/Common/KernelEmitter.h"
#include "passes/Codegen/Common/RowPasses.h"

using namespace mlir;

namespace tenon {

namespace {

class RowsEmitter {
public:
  explicit RowsEmitter(KernelEmitter &e) : e(e), em(e.em) {
    if (e.kernel.getOps<ReduceOp>().empty())
      return;
    passes.emplace(e.kernel);
    kept = passes->chooseKept(/*mayUseScratch=*/bool(e.getRowScratch()));
  }

  void emit();

private:
  // Elementwise.
  void emitElements(unsigned result);
  void storeElements(unsigned result, ArrayRef<LaneIndex> index);

  // Reductions.
  void emitRows();
  void emitLevels(ArrayRef<LaneIndex> row);
  void emitLevel(unsigned number, SmallVector<ReduceOp> level, ArrayRef<LaneIndex> row);
  void emitRowValues(unsigned level, ArrayRef<LaneIndex> row);
  void emitRowResults(ArrayRef<LaneIndex> row);
  /// Where a row of the value waits for later passes.
  Buffer placeOf(const KeptValue &value);
  /// One number of what the lanes carry.
  Value fold(ReduceOp reduce, ValueRange carried);

  // Loops.
  /// Loops over the reduced dimensions from `axis` on, filling in `index`.
  SmallVector<Value>
  reducedLoops(size_t axis, SmallVector<LaneIndex> &index, ValueRange init,
               function_ref<SmallVector<Value>(ArrayRef<LaneIndex>, ValueRange)> body);

  KernelEmitter &e;
  Emitter &em;
  /// Of kernels with reductions.
  std::optional<RowPasses> passes;
  SmallVector<KeptValue> kept;
  DimExprs dims; // of what is reduced
  SmallVector<int64_t> axes;
  int64_t rowLanes = 1;
  /// Whether the last dimension is not reduced, so that lanes are rows.
  bool alongLanes = false;
};

} // namespace

void RowsEmitter::emit() {
  if (passes)
    return emitRows();
  for (unsigned result = 0; result < e.kernel.getNumResults(); ++result)
    emitElements(result);
}

//===-- Elementwise --===//

void RowsEmitter::storeElements(unsigned result, ArrayRef<LaneIndex> index) {
  e.store(e.result(result), index, e.broadcast(e.element(e.computed(result), index)));
}

void RowsEmitter::emitElements(unsigned result) {
  e.forElements(getDims(e.computed(result).getType()),
                [&](ArrayRef<LaneIndex> index) { storeElements(result, index); });
}

//===-- Reductions --===//

void RowsEmitter::emitRows() {
  dims = passes->getDims();
  axes = SmallVector<int64_t>(passes->getAxes());
  alongLanes = !dims.empty() && !passes->isReduced(dims.size() - 1);
  DimExprs rowDims;
  for (size_t dim = 0; dim + alongLanes < dims.size(); ++dim)
    if (!passes->isReduced(dim))
      rowDims.push_back(dims[dim]);
  auto rowIndex = [&](LaneIndex row) {
    SmallVector<LaneIndex> parts = e.delinearize(row, rowDims);
    SmallVector<LaneIndex> index(dims.size(), e.index(0));
    size_t part = 0;
    for (size_t dim = 0; dim + alongLanes < dims.size(); ++dim)
      if (!passes->isReduced(dim))
        index[dim] = parts[part++];
    return index;
  };
  Value rows = e.value(product(rowDims, e.kernel.getContext()));
  if (!alongLanes) {
    e.forRows(rows, [&](Value row) {
      SmallVector<LaneIndex> index = rowIndex(e.uniform(row));
      emitLevels(index);
      emitRowResults(index);
    });
    return;
  }
  // Vectors of neighbouring rows: the unit of work is one vector.
  rowLanes = e.lanesFor(dims.back());
  Value size = e.value(dims.back()), chunks = em.ceilDiv(size, em.i64(rowLanes));
  auto constant = dyn_cast<AffineConstantExpr>(dims.back());
  bool whole = constant && constant.getValue() % rowLanes == 0;
  e.forShare(em.mul(rows, chunks), [&](Value unit) {
    SmallVector<LaneIndex> index = rowIndex(e.uniform(em.div(unit, chunks)));
    Value first = em.mul(em.rem(unit, chunks), rowLanes);
    index.back() = {first, rowLanes == 1 ? 0 : 1, false, rowLanes};
    Value mask = whole || rowLanes == 1 ? Value() : em.laneMask(rowLanes, em.sub(size, first));
    e.withLanes(rowLanes, mask, [&] {
      emitLevels(index);
      emitRowResults(index);
    });
  });
}

Buffer RowsEmitter::placeOf(const KeptValue &value) {
  if (value.inResult)
    return e.result(0);
  Value pointer =
      em.offsetPointer(e.getRowScratch(), em.getI8Type(), value.slot * passes->getSlotBytes());
  Buffer row = makeBuffer(pointer, value.value.getType());
  for (AffineExpr &stride : MutableArrayRef(row.strides).drop_back())
    stride = getAffineConstantExpr(0, em.getContext());
  return row;
}

void RowsEmitter::emitLevels(ArrayRef<LaneIndex> row) {
  for (const auto &[number, level] : passes->getLevels()) {
    emitLevel(number, level, row);
    emitRowValues(number + 1, row);
  }
}

/// What depends on the reductions of as many levels, and on the row alone.
void RowsEmitter::emitRowValues(unsigned level, ArrayRef<LaneIndex> row) {
  if (passes->getReducedDims() == dims)
    return;
  for (Operation &op : e.kernel.getEntryBlock()) {
    if (op.getNumResults() != 1 || !passes->isRowValue(&op) || passes->levelOf(&op) != level)
      continue;
    Value value = e.element(op.getResult(0), row);
    e.setSource(op.getResult(0), [value](ArrayRef<LaneIndex>) { return value; });
  }
}

SmallVector<Value>
RowsEmitter::reducedLoops(size_t axis, SmallVector<LaneIndex> &index, ValueRange init,
                          function_ref<SmallVector<Value>(ArrayRef<LaneIndex>, ValueRange)> body) {
  if (axis == axes.size())
    return body(index, init);
  int64_t dim = axes[axis];
  Value size = e.value(dims[dim]);
  if (dim + 1 == static_cast<int64_t>(dims.size())) {
    int64_t lanes = e.lanesFor(dims.back());
    return e.vectorLoop(em.i64(0), size, lanes, true, init, [&](LaneIndex i, ValueRange values) {
      index[dim] = i;
      return body(index, values);
    });
  }
  return em.loop(em.i64(0), size, em.i64(1), init, [&](Value i, ValueRange values) {
    SmallVector<Value> next;
    e.withLanes(e.lanes(), e.currentMask(), [&] {
      index[dim] = e.uniform(i);
      next = reducedLoops(axis + 1, index, values, body);
    });
    return next;
  });
}

Value RowsEmitter::fold(ReduceOp reduce, ValueRange carried) {
  Value lanes = carried.front();
  if (!isa<VectorType>(lanes.getType()))
    return emitEnd(em, em.getLoc(), carried);
  if (carried.size() == 2)
    return foldExtremum(em, reduce.getKind() == ReduceKind::Max, lanes, carried[1]);
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(lanes.getType()));
  Type elementType = reduce.getOperand().getType().getElementType();
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  vector::CombiningKind kind = vector::CombiningKind::ADD;
  switch (reduce.getKind()) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    break;
  case ReduceKind::Prod:
    kind = vector::CombiningKind::MUL;
    break;
  case ReduceKind::Max:
    kind = isUnsigned ? vector::CombiningKind::MAXUI : vector::CombiningKind::MAXSI;
    break;
  case ReduceKind::Min:
    kind = isUnsigned ? vector::CombiningKind::MINUI : vector::CombiningKind::MINSI;
    break;
  }
  auto flags = isFloat ? arith::FastMathFlags::reassoc : arith::FastMathFlags::none;
  return vector::ReductionOp::create(em, em.getLoc(), kind, lanes, flags);
}

/// Takes what a reduction carries off the front.
static ValueRange takeCarried(ReduceOp reduce, ValueRange &carried) {
  unsigned count = countCarried(reduce.getKind(), reduce.getOperand().getType().getElementType());
  ValueRange taken = carried.take_front(count);
  carried = carried.drop_front(count);
  return taken;
}

void RowsEmitter::emitLevel(unsigned number, SmallVector<ReduceOp> level, ArrayRef<LaneIndex> row) {
  int64_t lanes = alongLanes ? rowLanes : e.lanesFor(dims.back());
  SmallVector<Value> init;
  e.withLanes(lanes, e.currentMask(), [&] {
    for (ReduceOp reduce : level)
      llvm::append_range(
          init, emitStart(e, reduce.getKind(), reduce.getOperand().getType().getElementType()));
  });
  SmallVector<std::pair<Value, Buffer>> keeps;
  for (const KeptValue &each : kept)
    if (each.level == number)
      keeps.push_back({each.value, placeOf(each)});
  SmallVector<LaneIndex> index(row);
  SmallVector<Value> sums =
      reducedLoops(0, index, init, [&](ArrayRef<LaneIndex> at, ValueRange carried) {
        SmallVector<Value> next;
        for (ReduceOp reduce : level) {
          Type type = reduce.getOperand().getType().getElementType();
          Value element = e.broadcast(e.element(reduce.getOperand(), at));
          // Lanes that are masked off must not count.
          if (e.currentMask() && !alongLanes)
            element = arith::SelectOp::create(em, em.getLoc(), e.currentMask(), element,
                                              emitNeutral(e, reduce.getKind(), type));
          ValueRange before = takeCarried(reduce, carried);
          llvm::append_range(next,
                             emitStep(em, em.getLoc(), reduce.getKind(), type, before, element));
        }
        for (const auto &[value, place] : keeps)
          e.store(place, at, e.broadcast(e.element(value, at)));
        return next;
      });
  for (const auto &[value, place] : keeps)
    e.setSource(value, [this, place](ArrayRef<LaneIndex> at) { return e.load(place, at); });
  AffineExpr count = getAffineConstantExpr(1, e.kernel.getContext());
  for (int64_t axis : axes)
    count = count * dims[axis];
  ValueRange rest = sums;
  for (ReduceOp reduce : level) {
    ValueRange carried = takeCarried(reduce, rest);
    Value result =
        alongLanes ? emitEnd(em, em.getLoc(), carried)
                   : e.foldTeam(reduce.getKind(), reduce.getOperand().getType().getElementType(),
                                fold(reduce, carried));
    if (reduce.getKind() == ReduceKind::Mean)
      result = emitMean(e, result, e.value(count));
    e.setSource(reduce.getResult(), [result](ArrayRef<LaneIndex>) { return result; });
  }
}

void RowsEmitter::emitRowResults(ArrayRef<LaneIndex> row) {
  for (unsigned result = 0; result < e.kernel.getNumResults(); ++result) {
    DimExprs shape = getDims(e.computed(result).getType());
    bool isReducedShape = llvm::all_of(axes, [&](int64_t axis) {
      auto constant = dyn_cast<AffineConstantExpr>(shape[axis]);
      return constant && constant.getValue() == 1;
    });
    if (isReducedShape && shape != dims) {
      if (alongLanes)
        storeElements(result, row);
      else
        e.onceInTeam([&] { storeElements(result, row); });
      continue;
    }
    SmallVector<LaneIndex> index(row);
    reducedLoops(0, index, {}, [&](ArrayRef<LaneIndex> at, ValueRange) {
      storeElements(result, at);
      return SmallVector<Value>();
    });
  }
}

void emitRows(KernelEmitter &emitter) { RowsEmitter(emitter).emit(); }

} // namespace tenon
