// Functions are decoded one after the other into one list: the kernel, then whatever it calls. A
// name with its function in front ("f:%r1") is a register of that function.

#include "lib/CudaSimulator/Decode/Decode.h"
#include <set>

namespace tenon::sim {

namespace {

class KernelDecoder final : public Resolver {
public:
  KernelDecoder(const Module &module, const std::map<std::string, uint64_t> &globals)
      : source(module), globals(globals), program(std::make_unique<Program>()) {}

  std::unique_ptr<Program> decode(const Function &kernel);

  Slot constant(uint64_t bits) override;
  bool findRegister(const std::string &name, Slot &slot, Type &type) override;
  bool findSymbol(const std::string &name, SymbolPlace &place) override;
  bool findLabel(const std::string &name, uint32_t &pc) override;
  const std::vector<std::string> *findTargets(const std::string &name) override;
  const Callee *findFunction(const std::string &name) override;
  const Module &module() const override { return source; }

private:
  /// What belongs to a function: its registers, its variables, and where its code starts.
  struct Frame {
    const Function *function;
    std::map<std::string, std::pair<Slot, Type>> registers;
    std::map<std::string, SymbolPlace> symbols;
    std::set<const Frame *> calls;
    Callee callee;
  };

  Frame &frameOf(const Function &function);
  void placeRegisters(Frame &frame);
  void placeVariables(Frame &frame);
  void placeKernelParameters(Frame &frame);
  uint64_t placeLocal(const Variable &variable);
  void placeShared(const Variable &variable, Frame *frame);
  void decodeFunction(Frame &frame);
  void decodeStatement(const Statement &statement);
  void refuseRecursion();
  void collect(const Function &function);
  void collect(const Operand &operand);
  void placeModuleShared();

