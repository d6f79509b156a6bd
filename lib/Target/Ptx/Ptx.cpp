// LLVM's NVPTX back end, in process.
//
// An entry is called `tenon_<kernel>`: names that PTX reserves for instructions ("add") are none
// for functions. Kernels are compiled one by one, in parallel, and their texts joined: they differ
// in nothing but what follows the head, since every name in a module begins with its kernel's.
//
// NVIDIA's assembler unrolls loops as long as there are registers, outer ones, too. Where threads
// meet, or read what they share, the code generator has chosen how much of a loop is in registers.
// The assembler is told to leave those, and all that have branches or other loops in them
// (`.pragma "nounroll"`).

#include "lib/Target/Ptx/Ptx.h"
#include "lib/Target/LLVMCodegen.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/NVPTXAddrSpace.h"

using namespace llvm;

namespace tenon {

static constexpr StringLiteral kTriple = "nvptx64-nvidia-cuda";
/// The last line of a module's head.
static constexpr StringLiteral kHeadEnd = ".address_size 64\n";

bool isPtxModule(const Module &module) { return module.getTargetTriple().isNVPTX(); }

/// A function that the module calls and does not have; null if there is none.
static const Function *findUndefined(const Module &module) {
  auto isMissing = [](const Function &function) {
    return function.isDeclaration() && !function.isIntrinsic() && !function.use_empty();
  };
  auto missing = find_if(module, isMissing);
  return missing == module.end() ? nullptr : &*missing;
}

/// Local names begin with the kernel's, so that modules can be joined.
static void qualifyNames(Module &module, const Function &entry) {
  for (GlobalObject &object : module.global_objects())
    if (&object != &entry && !object.getName().starts_with("llvm."))
      object.setName(entry.getName() + "_" + object.getName());
}

/// Whether threads of a block meet here, or read what they share.
static bool isShared(const Instruction &instruction) {
  if (auto *load = dyn_cast<LoadInst>(&instruction))
    return load->getPointerAddressSpace() == NVPTXAS::ADDRESS_SPACE_SHARED;
  auto *call = dyn_cast<IntrinsicInst>(&instruction);
  return call && call->getIntrinsicID() == Intrinsic::nvvm_barrier_cta_sync_aligned_all;
}

/// Loops with such an instruction, or with more than a condition and one block, stay as they are.
static void keepLoops(Function &function) {
  DominatorTree dominators(function);
  LoopInfo loops(dominators);
  for (Loop *loop : loops.getLoopsInPreorder())
    if (loop->getNumBlocks() > 2 ||
        any_of(loop->blocks(), [](const BasicBlock *block) { return any_of(*block, isShared); }))
      loop->setLoopAlreadyUnrolled();
}

static Expected<int32_t> getBlockThreads(const Function &entry) {
  int32_t threads = 0;
  if (entry.getFnAttribute("nvvm.reqntid").getValueAsString().getAsInteger(10, threads))
    return createStringError("'" + entry.getName() + "' does not say how many threads a block has");
  return threads;
}

/// What a launch gives a block beside what the code declares.
static int32_t getLaunchSharedBytes(const Function &entry) {
  int32_t bytes = 0;
  StringRef text = entry.getFnAttribute(cuda::kSharedBytesAttrName).getValueAsString();
  return text.getAsInteger(10, bytes) ? 0 : bytes;
}

/// Whether kernels wait for what is launched before them.
static bool waitsForGrid(const Module &module) {
  const Function *wait =
      Intrinsic::getDeclarationIfExists(&module, Intrinsic::nvvm_griddepcontrol_wait);
  return wait && !wait->use_empty();
}

/// The numbers of tensor maps, which are the entry's last parameters.
static std::vector<std::vector<int64_t>> getTensorMaps(const Function &entry) {
  std::vector<std::vector<int64_t>> maps;
  StringRef text = entry.getFnAttribute(cuda::kTensorMapsAttrName).getValueAsString();
  for (StringRef map : split(text, ';')) {
    if (map.empty())
      continue;
    std::vector<int64_t> &numbers = maps.emplace_back();
    for (StringRef number : split(map, ','))
      number.getAsInteger(10, numbers.emplace_back());
  }
  return maps;
}

Expected<PtxKernel> compileToPtx(std::unique_ptr<Module> module, StringRef name,
                                 cuda::TargetAttr target) {
  Function *entry = module->getFunction(name);
  if (const Function *missing = findUndefined(*module))
    return createStringError("calls '" + missing->getName() + "', which '" +
                             target.getTargetName() + "' does not have");
  entry->setName("tenon_" + name);
  qualifyNames(*module, *entry);
  Expected<int32_t> threads = getBlockThreads(*entry);
  if (!threads)
    return threads.takeError();
  PtxKernel result;
  result.kernel.entry = entry->getName().str();
  result.kernel.maps = getTensorMaps(*entry);
  result.kernel.numArguments = static_cast<int32_t>(entry->arg_size() - result.kernel.maps.size());
  result.kernel.blockThreads = *threads;
  result.kernel.launchSharedBytes = getLaunchSharedBytes(*entry);
  result.kernel.waits = waitsForGrid(*module);
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(
      Triple(kTriple), target.getArch(), formatv("+ptx{0}", target.getPtx()).str());
  if (!machine)
    return machine.takeError();
  if (Error error = verifyKernelModule(*module))
    return std::move(error);
  optimizeModule(*module, **machine);
  keepLoops(*entry);
  Expected<SmallVector<char>> text = generateAssembly(*module, **machine);
  if (!text)
    return text.takeError();
  result.text.assign(text->begin(), text->end());
  return result;
}

void appendPtx(std::string &text, const PtxKernel &kernel) {
  StringRef body = kernel.text;
  if (!text.empty())
    body = body.split(kHeadEnd).second;
  text += body;
}

} // namespace tenon
