// mov with its packing of vectors, cvta, isspacep, and registers that change while a warp runs (PTX
// ISA 9.7.9.2 to 9.7.9.20).

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/Lanes.h"

namespace tenon::sim {

static Outcome move(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  forLanes(mask, [&](unsigned lane) { result[lane] = source[lane]; });
  return Outcome::Next;
}

static Outcome movePredicate(Warp &warp, const Instruction &instruction, LaneMask mask) {
  warp.setPredicate(instruction.operands[0], warp.predicate(instruction.operands[1]), mask);
  return Outcome::Next;
}

/// Operands: the destination (two rows for b128), then `vector` sources of `bytes` each.
static Outcome packVector(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned width = 8 * instruction.bytes;
  unsigned perRow = std::min<unsigned>(instruction.vector, 64 / width);
  uint64_t element = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  forLanes(mask, [&](unsigned lane) {
    uint64_t values[2] = {0, 0};
    for (unsigned i = 0; i < instruction.vector; ++i)
      values[i / perRow] |= (warp.row(instruction.operands[1 + i])[lane] & element)
                            << (width * (i % perRow));
    warp.row(instruction.operands[0])[lane] = values[0];
    if (width * instruction.vector > 64)
      warp.row(instruction.operands[0] + 1)[lane] = values[1];
  });
  return Outcome::Next;
}

/// Operands: `vector` destinations of `bytes` each, then the source.
static Outcome unpackVector(Warp &warp, const Instruction &instruction, LaneMask mask) {
  unsigned width = 8 * instruction.bytes;
  unsigned perRow = std::min<unsigned>(instruction.vector, 64 / width);
  uint64_t element = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  Slot source = instruction.operands[instruction.vector];
  forLanes(mask, [&](unsigned lane) {
    uint64_t values[2] = {warp.row(source)[lane], 0};
    if (width * instruction.vector > 64)
      values[1] = warp.row(source + 1)[lane];
    for (unsigned i = 0; i < instruction.vector; ++i)
      warp.row(instruction.operands[i])[lane] =
          values[i / perRow] >> (width * (i % perRow)) & element;
  });
  return Outcome::Next;
}

static Type bitsType(unsigned bits) {
  return bits == 8 ? Type::B8 : bits == 16 ? Type::B16 : bits == 32 ? Type::B32 : Type::B64;
}

static bool isVector(const Operand &operand) { return operand.kind == Operand::Kind::Vector; }

static void decodeVectorMove(Builder &builder, Type type, const Operand &vector, bool packs) {
  unsigned count = static_cast<unsigned>(vector.parts.size());
  unsigned bits = bitsOf(type) / std::max(count, 1u);
  if ((count != 2 && count != 4) || bits < 8 || bits > 64)
    builder.fail("a vector of " + std::to_string(count) + " does not fit ." +
                 std::string(nameOf(type)));
  builder.instruction.vector = static_cast<uint8_t>(count);
  builder.instruction.bytes = static_cast<uint8_t>(bits / 8);
  builder.instruction.handler = packs ? packVector : unpackVector;
  if (packs) {
    builder.destination(type);
    builder.sources(bitsType(bits), count);
  } else {
    builder.destinations(bitsType(bits), count);
    builder.source(type);
  }
}

static Outcome moveWide(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (Slot i = 0; i < 2; ++i) {
    uint64_t *result = warp.row(instruction.operands[0] + i);
    const uint64_t *source = warp.row(instruction.operands[1] + i);
    forLanes(mask, [&](unsigned lane) { result[lane] = source[lane]; });
  }
  return Outcome::Next;
}

/// %clock, %clock64 and %globaltimer: instructions of the block so far. %globaltimer counts a
/// nanosecond for each.
static Outcome readClock(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  uint64_t now = warp.block.counters.warpInstructions >> instruction.flags;
  forLanes(mask, [&](unsigned lane) { result[lane] = now & instruction.resultMask; });
  return Outcome::Next;
}

static bool isClock(const std::string &name) {
  return name == "%clock" || name == "%clock64" || name == "%clock_hi" || name == "%globaltimer" ||
         name == "%globaltimer_lo" || name == "%globaltimer_hi";
}

static void decodeMov(Builder &builder) {
  builder.instruction.kind = InstructionKind::Move;
  Type type = builder.expectType();
  builder.end();
  if (builder.statement.operands.size() != 2)
    builder.fail("needs two operands");
  const Operand &to = builder.statement.operands[0], &from = builder.statement.operands[1];
  if (type == Type::Pred) {
    builder.instruction.handler = movePredicate;
    builder.predicateDestination();
    builder.predicateSource();
  } else if (isVector(from)) {
    decodeVectorMove(builder, type, from, true);
  } else if (isVector(to)) {
    decodeVectorMove(builder, type, to, false);
  } else if (from.kind == Operand::Kind::Register && isClock(from.name)) {
    builder.instruction.handler = readClock;
    builder.instruction.flags = from.name.ends_with("_hi") ? 32 : 0;
    builder.wideDestination(type);
    builder.takeOperand();
  } else {
    builder.instruction.handler = type == Type::B128 ? moveWide : move;
    builder.destination(type);
    builder.source(type);
  }
}

/// Addresses of local and parameter space are generic ones already (Decode/Decode.cpp places their
/// variables so), like those of global and constant space; only shared memory has offsets.
template <bool toShared>
static Outcome convertShared(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *source = warp.row(instruction.operands[1]);
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
    bool inWindow = source[lane] - sharedWindow < windowBytes;
    if (toShared && !inWindow)
      throw Fault(FaultKind::AddressSpace, "the address is not in shared memory",
                  static_cast<int>(lane));
    result[lane] = toShared   ? source[lane] - sharedWindow
                   : inWindow ? source[lane]
                              : source[lane] + sharedWindow;
  }
  return Outcome::Next;
}

