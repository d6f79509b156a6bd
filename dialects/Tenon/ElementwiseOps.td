// Pointwise ops: one scalar function at every position, with ONNX's multidirectional broadcasting.

#ifndef TENON_ELEMENTWISE_OPS_TD
#define TENON_ELEMENTWISE_OPS_TD

include "dialects/Tenon/TenonBase.td"
include "dialects/Tenon/TenonInterfaces.td"

// `resultElement` is a C++ expression of the result's element type over `operands`.
class Tenon_PointwiseOp<string mnemonic, list<Trait> traits = [],
                        string resultElement = "getElementTypeOrSelf(operands.back())">
    : Tenon_Op<mnemonic, !listconcat(traits, [
        Pure, Tenon_InferType,
        DeclareOpInterfaceMethods<ElementalOpInterface, ["isPointwise"]>,
        DeclareOpInterfaceMethods<PointwiseOpInterface>])> {
  let results = (outs Tenon_Tensor:$result);
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  code inferTypes = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        ::mlir::MLIRContext *context, ::std::optional<::mlir::Location> loc,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes,
        ::mlir::OpaqueProperties properties, ::mlir::RegionRange regions,
        ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      using ::mlir::getElementTypeOrSelf;
      return ::tenon::inferBroadcastType(loc, operands, }] # resultElement # [{, types);
    }
    ::mlir::Value $cppClass::emitElement(::tenon::ElementEmitter &emitter, unsigned,
                                         ::llvm::ArrayRef<::tenon::LaneIndex> index) {
      return ::tenon::emitPointwise(*this, emitter, index);
    }
    bool $cppClass::isPointwise() { return true; }
  }];
  let extraClassDefinition = inferTypes;
}

// What elements have in an example.
class Tenon_ExampleElement<TypeConstraint type> {
  string name = !cond(!eq(type, Tenon_BoolTensor): "i1", !eq(type, Tenon_IntTensor): "i32",
                      true: "f32");
}

class Tenon_UnaryOp<string mnemonic, string onnxName, string formula, TypeConstraint type,
                    list<Trait> traits = []>
    : Tenon_PointwiseOp<mnemonic, traits> {
  let summary = formula;
  defvar element = Tenon_ExampleElement<type>.name;
  let description = "ONNX [" # onnxName # "](https://onnx.ai/onnx/operators/onnx__" # onnxName #
                    ".html). Every element of the result is " # formula # ".\n\n```mlir\n%y = tenon." #
                    mnemonic # " %x : (tensor<2x3x" # element # ">) -> tensor<2x3x" # element #
                    ">\n```";
  let arguments = (ins type:$operand);
}

class Tenon_BinaryOp<string mnemonic, string onnxName, string formula, TypeConstraint type,
                     list<Trait> traits = []>
    : Tenon_PointwiseOp<mnemonic, !listconcat([SameOperandsElementType], traits)> {
  let summary = formula;
  defvar element = Tenon_ExampleElement<type>.name;
  let description = "ONNX [" # onnxName # "](https://onnx.ai/onnx/operators/onnx__" # onnxName #
                    ".html). Every element of the result is " # formula # ".\n\n```mlir\n%y = tenon." #
                    mnemonic # " %a, %b : (tensor<2x3x" # element # ">, tensor<3x" # element #
                    ">) -> tensor<2x3x" # element # ">\n```";
  let arguments = (ins type:$lhs, type:$rhs);
}

class Tenon_CompareOp<string mnemonic, string onnxName, string formula,
                      TypeConstraint type = Tenon_NumberTensor, list<Trait> traits = []>
    : Tenon_PointwiseOp<mnemonic, !listconcat(traits, [SameOperandsElementType,
                                   DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]),
                        "::mlir::IntegerType::get(context, 1)"> {
  let summary = formula;
  let description = "ONNX [" # onnxName # "](https://onnx.ai/onnx/operators/onnx__" # onnxName #
                    ".html). Every element of the result is whether " # formula #
                    ".\n\n```mlir\n%y = tenon." # mnemonic #
                    " %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xi1>\n```";
  let arguments = (ins type:$lhs, type:$rhs);
}

