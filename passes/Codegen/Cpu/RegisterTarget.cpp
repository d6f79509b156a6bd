// CPUs as targets.

#include "passes/Codegen/Cpu/RegisterTarget.h"
#include "passes/Codegen/Cpu/Strategies.h"
#include "passes/Codegen/Cpu/TargetMath.h"
#include "passes/Schedule/Cpu/Choose.h"

using namespace mlir;

namespace tenon::cpu {

void registerTarget(DialectRegistry &registry) {
  registry.insert<CpuDialect>();
  registry.addExtension(
      +[](MLIRContext *context, TenonDialect *) { context->getOrLoadDialect<CpuDialect>(); });
  registerStrategies(registry);
  registerCosts(registry);
  registerMath(registry);
}

} // namespace tenon::cpu
