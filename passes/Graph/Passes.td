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

def FoldScalesPass : Pass<"tenon-fold-scales", "::mlir::func::FuncOp"> {
  let summary = "folds factors and biases per channel into the weights of contractions";
  let description = [{
    A batch normalization is imported as a multiplication and an addition by constants per channel.
    After a convolution or matrix product with constant weights that nothing else reads, the factor
    goes into the weights and what is added joins into one bias. Runs after transposes have moved
    out of the way.

    ```mlir
    %1 = tenon.conv %x, %w ...
    %2 = tenon.mul %1, %s : (tensor<1x8x8x4xf32>, tensor<4xf32>) -> tensor<1x8x8x4xf32>
    ```

    becomes

    ```mlir
    %v = tenon.mul %w, %s : (tensor<3x3x2x4xf32>, tensor<4xf32>) -> tensor<3x3x2x4xf32>
    %2 = tenon.conv %x, %v ...
    ```
  }];
  let statistics = [Statistic<"numFolded", "folded", "Factors folded into weights">];
}

def RecognizePass : Pass<"tenon-recognize", "::mlir::func::FuncOp"> {
  let summary = "finds named ops in their long-hand forms, and simplifies arithmetic";
  let description = [{
    Exporters write normalizations and activations out as the arithmetic that defines them. This
    pass gives them their names back, so that later passes see one op with a known meaning: layer_norm,
    rms_norm, softmax, gelu (both forms), silu, sigmoid. It also replaces arithmetic by cheaper
    arithmetic with the same result: powers with small constant exponents, divisions by powers of
    two, operations with neutral elements, slices of slices.

    ```mlir
    %1 = tenon.reduce mean %x {axes = array<i64: 1>} ...
    %2 = tenon.sub %x, %1 ...
    %3 = tenon.mul %2, %2 ...
    %4 = tenon.reduce mean %3 {axes = array<i64: 1>} ...
    %5 = tenon.add %4, %epsilon ...
    %6 = tenon.sqrt %5 ...
    %7 = tenon.div %2, %6 ...
    ```

    becomes

    ```mlir
    %7 = tenon.layer_norm %x {axis = 1, epsilon = 1.0e-5} ...
    ```
  }];
}

def SimplifyQuantizationPass : Pass<"tenon-simplify-quantization", "::mlir::func::FuncOp"> {
  let summary = "removes the steps through integers between quantized operators";
  let description = [{
    A value that is quantized and dequantized is rounded and clamped; that it is narrowed to a byte
    and moved by the zero point in between changes nothing. Follows which values are integers and
    within which bounds, and drops roundings, clamps and casts that do nothing. Runs after constants
    have folded.

    ```mlir
    %1 = tenon.add %rounded, %z ...       // %rounded: integers
    %2 = tenon.max %1, %c0 ...
    %3 = tenon.min %2, %c255 ...
    %4 = tenon.cast %3 to ui8 ...
    %5 = tenon.cast %4 to i32 ...
    %6 = tenon.sub %5, %zi32 ...
    %7 = tenon.cast %6 to f32 ...
    ```

    becomes

    ```mlir
    %1 = tenon.max %rounded, %minus_z ...
    %7 = tenon.min %1, %255_minus_z ...
    ```
  }];
}

def UnifySizesPass : Pass<"tenon-unify-sizes", "::mlir::func::FuncOp"> {
  let summary = "replaces symbols of broadcasts by the sizes that they must be equal to";
  let description = [{
    `tenon.bind_broadcast` binds a symbol of its own where only a run tells which size wins. Often
    an op further down needs that size to be another one: the masked scores of attention have as
    many columns as there are values. Then the symbol is that size wherever it occurs, and most of
    what broadcast to it does not broadcast any more. The check that both are equal moves up to where
    the symbol is bound.

    ```mlir
    tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
    %1 = tenon.broadcast %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>)
                              -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
    tenon.require equal affine_map<()[s0, s1, s2] -> (s2, s0)>, "inner dimensions"
    ```

    makes `%1` the same as `%x`. Runs first: shapes are as the importer wrote them.
  }];
  let statistics = [Statistic<"numUnified", "unified", "Symbols replaced by other sizes">];
}

def WidenHalvesPass : Pass<"tenon-widen-halves", "::mlir::func::FuncOp"> {
  let summary = "computes in f32 what a model computes in f16 or bf16";
  let description = [{
    CPUs have no arithmetic on halves, so each kernel would convert its operands and round its
    results. Values between nodes become f32. Arguments, results, explicit casts, what only moves
    halves, and the right operands of matrix products that reading them dominates stay as they are.

    ```mlir
    %1 = tenon.mul %x, %y : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
    %2 = tenon.exp %1 : (tensor<4xf16>) -> tensor<4xf16>
    ```

    becomes

    ```mlir
    %x1 = tenon.cast %x to f32 : (tensor<4xf16>) -> tensor<4xf32>
    %y1 = tenon.cast %y to f32 : (tensor<4xf16>) -> tensor<4xf32>
    %1 = tenon.mul %x1, %y1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %e = tenon.exp %1 : (tensor<4xf32>) -> tensor<4xf32>
    %2 = tenon.cast %e to f16 : (tensor<4xf32>) -> tensor<4xf16>
    ```
  }];
  let statistics = [Statistic<"numWidened", "widened", "Ops that compute in f32">];
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
