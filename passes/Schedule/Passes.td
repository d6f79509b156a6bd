// How each kernel is computed, decided from the target's numbers.

#ifndef TENON_PASSES_SCHEDULE_PASSES_TD
#define TENON_PASSES_SCHEDULE_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignTargetPass : Pass<"tenon-assign-target", "::mlir::ModuleOp"> {
  let summary = "says which device a module is compiled for";
  let description = [{
    Puts the target of that name on the module. Later passes ask nothing else about the device. For a
    processor it is `#cpu.target`, made of its row in the table of targets and its instruction sets.

    ```mlir
    // tenon-opt --tenon-assign-target=target=x86-64-v3
    module {}
    ```

    becomes

    ```mlir
    module attributes {tenon.target = #cpu.target<name = "x86-64-v3",
        features = ["sse3", "ssse3", "sse4.1", "sse4.2", "popcnt", "avx", "avx2", "fma", "f16c",
                    "bmi", "bmi2", "lzcnt", "movbe"],
        l2_bytes = 524288, l3_bytes = 16777216>} {}
    ```
  }];
  // With it come those of all kinds of targets (registerAllTargets).
  let dependentDialects = ["::tenon::TenonDialect"];
  let options = [
    Option<"target", "target", "std::string", "\"native\"",
           "As for tenon compile: a processor, or KIND:NAME for another kind of device">
  ];
}

def PlaceKernelsPass : Pass<"tenon-place-kernels", "::mlir::ModuleOp"> {
  let summary = "lets the host compute kernels where a device would take longer";
  let description = [{
    Where kernels compute in memory of their own, a launch there and a transfer cost a fixed time, so that
    small work is done faster by the host, as long as its operands and results need not be moved.
    Launches and transfers cost what the devices say (DeviceCosts.h), where sizes that only a run tells are taken to
    be 128, and loops to have 10 turns; the cheapest placement of all is found exactly, so that by these
    costs it takes no longer than everything on the device, or on the host. A kernel that the host
    computes gets a strategy that says so; `tenon-plan-transfers` writes the transfers.

    Nothing happens for targets that are a processor.
  }];
  let statistics = [Statistic<"numOnHost", "on-host", "Launches that the host does instead of the device">];
}

def FindZerosPass : Pass<"tenon-find-zeros", "::mlir::ModuleOp"> {
  let summary = "counts zeros in the weights of kernels";
  let description = [{
    A strategy may have code that skips blocks of weights that are zero. Where the weights of a kernel
    are constants, `tenon.zeros` on its argument says how many blocks of the shapes that the strategy
    asks for are not zero: [depth, width, kept], the input channels and output channels of a block,
    and their number; and how many bytes of constants a run reads. Launches with other numbers of
    zeros get a copy of the kernel.

    Of a kernel whose weights [32, 16] have ten rows that are not zero, where a run reads nothing else,
    the argument says `tenon.zeros = {blocks = [array<i64: 1, 16, 10>], run_bytes = 2048}`.
  }];
  let statistics = [Statistic<"numFound", "found", "Kernels whose weights have zeros">];
}

def AssignSchedulesPass : Pass<"tenon-assign-schedules", "::mlir::ModuleOp"> {
  let summary = "writes the schedules of kernels";
  let description = [{
    Gives every kernel without a `schedule` the one that its strategy picks for its sizes on the
    module's target: register tile, loop order, packing, prefetch, blocks of queries and keys. Code
    generation reads nothing else, so that a schedule can be written by hand or by a tuner instead.
    A kernel that its strategy cannot compute becomes one of the elemental strategy. `tasks` says into
    how many tasks a launch is divided, and `scratch` what memory each of them needs by the schedule.
  }];
  let statistics = [Statistic<"numScheduled", "scheduled", "Kernels that got a schedule">];
}

#endif
