// What an op tells the passes about itself.

#ifndef TENON_INTERFACES_TD
#define TENON_INTERFACES_TD

include "mlir/IR/OpBase.td"

def ElementalOpInterface : OpInterface<"ElementalOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op whose result elements can each be computed on their own from elements of its operands:
    pointwise ops, index maps (transpose, slice, pad, concat, gather, ...) and, with a loop inside,
    windows and sums. Code generation pulls: the consumer asks for an element at an index, the op
    asks for its operands' elements at the indices it derives.
  }];
  let methods = [
    InterfaceMethod<[{
      Emits the elements of result `number` at `index` (one LaneIndex per dimension): a scalar, or a
      vector with one element per lane, in the storage type of the result's element type.
    }], "::mlir::Value", "emitElement",
      (ins "::tenon::ElementEmitter &":$emitter, "unsigned":$number,
           "::llvm::ArrayRef<::tenon::LaneIndex>":$index)>,
    InterfaceMethod<[{
      Whether computing an element costs more than a few instructions, so that consumers that need
      it more than once should read it from memory instead.
    }], "bool", "isExpensiveElement", (ins), "", [{ return false; }]>,
    InterfaceMethod<[{
      Whether each result element depends on just the operand elements at the same, possibly
      broadcast, position.
    }], "bool", "isPointwise", (ins), "", [{ return false; }]>
  ];
}

def PointwiseOpInterface : OpInterface<"PointwiseOpInterface", [ElementalOpInterface]> {
  let cppNamespace = "::tenon";
  let description = [{
    An elemental op that applies one scalar function at every position, with multidirectional
    broadcasting of its operands.
  }];
  let methods = [
    InterfaceMethod<[{
      Builds the function on `operands`, which are scalars or vectors of the same length. Half
      precision operands come in as f32, and an f32 result is rounded by the caller.
    }], "::mlir::Value", "buildScalar",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$operands)>
  ];
}

def ElementRangeOpInterface : OpInterface<"ElementRangeOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op that computes, of which it can be told between which numbers the elements of its result
    lie, and whether they are integers, from what is known of its operands (ElementRange.h). Ops that
    only move elements need none.
  }];
  let methods = [
    InterfaceMethod<"What is known of the result's elements.", "::tenon::ElementRange",
      "inferElementRange", (ins "::llvm::ArrayRef<::tenon::ElementRange>":$operands)>
  ];
}

def PrecisionOpInterface : OpInterface<"PrecisionOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op that sums products of its operands' elements. These operands may hold f16 or bf16 while
    sums and result stay f32: what is lost are the digits that the operands lose. Every other op
    computes in the precision of its result, and is not asked to do with less.
  }];
  let methods = [
    InterfaceMethod<[{
      The operand of which one element at a time meets many of the weights: an instruction that takes
      elements as they are reads it so, all others convert it once for each time that it is read.
    }], "::mlir::OpOperand &", "getMultipliedInput", (ins), "", [{ return $_op->getOpOperand(0); }]>,
    InterfaceMethod<[{
      The operands that it is multiplied by, of which vectors serve many inputs: converting them
      while they are read, or packed, costs little.
    }], "::llvm::SmallVector<::mlir::OpOperand *>", "getMultipliedWeights", (ins), "",
      [{ return {&$_op->getOpOperand(1)}; }]>
  ];
}

def SymbolicContentsOpInterface : OpInterface<"SymbolicContentsOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op on small integer tensors whose contents can be followed as expressions of the shape
    symbols, so that shape arithmetic folds away at compile time. Single elements may be unknown
    (isUnknownElement).
  }];
  let methods = [
    InterfaceMethod<[{
      The elements of result 0, in row-major order, given those of the operands (nullopt where
      unknown); nullopt when they cannot be told.
    }], "::std::optional<::tenon::DimExprs>", "inferContents",
      (ins "::llvm::ArrayRef<::std::optional<::tenon::DimExprs>>":$operands)>
  ];
}

