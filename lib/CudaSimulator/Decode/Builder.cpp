// Modifiers and operands of one statement.

#include "lib/CudaSimulator/Decode/Builder.h"
#include <cstdio>

namespace tenon::sim {

void Builder::fail(const std::string &message) const {
  std::string text = statement.opcode;
  for (const std::string &modifier : statement.modifiers)
    text += "." + modifier;
  throw PtxError(statement.line, "'" + text + "': " + message);
}

unsigned Builder::architecture() const {
  unsigned number = 0;
  std::sscanf(resolver.module().target.c_str(), "sm_%u", &number);
  return number;
}

void Builder::require(uint32_t version, unsigned architecture, bool specific) const {
  const Module &module = resolver.module();
  if (module.version < version)
    fail("needs PTX " + std::to_string(version / 10) + "." + std::to_string(version % 10) +
         ", the module is of " + std::to_string(module.version / 10) + "." +
         std::to_string(module.version % 10));
  char suffix = module.target.back();
  unsigned target = this->architecture();
  bool fits = specific ? target == architecture && suffix == 'a' : target >= architecture;
  if (!fits)
    fail("needs the target sm_" + std::to_string(architecture) + (specific ? "a" : "") +
         ", the module is for " + module.target);
}

std::string_view Builder::peek(size_t ahead) const {
  size_t at = nextModifier + ahead;
  return at < statement.modifiers.size() ? statement.modifiers[at] : std::string_view();
}

std::string_view Builder::take() {
  std::string_view modifier = peek();
  if (!modifier.empty())
    ++nextModifier;
  return modifier;
}

bool Builder::accept(std::string_view modifier) {
  if (peek() != modifier)
    return false;
  ++nextModifier;
  return true;
}

static std::string describe(std::string_view modifier) {
  return modifier.empty() ? "none" : "'." + std::string(modifier) + "'";
}

void Builder::expect(std::string_view modifier) {
  if (!accept(modifier))
    fail("expected the modifier '." + std::string(modifier) + "', found " + describe(peek()));
}

int Builder::acceptOneOf(std::initializer_list<std::string_view> choices) {
  int number = 0;
  for (std::string_view choice : choices) {
    if (accept(choice))
      return number;
    ++number;
  }
  return -1;
}

int Builder::expectOneOf(std::initializer_list<std::string_view> choices) {
  int number = acceptOneOf(choices);
  if (number >= 0)
    return number;
  std::string list;
  for (std::string_view choice : choices)
    list += (list.empty() ? "'." : ", '.") + std::string(choice) + "'";
  fail("expected one of the modifiers " + list + ", found " + describe(peek()));
}

std::optional<Type> Builder::acceptType() {
  std::optional<Type> type = parseType(peek());
  if (type)
    ++nextModifier;
  return type;
}

Type Builder::expectType() {
  if (std::optional<Type> type = acceptType())
    return *type;
  fail("expected a type, found " + describe(peek()));
}

Type Builder::expectType(std::initializer_list<Type> choices) {
  Type type = expectType();
  for (Type choice : choices)
    if (type == choice)
      return type;
  fail("the type ." + std::string(nameOf(type)) + " is not supported here");
}

void Builder::end() const {
  if (!peek().empty())
    fail("unknown or misplaced modifier " + describe(peek()));
}

const Operand &Builder::peekOperand() const {
  if (!operandsLeft())
    fail("has " + std::to_string(statement.operands.size()) + " operands, which are too few");
  return statement.operands[nextOperand];
}

const Operand &Builder::takeOperand() {
  const Operand &operand = peekOperand();
  ++nextOperand;
  return operand;
}

/// Whether a register of this size may stand where an instruction has `type`.
static bool fits(Type registerType, Type type, bool wide) {
  unsigned have = bitsOf(registerType), want = bitsOf(type);
  // The smallest registers of programs have 16 bits.
  if (have == want || (want == 8 && have == 16))
    return true;
  return wide && have > want;
}

Slot Builder::destinationSlot(const Operand &operand, Type type, bool wide) {
  // What is written to `_` goes to a row that nobody reads.
  if (operand.kind == Operand::Kind::Sink)
    return (program.rows += 2) - 2;
  Slot slot;
  Type registerType;
  if (operand.kind != Operand::Kind::Register && operand.kind != Operand::Kind::Symbol)
    fail("the destination must be a register");
  if (!resolver.findRegister(operand.name, slot, registerType))
    fail("unknown register '" + operand.name + "'");
  if (registerType == Type::Pred || !fits(registerType, type, wide))
    fail("the register '" + operand.name + "' of type ." + std::string(nameOf(registerType)) +
         " does not fit ." + std::string(nameOf(type)));
  if (wide)
    instruction.resultMask =
        bitsOf(registerType) >= 64 ? ~uint64_t(0) : (uint64_t(1) << bitsOf(registerType)) - 1;
  return slot;
}

Slot Builder::sourceSlot(const Operand &operand, Type type, bool wide) {
  switch (operand.kind) {
  case Operand::Kind::Integer: {
    // Numbers may be written with any sign; a float operand takes only floats.
    unsigned bits = bitsOf(type);
    return resolver.constant(bits >= 64 ? operand.bits
                                        : operand.bits & ((uint64_t(1) << bits) - 1));
  }
  case Operand::Kind::Float32:
    if (bitsOf(type) == 64) {
      float value;
      uint32_t bits = static_cast<uint32_t>(operand.bits);
      __builtin_memcpy(&value, &bits, sizeof value);
      double wideValue = value;
      uint64_t wideBits;
      __builtin_memcpy(&wideBits, &wideValue, sizeof wideBits);
      return resolver.constant(wideBits);
    }
    return resolver.constant(operand.bits);
  case Operand::Kind::Float64:
    if (bitsOf(type) != 64)
      fail("a number of 64 bits does not fit ." + std::string(nameOf(type)));
    return resolver.constant(operand.bits);
  case Operand::Kind::Register:
  case Operand::Kind::Symbol:
    break;
  default:
    fail("expected a register or a number as operand");
  }
  Slot slot = findSpecial(operand.name);
  if (slot != SpecialSlots)
    return slot;
  Type registerType;
  if (resolver.findRegister(operand.name, slot, registerType)) {
    if (registerType == Type::Pred || !fits(registerType, type, wide))
      fail("the register '" + operand.name + "' of type ." + std::string(nameOf(registerType)) +
           " does not fit ." + std::string(nameOf(type)));
    return slot;
  }
  SymbolPlace place;
  if (!resolver.findSymbol(operand.name, place))
    fail("unknown name '" + operand.name + "'");
  return resolver.constant(place.address + static_cast<uint64_t>(operand.offset));
}

Slot Builder::predicateSlot(const Operand &operand) {
  if (operand.kind == Operand::Kind::Sink)
    return program.rows++;
  if (operand.kind == Operand::Kind::Integer)
    return resolver.constant(operand.bits ? allLanes : 0);
  Slot slot;
  Type type;
  if (!resolver.findRegister(operand.name, slot, type))
    fail("unknown register '" + operand.name + "'");
  if (type != Type::Pred)
    fail("'" + operand.name + "' is no predicate");
  return slot;
}

void Builder::destination(Type type) { slots.push_back(destinationSlot(takeOperand(), type)); }
void Builder::wideDestination(Type type) {
  slots.push_back(destinationSlot(takeOperand(), type, true));
}
void Builder::predicateDestination() { slots.push_back(predicateSlot(takeOperand())); }
void Builder::source(Type type) { slots.push_back(sourceSlot(takeOperand(), type)); }
void Builder::wideSource(Type type) { slots.push_back(sourceSlot(takeOperand(), type, true)); }
void Builder::predicateSource() {
  const Operand &operand = takeOperand();
  if (operand.negated)
    fail("the predicate may not be negated");
  slots.push_back(predicateSlot(operand));
}

bool Builder::negatablePredicate() {
  const Operand &operand = takeOperand();
  slots.push_back(predicateSlot(operand));
  return operand.negated;
}

const std::vector<Operand> &Builder::elements(const Operand &operand, size_t count) {
  if (operand.kind != Operand::Kind::Vector) {
    single.assign(1, operand);
    if (count != 1)
      fail("expected a vector of " + std::to_string(count) + " registers");
    return single;
  }
  if (operand.parts.size() != count)
    fail("expected a vector of " + std::to_string(count) + " registers, found " +
         std::to_string(operand.parts.size()));
  return operand.parts;
}

void Builder::destinations(Type type, size_t count) {
  for (const Operand &element : elements(takeOperand(), count))
    slots.push_back(destinationSlot(element, type));
}
void Builder::wideDestinations(Type type, size_t count) {
  for (const Operand &element : elements(takeOperand(), count))
    slots.push_back(destinationSlot(element, type, true));
}
void Builder::sources(Type type, size_t count) {
  for (const Operand &element : elements(takeOperand(), count))
    slots.push_back(sourceSlot(element, type));
}
void Builder::wideSources(Type type, size_t count) {
  for (const Operand &element : elements(takeOperand(), count))
    slots.push_back(sourceSlot(element, type, true));
}

void Builder::address(const Operand &operand) {
  if (operand.kind != Operand::Kind::Address || operand.parts.size() != 1)
    fail("expected an address in brackets");
  slots.push_back(addressSlot(operand.parts[0]));
  instruction.offset = operand.offset;
}

Slot Builder::addressSlot(const Operand &base) {
  Slot slot;
  Type type = Type::B64;
  if (resolver.findRegister(base.name, slot, type) && type != Type::Pred && bitsOf(type) == 32)
    return slot;
  return sourceSlot(base, Type::B64);
}

void Builder::address() { address(takeOperand()); }

uint64_t Builder::immediate(const Operand &operand) {
  if (operand.kind != Operand::Kind::Integer)
    fail("expected a number as operand");
  return operand.bits;
}

uint64_t Builder::immediate() { return immediate(takeOperand()); }

uint32_t Builder::label(const Operand &operand) {
  uint32_t pc;
  if (operand.kind != Operand::Kind::Symbol || !resolver.findLabel(operand.name, pc))
    fail("unknown label '" + operand.name + "'");
  return pc;
}

void Builder::finish() {
  if (operandsLeft())
    fail("has " + std::to_string(statement.operands.size()) + " operands, which are too many");
  auto list = std::make_unique<Slot[]>(slots.size());
  std::copy(slots.begin(), slots.end(), list.get());
  instruction.operands = list.get();
  instruction.operandCount = static_cast<uint32_t>(slots.size());
  program.operandLists.push_back(std::move(list));
}

} // namespace tenon::sim
