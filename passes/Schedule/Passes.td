// How each kernel is computed, decided from the target's numbers.

#ifndef TENON_PASSES_SCHEDULE_PASSES_TD
#define TENON_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignSchedulesPass : Pass<"tenon-assign-schedules", "::mlir::ModuleOp"> {
  let summary = "writes the schedules of kernels";
  let description = [{
    Gives every contraction kernel without a `schedule` one that the cost model picks for its sizes
    on the target: register tile, loop order, packing, prefetch. Code generation reads nothing else,
    so that a schedule can be written by hand or by a tuner instead.
  }];
  let options = [
    Option<"target", "target", "std::string", "\"native\"", "The processor to schedule for">
  ];
  let statistics = [Statistic<"numScheduled", "scheduled", "Kernels that got a schedule">];
}

#endif
