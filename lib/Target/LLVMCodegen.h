// From a module of the LLVM dialect to machine code: translation to LLVM IR, optimization, object
// or assembly. Every function here may run on several threads at once, as long as each thread has
// its own module and its own LLVMContext.
#ifndef TENON_LIB_TARGET_LLVMCODEGEN_H
#define TENON_LIB_TARGET_LLVMCODEGEN_H

#include "dialects/Target/Cpu/CpuDialect.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace mlir {
class DialectRegistry;
class ModuleOp;
} // namespace mlir

namespace tenon {

/// Registers what translateToLLVM needs: the translations of the builtin and the LLVM dialect.
void registerLLVMTranslations(mlir::DialectRegistry &registry);

/// Translates `module`, which holds ops of the LLVM dialect only, to LLVM IR in `context`. Distinct
/// modules of one MLIRContext may be translated at the same time.
llvm::Expected<std::unique_ptr<llvm::Module>> translateToLLVM(mlir::ModuleOp module,
                                                              llvm::LLVMContext &context);

/// How much LLVM itself should improve a module. Kernels that we emit are already blocked, unrolled
/// and vectorized, so a clean-up is enough; kernels from C++ templates need the whole pipeline to
/// be specialised.
enum class LLVMOptimization { CleanUp, Full };

/// The processor that a target's program, and all of its functions, are compiled for.
inline cpu::TargetAttr getProcessor(TargetAttrInterface target) {
  return mlir::cast<cpu::TargetAttr>(target.getHost());
}

/// A target machine for position-independent code.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createTargetMachine(cpu::TargetAttr target);
/// The same for any of LLVM's back ends.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const llvm::Triple &triple, llvm::StringRef cpu, llvm::StringRef features);

/// Optimises `module` in place for `machine`'s processor and the full width of its vectors.
void optimizeModule(llvm::Module &module, llvm::TargetMachine &machine,
                    LLVMOptimization level = LLVMOptimization::CleanUp);

/// Optimises and compiles `module` to an ELF object.
llvm::Expected<llvm::SmallVector<char>>
compileToObject(std::unique_ptr<llvm::Module> module, cpu::TargetAttr target,
                LLVMOptimization level = LLVMOptimization::CleanUp);

/// The same, as assembly text.
llvm::Expected<llvm::SmallVector<char>>
compileToAssembly(std::unique_ptr<llvm::Module> module, cpu::TargetAttr target,
                  LLVMOptimization level = LLVMOptimization::CleanUp);

/// Assembly text of `module` as it is, without optimising it first.
llvm::Expected<llvm::SmallVector<char>> generateAssembly(llvm::Module &module,
                                                         cpu::TargetAttr target);
/// The same for the machine of any back end.
llvm::Expected<llvm::SmallVector<char>> generateAssembly(llvm::Module &module,
                                                         llvm::TargetMachine &machine);

/// An error if LLVM's verifier finds one in `module`.
llvm::Error verifyKernelModule(const llvm::Module &module);

} // namespace tenon

#endif // TENON_LIB_TARGET_LLVMCODEGEN_H
