// What the decoders of instructions work with: one statement, read modifier by modifier.
//
// A decoder takes modifiers in the order of the instruction set and what is left over is an error,
// so that no modifier is ever ignored. Operands are asked for with the type that the instruction
// gives them; a register of another size is an error, as in NVIDIA's assembler.
#ifndef TENON_LIB_CUDASIMULATOR_DECODE_BUILDER_H
#define TENON_LIB_CUDASIMULATOR_DECODE_BUILDER_H

#include "lib/CudaSimulator/Decode/Program.h"
#include "lib/CudaSimulator/Ptx/Lexer.h"
#include <initializer_list>
#include <string_view>
#include <unordered_map>

namespace tenon::sim {

/// Where a symbol of the module is.
struct SymbolPlace {
  Space space;
  uint64_t address;
};

/// Resolves names while a kernel is decoded.
class Resolver {
public:
  virtual ~Resolver() = default;
  virtual Slot constant(uint64_t bits) = 0;
  /// A register's slot and type, or false.
  virtual bool findRegister(const std::string &name, Slot &slot, Type &type) = 0;
  virtual bool findSymbol(const std::string &name, SymbolPlace &place) = 0;
  virtual bool findLabel(const std::string &name, uint32_t &pc) = 0;
  virtual const std::vector<std::string> *findTargets(const std::string &name) = 0;
  /// Where a function starts, and the places of its results and parameters in `.param` space.
  struct Callee {
    uint32_t entry;
    std::vector<ParameterPlace> results, parameters;
  };
  virtual const Callee *findFunction(const std::string &name) = 0;
  virtual const Module &module() const = 0;
};

class Builder {
public:
  Builder(const Statement &statement, Resolver &resolver, Instruction &instruction,
          Program &program)
      : statement(statement), resolver(resolver), instruction(instruction), program(program) {}

  [[noreturn]] void fail(const std::string &message) const;

  /// The module must be of this PTX version (80 for 8.0) and target (90 for sm_90) or a later one;
  /// `specific`: of exactly this architecture (sm_90a).
  void require(uint32_t version, unsigned architecture, bool specific) const;
  /// The number of the module's target (90 for sm_90a).
  unsigned architecture() const;

  // Modifiers, in order.
  bool accept(std::string_view modifier);
  void expect(std::string_view modifier);
  /// The number of the modifier in `choices` that comes next, or -1.
  int acceptOneOf(std::initializer_list<std::string_view> choices);
  int expectOneOf(std::initializer_list<std::string_view> choices);
  /// The next modifier as a type.
  std::optional<Type> acceptType();
  Type expectType();
  Type expectType(std::initializer_list<Type> choices);
  std::string_view peek(size_t ahead = 0) const;
  std::string_view take();
  /// No modifier may be left.
  void end() const;

  // Operands. Each call takes the next one of the statement.
  size_t operandsLeft() const { return statement.operands.size() - nextOperand; }
  const Operand &peekOperand() const;
  const Operand &takeOperand();
  bool peekOperandIs(Operand::Kind kind) const {
    return operandsLeft() && peekOperand().kind == kind;
  }
  /// A destination register of the type's size, or `_`.
  void destination(Type type);
  /// A destination that may be wider than the type (`ld`, `cvt`); sets the result's mask.
  void wideDestination(Type type);
  void predicateDestination();
  /// A source: register, number or address of a symbol.
  void source(Type type);
  /// A source register that may be wider than the type (`st`, `cvt`).
  void wideSource(Type type);
  void predicateSource();
  /// The elements of a vector in braces, or a single operand where count is 1.
  void destinations(Type type, size_t count);
  void wideDestinations(Type type, size_t count);
  void sources(Type type, size_t count);
  void wideSources(Type type, size_t count);
  /// `[base+offset]`: the base as an operand, the offset in the instruction.
  void address();
  /// Same for an operand that was already taken.
  void address(const Operand &operand);
  /// The base of an address: a register of 32 or 64 bits, a symbol or a number.
  Slot addressSlot(const Operand &base);
  /// Any operand by itself.
  void push(Slot slot) { slots.push_back(slot); }
  Slot sourceSlot(const Operand &operand, Type type, bool wide = false);
  Slot destinationSlot(const Operand &operand, Type type, bool wide = false);
  Slot predicateSlot(const Operand &operand);
  /// A predicate operand that may be negated (`!p`), as a flag in the return value.
  bool negatablePredicate();
  /// A number that must be known when decoding.
  uint64_t immediate();
  uint64_t immediate(const Operand &operand);
  uint32_t label(const Operand &operand);

  /// The details of the instruction, which the program keeps.
  template <typename T> T &details() {
    auto owned = std::make_unique<T>();
    T &result = *owned;
    program.details.push_back(std::move(owned));
    instruction.details = &result;
    return result;
  }

  /// Writes the operands into the instruction; all of the statement's must have been taken.
  void finish();

  const Statement &statement;
  Resolver &resolver;
  Instruction &instruction;
  Program &program;

private:
  const std::vector<Operand> &elements(const Operand &operand, size_t count);

  size_t nextModifier = 0, nextOperand = 0;
  std::vector<Slot> slots;
  std::vector<Operand> single;
};

using Decoder = void (*)(Builder &);

/// Opcodes with their decoders.
using OpcodeTable = std::unordered_map<std::string_view, Decoder>;

/// Every family of instructions adds its opcodes.
void addArithmetic(OpcodeTable &table);
void addBits(OpcodeTable &table);
void addFloatMath(OpcodeTable &table);
void addComparisons(OpcodeTable &table);
void addConversions(OpcodeTable &table);
void addMoves(OpcodeTable &table);
void addMemory(OpcodeTable &table);
void addAtomics(OpcodeTable &table);
void addControl(OpcodeTable &table);
void addBarriers(OpcodeTable &table);
void addCommunication(OpcodeTable &table);
void addCopies(OpcodeTable &table);
void addMatrixMoves(OpcodeTable &table);
void addMatrixProducts(OpcodeTable &table);
void addMbarriers(OpcodeTable &table);
void addWarpgroupProducts(OpcodeTable &table);

} // namespace tenon::sim

#endif
