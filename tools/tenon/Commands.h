// The subcommands of `tenon`, one file each.
#ifndef TENON_TOOLS_TENON_COMMANDS_H
#define TENON_TOOLS_TENON_COMMANDS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

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

} // namespace tenon::cli

#endif
