// The parent's side of the check of one folder (see the header); VerifyOne.cpp is the child's.

#include "tools/tenon/VerifyCase.h"
#include "lib/Support/Stopwatch.h"
#include "tools/tenon/Child.h"
#include "tools/tenon/VerifyLines.h"
#include "llvm/ADT/SmallVector.h"

namespace tenon::cli {

/// What a child that did not come to an end was doing, and the first thing it complained about.
static std::string describeCrash(const ChildResult &child, const VerifySettings &settings) {
  std::string phase = "starting", complaint;
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(child.output).split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef line : lines) {
    if (line.consume_front(phaseMark))
      phase = line.str();
    else if (complaint.empty() && !line.starts_with(arenaMark) &&
             !line.starts_with("PLEASE submit a bug report") &&
             !line.starts_with("====")) // a sanitizer's, above its report
      complaint = line.str();
  }
  std::string cause;
  if (child.timedOut)
    cause = "not done after " + std::to_string(settings.limit.count()) + " s";
  else if (child.signal)
    cause = "crashed with " + describeSignal(child.signal);
  else
    cause = "ended with exit code " + std::to_string(child.exitCode);
  cause += " while " + phase;
  if (!complaint.empty() && !child.timedOut)
    cause += ": " + complaint;
  return cause;
}

/// What the child said about the arena.
static void readArena(llvm::StringRef output, VerifyResult &result) {
  size_t at = output.find(arenaMark);
  if (at == llvm::StringRef::npos)
    return;
  llvm::StringRef numbers =
      output.substr(at + arenaMark.size()).take_until([](char c) { return c == '\n'; });
  auto [bytes, bound] = numbers.split(' ');
  bytes.getAsInteger(10, result.arenaBytes);
  bound.getAsInteger(10, result.arenaLowerBound);
}

VerifyResult verifyInChild(const std::string &folder, const std::string &binary,
                           const VerifySettings &settings) {
  Stopwatch watch;
  std::vector<std::string> command = {"verify-one",
                                      "--output=" + binary,
                                      "--target=" + settings.targets,
                                      "--place=" + settings.place,
                                      "--precision=" + settings.precision,
                                      "--compile-threads=" +
                                          std::to_string(settings.compileThreads),
                                      "--threads=" + settings.threads,
                                      "--memory=" + std::to_string(settings.memoryMegabytes),
                                      "--",
                                      folder};
  if (!settings.budget.empty())
    command.insert(command.begin() + 1, "--budget=" + settings.budget);
  if (settings.guard)
    command.insert(command.begin() + 1, "--guard");
  if (settings.keepDeadChannels)
    command.insert(command.begin() + 1, "--keep-dead-channels");
  if (!settings.program.empty())
    command.insert(command.begin() + 1, {"--run-with=" + settings.program,
                                         "--timeout=" + std::to_string(settings.limit.count())});
  llvm::Expected<ChildResult> child = runSelf(command, settings.limit);
  VerifyResult result;
  result.seconds = watch.milliseconds() / 1000;
  if (!child) {
    result.cause = llvm::toString(child.takeError());
    return result;
  }
  readArena(child->output, result);
  bool ended = !child->timedOut && !child->signal && !child->exitCode;
  llvm::StringRef last = llvm::StringRef(child->output).rtrim();
  last = last.substr(last.rfind('\n') + 1);
  if (ended && last == passedMark) {
    result.status = VerifyStatus::Passed;
  } else if (ended && last.consume_front(skippedMark)) {
    result.status = VerifyStatus::Skipped;
    result.cause = last.str();
  } else if (ended && last.consume_front(failedMark)) {
    result.cause = last.str();
  } else {
    result.cause = describeCrash(*child, settings);
  }
  return result;
}

} // namespace tenon::cli
