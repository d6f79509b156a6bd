// Arithmetic on quantized values.
#ifndef TENON_PASSES_QUANTIZE_PASSES_H
#define TENON_PASSES_QUANTIZE_PASSES_H

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

#define GEN_PASS_DECL
#include "passes/Quantize/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Quantize/Passes.h.inc"

} // namespace tenon

#endif
