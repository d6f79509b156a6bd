// A byte knows whether it was written, whether a copy into it is under way, whether it belongs to
// an mbarrier, who wrote it last, and when each actor last read it. An access is a race with an
// earlier one if its actor's clock does not cover that one. Lanes of a warp are one actor; a value
// that another lane of the same warp wrote since the warp last synchronised is a race, too.
//
// Clearing these tables for every block would cost more than small blocks do. Counts of a block
// start above all those of the block before instead.

#include "lib/CudaSimulator/Memory/SharedMemory.h"
#include "lib/CudaSimulator/Execute/Fault.h"
#include <cstdlib>
#include <cstring>
#include <new>

namespace tenon::sim {

template <typename T> static std::unique_ptr<T[], void (*)(void *)> allocateZeros(uint64_t count) {
  auto *memory = static_cast<T *>(std::calloc(std::max<uint64_t>(count, 1), sizeof(T)));
  if (!memory)
    throw std::bad_alloc();
  return {memory, std::free};
}

void SharedMemory::start(uint64_t bytes, unsigned actorCount, const Options &options) {
  size = bytes;
  checkRaces = options.checkRaces;
  checkUninitialised = options.checkUninitialised;
  if (size > room || actorCount != roomActors || highest > UINT32_MAX / 2) {
    room = std::max(size, room);
    roomActors = actorCount;
    data = std::make_unique<uint8_t[]>(room);
    state = std::make_unique<uint8_t[]>(room);
    writes = allocateZeros<Write>(room);
    reads = allocateZeros<uint32_t>(checkRaces ? room * actorCount : 0);
    highest = 0;
  }
  actors = actorCount;
  base = highest + 1;
  std::memset(data.get(), 0xcd, size);
  std::memset(state.get(), 0, size);
  barriers.clear();
  released.clear();
  fences.assign(actors, 0);
}

static std::string nameOf(unsigned actor, int lane, unsigned actors) {
  if (actor + 1 == actors)
    return "an asynchronous copy";
  std::string name = "warp " + std::to_string(actor);
  return lane < 0 ? name : name + " lane " + std::to_string(lane);
}

static std::string describe(uint64_t offset) { return "shared byte " + std::to_string(offset); }

uint8_t *SharedMemory::raw(uint64_t offset, uint64_t bytes, int lane) {
  if (offset < firstOffset || offset > end() || bytes > end() - offset)
    throw Fault(FaultKind::IllegalAddress,
                "shared address " + std::to_string(offset) + " of " + std::to_string(bytes) +
                    " bytes is outside of the block's shared memory, " +
                    std::to_string(firstOffset) + " to " + std::to_string(end()),
                lane);
  if (bytes <= 16 && (bytes & (bytes - 1)) == 0 && offset % bytes)
    throw Fault(FaultKind::MisalignedAddress,
                "shared address " + std::to_string(offset) + " is not a multiple of " +
                    std::to_string(bytes),
                lane);
  return &data[offset - firstOffset];
}

void SharedMemory::failRace(uint64_t at, const Accessor &by, const char *what, unsigned actor,
                            int lane) {
  throw Fault(FaultKind::Trap,
              "data race: " + nameOf(by.actor, by.lane, actors) + " " + what + " " +
                  nameOf(actor, lane, actors) + " at " + describe(at + firstOffset) +
                  " without synchronisation between them",
              by.lane);
}

void SharedMemory::recordRead(uint64_t at, const Accessor &by) {
  const Write &write = writes[at];
  bool bothStrong = by.strong && (state[at] & StrongWrite);
  if ((state[at] & Written) && write.count >= base && !bothStrong) {
    uint32_t known = by.clock->counts[write.actor] + base;
    bool otherLane = write.actor == by.actor && write.lane >= 0 && by.lane >= 0 &&
                     write.lane != by.lane && write.count == known;
    if (write.count > known || otherLane)
      failRace(at, by, "reads what was written by", write.actor, write.lane);
  }
  if (!by.strong) {
    uint32_t count = by.clock->counts[by.actor] + base;
    reads[at * actors + by.actor] = count;
    highest = std::max(highest, count);
  }
}

void SharedMemory::recordWrite(uint64_t at, const Accessor &by) {
  Write &write = writes[at];
  bool bothStrong = by.strong && (state[at] & StrongWrite);
  const std::vector<uint32_t> &known = by.clock->counts;
  if ((state[at] & Written) && write.count > known[write.actor] + base && !bothStrong)
    failRace(at, by, "overwrites what was written by", write.actor, write.lane);
  const uint32_t *read = &reads[at * actors];
  for (unsigned actor = 0; actor < actors; ++actor)
    if (read[actor] > known[actor] + base)
      failRace(at, by, "overwrites what was read by", actor, -1);
  write = {known[by.actor] + base, static_cast<uint16_t>(by.actor), static_cast<int16_t>(by.lane)};
  highest = std::max(highest, write.count);
}

/// Whether any of the bytes differs from `value` in the bits of `mask`; many at a time.
static bool anyDiffers(const uint8_t *bytes, uint64_t count, uint8_t mask, uint8_t value) {
  constexpr uint64_t each = 0x0101010101010101;
  uint64_t wrong = 0;
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t part;
    std::memcpy(&part, bytes, 8);
    wrong |= (part ^ each * value) & each * mask;
  }
  for (; count >= 4; bytes += 4, count -= 4) {
    uint32_t part;
    std::memcpy(&part, bytes, 4);
    wrong |= (part ^ static_cast<uint32_t>(each * value)) & static_cast<uint32_t>(each * mask);
  }
  for (; count; ++bytes, --count)
    wrong |= (*bytes ^ value) & mask;
  return wrong;
}

