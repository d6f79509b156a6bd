// The boundaries between stages.

#ifndef TENON_PASSES_PIPELINES_PASSES_TD
#define TENON_PASSES_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyStagePass : Pass<"tenon-verify-stage", "::mlir::ModuleOp"> {
  let summary = "checks what must hold at the end of a stage";
  let description = [{
    Ops verify themselves; this checks what no op can see alone, and reports all that it finds. Each
    stage ends with it, so that a pass that breaks a promise is found there and not in the machine
    code.

    - up to `program`: each state (`tenon.state`) has an output of its own, of its element type and rank,
      and after `import` of its dimensions.
    - `import`, `graph` and `target`: ops on tensors only, no kernels yet; every symbol that a type
      uses is one of the function's. After `target`, the target has code for the elements of all
      values: strings are gone.
    - `kernels`: the function holds nothing but constants, views, control flow and launches; every
      kernel has at most one root, and the kind of schedule that its class takes; nothing that
      decomposes is left outside of the root; packed weights have the panel width, and transformed
      filters the output tile, of the schedule; `scratch` is what the strategy needs by it.
    - `program`: every result of a launch has a place: in the arena, where it is large enough and
      shares its bytes with nothing that is in use at the same time, or in an output of its size. An
      output of a state is written by a launch only if its input is not in use any more.
      Scratch memory whose size depends on the run is allocated by it.
    - `code`: the program holds modules alone, each with one function for others; no op on tensors is
      left, and arrays on the stack are small. After `llvm` all ops are of the LLVM dialect.
  }];
  let options = [
    Option<"stage", "stage", "std::string", "\"import\"", "import, graph, target, kernels, program, code or llvm">
  ];
}

#endif
