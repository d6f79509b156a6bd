// The table of processors. Numbers that LLVM does not know (caches, multiply-add ports) stand here;
// instruction sets come from LLVM's own tables, so that any `-mcpu` name works.
//
// A CPU's name implies dozens of features: prefetch hints, instructions for operating systems,
// cryptography. A target has only those that LLVM selects for arithmetic, because hypervisors hide
// some of the others, and a binary must not ask for what it does not use.

#include "dialects/Target/Cpu/CpuDialect.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/TargetParser/AArch64TargetParser.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include <unistd.h>

using namespace mlir;

namespace tenon::cpu {
namespace {

/// Facts about one processor family.
struct CpuRow {
  StringLiteral name;
  int64_t vectorBits;
  int64_t fmaPorts;
  int64_t l1KiB, l2KiB, l3KiB;
  /// vdpbf16ps multiplies less in its time than multiply-adds of f32 do. One core of a Sapphire
  /// Rapids reaches 123 GFLOP/s with it, and 243 with multiply-adds; Zen 4 twice as many as with
  /// them.
  bool slowBFloatPairs = false;
  /// Weights that one row reads once come faster without prefetches of the next panel: a core of
  /// Zen 4 reads 4 bits for products of bytes at 30 GB/s without them, and at 22 with them.
  bool readsAhead = false;
};

/// `x86-64-v3` and `x86-64-v4` are what is assumed of those that have no row.
constexpr CpuRow x86Rows[] = {
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
    {"znver4", 512, 1, 32, 1024, 32768, /*slowBFloatPairs=*/false, /*readsAhead=*/true},
    {"znver5", 512, 2, 48, 1024, 32768},
};

/// From the cores' manuals; nothing of it was measured. `generic` is what is assumed of others.
constexpr CpuRow aarch64Rows[] = {
    {"generic", 128, 2, 32, 512, 4096},       {"cortex-a53", 128, 1, 32, 512, 0},
    {"cortex-a55", 128, 1, 32, 128, 1024},    {"cortex-a72", 128, 2, 32, 1024, 0},
    {"cortex-a76", 128, 2, 64, 512, 2048},    {"cortex-a78", 128, 2, 64, 512, 4096},
    {"cortex-x1", 128, 4, 64, 1024, 8192},    {"neoverse-n1", 128, 2, 64, 1024, 32768},
    {"neoverse-n2", 128, 2, 64, 1024, 32768}, {"neoverse-v1", 128, 4, 64, 1024, 32768},
    {"neoverse-v2", 128, 4, 64, 2048, 36864}, {"apple-m1", 128, 4, 128, 3072, 8192},
    {"apple-m2", 128, 4, 128, 4096, 8192},
};

constexpr StringLiteral x86Features[] = {
    "sse3",        "ssse3",      "sse4.1",       "sse4.2",
    "popcnt",      "avx",        "avx2",         "fma",
    "f16c",        "bmi",        "bmi2",         "lzcnt",
    "movbe",       "avx512f",    "avx512bw",     "avx512cd",
    "avx512dq",    "avx512vl",   "avx512vbmi",   "avx512ifma",
    "avx512vbmi2", "avx512vnni", "avx512bf16",   "avx512fp16",
    "avxvnni",     "gfni",       "avx512bitalg", "avx512vpopcntdq",
    "amx-tile",    "amx-int8",   "amx-bf16",
};

/// Vectors have 128 bits everywhere: SVE's would be longer on some, and are none that a schedule
/// could know.
constexpr StringLiteral aarch64Features[] = {
    "fp-armv8", "neon", "fullfp16", "dotprod", "i8mm", "bf16",
};

/// What the processors of one architecture share.
struct Architecture {
  StringLiteral triple;
  ArrayRef<CpuRow> rows;
  /// Those that LLVM selects for arithmetic.
  ArrayRef<StringLiteral> features;
  bool hasSeparateLoads;
};

constexpr Architecture x86 = {"x86_64-unknown-linux-gnu", x86Rows, x86Features,
                              /*hasSeparateLoads=*/false};
constexpr Architecture aarch64 = {"aarch64-unknown-linux-gnu", aarch64Rows, aarch64Features,
                                  /*hasSeparateLoads=*/true};

bool isAArch64(TargetAttr target) { return target.getTriple() == aarch64.triple; }

struct Caches {
  int64_t l1 = 0, l2 = 0, l3 = 0;
};

/// The attribute for a processor with these instruction sets; caches of 0 bytes are the table's.
TargetAttr makeTarget(const Architecture &architecture, StringRef name, StringRef cpu,
                      const llvm::StringSet<> &has, const Caches &caches, MLIRContext *context) {
  SmallVector<StringRef> features;
  llvm::copy_if(architecture.features, std::back_inserter(features),
                [&](StringRef feature) { return has.contains(feature); });
  bool isWide = has.contains("avx512vl") && has.contains("avx512dq");
  const CpuRow &assumed = architecture.rows[isWide ? 1 : 0];
  const CpuRow *row = &assumed;
  int64_t fmaPorts = row->fmaPorts;
  for (const CpuRow &each : architecture.rows) {
    if (each.name != cpu)
      continue;
    fmaPorts = each.vectorBits == row->vectorBits ? each.fmaPorts : fmaPorts;
    row = &each;
  }
  auto bytes = [](int64_t known, int64_t kib) { return known ? known : kib << 10; };
  return TargetAttr::get(context, name, cpu, architecture.triple,
                         Builder(context).getStrArrayAttr(features), assumed.vectorBits,
                         /*vector_registers=*/assumed.vectorBits == 256 ? 16 : 32, fmaPorts,
                         bytes(caches.l1, row->l1KiB), bytes(caches.l2, row->l2KiB),
                         bytes(caches.l3, row->l3KiB), row->slowBFloatPairs,
                         architecture.hasSeparateLoads, row->readsAhead);
}

llvm::StringSet<> getX86Features(StringRef cpu) {
  SmallVector<StringRef> named;
  llvm::X86::getFeaturesForCPU(cpu, named);
  llvm::StringMap<bool> implied;
  for (StringRef feature : named) {
    implied[feature] = true;
    llvm::X86::updateImpliedFeatures(feature, true, implied);
  }
  llvm::StringSet<> features;
  for (const auto &[feature, isThere] : implied)
    if (isThere)
      features.insert(feature);
  return features;
}

/// The extensions that LLVM turns on for a processor, or for an architecture such as armv8.2-a.
std::vector<StringRef> listAArch64Extensions(StringRef name) {
  llvm::AArch64::ExtensionSet extensions;
  if (const llvm::AArch64::ArchInfo *architecture = llvm::AArch64::parseArch(name))
    extensions.addArchDefaults(*architecture);
  else if (auto cpu = llvm::AArch64::parseCpu(name))
    extensions.addCPUDefaults(*cpu);
  // Without the version that they are of.
  extensions.BaseArch = nullptr;
  std::vector<StringRef> features;
  extensions.toLLVMFeatureList(features);
  for (StringRef &feature : features)
    feature.consume_front("+");
  return features;
}

TargetAttr makeAArch64(StringRef name, StringRef cpu, MLIRContext *context) {
  llvm::StringSet<> features;
  for (StringRef feature : listAArch64Extensions(name))
    features.insert(feature);
  return makeTarget(aarch64, name, cpu, features, {}, context);
}

} // namespace

std::string TargetAttr::getLLVMFeatures() const {
  SmallVector<std::string> features;
  auto add = [&](StringRef sign, StringRef feature) { features.push_back((sign + feature).str()); };
  const Architecture &architecture = isAArch64(*this) ? aarch64 : x86;
  // What else the processor has: longer vectors, other ways to multiply.
  if (isAArch64(*this))
    for (StringRef feature : listAArch64Extensions(getCpu()))
      if (!llvm::is_contained(architecture.features, feature))
        add("-", feature);
  for (StringRef feature : architecture.features)
    add(has(feature) ? "+" : "-", feature);
  // Some Intel processors are described as preferring half-width vectors; our kernels are dense
  // enough in arithmetic that full width wins.
  if (!isAArch64(*this))
    add("-", "prefer-256-bit");
  return llvm::join(features, ",");
}

llvm::Expected<TargetAttr> lookupTarget(StringRef name, MLIRContext *context) {
  if (name == "native")
    return getNativeTarget(context);
  if (llvm::X86::parseArchX86(name, /*Only64Bit=*/true) != llvm::X86::CK_None)
    return makeTarget(x86, name, name, getX86Features(name), {}, context);
  if (llvm::AArch64::parseArch(name))
    return makeAArch64(name, "generic", context);
  if (auto cpu = llvm::AArch64::parseCpu(name))
    return makeAArch64(name, cpu->Name, context);
  return llvm::createStringError("unknown target '" + name + "'");
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
  bool isAArch64 = llvm::Triple(llvm::sys::getProcessTriple()).isAArch64();
  return makeTarget(isAArch64 ? aarch64 : x86, "native", llvm::sys::getHostCPUName(), features,
                    caches, context);
}

} // namespace tenon::cpu
