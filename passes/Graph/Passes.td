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

def DropDeadTapsPass : Pass<"tenon-drop-dead-taps", "::mlir::func::FuncOp"> {
  let summary = "leaves out products of filters with padding";
  let description = [{
    A tap of a dilated filter that sees nothing but padding from all positions is dropped. If the
    others see little of the image, a convolution of floats becomes the sum of one of 1x1 for each
    tap, at the positions from which it sees the image.

    ```mlir
    %zero = tenon.constant dense<0.0> : tensor<f32>
    %w = tenon.constant dense<0.5> : tensor<3x2x3xf32>
    %p = tenon.pad %x, %zero {low = affine_map<() -> (0, 4, 0)>} : (tensor<1x4x2xf32>, tensor<f32>) -> tensor<1x12x2xf32>
    %y = tenon.conv %p, %w {strides = array<i64: 1>, dilations = array<i64: 4>}
       : (tensor<1x12x2xf32>, tensor<3x2x3xf32>) -> tensor<1x4x3xf32>
    ```

    becomes

    ```mlir
    %w = tenon.constant dense<0.5> : tensor<3x2x3xf32>
    %m = tenon.slice %w {starts = affine_map<() -> (1, 0, 0)>, steps = array<i64: 1, 1, 1>} : (tensor<3x2x3xf32>) -> tensor<1x2x3xf32>
    %y = tenon.conv %x, %m {strides = array<i64: 1>, dilations = array<i64: 4>}
       : (tensor<1x4x2xf32>, tensor<1x2x3xf32>) -> tensor<1x4x3xf32>
    ```
  }];
}

def FoldScalesPass : Pass<"tenon-fold-scales", "::mlir::func::FuncOp"> {
  let summary = "folds factors and biases per channel into the weights of contractions";
  let description = [{
    A batch normalization is imported as a multiplication and an addition by constants per channel.
    After a convolution or matrix product with constant weights that nothing else reads, the factor
    goes into the weights and what is added joins into one bias. Runs after transposes have moved
    out of the way.

    ```mlir
    %w = tenon.constant dense<0.5> : tensor<3x2xf32>
    %s = tenon.constant dense<[5.0, 6.0]> : tensor<2xf32>
    %1 = tenon.matmul %x, %w : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
    %2 = tenon.mul %1, %s : (tensor<4x2xf32>, tensor<2xf32>) -> tensor<4x2xf32>
    ```

    becomes

    ```mlir
    %w = tenon.constant dense<0.5> : tensor<3x2xf32>
    %s = tenon.constant dense<[5.0, 6.0]> : tensor<2xf32>
    %v = tenon.mul %w, %s : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
    %2 = tenon.matmul %x, %v : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
    ```
  }];
  let statistics = [Statistic<"numFolded", "folded", "Factors folded into weights">];
}

def InternStringsPass : Pass<"tenon-intern-strings", "::mlir::ModuleOp"> {
  let summary = "makes handles of strings";
  let description = [{
    The strings of all constants go into a table, each once, the empty one first, which the module keeps as
    `tenon.strings`. Elements of type string become i64, the numbers of strings in this table and, behind
    it, of those that a run adds. Arguments and results of functions that were strings are marked by
    `tenon.string`. Runs before anything else: no later pass knows strings.

    ```mlir
    func.func @main(%x: tensor<2x!tenon.string>) -> tensor<2xi1> {
      %yes = tenon.constant dense<"yes"> : tensor<!tenon.string>
      %y = tenon.equal %x, %yes : (tensor<2x!tenon.string>, tensor<!tenon.string>) -> tensor<2xi1>
      return %y : tensor<2xi1>
    }
    ```

    becomes

    ```mlir
    module attributes {tenon.strings = ["", "yes"]} {
      func.func @main(%x: tensor<2xi64> {tenon.string}) -> tensor<2xi1> {
        %yes = tenon.constant dense<1> : tensor<i64>
        %y = tenon.equal %x, %yes : (tensor<2xi64>, tensor<i64>) -> tensor<2xi1>
        return %y : tensor<2xi1>
      }
    }
    ```
  }];
  let statistics = [Statistic<"numStrings", "strings", "Strings in the table">];
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
    %epsilon = tenon.constant dense<9.765625e-4> : tensor<f32>
    %1 = tenon.reduce mean %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %2 = tenon.sub %x, %1 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
    %3 = tenon.mul %2, %2 : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    %4 = tenon.reduce mean %3 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %5 = tenon.add %4, %epsilon : (tensor<2x1xf32>, tensor<f32>) -> tensor<2x1xf32>
    %6 = tenon.sqrt %5 : (tensor<2x1xf32>) -> tensor<2x1xf32>
    %7 = tenon.div %2, %6 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
    ```

    becomes

    ```mlir
    %7 = tenon.layer_norm %x {axis = 1, epsilon = 9.765625e-4}
       : (tensor<2x3xf32>) -> tensor<2x3xf32>
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
    the symbol is bound. Runs first: shapes are as the importer wrote them.

    ```mlir
    tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
    %1 = tenon.broadcast %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>)
                              -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
    %2 = tenon.exp %1 : (tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>)
                        -> tensor<?xf32, affine_map<()[s0, s1, s2] -> (s2)>>
    tenon.require equal affine_map<()[s0, s1, s2] -> (s2, s0)>, "inner dimensions"
    ```

    becomes

    ```mlir
    tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
    tenon.require equal affine_map<()[s0, s1, s2] -> (s2, s0)>, "inner dimensions"
    %2 = tenon.exp %x : (tensor<?xf32, affine_map<()[s0] -> (s0)>>)
                        -> tensor<?xf32, affine_map<()[s0] -> (s0)>>
    ```
  }];
  let statistics = [Statistic<"numUnified", "unified", "Symbols replaced by other sizes">];
}

