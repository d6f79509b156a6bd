// PTX text as tokens (PTX ISA 4, "Syntax").
#ifndef TENON_LIB_CUDASIMULATOR_PTX_LEXER_H
#define TENON_LIB_CUDASIMULATOR_PTX_LEXER_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tenon::sim {

/// What is wrong with a PTX text, and where. `what()` is "line 12: …".
struct PtxError : std::runtime_error {
  PtxError(uint32_t line, const std::string &message)
      : std::runtime_error("line " + std::to_string(line) + ": " + message), line(line) {}
  uint32_t line;
};

enum class TokenKind : uint8_t {
  End,
  /// A name, with the dots and colons of an opcode or special register: `ld.global.v2.b32`,
  /// `%tid.x`, `.reg`, `shared::cta`.
  Name,
  /// An integer (`bits` is its value modulo 2^64).
  Integer,
  /// 0fXXXXXXXX or 0dXXXXXXXXXXXXXXXX: `bits` are those of the float.
  Float32,
  Float64,
  String,
  /// One character.
  Punctuation,
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;
  uint64_t bits = 0;
  uint32_t line = 1;

  bool is(std::string_view expected) const {
    return (kind == TokenKind::Name || kind == TokenKind::Punctuation) && text == expected;
  }
};

/// Reads a text once, token by token. The text must outlive the tokens.
class Lexer {
public:
  explicit Lexer(std::string_view text) : text(text) { advance(); }

  const Token &peek() const { return token; }

  /// The current token; the next becomes current. @throws PtxError
  Token take();

  /// Whether the current token is `expected`, which is then taken.
  bool accept(std::string_view expected);

  /// Takes `expected`. @throws PtxError naming what stands there instead.
  Token expect(std::string_view expected);

  [[noreturn]] void fail(const std::string &message) const;

private:
  void advance();
  void skipBlanks();
  bool lexName();
  void lexNumber();
  void lexString();

  std::string_view text;
  size_t at = 0;
  uint32_t line = 1;
  Token token;
};

/// A token as a message shows it: its text in quotes, or "the end of the text".
std::string describe(const Token &token);

} // namespace tenon::sim

#endif
