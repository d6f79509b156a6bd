// A line on a terminal (see the header).

#include "tools/tenon/ProgressLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon::cli {

ProgressLine::ProgressLine() : isTerminal(llvm::sys::Process::StandardErrIsDisplayed()) {}

void ProgressLine::show(llvm::StringRef work, int64_t done, int64_t planned) {
  if (!isTerminal || planned <= 0)
    return;
  constexpr double interval = 100; // milliseconds
  Work &own = works[work];
  if (done < own.done)
    own.sinceStart = Stopwatch();
  own.done = done;
  if (current == work && sinceShown.milliseconds() < interval && done < planned)
    return;
  current = work.str();
  sinceShown = Stopwatch();
  constexpr int64_t width = 24;
  int64_t filled = width * std::min(done, planned) / planned;
  std::string bar = std::string(filled, '#') + std::string(width - filled, '.');
  llvm::errs() << "\r\033[K" << llvm::formatv("[{0}] {1} {2}/{3}", bar, work, done, planned);
  if (done > 0 && done < planned)
    llvm::errs() << llvm::formatv(", {0:F0} s left", own.sinceStart.milliseconds() / 1e3 /
                                                         static_cast<double>(done) *
                                                         static_cast<double>(planned - done));
  llvm::errs().flush();
  isShown = true;
}

void ProgressLine::clear() {
  if (isShown)
    llvm::errs() << "\r\033[K";
  llvm::errs().flush();
  isShown = false;
}

} // namespace tenon::cli
