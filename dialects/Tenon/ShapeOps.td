// Ops that create tensors, change their shape, or move elements.

#ifndef TENON_SHAPE_OPS_TD
#define TENON_SHAPE_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

// An op whose result type is given by an attribute map or by its operands: the type is always
// written, and the op's verifier checks what can be checked.
class Tenon_ElementalOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, DeclareOpInterfaceMethods<ElementalOpInterface>])> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

class Tenon_InferredOp<string mnemonic, list<Trait> traits = []>
    : Tenon_ElementalOp<mnemonic, !listconcat(traits, [
        Tenon_InferType])>;

def Tenon_ConstantOp : Tenon_Op<"constant", [Tenon_HostOp, Tenon_TakesStrings, Pure, ConstantLike,
    AllTypesMatch<["value", "result"]>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "a tensor known at compile time";
  let description = [{
    ONNX [Constant](https://onnx.ai/onnx/operators/onnx__Constant.html) and initializers. Large
    values are `dense_resource` blobs, so that they stay out of the IR's text.

    ```mlir
    %w = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Tenon_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Tenon_ShapeTensorOp : Tenon_ElementalOp<"shape_tensor", [
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "an integer tensor of expressions over the shape symbols";
  let description = [{
    What ONNX [Shape](https://onnx.ai/onnx/operators/onnx__Shape.html) and arithmetic on its result
    come down to. The elements are the map's results in row-major order.

    ```mlir
    %s = tenon.shape_tensor {contents = affine_map<()[s0] -> (s0, 768)>} : () -> tensor<2xi64>
    ```
  }];
  let arguments = (ins AffineMapAttr:$contents);
  let results = (outs Tenon_IntTensor:$result);
  let hasVerifier = 1;
}

def Tenon_BindSymbolOp : Tenon_Op<"bind_symbol", [Tenon_HostOp]> {
  let summary = "binds a shape symbol to an element of an integer tensor at run time";
  let description = [{
    The symbol stands for the element's value in every type and attribute after this op. With
    `minimum`, a smaller value ends the run with an error.

    ```mlir
    tenon.bind_symbol %shape[2] to 5 : tensor<4xi64>
    ```
  }];
  let arguments = (ins Tenon_IntTensor:$tensor, I64Attr:$position, I64Attr:$symbol,
                       DefaultValuedAttr<I64Attr, "0">:$minimum);
  let assemblyFormat = "$tensor `[` $position `]` `to` $symbol attr-dict `:` type($tensor)";
}

def Tenon_BindBroadcastOp : Tenon_Op<"bind_broadcast", [Tenon_HostOp]> {
  let summary = "binds a shape symbol to what several sizes broadcast to in a run";
  let description = [{
    The symbol stands, in every type and attribute after this op, for the size that is not 1, or for
    1 if all are 1. Two sizes that are neither 1 nor equal end the run with an error.

    Ops whose operands broadcast take dimensions that are equal as expressions, or 1. Where only a
    run tells, `tenon.broadcast` brings each operand to the bound symbol.

    ```mlir
    tenon.bind_broadcast affine_map<()[s0, s1] -> (s0, s1)> to 2
    ```
  }];
  let arguments = (ins AffineMapAttr:$sizes, I64Attr:$symbol);
  let assemblyFormat = "$sizes `to` $symbol attr-dict";
  let hasVerifier = 1;
}

def Tenon_SizeRelation : I32EnumAttr<"SizeRelation", "what must hold between two sizes", [
    I32EnumAttrCase<"Equal", 0, "equal">, I32EnumAttrCase<"Broadcasts", 1, "broadcasts">,
    I32EnumAttrCase<"AtLeast", 2, "at_least">]> {
  let cppNamespace = "::tenon";
}

def Tenon_RequireOp : Tenon_Op<"require", [Tenon_HostOp]> {
  let summary = "ends the run with an error where sizes do not fit each other";
  let description = [{
    `equal`: both sizes are the same. `broadcasts`: the first is the second, or 1. `at_least`: the
    first is not less than the second. The error names the node, `what` and both values.

    ```mlir
    tenon.require equal affine_map<()[s0, s1] -> (s0, s1)>, "inner dimensions"
    ```
  }];
  let arguments = (ins Tenon_SizeRelation:$relation, AffineMapAttr:$sizes, StrAttr:$what);
  let assemblyFormat = "$relation $sizes `,` $what attr-dict";
  let hasVerifier = 1;
}

def Tenon_ReshapeOp : Tenon_ElementalOp<"reshape", [Tenon_HostOp, Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "the same elements in row-major order under another shape";
  let description = [{
    ONNX [Reshape](https://onnx.ai/onnx/operators/onnx__Reshape.html), Squeeze, Unsqueeze, Flatten.

    ```mlir
    %y = tenon.reshape %x : (tensor<2x6xf32>) -> tensor<3x4xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand);
  let results = (outs Tenon_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tenon_TransposeOp : Tenon_InferredOp<"transpose", [Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "permutes the dimensions";
  let description = [{
    ONNX [Transpose](https://onnx.ai/onnx/operators/onnx__Transpose.html): result dimension `i` is
    operand dimension `permutation[i]`.

    ```mlir
    %y = tenon.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, DenseI64ArrayAttr:$permutation);
  let results = (outs Tenon_Tensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tenon_BroadcastOp : Tenon_ElementalOp<"broadcast", [Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "repeats dimensions of size 1 to a larger shape";
  let description = [{
    ONNX [Expand](https://onnx.ai/onnx/operators/onnx__Expand.html) and ConstantOfShape. The operand
    broadcasts to the result's shape under ONNX's rules. A dimension that is neither 1 nor the
    result's as an expression is one of both at run time.

    ```mlir
    %y = tenon.broadcast %x : (tensor<3x1xf32>) -> tensor<2x3x4xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand);
  let results = (outs Tenon_Tensor:$result);
  let extraClassDeclaration = [{
    /// What is 0 in a run in which the result is the operand as it is. Empty unless that can be,
    /// and be told.
    ::tenon::DimExprs getDifferences();
    /// Whether only a run tells if the last dimension repeats.
    bool isLastUncertain();
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tenon_ConcatOp : Tenon_InferredOp<"concat", [Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "joins tensors along an axis";
  let description = [{
    ONNX [Concat](https://onnx.ai/onnx/operators/onnx__Concat.html).

    ```mlir
    %y = tenon.concat %a, %b {axis = 0} : (tensor<2x3xf32>, tensor<1x3xf32>) -> tensor<3x3xf32>
    ```
  }];
  let arguments = (ins Variadic<Tenon_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$result);
  let hasVerifier = 1;
}

def Tenon_SliceOp : Tenon_ElementalOp<"slice", [Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "a regular part of a tensor";
  let description = [{
    ONNX [Slice](https://onnx.ai/onnx/operators/onnx__Slice.html) and Split. Result index `i` of a
    dimension is operand index `start + i * step`; starts are expressions over the symbols, already
    brought into the operand's bounds, and steps are not zero. The result type gives the sizes.

    ```mlir
    %y = tenon.slice %x {starts = affine_map<() -> (0, 1)>, steps = array<i64: 1, 2>}
       : (tensor<2x6xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, AffineMapAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Tenon_Tensor:$result);
  let extraClassDeclaration = [{
    /// Whether the elements lie in the operand's memory as those of a tensor with the operand's
    /// strides.
    bool isView() { return llvm::all_of(getSteps(), [](int64_t step) { return step == 1; }); }
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Tenon_PadModeAttr : I32EnumAttr<"PadMode", "where padding takes its elements from", [
    I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Reflect", 1, "reflect">,
    I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]> {
  let cppNamespace = "::tenon";
}

def Tenon_PadOp : Tenon_ElementalOp<"pad", [Tenon_MovesElements]> {
  let summary = "adds elements around a tensor, or cuts them off";
  let description = [{
    ONNX [Pad](https://onnx.ai/onnx/operators/onnx__Pad.html). `low` says how many elements come
    before each dimension; negative numbers cut off. The result type gives what comes after.
    `value` is a scalar tensor, needed for mode constant.

    ```mlir
    %y = tenon.pad %x, %zero {low = affine_map<() -> (0, 1)>}
       : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x5xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Optional<Tenon_Tensor>:$value, AffineMapAttr:$low,
                       DefaultValuedAttr<Tenon_PadModeAttr, "::tenon::PadMode::Constant">:$mode);
  let results = (outs Tenon_Tensor:$result);
  let extraClassDeclaration = [{
    /// Whether the result is the operand with constants around it, so that who computes the operand
    /// can write it into the middle of the result.
    bool isFrame();
  }];
  let hasVerifier = 1;
}

def Tenon_GatherOp : Tenon_InferredOp<"gather", [Tenon_MovesElements,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "slices of a tensor chosen by indices along an axis";
  let description = [{
    ONNX [Gather](https://onnx.ai/onnx/operators/onnx__Gather.html). Negative indices count from the
    end.

    ```mlir
    %y = tenon.gather %table, %ids {axis = 0} : (tensor<9x4xf32>, tensor<2xi64>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Tenon_IntTensor:$indices, I64Attr:$axis);
  let results = (outs Tenon_Tensor:$result);
  let hasVerifier = 1;
}

#endif
