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
    of 32 bits or less. The difference is one of 32 bits, as exact as f32 holds it. Scale and zero
    point broadcast with q; the latter has its element type.

    ```mlir
    %x = tenon.dequantize %q, %scale, %zero
       : (tensor<2x3xui8>, tensor<f32>, tensor<ui8>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_IntTensor:$operand, Tenon_F32Tensor:$scale,
                       Optional<Tenon_IntTensor>:$zero);
  let hasVerifier = 1;
}

#endif
