// The clean-up pipeline is what measurements left of -O3 for kernels that arrive blocked, unrolled
// and vectorized: redundant address arithmetic and loads go, loop invariants move out, and the back
// end's own loop strength reduction does the rest. It runs in a tenth of -O3's time, and the code
// is as fast. Kernels of the C++ library and their callers take the whole of -O3, which specialises
// them.
#include "lib/Target/LLVMCodegen.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/RuntimeLibcallInfo.h"
#include "llvm/CodeGen/CodeGenTargetMachineImpl.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/InstCombine/InstCombine.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/LICM.h"
#include "llvm/Transforms/Scalar/LoopPassManager.h"
#include "llvm/Transforms/Scalar/LoopUnrollPass.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include "llvm/Transforms/Scalar/SimplifyCFG.h"
#include <mutex>

using namespace llvm;

namespace tenon {
namespace {

/// While it lives, errors that LLVM reports in a context are kept; by default they end the process.
class ErrorCollector {
public:
  explicit ErrorCollector(LLVMContext &context) : context(context) {
    context.setDiagnosticHandlerCallBack(handle, this);
  }
  ~ErrorCollector() { context.setDiagnosticHandlerCallBack(nullptr, nullptr); }

  Error take(const std::string &module) {
    if (text.empty())
      return Error::success();
    return createStringError("cannot generate code for '%s': %s", module.c_str(), text.c_str());
  }

private:
  static void handle(const DiagnosticInfo *info, void *self) {
    if (info->getSeverity() != DS_Error)
      return;
    std::string &text = static_cast<ErrorCollector *>(self)->text;
    raw_string_ostream os(text);
    os << (text.empty() ? "" : "; ");
    DiagnosticPrinterRawOStream printer(os);
    info->print(printer);
  }

