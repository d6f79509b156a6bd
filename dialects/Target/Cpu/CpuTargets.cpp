// The table of processors. Numbers that LLVM does not know (caches, multiply-add ports) stand here;
// instruction sets come from LLVM's own table, so that any `-mcpu` name works.
//
// A CPU's name implies dozens of features: prefetch hints, instructions for operating systems,
// cryptography. A target has only those that LLVM selects for arithmetic, because hypervisors hide
// some of the others, and a binary must not ask for what it does not use.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <unistd.h>

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Facts about one processor family. `x86-64-v3` and `x86-64-v4` are what is assumed of those that
/// have no row.
struct CpuRow {
  StringLiteral name;
  int64_t vectorBits;
  int64_t fmaPorts;
  int64_t l1KiB, l2KiB, l3KiB;
  /// vdpbf16ps multiplies less in its time than multiply-adds of f32 do. One core of a Sapphire
  /// Rapids reaches 123 GFLOP/s with it, and 243 with multiply-adds; Zen 4 twice as many as with
  /// them.
  bool slowBFloatPairs = false;
};

constexpr CpuRow cpuRows[] = {
    {"x86-64-v3", 256, 2, 32, 512, 16384},
    {"x86-64-v4", 512, 2, 32, 1024, 32768},
    {"haswell", 256, 2, 32, 256, 8192},
    {"skylake-avx512", 512, 2, 32, 1024, 32768},
    {"cascadelake", 512, 2, 32, 1024, 32768},
    {"icelake-server", 512, 2, 48, 1280, 49152},
    {"sapphirerapids", 512, 2, 48, 2048, 61440, /*slowBFloatPairs=*/true},
    {"emeraldrapids", 512, 2, 48, 2048, 61440, /*slowBFloatPairs=*/true},
    {"graniterapids", 512, 2, 48, 2048, 61440, /*slowBFloatPairs=*/true},
    {"alderlake", 256, 2, 48, 1280, 30720},
    {"znver2", 256, 2, 32, 512, 16384},
    {"znver3", 256, 2, 32, 512, 32768},
    // 512-bit multiply-adds take both 256-bit pipes.
    {"znver4", 512, 1, 32, 1024, 32768},
    {"znver5", 512, 2, 48, 1024, 32768},
};

constexpr StringLiteral arithmeticFeatures[] = {
    "sse3",        "ssse3",      "sse4.1",       "sse4.2",
    "popcnt",      "avx",        "avx2",         "fma",
    "f16c",        "bmi",        "bmi2",         "lzcnt",
    "movbe",       "avx512f",    "avx512bw",     "avx512cd",
    "avx512dq",    "avx512vl",   "avx512vbmi",   "avx512ifma",
    "avx512vbmi2", "avx512vnni", "avx512bf16",   "avx512fp16",
    "avxvnni",     "gfni",       "avx512bitalg", "avx512vpopcntdq",
    "amx-tile",    "amx-int8",   "amx-bf16",
};

struct Caches {
  int64_t l1 = 0, l2 = 0, l3 = 0;
};

/// The attribute for a processor with these instruction sets; caches of 0 bytes are the table's.
TargetAttr makeTarget(StringRef name, StringRef cpu, const llvm::StringSet<> &has,
                      const Caches &caches, MLIRContext *context) {
  SmallVector<StringRef> features;
  llvm::copy_if(arithmeticFeatures, std::back_inserter(features),
                [&](StringRef feature) { return has.contains(feature); });
  bool isWide = has.contains("avx512vl") && has.contains("avx512dq");
  const CpuRow *row = isWide ? &cpuRows[1] : &cpuRows[0];
  int64_t fmaPorts = row->fmaPorts;
  for (const CpuRow &each : cpuRows) {
    if (each.name != cpu)
      continue;
    fmaPorts = each.vectorBits == row->vectorBits ? each.fmaPorts : fmaPorts;
    row = &each;
  }
  auto bytes = [](int64_t known, int64_t kib) { return known ? known : kib << 10; };
  return TargetAttr::get(context, name, cpu, "x86_64-unknown-linux-gnu",
                         Builder(context).getStrArrayAttr(features),
                         /*vector_bits=*/isWide ? 512 : 256, /*vector_registers=*/isWide ? 32 : 16,
                         fmaPorts, bytes(caches.l1, row->l1KiB), bytes(caches.l2, row->l2KiB),
                         bytes(caches.l3, row->l3KiB), row->slowBFloatPairs);
}

} // namespace

std::string TargetAttr::getLLVMFeatures() const {
  std::string text;
  for (StringRef feature : arithmeticFeatures)
    text += (has(feature) ? "+" : "-") + feature.str() + ",";
  // Some Intel processors are described as preferring half-width vectors; our kernels are dense
  // enough in arithmetic that full width wins.
  return text + "-prefer-256-bit";
}

llvm::Expected<TargetAttr> lookupTarget(StringRef name, MLIRContext *context) {
  if (name == "native")
    return getNativeTarget(context);
  if (llvm::X86::parseArchX86(name, /*Only64Bit=*/true) == llvm::X86::CK_None)
    return llvm::createStringError("unknown target '" + name + "'");
  SmallVector<StringRef> named;
  llvm::X86::getFeaturesForCPU(name, named);
  llvm::StringMap<bool> implied;
  for (StringRef feature : named) {
    implied[feature] = true;
    llvm::X86::updateImpliedFeatures(feature, true, implied);
  }
  llvm::StringSet<> features;
  for (const auto &[feature, isThere] : implied)
    if (isThere)
      features.insert(feature);
  return makeTarget(name, name, features, {}, context);
}

TargetAttr getNativeTarget(MLIRContext *context) {
  llvm::StringSet<> features;
  for (const auto &[feature, isThere] : llvm::sys::getHostCPUFeatures())
    if (isThere)
      features.insert(feature);
  Caches caches;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  caches.l1 = std::max(sysconf(_SC_LEVEL1_DCACHE_SIZE), 0L);
  caches.l2 = std::max(sysconf(_SC_LEVEL2_CACHE_SIZE), 0L);
#endif
  return makeTarget("native", llvm::sys::getHostCPUName(), features, caches, context);
}

} // namespace tenon::cpu
