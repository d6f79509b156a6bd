// Reductions over axes.

#ifndef TENON_REDUCTION_OPS_TD
#define TENON_REDUCTION_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"
include "mlir/IR/EnumAttr.td"

def Tenon_ReduceKind : I32EnumAttr<"ReduceKind", "how a reduction combines elements", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Mean", 4, "mean">]> {
  let cppNamespace = "::tenon";
}

def Tenon_ReduceOp : Tenon_Op<"reduce", [Pure,
    Tenon_InferType,
    DeclareOpInterfaceMethods<ElementalOpInterface, ["isExpensiveElement"]>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "combines the elements along axes";
  let description = [{
    ONNX [ReduceSum](https://onnx.ai/onnx/operators/onnx__ReduceSum.html), ReduceProd, ReduceMax,
    ReduceMin and ReduceMean. The reduced dimensions stay with size 1: dropping them is a reshape.
    Reducing nothing gives the neutral element. The other ONNX reductions (L1, L2, LogSumExp, ...)
    are pointwise ops around these.

    ```mlir
    %y = tenon.reduce sum %x {axes = array<i64: 1>} : (tensor<2x3xf32>) -> tensor<2x1xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, Tenon_ReduceKind:$kind,
                       DenseI64ArrayAttr:$axes);
  let results = (outs Tenon_NumberTensor:$result);
  let assemblyFormat = "$kind $operand attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tenon_ArgReduceOp : Tenon_Op<"arg_reduce", [Pure,
    Tenon_InferType,
    DeclareOpInterfaceMethods<ElementalOpInterface, ["isExpensiveElement"]>]> {
  let summary = "where the largest or smallest element along an axis is";
  let description = [{
    ONNX [ArgMax](https://onnx.ai/onnx/operators/onnx__ArgMax.html) and
    [ArgMin](https://onnx.ai/onnx/operators/onnx__ArgMin.html), by `kind` max or min. The axis stays
    with size 1. Of equal elements the first counts, or the last with `selectLast`.

    ```mlir
    %y = tenon.arg_reduce max %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x1xi64>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, Tenon_ReduceKind:$kind, I64Attr:$axis,
                       UnitAttr:$selectLast);
  let results = (outs Tenon_IntTensor:$result);
  let assemblyFormat = "$kind $operand attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tenon_CumulateOp : Tenon_Op<"cumulate", [Pure,
    Tenon_InferType,
    DeclareOpInterfaceMethods<ElementalOpInterface, ["isExpensiveElement"]>]> {
  let summary = "combines all elements up to each one along an axis";
  let description = [{
    ONNX [CumSum](https://onnx.ai/onnx/operators/onnx__CumSum.html) and CumProd, by `kind` sum or
    prod. With `exclusive` an element itself does not count, with `reverse` those after it do instead
    of those before.

    ```mlir
    %y = tenon.cumulate sum %x {axis = 1} : (tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, Tenon_ReduceKind:$kind, I64Attr:$axis,
                       UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Tenon_NumberTensor:$result);
  let assemblyFormat = "$kind $operand attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
