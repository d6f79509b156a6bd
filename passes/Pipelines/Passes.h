// Passes that belong to no stage, but to the boundaries between them.
#ifndef TENON_PASSES_PIPELINES_PASSES_H
#define TENON_PASSES_PIPELINES_PASSES_H

#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Pipelines/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Pipelines/Passes.h.inc"

} // namespace tenon

#endif
