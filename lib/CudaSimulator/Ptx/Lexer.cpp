// A name takes its modifiers along: `cvt.rn.f16x2.f32` is one token, because what follows a dot
// means nothing by itself. A colon belongs to a name only when doubled (`.L2::128B`), since a
// single one ends a label.

#include "lib/CudaSimulator/Ptx/Lexer.h"
#include <cctype>

namespace tenon::sim {

static bool isNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '%' || c == '$' ||
         c == '.';
}

static bool isNamePart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' ||
         c == '%';
}

std::string describe(const Token &token) {
  if (token.kind == TokenKind::End)
    return "the end of the text";
  // Broken texts may hold anything; a message need not.
  return "'" + std::string(token.text.substr(0, 60)) + "'";
}

void Lexer::fail(const std::string &message) const { throw PtxError(token.line, message); }

Token Lexer::take() {
  Token taken = token;
  if (taken.kind != TokenKind::End)
    advance();
  return taken;
}

bool Lexer::accept(std::string_view expected) {
  if (!token.is(expected))
    return false;
  advance();
  return true;
}

Token Lexer::expect(std::string_view expected) {
  if (!token.is(expected))
    fail("expected '" + std::string(expected) + "', found " + describe(token));
  return take();
}

void Lexer::skipBlanks() {
  while (at < text.size()) {
    if (text[at] == '\n')
      ++line;
    if (std::isspace(static_cast<unsigned char>(text[at]))) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (text.substr(at, 2) == "/*") {
      size_t end = text.find("*/", at + 2);
      if (end == std::string_view::npos)
        throw PtxError(line, "a comment does not end");
      for (; at < end + 2; ++at)
        line += text[at] == '\n';
    } else {
      return;
    }
  }
}

bool Lexer::lexName() {
  if (!isNameStart(text[at]))
    return false;
  // Directives and types may stand together: `.reg.b32` are two names.
  bool isDirective = text[at] == '.';
  size_t end = at + 1;
  while (end < text.size() && (isNamePart(text[end]) || text.substr(end, 2) == "::") &&
         !(isDirective && text[end] == '.'))
    end += text[end] == ':' ? 2 : 1;
  token.kind = TokenKind::Name;
  token.text = text.substr(at, end - at);
  at = end;
  return true;
}

/// The value of a digit, or 99.
static unsigned digitOf(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  char lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/// The digits of a number in a base, all of them.
static uint64_t parseDigits(std::string_view digits, unsigned base, uint32_t line) {
  uint64_t value = 0;
  if (digits.empty())
    throw PtxError(line, "a number without digits");
  for (char c : digits) {
    if (digitOf(c) >= base)
      throw PtxError(line, "'" + std::string(1, c) + "' is no digit of a number of base " +
                               std::to_string(base));
    if (value > (UINT64_MAX - digitOf(c)) / base)
      throw PtxError(line, "the number '" + std::string(digits.substr(0, 40)) +
                               "' does not fit into 64 bits");
    value = value * base + digitOf(c);
  }
  return value;
}

void Lexer::lexNumber() {
  size_t end = at;
  while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])))
    ++end;
  std::string_view spelling = text.substr(at, end - at), digits = spelling;
  token.text = spelling;
  at = end;
  char mark = spelling.size() > 1 && spelling[0] == '0' ? std::tolower(spelling[1]) : ' ';
  if (mark == 'f' || mark == 'd') {
    token.kind = mark == 'f' ? TokenKind::Float32 : TokenKind::Float64;
    if (digits.size() != (mark == 'f' ? 10u : 18u))
      throw PtxError(line, "the float '" + std::string(spelling.substr(0, 40)) + "' must have " +
                               (mark == 'f' ? "8" : "16") + " hexadecimal digits");
    token.bits = parseDigits(digits.substr(2), 16, line);
    return;
  }
  token.kind = TokenKind::Integer;
  if (digits.size() > 1 && (digits.back() == 'U' || digits.back() == 'u'))
    digits.remove_suffix(1);
  if (mark == 'x')
    token.bits = parseDigits(digits.substr(2), 16, line);
  else if (mark == 'b')
    token.bits = parseDigits(digits.substr(2), 2, line);
  else if (digits.size() > 1 && digits[0] == '0')
    token.bits = parseDigits(digits.substr(1), 8, line);
  else
    token.bits = parseDigits(digits, 10, line);
}

void Lexer::lexString() {
  size_t end = text.find('"', at + 1);
  if (end == std::string_view::npos)
    throw PtxError(line, "a string does not end");
  token.kind = TokenKind::String;
  token.text = text.substr(at + 1, end - at - 1);
  at = end + 1;
}

void Lexer::advance() {
  skipBlanks();
  token = Token{};
  token.line = line;
  if (at >= text.size() || text[at] == '\0')
    return;
  if (lexName())
    return;
  if (std::isdigit(static_cast<unsigned char>(text[at])))
    return lexNumber();
  if (text[at] == '"')
    return lexString();
  token.kind = TokenKind::Punctuation;
  token.text = text.substr(at++, 1);
}

} // namespace tenon::sim
