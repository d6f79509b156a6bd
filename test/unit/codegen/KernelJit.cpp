#include "test/unit/codegen/KernelJit.h"
#include "lib/Target/LLVMCodegen.h"
#include "mlir/IR/Verifier.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Common/LowerKernels.h"
#include "passes/Codegen/Passes.h"
#include "passes/Codegen/Targets.h"
#include "test/unit/codegen/TileEmulator.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdlib>
#include <ctime>

using namespace llvm;

namespace tenon::testing {

std::unique_ptr<mlir::MLIRContext> createKernelContext() {
  mlir::DialectRegistry registry;
  registry.insert<TenonDialect>();
  registerLLVMTranslations(registry);
  registerAllTargets(registry);
  registerCodeDialects(registry);
  auto context =
      std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

cpu::TargetAttr findTarget(StringRef name, mlir::MLIRContext &context) {
  return cantFail(cpu::lookupTarget(name, &context));
}

/// sum + the products of unsigned bytes by signed ones, four to a lane, in plain arithmetic.
static Value *emulateByteProducts(IRBuilder<> &b, Value *sum, Value *inputs, Value *weights) {
  auto *type = cast<FixedVectorType>(sum->getType());
  auto *wide = FixedVectorType::get(b.getInt32Ty(), type->getNumElements() * 4);
  Value *products = b.CreateMul(b.CreateZExt(inputs, wide), b.CreateSExt(weights, wide));
  for (int part = 0; part < 4; ++part) {
    SmallVector<int> lanes;
    for (unsigned lane = 0; lane < type->getNumElements(); ++lane)
      lanes.push_back(4 * lane + part);
    sum = b.CreateAdd(sum, b.CreateShuffleVector(products, lanes));
  }
  return sum;
}

/// sum + the products of pairs of bf16, which are the upper halves of f32 numbers: the second one's
/// first.
static Value *emulateBFloatProducts(IRBuilder<> &builder, Value *sum, Value *a, Value *b) {
  auto lanes = cast<FixedVectorType>(sum->getType())->getElementCount();
  auto *integers = VectorType::get(builder.getInt32Ty(), lanes);
  auto pick = [&](Value *pairs, bool isSecond) {
    Value *bits = builder.CreateBitCast(pairs, integers);
    bits = isSecond ? builder.CreateAnd(bits, 0xFFFF0000) : builder.CreateShl(bits, 16);
    return builder.CreateBitCast(bits, sum->getType());
  };
  for (bool isSecond : {true, false})
    sum = builder.CreateIntrinsic(Intrinsic::fma, {sum->getType()},
                                  {pick(a, isSecond), pick(b, isSecond), sum});
  return sum;
}

/// Makes the intrinsics whose names start with `prefix` functions that do what `emulate` builds.
/// They stay functions: the back end takes seconds for a kernel that has some hundred of them
/// inlined.
static void
defineIntrinsics(Module &module, StringRef prefix,
                 function_ref<Value *(IRBuilder<> &, Value *, Value *, Value *)> emulate) {
  for (Function &intrinsic : make_early_inc_range(module)) {
    if (!intrinsic.getName().starts_with(prefix))
      continue;
    auto *function =
        Function::Create(intrinsic.getFunctionType(), GlobalValue::InternalLinkage,
                         "emulated." + intrinsic.getName().substr(prefix.size()), module);
    function->addFnAttr(Attribute::NoInline);
    IRBuilder<> builder(BasicBlock::Create(module.getContext(), "", function));
    builder.CreateRet(
        emulate(builder, function->getArg(0), function->getArg(1), function->getArg(2)));
    intrinsic.replaceAllUsesWith(function);
    intrinsic.eraseFromParent();
  }
}

/// Threads of a caller may have small stacks.
static bool fitsStack(mlir::ModuleOp module) {
  auto check = [](mlir::LLVM::AllocaOp array) {
    std::optional<int64_t> bytes = getStackBytes(array);
    return bytes && *bytes <= kLargestStackArray ? mlir::WalkResult::advance()
                                                 : mlir::WalkResult::interrupt();
  };
  return !module.walk(check).wasInterrupted();
}

static Expected<SmallVector<char>> lowerToObject(mlir::ModuleOp module, cpu::TargetAttr target) {
  if (mlir::failed(mlir::verify(module)) || mlir::failed(lowerKernels(module)))
    return createStringError("the kernel cannot be lowered");
  if (!fitsStack(module))
    return createStringError("the kernel has large arrays on the stack");
  auto compile = [&](auto function) -> Expected<SmallVector<char>> {
    LLVMContext context;
    Expected<std::unique_ptr<Module>> translated = translateToLLVM(module, context);
    if (!translated)
      return translated.takeError();
    if (!target.has("avx512vnni") && !target.has("avxvnni"))
      defineIntrinsics(**translated, "llvm.x86.avx512.vpdpbusd.", emulateByteProducts);
    if (!target.has("avx512bf16"))
      defineIntrinsics(**translated, "llvm.x86.avx512bf16.dpbf16ps.", emulateBFloatProducts);
    if (!target.has("amx-int8") || !target.has("amx-bf16"))
      emulateTiles(**translated);
    return function(std::move(*translated), target, LLVMOptimization::CleanUp);
  };
  if (const char *path = std::getenv("TENON_DUMP_ASM")) {
    Expected<SmallVector<char>> assembly = compile([](auto kernel, auto processor, auto level) {
      return compileToAssembly(std::move(kernel), processor, level);
    });
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