  LLVMContext &context;
  std::string text;
};

void initializeBackEnds() {
  static std::once_flag initialized;
  std::call_once(initialized, [] {
    InitializeAllTargetInfos();
    InitializeAllTargets();
    InitializeAllTargetMCs();
    InitializeAllAsmParsers();
    InitializeAllAsmPrinters();
  });
}

/// The length of vectors where LLVM is to be told; 0 where there is one.
unsigned getVectorBits(TargetMachine &machine) {
  if (!machine.getTargetTriple().isX86())
    return 0;
  return machine.getMCSubtargetInfo()->checkFeatures("+avx512vl") ? 512 : 256;
}

/// Whatever processor the functions were written for, they are compiled for `machine`'s.
void setTargetAttributes(Module &module, TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  unsigned vectorBits = getVectorBits(machine);
  std::string width = std::to_string(vectorBits);
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.removeFnAttr("tune-cpu");
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    // Without these LLVM splits 512-bit operations on processors whose clock they once lowered.
    if (vectorBits) {
      function.addFnAttr("min-legal-vector-width", width);
      function.addFnAttr("prefer-vector-width", width);
    }
    // No exception passes through a model, so no unwind tables.
    function.addFnAttr(Attribute::NoUnwind);
    function.removeFnAttr(Attribute::UWTable);
  }
}

FunctionPassManager buildCleanUpPipeline() {
  FunctionPassManager functions;
  functions.addPass(SROAPass(SROAOptions::ModifyCFG));
  functions.addPass(EarlyCSEPass(/*UseMemorySSA=*/false));
  functions.addPass(SimplifyCFGPass());
  // Loops of few trips go. In rows that several passes go over, values are then kept and not
  // computed again: softmax of rows of 128 takes 0.7 of the time. InstCombine would write the
  // addresses of the passes in different ways, so it comes later.
  functions.addPass(createFunctionToLoopPassAdaptor(LoopFullUnrollPass(/*OptLevel=*/3)));
  functions.addPass(EarlyCSEPass(/*UseMemorySSA=*/true));
  functions.addPass(InstCombinePass());
  LoopPassManager loops;
  loops.addPass(LICMPass(LICMOptions()));
  functions.addPass(createFunctionToLoopPassAdaptor(std::move(loops), /*UseMemorySSA=*/true));
  functions.addPass(EarlyCSEPass(/*UseMemorySSA=*/true));
  functions.addPass(SimplifyCFGPass());
  functions.addPass(ADCEPass());
  return functions;
}

/// The one lane that a constant mask lets through; nullopt if there are others, or none.
std::optional<unsigned> findOnlyLane(Value *mask) {
  auto *constant = dyn_cast<Constant>(mask);
  auto *type = dyn_cast<FixedVectorType>(mask->getType());
  std::optional<unsigned> only;
  for (unsigned lane = 0; constant && type && lane < type->getNumElements(); ++lane) {
    Constant *bit = constant->getAggregateElement(lane);
    if (!bit || !(bit->isNullValue() || bit->isAllOnesValue()))
      return std::nullopt;
    if (bit->isNullValue())
      continue;
    if (only)
      return std::nullopt;
    only = lane;
  }
  return only;
}

/// masked_store(v, p, {1, 0, 0, 0}) -> store v[0], p.
///
/// LLVM 22's x86 back end does the same too late: of a vector that is truncated on the way (i32
/// sums to bytes, f32 to bf16) it stores the element as it was before, which is longer, and
/// overwrites what follows in memory.
void storeOnlyLanes(Module &module) {
  for (Function &function : module)
    for (Instruction &instruction : make_early_inc_range(instructions(function))) {
      auto *store = dyn_cast<IntrinsicInst>(&instruction);
      if (!store || store->getIntrinsicID() != Intrinsic::masked_store)
        continue;
      Value *vector = store->getArgOperand(0), *pointer = store->getArgOperand(1);
      std::optional<unsigned> lane = findOnlyLane(store->getArgOperand(2));
      if (!lane)
        continue;
      IRBuilder<> b(store);
      Type *element = vector->getType()->getScalarType();
      b.CreateAlignedStore(b.CreateExtractElement(vector, *lane),
                           b.CreateConstInBoundsGEP1_32(element, pointer, *lane), Align());
      store->eraseFromParent();
    }
}

/// Adds LLVM's passes of code generation; false if there are none for this kind of file.
///
/// Without the machine combiner: it turns sums of integers that take one product after the other
/// into sums of sums, to shorten chains. Kernels have as many chains as they have registers for, so
/// that more of them only spills.
bool addCodegenPasses(legacy::PassManager &manager, TargetMachine &machine,
                      raw_pwrite_stream &stream, CodeGenFileType kind) {
  auto &generator = static_cast<CodeGenTargetMachineImpl &>(machine);
  TargetPassConfig *passes = generator.createPassConfig(manager);
  passes->setDisableVerify(true);
  passes->disablePass(&MachineCombinerID);
  auto *info = new MachineModuleInfoWrapperPass(&machine);
  manager.add(passes);
  manager.add(info);
  // Which functions of libc there are: without it, a memcpy becomes a loop over bytes.
  const TargetOptions &options = machine.Options;
  manager.add(new RuntimeLibraryInfoWrapper(machine.getTargetTriple(), options.ExceptionModel,
                                            options.FloatABIType, options.EABIVersion,
                                            options.MCOptions.ABIName, options.VecLib));
  if (passes->addISelPasses())
    return false;
  passes->addMachinePasses();
  passes->setInitialized();
  MCContext &context = info->getMMI().getContext();
  if (generator.addAsmPrinter(manager, stream, nullptr, kind, context))
    return false;
  manager.add(createFreeMachineFunctionPass());
  return true;
}

Expected<SmallVector<char>> generate(Module &module, TargetMachine &machine, CodeGenFileType kind) {
  ErrorCollector errors(module.getContext());
  SmallVector<char> code;
  raw_svector_ostream stream(code);
  legacy::PassManager emitter;
  if (!addCodegenPasses(emitter, machine, stream, kind))
    return createStringError("LLVM cannot emit this kind of file for '%s'",
                             machine.getTargetCPU().str().c_str());
  emitter.run(module);
  if (Error error = errors.take(module.getName().str()))
    return std::move(error);
  return code;
}

Expected<SmallVector<char>> compile(std::unique_ptr<Module> module, TargetMachine &machine,
                                    LLVMOptimization level, CodeGenFileType kind) {
  if (Error error = verifyKernelModule(*module))
    return std::move(error);
  optimizeModule(*module, machine, level);
  return generate(*module, machine, kind);
}

Expected<SmallVector<char>> compile(std::unique_ptr<Module> module, cpu::TargetAttr target,
                                    LLVMOptimization level, CodeGenFileType kind) {
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  return compile(std::move(module), **machine, level, kind);
}

} // namespace

