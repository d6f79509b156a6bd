#include "test/unit/codegen/KernelJit.h"
#include "lib/Target/LLVMCodegen.h"
#include "mlir/IR/Verifier.h"
#include "passes/Codegen/Cpu/LowerToLLVM.h"
#include "passes/Codegen/Cpu/Strategies.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <ctime>

using namespace llvm;

namespace tenon::testing {

std::unique_ptr<mlir::MLIRContext> createKernelContext() {
  mlir::DialectRegistry registry;
  registerLLVMTranslations(registry);
  cpu::registerStrategies(registry);
  auto context =
      std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  cpu::loadKernelDialects(*context);
  context->loadDialect<cpu::CpuDialect>();
  return context;
}

cpu::TargetAttr findTarget(StringRef name, mlir::MLIRContext &context) {
  return cantFail(cpu::lookupTarget(name, &context));
}

static Expected<SmallVector<char>> lowerToObject(mlir::ModuleOp module, cpu::TargetAttr target) {
  if (mlir::failed(mlir::verify(module)) || mlir::failed(cpu::lowerKernelModule(module)))
    return createStringError("the kernel cannot be lowered");
  auto compile = [&](auto function) -> Expected<SmallVector<char>> {
    LLVMContext context;
    Expected<std::unique_ptr<Module>> translated = translateToLLVM(module, context);
    if (!translated)
      return translated.takeError();
    return function(std::move(*translated), target, LLVMOptimization::CleanUp);
  };
  if (const char *path = std::getenv("TENON_DUMP_ASM")) {
    Expected<SmallVector<char>> assembly = compile(compileToAssembly);
    std::error_code error;
    raw_fd_ostream file(path, error);
    if (assembly && !error)
      file << StringRef(assembly->data(), assembly->size());
  }
  return compile(compileToObject);
}

CompiledKernel CompiledKernel::compile(mlir::ModuleOp module, StringRef name,
                                       cpu::TargetAttr target) {
  CompiledKernel kernel;
  auto report = [&](Error error) {
    logAllUnhandledErrors(std::move(error), errs(), "kernel '" + name + "': ");
    return std::move(kernel);
  };
  std::clock_t start = std::clock();
  Expected<SmallVector<char>> object = lowerToObject(module, target);
  if (!object)
    return report(object.takeError());
  kernel.compileMilliseconds = 1e3 * (std::clock() - start) / CLOCKS_PER_SEC;

  Expected<std::unique_ptr<orc::LLJIT>> jit = orc::LLJITBuilder().create();
  if (!jit)
    return report(jit.takeError());
  auto buffer = MemoryBuffer::getMemBufferCopy(StringRef(object->data(), object->size()), name);
  if (Error error = (*jit)->addObjectFile(std::move(buffer)))
    return report(std::move(error));
  auto symbol = (*jit)->lookup(name);
  if (!symbol)
    return report(symbol.takeError());
  kernel.function = symbol->toPtr<KernelFn>();
  kernel.jit = std::move(*jit);
  return kernel;
}

} // namespace tenon::testing
