// Compiles kernel modules in process, for tests and benchmarks of code generation.
#ifndef TENON_TEST_UNIT_CODEGEN_KERNELJIT_H
#define TENON_TEST_UNIT_CODEGEN_KERNELJIT_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <memory>

// Where NDEBUG and assertions go together (cmake/assertions/assert.h), ORC misses a function that
// one of its assertions calls.
#define poolEntryIsAlive() true
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#undef poolEntryIsAlive

namespace tenon::testing {

using KernelFn = void (*)(void *const *arguments, int64_t task, int64_t tasks);

/// A context with every dialect that kernels use.
std::unique_ptr<mlir::MLIRContext> createKernelContext();

/// A target that is in the table.
cpu::TargetAttr findTarget(llvm::StringRef name, mlir::MLIRContext &context);

/// A kernel that is ready to run.
class CompiledKernel {
public:
  /// Lowers and compiles `module` (which is consumed) and looks up its function `name`. Prints what
  /// went wrong and returns an empty kernel on failure. TENON_DUMP_ASM=FILE keeps the assembly.
  /// Of instructions that `target` lacks, vpdpbusd, vdpbf16ps and those on tile registers are
  /// replaced by others, or functions, that do the same.
  static CompiledKernel compile(mlir::ModuleOp module, llvm::StringRef name,
                                cpu::TargetAttr target);

  explicit operator bool() const { return function; }
  void operator()(void *const *arguments, int64_t task = 0, int64_t tasks = 1) const {
    function(arguments, task, tasks);
  }
  /// Processor time that lowering and compiling took.
  double compileMilliseconds = 0;

private:
  std::unique_ptr<llvm::orc::LLJIT> jit;
  KernelFn function = nullptr;
};

} // namespace tenon::testing

#endif // TENON_TEST_UNIT_CODEGEN_KERNELJIT_H
