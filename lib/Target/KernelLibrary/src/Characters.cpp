// What looks at the characters of strings, which are UTF-8.
//
//   tenon_map_characters    inputs x, pairs of code points [M, 2]; output x with those replaced
//   tenon_regex_full_match  inputs x, program [N, 3] (lib/Support/RegexProgram.h); output bytes:
//   whether
//                           all of a string matches
//   tenon_token_counts      inputs x, programs [N, 3]; output int64: how many tokens each string
//   has tenon_tokenize          inputs x, programs, what stands behind the tokens; output the
//   tokens
//     ints: rule (TokenRule), the least characters of a token, whether to mark begin and end, how
//     many
//           programs, the rows where they begin
#include "lib/Target/KernelLibrary/src/RegexMatcher.h"
#include <algorithm>

namespace {

// --- Mapping

struct Pair {
  int32_t from, to;
};

/// Writes a code point as UTF-8; returns the end.
char *encode(int32_t point, char *to) {
  if (point < 0x80) {
    *to++ = static_cast<char>(point);
    return to;
  }
  int following = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  *to++ = static_cast<char>((0xff00 >> (following + 1) & 0xff) | point >> 6 * following);
  while (following-- > 0)
    *to++ = static_cast<char>(0x80 | (point >> 6 * following & 0x3f));
  return to;
}

/// Writes the text with its characters replaced; returns the end. Takes up to four bytes for one.
char *map(Text text, const Pair *pairs, int64_t count, char *to) {
  while (text.count) {
    int64_t bytes = countCharacterBytes(text);
    int32_t point = decodeCharacter(text, bytes);
    const Pair *pair = std::lower_bound(
        pairs, pairs + count, point, [](const Pair &p, int32_t point) { return p.from < point; });
    if (pair != pairs + count && pair->from == point)
      to = encode(pair->to, to);
    else
      to = std::copy(text.data, text.data + bytes, to);
    text = text.from(bytes);
  }
  return to;
}

int32_t mapCharacters(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  const int64_t *x = inputs[0].as<int64_t>();
  const Pair *pairs = inputs[1].as<Pair>();
  int64_t *result = outputs[0].as<int64_t>();
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    Text text = strings.get(x[i]);
    char *mapped = strings.reserve(4 * text.count);
    if (!mapped)
      break;
    result[i] = strings.intern({mapped, map(text, pairs, inputs[1].dims[0], mapped) - mapped});
  }
  return strings.status();
}

// --- Regular expressions

int32_t fullMatch(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  RegexMatcher matcher(strings, inputs[1].dims[0]);
  if (!matcher.hasMemory())
    return strings.status();
  const int64_t *x = inputs[0].as<int64_t>();
  auto *result = outputs[0].as<uint8_t>();
  Span found;
  for (int64_t i = 0; i < inputs[0].size(); ++i)
    result[i] = matcher.search(inputs[1].as<tenon::regex::Row>(), strings.get(x[i]), 0,
                               /*whole=*/true, found);
  return strings.status();
}

// --- Tokens

enum Rule : int64_t { ByCharacter, BySeparators, ByExpression };

class Tokenizer {
public:
  Tokenizer(Strings &strings, const LibTensor &programs, const int64_t *ints)
      : matcher(strings, programs.dims[0]), rows(programs.as<tenon::regex::Row>()), rule(ints[0]),
        least(ints[1]), count(ints[3]), starts(ints + 4) {}
  bool hasMemory() const { return matcher.hasMemory(); }

  /// Calls `use` with each token.
  template <typename Use> void visit(Text text, Use use) {
    if (rule == ByCharacter)
      visitCharacters(text, use);
    else if (rule == ByExpression)
      visitMatches(text, use);
    else
      visitPieces(text, 0, use);
  }

private:
  template <typename Use> void visitCharacters(Text text, Use use) {
    while (text.count) {
      int64_t bytes = countCharacterBytes(text);
      use(text.first(bytes));
      text = text.from(bytes);
    }
  }

  /// Behind the character at `at`.
  static int64_t skip(Text text, int64_t at) {
    return at < text.count ? at + countCharacterBytes(text.from(at)) : at + 1;
  }

  template <typename Use> void visitMatches(Text text, Use use) {
    Span found;
    for (int64_t at = 0; at <= text.count && search(0, text, at, found);) {
      Text token = text.from(found.begin).first(found.end - found.begin);
      bool isToken = token.count && countCharacters(token) >= least;
      if (isToken)
        use(token);
      at = isToken ? found.end : skip(text, found.begin);
    }
  }

  /// What separators from that number on leave of a piece.
  template <typename Use> void visitPieces(Text text, int64_t separator, Use use) {
    auto visitPiece = [&](Text piece) {
      if (countCharacters(piece) < least)
        return;
      if (separator + 1 < count)
        visitPieces(piece, separator + 1, use);
      else
        use(piece);
    };
    int64_t at = 0;
    for (Span found; at <= text.count && search(separator, text, at, found);) {
      visitPiece(text.from(at).first(found.begin - at));
      at = found.end > found.begin ? found.end : skip(text, found.begin);
    }
    if (at <= text.count)
      visitPiece(text.from(at));
  }

  bool search(int64_t number, Text text, int64_t at, Span &found) {
    return matcher.search(rows + starts[number], text, at, /*whole=*/false, found);
  }

  RegexMatcher matcher;
  const tenon::regex::Row *rows;
  int64_t rule, least, count;
  const int64_t *starts;
};

int32_t countTokens(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  Tokenizer tokenizer(strings, inputs[1], ints);
  if (!tokenizer.hasMemory())
    return strings.status();
  const int64_t *x = inputs[0].as<int64_t>();
  int64_t *counts = outputs[0].as<int64_t>();
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    counts[i] = 0;
    tokenizer.visit(strings.get(x[i]), [&](Text) { ++counts[i]; });
  }
  return strings.status();
}

int32_t tokenize(TENON_KERNEL_PARAMETERS) {
  Strings strings(scratch);
  Tokenizer tokenizer(strings, inputs[1], ints);
  if (!tokenizer.hasMemory())
    return strings.status();
  const int64_t *x = inputs[0].as<int64_t>();
  int64_t padding = *inputs[2].as<int64_t>(), width = outputs[0].dims[outputs[0].rank - 1];
  bool marks = ints[2];
  for (int64_t i = 0; i < inputs[0].size(); ++i) {
    int64_t *tokens = outputs[0].as<int64_t>() + i * width, at = 0;
    if (marks)
      tokens[at++] = strings.intern({"\2", 1});
    tokenizer.visit(strings.get(x[i]), [&](Text token) {
      if (at < width)
        tokens[at++] = strings.intern(token);
    });
    if (marks && at < width)
      tokens[at++] = strings.intern({"\3", 1});
    std::fill(tokens + at, tokens + width, padding);
  }
  return strings.status();
}

} // namespace

TENON_KERNEL(tenon_map_characters, mapCharacters)
TENON_KERNEL(tenon_regex_full_match, fullMatch)
TENON_KERNEL(tenon_token_counts, countTokens)
TENON_KERNEL(tenon_tokenize, tokenize)
