// The body of a function: registers, variables, labels and statements of nested scopes.
#ifndef TENON_LIB_CUDASIMULATOR_PTX_FUNCTIONPARSER_H
#define TENON_LIB_CUDASIMULATOR_PTX_FUNCTIONPARSER_H

#include "lib/CudaSimulator/Ptx/Lexer.h"
#include "lib/CudaSimulator/Ptx/Module.h"
#include <set>

namespace tenon::sim {

class FunctionParser {
public:
  FunctionParser(Lexer &lexer, Function &function) : lexer(lexer), function(function) {}

  /// From `{` to its `}`.
  void parseBody();

private:
  /// Names that a pair of braces introduces, with the unique ones that they stand for.
  struct Scope {
    int parent;
    std::map<std::string, std::string, std::less<>> names;
    std::map<std::string, std::string, std::less<>> labels;
  };

  void parseItem();
  void parseDirective();
  void parseRegisters();
  void parseVariables(Space space);
  void parseStatement();
  void parseLabelDirective(const std::string &label);
  void skipToSemicolon();
  Operand parseOperand(unsigned depth = 0);
  Operand parseName();
  Operand parseNumber();
  Operand parseList(const char *end, Operand::Kind kind, unsigned depth);
  Operand parseAddress(unsigned depth);
  void parseOffset(Operand &operand);

  std::string declare(const std::string &name);
  std::string lookUp(std::string_view name) const;
  void addRegister(const std::string &name, Type type);
  void declareLabel(const std::string &name, uint32_t line);
  void resolveLabels();
  void resolveLabels(Operand &operand, int scope);

  Lexer &lexer;
  Function &function;
  std::vector<Scope> scopes;
  int current = -1;
  std::vector<int> scopeOfStatement;
  std::set<std::string> taken;
};

} // namespace tenon::sim

#endif
