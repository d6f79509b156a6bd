// A warp: 32 lanes with registers, in one or several groups that stand at different instructions.
//
// Lanes that branch apart become fragments. The one that is furthest behind in the text runs first,
// and fragments that meet at an instruction become one again; in structured code, whose blocks
// stand in topological order, this reconverges where control flow does. A fragment that waits for
// lanes of others (`shfl.sync`, `bar.warp.sync`, and all that is `.aligned`) blocks until they have
// come. So every lane makes progress, as with the independent thread scheduling of hardware (PTX
// ISA 3.2).
#ifndef TENON_LIB_CUDASIMULATOR_EXECUTE_WARP_H
#define TENON_LIB_CUDASIMULATOR_EXECUTE_WARP_H

#include "lib/CudaSimulator/Decode/Program.h"
#include "lib/CudaSimulator/Execute/Fault.h"
#include "lib/CudaSimulator/Execute/VectorClock.h"
#include "lib/CudaSimulator/Memory/DeviceMemory.h"
#include "lib/CudaSimulator/Memory/SharedMemory.h"
#include <deque>
#include <functional>
#include <memory>

namespace tenon::sim {

class Block;

struct Fragment {
  enum class State : uint8_t { Ready, Blocked, Parked };
  uint32_t pc = 0;
  LaneMask lanes = 0;
  State state = State::Ready;
  uint8_t barrier = 0;           ///< that a parked fragment waits for
  uint32_t yielded = 0;          ///< when it last stood back; who never did runs first
  uint32_t steps = 0;            ///< since then
  std::vector<uint32_t> returns; ///< the calls that it is in
};

/// A copy of at most 16 bytes that a lane has started (`cp.async`).
struct PendingCopy {
  uint64_t offset; ///< in shared memory
  uint32_t bytes;
  uint8_t data[16];
};

/// What a lane has started and not waited for: the copies since the last commit, and the groups.
struct LaneCopies {
  std::vector<PendingCopy> open;
  std::deque<std::vector<PendingCopy>> groups;
};

/// A bulk copy out of shared memory, which happens once.
struct DeferredCopy {
  std::function<void()> run;
  bool done = false;
};

/// The same for bulk copies (`cp.async.bulk`).
struct LaneBulk {
  std::vector<std::shared_ptr<DeferredCopy>> open;
  std::deque<std::vector<std::shared_ptr<DeferredCopy>>> groups;
};

/// Asynchronous work of another kind, which the family of instructions that starts it knows.
struct PendingWork {
  virtual ~PendingWork() = default;
  /// Does it for this warp. @throws Fault
  virtual void finish(Warp &warp) = 0;
};

class Warp {
public:
  Warp(Block &block, unsigned index);

  /// Begins a block anew: registers poisoned, special registers set.
  void start(unsigned threadCount);

  /// Runs up to `budget` instructions. Returns how many were executed.
  uint64_t run(uint64_t budget);

  bool finished() const { return fragments.empty(); }
  /// Whether some fragment could run now.
  bool ready() const;

  uint64_t *row(Slot slot) { return &rows[static_cast<size_t>(slot) * warpSize]; }
  LaneMask predicate(Slot slot) { return static_cast<LaneMask>(*row(slot)); }
  void setPredicate(Slot slot, LaneMask value, LaneMask lanes) {
    if (slot != noSlot)
      *row(slot) = (*row(slot) & ~uint64_t(lanes)) | (value & lanes);
  }
  Fragment &current() { return fragments[running]; }
  /// Lanes that have not exited.
  LaneMask live() const { return liveLanes; }
  std::vector<Fragment> &all() { return fragments; }

  /// Lanes of the current fragment go on at `pc`, the others behind the instruction.
  void branch(LaneMask lanes, uint32_t pc);
  /// Each group of lanes goes on at a place of its own; the groups make up `lanes`.
  void scatter(LaneMask lanes, const std::vector<std::pair<LaneMask, uint32_t>> &groups);
  /// As `branch`, and return to behind the instruction later.
  void call(LaneMask lanes, uint32_t pc);
  /// Lanes return from a function, or exit from the kernel.
  void leave(LaneMask lanes);
  void exit(LaneMask lanes);
  /// Lanes go on behind the instruction once the barrier lets them.
  void park(LaneMask lanes, uint8_t barrier);
  /// Fragments that are parked at a barrier go on.
  void release(uint8_t barrier);
  /// Blocked fragments try again.
  void unblock();

  /// Does something later, in any order with other such things; a fault of it names this place.
  void defer(const Instruction &instruction, int lane, std::function<void()> action);

  Accessor accessor(int lane, bool strong = false) const { return {actor, lane, &clock, strong}; }
  /// Accesses from here on are not covered by what others know so far.
  void tick() { ++clock.counts[actor]; }

  Block &block;
  const unsigned index; ///< in the block
  unsigned actor = 0;   ///< in the cluster's vector clocks
  VectorClock clock;
  LaneMask carry = 0;         ///< of add.cc and its like
  LaneMask waitedForGrid = 0; ///< lanes that have waited for the kernel before (griddepcontrol)
  /// The allocation that the last access of global memory was in.
  const Allocation *lastAllocation = nullptr;
  std::vector<uint8_t> local;  ///< [lane][localBytes]
  LaneCopies copies[warpSize]; ///< cp.async
  LaneBulk bulk[warpSize];     ///< cp.async.bulk
  /// What was known at the last fence between ordinary and asynchronous accesses.
  VectorClock proxyClock;
  /// wgmma, which is in order: since the last commit, and the groups.
  std::vector<std::unique_ptr<PendingWork>> openWork;
  std::deque<std::vector<std::unique_ptr<PendingWork>>> workGroups;
  /// A row whose value is under way: the value so far goes out of sight, the row holds poison. May
  /// be called several times; as many `reveal`s bring the value back.
  void hide(Slot slot);
  uint64_t *hidden(Slot slot) { return hiddenRows.at(slot).values; }
  void reveal(Slot slot);
  bool hasFencedRegisters = false; ///< wgmma.fence was executed
  /// Phases of the cluster's barrier that this warp has arrived at and waited for.
  uint64_t clusterArrivals = 0, clusterWaits = 0;
  bool spinning = false; ///< its last instruction found nothing to do

private:
  bool select();
  void merge();
  void settle(Outcome outcome, LaneMask executed);
  void split(LaneMask lanes);
  void startSpecials();
  [[noreturn]] void decorate(const Fault &fault, const Instruction &instruction);

  struct HiddenRow {
    unsigned users = 0;
    uint64_t values[warpSize];
  };

  std::vector<uint64_t> rows;
  std::map<Slot, HiddenRow> hiddenRows;
  std::vector<Fragment> fragments;
  size_t running = 0;
  LaneMask liveLanes = 0;
  uint32_t yields = 0;
};

} // namespace tenon::sim

#endif
