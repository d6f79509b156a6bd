// The loops of kernels that go over elements: in vectors, each task its share.

#include "passes/Codegen/Cpu/KernelEmitter.h"

using namespace mlir;

namespace tenon::cpu {

std::pair<Value, Value> KernelEmitter::share(Value count) {
  Value begin = em.div(em.mul(count, task), tasks);
  Value end = em.div(em.mul(count, em.add(task, 1)), tasks);
  return {begin, end};
}

void KernelEmitter::forShare(Value count, function_ref<void(Value)> body) {
  auto [begin, end] = share(count);
  em.loop(begin, end, em.i64(1), body);
}

int64_t KernelEmitter::lanesFor(AffineExpr size) const {
  int64_t vector = rows.getLanes();
  auto constant = dyn_cast<AffineConstantExpr>(size);
  int64_t most = vector * rows.getVectorsPerTrip();
  if (!constant)
    return most;
  int64_t lanes = 1;
  while (lanes < most && lanes < constant.getValue())
    lanes *= 2;
  // A last trip that is mostly masked off wastes more than shorter trips cost.
  while (lanes > vector && constant.getValue() % lanes != 0 && constant.getValue() < 2 * lanes)
    lanes /= 2;
  return lanes;
}

SmallVector<Value>
KernelEmitter::vectorLoop(Value lower, Value upper, int64_t lanes, bool mayHaveRest,
                          ValueRange init,
                          function_ref<SmallVector<Value>(LaneIndex, ValueRange)> body) {
  int64_t laneStride = lanes > 1;
  Value step = em.i64(lanes);
  Value whole = em.sub(upper, em.rem(em.sub(upper, lower), step));
  SmallVector<Value> carried = em.loop(lower, whole, step, init, [&](Value i, ValueRange values) {
    SmallVector<Value> next;
    withLanes(lanes, nullptr, [&] { next = body({i, laneStride, false, lanes}, values); });
    return next;
  });
  if (!mayHaveRest || lanes == 1)
    return carried;
  Value rest = em.sub(upper, whole);
  Value hasRest = em.less(em.i64(0), rest);
  if (isConstant(hasRest, 0))
    return carried;
  auto masked = [&](ValueRange values) {
    SmallVector<Value> next;
    withLanes(lanes, em.laneMask(lanes, rest),
              [&] { next = body({whole, laneStride, false, lanes}, values); });
    return next;
  };
  if (isConstant(hasRest, 1) || isConstant(hasRest, -1))
    return masked(carried);
  auto branch = scf::IfOp::create(em, em.getLoc(), ValueRange(init).getTypes(), hasRest,
                                  /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> next = masked(carried);
  if (branch.getNumResults() == 0) {
    branch.getElseRegion().front().erase();
    return {};
  }
  scf::YieldOp::create(em, em.getLoc(), next);
  em.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(em, em.getLoc(), carried);
  return SmallVector<Value>(branch.getResults());
}

void KernelEmitter::forElements(ArrayRef<AffineExpr> shape,
                                function_ref<void(ArrayRef<LaneIndex>)> body) {
  if (shape.empty()) {
    em.ifThen(em.compare(arith::CmpIPredicate::eq, task, em.i64(0)),
              [&] { withLanes(1, nullptr, [&] { body({}); }); });
    return;
  }
  AffineExpr last = shape.back();
  ArrayRef<AffineExpr> outer = shape.drop_back();
  AffineExpr count = product(outer, last.getContext());
  int64_t lanes = lanesFor(last);
  bool mayHaveRest = true;
  if (auto constant = dyn_cast<AffineConstantExpr>(last))
    mayHaveRest = constant.getValue() % lanes != 0;
  auto emitRow = [&](Value row, Value lower, Value upper) {
    SmallVector<LaneIndex> index = delinearize(uniform(row), outer);
    index.emplace_back();
    vectorLoop(lower, upper, lanes, mayHaveRest, {}, [&](LaneIndex position, ValueRange) {
      index.back() = position;
      body(index);
      return SmallVector<Value>();
    });
  };
  Value size = value(last);
  // Few rows: tasks share each row's vectors instead.
  auto numRows = dyn_cast<AffineConstantExpr>(count);
  if (numRows && numRows.getValue() < rows.getSharedRows()) {
    auto [begin, end] = share(em.ceilDiv(size, em.i64(lanes)));
    Value lower = em.mul(begin, lanes), upper = em.min(em.mul(end, lanes), size);
    em.loop(em.i64(0), value(count), em.i64(1), [&](Value row) { emitRow(row, lower, upper); });
    return;
  }
  forShare(value(count), [&](Value row) { emitRow(row, em.i64(0), size); });
}

} // namespace tenon::cpu
