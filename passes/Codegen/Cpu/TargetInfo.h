// What the CPU code generator knows about a processor: a row of data, never a branch in a pass.
//
// Schedules are chosen from these numbers (vector length, registers, caches), and the LLVM back end
// gets the processor and feature strings. `x86-64-v3` (AVX2) and `x86-64-v4` (AVX-512) are rows of
// a table; `native` asks the host.
#ifndef TENON_PASSES_CODEGEN_CPU_TARGETINFO_H
#define TENON_PASSES_CODEGEN_CPU_TARGETINFO_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>
#include <string>

namespace tenon::cpu {

struct TargetInfo {
  std::string name = "x86-64-v3";
  std::string triple = "x86_64-unknown-linux-gnu";
  /// LLVM's -mcpu and -mattr.
  std::string llvmCpu = "x86-64-v3";
  std::string llvmFeatures;
  int64_t vectorBits = 256;
  int64_t vectorRegisters = 16;
  /// Full-width fused multiply-adds that can start in one cycle, and the cycles one takes.
  int64_t fmaPorts = 2;
  int64_t fmaLatency = 4;
  int64_t l1Bytes = 32 << 10;
  /// Per core.
  int64_t l2Bytes = 1 << 20;
  /// Of one core's cache domain; 0 if there is none.
  int64_t l3Bytes = 32 << 20;
  /// Loads and stores can leave lanes out at no cost.
  bool hasMaskedOps = false;

  /// Lanes of one vector register for elements of this many bits.
  int64_t lanes(int64_t elementBits) const { return vectorBits / elementBits; }
};

/// The row named `name` ("x86-64-v3", "x86-64-v4", "native"), or one for an LLVM processor name
/// such as "znver4"; nothing if LLVM does not know it.
std::optional<TargetInfo> lookupTarget(llvm::StringRef name);

/// The processor that this process runs on.
TargetInfo getNativeTarget();

} // namespace tenon::cpu

#endif // TENON_PASSES_CODEGEN_CPU_TARGETINFO_H
