// GPUs as targets.

#include "passes/Codegen/Cuda/RegisterTarget.h"
#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "passes/Codegen/Cuda/Strategies.h"
#include "passes/Codegen/Cuda/TargetMath.h"

using namespace mlir;

namespace tenon::cuda {

void registerTarget(DialectRegistry &registry) {
  registry.insert<CudaDialect>();
  registerNVVMDialectTranslation(registry);
  registry.addExtension(+[](MLIRContext *context, TenonDialect *) {
    context->getOrLoadDialect<CudaDialect>();
    context->getOrLoadDialect<NVVM::NVVMDialect>();
  });
  registerStrategies(registry);
  registerMath(registry);
}

} // namespace tenon::cuda
