// Bulk copies and TMA (PTX ISA 9.7.9.25.4 and 9.7.9.27): one lane starts a copy that an engine
// makes later, into shared memory with an mbarrier that counts its bytes, or out of it in groups
// that the lane waits for. Here the engine takes what is under way in random order, and as late as
// it can.

#include "lib/CudaSimulator/Execute/BulkCopies.h"
#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Execute/Mbarriers.h"
#include <array>

namespace tenon::sim {

namespace {

struct BulkCopy final : Details {
  enum class Direction { GlobalToShared, SharedToShared, SharedToGlobal };
  Direction direction = Direction::GlobalToShared;
  bool isTensor = false, isIm2col = false, multicasts = false;
  unsigned rank = 0, offsetCount = 0;
  // Offsets of the addresses in the operands.
  int64_t targetOffset = 0, sourceOffset = 0, barrierOffset = 0, mapOffset = 0;
  // Places in Instruction::operands.
  unsigned target = 0, source = 0, size = 0, barrier = 0, map = 0, coordinates = 0, offsets = 0,
           blocks = 0;
};

/// One lane's copy with the values of its operands.
struct Request {
  const BulkCopy *form;
  uint64_t target = 0, source = 0, barrier = 0;
  uint64_t bytes = 0;
  TensorMap map{};
  std::array<int32_t, 5> coordinates{};
  std::array<uint16_t, 3> offsets{};
  LaneMask blocks = 0;
};

} // namespace

static uint64_t valueOf(Warp &warp, const Instruction &instruction, unsigned operand, int lane) {
  return warp.row(instruction.operands[operand])[lane];
}

static TensorMap loadMap(Warp &warp, uint64_t address, int lane) {
  if (address % 64)
    throw Fault(FaultKind::MisalignedAddress, "the tensor map is not aligned to 64 bytes", lane);
  TensorMap map;
  uint8_t bytes[128];
  for (unsigned i = 0; i < 128; i += 16)
    std::memcpy(bytes + i,
                locate(warp, Space::Generic, address + i, 16, AccessMode::Read,
                       static_cast<unsigned>(lane), false),
                16);
  std::memcpy(&map, bytes, sizeof map);
  if (map.mark != TensorMap::validMark)
    throw Fault(FaultKind::Trap, "there is no tensor map at the address", lane);
  return map;
}

static Request readRequest(Warp &warp, const Instruction &instruction, int lane) {
  const auto &form = static_cast<const BulkCopy &>(*instruction.details);
  Request request;
  request.form = &form;
  auto address = [&](unsigned operand, int64_t offset) {
    return valueOf(warp, instruction, operand, lane) + static_cast<uint64_t>(offset);
  };
  bool loads = form.direction != BulkCopy::Direction::SharedToGlobal;
  if (!form.isTensor || loads)
    request.target = address(form.target, form.targetOffset);
  if (!form.isTensor || !loads)
    request.source = address(form.source, form.sourceOffset);
  if (loads)
    request.barrier = address(form.barrier, form.barrierOffset);
  if (form.multicasts)
    request.blocks = static_cast<uint16_t>(valueOf(warp, instruction, form.blocks, lane));
  if (!form.isTensor) {
    request.bytes = static_cast<uint32_t>(valueOf(warp, instruction, form.size, lane));
    return request;
  }
  request.map = loadMap(warp, address(form.map, form.mapOffset), lane);
  if (request.map.rank != form.rank || request.map.isIm2col != form.isIm2col)
    throw Fault(FaultKind::Trap,
                "the tensor map is " + std::string(request.map.isIm2col ? "im2col" : "tiled") +
                    " of rank " + std::to_string(request.map.rank) +
                    ", which the instruction is not",
                lane);
  request.bytes = request.map.boxBytes();
  for (unsigned i = 0; i < form.rank; ++i)
    request.coordinates[i] =
        static_cast<int32_t>(valueOf(warp, instruction, form.coordinates + i, lane));
  for (unsigned i = 0; i < form.offsetCount; ++i)
    request.offsets[i] = static_cast<uint16_t>(valueOf(warp, instruction, form.offsets + i, lane));
  return request;
}

static void checkAlignment(const Request &request, uint64_t shared, int lane) {
  bool tensor = request.form->isTensor;
  if (shared % (tensor ? 128 : 16))
    throw Fault(FaultKind::MisalignedAddress,
                "shared address " + std::to_string(shared) + " is not a multiple of " +
                    (tensor ? "128" : "16"),
                lane);
  if (!tensor && (request.bytes % 16 || request.bytes == 0))
    throw Fault(FaultKind::Trap,
                "cannot copy " + std::to_string(request.bytes) + " bytes, only multiples of 16",
                lane);
}

/// The bytes of the copy, from global memory.
static std::vector<uint8_t> gather(const LaunchRequest &launch, const Request &request,
                                   uint64_t shared, int lane) {
  std::vector<uint8_t> bytes(request.bytes, 0);
  const Allocation *cache = nullptr;
  if (!request.form->isTensor) {
    if (request.source % 16)
      throw Fault(FaultKind::MisalignedAddress, "the source is not aligned to 16 bytes", lane);
    std::memcpy(bytes.data(),
                locateGlobal(launch, request.source, request.bytes, AccessMode::Read, lane, cache),
                request.bytes);
    return bytes;
  }
  const TensorMap &map = request.map;
  visitBox(map, shared, request.coordinates.data(), request.offsets.data(),
           [&](const TileElement &element) {
             uint8_t *target = &bytes[element.shared - shared];
             if (element.inside)
               std::memcpy(target,
                           locateGlobal(launch, element.global, map.elementBytes, AccessMode::Read,
                                        lane, cache),
                           map.elementBytes);
             else
               std::memset(target, map.fillsWithNaN ? 0xff : 0, map.elementBytes);
           });
  return bytes;
}

/// One block's shared memory gets the bytes; the mbarrier beside them counts.
static void startLoad(Warp &warp, const Instruction &instruction, const Request &request,
                      SharedMemory &shared, SharedMemory &barrierMemory, int lane) {
  Cluster &cluster = warp.block.cluster;
  shared.startCopy(request.target, request.bytes, warp.accessor(lane));
  barrierMemory.mbarrierAt(request.barrier, lane);
  warp.defer(instruction, lane,
             [&cluster, &shared, &barrierMemory, &warp, request, lane, clock = warp.clock] {
               std::vector<uint8_t> bytes;
               if (request.form->direction == BulkCopy::Direction::SharedToShared) {
                 Accessor by{warp.actor, lane, &clock, false};
                 const uint8_t *source = warp.block.shared.readAsync(request.source, request.bytes,
                                                                     by, warp.proxyClock);
                 bytes.assign(source, source + request.bytes);
               } else {
                 bytes = gather(cluster.request, request, request.target, lane);
               }
               cluster.copyClock.join(clock);
               ++cluster.copyClock.counts[cluster.copyActor()];
               Accessor engine{cluster.copyActor(), -1, &cluster.copyClock, false};
               std::memcpy(shared.deliver(request.target, request.bytes, engine), bytes.data(),
                           bytes.size());
               cluster.noteLoad(shared);
               addTransactions(cluster, barrierMemory, request.barrier,
                               -static_cast<int64_t>(request.bytes), cluster.copyClock, lane);
             });
}

static void load(Warp &warp, const Instruction &instruction, Request request, int lane) {
  Cluster &cluster = warp.block.cluster;
  SharedMemory &own = locateShared(warp, request.target, lane);
  SharedMemory &barrierMemory = locateShared(warp, request.barrier, lane);
  checkAlignment(request, request.target, lane);
  if (request.form->direction == BulkCopy::Direction::SharedToShared)
    locateShared(warp, request.source, lane);
  if (!request.form->multicasts)
    return startLoad(warp, instruction, request, own, barrierMemory, lane);
  // The same offsets in each block that the mask names.
  for (LaneMask rest = request.blocks; rest; rest &= rest - 1) {
    SharedMemory &shared = cluster.sharedOf(std::countr_zero(rest), lane);
    startLoad(warp, instruction, request, shared, shared, lane);
  }
}

static void scatter(const LaunchRequest &launch, const Request &request, const uint8_t *bytes,
                    int lane) {
  const Allocation *cache = nullptr;
  if (!request.form->isTensor) {
    if (request.target % 16)
      throw Fault(FaultKind::MisalignedAddress, "the target is not aligned to 16 bytes", lane);
    std::memcpy(locateGlobal(launch, request.target, request.bytes, AccessMode::Write, lane, cache),
                bytes, request.bytes);
    return;
  }
  const TensorMap &map = request.map;
  visitBox(map, request.source, request.coordinates.data(), request.offsets.data(),
           [&](const TileElement &element) {
             if (element.inside)
               std::memcpy(locateGlobal(launch, element.global, map.elementBytes, AccessMode::Write,
                                        lane, cache),
                           bytes + (element.shared - request.source), map.elementBytes);
           });
}

static void store(Warp &warp, const Instruction &instruction, Request request, int lane) {
  SharedMemory &shared = locateShared(warp, request.source, lane);
  checkAlignment(request, request.source, lane);
  shared.readAsync(request.source, request.bytes, warp.accessor(lane), warp.proxyClock);
  shared.startRead(request.source, request.bytes);
  auto copy = std::make_shared<DeferredCopy>();
  copy->run = [&warp, &shared, request, lane, copy = copy.get()] {
    copy->done = true;
    scatter(warp.block.cluster.request, request, shared.finishRead(request.source, request.bytes),
            lane);
  };
  warp.bulk[lane].open.push_back(copy);
  warp.defer(instruction, lane, [copy] {
    if (!copy->done)
      copy->run();
  });
}

static Outcome start(Warp &warp, const Instruction &instruction, LaneMask mask) {
  for (LaneMask rest = mask; rest; rest &= rest - 1) {
    int lane = std::countr_zero(rest);
    Request request = readRequest(warp, instruction, lane);
    if (request.form->direction != BulkCopy::Direction::SharedToShared)
      checkWaitedForGrid(warp, lane);
    if (request.form->direction == BulkCopy::Direction::SharedToGlobal)
      store(warp, instruction, request, lane);
    else
      load(warp, instruction, request, lane);
  }
  warp.tick();
  warp.block.cluster.noteProgress();
  return Outcome::Next;
}

static Outcome commit(Warp &warp, const Instruction &, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) {
    LaneBulk &bulk = warp.bulk[lane];
    bulk.groups.push_back(std::move(bulk.open));
    bulk.open.clear();
  });
  return Outcome::Next;
}

