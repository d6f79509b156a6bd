// The in-process linker: what it makes, and that its errors are text.
#include "lib/Target/Linker.h"
#include "lib/Support/Files.h"
#include "lib/Target/LLVMCodegen.h"
#include "test/unit/target/TestFiles.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/SourceMgr.h"
#include <dlfcn.h>
#include <thread>
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#endif

using namespace llvm;
using namespace tenon;

namespace {

SmallVector<char> assemble(StringRef ir) {
  LLVMContext context;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> module = parseAssemblyString(ir, diagnostic, context);
  EXPECT_NE(module, nullptr) << diagnostic.getMessage().str();
  mlir::MLIRContext mlirContext;
  mlirContext.loadDialect<cpu::CpuDialect>();
  return cantFail(compileToObject(std::move(module), cpu::getNativeTarget(&mlirContext)));
}

constexpr StringLiteral callsLibm = R"(
  declare float @erff(float)
  define hidden float @helper(float %x) {
    %y = call float @erff(float %x)
    ret float %y
  }
  define float @entry(float %x) {
    %y = call float @helper(float %x)
    ret float %y
  }
)";

class LinkerTest : public TestDirectory {};

TEST_F(LinkerTest, ALibraryExportsOneSymbolAndNeedsOnlyWhatItCalls) {
  SmallVector<char> object = assemble(callsLibm);
  SmallVector<char, 0> library = cantFail(linkSharedLibrary({{"a.o", object}}, "entry"));
  auto elf = cantFail(object::ObjectFile::createELFObjectFile(
      MemoryBufferRef(StringRef(library.data(), library.size()), "library")));
  auto &file = cast<object::ELF64LEObjectFile>(*elf);
  std::vector<std::string> defined;
  for (const object::ELFSymbolRef symbol : file.getDynamicSymbolIterators())
    if (!(cantFail(symbol.getFlags()) & object::SymbolRef::SF_Undefined))
      defined.push_back(cantFail(symbol.getName()).str());
  EXPECT_EQ(defined, std::vector<std::string>{"entry"});

  std::vector<StringRef> needed;
  const auto &elfFile = file.getELFFile();
  for (const auto &entry : cantFail(elfFile.dynamicEntries()))
    if (entry.d_tag == ELF::DT_NEEDED) {
      StringRef table(reinterpret_cast<const char *>(elfFile.base()), library.size());
      for (const auto &section : cantFail(elfFile.sections()))
        if (cantFail(elfFile.getSectionName(section)) == ".dynstr")
          needed.push_back(table.substr(section.sh_offset + entry.d_un.d_val).split('\0').first);
    }
  EXPECT_EQ(needed, std::vector<StringRef>{"libm.so.6"});

  ASSERT_FALSE(bool(writeFile(path("library.so"), library, true)));
  void *handle = dlopen(path("library.so").c_str(), RTLD_NOW);
  ASSERT_NE(handle, nullptr) << dlerror();
  auto *entry = reinterpret_cast<float (*)(float)>(dlsym(handle, "entry"));
  EXPECT_FLOAT_EQ(entry(0.5f), 0.5204999f);
  dlclose(handle);
}

TEST_F(LinkerTest, AnUnknownFunctionIsAnErrorThatNamesIt) {
  SmallVector<char> object = assemble(R"(
    declare void @no_such_function()
    define void @entry() {
      call void @no_such_function()
      ret void
    }
  )");
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto library = linkSharedLibrary({{"kernel_7.o", object}}, "entry");
    ASSERT_FALSE(bool(library));
    std::string text = toString(library.takeError());
    EXPECT_NE(text.find("undefined symbol: no_such_function"), std::string::npos) << text;
    EXPECT_NE(text.find("kernel_7.o"), std::string::npos) << text;
  }
  // The failure left nothing behind that would disturb the next link.
  SmallVector<char> good = assemble(callsLibm);
  EXPECT_TRUE(bool(linkSharedLibrary({{"a.o", good}}, "entry")));
}

/// What lld allocates before a fatal error is lost; that is known and bounded.
class AllowLeaks {
#if __has_feature(address_sanitizer)
  __lsan::ScopedDisabler disabler;
#endif
};

TEST_F(LinkerTest, GarbageIsAnErrorAndNotACrash) {
  AllowLeaks whileGarbageIsLinked;
  auto library = linkSharedLibrary({{"a.o", ArrayRef<char>("not an object", 13)}}, "entry");
  ASSERT_FALSE(bool(library));
  consumeError(library.takeError());
  SmallVector<char> broken = assemble(callsLibm);
  broken.truncate(broken.size() / 2);
  library = linkSharedLibrary({{"a.o", broken}}, "entry");
  ASSERT_FALSE(bool(library));
  consumeError(library.takeError());
}

TEST_F(LinkerTest, ARelocatableObjectKeepsOneGlobalName) {
  SmallVector<char> object = assemble(callsLibm);
  SmallVector<char, 0> merged = cantFail(linkRelocatable({{"a.o", object}}, "entry"));
  auto elf = cantFail(object::ObjectFile::createELFObjectFile(
      MemoryBufferRef(StringRef(merged.data(), merged.size()), "merged")));
  for (const object::ELFSymbolRef symbol : elf->symbols()) {
    StringRef name = cantFail(symbol.getName());
    if (name == "helper")
      EXPECT_EQ(symbol.getBinding(), ELF::STB_LOCAL);
    if (name == "entry" || name == "erff")
      EXPECT_EQ(symbol.getBinding(), ELF::STB_GLOBAL);
  }
}

TEST_F(LinkerTest, ThreadsTakeTurns) {
  SmallVector<char> object = assemble(callsLibm);
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::atomic<int> linked = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back(
        [&] { linked += !errorToBool(linkSharedLibrary({{"a.o", object}}, "entry").takeError()); });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(linked, 4);
}

} // namespace
