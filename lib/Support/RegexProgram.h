// The automata that regular expressions are compiled to: what the compiler (Regex.h) writes and the
// kernel library runs.
//
// A program is rows of three int32. A row is an instruction, or a range of code points that
// instructions refer to. Running begins at row 0 and goes on behind an instruction, unless it says
// otherwise. Where it splits, both ways are tried at the same time, so that matching takes time in
// proportion to the rows times the length of the text. Numbers of rows count from the program's
// start.
#ifndef TENON_LIB_SUPPORT_REGEXPROGRAM_H
#define TENON_LIB_SUPPORT_REGEXPROGRAM_H

#include <cstdint>

namespace tenon::regex {

enum Instruction : int32_t {
  Match,  // the text so far matches
  Split,  // go on at row x, and at row y
  Jump,   // go on at row x
  Set,    // the next code point is in one of the y ranges from row x on, which are sorted
  Assert, // what x says holds between two code points
};

/// A row.
struct Row {
  int32_t op, x, y;
};

/// Ranges have their first and last code point in `op` and `x`.
using Range = Row;

enum Place : int32_t { TextBegin, TextEnd, LineBegin, LineEnd, WordBoundary, NoWordBoundary };

} // namespace tenon::regex

#endif // TENON_LIB_SUPPORT_REGEXPROGRAM_H
