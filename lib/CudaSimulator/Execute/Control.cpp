// Branches, calls, returns and the end (PTX ISA 9.7.12), and what only takes time.

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/Lanes.h"

namespace tenon::sim {

static Outcome branch(Warp &warp, const Instruction &instruction, LaneMask mask) {
  warp.branch(mask, instruction.target);
  return Outcome::Jumped;
}

static void decodeBra(Builder &builder) {
  builder.accept("uni");
  builder.end();
  builder.instruction.kind = InstructionKind::Control;
  builder.instruction.handler = branch;
  builder.instruction.target = builder.label(builder.takeOperand());
}

namespace {

struct BranchTable final : Details {
  std::vector<uint32_t> targets;
};

} // namespace

/// Lanes with the same index go together.
static Outcome branchByIndex(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &table = static_cast<const BranchTable &>(*instruction.details);
  const uint64_t *index = warp.row(instruction.operands[0]);
  std::vector<std::pair<LaneMask, uint32_t>> groups;
  for (LaneMask rest = mask; rest;) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
    auto wanted = static_cast<uint32_t>(index[lane]);
    if (wanted >= table.targets.size())
      throw Fault(FaultKind::Trap,
                  "index " + std::to_string(wanted) + " of a table of " +
                      std::to_string(table.targets.size()) + " targets",
                  static_cast<int>(lane));
    LaneMask group = 0;
    for (LaneMask other = rest; other; other &= other - 1) {
      unsigned candidate = static_cast<unsigned>(std::countr_zero(other));
      if (static_cast<uint32_t>(index[candidate]) == wanted)
        group |= LaneMask(1) << candidate;
    }
    groups.emplace_back(group, table.targets[wanted]);
    rest &= ~group;
  }
  warp.scatter(mask, groups);
  return Outcome::Jumped;
}

static void decodeBrx(Builder &builder) {
  builder.expect("idx");
  builder.accept("uni");
  builder.end();
  builder.instruction.kind = InstructionKind::Control;
  builder.instruction.handler = branchByIndex;
  builder.source(Type::U32);
  const Operand &name = builder.takeOperand();
  const std::vector<std::string> *targets = builder.resolver.findTargets(name.name);
  if (!targets)
    builder.fail("unknown table of branches '" + name.name + "'");
  auto &table = builder.details<BranchTable>();
  for (const std::string &target : *targets) {
    uint32_t pc;
    if (!builder.resolver.findLabel(target, pc))
      builder.fail("unknown label '" + target + "'");
    table.targets.push_back(pc);
  }
}

namespace {

/// Bytes that a call copies within each thread's local memory.
struct CallCopies {
  struct Copy {
    uint32_t from, to, bytes;
  };
  std::vector<Copy> copies;
};

struct Call final : Details {
  CallCopies arguments, results;
};

} // namespace

static void copyLocals(Warp &warp, const CallCopies &copies, LaneMask mask) {
  uint64_t size = warp.block.cluster.request.program->localBytes;
  for (const CallCopies::Copy &copy : copies.copies)
    forLanes(mask, [&](unsigned lane) {
      std::memcpy(&warp.local[lane * size + copy.to], &warp.local[lane * size + copy.from],
                  copy.bytes);
    });
}

static Outcome call(Warp &warp, const Instruction &instruction, LaneMask mask) {
  copyLocals(warp, static_cast<const Call &>(*instruction.details).arguments, mask);
  warp.call(mask, instruction.target);
  return Outcome::Jumped;
}

/// The places in local memory of the `.param` variables that a call names.
static void matchPlaces(Builder &builder, const Operand &list,
                        const std::vector<ParameterPlace> &places,
                        std::vector<std::pair<uint32_t, ParameterPlace>> &matched) {
  if (list.parts.size() != places.size())
    builder.fail("passes " + std::to_string(list.parts.size()) + " values for " +
                 std::to_string(places.size()));
  for (size_t i = 0; i < places.size(); ++i) {
    SymbolPlace place;
    if (!builder.resolver.findSymbol(list.parts[i].name, place) || place.space != Space::Param)
      builder.fail("'" + list.parts[i].name + "' is no variable in .param space");
    matched.emplace_back(static_cast<uint32_t>(place.address), places[i]);
  }
}

static Outcome refuseCall(Warp &, const Instruction &instruction, LaneMask) {
  const std::vector<Operand> &operands = instruction.statement->operands;
  for (const Operand &operand : operands)
    if (operand.kind == Operand::Kind::Symbol)
      throw Fault(FaultKind::IllegalInstruction,
                  "the external function '" + operand.name + "' is called, which is not simulated");
  throw Fault(FaultKind::IllegalInstruction, "a function without a name is called");
}

