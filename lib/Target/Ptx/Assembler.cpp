// Runs ptxas and reads what it says (see the header).

#include "lib/Target/Ptx/Assembler.h"
#include "lib/Support/Files.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cstdlib>

using namespace llvm;

namespace tenon {

static Expected<std::string> findAssembler() {
  if (const char *path = std::getenv("TENON_PTXAS"); path && *path)
    return std::string(path);
  if (ErrorOr<std::string> path = sys::findProgramByName("ptxas"))
    return *path;
  if (ErrorOr<std::string> path = sys::findProgramByName("ptxas", {"/usr/local/cuda/bin"}))
    return *path;
  return createStringError("there is no ptxas to assemble the code with: neither in PATH, nor in "
                           "/usr/local/cuda/bin, nor does TENON_PTXAS name one");
}

static Expected<std::string> readAll(const Twine &path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
  if (!buffer)
    return createStringError("cannot read what ptxas wrote: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

/// The number in front of `unit` in a line; 0 if there is none.
static int32_t numberBefore(StringRef line, StringRef unit) {
  StringRef before = line.substr(0, line.find(unit)).rtrim();
  int32_t number = 0;
  if (line.contains(unit))
    (void)before.substr(before.find_last_of(' ') + 1).getAsInteger(10, number);
  return number;
}

StringMap<KernelUsage> parseUsage(StringRef log) {
  StringMap<KernelUsage> usage;
  std::string entry;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    if (line.contains("Compiling entry function"))
      entry = line.split('\'').second.split('\'').first.str();
    if (line.contains("spill stores"))
      usage[entry].spilledBytes = numberBefore(line, " bytes spill stores");
    if (!line.contains("Used "))
      continue;
    usage[entry].registers = numberBefore(line, " registers");
    usage[entry].sharedBytes = numberBefore(line, " bytes smem");
  }
  return usage;
}

Expected<AssembledCode> assemblePtx(StringRef text, cuda::TargetAttr target) {
  Expected<std::string> assembler = findAssembler();
  if (!assembler)
    return assembler.takeError();
  SmallString<128> folder;
  if (std::error_code error = sys::fs::createUniqueDirectory("tenon-ptxas", folder))
    return createStringError("cannot make a folder for ptxas: " + error.message());
  scope_exit remove([&] { sys::fs::remove_directories(folder); });
  std::string ptx = (folder + "/kernels.ptx").str(), cubin = (folder + "/kernels.cubin").str(),
              log = (folder + "/log").str();
  if (Error error = writeFile(ptx, ArrayRef<char>(text.data(), text.size())))
    return std::move(error);
  std::string problem;
  int status = sys::ExecuteAndWait(*assembler,
                                   {*assembler, "-v", "-arch", target.getArch(), ptx, "-o", cubin},
                                   std::nullopt, {"", log, log}, 0, 0, &problem);
  Expected<std::string> said = readAll(log);
  if (!said)
    return said.takeError();
  if (status)
    return createStringError(*assembler + " cannot assemble the code for '" +
                             target.getTargetName() + "': " + problem + *said);
  Expected<std::string> code = readAll(cubin);
  if (!code)
    return code.takeError();
  return AssembledCode{std::move(*code), parseUsage(*said)};
}

int32_t countResidentBlocks(const KernelUsage &usage, int32_t blockThreads,
                            cuda::TargetAttr target) {
  // Registers are given out by 8 for each thread, and every block takes 1 KiB for the system.
  constexpr int64_t step = 8, reserved = 1024;
  int64_t registers = alignTo(std::max(usage.registers, 1), step) * blockThreads;
  return static_cast<int32_t>(
      std::min({target.getThreads() / blockThreads, target.getRegisters() / registers,
                (target.getSharedBytes() + reserved) / (usage.sharedBytes + reserved)}));
}

} // namespace tenon
