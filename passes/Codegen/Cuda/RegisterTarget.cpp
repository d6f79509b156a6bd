// GPUs as targets.

#include "passes/Codegen/Cuda/RegisterTarget.h"
#include "dialects/Target/Cuda/CudaDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "dialects/Tile/TileDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "passes/Codegen/Cuda/LowerTiles.h"
#include "passes/Codegen/Cuda/Strategies.h"
#include "passes/Codegen/Cuda/TargetMath.h"
#include "passes/Schedule/Cuda/Choose.h"

using namespace mlir;

namespace tenon::cuda {

void registerTarget(DialectRegistry &registry) {
  registry.insert<CudaDialect>();
  registerNVVMDialectTranslation(registry);
  registry.addExtension(+[](MLIRContext *context, TenonDialect *) {
    context->getOrLoadDialect<CudaDialect>();
    // Strategies look at code to tell what they can compute.
    context
        ->loadDialect<arith::ArithDialect, LLVM::LLVMDialect, math::MathDialect, NVVM::NVVMDialect,
                      scf::SCFDialect, tile::TileDialect, vector::VectorDialect>();
  });
  registerTileLowering(registry);
  registerStrategies(registry);
  registerCosts(registry);
  registerMath(registry);
}

} // namespace tenon::cuda
