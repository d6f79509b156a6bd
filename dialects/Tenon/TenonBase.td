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

def Tenon_Element : AnyTypeOf<[AnyFloat, AnyInteger, Tenon_StringType], "tensor element">;
def Tenon_Tensor : RankedTensorOf<[Tenon_Element]>;
def Tenon_FloatTensor : RankedTensorOf<[AnyFloat]>;
def Tenon_IntTensor : RankedTensorOf<[AnyInteger]>;
def Tenon_BoolTensor : RankedTensorOf<[I1]>;
// Strings, or their handles.
def Tenon_StringTensor : RankedTensorOf<[Tenon_StringType, I64]>;
def Tenon_NumberTensor : RankedTensorOf<[AnyFloat, AnyInteger]>;

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
