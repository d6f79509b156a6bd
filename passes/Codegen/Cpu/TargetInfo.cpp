// The table of processors. Numbers that LLVM does not know (caches, multiply-add ports) stand here;
// instruction sets come from LLVM's own table, so that any `-mcpu` name works.
#include "passes/Codegen/Cpu/TargetInfo.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <unistd.h>

namespace tenon::cpu {
namespace {

/// Facts about one processor family. An empty name is the default for its vector width.
struct CpuRow {
  llvm::StringLiteral name;
  int64_t vectorBits;
  int64_t fmaPorts;
  int64_t l1KiB, l2KiB, l3KiB;
};

constexpr CpuRow cpuRows[] = {
    {"x86-64-v3", 256, 2, 32, 512, 16384},
    {"x86-64-v4", 512, 2, 32, 1024, 32768},
    {"haswell", 256, 2, 32, 256, 8192},
    {"skylake-avx512", 512, 2, 32, 1024, 32768},
    {"cascadelake", 512, 2, 32, 1024, 32768},
    {"icelake-server", 512, 2, 48, 1280, 49152},
    {"sapphirerapids", 512, 2, 48, 2048, 61440},
    {"graniterapids", 512, 2, 48, 2048, 61440},
    {"alderlake", 256, 2, 48, 1280, 30720},
    {"znver2", 256, 2, 32, 512, 16384},
    {"znver3", 256, 2, 32, 512, 32768},
    // 512-bit multiply-adds take both 256-bit pipes.
    {"znver4", 512, 1, 32, 1024, 32768},
    {"znver5", 512, 2, 48, 1024, 32768},
};

void setVectorWidth(TargetInfo &target, bool hasAvx512) {
  target.vectorBits = hasAvx512 ? 512 : 256;
  target.vectorRegisters = hasAvx512 ? 32 : 16;
  target.hasMaskedOps = hasAvx512;
}

void applyRow(TargetInfo &target, llvm::StringRef cpu) {
  llvm::StringRef fallback = target.vectorBits == 512 ? "x86-64-v4" : "x86-64-v3";
  for (llvm::StringRef wanted : {fallback, cpu}) {
    for (const CpuRow &row : cpuRows) {
      if (row.name != wanted)
        continue;
      target.fmaPorts = target.vectorBits == row.vectorBits ? row.fmaPorts : 2;
      target.l1Bytes = row.l1KiB << 10;
      target.l2Bytes = row.l2KiB << 10;
      target.l3Bytes = row.l3KiB << 10;
    }
  }
}

} // namespace

std::optional<TargetInfo> lookupTarget(llvm::StringRef name) {
  if (name == "native")
    return getNativeTarget();
  if (llvm::X86::parseArchX86(name, /*Only64Bit=*/true) == llvm::X86::CK_None)
    return std::nullopt;
  llvm::SmallVector<llvm::StringRef> features;
  llvm::X86::getFeaturesForCPU(name, features);
  TargetInfo target;
  target.name = target.llvmCpu = name.str();
  setVectorWidth(target, llvm::is_contained(features, "avx512vl"));
  // Some Intel processors are described as preferring half-width vectors; our kernels are dense
  // enough in arithmetic that full width wins.
  if (target.vectorBits == 512)
    target.llvmFeatures = "-prefer-256-bit";
  applyRow(target, name);
  return target;
}

TargetInfo getNativeTarget() {
  TargetInfo target;
  target.name = "native";
  target.llvmCpu = llvm::sys::getHostCPUName().str();
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  for (const auto &feature : features) {
    target.llvmFeatures += feature.second ? "+" : "-";
    target.llvmFeatures += feature.first();
    target.llvmFeatures += ",";
  }
  target.llvmFeatures += "-prefer-256-bit";
  setVectorWidth(target, features.lookup("avx512vl") && features.lookup("avx512dq"));
  applyRow(target, target.llvmCpu);
#ifdef _SC_LEVEL1_DCACHE_SIZE
  auto readCache = [](int name, int64_t &bytes) {
    if (long size = sysconf(name); size > 0)
      bytes = size;
  };
  readCache(_SC_LEVEL1_DCACHE_SIZE, target.l1Bytes);
  readCache(_SC_LEVEL2_CACHE_SIZE, target.l2Bytes);
#endif
  return target;
}

} // namespace tenon::cpu
