// Ops whose elements depend on positions, or come from positions that data gives.

#ifndef TENON_INDEX_OPS_TD
#define TENON_INDEX_OPS_TD

include "dialects/Tenon/ShapeOps.td"

def Tenon_IotaOp : Tenon_ElementalOp<"iota", [
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "every element is its own index along an axis";
  let description = [{
    What ONNX [Range](https://onnx.ai/onnx/operators/onnx__Range.html), EyeLike, OneHot and Trilu are
    made of.

    ```mlir
    %y = tenon.iota {axis = 1} : () -> tensor<2x3xi64>
    ```
  }];
  let arguments = (ins I64Attr:$axis);
  let results = (outs Tenon_IntTensor:$result);
  let hasVerifier = 1;
}

def Tenon_GatherElementsOp : Tenon_InferredOp<"gather_elements", [Tenon_MovesElements]> {
  let summary = "elements of a tensor chosen by an index each along an axis";
  let description = [{
    ONNX [GatherElements](https://onnx.ai/onnx/operators/onnx__GatherElements.html): the result has
    the shape of the indices. Negative indices count from the end.

    ```mlir
    %y = tenon.gather_elements %x, %i {axis = 1}
       : (tensor<3x4xf32>, tensor<3x2xi64>) -> tensor<3x2xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Tenon_IntTensor:$indices, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$result);
}

def Tenon_GatherNDOp : Tenon_InferredOp<"gather_nd", [Tenon_MovesElements]> {
  let summary = "slices of a tensor chosen by index tuples";
  let description = [{
    ONNX [GatherND](https://onnx.ai/onnx/operators/onnx__GatherND.html). The last dimension of the
    indices holds tuples that address the operand's dimensions after the first `batchDims`, which
    operand and indices share. Negative indices count from the end.

    ```mlir
    %y = tenon.gather_nd %x, %i : (tensor<3x4x5xf32>, tensor<7x2xi64>) -> tensor<7x5xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Tenon_IntTensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batchDims);
  let results = (outs Tenon_Tensor:$result);
}

#endif
