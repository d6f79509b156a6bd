// A generic address is in the window of shared, local or parameter memory, or else global (PTX ISA
// 5.1). Global memory is looked up in the allocation of the last access first.

#include "lib/CudaSimulator/Execute/Access.h"
#include <bit>
#include <cstring>

namespace tenon::sim {

static std::string hex(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

static void failMisaligned(uint64_t address, unsigned bytes, unsigned lane) {
  throw Fault(FaultKind::MisalignedAddress,
              "address " + hex(address) + " is not a multiple of " + std::to_string(bytes),
              static_cast<int>(lane));
}

static void checkWritten(const Allocation &allocation, uint64_t address, uint64_t bytes, int lane) {
  const uint8_t *written = allocation.written + (address - allocation.address);
  const void *missing = std::memchr(written, 0, bytes);
  if (!missing)
    return;
  uint64_t at = static_cast<uint64_t>(static_cast<const uint8_t *>(missing) - allocation.written);
  throw Fault(FaultKind::Trap,
              "global byte " + hex(allocation.address + at) + ", number " + std::to_string(at) +
                  " of memory of " + std::to_string(allocation.bytes) +
                  " bytes, is read, but was never written",
              lane);
}

uint8_t *locateGlobal(const LaunchRequest &request, uint64_t address, uint64_t bytes,
                      AccessMode mode, int lane, const Allocation *&cache) {
  const Allocation *allocation = cache;
  if (!allocation || !allocation->contains(address, bytes)) {
    allocation = request.memory->find(address);
    if (!allocation)
      throw Fault(FaultKind::IllegalAddress, request.memory->explain(address), lane);
    if (!allocation->contains(address, bytes))
      throw Fault(FaultKind::IllegalAddress,
                  std::to_string(bytes) + " bytes at " + hex(address) + " end " +
                      std::to_string(bytes - (allocation->address + allocation->bytes - address)) +
                      " bytes after memory of " + std::to_string(allocation->bytes) + " bytes at " +
                      hex(allocation->address),
                  lane);
    cache = allocation;
  }
  if (mode != AccessMode::Read && allocation->readOnly)
    throw Fault(FaultKind::IllegalAddress, "a constant at " + hex(address) + " is written", lane);
  uint64_t offset = address - allocation->address;
  if (allocation->written) {
    if (mode != AccessMode::Write && request.options->checkUninitialised)
      checkWritten(*allocation, address, bytes, lane);
    if (mode != AccessMode::Read)
      std::memset(allocation->written + offset, 1, bytes);
  }
  return allocation->data + offset;
}

void checkWaitedForGrid(const Warp &warp, int lane) {
  bool waited = lane < 0 ? warp.waitedForGrid : warp.waitedForGrid >> lane & 1;
  if (warp.block.cluster.request.overlaps && !waited)
    throw Fault(FaultKind::Trap,
                "global memory is accessed before griddepcontrol.wait, when the kernel before may "
                "not have ended",
                lane);
}

uint8_t *locateGlobal(Warp &warp, uint64_t address, uint64_t bytes, AccessMode mode, int lane) {
  uint8_t *found =
      locateGlobal(warp.block.cluster.request, address, bytes, mode, lane, warp.lastAllocation);
  if (!warp.lastAllocation->readOnly)
    checkWaitedForGrid(warp, lane);
  return found;
}

SharedMemory &locateShared(Warp &warp, uint64_t &address, int lane) {
  if (address - sharedWindow < windowBytes)
    address -= sharedWindow;
  uint64_t rank = address >> clusterRankShift;
  if (rank == 0)
    return warp.block.shared;
  address &= (uint64_t(1) << clusterRankShift) - 1;
  Cluster &cluster = warp.block.cluster;
  SharedMemory &shared = cluster.sharedOf(rank - 1, lane);
  if (&shared != &warp.block.shared)
    cluster.blocks[rank - 1]->noteReach(warp);
  return shared;
}

static uint8_t *locateLocal(Warp &warp, uint64_t address, unsigned bytes, unsigned lane) {
  uint64_t offset = address >= localWindow ? address - localWindow : address;
  uint64_t size = warp.block.cluster.request.program->localBytes;
  if (offset > size || bytes > size - offset)
    throw Fault(FaultKind::IllegalAddress,
                "local address " + std::to_string(offset) + " of " + std::to_string(bytes) +
                    " bytes is outside of the thread's " + std::to_string(size) + " bytes",
                static_cast<int>(lane));
  return &warp.local[lane * size + offset];
}

static uint8_t *locateParameter(Warp &warp, uint64_t address, unsigned bytes, AccessMode mode,
                                unsigned lane) {
  if (address - localWindow < windowBytes)
    return locateLocal(warp, address, bytes, lane);
  uint64_t offset = address >= parameterWindow ? address - parameterWindow : address;
  const std::vector<uint8_t> &parameters = warp.block.cluster.request.parameters;
  if (offset > parameters.size() || bytes > parameters.size() - offset)
    throw Fault(FaultKind::IllegalAddress,
                "parameter bytes " + std::to_string(offset) + " to " +
                    std::to_string(offset + bytes) + " of " + std::to_string(parameters.size()),
                static_cast<int>(lane));
  if (mode != AccessMode::Read)
    throw Fault(FaultKind::IllegalAddress, "a parameter of the kernel is written",
                static_cast<int>(lane));
  return const_cast<uint8_t *>(&parameters[offset]);
}

static uint8_t *locateInShared(Warp &warp, uint64_t address, unsigned bytes, AccessMode mode,
                               unsigned lane, bool strong) {
  int number = static_cast<int>(lane);
  SharedMemory &shared = locateShared(warp, address, number);
  Accessor by = warp.accessor(number, strong);
  if (mode == AccessMode::Write)
    return shared.write(address, bytes, by);
  auto *bytesRead = const_cast<uint8_t *>(shared.read(address, bytes, by));
  return mode == AccessMode::Read ? bytesRead : shared.write(address, bytes, by);
}

static Space resolve(uint64_t address) {
  if (address - sharedWindow < windowBytes)
    return Space::Shared;
  if (address - localWindow < windowBytes)
    return Space::Local;
  if (address - parameterWindow < windowBytes)
    return Space::Param;
  return Space::Global;
}

uint8_t *locate(Warp &warp, Space space, uint64_t address, unsigned bytes, AccessMode mode,
                unsigned lane, bool strong) {
  if (space == Space::Generic)
    space = resolve(address);
  if (space == Space::Shared || space == Space::SharedCluster)
    return locateInShared(warp, address, bytes, mode, lane, strong);
  if (address & (bytes - 1))
    failMisaligned(address, bytes, lane);
  if (space == Space::Local)
    return locateLocal(warp, address, bytes, lane);
  if (space == Space::Param)
    return locateParameter(warp, address, bytes, mode, lane);
  return locateGlobal(warp, address, bytes, mode, static_cast<int>(lane));
}

Space takeSpace(Builder &builder) {
  static constexpr Space spaces[] = {Space::Global,        Space::Shared, Space::Shared,
                                     Space::SharedCluster, Space::Local,  Space::Const,
                                     Space::Param,         Space::Param,  Space::Param};
  int choice = builder.acceptOneOf({"global", "shared", "shared::cta", "shared::cluster", "local",
                                    "const", "param", "param::entry", "param::func"});
  return choice < 0 ? Space::Generic : spaces[choice];
}

Order takeOrder(Builder &builder) {
  Order order;
  if (builder.accept("weak"))
    return order;
  if (builder.accept("volatile")) {
    order.strong = true;
    return order;
  }
  builder.accept("mmio");
  int kind = builder.acceptOneOf({"relaxed", "acquire", "release", "acq_rel"});
  order.strong = kind >= 0;
  order.acquires = kind == 1 || kind == 3;
  order.releases = kind == 2 || kind == 3;
  if (builder.acceptOneOf({"cta", "cluster", "gpu", "sys"}) >= 0)
    order.strong = true;
  return order;
}

bool takeHints(Builder &builder) {
  bool policy = false;
  while (true) {
    if (builder.accept("L2::cache_hint"))
      policy = true;
    else if (builder.acceptOneOf({"ca",
                                  "cg",
                                  "cs",
                                  "lu",
                                  "cv",
                                  "wb",
                                  "wt",
                                  "nc",
                                  "unified",
                                  "L1::evict_normal",
                                  "L1::evict_unchanged",
                                  "L1::evict_first",
                                  "L1::evict_last",
                                  "L1::no_allocate",
                                  "L2::evict_normal",
                                  "L2::evict_first",
                                  "L2::evict_last",
                                  "L2::64B",
                                  "L2::128B",
                                  "L2::256B"}) < 0)
      return policy;
  }
}

static void countGlobal(Warp &warp, const Instruction &instruction, LaneMask mask, unsigned operand,
                        unsigned bytes) {
  uint64_t sectors[warpSize], last = ~uint64_t(0);
  unsigned count = 0, asked = 0;
  for (; mask; mask &= mask - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(mask));
    uint64_t sector = addressOf(warp, instruction, operand, lane) >> 5;
    asked += bytes;
    if (sector == last)
      continue;
    last = sector;
    if (std::find(sectors, sectors + count, sector) == sectors + count)
      sectors[count++] = sector;
  }
  Counters &counters = warp.block.counters;
  counters.globalBytes += asked;
  counters.globalSectors += count;
  counters.wastedBytes += count * 32 > asked ? count * 32 - asked : 0;
}

/// Whether lanes ask for words of one line of all banks alone, where none is in another's way.
static bool askInOneLine(Warp &warp, const Instruction &instruction, LaneMask mask,
                         unsigned operand, unsigned words) {
  uint64_t lowest = ~uint64_t(0), highest = 0;
  for (; mask; mask &= mask - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(mask));
    uint64_t word = addressOf(warp, instruction, operand, lane) / 4;
    lowest = std::min(lowest, word);
    highest = std::max(highest, word + words);
  }
  return highest <= lowest + warpSize;
}

