// Runs the programs of regular expressions (lib/Support/RegexProgram.h).
//
// All ways through a program advance together, code point by code point (Thompson 1968). A way
// remembers where its match began; of two that arrive at one row, the one that began first stays.
#ifndef TENON_LIB_TARGET_KERNELLIBRARY_REGEXMATCHER_H
#define TENON_LIB_TARGET_KERNELLIBRARY_REGEXMATCHER_H

#include "lib/Support/RegexProgram.h"
#include "lib/Target/KernelLibrary/src/Strings.h"
#include <utility>

/// A part of a text.
struct Span {
  int64_t begin = 0, end = 0;
};

class RegexMatcher {
public:
  /// Takes its memory from the strings', which must reserve nothing else while it is used.
  RegexMatcher(Strings &strings, int64_t numRows) {
    int64_t bytes = numRows * int64_t(2 * sizeof(Way) + sizeof(int64_t)) +
                    (2 * numRows + 1) * int64_t(sizeof(int32_t));
    char *memory = strings.reserve(bytes);
    if (!memory)
      return;
    now.ways = reinterpret_cast<Way *>(memory);
    next.ways = now.ways + numRows;
    seen = reinterpret_cast<int64_t *>(next.ways + numRows);
    stack = reinterpret_cast<int32_t *>(seen + numRows);
    for (int64_t i = 0; i < numRows; ++i)
      seen[i] = 0;
  }
  bool hasMemory() const { return stack; }

  /// The leftmost match that begins at `from` or later, the longest of those; one from `from` to
  /// the end of the text if it must be `whole`. The program may be another in each call, but has at
  /// most as many rows as this was made for.
  bool search(const tenon::regex::Row *rows, Text text, int64_t from, bool whole, Span &found) {
    program = rows;
    this->text = text;
    bool any = false;
    now.count = 0;
    for (int64_t at = from;;) {
      ++step;
      if (!any && (!whole || at == from))
        enter(now, 0, at, at);
      any |= takeMatches(at, whole, any, found);
      if (at >= text.count || (now.count == 0 && (any || whole)))
        return any;
      int64_t bytes = countCharacterBytes(text.from(at));
      advance(decodeCharacter(text.from(at), bytes), at + bytes);
      at += bytes;
    }
  }

private:
  struct Way {
    int64_t begin;
    int32_t row;
  };
  struct List {
    Way *ways = nullptr;
    int64_t count = 0;
  };

  static bool isWord(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }

  bool holds(int32_t place, int64_t at) const {
    using namespace tenon::regex;
    bool isBoundary =
        (at > 0 && isWord(text.data[at - 1])) != (at < text.count && isWord(text.data[at]));
    switch (place) {
    case TextBegin:
      return at == 0;
    case TextEnd:
      return at == text.count;
    case LineBegin:
      return at == 0 || text.data[at - 1] == '\n';
    case LineEnd:
      return at == text.count || text.data[at] == '\n';
    case WordBoundary:
      return isBoundary;
    default:
      return !isBoundary;
    }
  }

  /// Adds all ways from a row on that need no code point first.
  void enter(List &list, int32_t row, int64_t begin, int64_t at) {
    using namespace tenon::regex;
    int64_t depth = 0;
    stack[depth++] = row;
    while (depth) {
      int32_t top = stack[--depth];
      if (seen[top] == step)
        continue;
      seen[top] = step;
      const Row &r = program[top];
      if (r.op == Split) {
        stack[depth++] = r.y;
        stack[depth++] = r.x;
      } else if (r.op == Jump) {
        stack[depth++] = r.x;
      } else if (r.op == Assert) {
        if (holds(r.x, at))
          stack[depth++] = top + 1;
      } else {
        list.ways[list.count++] = {begin, top};
      }
    }
  }

  /// Notes the best match that ends here, and drops ways that can find no better one.
  bool takeMatches(int64_t at, bool whole, bool any, Span &found) {
    for (int64_t i = 0; i < now.count; ++i) {
      const Way &way = now.ways[i];
      if (program[way.row].op != tenon::regex::Match || (whole && at != text.count))
        continue;
      if (!any || way.begin <= found.begin)
        found = {way.begin, at};
      any = true;
    }
    int64_t kept = 0;
    for (int64_t i = 0; any && i < now.count; ++i)
      if (now.ways[i].begin <= found.begin)
        now.ways[kept++] = now.ways[i];
    if (any)
      now.count = kept;
    return any;
  }

  static bool contains(const tenon::regex::Range *ranges, int64_t count, int32_t point) {
    while (count > 0) {
      int64_t middle = count / 2;
      if (point < ranges[middle].op) {
        count = middle;
      } else if (point > ranges[middle].x) {
        ranges += middle + 1;
        count -= middle + 1;
      } else {
        return true;
      }
    }
    return false;
  }

  /// The ways behind a code point that end before `at`. They stay in the order of their beginnings.
  void advance(int32_t point, int64_t at) {
    next.count = 0;
    ++step;
    for (int64_t i = 0; i < now.count; ++i) {
      const Way &way = now.ways[i];
      const tenon::regex::Row &row = program[way.row];
      if (row.op == tenon::regex::Set && contains(program + row.x, row.y, point))
        enter(next, way.row + 1, way.begin, at);
    }
    std::swap(now, next);
    --step; // what begins here joins these
  }

  const tenon::regex::Row *program = nullptr;
  Text text;
  List now, next;
  int64_t *seen = nullptr; // by row: the step that met it last
  int32_t *stack = nullptr;
  int64_t step = 0;
};

#endif // TENON_LIB_TARGET_KERNELLIBRARY_REGEXMATCHER_H
