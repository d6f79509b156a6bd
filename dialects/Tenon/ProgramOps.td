// The program level: kernels and their launches.

#ifndef TENON_PROGRAM_OPS_TD
#define TENON_PROGRAM_OPS_TD

include "dialects/Target/TargetInterfaces.td"
include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"

def Tenon_YieldOp : Tenon_Op<"yield", [Tenon_HostOp, Tenon_TakesStrings, Pure, Terminator, ReturnLike]> {
  let summary = "ends a region and gives its results";
  let description = [{
    The last op of a kernel, and of the regions of `tenon.if` and `tenon.loop`.

    ```mlir
    tenon.kernel @relu(%x: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %y = tenon.relu %x : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %y : tensor<8xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Tenon_Value>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), [{ (void)$_state; }]>];
}

def Tenon_KernelOp : Tenon_Op<"kernel", [IsolatedFromAbove, FunctionOpInterface, Symbol]> {
  let summary = "a fused group of ops, compiled to one native function";
  let description = [{
    The body is a graph of ops on tensors that one strategy computes in one pass over memory; only
    arguments and results are buffers. Shape symbols in the body's types are the kernel's own:
    `numSymbols` of them, bound by each launch. A pad with constants that ends the body is a frame:
    what is under it is written into the middle of the result.

    `strategy` names the one of the target's strategies that computes the kernel (KernelStrategy.h),
    and `schedule` says how. `tasks` is the number of tasks that a launch is divided into at most: the
    least of the map's results, over the kernel's symbols, and one at least; one if it is absent.
    `scratch` is how many bytes of memory each task needs for itself while it runs, whole cache lines
    of 64; none if it is absent.

    The body ends with a `tenon.yield` of the function type's results, and holds no symbol beyond
    the kernel's own.

    ```mlir
    tenon.kernel @add_relu(%a: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<8xf32>
        attributes {strategy = "rows"} {
      %0 = tenon.add %a, %b : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
      %1 = tenon.relu %0 : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %1 : tensor<8xf32>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       OptionalAttr<StrAttr>:$sym_visibility,
                       OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs,
                       StrAttr:$strategy,
                       DefaultValuedAttr<I64Attr, "0">:$num_symbols,
                       OptionalAttr<ScheduleAttrInterface>:$schedule,
                       OptionalAttr<AffineMapAttr>:$tasks,
                       OptionalAttr<AffineMapAttr>:$scratch);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name, "::mlir::FunctionType":$type,
                                 "::llvm::StringRef":$strategy, "int64_t":$numSymbols)>];
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    ::mlir::Block &getEntryBlock() { return getBody().front(); }
  }];
}

