// What lanes of a warp tell each other: shfl, vote, match, redux, activemask, elect (PTX
// ISA 9.7.9.6 and 9.7.13.7 to 9.7.13.11). Lanes named by the mask come together at one instruction
// first.

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include <algorithm>

namespace tenon::sim {

/// The lanes that take part: all of the mask that have not exited. False if some are still missing.
/// Lanes with different masks meet in groups of their own.
static bool gather(Warp &warp, Slot maskSlot, LaneMask present, LaneMask &members) {
  unsigned first = static_cast<unsigned>(std::countr_zero(present));
  members = static_cast<LaneMask>(warp.row(maskSlot)[first]);
  for (LaneMask rest = present; rest; rest &= rest - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
    auto mask = static_cast<LaneMask>(warp.row(maskSlot)[lane]);
    if (!(mask >> lane & 1))
      throw Fault(FaultKind::Trap, "the lane is not in its own mask of members",
                  static_cast<int>(lane));
    if (mask != members)
      throw Fault(FaultKind::Trap,
                  "lanes that execute it together name different masks of members, which is not "
                  "simulated",
                  static_cast<int>(lane));
  }
  members &= warp.live();
  return (members & ~present) == 0;
}

namespace {

enum ShuffleMode : uint16_t { Up, Down, Butterfly, Index };

} // namespace

/// The lane that a lane reads, and whether it is in range (PTX ISA 9.7.9.6, the pseudo-code of
/// shfl).
static std::pair<unsigned, bool> sourceOf(ShuffleMode mode, unsigned lane, uint32_t b, uint32_t c) {
  int own = static_cast<int>(lane), by = static_cast<int>(b & 31);
  int clamp = static_cast<int>(c & 31), segment = static_cast<int>(c >> 8 & 31);
  int last = (own & segment) | (clamp & ~segment), first = own & segment, source = own;
  bool inRange = false;
  switch (mode) {
  case Up:
    source = own - by;
    inRange = source >= last;
    break;
  case Down:
    source = own + by;
    inRange = source <= last;
    break;
  case Butterfly:
    source = own ^ by;
    inRange = source <= last;
    break;
  case Index:
    source = first | (by & ~segment);
    inRange = source <= last;
    break;
  }
  return {static_cast<unsigned>(inRange ? source : own), inRange};
}

/// Operands: d, p, a, b, c, mask.
static Outcome shuffle(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const Slot *operands = instruction.operands;
  LaneMask members;
  if (!gather(warp, operands[5], mask, members))
    return Outcome::Block;
  uint64_t values[warpSize];
  LaneMask inRange = 0;
  const uint64_t *source = warp.row(operands[2]);
  forLanes(mask, [&](unsigned lane) {
    auto [from, valid] = sourceOf(static_cast<ShuffleMode>(instruction.flags), lane,
                                  static_cast<uint32_t>(warp.row(operands[3])[lane]),
                                  static_cast<uint32_t>(warp.row(operands[4])[lane]));
    // What an inactive lane holds is not defined.
    if (!(mask >> from & 1))
      throw Fault(FaultKind::Trap,
                  "reads from lane " + std::to_string(from) + ", which does not take part",
                  static_cast<int>(lane));
    values[lane] = source[from];
    inRange |= LaneMask(valid) << lane;
  });
  uint64_t *result = warp.row(operands[0]);
  forLanes(mask, [&](unsigned lane) { result[lane] = values[lane]; });
  warp.setPredicate(operands[1], inRange, mask);
  return Outcome::Next;
}

static void decodeShfl(Builder &builder) {
  builder.instruction.kind = InstructionKind::Communication;
  builder.expect("sync");
  builder.instruction.flags =
      static_cast<uint16_t>(builder.expectOneOf({"up", "down", "bfly", "idx"}));
  builder.expect("b32");
  builder.end();
  builder.instruction.handler = shuffle;
  const Operand &destination = builder.takeOperand();
  builder.push(builder.destinationSlot(destination, Type::B32));
  builder.push(destination.parts.empty() ? noSlot : builder.predicateSlot(destination.parts[0]));
  for (unsigned i = 0; i < 4; ++i)
    builder.source(Type::B32);
}

namespace {

enum VoteMode : uint16_t { All, Any, Uniform, Ballot };
constexpr uint16_t negatesVote = 8;

} // namespace

static Outcome vote(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask members;
  if (!gather(warp, instruction.operands[2], mask, members))
    return Outcome::Block;
  LaneMask votes = warp.predicate(instruction.operands[1]);
  if (instruction.flags & negatesVote)
    votes = ~votes;
  votes &= members;
  bool agreed = votes == members || votes == 0;
  switch (instruction.flags & 3) {
  case All:
    warp.setPredicate(instruction.operands[0], votes == members ? allLanes : 0, mask);
    break;
  case Any:
    warp.setPredicate(instruction.operands[0], votes ? allLanes : 0, mask);
    break;
  case Uniform:
    warp.setPredicate(instruction.operands[0], agreed ? allLanes : 0, mask);
    break;
  case Ballot:
    forLanes(mask, [&](unsigned lane) { warp.row(instruction.operands[0])[lane] = votes; });
    break;
  }
  return Outcome::Next;
}

static void decodeVote(Builder &builder) {
  builder.instruction.kind = InstructionKind::Communication;
  builder.expect("sync");
  int mode = builder.expectOneOf({"all", "any", "uni", "ballot"});
  builder.expect(mode == Ballot ? "b32" : "pred");
  builder.end();
  builder.instruction.handler = vote;
  if (mode == Ballot)
    builder.destination(Type::B32);
  else
    builder.predicateDestination();
  bool negated = builder.negatablePredicate();
  builder.instruction.flags = static_cast<uint16_t>(mode | (negated ? negatesVote : 0));
  builder.source(Type::B32);
}

/// match.any: which lanes have my value. match.all: all lanes if all have it, else none.
static Outcome match(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask members;
  if (!gather(warp, instruction.operands[3], mask, members))
    return Outcome::Block;
  const uint64_t *value = warp.row(instruction.operands[2]);
  LaneMask equal[warpSize] = {};
  bool all = true;
  forLanes(mask, [&](unsigned lane) {
    forLanes(mask, [&](unsigned other) {
      equal[lane] |= LaneMask(value[lane] == value[other]) << other;
    });
    all &= equal[lane] == members;
  });
  uint64_t *result = warp.row(instruction.operands[0]);
  bool wantsAll = instruction.flags;
  forLanes(mask,
           [&](unsigned lane) { result[lane] = wantsAll ? (all ? members : 0) : equal[lane]; });
  warp.setPredicate(instruction.operands[1], all ? allLanes : 0, mask);
  return Outcome::Next;
}

static void decodeMatch(Builder &builder) {
  builder.instruction.kind = InstructionKind::Communication;
  builder.instruction.flags = static_cast<uint16_t>(builder.expectOneOf({"any", "all"}));
  builder.expect("sync");
  Type type = builder.expectType({Type::B32, Type::B64});
  builder.end();
  builder.instruction.handler = match;
  const Operand &destination = builder.takeOperand();
  builder.push(builder.destinationSlot(destination, Type::B32));
  builder.push(destination.parts.empty() ? noSlot : builder.predicateSlot(destination.parts[0]));
  builder.source(type);
  builder.source(Type::B32);
}

namespace {

enum ReduxMode : uint16_t { Add, Min, Max, And, Or, Xor };

} // namespace

template <typename T> static T reduce(ReduxMode mode, T a, T b) {
  switch (mode) {
  case Add:
    return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  case Min:
    return std::min(a, b);
  case Max:
    return std::max(a, b);
  case And:
    return a & b;
  case Or:
    return a | b;
  case Xor:
    return a ^ b;
  }
  return a;
}

template <typename T>
static Outcome redux(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask members;
  if (!gather(warp, instruction.operands[2], mask, members))
    return Outcome::Block;
  const uint64_t *source = warp.row(instruction.operands[1]);
  T value = static_cast<T>(source[std::countr_zero(mask)]);
  for (LaneMask rest = mask & (mask - 1); rest; rest &= rest - 1)
    value = reduce(static_cast<ReduxMode>(instruction.flags), value,
                   static_cast<T>(source[std::countr_zero(rest)]));
  forLanes(mask, [&](unsigned lane) { warp.row(instruction.operands[0])[lane] = pack(value); });
  return Outcome::Next;
}

static void decodeRedux(Builder &builder) {
  builder.require(70, 80, false);
  builder.instruction.kind = InstructionKind::Communication;
  builder.expect("sync");
  builder.instruction.flags =
      static_cast<uint16_t>(builder.expectOneOf({"add", "min", "max", "and", "or", "xor"}));
  Type type = builder.expectType({Type::U32, Type::S32, Type::B32});
  builder.end();
  if ((type == Type::B32) != (builder.instruction.flags >= And))
    builder.fail("the type ." + std::string(nameOf(type)) + " does not fit the operation");
  builder.instruction.handler = type == Type::S32 ? &redux<int32_t> : &redux<uint32_t>;
  builder.destination(type);
  builder.source(type);
  builder.source(Type::B32);
}

static Outcome activeMask(Warp &warp, const Instruction &instruction, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) { warp.row(instruction.operands[0])[lane] = mask; });
  return Outcome::Next;
}

