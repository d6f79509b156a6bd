// From a graph of ops to a program of kernels.

#ifndef TENON_PASSES_FUSION_PASSES_TD
#define TENON_PASSES_FUSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def WriteInPlacePass : Pass<"tenon-write-in-place", "::mlir::func::FuncOp"> {
  let summary = "lets kernels write straight into padded and concatenated tensors";
  let description = [{
    A pad with constants whose operand others read too becomes the home of that operand: the others
    read a slice of the padded tensor. The operands of a concatenation are inserted into its result
    where they are computed, one after the other; who else reads one of them reads a slice.

    ```mlir
    %a = tenon.matmul %x, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32>
    %b = tenon.matmul %x, %v : (tensor<64x32xf32>, tensor<32x64xf32>) -> tensor<64x64xf32>
    %c = tenon.concat %a, %b {axis = 1}
       : (tensor<64x32xf32>, tensor<64x64xf32>) -> tensor<64x96xf32>
    ```

    becomes

    ```mlir
    %a = tenon.matmul %x, %w : (tensor<64x32xf32>, tensor<32x32xf32>) -> tensor<64x32xf32>
    %0 = tenon.insert %a {low = affine_map<() -> (0, 0)>} : (tensor<64x32xf32>) -> tensor<64x96xf32>
    %b = tenon.matmul %x, %v : (tensor<64x32xf32>, tensor<32x64xf32>) -> tensor<64x64xf32>
    %c = tenon.insert %b into %0 : tensor<64x96xf32> {low = affine_map<() -> (0, 32)>}
       : (tensor<64x64xf32>) -> tensor<64x96xf32>
    ```

    Pads of concatenations become concatenations of pads. Kernels end with pads and inserts, so
    that nothing is copied. Operands that no kernel can write in place are copied alone: arguments
    of the function, results of the kernel library, what is needed elsewhere as it is.
  }];
  let statistics = [
    Statistic<"numShared", "shared-pads", "Padded tensors that others read slices of">,
    Statistic<"numConcats", "concatenations", "Concatenations written part by part">
  ];
}

def FormKernelsPass : Pass<"tenon-form-kernels", "::mlir::ModuleOp"> {
  let summary = "groups ops into kernels";
  let description = [{
    Works from each value that must be in memory back to the ops that compute it. An op joins the
    kernel of its consumers if they all are in one kernel and the kernel's strategy can compute the
    op on the way: elementwise ops and index maps in front of anything that reads elements one by
    one; a contraction if only pointwise ops of its own shape follow; a reduction if all reductions
    of the kernel go over the same rows. What is left in the function are constants, reshapes
    (views of the same memory), control flow, and launches.

    ```mlir
    %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
    %1 = tenon.relu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
    ```

    becomes

    ```mlir
    %1 = tenon.launch @matmul_relu(%x, %w) : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>

    tenon.kernel @matmul_relu(%a: tensor<4x8xf32>, %b: tensor<8x8xf32>) -> tensor<4x8xf32>
        attributes {strategy = "contraction"} {
      %0 = tenon.matmul %a, %b : (tensor<4x8xf32>, tensor<8x8xf32>) -> tensor<4x8xf32>
      %1 = tenon.relu %0 : (tensor<4x8xf32>) -> tensor<4x8xf32>
      tenon.yield %1 : tensor<4x8xf32>
    }
    ```
  }];
  let options = [
    Option<"marksWeights", "mark-weights", "bool", "true",
           "Mark constant weights (`tenon.weights`), whose layout schedules may then choose">
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "Kernels formed">,
    Statistic<"numFused", "fused-ops", "Ops that joined the kernel of a consumer">
  ];
}

def CollapseDimensionsPass : Pass<"tenon-collapse-dimensions", "::mlir::ModuleOp"> {
  let summary = "merges dimensions that a kernel need not tell apart";
  let description = [{
    In kernels of pointwise ops and reductions, neighbouring dimensions over which every tensor is
    either full or repeated become one. The kernel's launch gets reshapes, which are views, around
    it.

    ```mlir
    %y = tenon.launch @relu(%x) : (tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32>

    tenon.kernel @relu(%a: tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32>
        attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<1x24x56x56xf32>) -> tensor<1x24x56x56xf32>
      tenon.yield %0 : tensor<1x24x56x56xf32>
    }
    ```

    becomes

    ```mlir
    %1 = tenon.reshape %x : (tensor<1x24x56x56xf32>) -> tensor<75264xf32>
    %2 = tenon.launch @relu(%1) : (tensor<75264xf32>) -> tensor<75264xf32>
    %y = tenon.reshape %2 : (tensor<75264xf32>) -> tensor<1x24x56x56xf32>

    tenon.kernel @relu(%a: tensor<75264xf32>) -> tensor<75264xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<75264xf32>) -> tensor<75264xf32>
      tenon.yield %0 : tensor<75264xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numCollapsed", "collapsed", "Kernels with fewer dimensions">];
}

def DeduplicateKernelsPass : Pass<"tenon-deduplicate-kernels", "::mlir::ModuleOp"> {
  let summary = "keeps one of several equal kernels";
  let description = [{
    Kernels are equal if they differ in nothing but their names and locations. Launches of the
    others are redirected to the first.

    ```mlir
    %1 = tenon.launch @relu(%x) : (tensor<8xf32>) -> tensor<8xf32>
    %2 = tenon.launch @relu_0(%1) : (tensor<8xf32>) -> tensor<8xf32>

    tenon.kernel @relu(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %0 : tensor<8xf32>
    }

    tenon.kernel @relu_0(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %0 : tensor<8xf32>
    }
    ```

    becomes

    ```mlir
    %1 = tenon.launch @relu(%x) : (tensor<8xf32>) -> tensor<8xf32>
    %2 = tenon.launch @relu(%1) : (tensor<8xf32>) -> tensor<8xf32>

    tenon.kernel @relu(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %0 : tensor<8xf32>
    }
    ```
  }];
  let statistics = [Statistic<"numRemoved", "removed", "Kernels that equal an earlier one">];
}

#endif
