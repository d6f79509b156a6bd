// Regular expressions in the syntax of RE2 (github.com/google/re2/wiki/Syntax), as automata.
//
// Models name their regular expressions in attributes, so that they are compiled with the model: a
// mistake in one is an error of compilation, and nothing of this is in a model but the automaton.
#ifndef TENON_LIB_SUPPORT_REGEX_H
#define TENON_LIB_SUPPORT_REGEX_H

#include "lib/Support/RegexProgram.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace tenon {

/// The program that finds what `pattern` matches. Fails for what is no regular expression, for one
/// that is too large, and for single bytes (\C) and scripts (\p{Greek}), which are not supported.
llvm::Expected<std::vector<regex::Row>> compileRegex(llvm::StringRef pattern);

} // namespace tenon

#endif // TENON_LIB_SUPPORT_REGEX_H
