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

def MoveReshapesPass : Pass<"tenon-move-reshapes", "::mlir::func::FuncOp"> {
  let summary = "moves reshapes down past pointwise ops";
  let description = [{
    A reshape moves nothing, but it ends a kernel. Where it stands between what computes a value and the
    pointwise ops behind that, it moves below these, so that they are one kernel. Their other operands
    must be in memory, or broadcast along whatever the reshape changes.

    ```mlir
    %0 = tenon.matmul %x, %w : (tensor<64x8xf32>, tensor<8x16xf32>) -> tensor<64x16xf32>
    %1 = tenon.reshape %0 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
    %2 = tenon.add %1, %b : (tensor<1x64x16xf32>, tensor<16xf32>) -> tensor<1x64x16xf32>
    %3 = tenon.add %2, %z : (tensor<1x64x16xf32>, tensor<1x64x16xf32>) -> tensor<1x64x16xf32>
    ```

    becomes

    ```mlir
    %0 = tenon.matmul %x, %w : (tensor<64x8xf32>, tensor<8x16xf32>) -> tensor<64x16xf32>
    %1 = tenon.add %0, %b : (tensor<64x16xf32>, tensor<16xf32>) -> tensor<64x16xf32>
    %r = tenon.reshape %z : (tensor<1x64x16xf32>) -> tensor<64x16xf32>
    %2 = tenon.add %1, %r : (tensor<64x16xf32>, tensor<64x16xf32>) -> tensor<64x16xf32>
    %3 = tenon.reshape %2 : (tensor<64x16xf32>) -> tensor<1x64x16xf32>
    ```
  }];
}

def PackWeightsPass : Pass<"tenon-pack-weights", "::mlir::ModuleOp"> {
  let summary = "lays out constant weights as the schedules of kernels read them";
  let description = [{
    The schedule of a contraction may read weights that are known when the model is compiled (the
    argument says `tenon.weights`) in panels as wide as its register tile, so that the innermost loop
    reads one stream, or transformed for minimal filtering. The packing is written as ordinary ops in
    front of each launch, which constant folding then evaluates; in the kernel, `tenon.unpack` gives
    the weights their own form back.

    ```mlir
    tenon.kernel @k(%x: tensor<8x64xf32>, %w: tensor<64x100xf32> {tenon.weights}) -> tensor<8x100xf32>
        attributes {strategy = "contraction",
                    schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 2, packed = true>} {
      %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x100xf32>) -> tensor<8x100xf32>
      tenon.yield %y : tensor<8x100xf32>
    }
    func.func @main(%x: tensor<8x64xf32>) -> tensor<8x100xf32> {
      %w = tenon.constant dense<1.0> : tensor<64x100xf32>
      %y = tenon.launch @k(%x, %w) : (tensor<8x64xf32>, tensor<64x100xf32>) -> tensor<8x100xf32>
      return %y : tensor<8x100xf32>
    }
    ```

    becomes

    ```mlir
    tenon.kernel @k(%x: tensor<8x64xf32>, %p: tensor<1x7x64x16xf32> {tenon.weights}) -> tensor<8x100xf32>
        attributes {strategy = "contraction",
                    schedule = #cpu.contraction_schedule<lanes = 8, tile_vectors = 2, packed = true>} {
      %w = tenon.unpack %p {layout = #cpu.panels<width = 16>}
         : (tensor<1x7x64x16xf32>) -> tensor<64x100xf32>
      %y = tenon.matmul %x, %w : (tensor<8x64xf32>, tensor<64x100xf32>) -> tensor<8x100xf32>
      tenon.yield %y : tensor<8x100xf32>
    }
    func.func @main(%x: tensor<8x64xf32>) -> tensor<8x100xf32> {
      %w = tenon.constant dense<1.0> : tensor<64x100xf32>
      %0 = tenon.reshape %w : (tensor<64x100xf32>) -> tensor<64x1x100xf32>
      %zero = tenon.constant dense<0.0> : tensor<f32>
      %1 = tenon.pad %0, %zero {low = affine_map<() -> (0, 0, 0)>}
         : (tensor<64x1x100xf32>, tensor<f32>) -> tensor<64x1x112xf32>
      %2 = tenon.reshape %1 : (tensor<64x1x112xf32>) -> tensor<64x1x7x16xf32>
      %3 = tenon.transpose %2 {permutation = array<i64: 1, 2, 0, 3>}
         : (tensor<64x1x7x16xf32>) -> tensor<1x7x64x16xf32>
      %y = tenon.launch @k(%x, %3) : (tensor<8x64xf32>, tensor<1x7x64x16xf32>) -> tensor<8x100xf32>
      return %y : tensor<8x100xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numPacked", "packed", "Kernels with weights that are laid out for them">];
}

#endif