static Outcome wait(Warp &warp, const Instruction &instruction, LaneMask mask) {
  forLanes(mask, [&](unsigned lane) {
    LaneBulk &bulk = warp.bulk[lane];
    for (; bulk.groups.size() > instruction.target; bulk.groups.pop_front())
      for (const auto &copy : bulk.groups.front())
        if (!copy->done)
          copy->run();
  });
  warp.block.cluster.noteProgress();
  return Outcome::Next;
}

static Outcome nothing(Warp &, const Instruction &, LaneMask) { return Outcome::Next; }

namespace {

/// Operands in the order of the text, with their places.
class BulkDecoder {
public:
  BulkDecoder(Builder &builder, BulkCopy &form) : builder(builder), form(form) {}

  void decode();
  void takeAddress(unsigned &place, int64_t &offset);
  void takeTensor();

private:
  void push(unsigned &place, Slot slot) {
    place = count++;
    builder.push(slot);
  }
  void takeModifiers();
  void takeOffsets();

  Builder &builder;
  BulkCopy &form;
  unsigned count = 0;
  bool policy = false;
};

} // namespace

void BulkDecoder::takeAddress(unsigned &place, int64_t &offset) {
  const Operand &operand = builder.takeOperand();
  if (operand.kind != Operand::Kind::Address || operand.parts.size() != 1)
    builder.fail("expected an address in brackets");
  push(place, builder.addressSlot(operand.parts[0]));
  offset = operand.offset;
}

