// Loops that import functions build, for Loop and Scan and for what ONNX has as one node.

#ifndef TENON_LIB_IMPORTER_OPS_LOOPS_H
#define TENON_LIB_IMPORTER_OPS_LOOPS_H

#include "lib/Importer/Ops/TensorMath.h"

namespace tenon {

/// Fills a body at the builder's position and returns what it yields: condition, carried values,
/// stacked values. It is called again where the types of carried values change.
using LoopBody =
    llvm::function_ref<Results(mlir::Value iteration, mlir::Block::BlockArgListType carried)>;

/// A `tenon.loop` of `count` iterations unless the body ends it, or `condition` (null: true) does
/// not even let it begin. The results are the last carried values, then the stacks.
Results buildLoop(NodeImporter &node, mlir::AffineExpr count, mlir::ValueRange inits,
                  LoopBody importBody, mlir::Value condition = nullptr);

} // namespace tenon

#endif
