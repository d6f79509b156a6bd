// How lanes reach memory of any space.
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_ACCESS_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_ACCESS_H

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include <mutex>

namespace tenon::sim {

enum class AccessMode { Read, Write, Update };

/// The bytes that a lane means by an address, checked: bounds, alignment, what was written, races.
/// What is written counts as written from then on.
/// @throws Fault
uint8_t *locate(Warp &warp, Space space, uint64_t address, unsigned bytes, AccessMode mode,
                unsigned lane, bool strong);

/// Bytes of global memory, not necessarily aligned.
uint8_t *locateGlobal(Warp &warp, uint64_t address, uint64_t bytes, AccessMode mode, int lane);
/// Alike, for copies that happen when no warp runs.
uint8_t *locateGlobal(const LaunchRequest &request, uint64_t address, uint64_t bytes,
                      AccessMode mode, int lane, const Allocation *&cache);

/// Faults if a lane reaches global memory of a kernel that may have begun before the one in front
/// of it ended, and has not waited for that (griddepcontrol.wait).
void checkWaitedForGrid(const Warp &warp, int lane);

/// The shared memory that an address of `.shared::cluster` means, which becomes an offset into it.
SharedMemory &locateShared(Warp &warp, uint64_t &address, int lane);

/// The address that a lane has in an operand that holds one.
inline uint64_t addressOf(Warp &warp, const Instruction &instruction, unsigned operand,
                          unsigned lane) {
  return warp.row(instruction.operands[operand])[lane] + static_cast<uint64_t>(instruction.offset);
}

/// The space of an access: `.shared::cta` and the like; generic where none is named.
Space takeSpace(Builder &builder);

/// What an atomic operation at this address holds, and a strong store of at most 8 bytes: blocks
/// run on several threads of the host.
std::mutex &atomicLockOf(uint64_t address);

/// What says how strongly an access is ordered: `.weak`, `.relaxed` with a scope and so on. An
/// access that is not weak is strong; `.acquire` and `.release` order what is around it.
struct Order {
  bool strong = false, acquires = false, releases = false;
};
Order takeOrder(Builder &builder);

/// Takes cache operators, eviction priorities, prefetch sizes. True if a cache policy follows as
/// the last operand (`.L2::cache_hint`).
bool takeHints(Builder &builder);

/// Counts the sectors and bank conflicts of an access by the lanes of a mask.
void countAccess(Warp &warp, const Instruction &instruction, LaneMask mask, unsigned operand,
                 unsigned bytes);

} // namespace tenon::sim

#endif
