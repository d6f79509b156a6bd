// Functions of the C++ library become part of the module that calls them.
#include "lib/Target/KernelLibrary/KernelLibrary.h"
#include "lib/Target/LLVMCodegen.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Support/SourceMgr.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace tenon;

namespace {

TEST(KernelLibrary, LinksOnlyWhatIsCalled) {
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseAssemblyString(R"(
    declare i32 @tenon_nonzero_f32(ptr, ptr, ptr, ptr, ptr, i64, i64)
    define i32 @kernel(ptr %in, ptr %out) {
      %r = call i32 @tenon_nonzero_f32(ptr %in, ptr %out, ptr null, ptr null, ptr null, i64 0, i64 1)
      ret i32 %r
    }
  )",
                                                       diagnostic, context);
  ASSERT_NE(module, nullptr);
  Expected<bool> linked = linkKernelLibrary(*module, Triple("x86_64-unknown-linux-gnu"));
  ASSERT_TRUE(bool(linked));
  EXPECT_TRUE(*linked);
  EXPECT_FALSE(verifyModule(*module, &errs()));
  Function *function = module->getFunction("tenon_nonzero_f32");
  ASSERT_NE(function, nullptr);
  EXPECT_TRUE(function->hasInternalLinkage());
  EXPECT_FALSE(function->hasFnAttribute("target-cpu"));
  EXPECT_EQ(module->getFunction("tenon_nonzero_i64"), nullptr);

  // With one caller nothing of the function is left but its code.
  mlir::MLIRContext mlirContext;
  mlirContext.loadDialect<cpu::CpuDialect>();
  auto machine = cantFail(createTargetMachine(cpu::getNativeTarget(&mlirContext)));
  optimizeModule(*module, *machine, LLVMOptimization::Full);
  EXPECT_EQ(module->getFunction("tenon_nonzero_f32"), nullptr);
}

TEST(KernelLibrary, LeavesOtherModulesAlone) {
  LLVMContext context;
  Module module("kernel", context);
  Expected<bool> linked = linkKernelLibrary(module, Triple("aarch64-unknown-linux-gnu"));
  ASSERT_TRUE(bool(linked));
  EXPECT_FALSE(*linked);
  EXPECT_TRUE(isLibraryFunction("tenon_nonzero_i32"));
  EXPECT_FALSE(isLibraryFunction("expf"));
}

} // namespace
