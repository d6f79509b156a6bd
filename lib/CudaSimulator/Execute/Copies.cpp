// cp.async: copies of a lane from global to shared memory that finish some time before it has
// waited for them (PTX ISA 9.7.9.25). Here they finish at the last moment: the destination is
// poisoned until then, and nobody may touch it.

#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/BulkCopies.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Execute/Mbarriers.h"

namespace tenon::sim {

namespace {

/// Instruction::flags of cp.async.
enum CopyFlags : uint16_t { HasSourceSize = 1, IgnoresSource = 2 };

} // namespace

/// Operands: destination, source, then the size of the source or a predicate that ignores it. The
/// offset of the destination is the instruction's, that of the source is in `target`.
static Outcome startCopies(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const Slot *operands = instruction.operands;
  LaneMask ignored = instruction.flags & IgnoresSource ? warp.predicate(operands[2]) : LaneMask(0);
  forLanes(mask, [&](unsigned lane) {
    PendingCopy copy{addressOf(warp, instruction, 0, lane), instruction.bytes, {}};
    uint64_t source = warp.row(operands[1])[lane] + static_cast<int32_t>(instruction.target);
    uint64_t count = instruction.flags & HasSourceSize
                         ? static_cast<uint32_t>(warp.row(operands[2])[lane])
                     : ignored >> lane & 1 ? 0
                                           : copy.bytes;
    int number = static_cast<int>(lane);
    if (count > copy.bytes)
      throw Fault(FaultKind::Trap,
                  "copies " + std::to_string(count) + " bytes into " + std::to_string(copy.bytes),
                  number);
    if (source % copy.bytes)
      throw Fault(FaultKind::MisalignedAddress, "the source is not aligned to the copy's size",
                  number);
    // Bytes beyond the source's are zeros.
    if (count)
      std::memcpy(copy.data, locateGlobal(warp, source, count, AccessMode::Read, number), count);
    if (copy.offset - sharedWindow < windowBytes)
      copy.offset -= sharedWindow;
    warp.block.shared.startCopy(copy.offset, copy.bytes, warp.accessor(number));
    warp.copies[lane].open.push_back(copy);
  });
  return Outcome::Next;
}

static void deliver(Warp &warp, unsigned lane, const std::vector<PendingCopy> &copies) {
  for (const PendingCopy &copy : copies)
    std::memcpy(
        warp.block.shared.deliver(copy.offset, copy.bytes, warp.accessor(static_cast<int>(lane))),
        copy.data, copy.bytes);
}

static Outcome commitCopies(Warp &warp, const Instruction &, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) {
    LaneCopies &copies = warp.copies[lane];
    copies.groups.push_back(std::move(copies.open));
    copies.open.clear();
  });
  return Outcome::Next;
}

/// All but the last `target` groups are complete; of wait_all, what is not in a group, too.
static Outcome waitForCopies(Warp &warp, const Instruction &instruction, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) {
    LaneCopies &copies = warp.copies[lane];
    while (copies.groups.size() > instruction.target) {
      deliver(warp, lane, copies.groups.front());
      copies.groups.pop_front();
    }
    if (instruction.flags) {
      deliver(warp, lane, copies.open);
      copies.open.clear();
    }
  });
  return Outcome::Next;
}

/// cp.async.mbarrier.arrive (PTX ISA 9.7.13.15.17): the lane arrives once its copies so far are
/// done. Without .noinc the arrival is one that the mbarrier did not count with.
static Outcome arriveAfterCopies(Warp &warp, const Instruction &instruction, LaneMask mask) {
  bool counted = instruction.flags;
  forLanes(mask, [&](unsigned lane) {
    uint64_t address = addressOf(warp, instruction, 0, lane);
    SharedMemory &shared = locateShared(warp, address, static_cast<int>(lane));
    Mbarrier &barrier = shared.mbarrierAt(address, static_cast<int>(lane));
    if (!counted)
      ++barrier.pending;
    auto copies = std::make_shared<LaneCopies>(std::move(warp.copies[lane]));
    warp.copies[lane] = {};
    warp.defer(instruction, static_cast<int>(lane), [&warp, &shared, lane, address, copies] {
      for (const auto &group : copies->groups)
        deliver(warp, lane, group);
      deliver(warp, lane, copies->open);
      arriveAt(warp.block.cluster, shared, address, 1, Release::Block, warp.clock,
               static_cast<int>(lane));
    });
  });
  warp.tick();
  return Outcome::Next;
}

static void decodeStart(Builder &builder) {
  Instruction &instruction = builder.instruction;
  bool global = builder.expectOneOf({"ca", "cg"});
  builder.expectOneOf({"shared", "shared::cta"});
  builder.expect("global");
  bool policy = builder.accept("L2::cache_hint");
  builder.acceptOneOf({"L2::64B", "L2::128B", "L2::256B"});
  builder.end();
  instruction.handler = startCopies;
  builder.address();
  const Operand &source = builder.takeOperand();
  if (source.kind != Operand::Kind::Address || source.parts.size() != 1)
    builder.fail("expected an address in brackets");
  builder.push(builder.addressSlot(source.parts[0]));
  if (source.offset != static_cast<int32_t>(source.offset))
    builder.fail("the offset of the source is too large");
  instruction.target = static_cast<uint32_t>(source.offset);
  uint64_t size = builder.immediate();
  if (size != 16 && (global || (size != 4 && size != 8)))
    builder.fail("cannot copy " + std::to_string(size) + " bytes");
  instruction.bytes = static_cast<uint8_t>(size);
  if (builder.operandsLeft() > (policy ? 1u : 0u)) {
    Slot slot;
    Type type = Type::None;
    bool predicate =
        builder.resolver.findRegister(builder.peekOperand().name, slot, type) && type == Type::Pred;
    instruction.flags = predicate ? IgnoresSource : HasSourceSize;
    if (predicate)
      builder.predicateSource();
    else
      builder.source(Type::U32);
  }
  if (policy)
    builder.source(Type::B64);
}

static void decodeWait(Builder &builder, bool all) {
  builder.end();
  builder.instruction.handler = waitForCopies;
  builder.instruction.flags = all;
  builder.instruction.target = all ? 0 : static_cast<uint32_t>(builder.immediate());
}

static void decodeArrive(Builder &builder) {
  builder.expect("arrive");
  builder.instruction.flags = builder.accept("noinc");
  builder.acceptOneOf({"shared", "shared::cta"});
  builder.expect("b64");
  builder.end();
  builder.instruction.handler = arriveAfterCopies;
  builder.address();
}

static void decodeCp(Builder &builder) {
  builder.instruction.kind = InstructionKind::AsyncCopy;
  builder.expect("async");
  if (builder.accept("bulk"))
    return decodeBulkCopy(builder);
  if (builder.accept("mbarrier"))
    return decodeArrive(builder);
  if (builder.accept("commit_group")) {
    builder.end();
    builder.instruction.handler = commitCopies;
    return;
  }
  if (builder.accept("wait_group"))
    return decodeWait(builder, false);
  if (builder.accept("wait_all"))
    return decodeWait(builder, true);
  decodeStart(builder);
}

void addCopies(OpcodeTable &table) { table["cp"] = decodeCp; }

} // namespace tenon::sim