def CostOpInterface : OpInterface<"CostOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op whose work is not told by the number of its elements.
  }];
  let methods = [
    InterfaceMethod<"Floating point operations per call; 0 when the shape is unknown.", "int64_t",
      "getFlops", (ins), "", [{ return 0; }]>
  ];
}

def LibraryOpInterface : OpInterface<"LibraryOpInterface", [CostOpInterface]> {
  let cppNamespace = "::tenon";
  let description = [{
    An irregular op that a function of the kernel library computes (lib/Target/KernelLibrary):

    `int32_t fn(const LibTensor *inputs, LibTensor *outputs, const int64_t *ints,
    const double *floats, void *scratch, int64_t task, int64_t tasks)`

    Tensors are row-major. An omitted operand has null data. A function whose result sizes depend
    on data writes them to `outputs[i].dims`; the shape symbols that stand for them are bound to
    what it wrote. A result other than 0 ends the run with an error, for the reason that
    `getFailureReason` gives.
  }];
  let methods = [
    InterfaceMethod<"Name of the function, for the op's element types.", "::std::string",
      "getLibraryFunction", (ins)>,
    InterfaceMethod<"The attribute values that the function takes.", "void", "getLibraryArguments",
      (ins "::llvm::SmallVectorImpl<int64_t> &":$ints, "::llvm::SmallVectorImpl<double> &":$floats),
      "", [{ (void)$_op; }]>,
    InterfaceMethod<[{
      Upper bounds of a result's dimensions, for its buffer; differs from the type where sizes
      depend on data.
    }], "::tenon::DimExprs", "getResultCapacity", (ins "unsigned":$number), "",
      [{ return ::tenon::getDims($_op->getResult(number).getType()); }]>,
    InterfaceMethod<"Bytes of scratch memory that the function needs in each of its tasks; 0: none.",
      "::mlir::AffineExpr", "getScratchBytes", (ins), "",
      [{ return ::mlir::getAffineConstantExpr(0, $_op->getContext()); }]>,
    InterfaceMethod<"How many tasks the function can divide its work into.", "::mlir::AffineExpr",
      "getMaxTasks", (ins), "",
      [{ return ::mlir::getAffineConstantExpr(1, $_op->getContext()); }]>,
    InterfaceMethod<"Which values the function refuses.", "::llvm::StringRef", "getFailureReason",
      (ins), "", [{ return "its operands hold values that it is not defined for"; }]>
  ];
}

def BufferOpInterface : OpInterface<"BufferOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    An op of a program whose results are buffers. Memory planning says where each of them is.
  }];
  let methods = [
    InterfaceMethod<"A place for each result; null if they are not known yet.",
      "::mlir::ArrayAttr", "getPlacementAttr", (ins)>,
    InterfaceMethod<"Says the places.", "void", "setPlacementAttr",
      (ins "::mlir::ArrayAttr":$places)>,
    InterfaceMethod<"The dimensions that a result has at most.", "::tenon::DimExprs",
      "getCapacity", (ins "unsigned":$result), "",
      [{ return ::tenon::getDims($_op->getResult(result).getType()); }]>
  ];
  let extraSharedClassDeclaration = [{
    /// Where a result lies; null if the op does not say.
    ::mlir::Attribute getPlace(unsigned result) {
      ::mlir::ArrayAttr places = $_op.getPlacementAttr();
      return places && result < places.size() ? places[result] : ::mlir::Attribute();
    }
  }];
}

def DecomposeOpInterface : OpInterface<"DecomposeOpInterface"> {
  let cppNamespace = "::tenon";
  let description = [{
    A named op that passes recognise and lay out as a whole, and that is replaced by simpler ops
    before fusion, unless a strategy of the target computes it as it is. Its simple form then only
    says what it means. Row kernels are generated from the simple form.
  }];
  let methods = [
    InterfaceMethod<"Replaces the op by simpler ones, in a numerically stable form.",
      "::llvm::LogicalResult", "decompose", (ins "::mlir::RewriterBase &":$rewriter)>
  ];
}

#endif
