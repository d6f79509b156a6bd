// lld is a library with the manners of a program: it takes paths, keeps its state in globals and
// ends the process on a fatal error. So it works on files in memory and a pipe, one link at a time,
// and inside a crash recovery context, where its exit becomes a return. One thread is enough: what
// it links is small because the weights are not in it (PlaceWeights.h).
#include "lib/Target/Linker.h"
#include "lib/Support/Files.h"
#include "lib/Target/StubLibrary.h"
#include "lld/Common/CommonLinkerContext.h"
#include "lld/Common/Driver.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;

namespace tenon {

/// Runs ld.lld with these arguments.
static Error runLld(ArrayRef<std::string> arguments) {
  static std::mutex mutex;
  static bool usable = true;
  std::lock_guard<std::mutex> lock(mutex);
  if (!usable)
    return createStringError("an earlier crash of the linker made it unusable in this process");

  SmallVector<const char *> argv{"ld.lld"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string text;
  raw_string_ostream messages(text);
  CrashRecoveryContext::Enable();
  lld::Result result = lld::lldMain(argv, messages, messages, {{lld::Gnu, &lld::elf::link}});
  CrashRecoveryContext::Disable();
  // After a fatal error lld thinks that it is done for, but to take its state down is enough. After
  // a signal (whose code is above 128) anything may be broken.
  if (!result.canRunAgain && result.retCode < 128)
    lld::CommonLinkerContext::destroy();
  else
    usable = result.canRunAgain;
  if (result.retCode == 0)
    return Error::success();
  return createStringError("cannot link the model: " + StringRef(text).trim());
}

/// All inputs as one archive, because the number of open files is limited and that of kernels is
/// not.
static Expected<MemoryFile> packInputs(ArrayRef<LinkInput> inputs) {
  std::vector<NewArchiveMember> members;
  for (const LinkInput &input : inputs)
    members.emplace_back(
        MemoryBufferRef(StringRef(input.contents.data(), input.contents.size()), input.name));
  auto archive = writeArchiveToBuffer(members, SymtabWritingMode::NoSymtab, object::Archive::K_GNU,
                                      /*Deterministic=*/true,
                                      /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  StringRef bytes = (*archive)->getBuffer();
  return MemoryFile::create("objects.a", ArrayRef(bytes.data(), bytes.size()));
}

/// Links the inputs as `mode` says and returns what lld wrote.
static Expected<SmallVector<char, 0>> link(ArrayRef<LinkInput> inputs, ArrayRef<std::string> mode) {
  Expected<MemoryFile> archive = packInputs(inputs);
  if (!archive)
    return archive.takeError();
  Expected<std::unique_ptr<OutputCatcher>> output = OutputCatcher::create();
  if (!output)
    return output.takeError();
  std::vector<std::string> arguments{"--threads=1",     "--build-id=none", "-o",
                                     (*output)->path(), "--whole-archive", archive->path()};
  llvm::append_range(arguments, mode);
  if (Error error = runLld(arguments))
    return std::move(error);
  return (*output)->finish();
}

Expected<SmallVector<char, 0>> linkSharedLibrary(ArrayRef<LinkInput> inputs, StringRef symbol) {
  Expected<const Architecture *> architecture = findArchitecture(inputs.front().contents);
  if (!architecture)
    return createStringError("cannot link '" + inputs.front().name +
                             "': " + toString(architecture.takeError()));
  auto addStub = [&](StringRef soname, ArrayRef<StringLiteral> functions) {
    return MemoryFile::create(soname, buildStubLibrary(soname, functions, **architecture));
  };
  auto libm = addStub("libm.so.6", getLibmFunctions());
  if (!libm)
    return libm.takeError();
  auto libc = addStub("libc.so.6", getLibcFunctions());
  if (!libc)
    return libc.takeError();
  std::string exports = ("{ global: " + symbol + "; local: *; };").str();
  auto script = MemoryFile::create("exports", exports);
  if (!script)
    return script.takeError();
  return link(inputs, {"--no-whole-archive", "-shared", "--no-undefined", "--gc-sections",
                       "--version-script=" + script->path(), "-Bsymbolic", "--hash-style=both",
                       "-znow", "-zrelro", "-znoexecstack",
                       "-zmax-page-size=" + std::to_string((*architecture)->pageSize),
                       "--as-needed", libm->path(), libc->path()});
}

Expected<SmallVector<char, 0>> linkRelocatable(ArrayRef<LinkInput> inputs, StringRef symbol) {
  Expected<SmallVector<char, 0>> merged = link(inputs, {"-r"});
  if (!merged)
    return merged.takeError();
  auto object = object::ObjectFile::createObjectFile(
      MemoryBufferRef(StringRef(merged->data(), merged->size()), "model.o"));
  if (!object)
    return object.takeError();
  objcopy::ConfigManager config;
  config.Common.InputFilename = config.Common.OutputFilename = "model.o";
  auto pattern = objcopy::NameOrPattern::create(symbol, objcopy::MatchStyle::Literal,
                                                [](Error error) { return error; });
  if (!pattern)
    return pattern.takeError();
  if (Error error = config.Common.SymbolsToKeepGlobal.addMatcher(std::move(*pattern)))
    return std::move(error);
  SmallVector<char, 0> result;
  raw_svector_ostream os(result);
  if (Error error = objcopy::executeObjcopyOnBinary(config, **object, os))
    return std::move(error);
  return result;
}

} // namespace tenon
