// Regular expressions as trees: what is between their syntax and their programs (Regex.h).
#ifndef TENON_LIB_SUPPORT_REGEXSYNTAX_H
#define TENON_LIB_SUPPORT_REGEXSYNTAX_H

#include "lib/Support/RegexProgram.h"
#include "lib/Support/Unicode.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace tenon::regex {

/// Which of two alternatives is tried first is told by nothing here: what runs programs takes the
/// longest match.
struct Node {
  enum Kind { Set, Assert, Concat, Alternate, Repeat } kind = Concat;
  CodePoints set;
  Place place = TextBegin;
  /// Of Repeat; no most if negative.
  int least = 0, most = 0;
  std::vector<std::unique_ptr<Node>> children;
};

/// Repetitions of more than this are refused, as RE2 does.
inline constexpr int kMostRepetitions = 1000;

llvm::Expected<std::unique_ptr<Node>> parseRegex(llvm::StringRef pattern);

} // namespace tenon::regex

#endif // TENON_LIB_SUPPORT_REGEXSYNTAX_H