/// `call (results), f, (arguments);`: bytes are copied into the function's parameters before, and
/// out of its results when it returns.
static void decodeCall(Builder &builder) {
  builder.accept("uni");
  builder.end();
  builder.instruction.kind = InstructionKind::Control;
  static const Operand none{Operand::Kind::List, false, "", 0, 0, {}};
  const Operand *results = &none, *arguments = &none;
  if (builder.peekOperandIs(Operand::Kind::List))
    results = &builder.takeOperand();
  const Operand &name = builder.takeOperand();
  if (builder.peekOperandIs(Operand::Kind::List))
    arguments = &builder.takeOperand();
  const Resolver::Callee *callee = builder.resolver.findFunction(name.name);
  if (!callee) {
    // vprintf, __assertfail and the like: an error only if they are reached.
    builder.instruction.handler = refuseCall;
    while (builder.operandsLeft())
      builder.takeOperand();
    return;
  }
  builder.instruction.handler = call;
  builder.instruction.target = callee->entry;
  auto &details = builder.details<Call>();
  std::vector<std::pair<uint32_t, ParameterPlace>> matched;
  matchPlaces(builder, *arguments, callee->parameters, matched);
  for (auto &[from, place] : matched)
    details.arguments.copies.push_back({from, place.offset, place.bytes});
  matched.clear();
  matchPlaces(builder, *results, callee->results, matched);
  for (auto &[to, place] : matched)
    details.results.copies.push_back({place.offset, to, place.bytes});
}

static Outcome leave(Warp &warp, const Instruction &, LaneMask mask) {
  const std::vector<uint32_t> &returns = warp.current().returns;
  if (!returns.empty()) {
    const Instruction &caller = warp.block.cluster.request.program->code[returns.back()];
    copyLocals(warp, static_cast<const Call &>(*caller.details).results, mask);
  }
  warp.leave(mask);
  return Outcome::Jumped;
}

static Outcome exit(Warp &warp, const Instruction &, LaneMask mask) {
  warp.exit(mask);
  return Outcome::Jumped;
}

static Outcome trap(Warp &, const Instruction &, LaneMask mask) {
  throw Fault(FaultKind::Trap, "the program stopped itself", std::countr_zero(mask));
}

static Outcome nothing(Warp &, const Instruction &, LaneMask) { return Outcome::Next; }

/// nanosleep. Who sleeps may wait for another block, which this one does not see: no sign of a
/// deadlock.
static Outcome rest(Warp &warp, const Instruction &, LaneMask) {
  warp.block.cluster.noteProgress();
  return Outcome::Yield;
}

static void decodePlain(Builder &builder, Handler handler) {
  builder.accept("uni");
  builder.end();
  builder.instruction.kind = InstructionKind::Control;
  builder.instruction.handler = handler;
}

static void decodeNanosleep(Builder &builder) {
  builder.expect("u32");
  builder.end();
  builder.instruction.kind = InstructionKind::Control;
  builder.instruction.handler = rest;
  builder.source(Type::U32);
}

/// setmaxnreg (PTX ISA 9.7.19.5): registers are not counted, but the number must be one that
/// hardware takes.
static void decodeSetmaxnreg(Builder &builder) {
  builder.require(80, 90, true);
  builder.expectOneOf({"inc", "dec"});
  builder.expect("sync");
  builder.expect("aligned");
  builder.expect("u32");
  builder.end();
  uint64_t count = builder.immediate();
  if (count < 24 || count > 256 || count % 8)
    builder.fail(std::to_string(count) + " registers are not a multiple of 8 from 24 to 256");
  builder.instruction.kind = InstructionKind::Control;
  builder.instruction.aligned = true;
  builder.instruction.handler = nothing;
}

/// The kernel before is over: kernels run one after the other. Who has not waited is told so where
/// it reaches global memory.
static Outcome waitForGrid(Warp &warp, const Instruction &, LaneMask lanes) {
  warp.waitedForGrid |= lanes;
  return Outcome::Next;
}

/// griddepcontrol (PTX ISA 9.7.13.13).
static void decodeGriddepcontrol(Builder &builder) {
  builder.require(78, 90, false);
  bool waits = builder.accept("wait");
  if (!waits)
    builder.expect("launch_dependents");
  decodePlain(builder, waits ? waitForGrid : nothing);
}

void addControl(OpcodeTable &table) {
  table["bra"] = decodeBra;
  table["brx"] = decodeBrx;
  table["call"] = decodeCall;
  table["ret"] = [](Builder &builder) { decodePlain(builder, leave); };
  table["exit"] = [](Builder &builder) { decodePlain(builder, exit); };
  table["trap"] = [](Builder &builder) { decodePlain(builder, trap); };
  table["brkpt"] = table["trap"];
  table["nanosleep"] = decodeNanosleep;
  table["setmaxnreg"] = decodeSetmaxnreg;
  table["griddepcontrol"] = decodeGriddepcontrol;
}

} // namespace tenon::sim
