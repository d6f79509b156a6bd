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

/// A sum divided by the i64 `count`.
mlir::Value emitMean(ElementEmitter &emitter, mlir::Value sum, mlir::Value count);

} // namespace tenon

#endif