/// `[map, {c0, c1}]`
void BulkDecoder::takeTensor() {
  const Operand &operand = builder.takeOperand();
  if (operand.kind != Operand::Kind::Address || operand.parts.size() != 2)
    builder.fail("expected a tensor map with coordinates in brackets");
  push(form.map, builder.addressSlot(operand.parts[0]));
  form.mapOffset = operand.offset;
  const Operand &vector = operand.parts[1];
  if (vector.kind == Operand::Kind::Vector ? vector.parts.size() != form.rank : form.rank != 1)
    builder.fail("expected " + std::to_string(form.rank) + " coordinates");
  form.coordinates = count;
  unsigned ignored;
  if (vector.kind != Operand::Kind::Vector)
    return push(ignored, builder.sourceSlot(vector, Type::S32));
  for (const Operand &coordinate : vector.parts)
    push(ignored, builder.sourceSlot(coordinate, Type::S32));
}

void BulkDecoder::takeOffsets() {
  const Operand &operand = builder.takeOperand();
  form.offsetCount = form.rank - 2;
  if (operand.kind != Operand::Kind::Vector || operand.parts.size() != form.offsetCount)
    builder.fail("expected " + std::to_string(form.offsetCount) + " offsets of im2col");
  form.offsets = count;
  unsigned ignored;
  for (const Operand &offset : operand.parts)
    push(ignored, builder.sourceSlot(offset, Type::U16));
}

