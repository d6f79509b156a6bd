// The subcommands of `tenon`, one file each.
#ifndef TENON_TOOLS_TENON_COMMANDS_H
#define TENON_TOOLS_TENON_COMMANDS_H

#include "tools/tenon/Arguments.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace tenon::cli {

/// Each takes the arguments after its name and returns the process's exit code.
int runBench(llvm::ArrayRef<const char *> arguments);
int runComparePrecision(llvm::ArrayRef<const char *> arguments);
int runCompile(llvm::ArrayRef<const char *> arguments);
int runInfo(llvm::ArrayRef<const char *> arguments);
int runPrune(llvm::ArrayRef<const char *> arguments);
int runQuantize(llvm::ArrayRef<const char *> arguments);
int runRun(llvm::ArrayRef<const char *> arguments);
int runVerify(llvm::ArrayRef<const char *> arguments);
/// The child of `tenon verify` that checks one folder.
int runVerifyOne(llvm::ArrayRef<const char *> arguments);

/// Prints `tenon: error: message` and returns 1.
int fail(const llvm::Twine &message);

/// Parses arguments and does `body`, or prints the help that is asked for. Returns the process's
/// exit code; errors are printed behind what `body` has printed.
int runCommand(llvm::ArrayRef<const char *> arguments, llvm::ArrayRef<Option> options,
               llvm::StringRef usage, llvm::function_ref<llvm::Error(const Arguments &)> body);

} // namespace tenon::cli

#endif
