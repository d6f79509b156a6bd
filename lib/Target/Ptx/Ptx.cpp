// LLVM's NVPTX back end, in process.
//
// An entry is called `tenon_<kernel>`: names that PTX reserves for instructions ("add") are none
// for functions. Kernels are compiled one by one, in parallel, and their texts joined: they differ
// in nothing but what follows the head, since every name in a module begins with its kernel's.

#include "lib/Target/Ptx/Ptx.h"
#include "lib/Target/LLVMCodegen.h"
#include "llvm/Support/FormatVariadic.h"

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

static Expected<int32_t> getBlockThreads(const Function &entry) {
  int32_t threads = 0;
  if (entry.getFnAttribute("nvvm.reqntid").getValueAsString().getAsInteger(10, threads))
    return createStringError("'" + entry.getName() + "' does not say how many threads a block has");
  return threads;
}

/// What a launch gives a block beside what the code declares.
static int32_t getSharedBytes(const Function &entry) {
  int32_t bytes = 0;
  StringRef text = entry.getFnAttribute(cuda::kSharedBytesAttrName).getValueAsString();
  return text.getAsInteger(10, bytes) ? 0 : bytes;
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
  result.kernel = {entry->getName().str(), static_cast<int32_t>(entry->arg_size()), *threads,
                   getSharedBytes(*entry)};
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(
      Triple(kTriple), target.getArch(), formatv("+ptx{0}", target.getPtx()).str());
  if (!machine)
    return machine.takeError();
  Expected<SmallVector<char>> text = compileToAssembly(std::move(module), **machine);
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
