// How each kernel is computed, decided from the target's numbers.
#ifndef TENON_PASSES_SCHEDULE_PASSES_H
#define TENON_PASSES_SCHEDULE_PASSES_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Schedule/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Schedule/Passes.h.inc"

} // namespace tenon

#endif
