// Every source file of the library is a bitcode file in the compiler's read-only data. An index
// from function to file is made once; a kernel then costs the parsing of the files that it needs.
#include "lib/Target/KernelLibrary/KernelLibrary.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBufferRef.h"

#define TENON_KERNEL_FILE(name)                                                                    \
  extern "C" const char tenon_embedded_##name[], tenon_embedded_##name##_end[];
#include "KernelLibraryFiles.inc"
#undef TENON_KERNEL_FILE

using namespace llvm;

namespace tenon {
namespace {

ArrayRef<MemoryBufferRef> getFiles() {
#define TENON_KERNEL_FILE(name)                                                                    \
  MemoryBufferRef(                                                                                 \
      StringRef(tenon_embedded_##name, tenon_embedded_##name##_end - tenon_embedded_##name),       \
      #name),
  static const MemoryBufferRef files[] = {
#include "KernelLibraryFiles.inc"
  };
#undef TENON_KERNEL_FILE
  return files;
}

/// The number of the file that defines a function.
const StringMap<size_t> &getIndex() {
  static const StringMap<size_t> index = [] {
    StringMap<size_t> result;
    LLVMContext context;
    for (auto [number, file] : enumerate(getFiles())) {
      // The files are part of this program, so they can be read.
      std::unique_ptr<Module> module = cantFail(getLazyBitcodeModule(file, context));
      for (const Function &function : *module)
        if (!function.isDeclaration() && function.hasExternalLinkage())
          result[function.getName()] = number;
    }
    return result;
  }();
  return index;
}

/// The clang that compiled the library aimed at any x86-64 CPU; the kernel's target takes its
/// place.
void dropTarget(Module &library) {
  for (Function &function : library)
    for (StringRef name : {"target-cpu", "target-features", "tune-cpu", "min-legal-vector-width",
                           "stack-protector-buffer-size", "frame-pointer"})
      function.removeFnAttr(name);
}

void makeInternal(Module &module, const StringSet<> &names) {
  for (const auto &name : names)
    if (GlobalValue *value = module.getNamedValue(name.first()))
      if (!value->isDeclaration() && !value->hasLocalLinkage()) {
        value->setLinkage(GlobalValue::InternalLinkage);
        value->setVisibility(GlobalValue::DefaultVisibility);
        if (auto *object = dyn_cast<GlobalObject>(value))
          object->setComdat(nullptr);
      }
}

} // namespace

bool isLibraryFunction(StringRef name) { return getIndex().contains(name); }

Expected<bool> linkKernelLibrary(Module &module) {
  std::vector<bool> done(getFiles().size(), false);
  bool any = false;
  // A file that was linked may call functions of others.
  for (bool changed = true; changed; any |= changed) {
    changed = false;
    SmallVector<size_t> needed;
    for (const Function &function : module)
      if (function.isDeclaration())
        if (auto it = getIndex().find(function.getName());
            it != getIndex().end() && !is_contained(needed, it->second) && !done[it->second])
          needed.push_back(it->second);
    for (size_t number : needed) {
      auto library = getLazyBitcodeModule(getFiles()[number], module.getContext());
      if (!library)
        return library.takeError();
      dropTarget(**library);
      module.setDataLayout((*library)->getDataLayout());
      module.setTargetTriple((*library)->getTargetTriple());
      if (Linker::linkModules(module, std::move(*library), Linker::LinkOnlyNeeded, makeInternal))
        return createStringError("cannot link '%s' of the kernel library",
                                 getFiles()[number].getBufferIdentifier().str().c_str());
      done[number] = changed = true;
    }
  }
  return any;
}

} // namespace tenon
