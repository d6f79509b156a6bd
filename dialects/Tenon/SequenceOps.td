// Sequences, optionals and maps: values of the host that no kernel sees.
//
// They are immutable. In a run they are objects of the runtime that hold references to others
// (tenon_object in runtime/abi.h); an optional is a sequence of at most one element. What is read
// from them has sizes that only the run knows: as in control flow, a dimension of a result that is
// a symbol which nothing has bound before is bound by the op. That is a memory effect.

#ifndef TENON_SEQUENCE_OPS_TD
#define TENON_SEQUENCE_OPS_TD

include "dialects/Tenon/TenonBase.td"

class Tenon_SequenceOp<string mnemonic, list<Trait> traits = []>
    : Tenon_Op<mnemonic, !listconcat([Tenon_HostOp], traits)> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Tenon_SequenceConstructOp : Tenon_SequenceOp<"sequence_construct", [Pure]> {
  let summary = "a sequence or optional of given elements";
  let description = [{
    ONNX [SequenceConstruct](https://onnx.ai/onnx/operators/onnx__SequenceConstruct.html),
    [SequenceEmpty](https://onnx.ai/onnx/operators/onnx__SequenceEmpty.html) and
    [Optional](https://onnx.ai/onnx/operators/onnx__Optional.html). Tensors are copied.

    ```mlir
    %s = tenon.sequence_construct %a, %b
       : (tensor<2xf32>, tensor<3xf32>) -> !tenon.sequence<tensor<?xf32>>
    ```
  }];
  let arguments = (ins Variadic<Tenon_Value>:$elements);
  let results = (outs Tenon_List:$result);
}

def Tenon_SequenceInsertOp : Tenon_SequenceOp<"sequence_insert", [Pure]> {
  let summary = "a sequence with one element more";
  let description = [{
    ONNX [SequenceInsert](https://onnx.ai/onnx/operators/onnx__SequenceInsert.html): in front of the
    element at `position`, which counts from the end if it is negative; at the end without one. The
    run ends with an error where the position is none of the sequence of n elements: -n to n.

    With `consumes`, which memory planning writes, nobody reads the sequence any more, so that it may
    become the result.

    ```mlir
    %t = tenon.sequence_insert %s, %x, %i
       : (!tenon.sequence<tensor<?xf32>>, tensor<2xf32>, tensor<i64>)
       -> !tenon.sequence<tensor<?xf32>>
    ```
  }];
  let arguments = (ins Tenon_SequenceType:$sequence, Tenon_Value:$element,
      Optional<Tenon_IntTensor>:$position, UnitAttr:$consumes);
  let results = (outs Tenon_SequenceType:$result);
}

def Tenon_SequenceEraseOp : Tenon_SequenceOp<"sequence_erase", [Pure]> {
  let summary = "a sequence without one of its elements";
  let description = [{
    ONNX [SequenceErase](https://onnx.ai/onnx/operators/onnx__SequenceErase.html): without the element
    at `position`, which counts from the end if it is negative, or without the last one. Anything but
    -n to n - 1 ends the run with an error. `consumes` as in `tenon.sequence_insert`.

    ```mlir
    %t = tenon.sequence_erase %s : (!tenon.sequence<tensor<?xf32>>) -> !tenon.sequence<tensor<?xf32>>
    ```
  }];
  let arguments = (ins Tenon_SequenceType:$sequence, Optional<Tenon_IntTensor>:$position,
      UnitAttr:$consumes);
  let results = (outs Tenon_SequenceType:$result);
}

def Tenon_SequenceAtOp
    : Tenon_SequenceOp<"sequence_at", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "an element of a sequence or optional";
  let description = [{
    ONNX [SequenceAt](https://onnx.ai/onnx/operators/onnx__SequenceAt.html): the element at
    `position`, which counts from the end if it is negative; anything but -n to n - 1 ends the run
    with an error. Without a position, ONNX
    [OptionalGetElement](https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html): the first
    element, and an error if there is none. A tensor lies in the sequence's memory. Another rank than
    the result's is an error of the run, where the sequence's type does not tell it.

    ```mlir
    %x = tenon.sequence_at %s, %i
       : (!tenon.sequence<tensor<?x4xf32>>, tensor<i64>)
       -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
    ```
  }];
  let arguments = (ins Tenon_List:$sequence, Optional<Tenon_IntTensor>:$position);
  let results = (outs Tenon_Value:$element);
}

def Tenon_SequenceLengthOp : Tenon_SequenceOp<"sequence_length", [Pure]> {
  let summary = "how many elements a sequence or optional has";
  let description = [{
    ONNX [SequenceLength](https://onnx.ai/onnx/operators/onnx__SequenceLength.html), and
    [OptionalHasElement](https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html), which asks
    whether it is 1.

    ```mlir
    %n = tenon.sequence_length %s : (!tenon.sequence<tensor<?xf32>>) -> tensor<i64>
    ```
  }];
  let arguments = (ins Tenon_List:$sequence);
  let results = (outs Tenon_IntTensor:$length);
}

def Tenon_SequenceConcatOp
    : Tenon_SequenceOp<"sequence_concat", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "joins the tensors of a sequence";
  let description = [{
    ONNX [ConcatFromSequence](https://onnx.ai/onnx/operators/onnx__ConcatFromSequence.html): along
    `axis` of the elements or, with `new_axis`, along a new one at that position of the result, for
    elements of one shape. No elements, or sizes that do not agree, end the run with an error.

    ```mlir
    %y = tenon.sequence_concat %s {axis = 0 : i64}
       : (!tenon.sequence<tensor<?x4xf32>>) -> tensor<?x4xf32, affine_map<()[s0] -> (s0, 4)>>
    ```
  }];
  let arguments = (ins Tenon_SequenceType:$sequence, I64Attr:$axis, UnitAttr:$new_axis);
  let results = (outs Tenon_Tensor:$result);
}

def Tenon_SequenceSplitOp : Tenon_SequenceOp<"sequence_split", [Pure]> {
  let summary = "cuts a tensor into a sequence of parts";
  let description = [{
    ONNX [SplitToSequence](https://onnx.ai/onnx/operators/onnx__SplitToSequence.html) along `axis`,
    where only a run tells how many parts there are. `sizes` of rank 1 are those of the parts, which
    must add up to the dimension's; one of rank 0 is that of each part but the last, which may be
    smaller; without it, parts have size 1. `drops_axis` removes the dimension of these.

    ```mlir
    %s = tenon.sequence_split %x, %n {axis = 1 : i64}
       : (tensor<2x6xf32>, tensor<i64>) -> !tenon.sequence<tensor<2x?xf32>>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Optional<Tenon_IntTensor>:$sizes, I64Attr:$axis,
      UnitAttr:$drops_axis);
  let results = (outs Tenon_SequenceType:$result);
}

def Tenon_MapEntriesOp
    : Tenon_SequenceOp<"map_entries", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "the keys and values of a map";
  let description = [{
    In ascending order of the keys, as tensors of rank 1. What
    [DictVectorizer](https://onnx.ai/onnx/operators/onnx_aionnxml_DictVectorizer.html) and
    [CastMap](https://onnx.ai/onnx/operators/onnx_aionnxml_CastMap.html) compute with.

    ```mlir
    %keys, %values = tenon.map_entries %m : (!tenon.map<i64, f32>)
       -> (tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0] -> (s0)>>)
    ```
  }];
  let arguments = (ins Tenon_MapType:$map);
  let results = (outs Tenon_Tensor:$keys, Tenon_Tensor:$values);
}

def Tenon_ZipMapOp : Tenon_Op<"zip_map", [Pure]> {
  let summary = "the rows of a tensor as maps with given keys";
  let description = [{
    ONNX [ZipMap](https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html). It is there while a graph
    is imported: a result of the function that it computes becomes its operand, with the attribute
    `tenon.keys`. Nothing else reads it.

    ```mlir
    %maps = tenon.zip_map %x {keys = array<i64: 3, 7>}
       : (tensor<2x2xf32>) -> !tenon.sequence<!tenon.map<i64, f32>>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$rows, AnyAttrOf<[DenseI64ArrayAttr, StrArrayAttr]>:$keys);
  let results = (outs Tenon_SequenceType:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif
