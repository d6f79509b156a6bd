// A kernel, decoded once into a form that is quick to execute.
//
// The registers of a warp are rows of 32 lanes, 64 bits each, whatever their type; a value narrower
// than that is zero-extended. Constants and special registers are rows, too, so that every source
// of an instruction is a row. A predicate is one row's first element: a mask of 32 lanes. Functions
// that a kernel calls are decoded into the same list of instructions, their registers into the same
// rows; recursion is therefore refused.
#ifndef TENON_LIB_CUDASIMULATOR_DECODE_PROGRAM_H
#define TENON_LIB_CUDASIMULATOR_DECODE_PROGRAM_H

#include "lib/CudaSimulator/Ptx/Module.h"
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tenon::sim {

class Warp;
struct Instruction;

constexpr unsigned warpSize = 32;
using LaneMask = uint32_t;
constexpr LaneMask allLanes = ~LaneMask(0);

/// A row of a warp's registers.
using Slot = uint32_t;
constexpr Slot noSlot = ~Slot(0);

/// Where generic addresses of other spaces than global are. Nothing of a process is there.
constexpr uint64_t sharedWindow = uint64_t(0x10) << 32;
constexpr uint64_t localWindow = uint64_t(0x20) << 32;
constexpr uint64_t parameterWindow = uint64_t(0x30) << 32;
constexpr uint64_t windowBytes = uint64_t(1) << 32;
/// A shared address of another block of the cluster has that block's rank + 1 from this bit on.
constexpr unsigned clusterRankShift = 24;

/// What becomes of the lanes that executed an instruction.
enum class Outcome : uint8_t {
  Next,   ///< they go on behind it
  Jumped, ///< the instruction itself said where they go on
  Block,  ///< they wait for other lanes, and execute it again when those have come
  Yield,  ///< they go on behind it, but others should run first
  Retry,  ///< they execute it again, after others have run
};

using Handler = Outcome (*)(Warp &, const Instruction &, LaneMask);

/// What counters tell apart.
enum class InstructionKind : uint8_t {
  Integer,
  Float,
  Convert,
  Move,
  Control,
  GlobalMemory,
  SharedMemory,
  OtherMemory,
  Atomic,
  Communication,
  Synchronisation,
  Matrix,
  AsyncCopy,
};
constexpr unsigned instructionKinds = static_cast<unsigned>(InstructionKind::AsyncCopy) + 1;

/// What an instruction needs beyond the fields below (a shape of mma, say).
struct Details {
  virtual ~Details() = default;
};

struct Instruction {
  Handler handler = nullptr;
  const Slot *operands = nullptr; ///< in the order of the text; destinations come first
  uint32_t operandCount = 0;
  Slot guard = noSlot;
  bool guardNegated = false;
  /// Every live lane of the warp must execute it together (`.aligned`).
  bool aligned = false;
  InstructionKind kind = InstructionKind::Integer;
  uint8_t bytes = 0;   ///< of an element in memory
  uint8_t vector = 1;  ///< elements per lane
  bool strong = false; ///< volatile, atomic or with an order
  uint16_t flags = 0;  ///< what the family of the instruction makes of it
  uint32_t line = 0;
  uint32_t target = 0;                ///< of a branch or call
  int64_t offset = 0;                 ///< of an address
  uint64_t resultMask = ~uint64_t(0); ///< the bits that the destination register has
  const Details *details = nullptr;
  const Statement *statement = nullptr;
};

/// Slots of the special registers that are fixed for a warp's life.
enum SpecialSlot : Slot {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NwarpId,
  SmId,
  NsmId,
  GridId,
  LanemaskEq,
  LanemaskLe,
  LanemaskLt,
  LanemaskGe,
  LanemaskGt,
  ClusteridX,
  ClusteridY,
  ClusteridZ,
  NclusteridX,
  NclusteridY,
  NclusteridZ,
  ClusterCtaidX,
  ClusterCtaidY,
  ClusterCtaidZ,
  ClusterNctaidX,
  ClusterNctaidY,
  ClusterNctaidZ,
  ClusterCtarank,
  ClusterNctarank,
  IsExplicitCluster,
  DynamicSmemSize,
  TotalSmemSize,
  SpecialSlots,
};

/// The special register's slot, or SpecialSlots.
Slot findSpecial(std::string_view name);

struct ParameterPlace {
  uint32_t offset, bytes;
};

struct Constant {
  Slot slot;
  uint64_t bits;
};

struct Program {
  std::string name;
  std::vector<Instruction> code;
  Slot rows = SpecialSlots;
  std::vector<Constant> constants;
  std::vector<ParameterPlace> parameters;
  uint32_t parameterBytes = 0;
  uint32_t localBytes = 0;        ///< per thread, `.local` and `.param` of calls
  uint32_t staticSharedBytes = 0; ///< without the system's first bytes
  uint32_t dynamicAlignment = 16;
  uint32_t maxThreads[3] = {0, 0, 0}, requiredThreads[3] = {0, 0, 0};
  uint32_t requiredCluster[3] = {0, 0, 0};
  uint32_t registersPerThread = 0; ///< what the occupancy attributes say: an estimate
  std::vector<std::unique_ptr<Slot[]>> operandLists;
  std::vector<std::unique_ptr<Details>> details;
};

} // namespace tenon::sim

#endif
