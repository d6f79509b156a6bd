// Chooses how elements are computed one by one, and into how many tasks any kernel's work is
// divided.

#include "passes/Schedule/Cpu/Choose.h"
#include <algorithm>

using namespace mlir;

namespace tenon::cpu {

RowsScheduleAttr chooseRows(TargetAttr target) {
  return RowsScheduleAttr::get(target.getContext(), target.getLanes(32), /*vectors_per_trip=*/4,
                               /*shared_rows=*/8);
}

void enumerateRows(TargetAttr target, llvm::function_ref<void(RowsScheduleAttr)> take) {
  take(chooseRows(target));
  for (int64_t vectors : {1, 2, 4, 8})
    for (int64_t sharedRows : {2, 8})
      take(RowsScheduleAttr::get(target.getContext(), target.getLanes(32), vectors, sharedRows));
}

/// Work that is worth a task: floating point operations, and two for each element that is moved.
static constexpr int64_t kWorkPerTask = 1 << 14;
/// More tasks than any machine has threads; the runtime takes as many as it has.
static constexpr int64_t kManyTasks = 1024;

DimExprs chooseTasks(KernelOp kernel) {
  MLIRContext *context = kernel.getContext();
  int64_t flops = 0;
  for (auto op : kernel.getOps<CostOpInterface>())
    flops += op.getFlops();
  AffineExpr work = getAffineConstantExpr(flops, context);
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(), kernel.getResultTypes()))
    work = work + product(getDims(type), context) * 2;
  AffineExpr tasks = work.floorDiv(kWorkPerTask);
  if (auto constant = dyn_cast<AffineConstantExpr>(tasks))
    return {
        getAffineConstantExpr(std::clamp<int64_t>(constant.getValue(), 1, kManyTasks), context)};
  return {getAffineConstantExpr(kManyTasks, context), tasks};
}

} // namespace tenon::cpu
