// Sums of products: matrix multiplication and convolution.

#ifndef TENON_CONTRACTION_OPS_TD
#define TENON_CONTRACTION_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

/// Operands may have different element types: integers of 16 bits or less of either sign, floats of 8
/// bits, or f32 and a half. The result has the type of the sum: i32 for these integers, f32 for floats
/// of 8 bits, where an operand is, or where the sums of halves are not to be rounded to their own type,
/// and else that of the operands.
class Tenon_ContractionOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, Tenon_InferTypeUpTo<"::tenon::isContractionResult">,
        DeclareOpInterfaceMethods<ElementalOpInterface, ["isExpensiveElement"]>,
        DeclareOpInterfaceMethods<CostOpInterface, ["getFlops"]>, PrecisionOpInterface])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let results = (outs Tenon_NumberTensor:$result);
  let hasVerifier = 1;
  let extraClassDefinition = [{
    bool $cppClass::isExpensiveElement() { return true; }
  }];
}

def Tenon_MatMulOp : Tenon_ContractionOp<"matmul"> {
  let summary = "batched matrix multiplication";
  let description = [{
    ONNX [MatMul](https://onnx.ai/onnx/operators/onnx__MatMul.html) on operands of rank 2 or more:
    [..., M, K] x [..., K, N] -> [..., M, N], leading dimensions broadcast. With `transposeRhs` the
    right operand is [..., N, K]. Operands of f16 or bf16, both or one beside f32, may give f32;
    integers of 16 bits or less may be mixed, and their result is i32, as ONNX
    [MatMulInteger](https://onnx.ai/onnx/operators/onnx__MatMulInteger.html)'s without zero points. Floats
    of 8 bits (E4M3 without infinities and E5M2) may be mixed, too, and give f32.

    With `mayRoundInput`, rows of the left operand may be rounded to 8 bits, in the blocks of a right
    operand that `tenon.dequantize_blocks` computes, where the target gains by it: the model or its
    user allows that (docs/numerics.md). Elsewhere it means nothing.

    ```mlir
    %y = tenon.matmul %a, %b : (tensor<8x128x64xf32>, tensor<64x32xf32>) -> tensor<8x128x32xf32>
    %h = tenon.matmul %e, %f : (tensor<128x64xbf16>, tensor<64x32xbf16>) -> tensor<128x32xf32>
    %q = tenon.matmul %c, %d : (tensor<128x64xui8>, tensor<64x32xi8>) -> tensor<128x32xi32>
    %p = tenon.matmul %u, %v : (tensor<128x64xf8E4M3FN>, tensor<64x32xf8E5M2>) -> tensor<128x32xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$lhs, Tenon_NumberTensor:$rhs, UnitAttr:$transposeRhs,
                       UnitAttr:$mayRoundInput);
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// Whether the right operand is one matrix that all batches share.
    bool sharesRhs();
  }];
}

def Tenon_ConvOp : Tenon_ContractionOp<"conv"> {
  let summary = "convolution over channels-last tensors, without padding";
  let description = [{
    ONNX [Conv](https://onnx.ai/onnx/operators/onnx__Conv.html) for any number of spatial
    dimensions: input [N, spatial..., C], weights [kernel..., C / groups, O], result
    [N, spatial..., O]. Padding is a `tenon.pad` of its own, bias a `tenon.add`. Operands of f16 or
    bf16, both or one beside f32, may give f32. Integers of 16 bits or less may be mixed and give
    i32, as ONNX
    [ConvInteger](https://onnx.ai/onnx/operators/onnx__ConvInteger.html)'s without zero points; so may
    floats of 8 bits, which give f32.

    ```mlir
    %y = tenon.conv %x, %w {strides = array<i64: 2, 2>, dilations = array<i64: 1, 1>, groups = 1}
       : (tensor<1x226x226x3xf32>, tensor<3x3x3x32xf32>) -> tensor<1x112x112x32xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$input, Tenon_NumberTensor:$weights,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations,
                       DefaultValuedAttr<I64Attr, "1">:$groups);
  let extraClassDeclaration = [{
    /// Number of spatial dimensions.
    unsigned getSpatialRank() { return getStrides().size(); }
    /// Spatial sizes of the kernel.
    ::llvm::SmallVector<int64_t> getKernelSizes();
    /// Channels of the result.
    int64_t getOutputChannels();
    /// Whether every channel is convolved on its own.
    bool isDepthwise();
  }];
}

#endif
