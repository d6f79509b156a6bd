// Tensors go in and out as the files that executables take (see the header, and
// lib/Target/Runner).

#include "tools/tenon/ProgramSession.h"
#include "lib/Tensors/Npy.h"
#include "tools/tenon/Child.h"
#include "tools/tenon/TemporaryDirectory.h"

namespace tenon::cli {

ProgramSession::ProgramSession(llvm::StringRef text, const std::string &executable,
                               std::chrono::steady_clock::time_point deadline)
    : deadline(deadline) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ' ', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef word : words)
    command.push_back(word.str());
  command.push_back(executable);
}

bool ProgramSession::canPass(int32_t dtype) {
  int64_t bits = tenon_dtype_bits(dtype);
  return dtype != TENON_STRING && (bits > 8 || (bits == 8 && !isFloatingPoint(dtype)));
}

/// A file of this name, as executables look for it.
static std::string fileOf(const TemporaryDirectory &directory, llvm::StringRef name) {
  std::string safe = name.str();
  llvm::replace(safe, '/', '_');
  return directory.file(safe + ".npy");
}

llvm::Expected<std::vector<Tensor>> ProgramSession::run(llvm::ArrayRef<NamedTensor> inputs,
                                                        llvm::ArrayRef<std::string> outputs,
                                                        int64_t threads) {
  TemporaryDirectory given, results;
  for (TemporaryDirectory *each : {&given, &results})
    if (std::error_code error = each->create())
      return llvm::createStringError("cannot make a temporary directory: " + error.message());
  for (const NamedTensor &input : inputs)
    if (llvm::Error error = writeNpyFile(fileOf(given, input.name), input.tensor))
      return std::move(error);
  std::vector<std::string> words = command;
  words.insert(words.end(), {"--input-dir", given.file("."), "--output-dir", results.file("."),
                             "--threads", std::to_string(threads)});
  auto left =
      std::chrono::duration_cast<std::chrono::seconds>(deadline - std::chrono::steady_clock::now());
  llvm::Expected<ChildResult> child = runProgram(words, left);
  if (!child)
    return child.takeError();
  if (child->timedOut)
    return llvm::createStringError("'" + command[0] + "' was not done in time");
  if (child->signal)
    return llvm::createStringError("'" + command[0] + "' ended with " +
                                   describeSignal(child->signal));
  if (child->exitCode)
    return llvm::createStringError("'" + command[0] + "' ended with exit code " +
                                   std::to_string(child->exitCode) + ": " +
                                   llvm::StringRef(child->output).trim());
  std::vector<Tensor> tensors;
  for (const std::string &name : outputs) {
    llvm::Expected<Tensor> tensor = readNpyFile(fileOf(results, name));
    if (!tensor)
      return tensor.takeError();
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

} // namespace tenon::cli
