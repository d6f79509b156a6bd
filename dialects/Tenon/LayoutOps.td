// How tensors lie in memory, where it is not row by row.

#ifndef TENON_LAYOUT_OPS_TD
#define TENON_LAYOUT_OPS_TD

include "dialects/Target/WeightLayout.td"
include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

def Tenon_UnpackOp : Tenon_Op<"unpack", [
    Pure, DeclareOpInterfaceMethods<ElementalOpInterface>]> {
  let summary = "weights, seen through the form in which they lie in memory";
  let description = [{
    Stands in kernels between packed weights and the op that they are for, whose strategy reads memory
    in this form. `tenon-pack-weights` writes it.

    ```mlir
    %w = tenon.unpack %packed {layout = #cpu.panels<width = 16>}
       : (tensor<1x3x64x16xf32>) -> tensor<64x40xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$packed, WeightLayoutAttrInterface:$layout);
  let results = (outs Tenon_NumberTensor:$result);
  let assemblyFormat = "$packed attr-dict `:` functional-type($packed, $result)";
  let hasVerifier = 1;
}

#endif
