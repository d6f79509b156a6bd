// The `tenon` dialect: tensors, constraints and op classes shared by the op families.

#ifndef TENON_BASE_TD
#define TENON_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Tenon_Dialect : Dialect {
  let name = "tenon";
  let cppNamespace = "::tenon";
  let summary = "ONNX models as a graph of tensor ops, and as a program of kernels";
  let description = [{
    One canonical form for every version of every ONNX operator. Tensors are builtin ranked tensors.
    A tensor with unknown dimensions carries its shape as an affine map over the symbols of the
    enclosing function: `tensor<?x7xf32, affine_map<()[s0] -> (s0, 7)>>` has `s0` rows; the function
    attribute `tenon.symbols` names the symbols. Static tensors carry no encoding. Operators that
    take a shape as an operand in ONNX (Reshape, Slice, Expand, ...) hold it as an attribute, an
    affine map over the same symbols.

    An argument of the function with the attribute `tenon.state = 1 : i64` is a state: result 1 is what
    it is in the next run, and the caller may use one memory for both. Their types are the same, and no
    result is that of two states.

    A result of the function with the attribute `tenon.keys`, integers or strings, is a table of maps:
    a sequence with a map for each row of the tensor, whose keys are these.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect",
                           "::mlir::func::FuncDialect"];
}

class Tenon_Type<string name, string typeMnemonic, list<Trait> traits = []>
    : TypeDef<Tenon_Dialect, name, traits> {
  let mnemonic = typeMnemonic;
}

def Tenon_StringType : Tenon_Type<"String", "string"> {
  let summary = "An ONNX string, as a tensor element";
  let description = [{
    For graphs as they are imported: ops that move elements, compare them for equality or are written for
    strings take such tensors, all others refuse them. `tenon-intern-strings` makes i64 of them, so that
    no later stage knows strings.

    ```mlir
    %y = tenon.reshape %x : (tensor<2x!tenon.string>) -> tensor<1x2x!tenon.string>
    ```
  }];
}

// Values of the host alone: no kernel sees them, and what they hold is known to the run.

def Tenon_SequenceType : Tenon_Type<"Sequence", "sequence"> {
  let summary = "a list of values of one kind";
  let description = [{
    ONNX's sequence. Elements are tensors: of a known rank, where `?` is a size that may be another
    one in each element and has no expression, or `tensor<*xf32>` if the rank differs, too. Or they
    are maps. One that is known to be empty says only what its tensors would hold: `!tenon.sequence<f32>`.

    ```mlir
    %s = tenon.sequence_construct %a, %b
       : (tensor<2x4xf32>, tensor<3x4xf32>) -> !tenon.sequence<tensor<?x4xf32>>
    ```
  }];
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
  let genVerifyDecl = 1;
}

def Tenon_OptionalType : Tenon_Type<"Optional", "optional"> {
  let summary = "a value, or none";
  let description = [{
    ONNX's optional: in a run, a sequence of one element or none, so ops on sequences take it. The
    element is a tensor as in a sequence, or a sequence.

    ```mlir
    %none = tenon.sequence_construct : () -> !tenon.optional<tensor<?xf32>>
    ```
  }];
  let parameters = (ins "::mlir::Type":$element);
  let assemblyFormat = "`<` $element `>`";
  let genVerifyDecl = 1;
}

def Tenon_MapType : Tenon_Type<"Map", "map"> {
  let summary = "numbers or strings by keys";
  let description = [{
    ONNX's map: each key, a 64-bit integer or a string, has one number or string. Its entries are in
    ascending order of their keys.

    ```mlir
    %keys, %values = tenon.map_entries %m : (!tenon.map<i64, f32>)
       -> (tensor<?xi64, affine_map<()[s0] -> (s0)>>, tensor<?xf32, affine_map<()[s0] -> (s0)>>)
    ```
  }];
  let parameters = (ins "::mlir::Type":$key, "::mlir::Type":$value);
  let assemblyFormat = "`<` $key `,` $value `>`";
  let genVerifyDecl = 1;
}

def Tenon_Element : AnyTypeOf<[AnyFloat, AnyInteger, Tenon_StringType], "tensor element">;
def Tenon_Tensor : RankedTensorOf<[Tenon_Element]>;
def Tenon_FloatTensor : RankedTensorOf<[AnyFloat]>;
def Tenon_IntTensor : RankedTensorOf<[AnyInteger]>;
def Tenon_BoolTensor : RankedTensorOf<[I1]>;
// Strings, or their handles.
def Tenon_StringTensor : RankedTensorOf<[Tenon_StringType, I64]>;
def Tenon_NumberTensor : RankedTensorOf<[AnyFloat, AnyInteger]>;
// What sequences are in a run.
def Tenon_List : AnyTypeOf<[Tenon_SequenceType, Tenon_OptionalType], "sequence or optional">;
def Tenon_Value : AnyTypeOf<[Tenon_Tensor, Tenon_SequenceType, Tenon_OptionalType, Tenon_MapType],
                            "tensor, sequence, optional or map">;

// Result types are inferred from operands and attributes. A written type may know less or more of
// the dimensions than the inferred one; it may not contradict it.
class Tenon_InferTypeUpTo<string comparison> : TraitList<[
    DeclareOpInterfaceMethods<InferTypeOpInterface>,
    NativeOpTrait<"InferTypeOpAdaptor", [], [{
      static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
        return }] # comparison # [{(inferred, actual);
      }
    }], [{}]>]>;
def Tenon_InferType : Tenon_InferTypeUpTo<"::tenon::areCompatibleTypes">;

// What the function that runs a program may hold once kernels exist: all else is in a kernel.
def Tenon_HostOp : NativeOpTrait<"HostOp"> { let cppNamespace = "::tenon"; }

// Each element of the result is one of an operand's, unchanged: whoever changes the type of elements,
// or follows what they are, may do so on either side of the op.
def Tenon_MovesElements : NativeOpTrait<"MovesElements"> { let cppNamespace = "::tenon"; }

// Elements may be strings, though the op does more than move them: what it does with them it does as well
// with any numbers that are equal where the strings are.
def Tenon_TakesStrings : NativeOpTrait<"TakesStrings"> { let cppNamespace = "::tenon"; }

// The op reads or makes characters: its library function gets the strings of the run (runtime/abi.h).
def Tenon_UsesStrings : NativeOpTrait<"UsesStrings"> { let cppNamespace = "::tenon"; }

// Refuses tensors of strings, unless another trait says that the op takes them.
def Tenon_KnowsStrings : NativeOpTrait<"KnowsStrings"> { let cppNamespace = "::tenon"; }

class Tenon_Op<string mnemonic, list<Trait> traits = []>
    : Op<Tenon_Dialect, mnemonic, !listconcat(traits, [Tenon_KnowsStrings])>;

#endif
