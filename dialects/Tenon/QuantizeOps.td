// Conversions between numbers and their quantized form.

#ifndef TENON_QUANTIZE_OPS_TD
#define TENON_QUANTIZE_OPS_TD

include "dialects/Tenon/ElementwiseOps.td"

def Tenon_F32Tensor : RankedTensorOf<[F32]>;

def Tenon_QuantizeOp : Tenon_PointwiseOp<"quantize", [], ""> {
  let summary = "saturate(round(x / scale) + zero) in an integer type";
  let description = [{
    ONNX [QuantizeLinear](https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html) to integers of 16
    bits or less: halves round to even, and what lies beyond the type becomes its nearest value.
    Scale and zero point broadcast with x; the latter has the result's element type.

    ```mlir
    %q = tenon.quantize %x, %scale, %zero to ui8
       : (tensor<2x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<2x3xui8>
    ```
  }];
  let arguments = (ins Tenon_F32Tensor:$operand, Tenon_F32Tensor:$scale,
                       Optional<Tenon_IntTensor>:$zero, TypeAttr:$to);
  let assemblyFormat = "operands `to` $to attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDefinition = !subst("operands, ,", "operands, Adaptor(operands, attributes, *properties.as<Properties *>(), regions).getTo(),", inferTypes);
}

def Tenon_DequantizeOp : Tenon_PointwiseOp<"dequantize", [], "getElementTypeOrSelf(operands[1])"> {
  let summary = "(q - zero) * scale";
  let description = [{
    ONNX [DequantizeLinear](https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html) of integers
    of 32 bits or less, and of floats of 8 bits (E4M3 without infinities, and E5M2). The difference is
    one of 32 bits, as exact as f32 holds it. Scale and zero point broadcast with q; the latter has its
    element type.

    ```mlir
    %x = tenon.dequantize %q, %scale, %zero
       : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x3xf32>
    %y = tenon.dequantize %f, %scale : (tensor<2x3xf8E4M3FN>, tensor<f32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, Tenon_F32Tensor:$scale,
                       Optional<Tenon_NumberTensor>:$zero);
  let hasVerifier = 1;
}

def Tenon_DequantizeBlocksOp : Tenon_Op<"dequantize_blocks", [
    Pure, Tenon_InferType, DeclareOpInterfaceMethods<ElementalOpInterface>]> {
  let summary = "(q - zero) * scale, with parameters for each block";
  let description = [{
    Weights of 8 bits or less that are quantized in blocks of `block_size` positions of dimension
    `axis`; the last block may be shorter. Scale and zero point have the shape of q with blocks in
    place of positions. The zero point has q's element type, or is f32; without one it is 0. All is
    computed in f32: the difference is exact where the zero point is an integer.

    ONNX [DequantizeLinear](https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html) and
    com.microsoft's
    [MatMulNBits](https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits).
    As weights of a contraction the op is no work of its own where a strategy reads them as narrow as
    they are (`KernelStrategy::readsNarrow`): constants are not folded into it then.

    ```mlir
    %w = tenon.dequantize_blocks %q, %scale, %zero {axis = 1, block_size = 32}
       : (tensor<16x64xui4>, tensor<16x2xf32>, tensor<16x2xui4>) -> tensor<16x64xf32>
    ```
  }];
  let arguments = (ins Tenon_IntTensor:$operand, Tenon_F32Tensor:$scale,
                       Optional<Tenon_NumberTensor>:$zero, I64Attr:$axis, I64Attr:$block_size);
  let results = (outs Tenon_F32Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
