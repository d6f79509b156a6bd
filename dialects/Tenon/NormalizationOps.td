// Normalizations along the last dimensions, by name. They decompose before fusion.

#ifndef TENON_NORMALIZATION_OPS_TD
#define TENON_NORMALIZATION_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

class Tenon_NormalizationOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, Tenon_InferType, DeclareOpInterfaceMethods<DecomposeOpInterface>])> {
  let results = (outs Tenon_FloatTensor:$result);
  let hasVerifier = 1;
}

def Tenon_SoftmaxOp : Tenon_NormalizationOp<"softmax"> {
  let summary = "e^x divided by its sum along an axis";
  let description = [{
    ONNX [Softmax](https://onnx.ai/onnx/operators/onnx__Softmax.html) of version 13. Decomposes with
    the maximum subtracted first, so that the exponentials cannot overflow.

    ```mlir
    %y = tenon.softmax %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$operand, I64Attr:$axis);
  let assemblyFormat = "$operand attr-dict `:` functional-type(operands, results)";
}

def Tenon_LayerNormOp : Tenon_NormalizationOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "x brought to mean 0 and variance 1 along the last dimensions";
  let description = [{
    ONNX [LayerNormalization](https://onnx.ai/onnx/operators/onnx__LayerNormalization.html): over the
    dimensions from `axis` on, `(x - mean) / sqrt(variance + epsilon) * scale + bias`. Scale and bias
    broadcast to the operand.

    ```mlir
    %y = tenon.layer_norm %x scale %s bias %b {axis = 1, epsilon = 1.0e-5}
       : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$operand, Optional<Tenon_FloatTensor>:$scale,
                       Optional<Tenon_FloatTensor>:$bias, I64Attr:$axis, F64Attr:$epsilon);
  let assemblyFormat = [{
    $operand (`scale` $scale^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def Tenon_RMSNormOp : Tenon_NormalizationOp<"rms_norm", [AttrSizedOperandSegments]> {
  let summary = "x brought to mean square 1 along the last dimensions";
  let description = [{
    ONNX [RMSNormalization](https://onnx.ai/onnx/operators/onnx__RMSNormalization.html): over the
    dimensions from `axis` on, `x / sqrt(mean(x^2) + epsilon) * scale`. The scale broadcasts to the
    operand.

    ```mlir
    %y = tenon.rms_norm %x scale %s {axis = 1, epsilon = 1.0e-5}
       : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$operand, Optional<Tenon_FloatTensor>:$scale,
                       Optional<Tenon_FloatTensor>:$bias, I64Attr:$axis, F64Attr:$epsilon);
  let assemblyFormat = [{
    $operand (`scale` $scale^)? (`bias` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

#endif
