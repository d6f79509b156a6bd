// Computing in less than the precision of a model, on request.
#ifndef TENON_PASSES_PRECISION_PASSES_H
#define TENON_PASSES_PRECISION_PASSES_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Precision/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Precision/Passes.h.inc"

} // namespace tenon

#endif
