// Functions between generating them and compiling them one by one: a module is all that the thread
// which compiles it sees.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

static bool isExported(LLVM::LLVMFuncOp function) {
  return !function.isExternal() && function.getLinkage() == LLVM::Linkage::External;
}

/// Calls `check` for each op of the modules in a program, and reports what else is wrong there.
static LogicalResult verifyModules(ModuleOp program,
                                   llvm::function_ref<LogicalResult(Operation *)> check) {
  LogicalResult result = success();
  for (Operation &op : *program.getBody()) {
    auto module = dyn_cast<ModuleOp>(op);
    if (!module) {
      result = op.emitError("has not become code");
      continue;
    }
    size_t exported = llvm::count_if(module.getOps<LLVM::LLVMFuncOp>(), isExported);
    if (exported != 1)
      result = module.emitError("has ") << exported << " functions for others instead of one";
    module.getBody()->walk([&](Operation *each) {
      if (failed(check(each)))
        result = failure();
    });
  }
  return result;
}

LogicalResult verifyCode(ModuleOp program) {
  return verifyModules(program, [](Operation *op) -> LogicalResult {
    if (isa_and_present<TenonDialect>(op->getDialect()))
      return op->emitError("is left in code");
    return success();
  });
}

LogicalResult verifyLLVM(ModuleOp program) {
  return verifyModules(program, [](Operation *op) -> LogicalResult {
    if (!isa_and_present<LLVM::LLVMDialect>(op->getDialect()))
      return op->emitError("is not of the LLVM dialect");
    return success();
  });
}

} // namespace tenon
