// A declaration lists, in this order with parts left out: `.align N`, `.ptr` with its own space and
// alignment (only a hint, for parameters), `.v2`/`.v4`, the type, the name, `[N]…` and `= value`.

#include "lib/CudaSimulator/Ptx/DeclarationParser.h"

namespace tenon::sim {

std::optional<Space> parseSpace(std::string_view directive) {
  if (directive == ".global")
    return Space::Global;
  if (directive == ".const")
    return Space::Const;
  if (directive == ".shared")
    return Space::Shared;
  if (directive == ".local")
    return Space::Local;
  if (directive == ".param")
    return Space::Param;
  return std::nullopt;
}

uint64_t parseInteger(Lexer &lexer) {
  bool negative = lexer.accept("-");
  if (!negative)
    lexer.accept("+");
  if (lexer.peek().kind != TokenKind::Integer)
    lexer.fail("expected an integer, found " + describe(lexer.peek()));
  uint64_t bits = lexer.take().bits;
  return negative ? -bits : bits;
}

uint64_t parseCount(Lexer &lexer, uint64_t limit, const char *what) {
  Token token = lexer.peek();
  uint64_t value = parseInteger(lexer);
  if (value >= limit)
    throw PtxError(token.line, std::string(what) + " is " + std::to_string(value) +
                                   ", which is not below " + std::to_string(limit));
  return value;
}

std::string parseDeclaredName(Lexer &lexer) {
  const Token &token = lexer.peek();
  if (token.kind != TokenKind::Name || token.text[0] == '.')
    lexer.fail("expected a name, found " + describe(token));
  return std::string(lexer.take().text);
}

Type parseTypeDirective(Lexer &lexer) {
  const Token &token = lexer.peek();
  std::optional<Type> type;
  if (token.kind == TokenKind::Name && token.text[0] == '.')
    type = parseType(token.text.substr(1));
  if (!type)
    lexer.fail("expected a type, found " + describe(token));
  lexer.take();
  return *type;
}

static uint32_t parseAlignment(Lexer &lexer) {
  uint64_t alignment = parseCount(lexer, 65537, "an alignment");
  if (alignment == 0 || (alignment & (alignment - 1)))
    lexer.fail("the alignment " + std::to_string(alignment) + " is no power of two");
  return static_cast<uint32_t>(alignment);
}

/// `.ptr .global .align 16` says what a parameter points to; nobody needs to know.
static void skipPointee(Lexer &lexer) {
  if (!lexer.accept(".ptr"))
    return;
  if (parseSpace(lexer.peek().text))
    lexer.take();
  if (lexer.accept(".align"))
    parseAlignment(lexer);
}

static Initialiser parseInitialiser(Lexer &lexer) {
  Initialiser value;
  TokenKind kind = lexer.peek().kind;
  if (kind == TokenKind::Float32 || kind == TokenKind::Float64) {
    value.bits = lexer.take().bits;
  } else if (kind == TokenKind::Name) {
    value.generic = lexer.accept("generic");
    if (value.generic)
      lexer.expect("(");
    value.symbol = parseDeclaredName(lexer);
    if (value.generic)
      lexer.expect(")");
    if (lexer.peek().is("+") || lexer.peek().is("-"))
      value.bits = parseInteger(lexer);
  } else {
    value.bits = parseInteger(lexer);
  }
  return value;
}

/// A value, or nested lists of values, flattened: what a list leaves out is zero, so every inner
/// list must be full.
static void parseInitialisers(Lexer &lexer, Variable &variable, unsigned depth) {
  if (depth > 8)
    lexer.fail("the initialiser of '" + variable.name + "' is nested too deeply");
  if (!lexer.accept("{")) {
    variable.initialisers.push_back(parseInitialiser(lexer));
    return;
  }
  while (!lexer.accept("}")) {
    parseInitialisers(lexer, variable, depth + 1);
    if (!lexer.peek().is("}"))
      lexer.expect(",");
  }
}

/// `[4][8]`, or `[]` of unknown length.
static void parseLengths(Lexer &lexer, Variable &variable) {
  while (lexer.accept("[")) {
    uint64_t length = 0;
    if (!lexer.peek().is("]"))
      length = parseCount(lexer, maxVariableBytes, "the length of an array");
    lexer.expect("]");
    if (length && variable.count * length * bytesOf(variable.type) > maxVariableBytes)
      lexer.fail("the array '" + variable.name + "' is too large");
    variable.count *= length;
  }
}

Variable parseVariable(Lexer &lexer, Space space) {
  Variable variable;
  variable.space = space;
  variable.line = lexer.peek().line;
  uint32_t alignment = 0;
  if (lexer.accept(".align"))
    alignment = parseAlignment(lexer);
  if (lexer.accept(".v2"))
    variable.count = 2;
  else if (lexer.accept(".v4"))
    variable.count = 4;
  variable.type = parseTypeDirective(lexer);
  if (bytesOf(variable.type) == 0)
    lexer.fail("a variable cannot have the type ." + std::string(nameOf(variable.type)));
  variable.alignment = alignment ? alignment : bytesOf(variable.type) * variable.count;
  skipPointee(lexer);
  if (lexer.accept(".align"))
    variable.alignment = parseAlignment(lexer);
  variable.name = parseDeclaredName(lexer);
  parseLengths(lexer, variable);
  if (lexer.accept("=")) {
    parseInitialisers(lexer, variable, 0);
    if (variable.count == 0)
      variable.count = variable.initialisers.size();
    if (variable.initialisers.size() > variable.count)
      lexer.fail("'" + variable.name + "' has " + std::to_string(variable.initialisers.size()) +
                 " initial values for " + std::to_string(variable.count) + " elements");
  }
  return variable;
}

} // namespace tenon::sim