void BulkDecoder::takeModifiers() {
  if (form.isTensor)
    form.rank = 1 + static_cast<unsigned>(builder.expectOneOf({"1d", "2d", "3d", "4d", "5d"}));
  bool toGlobal = builder.expectOneOf({"shared::cluster", "shared::cta", "global"}) == 2;
  bool fromGlobal = builder.expectOneOf({"shared::cta", "global"}) == 1;
  if (toGlobal == fromGlobal && toGlobal)
    builder.fail("one side of the copy must be shared memory");
  using Direction = BulkCopy::Direction;
  form.direction = toGlobal     ? Direction::SharedToGlobal
                   : fromGlobal ? Direction::GlobalToShared
                                : Direction::SharedToShared;
  if (form.isTensor) {
    if (form.direction == Direction::SharedToShared)
      builder.fail("a tensor is in global memory");
    int mode = builder.acceptOneOf({"tile", "im2col", "im2col_no_offs"});
    form.isIm2col = mode >= 1;
    if (form.isIm2col && form.rank < 3)
      builder.fail("im2col needs a rank of at least 3");
  }
  builder.expect(toGlobal ? "bulk_group" : "mbarrier::complete_tx::bytes");
  form.multicasts = builder.accept("multicast::cluster");
  policy = builder.accept("L2::cache_hint");
  builder.end();
}

void BulkDecoder::decode() {
  form.isTensor = builder.accept("tensor");
  takeModifiers();
  bool loads = form.direction != BulkCopy::Direction::SharedToGlobal;
  if (form.isTensor && !loads)
    takeTensor();
  else
    takeAddress(form.target, form.targetOffset);
  if (form.isTensor && loads)
    takeTensor();
  else
    takeAddress(form.source, form.sourceOffset);
  if (!form.isTensor)
    push(form.size, builder.sourceSlot(builder.takeOperand(), Type::U32));
  if (loads)
    takeAddress(form.barrier, form.barrierOffset);
  if (form.isIm2col && loads)
    takeOffsets();
  if (form.multicasts)
    push(form.blocks, builder.sourceSlot(builder.takeOperand(), Type::U16));
  if (policy)
    builder.source(Type::B64);
  builder.instruction.handler = start;
}

/// Prefetching changes nothing that a program can see; its operands are checked all the same.
static void decodePrefetch(Builder &builder) {
  auto &form = builder.details<BulkCopy>();
  BulkDecoder decoder(builder, form);
  bool tensor = builder.accept("tensor");
  if (tensor)
    form.rank = 1 + static_cast<unsigned>(builder.expectOneOf({"1d", "2d", "3d", "4d", "5d"}));
  builder.expect("L2");
  builder.expect("global");
  builder.accept("tile");
  builder.end();
  builder.instruction.handler = nothing;
  if (tensor)
    return decoder.takeTensor();
  decoder.takeAddress(form.source, form.sourceOffset);
  builder.source(Type::U32);
}

void decodeBulkCopy(Builder &builder) {
  builder.require(80, 90, false);
  if (builder.accept("commit_group")) {
    builder.end();
    builder.instruction.handler = commit;
    return;
  }
  if (builder.accept("wait_group")) {
    // With .read only the sources must be free again; here both happen at once.
    builder.accept("read");
    builder.end();
    builder.instruction.handler = wait;
    builder.instruction.target = static_cast<uint32_t>(builder.immediate());
    return;
  }
  if (builder.accept("prefetch"))
    return decodePrefetch(builder);
  auto &form = builder.details<BulkCopy>();
  BulkDecoder(builder, form).decode();
}

} // namespace tenon::sim
