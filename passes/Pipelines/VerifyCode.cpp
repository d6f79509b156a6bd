// Functions between generating them and compiling them one by one: a module is all that the thread
// which compiles it sees. Functions run on threads whose stacks may be a caller's: arrays there are
// small.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Common/LowerKernels.h"
#include "passes/Pipelines/StageChecks.h"

using namespace mlir;

namespace tenon {

static bool isExported(LLVM::LLVMFuncOp function) {
  return !function.isExternal() && function.getLinkage() == LLVM::Linkage::External;
}

static LogicalResult verifyStack(LLVM::AllocaOp array) {
  std::optional<int64_t> bytes = getStackBytes(array);
  if (!bytes)
    return array.emitError("takes as much of the stack as a run tells");
  if (*bytes > kLargestStackArray)
    return array.emitError("takes ")
           << *bytes << " bytes of the stack, where " << kLargestStackArray << " are the most";
  return success();
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
      auto array = dyn_cast<LLVM::AllocaOp>(each);
      if (failed(check(each)) || (array && failed(verifyStack(array))))
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
    if (!isTranslatable(op))
      return op->emitError("is not of the LLVM dialect");
    return success();
  });
}

} // namespace tenon
