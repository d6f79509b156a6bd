// Pooling: windows that slide over the spatial dimensions of channels-last tensors.

#ifndef TENON_POOLING_OPS_TD
#define TENON_POOLING_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

// The operand is [N, spatial..., C], and so is the result, whose type says the number of windows.
// Window `o` of a dimension covers positions `o * stride - low + k * dilation`; positions outside of
// the operand do not count.
class Tenon_PoolOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, DeclareOpInterfaceMethods<ElementalOpInterface, ["isExpensiveElement"]>])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDefinition = [{
    bool $cppClass::isExpensiveElement() { return true; }
  }];
}

def Tenon_MaxPoolOp : Tenon_PoolOp<"max_pool", [Tenon_MovesElements]> {
  let summary = "the largest element of each window";
  let description = [{
    ONNX [MaxPool](https://onnx.ai/onnx/operators/onnx__MaxPool.html) over channels-last tensors.
    `low` says how far the first window begins before the first position of each spatial dimension.

    ```mlir
    %y = tenon.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                            dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
       : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, DenseI64ArrayAttr:$kernel,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       AffineMapAttr:$low);
  let results = (outs Tenon_NumberTensor:$result);
}

def Tenon_MaxPoolPositionOp : Tenon_PoolOp<"max_pool_position"> {
  let summary = "where the largest element of each window is";
  let description = [{
    The second output of ONNX [MaxPool](https://onnx.ai/onnx/operators/onnx__MaxPool.html): the
    row-major position of the first largest element among the operand's spatial positions.

    ```mlir
    %y = tenon.max_pool_position %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>,
                                     dilations = array<i64: 1, 1>, low = affine_map<() -> (0, 0)>}
       : (tensor<1x8x8x16xf32>) -> tensor<1x4x4x16xi64>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, DenseI64ArrayAttr:$kernel,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       AffineMapAttr:$low);
  let results = (outs Tenon_IntTensor:$result);
}

def Tenon_AveragePoolOp : Tenon_PoolOp<"average_pool"> {
  let summary = "the mean of each window";
  let description = [{
    ONNX [AveragePool](https://onnx.ai/onnx/operators/onnx__AveragePool.html) over channels-last
    tensors. With `countPadding`, the divisor counts the `low` positions before and the `high` ones
    after each dimension too, though not what a last, partial window covers beyond those.

    ```mlir
    %y = tenon.average_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 1, 1>,
                                dilations = array<i64: 1, 1>, low = affine_map<() -> (1, 1)>,
                                high = affine_map<() -> (1, 1)>, countPadding}
       : (tensor<1x8x8x16xf32>) -> tensor<1x8x8x16xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$operand, DenseI64ArrayAttr:$kernel,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       AffineMapAttr:$low, AffineMapAttr:$high, UnitAttr:$countPadding);
  let results = (outs Tenon_FloatTensor:$result);
}

#endif
