// What stands outside of functions: versions, variables, functions with their parameters and
// performance directives. Debug information (`.file`, `.section`) is skipped.

#include "lib/CudaSimulator/Ptx/Parser.h"
#include "lib/CudaSimulator/Ptx/DeclarationParser.h"
#include "lib/CudaSimulator/Ptx/FunctionParser.h"

namespace tenon::sim {

namespace {

class ModuleParser {
public:
  explicit ModuleParser(std::string_view text) : lexer(text) {}

  Module parse();

private:
  void parseItem();
  void parseVersion();
  void parseTarget();
  void parseFunction(bool isKernel, bool isExternal);
  std::vector<Variable> parseParameters();
  void parseFunctionDirectives(Function &function);
  void parseDimensions(uint32_t (&dimensions)[3]);
  void skipSection();

  Lexer lexer;
  Module module;
};

} // namespace

/// ".version 8.0": the lexer sees 8 and ".0".
void ModuleParser::parseVersion() {
  uint64_t major = parseCount(lexer, 100, "the PTX version");
  Token minor = lexer.take();
  if (minor.text.size() != 2 || minor.text[0] != '.' || minor.text[1] < '0' || minor.text[1] > '9')
    throw PtxError(minor.line, "expected a PTX version like 8.0");
  module.version = static_cast<uint32_t>(major * 10 + (minor.text[1] - '0'));
}

void ModuleParser::parseTarget() {
  module.target = parseDeclaredName(lexer);
  while (lexer.accept(","))
    parseDeclaredName(lexer);
}

std::vector<Variable> ModuleParser::parseParameters() {
  std::vector<Variable> parameters;
  lexer.expect("(");
  while (!lexer.accept(")")) {
    bool isRegister = lexer.accept(".reg");
    if (!isRegister)
      lexer.expect(".param");
    parameters.push_back(parseVariable(lexer, Space::Param));
    if (isRegister)
      lexer.fail("parameters in registers are not supported ('" + parameters.back().name + "')");
    if (!lexer.peek().is(")"))
      lexer.expect(",");
  }
  return parameters;
}

void ModuleParser::parseDimensions(uint32_t (&dimensions)[3]) {
  for (uint32_t &dimension : dimensions)
    dimension = 1;
  for (unsigned i = 0; i < 3; ++i) {
    dimensions[i] = static_cast<uint32_t>(parseCount(lexer, 1 << 20, "a number of threads"));
    if (!lexer.accept(","))
      return;
  }
}

void ModuleParser::parseFunctionDirectives(Function &function) {
  while (true) {
    if (lexer.accept(".maxntid"))
      parseDimensions(function.maxThreads);
    else if (lexer.accept(".reqntid"))
      parseDimensions(function.requiredThreads);
    else if (lexer.accept(".reqnctapercluster"))
      parseDimensions(function.requiredCluster);
    else if (lexer.accept(".maxnreg"))
      function.maxRegisters = static_cast<uint32_t>(parseCount(lexer, 1 << 16, ".maxnreg"));
    else if (lexer.accept(".minnctapersm") || lexer.accept(".maxnctapersm") ||
             lexer.accept(".maxclusterrank"))
      parseInteger(lexer);
    else if (!lexer.accept(".noreturn") && !lexer.accept(".explicitcluster") &&
             !lexer.accept(".blocksareclusters"))
      return;
  }
}

void ModuleParser::parseFunction(bool isKernel, bool isExternal) {
  auto function = std::make_unique<Function>();
  function->isKernel = isKernel;
  function->line = lexer.peek().line;
  if (lexer.peek().is("("))
    function->results = parseParameters();
  function->name = parseDeclaredName(lexer);
  if (lexer.peek().is("("))
    function->parameters = parseParameters();
  parseFunctionDirectives(*function);
  function->isDeclaration = lexer.accept(";");
  if (!function->isDeclaration) {
    if (isExternal)
      lexer.fail("the external function '" + function->name + "' has a body");
    if (module.find(function->name))
      lexer.fail("the function '" + function->name + "' is defined twice");
    FunctionParser(lexer, *function).parseBody();
  }
  module.functions.push_back(std::move(function));
}

/// `.section .debug_info { … }`
void ModuleParser::skipSection() {
  while (!lexer.peek().is("{")) {
    if (lexer.peek().kind == TokenKind::End)
      lexer.fail("expected '{', found the end of the text");
    lexer.take();
  }
  while (!lexer.accept("}")) {
    if (lexer.peek().kind == TokenKind::End)
      lexer.fail("a section does not end");
    lexer.take();
  }
}

void ModuleParser::parseItem() {
  bool isExternal = false;
  while (true) {
    if (lexer.accept(".extern"))
      isExternal = true;
    else if (!lexer.accept(".visible") && !lexer.accept(".weak") && !lexer.accept(".common"))
      break;
  }
  Token directive = lexer.take();
  if (directive.is(".entry") || directive.is(".func"))
    return parseFunction(directive.is(".entry"), isExternal);
  std::optional<Space> space = parseSpace(directive.text);
  if (space && *space != Space::Local && *space != Space::Param) {
    do {
      module.variables.push_back(parseVariable(lexer, *space));
      module.variables.back().isExternal = isExternal;
    } while (lexer.accept(","));
    lexer.expect(";");
    return;
  }
  if (directive.is(".section"))
    return skipSection();
  if (directive.is(".file")) {
    while (lexer.peek().kind != TokenKind::End && lexer.peek().line == directive.line)
      lexer.take();
    return;
  }
  if (directive.is(".pragma")) {
    lexer.take();
    lexer.expect(";");
    return;
  }
  throw PtxError(directive.line, "unknown directive " + describe(directive));
}

Module ModuleParser::parse() {
  lexer.expect(".version");
  parseVersion();
  lexer.expect(".target");
  parseTarget();
  if (lexer.accept(".address_size")) {
    Token size = lexer.peek();
    if (parseInteger(lexer) != 64)
      throw PtxError(size.line, "only addresses of 64 bits are supported");
  }
  while (lexer.peek().kind != TokenKind::End)
    parseItem();
  return std::move(module);
}

Module parseModule(std::string_view text) { return ModuleParser(text).parse(); }

} // namespace tenon::sim
