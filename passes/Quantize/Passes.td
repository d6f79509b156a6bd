// Arithmetic on quantized values.

#ifndef TENON_PASSES_QUANTIZE_PASSES_TD
#define TENON_PASSES_QUANTIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def SimplifyQuantizationPass : Pass<"tenon-simplify-quantization", "::mlir::func::FuncOp"> {
  let summary = "removes the steps through integers between quantized operators";
  let description = [{
    A value that is quantized and dequantized is rounded and clamped; that it is narrowed to a byte
    and moved by the zero point in between changes nothing. Follows which values are integers and
    within which bounds, and drops roundings, clamps and casts that do nothing. Runs after constants
    have folded.

    ```mlir
    %c0 = tenon.constant dense<0.0> : tensor<f32>
    %c255 = tenon.constant dense<255.0> : tensor<f32>
    %z = tenon.constant dense<136.0> : tensor<f32>
    %zi32 = tenon.constant dense<136> : tensor<i32>
    %rounded = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %1 = tenon.add %rounded, %z : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %2 = tenon.max %1, %c0 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %3 = tenon.min %2, %c255 : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %4 = tenon.cast %3 to ui8 : (tensor<8xf32>) -> tensor<8xui8>
    %5 = tenon.cast %4 to i32 : (tensor<8xui8>) -> tensor<8xi32>
    %6 = tenon.sub %5, %zi32 : (tensor<8xi32>, tensor<i32>) -> tensor<8xi32>
    %7 = tenon.cast %6 to f32 : (tensor<8xi32>) -> tensor<8xf32>
    ```

    becomes

    ```mlir
    %high = tenon.constant dense<119.0> : tensor<f32>
    %low = tenon.constant dense<-136.0> : tensor<f32>
    %rounded = tenon.round %x : (tensor<8xf32>) -> tensor<8xf32>
    %1 = tenon.max %rounded, %low : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    %7 = tenon.min %1, %high : (tensor<8xf32>, tensor<f32>) -> tensor<8xf32>
    ```
  }];
}

def FormIntegerContractionsPass
    : Pass<"tenon-form-integer-contractions", "::mlir::func::FuncOp"> {
  let summary = "lets contractions of integers read narrow ones";
  let description = [{
    A product of i32 operands that are known to be narrower, or are narrow ones less a zero point,
    becomes one of operands that an instruction of the target multiplies. What the zero points a and
    b of the operands add is a sum over the other operand:

        (A + a)(B + b) = AB + a * columnSums(B + b) + rowSums(A) * b

    that of constant weights is a constant. All is arithmetic modulo 2^32, so results are the same.

    ```mlir
    %a32 = tenon.cast %a to i32 : (tensor<8x64xui8>) -> tensor<8x64xi32>
    %b32 = tenon.cast %b to i32 : (tensor<64x16xi8>) -> tensor<64x16xi32>
    %c = tenon.matmul %a32, %b32 : (tensor<8x64xi32>, tensor<64x16xi32>) -> tensor<8x16xi32>
    ```

    becomes

    ```mlir
    %c = tenon.matmul %a, %b : (tensor<8x64xui8>, tensor<64x16xi8>) -> tensor<8x16xi32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [Statistic<"numFormed", "formed", "contractions that became narrow">];
}

#endif
