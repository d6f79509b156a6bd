// The memory of the simulated device, and host memory that kernels may reach.
#ifndef TENON_LIB_CUDASIMULATOR_MEMORY_DEVICEMEMORY_H
#define TENON_LIB_CUDASIMULATOR_MEMORY_DEVICEMEMORY_H

#include <cstdint>
#include <map>
#include <string>

namespace tenon::sim {

/// A piece of memory with an address on the device.
struct Allocation {
  enum class Kind { Device, HostAllocated, HostRegistered, Module };
  uint64_t address = 0;
  uint64_t bytes = 0;
  uint8_t *data = nullptr;
  /// For each byte whether it was written; null where all count as written (host memory).
  uint8_t *written = nullptr;
  Kind kind = Kind::Device;
  bool readOnly = false;
  /// Numbers allocations, so that one at the address of a freed one can be told from it.
  uint64_t id = 0;

  bool contains(uint64_t at, uint64_t count) const {
    return at >= address && at - address <= bytes && count <= bytes - (at - address);
  }
};

/// Addresses of device memory lie in a range of the process that nobody may touch, so that a host
/// that dereferences one is caught as on hardware; the bytes are elsewhere. A freed range is not
/// used again before all others were, and allocations never touch.
///
/// Not thread-safe; the driver's lock protects it. Kernels only look things up.
class DeviceMemory {
public:
  explicit DeviceMemory(uint64_t capacity);
  ~DeviceMemory();
  DeviceMemory(const DeviceMemory &) = delete;

  /// Bytes that were never written, or null where the memory does not suffice.
  const Allocation *allocate(uint64_t bytes, Allocation::Kind kind = Allocation::Kind::Device);

  /// Makes host memory reachable, at its own address. False if it overlaps other such memory.
  bool addHost(void *data, uint64_t bytes, Allocation::Kind kind);

  /// Takes back what starts at `address`, of device memory or as host memory. False if nothing
  /// does.
  bool free(uint64_t address);

  /// What holds the address, or null.
  const Allocation *find(uint64_t address) const;
  void setReadOnly(uint64_t address) { live.at(address).readOnly = true; }

  /// A sentence part about an address that is in no allocation: "0x… is 16 bytes after …".
  std::string explain(uint64_t address) const;

  uint64_t capacity() const { return total; }
  uint64_t available() const { return total - used; }
  const std::map<uint64_t, Allocation> &all() const { return live; }

private:
  uint64_t findRoom(uint64_t bytes);

  uint64_t total, used = 0;
  uint64_t base = 0, reserved = 0, cursor = 0;
  uint64_t lastId = 0;
  std::map<uint64_t, Allocation> live;
  std::map<uint64_t, uint64_t> freed; ///< address → bytes, to explain faults
};

} // namespace tenon::sim

#endif
