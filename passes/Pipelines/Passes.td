// The boundaries between stages.

#ifndef TENON_PASSES_PIPELINES_PASSES_TD
#define TENON_PASSES_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyStagePass : Pass<"tenon-verify-stage", "::mlir::ModuleOp"> {
  let summary = "checks what must hold at the end of a stage";
  let description = [{
    Ops verify themselves; this checks what no op can see alone. Each stage ends with it, so that a
    pass that breaks a promise is found there and not in the machine code.

    - `import` and `graph`: ops on tensors only, no kernels yet; every symbol that a type uses is
      one of the function's.
    - `kernels`: the function holds nothing but constants, views, control flow and launches; every
      kernel has at most one root, and a schedule of its class if it is a contraction or attention; nothing that
      decomposes is left outside of the root.
    - `program`: every result of a launch has a place, inside the arena or in an output that exists.
  }];
  let options = [
    Option<"stage", "stage", "std::string", "\"import\"", "import, graph, kernels or program">
  ];
}

#endif
