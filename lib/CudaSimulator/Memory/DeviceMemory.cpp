// Each allocation has its own mapping, so that freeing gives the pages back and the sanitizers' and
// the kernel's zero pages cost nothing before they are touched. New memory holds 0xff, which is NaN
// in every float type.

#include "lib/CudaSimulator/Memory/DeviceMemory.h"
#include <cstring>
#include <new>
#include <sys/mman.h>

namespace tenon::sim {

/// As the driver aligns; the gap after each allocation is at least this.
static constexpr uint64_t granularity = 512;
static constexpr uint64_t reservedBytes = uint64_t(1) << 40;

static uint64_t roundUp(uint64_t bytes) { return (bytes + granularity - 1) & ~(granularity - 1); }

static void *map(uint64_t bytes, int protection) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *memory = mmap(nullptr, bytes, protection, flags, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

DeviceMemory::DeviceMemory(uint64_t capacity) : total(capacity) {
  reserved = reservedBytes;
  void *range = map(reserved, PROT_NONE);
  if (!range)
    throw std::bad_alloc();
  base = roundUp(reinterpret_cast<uint64_t>(range));
  cursor = base;
}

DeviceMemory::~DeviceMemory() {
  while (!live.empty())
    free(live.begin()->first);
  munmap(reinterpret_cast<void *>(base), reserved);
}

/// The first room at or after the cursor, else from the start; 0 if there is none.
uint64_t DeviceMemory::findRoom(uint64_t bytes) {
  for (unsigned round = 0; round < 2; ++round, cursor = base) {
    for (auto it = live.lower_bound(cursor); it != live.end(); ++it) {
      if (it->first >= base + reserved || it->first - cursor >= bytes)
        break;
      cursor = it->first + roundUp(it->second.bytes) + granularity;
    }
    if (cursor + bytes <= base + reserved - granularity)
      return cursor;
  }
  return 0;
}

const Allocation *DeviceMemory::allocate(uint64_t bytes, Allocation::Kind kind) {
  if (bytes > available())
    return nullptr;
  uint64_t room = roundUp(bytes) + granularity, address = findRoom(room);
  void *data = address ? map(bytes, PROT_READ | PROT_WRITE) : nullptr;
  void *written = data ? map(bytes, PROT_READ | PROT_WRITE) : nullptr;
  if (!written) {
    if (data)
      munmap(data, bytes);
    return nullptr;
  }
  std::memset(data, 0xff, bytes);
  cursor = address + room;
  used += bytes;
  Allocation allocation{
      address, bytes,   static_cast<uint8_t *>(data), static_cast<uint8_t *>(written), kind,
      false,   ++lastId};
  freed.erase(freed.lower_bound(address), freed.lower_bound(address + room));
  return &(live[address] = allocation);
}

bool DeviceMemory::addHost(void *data, uint64_t bytes, Allocation::Kind kind) {
  uint64_t address = reinterpret_cast<uint64_t>(data);
  auto next = live.lower_bound(address);
  if (next != live.end() && next->first < address + bytes)
    return false;
  if (find(address))
    return false;
  live[address] = {address, bytes, static_cast<uint8_t *>(data), nullptr, kind, false, ++lastId};
  return true;
}

bool DeviceMemory::free(uint64_t address) {
  auto it = live.find(address);
  if (it == live.end())
    return false;
  const Allocation &allocation = it->second;
  if (allocation.written) {
    munmap(allocation.data, allocation.bytes);
    munmap(allocation.written, allocation.bytes);
    used -= allocation.bytes;
    freed[address] = allocation.bytes;
  }
  live.erase(it);
  return true;
}

const Allocation *DeviceMemory::find(uint64_t address) const {
  auto it = live.upper_bound(address);
  if (it == live.begin())
    return nullptr;
  const Allocation &allocation = std::prev(it)->second;
  return allocation.contains(address, 1) ? &allocation : nullptr;
}

static std::string hex(uint64_t value) {
  char text[24];
  snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string DeviceMemory::explain(uint64_t address) const {
  if (address < 4096)
    return hex(address) + " is a null pointer";
  auto after = freed.upper_bound(address);
  if (after != freed.begin() && address - std::prev(after)->first < std::prev(after)->second)
    return hex(address) + " is " + std::to_string(address - std::prev(after)->first) +
           " bytes into freed memory of " + std::to_string(std::prev(after)->second) + " bytes";
  auto next = live.upper_bound(address);
  if (next != live.begin()) {
    const Allocation &before = std::prev(next)->second;
    uint64_t end = before.address + before.bytes;
    if (address >= end && address - end < (uint64_t(1) << 30))
      return hex(address) + " is " + std::to_string(address - end) + " bytes after memory of " +
             std::to_string(before.bytes) + " bytes at " + hex(before.address);
  }
  if (next != live.end() && next->first - address < (uint64_t(1) << 30))
    return hex(address) + " is " + std::to_string(next->first - address) +
           " bytes before memory of " + std::to_string(next->second.bytes) + " bytes at " +
           hex(next->first);
  return hex(address) + " is in no memory of the device";
}

} // namespace tenon::sim