static void decodeActivemask(Builder &builder) {
  builder.instruction.kind = InstructionKind::Communication;
  builder.expect("b32");
  builder.end();
  builder.instruction.handler = activeMask;
  builder.destination(Type::B32);
}

/// elect.sync: one lane of the mask, always the same one. Hardware takes the lowest; a program may
/// not depend on that, but that would not be worth a difference.
static Outcome elect(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask members;
  if (!gather(warp, instruction.operands[2], mask, members))
    return Outcome::Block;
  unsigned leader = static_cast<unsigned>(std::countr_zero(members));
  forLanes(mask, [&](unsigned lane) { warp.row(instruction.operands[0])[lane] = leader; });
  warp.setPredicate(instruction.operands[1], LaneMask(1) << leader, mask);
  return Outcome::Next;
}

static void decodeElect(Builder &builder) {
  builder.require(80, 90, false);
  builder.instruction.kind = InstructionKind::Communication;
  builder.expect("sync");
  builder.end();
  builder.instruction.handler = elect;
  const Operand &destination = builder.takeOperand();
  builder.push(builder.destinationSlot(destination, Type::B32));
  if (destination.parts.empty())
    builder.fail("needs a predicate as its second destination");
  builder.push(builder.predicateSlot(destination.parts[0]));
  builder.source(Type::B32);
}

void addCommunication(OpcodeTable &table) {
  table["shfl"] = decodeShfl;
  table["vote"] = decodeVote;
  table["match"] = decodeMatch;
  table["redux"] = decodeRedux;
  table["activemask"] = decodeActivemask;
  table["elect"] = decodeElect;
}

} // namespace tenon::sim
