// A line on a terminal that tells how far work is.
#ifndef TENON_TOOLS_TENON_PROGRESSLINE_H
#define TENON_TOOLS_TENON_PROGRESSLINE_H

#include "lib/Support/Stopwatch.h"
#include "llvm/ADT/StringMap.h"
#include <string>

namespace tenon::cli {

/// Writes on standard error, and only if that is a terminal.
class ProgressLine {
public:
  ProgressLine();
  ~ProgressLine() { clear(); }

  /// A bar of `done` of `planned` parts of some work, with the time that the rest will take at the
  /// pace so far. Work may go on within other work; it starts anew when less of it is done than
  /// before.
  void show(llvm::StringRef work, int64_t done, int64_t planned);
  /// Removes the line, before others write.
  void clear();

private:
  struct Work {
    Stopwatch sinceStart;
    int64_t done = 0;
  };

  bool isTerminal, isShown = false;
  std::string current;
  llvm::StringMap<Work> works;
  Stopwatch sinceShown;
};

} // namespace tenon::cli

#endif
