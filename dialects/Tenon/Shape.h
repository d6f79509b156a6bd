// Symbolic shapes: the dimensions of a tensor type as affine expressions over the symbols of the
// enclosing function.

#ifndef TENON_DIALECTS_TENON_SHAPE_H
#define TENON_DIALECTS_TENON_SHAPE_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/BuiltinTypes.h"
#include <optional>

namespace tenon {

/// One affine expression per dimension (or per element of a small integer tensor).
using DimExprs = llvm::SmallVector<mlir::AffineExpr, 6>;

/// The dimensions of a ranked tensor type. Every dimension has an expression. A value that is no
/// tensor has none.
DimExprs getDims(mlir::Type type);

/// The tensor type with the given dimensions; constant dimensions become static.
mlir::RankedTensorType makeTensorType(llvm::ArrayRef<mlir::AffineExpr> dims,
                                      mlir::Type elementType);

/// The expressions as the result list of an affine map without dimensions, as attributes hold them.
mlir::AffineMap makeDimsMap(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::MLIRContext *context);

/// The constants when every expression is one.
std::optional<llvm::SmallVector<int64_t, 6>> getConstantDims(llvm::ArrayRef<mlir::AffineExpr> dims);

/// The value of a constant expression, or `otherwise`.
int64_t getConstantOr(mlir::AffineExpr expr, int64_t otherwise);

/// The product of the expressions.
mlir::AffineExpr product(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::MLIRContext *context);

/// The number of parts of an expression as a tree, or `limit` if there are as many or more. Parts
/// are shared, so trees can be exponential in the number of ops that made them.
unsigned countParts(mlir::AffineExpr expr, unsigned limit);

/// Whether the expression is more than arithmetic on constants.
bool dependsOnSymbols(mlir::AffineExpr expr);

/// Adds the symbols in a type's dimensions.
void collectSymbols(mlir::Type type, llvm::SmallDenseSet<mlir::AffineExpr> &symbols);

/// Whether `expr` cannot be negative, whatever sizes its symbols stand for.
bool isKnownNonNegative(mlir::AffineExpr expr);

/// Whether the dimensions broadcast under ONNX's multidirectional rule can be told, and the result.
/// Two different expressions of which neither is 1 are taken to be equal at run time; a constant is
/// preferred to an expression. Fails when two constants contradict.
mlir::FailureOr<DimExprs> broadcastDims(llvm::ArrayRef<DimExprs> operands,
                                        mlir::MLIRContext *context);

/// The symbols' names of the function around `op` (attribute `tenon.symbols`).
llvm::SmallVector<llvm::StringRef> getSymbolNames(mlir::Operation *op);

/// Adds a symbol to the function around `op` and returns its expression.
mlir::AffineExpr addSymbol(mlir::Operation *function, llvm::StringRef name);

/// Whether `type` is a tensor whose every dimension is a constant.
inline bool isStatic(mlir::Type type) {
  return llvm::cast<mlir::RankedTensorType>(type).hasStaticShape();
}

/// The type an element has in memory and in kernels: signless integers, i8 for i1.
mlir::Type getStorageType(mlir::Type elementType);

/// Bytes that an element takes in memory.
int64_t getElementBytes(mlir::Type elementType);

/// Bytes that a tensor takes in memory; nullopt if only a run tells.
std::optional<int64_t> countBytes(mlir::Type tensor);

} // namespace tenon

#endif
