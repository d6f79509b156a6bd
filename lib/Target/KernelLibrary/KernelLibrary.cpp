// Every source file of the library is a bitcode file in the compiler's read-only data, once for
// each architecture. An index from function to file is made once; a kernel then costs the parsing
// of the files that it needs.
#include "lib/Target/KernelLibrary/KernelLibrary.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBufferRef.h"

#define TENON_KERNEL_FILE(name, architecture)                                                      \
  extern "C" const char tenon_embedded_##name##_##architecture[],                                  \
      tenon_embedded_##name##_##architecture##_end[];
#include "KernelLibraryFiles.inc"
#undef TENON_KERNEL_FILE

using namespace llvm;

namespace tenon {
namespace {

/// A file, compiled for one architecture.
struct LibraryFile {
  Triple::ArchType architecture;
  MemoryBufferRef bitcode;
};

ArrayRef<LibraryFile> getFiles() {
#define TENON_KERNEL_FILE(name, architecture)                                                      \
  LibraryFile{Triple::architecture,                                                                \
              MemoryBufferRef(StringRef(tenon_embedded_##name##_##architecture,                    \
                                        tenon_embedded_##name##_##architecture##_end -             \
                                            tenon_embedded_##name##_##architecture),               \
                              #name)},
  static const LibraryFile files[] = {
#include "KernelLibraryFiles.inc"
  };
#undef TENON_KERNEL_FILE
  return files;
}

/// The names of the files that define functions.
const StringMap<StringRef> &getIndex() {
  static const StringMap<StringRef> index = [] {
    StringMap<StringRef> result;
    LLVMContext context;
    for (const LibraryFile &file : getFiles()) {
      // All architectures have the same functions.
      if (file.architecture != getFiles().front().architecture)
        continue;
      // The files are part of this program, so they can be read.
      std::unique_ptr<Module> module = cantFail(getLazyBitcodeModule(file.bitcode, context));
      for (const Function &function : *module)
        if (!function.isDeclaration() && function.hasExternalLinkage())
          result[function.getName()] = file.bitcode.getBufferIdentifier();
    }
    return result;
  }();
  return index;
}

/// The file of that name that was compiled for the architecture.
const LibraryFile &getFile(StringRef name, Triple::ArchType architecture) {
  const LibraryFile *found = find_if(getFiles(), [&](const LibraryFile &file) {
    return file.architecture == architecture && file.bitcode.getBufferIdentifier() == name;
  });
  assert(found != getFiles().end() && "the library is compiled for all architectures");
  return *found;
}

/// The clang that compiled the library aimed at any CPU of the architecture; the kernel's target
/// takes its place.
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

Expected<bool> linkKernelLibrary(Module &module, const Triple &triple) {
  StringSet<> done;
  bool any = false;
  // A file that was linked may call functions of others.
  for (bool changed = true; changed; any |= changed) {
    changed = false;
    SmallVector<StringRef> needed;
    for (const Function &function : module)
      if (function.isDeclaration())
        if (auto it = getIndex().find(function.getName()); it != getIndex().end() &&
                                                           !is_contained(needed, it->second) &&
                                                           !done.contains(it->second))
          needed.push_back(it->second);
    for (StringRef name : needed) {
      auto library =
          getLazyBitcodeModule(getFile(name, triple.getArch()).bitcode, module.getContext());
      if (!library)
        return library.takeError();
      dropTarget(**library);
      module.setDataLayout((*library)->getDataLayout());
      module.setTargetTriple((*library)->getTargetTriple());
      if (Linker::linkModules(module, std::move(*library), Linker::LinkOnlyNeeded, makeInternal))
        return createStringError("cannot link '" + name + "' of the kernel library");
      done.insert(name);
      changed = true;
    }
  }
  return any;
}

} // namespace tenon
