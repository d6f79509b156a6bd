// The one place beside their own folders that names kinds of targets.

#include "passes/Codegen/Targets.h"
#include "passes/Codegen/Cpu/RegisterTarget.h"

namespace tenon {

void registerAllTargets(mlir::DialectRegistry &registry) { cpu::registerTarget(registry); }

} // namespace tenon
