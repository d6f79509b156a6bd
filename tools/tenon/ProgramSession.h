// A model that was compiled to an executable and is run by another program, such as an emulator of
// the processor that it is for.
#ifndef TENON_TOOLS_TENON_PROGRAMSESSION_H
#define TENON_TOOLS_TENON_PROGRAMSESSION_H

#include "lib/Tensors/ProtoFile.h"
#include <chrono>

namespace tenon::cli {

class ProgramSession {
public:
  /// `command` is the program and its arguments, separated by spaces.
  ProgramSession(llvm::StringRef command, const std::string &executable,
                 std::chrono::steady_clock::time_point deadline);

  /// Whether tensors of this type can be passed, which takes .npy files.
  static bool canPass(int32_t dtype);

  /// Runs once with so many threads, on inputs of all names that the model has, and returns the
  /// outputs of these names.
  llvm::Expected<std::vector<Tensor>> run(llvm::ArrayRef<NamedTensor> inputs,
                                          llvm::ArrayRef<std::string> outputs, int64_t threads);

private:
  std::vector<std::string> command;
  std::chrono::steady_clock::time_point deadline;
};

} // namespace tenon::cli

#endif
