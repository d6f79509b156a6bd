// Where a program's buffers live.
#ifndef TENON_PASSES_MEMORY_PASSES_H
#define TENON_PASSES_MEMORY_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Memory/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Memory/Passes.h.inc"

} // namespace tenon

#endif
