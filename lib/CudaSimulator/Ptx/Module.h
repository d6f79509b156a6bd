// A PTX module as it is written: declarations, and functions as lists of statements. Nothing is
// resolved or checked against the instruction set here; lib/CudaSimulator/Decode does that.
#ifndef TENON_LIB_CUDASIMULATOR_PTX_MODULE_H
#define TENON_LIB_CUDASIMULATOR_PTX_MODULE_H

#include "lib/CudaSimulator/Ptx/Types.h"
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tenon::sim {

enum class Space : uint8_t { Generic, Global, Const, Shared, SharedCluster, Local, Param };

/// One operand of a statement.
struct Operand {
  enum class Kind : uint8_t {
    Register, ///< `name`, or a special register (`%tid.x`)
    Integer,  ///< `bits`
    Float32,  ///< `bits` in the low half
    Float64,  ///< `bits`
    Symbol,   ///< a variable, function or label: `name`
    Vector,   ///< {a, b}: `parts`
    Address,  ///< [a+offset, b, …]: `parts`, the first with its `offset`
    Sink,     ///< `_`
    List,     ///< (a, b) of a call: `parts`
  };
  Kind kind = Kind::Sink;
  bool negated = false; ///< !p
  std::string name;
  uint64_t bits = 0;
  int64_t offset = 0;
  std::vector<Operand> parts;
};

/// `@guard opcode.modifiers operands;`
struct Statement {
  uint32_t line = 0;
  std::string opcode;                 ///< "ld"
  std::vector<std::string> modifiers; ///< "global", "v2", "b32"
  std::vector<Operand> operands;
  std::string guard; ///< the predicate's name; empty without one
  bool guardNegated = false;
};

/// A number or the address of another variable, in an initialiser.
struct Initialiser {
  uint64_t bits = 0;
  std::string symbol; ///< if not empty: its (generic) address plus `bits`
  bool generic = false;
};

struct Variable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::B8;
  uint64_t count = 1; ///< elements; 0 for `x[]`
  uint32_t alignment = 1;
  bool isExternal = false;
  std::vector<Initialiser> initialisers;
  uint32_t line = 0;

  uint64_t bytes() const { return count * bytesOf(type); }
};

/// A variable of `.reg`.
struct Register {
  std::string name;
  Type type;
};

/// A function or kernel. Names of nested scopes are made unique by the parser, so that registers,
/// labels and variables are flat lists.
struct Function {
  std::string name;
  bool isKernel = false;
  bool isDeclaration = false;
  uint32_t line = 0;
  std::vector<Variable> results;    ///< of a device function
  std::vector<Variable> parameters; ///< in `.param` space (or registers' types)
  std::vector<Register> registers;
  std::vector<Variable> variables; ///< `.shared`, `.local` and `.param` of the body
  std::vector<Statement> statements;
  std::map<std::string, uint32_t> labels; ///< number of the statement that follows
  std::map<std::string, std::vector<std::string>> branchTargets;

  uint32_t maxThreads[3] = {0, 0, 0};      ///< .maxntid; 0 where not given
  uint32_t requiredThreads[3] = {0, 0, 0}; ///< .reqntid
  uint32_t requiredCluster[3] = {0, 0, 0}; ///< .reqnctapercluster
  uint32_t maxRegisters = 0;               ///< .maxnreg
};

struct Module {
  uint32_t version = 0; ///< major * 10 + minor: 80 for 8.0
  std::string target;   ///< "sm_90a"
  std::vector<Variable> variables;
  std::vector<std::unique_ptr<Function>> functions;

  const Function *find(std::string_view name) const {
    for (const auto &function : functions)
      if (function->name == name && !function->isDeclaration)
        return function.get();
    return nullptr;
  }
};

} // namespace tenon::sim

#endif
