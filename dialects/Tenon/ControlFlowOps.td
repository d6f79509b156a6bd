// Control flow: regions that run depending on data, once or many times.
//
// Both ops bind shape symbols. A dimension of a block argument or of a result whose expression is a
// symbol that nothing has bound before stands for the size met at run time: on entry to an
// iteration for a block argument, after the op for a result. That is a memory effect: an op whose
// results nobody reads stays for their sizes.

#ifndef TENON_CONTROL_FLOW_OPS_TD
#define TENON_CONTROL_FLOW_OPS_TD

include "dialects/Tenon/TenonBase.td"

def Tenon_IfOp : Tenon_Op<"if", [Tenon_HostOp, Tenon_TakesStrings, RecursiveMemoryEffects,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, NoRegionArguments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "runs one of two regions";
  let description = [{
    ONNX [If](https://onnx.ai/onnx/operators/onnx__If.html). The results are what the chosen region
    yields. Both regions yield the same ranks and element types; where their dimensions differ, the
    result's dimension is a symbol that this op binds.

    ```mlir
    %y = tenon.if %c : (tensor<i1>) -> tensor<2xf32> {
      tenon.yield %a : tensor<2xf32>
    } else {
      tenon.yield %b : tensor<2xf32>
    }
    ```
  }];
  let arguments = (ins Tenon_BoolTensor:$condition);
  let results = (outs Variadic<Tenon_Value>:$outputs);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = [{
    $condition attr-dict `:` functional-type(operands, results) $thenRegion `else` $elseRegion
  }];
  let hasRegionVerifier = 1;
}

def Tenon_LoopOp : Tenon_Op<"loop", [Tenon_HostOp, Tenon_TakesStrings, RecursiveMemoryEffects,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, AttrSizedOperandSegments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "runs a region again and again";
  let description = [{
    ONNX [Loop](https://onnx.ai/onnx/operators/onnx__Loop.html), and
    [Scan](https://onnx.ai/onnx/operators/onnx__Scan.html), whose sliced inputs become gathers in the
    body. The body runs while fewer than `max` iterations are done (if given) and the condition
    holds (if given; later the one that the body yields). Its arguments are the number of the
    iteration, then the carried values. It yields the condition, the next carried values, and any
    number of further tensors, which are stacked along a new leading dimension. The results are the
    last carried values, then the stacks.

    A carried value may change its shape: then the dimension is a symbol in the argument's type and
    another one in the result's. Canonicalization drops carried values of known shape that no
    iteration changes, or that nothing reads.

    ```mlir
    %sum, %all = tenon.loop max(%n : tensor<i64>) carry(%zero : tensor<f32>) {
    ^body(%i: tensor<i64>, %s: tensor<f32>):
      %next = tenon.add %s, %x : (tensor<f32>, tensor<f32>) -> tensor<f32>
      tenon.yield %true, %next, %next : tensor<i1>, tensor<f32>, tensor<f32>
    } : tensor<f32>, tensor<?xf32, affine_map<()[s0] -> (s0)>>
    ```
  }];
  let arguments = (ins Optional<Tenon_IntTensor>:$max, Optional<Tenon_BoolTensor>:$condition,
                       Variadic<Tenon_Value>:$inits);
  let results = (outs Variadic<Tenon_Value>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`max` `(` $max^ `:` type($max) `)`)? (`while` `(` $condition^ `:` type($condition) `)`)?
    (`carry` `(` $inits^ `:` type($inits) `)`)? attr-dict-with-keyword $body
    (`:` type($outputs)^)?
  }];
  let extraClassDeclaration = [{
    /// The number of the iteration, i64.
    ::mlir::BlockArgument getIteration() { return getBody().getArgument(0); }
    /// The carried values as the body sees them.
    ::mlir::Block::BlockArgListType getCarried() { return getBody().getArguments().drop_front(); }
    ::mlir::ValueRange getYielded() { return getBody().front().getTerminator()->getOperands(); }
    /// Results that are the last carried values.
    ::mlir::ResultRange getFinals() { return getOutputs().take_front(getInits().size()); }
    /// Results that stack what the iterations yield.
    ::mlir::ResultRange getStacks() { return getOutputs().drop_front(getInits().size()); }
  }];
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
}

#endif
