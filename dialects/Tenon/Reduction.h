// The arithmetic of reductions, shared by the strategies that emit them.

#ifndef TENON_DIALECTS_TENON_REDUCTION_H
#define TENON_DIALECTS_TENON_REDUCTION_H

#include "dialects/Tenon/TenonDialect.h"

namespace tenon {

/// The neutral element of a reduction over `elementType`, in its compute type over the lanes.
mlir::Value emitNeutral(ElementEmitter &emitter, ReduceKind kind, mlir::Type elementType);

/// One step of a reduction. NaN comes through maxima and minima.
mlir::Value emitCombine(mlir::OpBuilder &builder, mlir::Location loc, ReduceKind kind,
                        mlir::Type elementType, mlir::Value lhs, mlir::Value rhs);

/// What a reduction carries from element to element: so many values. Of extrema of floats they are
/// two, the best number so far, and a NaN if there was one. They are found out beside each other,
/// in three instructions, and neither waits for the other.
unsigned countCarried(ReduceKind kind, mlir::Type elementType);
llvm::SmallVector<mlir::Value> emitStart(ElementEmitter &emitter, ReduceKind kind,
                                         mlir::Type elementType);
llvm::SmallVector<mlir::Value> emitStep(mlir::OpBuilder &builder, mlir::Location loc,
                                        ReduceKind kind, mlir::Type elementType,
                                        mlir::ValueRange carried, mlir::Value element);
/// The result, lane by lane.
mlir::Value emitEnd(mlir::OpBuilder &builder, mlir::Location loc, mlir::ValueRange carried);

/// The larger (smaller) of two numbers or vectors, in one instruction; if one is NaN, `b`.
mlir::Value emitExtremum(mlir::OpBuilder &builder, mlir::Location loc, bool isMax, mlir::Value a,
                         mlir::Value b);

/// A sum divided by the i64 `count`.
mlir::Value emitMean(ElementEmitter &emitter, mlir::Value sum, mlir::Value count);

} // namespace tenon

#endif
