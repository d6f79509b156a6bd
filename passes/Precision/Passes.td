// Computing in less than the precision of a model, on request.

#ifndef TENON_PASSES_PRECISION_PASSES_TD
#define TENON_PASSES_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def AssignPrecisionPass : Pass<"tenon-assign-precision", "::mlir::func::FuncOp"> {
  let summary = "lets contractions of f32 multiply rounded operands";
  let description = [{
    Contractions and attention whose nodes are given bf16 or f16 multiply operands of that type;
    sums, results and all other ops stay f32. Constant weights are rounded once, when constants
    fold. An input is rounded only where the target gains by it: where one of its instructions
    multiplies such elements, or where reading halves takes less time than rounding. It is rounded
    where it is computed, and everybody reads it so, but for what norms compute; what the model
    takes and gives is not rounded (docs/numerics.md).

    Ops whose nodes are given tf32, and those whose input is not rounded, get an attribute,
    `tenon.multiplied_type`: where the target has an instruction that multiplies such numbers, its
    kernel may round to them.

    Matrix products and convolutions whose nodes are given fp32-fast or fp32-split get
    `tenon.bfloat_products`, 3 or 6: of so many products of bf16 a target may sum each of theirs.

    Products whose weights are quantized in blocks stay as they are. Where their nodes are given int8,
    they may round their input to 8 bits in these blocks, as those that ONNX's MatMulNBits allows that (accuracy_level 4).

    ```mlir
    // tenon-opt --tenon-assign-target=target=sapphirerapids --tenon-assign-precision=rules=*=bf16
    %w = tenon.constant dense<0.5> : tensor<3x2xf32>
    %r = tenon.relu %x : (tensor<4x3xf32>) -> tensor<4x3xf32>
    %y = tenon.matmul %r, %w : (tensor<4x3xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
    ```

    becomes

    ```mlir
    %w = tenon.constant dense<0.5> : tensor<3x2xf32>
    %w1 = tenon.cast %w to bf16 : (tensor<3x2xf32>) -> tensor<3x2xbf16>
    %r = tenon.relu %x : (tensor<4x3xf32>) -> tensor<4x3xf32>
    %n = tenon.cast %r to bf16 : (tensor<4x3xf32>) -> tensor<4x3xbf16>
    %y = tenon.matmul %n, %w1 : (tensor<4x3xbf16>, tensor<3x2xbf16>) -> tensor<4x2xf32>
    ```
  }];
  let dependentDialects = ["::tenon::TenonDialect"];
  let options = [ListOption<"rules", "rules", "std::string",
                            "NODES=PRECISION: names or patterns of nodes, and fp32, fp32-split, "
                            "fp32-fast, tf32, bf16, f16 or int8; the last that matches a node counts">,
                 Option<"exact", "exact", "bool", "false",
                        "no input may be rounded to int8, whatever the model allows">];
  let statistics = [Statistic<"numLowered", "lowered", "ops that multiply less than f32">];
}

#endif
