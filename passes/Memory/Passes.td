// Where a program's buffers live.

#ifndef TENON_PASSES_MEMORY_PASSES_TD
#define TENON_PASSES_MEMORY_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanTransfersPass : Pass<"tenon-plan-transfers", "::mlir::ModuleOp"> {
  let summary = "brings values to the memory of who reads them";
  let description = [{
    Where kernels of the target compute in memory of their own, those of its host get `tenon.transfer`s of
    what they read, and others of what they have written. A value is brought once for all that read it,
    late, but before a loop that does not compute it. What only kernels of the host and the program
    itself read, as conditions and sizes, stays with the host (`#tenon.host`), and so do constants, which
    are in both memories.

    ```mlir
    // tenon-opt --tenon-assign-target=target=cuda:sm_80 --tenon-plan-transfers
    func.func @main(%x: tensor<4xf64>) -> tensor<4xf64> {
      %0 = tenon.launch @neg(%x) : (tensor<4xf64>) -> tensor<4xf64>
      %1 = tenon.launch @exp(%0) : (tensor<4xf64>) -> tensor<4xf64>
      %2 = tenon.launch @neg(%1) : (tensor<4xf64>) -> tensor<4xf64>
      return %2 : tensor<4xf64>
    }

    tenon.kernel @neg(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<4xf64>) -> tensor<4xf64>
      tenon.yield %0 : tensor<4xf64>
    }

    tenon.kernel @exp(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
      %0 = tenon.exp %a : (tensor<4xf64>) -> tensor<4xf64>
      tenon.yield %0 : tensor<4xf64>
    }
    ```

    becomes

    ```mlir
    func.func @main(%x: tensor<4xf64>) -> tensor<4xf64> {
      %0 = tenon.launch @neg(%x) : (tensor<4xf64>) -> tensor<4xf64>
      %h = tenon.transfer %0 to host {placement = [#tenon.host]} : tensor<4xf64>
      %1 = tenon.launch @exp(%h) {placement = [#tenon.host]} : (tensor<4xf64>) -> tensor<4xf64>
      %d = tenon.transfer %1 to device : tensor<4xf64>
      %2 = tenon.launch @neg(%d) : (tensor<4xf64>) -> tensor<4xf64>
      return %2 : tensor<4xf64>
    }

    tenon.kernel @neg(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<4xf64>) -> tensor<4xf64>
      tenon.yield %0 : tensor<4xf64>
    }

    tenon.kernel @exp(%a: tensor<4xf64>) -> tensor<4xf64> attributes {strategy = "host_rows"} {
      %0 = tenon.exp %a : (tensor<4xf64>) -> tensor<4xf64>
      tenon.yield %0 : tensor<4xf64>
    }
    ```
  }];
  let statistics = [
    Statistic<"numToHost", "to-host", "Transfers to the host">,
    Statistic<"numToDevice", "to-device", "Transfers to the device">
  ];
}

def PlanMemoryPass : Pass<"tenon-plan-memory", "::mlir::ModuleOp"> {
  let summary = "gives every kernel result its place in memory";
  let description = [{
    Buffers of constant size get offsets into one arena, such that buffers which live at the same
    time do not overlap (this is checked); several orders of placing them are tried. Parts of one
    tensor that several launches write have one buffer. Results of the function are written to the
    caller's memory where possible; that of a state (`tenon.state`) only if its input is read neither by
    the launch nor after it, because both may lie in one memory. Buffers whose size is known only at run time are allocated then,
    and a `tenon.release` after the last use gives them back. The function's attribute
    `tenon.arena_bytes` is the size of the arena, and `tenon.arena_lower_bound` the most bytes that
    live at one time.

    References to sequences, optionals and maps are given back the same way. The last insertion into a
    sequence, or removal, takes it over instead (`consumes`).

    Scratch memory of kernels lies in a region of the context that all launches share, where a task's
    need is a constant; otherwise the launch is marked with `allocates_scratch`.

    After the pass every launch and transfer has a `placement`; those on the host had it before.

    ```mlir
    func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
      %0 = tenon.launch @neg(%x) : (tensor<16xf32>) -> tensor<16xf32>
      %1 = tenon.launch @neg(%0) : (tensor<16xf32>) -> tensor<16xf32>
      return %1 : tensor<16xf32>
    }

    tenon.kernel @neg(%a: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<16xf32>) -> tensor<16xf32>
      tenon.yield %0 : tensor<16xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%x: tensor<16xf32>) -> tensor<16xf32>
        attributes {tenon.arena_bytes = 64 : i64, tenon.arena_lower_bound = 64 : i64} {
      %0 = tenon.launch @neg(%x) {placement = [#tenon.arena<0>]} : (tensor<16xf32>) -> tensor<16xf32>
      %1 = tenon.launch @neg(%0) {placement = [#tenon.output<0>]} : (tensor<16xf32>) -> tensor<16xf32>
      return %1 : tensor<16xf32>
    }

    tenon.kernel @neg(%a: tensor<16xf32>) -> tensor<16xf32> attributes {strategy = "rows"} {
      %0 = tenon.neg %a : (tensor<16xf32>) -> tensor<16xf32>
      tenon.yield %0 : tensor<16xf32>
    }
    ```
  }];
  let options = [
    Option<"separateBuffers", "separate-buffers", "bool", "false",
           "Allocate every buffer when it is first written, so that a checking run can guard each">
  ];
  let statistics = [
    Statistic<"numStatic", "static", "Buffers in the arena">,
    Statistic<"numDynamic", "dynamic", "Buffers allocated at run time">
  ];
}

#endif