  const Module &source;
  const std::map<std::string, uint64_t> &globals;
  std::unique_ptr<Program> program;
  std::map<uint64_t, Slot> constants;
  std::map<const Function *, std::unique_ptr<Frame>> frames;
  std::vector<Frame *> order; ///< in which functions were met
  std::map<std::string, uint64_t> moduleShared;
  std::set<std::string> namesUsed; ///< by the kernel and what it calls
  Frame *current = nullptr;
};

} // namespace

static OpcodeTable makeTable() {
  OpcodeTable table;
  for (auto add : {addArithmetic, addBits, addFloatMath, addComparisons, addConversions, addMoves,
                   addMemory, addAtomics, addControl, addBarriers, addCommunication, addCopies,
                   addMatrixMoves, addMatrixProducts, addMbarriers, addWarpgroupProducts})
    add(table);
  return table;
}

static const OpcodeTable &opcodes() {
  static const OpcodeTable table = makeTable();
  return table;
}

static uint64_t alignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

Slot KernelDecoder::constant(uint64_t bits) {
  auto [it, isNew] = constants.emplace(bits, program->rows);
  if (isNew)
    program->constants.push_back({program->rows++, bits});
  return it->second;
}

bool KernelDecoder::findRegister(const std::string &name, Slot &slot, Type &type) {
  auto it = current->registers.find(name);
  if (it == current->registers.end())
    return false;
  std::tie(slot, type) = it->second;
  return true;
}

bool KernelDecoder::findSymbol(const std::string &name, SymbolPlace &place) {
  auto local = current->symbols.find(name);
  if (local != current->symbols.end()) {
    place = local->second;
    return true;
  }
  auto shared = moduleShared.find(name);
  if (shared != moduleShared.end()) {
    place = {Space::Shared, shared->second};
    return true;
  }
  auto global = globals.find(name);
  if (global == globals.end())
    return false;
  place = {Space::Global, global->second};
  return true;
}

bool KernelDecoder::findLabel(const std::string &name, uint32_t &pc) {
  auto it = current->function->labels.find(name);
  if (it == current->function->labels.end())
    return false;
  pc = current->callee.entry + it->second;
  return true;
}

const std::vector<std::string> *KernelDecoder::findTargets(const std::string &name) {
  auto it = current->function->branchTargets.find(name);
  return it == current->function->branchTargets.end() ? nullptr : &it->second;
}

const Resolver::Callee *KernelDecoder::findFunction(const std::string &name) {
  const Function *function = source.find(name);
  if (!function || function->isKernel)
    return nullptr;
  Frame &frame = frameOf(*function);
  current->calls.insert(&frame);
  return &frame.callee;
}

/// The places of a function that is met for the first time. All code before it is decoded or
/// counted already, so it is known where it will start.
KernelDecoder::Frame &KernelDecoder::frameOf(const Function &function) {
  std::unique_ptr<Frame> &frame = frames[&function];
  if (frame)
    return *frame;
  frame = std::make_unique<Frame>();
  frame->function = &function;
  frame->callee.entry = 0;
  for (const Frame *before : order)
    // Every function ends with an instruction of its own, see decodeFunction.
    frame->callee.entry += static_cast<uint32_t>(before->function->statements.size()) + 1;
  order.push_back(frame.get());
  placeRegisters(*frame);
  if (function.isKernel)
    placeKernelParameters(*frame);
  placeVariables(*frame);
  return *frame;
}

void KernelDecoder::placeRegisters(Frame &frame) {
  for (const Register &variable : frame.function->registers) {
    frame.registers[variable.name] = {program->rows, variable.type};
    program->rows += variable.type == Type::B128 ? 2 : 1;
  }
}

void KernelDecoder::placeKernelParameters(Frame &frame) {
  for (const Variable &parameter : frame.function->parameters) {
    uint64_t offset = alignUp(program->parameterBytes, parameter.alignment);
    // PTX ISA 5.1.6.1: 4 KiB, or 32,764 bytes from PTX 8.1 on for sm_70 and later.
    if (offset + parameter.bytes() > 32764)
      throw PtxError(parameter.line, "the parameters of a kernel exceed 32764 bytes");
    frame.symbols[parameter.name] = {Space::Param, parameterWindow + offset};
    program->parameters.push_back(
        {static_cast<uint32_t>(offset), static_cast<uint32_t>(parameter.bytes())});
    program->parameterBytes = static_cast<uint32_t>(offset + parameter.bytes());
  }
}

/// Variables in `.local` and `.param` space are bytes of each thread's local memory.
uint64_t KernelDecoder::placeLocal(const Variable &variable) {
  uint64_t offset = alignUp(program->localBytes, variable.alignment);
  if (offset + variable.bytes() > (512 << 10))
    throw PtxError(variable.line, "local memory exceeds 512 KiB per thread");
  program->localBytes = static_cast<uint32_t>(alignUp(offset + variable.bytes(), 16));
  return offset;
}

void KernelDecoder::placeShared(const Variable &variable, Frame *frame) {
  uint64_t offset = alignUp(program->staticSharedBytes, variable.alignment);
  if (offset + variable.bytes() > (256 << 10))
    throw PtxError(variable.line, "static shared memory exceeds 256 KiB");
  program->staticSharedBytes = static_cast<uint32_t>(offset + variable.bytes());
  // Offsets count from the window's start, in which the system's bytes come first.
  uint64_t address = 1024 + offset;
  if (frame)
    frame->symbols[variable.name] = {Space::Shared, address};
  else
    moduleShared[variable.name] = address;
}

void KernelDecoder::placeVariables(Frame &frame) {
  const Function &function = *frame.function;
  auto place = [&](const Variable &variable) {
    uint64_t offset = placeLocal(variable);
    frame.symbols[variable.name] = {variable.space, localWindow + offset};
    return ParameterPlace{static_cast<uint32_t>(offset), static_cast<uint32_t>(variable.bytes())};
  };
  if (!function.isKernel) {
    for (const Variable &result : function.results)
      frame.callee.results.push_back(place(result));
    for (const Variable &parameter : function.parameters)
      frame.callee.parameters.push_back(place(parameter));
  }
  for (const Variable &variable : function.variables) {
    if (variable.space == Space::Shared)
      placeShared(variable, &frame);
    else if (variable.space == Space::Local || variable.space == Space::Param)
      place(variable);
    else
      throw PtxError(variable.line,
                     "'" + variable.name +
                         "': variables of this space are not supported in functions");
  }
}

void KernelDecoder::decodeStatement(const Statement &statement) {
  auto it = opcodes().find(statement.opcode);
  if (it == opcodes().end())
    throw PtxError(statement.line, "unknown instruction '" + statement.opcode + "'");
  Instruction instruction;
  instruction.line = statement.line;
  instruction.statement = &statement;
  Builder builder(statement, *this, instruction, *program);
  it->second(builder);
  builder.finish();
  if (!statement.guard.empty()) {
    Operand guard;
    guard.kind = Operand::Kind::Register;
    guard.name = statement.guard;
    instruction.guard = builder.predicateSlot(guard);
    instruction.guardNegated = statement.guardNegated;
  }
  program->code.push_back(instruction);
}

/// What a function that runs off its end does.
static const Statement endOfFunction{0, "ret", {}, {}, {}, false};

void KernelDecoder::decodeFunction(Frame &frame) {
  current = &frame;
  for (const Statement &statement : frame.function->statements)
    decodeStatement(statement);
  decodeStatement(endOfFunction);
}

void KernelDecoder::refuseRecursion() {
  // The frames that calls from each frame may reach.
  for (Frame *start : order) {
    std::vector<const Frame *> open(start->calls.begin(), start->calls.end());
    std::set<const Frame *> seen(open.begin(), open.end());
    while (!open.empty()) {
      const Frame *frame = open.back();
      open.pop_back();
      if (frame == start)
        throw PtxError(start->function->line,
                       "the function '" + start->function->name + "' may call itself");
      for (const Frame *next : frame->calls)
        if (seen.insert(next).second)
          open.push_back(next);
    }
  }
}

/// Meets a function, what it names, and so the functions that it calls: only what a kernel uses
/// takes shared memory.
void KernelDecoder::collect(const Function &function) {
  if (frames.count(&function))
    return;
  frameOf(function);
  for (const Statement &statement : function.statements)
    for (const Operand &operand : statement.operands)
      collect(operand);
}

void KernelDecoder::collect(const Operand &operand) {
  for (const Operand &part : operand.parts)
    collect(part);
  if (operand.kind != Operand::Kind::Symbol)
    return;
  namesUsed.insert(operand.name);
  const Function *function = source.find(operand.name);
  if (function && !function->isKernel)
    collect(*function);
}

/// Dynamic shared memory begins behind all that is static.
void KernelDecoder::placeModuleShared() {
  std::vector<const Variable *> dynamic;
  for (const Variable &variable : source.variables) {
    if (variable.space != Space::Shared || !namesUsed.count(variable.name))
      continue;
    if (variable.isExternal || variable.count == 0)
      dynamic.push_back(&variable);
    else
      placeShared(variable, nullptr);
  }
  for (const Variable *variable : dynamic)
    program->dynamicAlignment = std::max(program->dynamicAlignment, variable->alignment);
  uint64_t start = alignUp(1024 + program->staticSharedBytes, program->dynamicAlignment);
  for (const Variable *variable : dynamic)
    moduleShared[variable->name] = start;
}

std::unique_ptr<Program> KernelDecoder::decode(const Function &kernel) {
  program->name = kernel.name;
  std::copy(kernel.maxThreads, kernel.maxThreads + 3, program->maxThreads);
  std::copy(kernel.requiredThreads, kernel.requiredThreads + 3, program->requiredThreads);
  std::copy(kernel.requiredCluster, kernel.requiredCluster + 3, program->requiredCluster);
  program->registersPerThread = kernel.maxRegisters ? kernel.maxRegisters : 32;
  collect(kernel);
  placeModuleShared();
  for (size_t i = 0; i < order.size(); ++i)
    decodeFunction(*order[i]);
  refuseRecursion();
  return std::move(program);
}

std::unique_ptr<Program> decodeKernel(const Module &module, const Function &kernel,
                                      const std::map<std::string, uint64_t> &globals) {
  return KernelDecoder(module, globals).decode(kernel);
}

} // namespace tenon::sim
