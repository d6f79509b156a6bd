// The one place beside their own folders that names kinds of targets.

#include "passes/Codegen/Targets.h"
#include "passes/Codegen/Cpu/RegisterTarget.h"
#include "passes/Codegen/Cuda/RegisterTarget.h"

namespace tenon {

void registerAllTargets(mlir::DialectRegistry &registry) {
  cpu::registerTarget(registry);
  cuda::registerTarget(registry);
}

} // namespace tenon