/// What nobody may do to bytes in the state that they are in.
void SharedMemory::checkState(uint64_t offset, uint64_t bytes, const Accessor &by, bool writing) {
  const uint8_t *states = &state[offset - firstOffset];
  uint8_t forbidden = InFlight | IsMbarrier | (writing ? BeingRead : 0);
  uint8_t wanted = !writing && checkUninitialised ? Written : 0;
  if (!anyDiffers(states, bytes, forbidden | wanted, wanted))
    return;
  for (uint64_t i = 0; i < bytes; ++i) {
    if (states[i] & InFlight)
      throw Fault(FaultKind::Trap,
                  describe(offset + i) + (writing ? " is written" : " is read") +
                      " while an asynchronous copy into it is under way",
                  by.lane);
    if (writing && (states[i] & BeingRead))
      throw Fault(FaultKind::Trap,
                  describe(offset + i) + " is written while an asynchronous copy reads it",
                  by.lane);
    if (states[i] & IsMbarrier)
      throw Fault(FaultKind::Trap,
                  describe(offset + i) + " belongs to an mbarrier and is " +
                      (writing ? "overwritten" : "read") + " as data",
                  by.lane);
    if (!writing && checkUninitialised && !(states[i] & Written))
      throw Fault(FaultKind::Trap, describe(offset + i) + " is read, but was never written",
                  by.lane);
  }
}

const uint8_t *SharedMemory::read(uint64_t offset, uint64_t bytes, const Accessor &by) {
  const uint8_t *result = raw(offset, bytes, by.lane);
  checkState(offset, bytes, by, false);
  if (checkRaces)
    for (uint64_t i = 0; i < bytes; ++i)
      recordRead(offset - firstOffset + i, by);
  return result;
}

uint8_t *SharedMemory::write(uint64_t offset, uint64_t bytes, const Accessor &by) {
  uint8_t *result = raw(offset, bytes, by.lane);
  checkState(offset, bytes, by, true);
  uint64_t first = offset - firstOffset;
  for (uint64_t i = first; i < first + bytes; ++i) {
    if (checkRaces)
      recordWrite(i, by);
    state[i] = Written | (by.strong ? StrongWrite : 0);
  }
  return result;
}