/// Lanes are served in groups that ask for 128 bytes; each further word that a bank must give takes
/// a cycle of its own.
static void countShared(Warp &warp, const Instruction &instruction, LaneMask mask, unsigned operand,
                        unsigned bytes) {
  unsigned words = std::max(1u, bytes / 4), group = warpSize / words;
  for (unsigned first = 0; first < warpSize; first += group) {
    LaneMask members = static_cast<LaneMask>((uint64_t(1) << group) - 1) << first;
    if (askInOneLine(warp, instruction, mask & members, operand, words))
      continue;
    uint64_t asked[warpSize][4];
    unsigned counts[warpSize] = {}, most = 1;
    for (unsigned lane = first; lane < first + group; ++lane) {
      if (!(mask >> lane & 1))
        continue;
      uint64_t word = addressOf(warp, instruction, operand, lane) / 4;
      for (unsigned i = 0; i < words; ++i) {
        unsigned bank = (word + i) % warpSize;
        unsigned known = std::min(counts[bank], 4u);
        if (std::find(asked[bank], asked[bank] + known, word + i) != asked[bank] + known)
          continue;
        if (counts[bank] < 4)
          asked[bank][counts[bank]] = word + i;
        most = std::max(most, ++counts[bank]);
      }
    }
    warp.block.counters.bankConflicts += most - 1;
  }
}

void countAccess(Warp &warp, const Instruction &instruction, LaneMask mask, unsigned operand,
                 unsigned bytes) {
  if (instruction.kind == InstructionKind::GlobalMemory)
    countGlobal(warp, instruction, mask, operand, bytes);
  else if (instruction.kind == InstructionKind::SharedMemory)
    countShared(warp, instruction, mask, operand, bytes);
}

} // namespace tenon::sim
