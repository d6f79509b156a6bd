// Registers and variables are declared before they are used, so their names are looked up while
// reading; a label may follow its use, so labels are resolved at the end, from the scope of the
// statement outwards. A name that is taken gets a suffix that no PTX name can have ("#2").

#include "lib/CudaSimulator/Ptx/FunctionParser.h"
#include "lib/CudaSimulator/Ptx/DeclarationParser.h"

namespace tenon::sim {

/// More registers or deeper nesting is a broken text.
static constexpr uint64_t maxRegisters = 1 << 20;
static constexpr unsigned maxOperandDepth = 4;

std::string FunctionParser::declare(const std::string &name) {
  std::string unique = name;
  for (unsigned i = 2; !taken.insert(unique).second; ++i)
    unique = name + "#" + std::to_string(i);
  if (!scopes[current].names.emplace(name, unique).second)
    lexer.fail("'" + name + "' is declared twice");
  return unique;
}

std::string FunctionParser::lookUp(std::string_view name) const {
  for (int scope = current; scope >= 0; scope = scopes[scope].parent) {
    auto it = scopes[scope].names.find(name);
    if (it != scopes[scope].names.end())
      return it->second;
  }
  return std::string(name);
}

void FunctionParser::addRegister(const std::string &name, Type type) {
  if (function.registers.size() >= maxRegisters)
    lexer.fail("a function has more than " + std::to_string(maxRegisters) + " registers");
  function.registers.push_back({declare(name), type});
}

/// `.reg .b32 %a, %r<5>;`: r<5> are %r0 to %r4.
void FunctionParser::parseRegisters() {
  Type type = parseTypeDirective(lexer);
  do {
    std::string name = parseDeclaredName(lexer);
    if (lexer.accept("<")) {
      uint64_t count = parseCount(lexer, maxRegisters, "a number of registers");
      lexer.expect(">");
      for (uint64_t i = 0; i < count; ++i)
        addRegister(name + std::to_string(i), type);
    } else {
      addRegister(name, type);
    }
  } while (lexer.accept(","));
  lexer.expect(";");
}

void FunctionParser::parseVariables(Space space) {
  do {
    Variable variable = parseVariable(lexer, space);
    variable.name = declare(variable.name);
    function.variables.push_back(std::move(variable));
  } while (lexer.accept(","));
  lexer.expect(";");
}

void FunctionParser::skipToSemicolon() {
  while (!lexer.accept(";")) {
    if (lexer.peek().kind == TokenKind::End)
      lexer.fail("expected ';', found the end of the text");
    lexer.take();
  }
}

void FunctionParser::parseDirective() {
  Token directive = lexer.take();
  if (directive.is(".reg"))
    return parseRegisters();
  if (std::optional<Space> space = parseSpace(directive.text))
    return parseVariables(*space);
  if (directive.is(".pragma"))
    return skipToSemicolon();
  if (directive.is(".loc")) {
    // `.loc file line column` with options, on one line, without an end of its own.
    while (lexer.peek().kind != TokenKind::End && lexer.peek().line == directive.line)
      lexer.take();
    return;
  }
  throw PtxError(directive.line, "unknown directive " + describe(directive) + " in a function");
}

/// `label: .branchtargets a, b;` is a table of `brx.idx`. A prototype says how a function that is
/// called through its address looks.
void FunctionParser::parseLabelDirective(const std::string &label) {
  if (lexer.accept(".callprototype"))
    return skipToSemicolon();
  lexer.expect(".branchtargets");
  std::vector<std::string> &targets = function.branchTargets[label];
  do {
    targets.push_back(parseDeclaredName(lexer));
  } while (lexer.accept(","));
  lexer.expect(";");
}

void FunctionParser::declareLabel(const std::string &name, uint32_t line) {
  std::string unique = name;
  for (unsigned i = 2; function.labels.count(unique); ++i)
    unique = name + "#" + std::to_string(i);
  if (!scopes[current].labels.emplace(name, unique).second)
    throw PtxError(line, "the label '" + name + "' is declared twice");
  function.labels[unique] = static_cast<uint32_t>(function.statements.size());
}

void FunctionParser::parseItem() {
  const Token &token = lexer.peek();
  if (lexer.accept("{")) {
    scopes.push_back({current, {}, {}});
    current = static_cast<int>(scopes.size()) - 1;
    if (scopes.size() > maxRegisters)
      lexer.fail("a function has too many scopes");
    return;
  }
  if (lexer.accept("}")) {
    current = scopes[current].parent;
    return;
  }
  if (lexer.accept(";"))
    return;
  if (token.kind == TokenKind::End)
    lexer.fail("the function '" + function.name + "' does not end");
  if (token.kind == TokenKind::Name && token.text[0] == '.')
    return parseDirective();
  parseStatement();
}

void FunctionParser::parseBody() {
  lexer.expect("{");
  scopes.push_back({-1, {}, {}});
  current = 0;
  for (const std::vector<Variable> *list : {&function.results, &function.parameters})
    for (const Variable &variable : *list)
      declare(variable.name);
  while (current >= 0)
    parseItem();
  resolveLabels();
}

/// "ld.global.v2.b32" as "ld" and its modifiers.
static void splitOpcode(std::string_view name, Statement &statement) {
  size_t dot = name.find('.');
  statement.opcode = name.substr(0, dot);
  while (dot != std::string_view::npos) {
    size_t next = name.find('.', dot + 1);
    statement.modifiers.emplace_back(name.substr(dot + 1, next - dot - 1));
    dot = next;
  }
}

void FunctionParser::parseStatement() {
  Statement statement;
  statement.line = lexer.peek().line;
  if (lexer.accept("@")) {
    statement.guardNegated = lexer.accept("!");
    statement.guard = lookUp(parseDeclaredName(lexer));
  }
  Token name = lexer.peek();
  if (name.kind != TokenKind::Name)
    lexer.fail("expected an instruction, found " + describe(name));
  lexer.take();
  if (statement.guard.empty() && lexer.accept(":")) {
    std::string label(name.text);
    if (lexer.peek().is(".branchtargets") || lexer.peek().is(".callprototype"))
      return parseLabelDirective(label);
    return declareLabel(label, name.line);
  }
  splitOpcode(name.text, statement);
  if (!lexer.peek().is(";"))
    do {
      statement.operands.push_back(parseOperand());
    } while (lexer.accept(","));
  lexer.expect(";");
  scopeOfStatement.push_back(current);
  function.statements.push_back(std::move(statement));
}

Operand FunctionParser::parseName() {
  Operand operand;
  std::string_view text = lexer.take().text;
  if (text == "_") {
    if (lexer.accept("|"))
      operand.parts.push_back(parseName());
    return operand;
  }
  operand.name = lookUp(text);
  operand.kind = text[0] == '%' ? Operand::Kind::Register : Operand::Kind::Symbol;
  parseOffset(operand);
  // `d|p`: the second destination is the only part.
  if (lexer.accept("|"))
    operand.parts.push_back(parseName());
  return operand;
}

void FunctionParser::parseOffset(Operand &operand) {
  if (lexer.accept("+"))
    operand.offset = static_cast<int64_t>(parseInteger(lexer));
  else if (lexer.peek().is("-"))
    operand.offset = static_cast<int64_t>(parseInteger(lexer));
}

Operand FunctionParser::parseNumber() {
  Operand operand;
  TokenKind kind = lexer.peek().kind;
  operand.kind = kind == TokenKind::Float32   ? Operand::Kind::Float32
                 : kind == TokenKind::Float64 ? Operand::Kind::Float64
                                              : Operand::Kind::Integer;
  operand.bits = kind == TokenKind::Float32 || kind == TokenKind::Float64 ? lexer.take().bits
                                                                          : parseInteger(lexer);
  return operand;
}

Operand FunctionParser::parseList(const char *end, Operand::Kind kind, unsigned depth) {
  Operand list;
  list.kind = kind;
  while (!lexer.accept(end)) {
    list.parts.push_back(parseOperand(depth + 1));
    if (!lexer.peek().is(end))
      lexer.expect(",");
  }
  return list;
}

/// `[a+4]`, `[map, {x, y}]`: the base takes the offset.
Operand FunctionParser::parseAddress(unsigned depth) {
  Operand address = parseList("]", Operand::Kind::Address, depth);
  if (address.parts.empty())
    lexer.fail("an address is empty");
  address.offset = address.parts[0].offset;
  address.parts[0].offset = 0;
  return address;
}

Operand FunctionParser::parseOperand(unsigned depth) {
  if (depth > maxOperandDepth)
    lexer.fail("an operand is nested too deeply");
  if (lexer.accept("{"))
    return parseList("}", Operand::Kind::Vector, depth);
  if (lexer.accept("("))
    return parseList(")", Operand::Kind::List, depth);
  if (lexer.accept("["))
    return parseAddress(depth);
  if (lexer.accept("!")) {
    Operand operand = parseOperand(depth + 1);
    operand.negated = !operand.negated;
    return operand;
  }
  TokenKind kind = lexer.peek().kind;
  if (kind == TokenKind::Name)
    return parseName();
  if (kind == TokenKind::Integer || kind == TokenKind::Float32 || kind == TokenKind::Float64 ||
      lexer.peek().is("-"))
    return parseNumber();
  lexer.fail("expected an operand, found " + describe(lexer.peek()));
}

void FunctionParser::resolveLabels(Operand &operand, int scope) {
  for (Operand &part : operand.parts)
    resolveLabels(part, scope);
  if (operand.kind != Operand::Kind::Symbol)
    return;
  for (; scope >= 0; scope = scopes[scope].parent) {
    auto it = scopes[scope].labels.find(operand.name);
    if (it != scopes[scope].labels.end()) {
      operand.name = it->second;
      return;
    }
  }
}

void FunctionParser::resolveLabels() {
  for (size_t i = 0; i < function.statements.size(); ++i)
    for (Operand &operand : function.statements[i].operands)
      resolveLabels(operand, scopeOfStatement[i]);
}

} // namespace tenon::sim
