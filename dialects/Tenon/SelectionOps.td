// Ops that choose, sort or scatter elements depending on their values.

#ifndef TENON_SELECTION_OPS_TD
#define TENON_SELECTION_OPS_TD

include "dialects/Tenon/LibraryOps.td"

def Tenon_TopKOp : Tenon_LibraryOp<"top_k", [Tenon_InferType],
    ["getLibraryArguments", "getScratchBytes", "getMaxTasks", "getFailureReason"]> {
  let summary = "the largest or smallest elements along an axis, best first";
  let description = [{
    ONNX [TopK](https://onnx.ai/onnx/operators/onnx__TopK.html). Of equal elements the earlier ones
    come first. `count`, one expression over the symbols, says how many; more than there are is a
    run-time error. The second result holds their positions along the axis.

    ```mlir
    %v, %i = tenon.top_k %x {axis = 1, count = affine_map<() -> (2)>, largest}
      : (tensor<3x9xf32>) -> (tensor<3x2xf32>, tensor<3x2xi64>)
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, I64Attr:$axis, AffineMapAttr:$count,
                       UnitAttr:$largest);
  let results = (outs Tenon_NumberTensor:$values, RankedTensorOf<[I64]>:$positions);
  let hasVerifier = 1;
}

def Tenon_NonZeroOp : Tenon_LibraryOp<"non_zero", [], ["getResultCapacity"]> {
  let summary = "the indices of the elements that are not zero";
  let description = [{
    ONNX [NonZero](https://onnx.ai/onnx/operators/onnx__NonZero.html): a row per dimension, a column
    per element, in row-major order. The op binds the symbol that stands for the number of columns.

    ```mlir
    %i = tenon.non_zero %x : (tensor<3x4xf32>) -> tensor<2x?xi64, affine_map<()[s0] -> (2, s0)>>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand);
  let results = (outs RankedTensorOf<[I64]>:$indices);
  let hasVerifier = 1;
}

def Tenon_UniqueOp : Tenon_LibraryOp<"unique", [Tenon_TakesStrings],
    ["getLibraryArguments", "getResultCapacity", "getScratchBytes"]> {
  let summary = "the different slices along an axis";
  let description = [{
    ONNX [Unique](https://onnx.ai/onnx/operators/onnx__Unique.html). Without an axis the operand
    counts as one row of elements. The results are the slices, ascending if `sorted` and else in
    order of their first occurrence; the positions where they first occur; for each slice of the
    operand the number of its unique one; how often each occurs. The op binds the symbol that stands
    for the number of slices. The order of strings is that of their handles, which says
    nothing: `sorted` is for numbers (`tenon.string_ranks`).

    ```mlir
    %y, %first, %inverse, %counts = tenon.unique %x {sorted} : (tensor<5xf32>)
      -> (tensor<?xf32, affine_map<()[s0] -> (s0)>>, tensor<?xi64, affine_map<()[s0] -> (s0)>>,
          tensor<5xi64>, tensor<?xi64, affine_map<()[s0] -> (s0)>>)
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, OptionalAttr<I64Attr>:$axis, UnitAttr:$sorted);
  let results = (outs Tenon_Tensor:$values, RankedTensorOf<[I64]>:$first,
                      RankedTensorOf<[I64]>:$inverse, RankedTensorOf<[I64]>:$counts);
  let hasVerifier = 1;
}

def Tenon_NonMaxSuppressionOp : Tenon_LibraryOp<"non_max_suppression",
    [AttrSizedOperandSegments],
    ["getLibraryArguments", "getResultCapacity", "getScratchBytes"]> {
  let summary = "the best boxes that do not overlap too much";
  let description = [{
    ONNX [NonMaxSuppression](https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html): boxes
    [B, N, 4], scores [B, C, N], then scalars that may be omitted: the most boxes per class, the
    overlap from which on a box is dropped, the score that a box must exceed. The result has a row of
    batch, class and box per chosen one; the op binds the symbol that stands for their number.

    ```mlir
    %y = tenon.non_max_suppression %boxes, %scores, %most
        {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>}
      : (tensor<1x6x4xf32>, tensor<1x2x6xf32>, tensor<i64>)
      -> tensor<?x3xi64, affine_map<()[s0] -> (s0, 3)>>
    ```
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$boxes, RankedTensorOf<[F32]>:$scores,
                       Optional<RankedTensorOf<[I64]>>:$most,
                       Optional<RankedTensorOf<[F32]>>:$overlap,
                       Optional<RankedTensorOf<[F32]>>:$lowest, UnitAttr:$centers);
  let results = (outs RankedTensorOf<[I64]>:$chosen);
  let hasVerifier = 1;
}

def Tenon_ScatterKind : I32EnumAttr<"ScatterKind", "how an update combines with what is there", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Max", 4, "max">]> {
  let cppNamespace = "::tenon";
}

class Tenon_ScatterOp<string mnemonic>
    : Tenon_LibraryOp<mnemonic, [Tenon_InferType, Tenon_TakesStrings],
                      ["getLibraryArguments", "getFailureReason"]> {
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let results = (outs Tenon_Tensor:$result);
  let hasVerifier = 1;
}

def Tenon_ScatterElementsOp : Tenon_ScatterOp<"scatter_elements"> {
  let summary = "a copy of a tensor with elements replaced along an axis";
  let description = [{
    ONNX [ScatterElements](https://onnx.ai/onnx/operators/onnx__ScatterElements.html). Each element
    of `updates` goes to its own position, but for the axis, where `indices` has the position;
    negative ones count from the end, and those out of range are a run-time error. Updates apply in
    row-major order.

    ```mlir
    %y = tenon.scatter_elements add %x, %i, %u {axis = 0}
      : (tensor<3x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<3x3xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, RankedTensorOf<[I64]>:$indices,
                       Tenon_Tensor:$updates, Tenon_ScatterKind:$kind, I64Attr:$axis);
}

def Tenon_ScatterNDOp : Tenon_ScatterOp<"scatter_nd"> {
  let summary = "a copy of a tensor with slices replaced";
  let description = [{
    ONNX [ScatterND](https://onnx.ai/onnx/operators/onnx__ScatterND.html). The last dimension of
    `indices` holds tuples that address slices of the operand; `updates` has a slice for each.
    Updates apply in order.

    ```mlir
    %y = tenon.scatter_nd none %x, %i, %u
      : (tensor<8x4xf32>, tensor<2x1xi64>, tensor<2x4xf32>) -> tensor<8x4xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, RankedTensorOf<[I64]>:$indices,
                       Tenon_Tensor:$updates, Tenon_ScatterKind:$kind);
}

#endif