const uint8_t *SharedMemory::readAsync(uint64_t offset, uint64_t bytes, const Accessor &by,
                                       const VectorClock &fenced) {
  const uint8_t *result = read(offset, bytes, by);
  if (!checkRaces)
    return result;
  for (uint64_t at = offset - firstOffset; at < offset - firstOffset + bytes; ++at) {
    const Write &last = writes[at];
    bool ordinary = last.count >= base && last.actor + 1u != actors;
    if (ordinary && last.count > fences[last.actor] + base &&
        last.count > fenced.counts[last.actor] + base)
      throw Fault(FaultKind::Trap,
                  describe(at + firstOffset) + " is read asynchronously, but " +
                      nameOf(last.actor, last.lane, actors) +
                      " wrote it without a fence.proxy.async since",
                  by.lane);
  }
  return result;
}

void SharedMemory::startRead(uint64_t offset, uint64_t bytes) {
  for (uint64_t i = offset - firstOffset; i < offset - firstOffset + bytes; ++i)
    state[i] |= BeingRead;
}

const uint8_t *SharedMemory::finishRead(uint64_t offset, uint64_t bytes) {
  for (uint64_t i = offset - firstOffset; i < offset - firstOffset + bytes; ++i)
    state[i] &= static_cast<uint8_t>(~BeingRead);
  return &data[offset - firstOffset];
}

void SharedMemory::startCopy(uint64_t offset, uint64_t bytes, const Accessor &by) {
  uint8_t *target = write(offset, bytes, by);
  std::memset(target, 0xff, bytes);
  std::memset(&state[offset - firstOffset], InFlight, bytes);
}

uint8_t *SharedMemory::deliver(uint64_t offset, uint64_t bytes, const Accessor &by) {
  uint8_t *target = raw(offset, bytes, by.lane);
  std::memset(&state[offset - firstOffset], Written, bytes);
  if (checkRaces)
    for (uint64_t i = 0; i < bytes; ++i) {
      uint32_t count = by.clock->counts[by.actor] + base;
      writes[offset - firstOffset + i] = {count, static_cast<uint16_t>(by.actor),
                                          static_cast<int16_t>(by.lane)};
      highest = std::max(highest, count);
    }
  return target;
}

static uint64_t markOf(uint64_t offset, const Mbarrier &barrier) {
  return 0x6d62617272696572 ^ (offset << 40) ^ (barrier.phase << 8) ^ barrier.pending;
}

Mbarrier &SharedMemory::initialiseMbarrier(uint64_t offset, uint32_t count, const Accessor &by) {
  raw(offset, 8, by.lane);
  auto existing = barriers.find(offset);
  if (existing != barriers.end())
    throw Fault(FaultKind::Trap,
                "mbarrier.init of the mbarrier at " + std::to_string(offset) +
                    ", which is valid already (mbarrier.inval comes first)",
                by.lane);
  uint8_t *bytes = write(offset, 8, by);
  std::memset(&state[offset - firstOffset], Written | IsMbarrier, 8);
  Mbarrier &barrier = barriers[offset];
  barrier.expected = barrier.pending = count;
  uint64_t mark = markOf(offset, Mbarrier{});
  std::memcpy(bytes, &mark, 8);
  return barrier;
}

Mbarrier &SharedMemory::mbarrierAt(uint64_t offset, int lane) {
  uint8_t *bytes = raw(offset, 8, lane);
  auto it = barriers.find(offset);
  if (it == barriers.end())
    throw Fault(FaultKind::Trap,
                "there is no valid mbarrier at shared address " + std::to_string(offset), lane);
  uint64_t mark = markOf(offset, Mbarrier{}), found = 0;
  std::memcpy(&found, bytes, 8);
  if (found != mark)
    throw Fault(FaultKind::Trap,
                "the mbarrier at shared address " + std::to_string(offset) + " was overwritten",
                lane);
  return it->second;
}

void SharedMemory::invalidateMbarrier(uint64_t offset, int lane) {
  mbarrierAt(offset, lane);
  barriers.erase(offset);
  std::memset(&state[offset - firstOffset], 0, 8);
}

} // namespace tenon::sim