def WidenHalvesPass : Pass<"tenon-widen-halves", "::mlir::func::FuncOp"> {
  let summary = "computes in a wider type what the target cannot compute in halves";
  let description = [{
    Where a target has no arithmetic on f16 or bf16, each kernel would convert its operands and round
    its results. Values between nodes get the type that the target computes in: f32 on CPUs.
    Arguments, results, explicit casts, what only moves halves, and what products, convolutions and
    attention multiply by (weights, keys and values) stay as they are.

    ```mlir
    %1 = tenon.mul %x, %y : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
    %2 = tenon.exp %1 : (tensor<4xf16>) -> tensor<4xf16>
    ```

    becomes

    ```mlir
    %y1 = tenon.cast %y to f32 : (tensor<4xf16>) -> tensor<4xf32>
    %x1 = tenon.cast %x to f32 : (tensor<4xf16>) -> tensor<4xf32>
    %1 = tenon.mul %x1, %y1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %e = tenon.exp %1 : (tensor<4xf32>) -> tensor<4xf32>
    %2 = tenon.cast %e to f16 : (tensor<4xf32>) -> tensor<4xf16>
    ```
  }];
  let statistics = [Statistic<"numWidened", "widened", "Ops that compute in a wider type">];
}

def DecomposePass : Pass<"tenon-decompose", "::mlir::func::FuncOp"> {
  let summary = "replaces named ops by the simple ones they consist of";
  let description = [{
    Softmax, norms and others keep their names while the graph is recognised and laid out. Before
    kernels form, each becomes reductions and pointwise ops, so that they fuse with what surrounds
    them and one strategy computes all of them.

    ```mlir
    %y = tenon.softmax %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    ```

    becomes

    ```mlir
    %0 = tenon.reduce max %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %1 = tenon.sub %x, %0 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
    %2 = tenon.exp %1 : (tensor<2x3xf32>) -> tensor<2x3xf32>
    %3 = tenon.reduce sum %2 {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    %y = tenon.div %2, %3 : (tensor<2x3xf32>, tensor<2x1xf32>) -> tensor<2x3xf32>
    ```
  }];
  let statistics = [Statistic<"numDecomposed", "decomposed", "Ops replaced">];
}

def SplitSumsPass : Pass<"tenon-split-sums", "::mlir::func::FuncOp"> {
  let summary = "cuts the depth of products with few results, and the keys of attention, into parts";
  let description = [{
    Where a product has too few tiles for all multiprocessors of a device, and a long depth, it becomes one for each
    part of the depth, whose results are added up in their order. The strategy of the product says how many
    parts there are (`KernelStrategy::countParts`), by its cost model. Weights that are known are
    turned on the way, and folded. Attention goes through keys as a product through its depth: where it has few
    queries, it takes the keys in parts (`keyParts`), which `tenon.join_attention` joins.

    ```mlir
    // tenon-opt --tenon-assign-target=target=cuda:sm_80 --tenon-split-sums
    module {
      func.func @main(%x: tensor<16x8192xf16>, %w: tensor<8192x64xf16>) -> tensor<16x64xf32> {
        %y = tenon.matmul %x, %w : (tensor<16x8192xf16>, tensor<8192x64xf16>) -> tensor<16x64xf32>
        return %y : tensor<16x64xf32>
      }
    }
    ```

    becomes

    ```mlir
    module {
      func.func @main(%x: tensor<16x8192xf16>, %w: tensor<8192x64xf16>) -> tensor<16x64xf32> {
        %0 = tenon.reshape %x : (tensor<16x8192xf16>) -> tensor<16x32x256xf16>
        %1 = tenon.transpose %0 {permutation = array<i64: 1, 0, 2>} : (tensor<16x32x256xf16>) -> tensor<32x16x256xf16>
        %2 = tenon.reshape %w : (tensor<8192x64xf16>) -> tensor<32x256x64xf16>
        %3 = tenon.matmul %1, %2 : (tensor<32x16x256xf16>, tensor<32x256x64xf16>) -> tensor<32x16x64xf32>
        %4 = tenon.reduce sum %3 {axes = array<i64: 0>} : (tensor<32x16x64xf32>) -> tensor<1x16x64xf32>
        %y = tenon.reshape %4 : (tensor<1x16x64xf32>) -> tensor<16x64xf32>
        return %y : tensor<16x64xf32>
      }
    }
    ```
  }];
  let statistics = [Statistic<"numSplit", "split", "Products cut into parts">];
}

#endif