static void decodeCvta(Builder &builder) {
  builder.instruction.kind = InstructionKind::Move;
  bool to = builder.accept("to");
  int space = builder.expectOneOf({"global", "const", "local", "param", "shared", "shared::cta",
                                   "shared::cluster", "param::entry"});
  bool shared = space >= 4 && space <= 6;
  Type type = builder.expectType({Type::U32, Type::U64});
  builder.end();
  builder.instruction.handler = !shared ? move : to ? &convertShared<true> : &convertShared<false>;
  builder.destination(type);
  builder.source(type);
}

/// isspacep: which space a generic address is in.
static Outcome isInSpace(Warp &warp, const Instruction &instruction, LaneMask mask) {
  LaneMask result = 0;
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = warp.row(instruction.operands[1])[lane];
    bool shared = address - sharedWindow < windowBytes, local = address - localWindow < windowBytes,
         parameter = address - parameterWindow < windowBytes;
    bool own = shared && (address - sharedWindow) >> clusterRankShift == 0;
    bool is[] = {!shared && !local && !parameter, false, local, parameter, own, own, shared};
    result |= LaneMask(is[instruction.flags]) << lane;
  });
  warp.setPredicate(instruction.operands[0], result, mask);
  return Outcome::Next;
}

static void decodeIsspacep(Builder &builder) {
  builder.instruction.kind = InstructionKind::Move;
  builder.instruction.flags = static_cast<uint16_t>(builder.expectOneOf(
      {"global", "const", "local", "param", "shared", "shared::cta", "shared::cluster"}));
  builder.end();
  builder.instruction.handler = isInSpace;
  builder.predicateDestination();
  builder.source(Type::B64);
}

/// mapa (PTX ISA 9.7.9.21): the same place in another block's shared memory.
static Outcome mapAddress(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *address = warp.row(instruction.operands[1]),
                 *rank = warp.row(instruction.operands[2]);
  uint64_t window = instruction.flags ? sharedWindow : 0;
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(rest));
    if (rank[lane] >= warp.block.cluster.blocks.size())
      throw Fault(FaultKind::IllegalAddress,
                  "block " + std::to_string(rank[lane]) + " of a cluster of " +
                      std::to_string(warp.block.cluster.blocks.size()),
                  static_cast<int>(lane));
    uint64_t offset = (address[lane] - window) & ((uint64_t(1) << clusterRankShift) - 1);
    result[lane] = window + offset + ((rank[lane] + 1) << clusterRankShift);
  }
  return Outcome::Next;
}

static void decodeMapa(Builder &builder) {
  builder.require(78, 90, false);
  builder.instruction.kind = InstructionKind::Move;
  bool generic = !builder.accept("shared::cluster");
  Type type = builder.expectType({Type::U32, Type::U64});
  builder.end();
  builder.instruction.flags = generic;
  builder.instruction.handler = mapAddress;
  builder.destination(type);
  builder.source(type);
  builder.source(Type::U32);
}

/// getctarank: which block of the cluster an address of shared memory belongs to.
static Outcome findRank(Warp &warp, const Instruction &instruction, LaneMask mask) {
  uint64_t *result = warp.row(instruction.operands[0]);
  const uint64_t *address = warp.row(instruction.operands[1]);
  uint64_t window = instruction.flags ? sharedWindow : 0;
  forLanes(mask, [&](unsigned lane) {
    uint64_t rank = (address[lane] - window) >> clusterRankShift;
    result[lane] = rank ? rank - 1 : warp.block.rank;
  });
  return Outcome::Next;
}

static void decodeGetctarank(Builder &builder) {
  builder.require(78, 90, false);
  builder.instruction.kind = InstructionKind::Move;
  builder.instruction.flags = !builder.accept("shared::cluster");
  Type type = builder.expectType({Type::U32, Type::U64});
  builder.end();
  builder.instruction.handler = findRank;
  builder.destination(Type::U32);
  builder.source(type);
}

void addMoves(OpcodeTable &table) {
  table["mov"] = decodeMov;
  table["cvta"] = decodeCvta;
  table["isspacep"] = decodeIsspacep;
  table["mapa"] = decodeMapa;
  table["getctarank"] = decodeGetctarank;
}

} // namespace tenon::sim