// Sign, rounding, roots.
def Tenon_AbsOp : Tenon_UnaryOp<"abs", "Abs", "|x|", Tenon_NumberTensor>;
def Tenon_NegOp : Tenon_UnaryOp<"neg", "Neg", "-x", Tenon_NumberTensor, [
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_SignOp : Tenon_UnaryOp<"sign", "Sign", "-1, 0 or 1 by the sign of x", Tenon_NumberTensor>;
def Tenon_FloorOp : Tenon_UnaryOp<"floor", "Floor", "the largest integer <= x", Tenon_FloatTensor>;
def Tenon_CeilOp : Tenon_UnaryOp<"ceil", "Ceil", "the smallest integer >= x", Tenon_FloatTensor>;
def Tenon_RoundOp : Tenon_UnaryOp<"round", "Round", "x rounded to an integer, halves to even",
                                  Tenon_FloatTensor, [
    DeclareOpInterfaceMethods<ElementRangeOpInterface>]>;
def Tenon_TruncOp : Tenon_UnaryOp<"trunc", "Mod", "x rounded towards zero", Tenon_FloatTensor>;
def Tenon_SqrtOp : Tenon_UnaryOp<"sqrt", "Sqrt", "the square root of x", Tenon_FloatTensor>;
def Tenon_ReciprocalOp : Tenon_UnaryOp<"reciprocal", "Reciprocal", "1 / x", Tenon_FloatTensor>;

// Exponentials and friends.
def Tenon_ExpOp : Tenon_UnaryOp<"exp", "Exp", "e^x", Tenon_FloatTensor>;
def Tenon_LogOp : Tenon_UnaryOp<"log", "Log", "the natural logarithm of x", Tenon_FloatTensor>;
def Tenon_ErfOp : Tenon_UnaryOp<"erf", "Erf", "the error function of x", Tenon_FloatTensor>;
def Tenon_SigmoidOp : Tenon_UnaryOp<"sigmoid", "Sigmoid", "1 / (1 + e^-x)", Tenon_FloatTensor>;
def Tenon_SoftplusOp : Tenon_UnaryOp<"softplus", "Softplus", "ln(1 + e^x)", Tenon_FloatTensor>;
def Tenon_TanhOp : Tenon_UnaryOp<"tanh", "Tanh", "the hyperbolic tangent of x", Tenon_FloatTensor>;
def Tenon_SinhOp : Tenon_UnaryOp<"sinh", "Sinh", "the hyperbolic sine of x", Tenon_FloatTensor>;
def Tenon_CoshOp : Tenon_UnaryOp<"cosh", "Cosh", "the hyperbolic cosine of x", Tenon_FloatTensor>;
def Tenon_AsinhOp : Tenon_UnaryOp<"asinh", "Asinh", "the inverse of sinh at x", Tenon_FloatTensor>;
def Tenon_AcoshOp : Tenon_UnaryOp<"acosh", "Acosh", "the inverse of cosh at x", Tenon_FloatTensor>;
def Tenon_AtanhOp : Tenon_UnaryOp<"atanh", "Atanh", "the inverse of tanh at x", Tenon_FloatTensor>;
def Tenon_SinOp : Tenon_UnaryOp<"sin", "Sin", "the sine of x", Tenon_FloatTensor>;
def Tenon_CosOp : Tenon_UnaryOp<"cos", "Cos", "the cosine of x", Tenon_FloatTensor>;
def Tenon_TanOp : Tenon_UnaryOp<"tan", "Tan", "the tangent of x", Tenon_FloatTensor>;
def Tenon_AsinOp : Tenon_UnaryOp<"asin", "Asin", "the inverse of sin at x", Tenon_FloatTensor>;
def Tenon_AcosOp : Tenon_UnaryOp<"acos", "Acos", "the inverse of cos at x", Tenon_FloatTensor>;
def Tenon_AtanOp : Tenon_UnaryOp<"atan", "Atan", "the inverse of tan at x", Tenon_FloatTensor>;

// Activations that deserve a name of their own: they are recognised, fused and costed as one.
def Tenon_ReluOp : Tenon_UnaryOp<"relu", "Relu", "max(x, 0)", Tenon_NumberTensor>;
def Tenon_SiluOp : Tenon_UnaryOp<"silu", "Swish", "x / (1 + e^-x)", Tenon_FloatTensor>;
def Tenon_GeluOp : Tenon_UnaryOp<"gelu", "Gelu", "x/2 (1 + erf(x / sqrt 2)), or its tanh form",
                                 Tenon_FloatTensor> {
  let arguments = (ins Tenon_FloatTensor:$operand, UnitAttr:$approximate);
}

// Logic and bits.
def Tenon_NotOp : Tenon_UnaryOp<"not", "Not", "the negation of x", Tenon_BoolTensor>;
def Tenon_BitNotOp : Tenon_UnaryOp<"bit_not", "BitwiseNot", "the complement of x's bits",
                                   Tenon_IntTensor>;
def Tenon_AndOp : Tenon_BinaryOp<"and", "BitwiseAnd", "a and b, bit by bit", Tenon_IntTensor,
                                 [Commutative]>;
def Tenon_OrOp : Tenon_BinaryOp<"or", "BitwiseOr", "a or b, bit by bit", Tenon_IntTensor,
                                [Commutative]>;
def Tenon_XorOp : Tenon_BinaryOp<"xor", "BitwiseXor", "a exclusive-or b, bit by bit",
                                 Tenon_IntTensor, [Commutative]>;
def Tenon_ShiftLeftOp : Tenon_BinaryOp<"shift_left", "BitShift", "a shifted left by b bits",
                                       Tenon_IntTensor>;
def Tenon_ShiftRightOp : Tenon_BinaryOp<"shift_right", "BitShift", "a shifted right by b bits",
                                        Tenon_IntTensor>;

// Arithmetic.
def Tenon_AddOp : Tenon_BinaryOp<"add", "Add", "a + b", Tenon_NumberTensor, [
    Commutative, DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_SubOp : Tenon_BinaryOp<"sub", "Sub", "a - b", Tenon_NumberTensor, [
    DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_MulOp : Tenon_BinaryOp<"mul", "Mul", "a * b", Tenon_NumberTensor, [
    Commutative, DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_DivOp : Tenon_BinaryOp<"div", "Div", "a / b; integers truncate", Tenon_NumberTensor, [
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_PowOp : Tenon_PointwiseOp<"pow", [], "getElementTypeOrSelf(operands.front())"> {
  let summary = "a^b";
  let description = [{
    ONNX [Pow](https://onnx.ai/onnx/operators/onnx__Pow.html). The exponent may have another element
    type than the base; the result has the base's.

    ```mlir
    %y = tenon.pow %a, %b : (tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$lhs, Tenon_NumberTensor:$rhs);
}
def Tenon_MinOp : Tenon_BinaryOp<"min", "Min", "the smaller of a and b; NaN if either is",
                                 Tenon_NumberTensor, [
    Commutative, DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_MaxOp : Tenon_BinaryOp<"max", "Max", "the larger of a and b; NaN if either is",
                                 Tenon_NumberTensor, [
    Commutative, DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]>;
def Tenon_ModOp : Tenon_BinaryOp<"mod", "Mod", "the remainder of a / b, with b's sign",
                                 Tenon_NumberTensor>;
def Tenon_FmodOp : Tenon_BinaryOp<"fmod", "Mod", "the remainder of a / b, with a's sign",
                                  Tenon_NumberTensor>;
def Tenon_PReluOp : Tenon_BinaryOp<"prelu", "PRelu", "a where a >= 0, else a * b",
                                   Tenon_NumberTensor>;

// Comparison.
def Tenon_EqualOp : Tenon_CompareOp<"equal", "Equal", "a = b", Tenon_Tensor, [Tenon_TakesStrings]>;
def Tenon_LessOp : Tenon_CompareOp<"less", "Less", "a < b">;
def Tenon_LessEqualOp : Tenon_CompareOp<"less_equal", "LessOrEqual", "a <= b">;
class Tenon_PredicateOp<string mnemonic, string onnxName, string formula>
    : Tenon_PointwiseOp<mnemonic, [], "::mlir::IntegerType::get(context, 1)"> {
  let summary = "whether " # formula;
  let description = "ONNX [" # onnxName # "](https://onnx.ai/onnx/operators/onnx__" # onnxName #
                    ".html).\n\n```mlir\n%y = tenon." # mnemonic #
                    " %x : (tensor<2xf32>) -> tensor<2xi1>\n```";
  let arguments = (ins Tenon_NumberTensor:$operand);
}
def Tenon_IsNaNOp : Tenon_PredicateOp<"is_nan", "IsNaN", "x is not a number">;
def Tenon_IsInfOp : Tenon_PredicateOp<"is_inf", "IsInf", "x is infinite">;

def Tenon_SelectOp : Tenon_PointwiseOp<"select", [Tenon_MovesElements,
    AllElementTypesMatch<["ifTrue", "ifFalse"]>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>]> {
  let summary = "a where the condition holds, else b";
  let description = [{
    ONNX [Where](https://onnx.ai/onnx/operators/onnx__Where.html).

    ```mlir
    %y = tenon.select %c, %a, %b : (tensor<3xi1>, tensor<2x3xf32>, tensor<f32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_BoolTensor:$condition, Tenon_Tensor:$ifTrue, Tenon_Tensor:$ifFalse);
}

def Tenon_FmaOp : Tenon_PointwiseOp<"fma", [
    SameOperandsElementType, DeclareOpInterfaceMethods<ElementRangeOpInterface>]> {
  let summary = "a * b + c, rounded once";
  let description = [{
    The fused multiply-add of IEEE 754. No operator of ONNX is one: passes write it where a result depends
    on what a product loses.

    ```mlir
    %y = tenon.fma %a, %b, %c : (tensor<2x3xf32>, tensor<f32>, tensor<2x3xf32>) -> tensor<2x3xf32>
    ```
  }];
  let arguments = (ins Tenon_FloatTensor:$a, Tenon_FloatTensor:$b, Tenon_FloatTensor:$c);
}

def Tenon_CastOp : Tenon_PointwiseOp<"cast", [
    DeclareOpInterfaceMethods<ElementRangeOpInterface>,
    DeclareOpInterfaceMethods<SymbolicContentsOpInterface>], ""> {
  let summary = "x converted to another element type";
  let description = [{
    ONNX [Cast](https://onnx.ai/onnx/operators/onnx__Cast.html). Floats become integers by
    truncation, numbers become true unless they are zero. `saturate` clamps what 8-bit floats cannot
    represent.

    ```mlir
    %y = tenon.cast %x to f16 : (tensor<2x3xf32>) -> tensor<2x3xf16>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, TypeAttr:$to,
                       DefaultValuedAttr<BoolAttr, "true">:$saturate);
  let assemblyFormat = "$operand `to` $to attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = !subst("operands, ,", "operands, Adaptor(operands, attributes, *properties.as<Properties *>(), regions).getTo(),", inferTypes);
}

def Tenon_BitCastOp : Tenon_PointwiseOp<"bit_cast", [], ""> {
  let summary = "x's bits read as another element type";
  let description = [{
    ONNX [BitCast](https://onnx.ai/onnx/operators/onnx__BitCast.html). Both types have the same
    width; a boolean counts as a byte.

    ```mlir
    %y = tenon.bit_cast %x to i32 : (tensor<2x3xf32>) -> tensor<2x3xi32>
    ```
  }];
  let arguments = (ins Tenon_NumberTensor:$operand, TypeAttr:$to);
  let assemblyFormat = "$operand `to` $to attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let extraClassDefinition = !subst("operands, ,", "operands, Adaptor(operands, attributes, *properties.as<Properties *>(), regions).getTo(),", inferTypes);
}

#endif
