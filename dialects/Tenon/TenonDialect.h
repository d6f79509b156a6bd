// The `tenon` dialect's C++ face: include this to use any of its ops.

#ifndef TENON_DIALECTS_TENON_TENONDIALECT_H
#define TENON_DIALECTS_TENON_TENONDIALECT_H

#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Target/WeightLayout.h"
#include "dialects/Tenon/ElementEmitter.h"
#include "dialects/Tenon/ElementRange.h"
#include "dialects/Tenon/Shape.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/Tenon/TenonDialect.h.inc"
#include "dialects/Tenon/TenonEnums.h.inc"

#include "dialects/Tenon/TenonInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Tenon/TenonAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Tenon/TenonTypes.h.inc"

namespace tenon {

/// Result type of a pointwise op: the operands' broadcast shape with the given element type.
/// Reports shapes that do not broadcast at `loc`.
llvm::LogicalResult inferBroadcastType(std::optional<mlir::Location> loc, mlir::ValueRange operands,
                                       mlir::Type elementType,
                                       llvm::SmallVectorImpl<mlir::Type> &types);

/// Whether tensor types agree in element type, rank and every dimension that both know, and others
/// are equal.
bool areCompatibleTypes(mlir::TypeRange lhs, mlir::TypeRange rhs);

/// Whether contractions take it mixed with others of its kind: integers of 8 to 16 bits.
bool isNarrowInteger(mlir::Type elementType);

/// Whether a contraction may have a result of this type where `inferred` is what its operands give:
/// halves may stay as wide as they are summed.
bool isContractionResult(mlir::TypeRange inferred, mlir::TypeRange actual);

/// The type in which a contraction of such elements keeps its sums.
mlir::Type getAccumulatorType(mlir::Type elementType);

/// Element of a pointwise op: its function applied to the operands' elements at the broadcast
/// index.
mlir::Value emitPointwise(PointwiseOpInterface op, ElementEmitter &emitter,
                          llvm::ArrayRef<LaneIndex> index);

/// The index of an operand that broadcasts to a result of `resultDims` which is read at `index`.
llvm::SmallVector<LaneIndex> broadcastIndex(ElementEmitter &emitter, mlir::Value operand,
                                            llvm::ArrayRef<mlir::AffineExpr> resultDims,
                                            llvm::ArrayRef<LaneIndex> index);

/// An element that indexes a dimension of `size`: negative ones count from the end. What is out of
/// range is undefined in ONNX; it is clamped, so that a run stays in bounds.
LaneIndex wrapIndex(ElementEmitter &emitter, mlir::Value element, mlir::Value size);

/// The elements of a small integer tensor as expressions over the shape symbols, following the ops
/// that compute it; nullopt when they depend on data.
std::optional<DimExprs> getSymbolicContents(mlir::Value value);

/// Whether the value will be a constant once constants are folded.
bool isConstantValue(mlir::Value value);

/// The one number that all elements of a constant equal.
std::optional<double> getSplat(mlir::Value value);

/// What was computed without regard to the width of an integer type, as elements of that type:
/// constants wrap around. Expressions that could are unknown elements.
std::optional<DimExprs> wrapContents(std::optional<DimExprs> contents, mlir::Type elementType);

/// What binds shape symbols writes this: an op whose results nobody reads may still give sizes.
struct ShapeSymbols : mlir::SideEffects::Resource::Base<ShapeSymbols> {
  llvm::StringRef getName() final { return "ShapeSymbols"; }
};

using EffectInstance = mlir::SideEffects::EffectInstance<mlir::MemoryEffects::Effect>;

/// Writes the shape symbols if the sizes of a library op's results depend on data.
void addLibraryEffects(LibraryOpInterface op, llvm::SmallVectorImpl<EffectInstance> &effects);

/// The op stays in the function that runs a program: the host lowers it, no kernel computes it.
template <typename ConcreteType>
class HostOp : public mlir::OpTrait::TraitBase<ConcreteType, HostOp> {};

/// Each element of the op's result is one of an operand's, unchanged.
template <typename ConcreteType>
class MovesElements : public mlir::OpTrait::TraitBase<ConcreteType, MovesElements> {};

/// The op's elements may be strings, though it does more than move them.
template <typename ConcreteType>
class TakesStrings : public mlir::OpTrait::TraitBase<ConcreteType, TakesStrings> {};

/// The op reads or makes characters: its library function gets the strings of the run.
template <typename ConcreteType>
class UsesStrings : public mlir::OpTrait::TraitBase<ConcreteType, UsesStrings> {};

/// Whether ops of that name may have tensors of strings as operands and results.
bool mayHaveStrings(mlir::OperationName op);

/// Whether a kernel reads or makes characters, so that its function gets the strings of the run.
bool usesStrings(mlir::Operation *kernel);

/// Reports operands and results that are tensors of strings, if the op may have none.
llvm::LogicalResult verifyStrings(mlir::Operation *op);

/// The op has tensors of strings only if another trait says so.
template <typename ConcreteType>
class KnowsStrings : public mlir::OpTrait::TraitBase<ConcreteType, KnowsStrings> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) { return verifyStrings(op); }
};

} // namespace tenon

#define GET_OP_CLASSES
#include "dialects/Tenon/TenonOps.h.inc"

#endif
