// One folder of `tenon verify`: a model, data sets with references, perhaps tolerances.
//
// It is checked in a process of its own, `tenon verify-one`, which tells its parent line by line
// how far it is, so that a crash or a hang has a place.
#ifndef TENON_TOOLS_TENON_VERIFYCASE_H
#define TENON_TOOLS_TENON_VERIFYCASE_H

#include "passes/Precision/PrecisionRule.h"
#include <chrono>
#include <string>
#include <vector>

namespace tenon::cli {

struct VerifySettings {
  std::string targets = "cpu:native";
  std::string place = "device";
  /// What products are rounded to, as for `tenon compile`; or a recipe.
  std::string precision = "fp32";
  /// Of a recipe, what outputs may lose over all data sets; else empty.
  std::string budget;
  /// The part of an output's range that results may differ by for that.
  double rangeTolerance = 0;
  /// Of the compiler.
  int64_t compileThreads = 0;
  /// Of the compiled model: numbers, separated by commas.
  std::string threads;
  int64_t memoryMegabytes = 0;
  /// If not empty, what runs the compiled models, which are executables then: a program and its
  /// arguments.
  std::string program;
  /// Compile without an arena, so that each buffer is between guard pages of its own.
  bool guard = false;
  /// Compute channels that no result depends on, too.
  bool keepDeadChannels = false;
  std::chrono::seconds limit;
};

enum class VerifyStatus { Passed, Failed, Skipped };

struct VerifyResult {
  VerifyStatus status = VerifyStatus::Failed;
  std::string cause; // one line; empty if passed
  double seconds = 0;
  /// Of the compiled model: its size and the least that any plan needs.
  int64_t arenaBytes = 0, arenaLowerBound = 0;
};

/// The part of an output's range that results may differ by if products are rounded as the rules
/// say. docs/numerics.md has the errors that it is chosen from.
double getRangeTolerance(llvm::ArrayRef<PrecisionRule> rules);

/// Checks the model in `folder` in a child process; `binary` is where it is compiled to.
VerifyResult verifyInChild(const std::string &folder, const std::string &binary,
                           const VerifySettings &settings);

} // namespace tenon::cli

#endif
