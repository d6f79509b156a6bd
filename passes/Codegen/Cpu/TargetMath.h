// What processors compute in fewer instructions than others.
#ifndef TENON_PASSES_CODEGEN_CPU_TARGETMATH_H
#define TENON_PASSES_CODEGEN_CPU_TARGETMATH_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "passes/Codegen/Common/ExpandMath.h"

namespace tenon::cpu {

MathOptions getMathOptions(TargetAttr target);

/// Makes targets of the `cpu` dialect tell it.
void registerMath(mlir::DialectRegistry &registry);

} // namespace tenon::cpu

#endif