void registerLLVMTranslations(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

Expected<std::unique_ptr<Module>> translateToLLVM(mlir::ModuleOp module, LLVMContext &context) {
  StringRef name = module.getName().value_or("module");
  std::unique_ptr<Module> result =
      mlir::translateModuleToLLVMIR(module, context, name, /*disableVerification=*/true);
  if (!result)
    return createStringError("cannot translate '%s' to LLVM IR", name.str().c_str());
  return result;
}

Expected<std::unique_ptr<TargetMachine>> createTargetMachine(cpu::TargetAttr target) {
  return createTargetMachine(Triple(target.getTriple()), target.getCpu(), target.getLLVMFeatures());
}

Expected<std::unique_ptr<TargetMachine>> createTargetMachine(const Triple &triple, StringRef cpu,
                                                             StringRef features) {
  initializeBackEnds();
  std::string error;
  const Target *llvmTarget = TargetRegistry::lookupTarget(triple, error);
  if (!llvmTarget)
    return createStringError("no LLVM back end for '" + cpu + "': " + error);
  TargetOptions options;
  // A multiplication and an addition may become one instruction, as ONNX does not define rounding
  // between operators; nothing else may change results.
  options.AllowFPOpFusion = FPOpFusion::Fast;
  std::unique_ptr<TargetMachine> machine(llvmTarget->createTargetMachine(
      triple, cpu, features, options, Reloc::PIC_, CodeModel::Small, CodeGenOptLevel::Default));
  if (!machine)
    return createStringError("LLVM cannot compile for '" + cpu + "'");
  return machine;
}

void optimizeModule(Module &module, TargetMachine &machine, LLVMOptimization level) {
  setTargetAttributes(module, machine);

  LoopAnalysisManager loopAnalyses;
  FunctionAnalysisManager functionAnalyses;
  CGSCCAnalysisManager callGraphAnalyses;
  ModuleAnalysisManager moduleAnalyses;
  PassBuilder builder(&machine);
  builder.registerModuleAnalyses(moduleAnalyses);
  builder.registerCGSCCAnalyses(callGraphAnalyses);
  builder.registerFunctionAnalyses(functionAnalyses);
  builder.registerLoopAnalyses(loopAnalyses);
  builder.crossRegisterProxies(loopAnalyses, functionAnalyses, callGraphAnalyses, moduleAnalyses);

  ModulePassManager passes;
  if (level == LLVMOptimization::Full) {
    passes = builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3);
  } else {
    passes.addPass(AlwaysInlinerPass());
    passes.addPass(createModuleToFunctionPassAdaptor(buildCleanUpPipeline()));
  }
  passes.run(module, moduleAnalyses);
  storeOnlyLanes(module);
}

Expected<SmallVector<char>> compileToObject(std::unique_ptr<Module> module, cpu::TargetAttr target,
                                            LLVMOptimization level) {
  return compile(std::move(module), target, level, CodeGenFileType::ObjectFile);
}

Expected<SmallVector<char>> compileToAssembly(std::unique_ptr<Module> module,
                                              cpu::TargetAttr target, LLVMOptimization level) {
  return compile(std::move(module), target, level, CodeGenFileType::AssemblyFile);
}

Expected<SmallVector<char>> generateAssembly(Module &module, cpu::TargetAttr target) {
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(target);
  if (!machine)
    return machine.takeError();
  module.setDataLayout((*machine)->createDataLayout());
  return generateAssembly(module, **machine);
}

Expected<SmallVector<char>> generateAssembly(Module &module, TargetMachine &machine) {
  return generate(module, machine, CodeGenFileType::AssemblyFile);
}

Error verifyKernelModule(const Module &module) {
  std::string problem;
  raw_string_ostream stream(problem);
  if (verifyModule(module, &stream))
    return createStringError("kernel module '%s' is not valid LLVM IR: %s",
                             module.getName().str().c_str(), problem.c_str());
  return Error::success();
}

} // namespace tenon
