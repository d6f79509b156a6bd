// What a context needs before anything is compiled in it.

#include "lib/Driver/Context.h"
#include "dialects/Target/TargetKind.h"
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Target/LLVMCodegen.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/Targets.h"

namespace tenon::driver {

void prepareContext(mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  registry.insert<TenonDialect, mlir::func::FuncDialect>();
  registerAllTargets(registry);
  registerCodeDialects(registry);
  registerLLVMTranslations(registry);
  context.appendDialectRegistry(registry);
  // Kernels are generated on several threads, which may load none.
  context.loadAllAvailableDialects();
}

llvm::Expected<int64_t> getChannelMultiple(llvm::StringRef target) {
  mlir::MLIRContext context;
  prepareContext(context);
  llvm::Expected<TargetAttrInterface> found = lookupTarget(target, &context);
  if (!found)
    return found.takeError();
  return tenon::getChannelMultiple(*found);
}

} // namespace tenon::driver
