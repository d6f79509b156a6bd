// A child process whose output is collected and whose time is limited.
#ifndef TENON_TOOLS_TENON_CHILD_H
#define TENON_TOOLS_TENON_CHILD_H

#include "llvm/Support/Error.h"
#include <chrono>
#include <string>
#include <vector>

namespace tenon::cli {

struct ChildResult {
  /// What it wrote to standard output and standard error.
  std::string output;
  int exitCode = 0;
  /// The signal that ended it; 0 if it exited.
  int signal = 0;
  bool timedOut = false;
};

/// Runs a program, which is looked for as a shell does, and waits. May be called from several
/// threads.
llvm::Expected<ChildResult> runProgram(const std::vector<std::string> &command,
                                       std::chrono::seconds limit);

/// Runs this program again with other arguments.
llvm::Expected<ChildResult> runSelf(const std::vector<std::string> &arguments,
                                    std::chrono::seconds limit);

/// For the child: no more memory than this, and no life after its parent's.
void limitThisProcess(int64_t memoryBytes);

/// "SIGSEGV (Segmentation fault)".
std::string describeSignal(int signal);

} // namespace tenon::cli

#endif
