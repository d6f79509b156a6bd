// Layouts of activations and weights.
#ifndef TENON_PASSES_LAYOUT_PASSES_H
#define TENON_PASSES_LAYOUT_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Layout/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Layout/Passes.h.inc"

} // namespace tenon

#endif