def Tenon_UninitializedOp : Tenon_Op<"uninitialized", [Pure]> {
  let summary = "a result of a kernel that no op in its body gives";
  let description = [{
    The status and sizes of a library kernel: the strategy that emits the kernel writes them.

    ```mlir
    %slots = tenon.uninitialized : tensor<3xi64>
    ```
  }];
  let results = (outs Tenon_Tensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
}

def Tenon_InsertOp : Tenon_Op<"insert"> {
  let summary = "writes a tensor into a part of a larger one";
  let description = [{
    What a concatenation becomes where its operands are written straight into its result. `low` is
    the index of the part's first element. The rest is that of `destination`, whose memory the
    result takes over; without one, the rest is not written yet. A destination's other readers
    are slices of what is written already.

    The op ends a kernel, whose launch has the destination.

    ```mlir
    %0 = tenon.insert %a {low = affine_map<() -> (0, 0)>} : (tensor<2x3xf32>) -> tensor<2x8xf32>
    %1 = tenon.insert %b into %0 : tensor<2x8xf32> {low = affine_map<() -> (0, 3)>}
       : (tensor<2x5xf32>) -> tensor<2x8xf32>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Optional<Tenon_Tensor>:$destination,
                       AffineMapAttr:$low);
  let results = (outs Tenon_Tensor:$result);
  let assemblyFormat = [{
    $operand (`into` $destination^ `:` type($destination))? attr-dict `:`
    functional-type($operand, $result)
  }];
  let hasVerifier = 1;
}

def Tenon_ReleaseOp : Tenon_Op<"release", [Tenon_HostOp]> {
  let summary = "gives back what was allocated at run time";
  let description = [{
    Memory planning puts it after the last use of a launch's result, of a sequence, optional or map, or
    of a tensor that was read from one.

    ```mlir
    tenon.release %y : tensor<?xf32, affine_map<()[s0] -> (s0)>>
    ```
  }];
  let arguments = (ins Tenon_Value:$buffer);
  let assemblyFormat = "$buffer attr-dict `:` type($buffer)";
}

// Where a result of a launch lies: one attribute for each kind of place, with what that kind needs.

class Tenon_Place<string name, string place> : AttrDef<Tenon_Dialect, name> {
  let mnemonic = place;
}

def Tenon_ArenaAttr : Tenon_Place<"Arena", "arena"> {
  let summary = "a place in the arena";
  let description = [{
    The bytes from `offset` on, of memory that the run has from its start.

    ```mlir
    #tenon.arena<64>
    ```
  }];
  let parameters = (ins "int64_t":$offset);
  let assemblyFormat = "`<` $offset `>`";
  let genVerifyDecl = 1;
}

def Tenon_OutputAttr : Tenon_Place<"Output", "output"> {
  let summary = "the memory of a result of the function";
  let description = [{
    Which of them, counted from 0. The caller of the run may have given the memory.

    ```mlir
    #tenon.output<0>
    ```
  }];
  let parameters = (ins "int64_t":$number);
  let assemblyFormat = "`<` $number `>`";
  let genVerifyDecl = 1;
}

def Tenon_AllocatedAttr : Tenon_Place<"Allocated", "allocated"> {
  let summary = "memory that the run allocates for the launch";
  let description = [{
    For what has no known size. A `tenon.release`, or the end of the run, gives it back.

    ```mlir
    #tenon.allocated
    ```
  }];
}

def Tenon_HostAttr : Tenon_Place<"Host", "host"> {
  let summary = "memory of the host that the run allocates";
  let description = [{
    For what kernels of the host read and write where all others compute in memory of their own. A
    `tenon.release`, or the end of the run, gives it back.

    ```mlir
    #tenon.host
    ```
  }];
}

def Tenon_AnyPlace : AnyAttrOf<[Tenon_ArenaAttr, Tenon_OutputAttr, Tenon_AllocatedAttr, Tenon_HostAttr],
                               "a place in memory">;

def Tenon_Places : OptionalAttr<TypedArrayAttrBase<Tenon_AnyPlace, "places in memory">>;

def Tenon_Side : I32EnumAttr<"Side", "one of two memories", [
    I32EnumAttrCase<"Host", 0, "host">, I32EnumAttrCase<"Device", 1, "device">]> {
  let cppNamespace = "::tenon";
}

def Tenon_TransferOp : Tenon_Op<"transfer", [Tenon_HostOp, AllTypesMatch<["operand", "result"]>,
                                         BufferOpInterface]> {
  let summary = "copies a tensor to the other memory";
  let description = [{
    Where kernels compute in memory of their own: to what kernels of the host read, or back from what
    they have written. It waits for all that is launched before it.

    ```mlir
    %h = tenon.transfer %x to host : tensor<8xf64>
    %z = tenon.transfer %y to device : tensor<8xf64>
    ```
  }];
  let arguments = (ins Tenon_Tensor:$operand, Tenon_Side:$side, Tenon_Places:$placement);
  let results = (outs Tenon_Tensor:$result);
  let assemblyFormat = "$operand `to` $side attr-dict `:` type($operand)";
}

def Tenon_LaunchOp : Tenon_Op<"launch", [Tenon_HostOp,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>,
    DeclareOpInterfaceMethods<BufferOpInterface, ["getCapacity"]>,
    AttrSizedOperandSegments]> {
  let summary = "runs a kernel";
  let description = [{
    `symbols` gives the kernel's shape symbols as expressions over the function's.

    A kernel that ends with `tenon.insert` writes a part of its result. Then `into` says whose
    memory the result lies in, unless this is the first part.

    A library kernel's launch has one result more than its op: an i64 tensor that receives the
    function's status and the dimensions of all results. `capacities` bounds the results' dimensions
    where they depend on data.

    A kernel that only broadcasts, and only where sizes differ that may be equal, has `differences`:
    if all of these are 0 in a run, nothing is launched and the result is the input's memory.

    Memory planning writes `placement`, a place for each result: `#tenon.arena`, `#tenon.output` or
    `#tenon.allocated`. Those of a kernel of the host are `#tenon.host` where other kernels have memory
    of their own. A launch with `allocates_scratch` gets the scratch
    memory of its tasks from the run, for as long as it takes; others use that of the context, which
    is there for whatever is launched at the moment.

    ```mlir
    %y = tenon.launch @relu(%x) : (tensor<8xf32>) -> tensor<8xf32>

    tenon.kernel @relu(%a: tensor<8xf32>) -> tensor<8xf32> attributes {strategy = "rows"} {
      %0 = tenon.relu %a : (tensor<8xf32>) -> tensor<8xf32>
      tenon.yield %0 : tensor<8xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Tenon_Tensor>:$inputs,
                       Optional<Tenon_Tensor>:$destination,
                       OptionalAttr<AffineMapAttr>:$symbols,
                       OptionalAttr<AffineMapAttr>:$differences,
                       OptionalAttr<ArrayAttr>:$capacities,
                       Tenon_Places:$placement,
                       UnitAttr:$allocates_scratch);
  let results = (outs Variadic<Tenon_Tensor>:$outputs);
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$outputs, "::llvm::StringRef":$kernel,
                                 "::mlir::ValueRange":$inputs,
                                 "::mlir::AffineMapAttr":$symbols), [{
    build($_builder, $_state, outputs, kernel, inputs, nullptr, symbols, nullptr, nullptr, nullptr,
          /*allocates_scratch=*/false);
  }]>];
  let assemblyFormat = [{
    $kernel `(` $inputs `)` (`into` $destination^ `:` type($destination))? attr-dict `:`
    functional-type($inputs, $outputs)
  }];
}

#endif
