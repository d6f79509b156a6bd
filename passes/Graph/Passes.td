// Simplification of the graph.

#ifndef TENON_PASSES_GRAPH_PASSES_TD
#define TENON_PASSES_GRAPH_PASSES_TD

include "mlir/Pass/PassBase.td"

def FoldConstantsPass : Pass<"tenon-fold-constants", "::mlir::ModuleOp"> {
  let summary = "computes at compile time what depends on constants alone";
  let description = [{
    The ops whose operands are all constant, directly or through others like them, are taken out
    into a function of their own, compiled like any model, run in the compiler's process, and
    replaced by their results. So there is one implementation of every op, and whatever a pass wants
    done to weights (packing, transposing, folding scales into them) it writes as ordinary ops.

    Results that are much larger than what they are computed from stay in the graph: they are
    cheaper to compute than to load. Needs an evaluator, which the driver gives; without one (in
    tenon-opt) nothing folds.
  }];
  let statistics = [Statistic<"numFolded", "folded", "Ops computed at compile time">];
}

def DecomposePass : Pass<"tenon-decompose", "::mlir::func::FuncOp"> {
  let summary = "replaces named ops by the simple ones they consist of";
  let description = [{
    Softmax, norms and others keep their names while the graph is recognised and laid out. Before
    kernels form, each becomes reductions and pointwise ops, so that they fuse with what surrounds
    them and one strategy computes all of them.
  }];
  let statistics = [Statistic<"numDecomposed", "decomposed", "Ops replaced">];
}

#endif
