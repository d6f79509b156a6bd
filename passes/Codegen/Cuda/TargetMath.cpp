// On a GPU there is no library of functions: libdevice is a part of another compiler, and the
// polynomials that processors use are as short.

#include "passes/Codegen/Cuda/TargetMath.h"
#include "dialects/Target/Cuda/CudaDialect.h"
#include "passes/Codegen/Common/ExpandMath.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

/// The dialect's interface.
struct CudaMath : TargetMath {
  using TargetMath::TargetMath;
  MathOptions getOptions(TargetAttrInterface) const override { return {.hasLibm = false}; }
};

} // namespace

void registerMath(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CudaDialect *dialect) { dialect->addInterfaces<CudaMath>(); });
}

} // namespace tenon::cuda
