// Layouts of activations and weights.

#ifndef TENON_PASSES_LAYOUT_PASSES_TD
#define TENON_PASSES_LAYOUT_PASSES_TD

include "mlir/Pass/PassBase.td"

def MoveTransposesPass : Pass<"tenon-move-transposes", "::mlir::func::FuncOp"> {
  let summary = "moves transposes down until they cancel";
  let description = [{
    Convolutions and pools work on channels-last tensors, and the importer puts a transpose on each
    side of them. Here a transpose moves below the ops that can work on the other layout as well:
    pointwise ops, reductions, slices, pads, concatenations, reshapes that split or join dimensions.
    Two transposes that meet cancel, so that whole networks end up channels-last with one transpose
    at each end.

    ```mlir
    %1 = tenon.transpose %0 {permutation = array<i64: 0, 3, 1, 2>}
       : (tensor<1x8x6x4xf32>) -> tensor<1x4x8x6xf32>
    %2 = tenon.relu %1 : (tensor<1x4x8x6xf32>) -> tensor<1x4x8x6xf32>
    %3 = tenon.transpose %2 {permutation = array<i64: 0, 2, 3, 1>}
       : (tensor<1x4x8x6xf32>) -> tensor<1x8x6x4xf32>
    ```

    becomes

    ```mlir
    %3 = tenon.relu %0 : (tensor<1x8x6x4xf32>) -> tensor<1x8x6x4xf32>
    ```
  }];
  let statistics = [Statistic<"numRemoved", "removed", "Transposes fewer than before">];
}

def PackWeightsPass : Pass<"tenon-pack-weights", "::mlir::func::FuncOp"> {
  let summary = "brings constant weights into the layout that microkernels read";
  let description = [{
    The weights of a contraction become panels as wide as the register tile, padded with zeros, so
    that the innermost loop reads one stream. The packing is written as ordinary ops on the constant,
    which constant folding then evaluates.

    ```mlir
    %w = tenon.constant dense<1.0> : tensor<64x100xf32>
    %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x100xf32>) -> tensor<8x100xf32>
    ```

    becomes, with panels of 16,

    ```mlir
    %w = tenon.constant dense<1.0> : tensor<64x100xf32>
    %0 = tenon.reshape %w : (tensor<64x100xf32>) -> tensor<64x100xf32>
    %zero = tenon.constant dense<0.0> : tensor<f32>
    %1 = tenon.pad %0, %zero {low = affine_map<() -> (0, 0)>}
       : (tensor<64x100xf32>, tensor<f32>) -> tensor<64x112xf32>
    %2 = tenon.reshape %1 : (tensor<64x112xf32>) -> tensor<64x7x16xf32>
    %p = tenon.transpose %2 {permutation = array<i64: 1, 0, 2>}
       : (tensor<64x7x16xf32>) -> tensor<7x64x16xf32>
    %y = tenon.matmul %x, %p {packed = 16, columns = 100}
       : (tensor<8x64xf32>, tensor<7x64x16xf32>) -> tensor<8x100xf32>
    ```
  }];
  let statistics = [Statistic<"numPacked", "packed", "Contractions with packed weights">];
}

#endif
