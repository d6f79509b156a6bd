/* What the CPU has, by LLVM's feature names. A name that is not in the table counts as missing: a
 * newer compiler may know features that this runtime does not.
 *
 * x86: a wide register is usable only if the operating system saves it on a context switch, which
 * XCR0 tells; so each row names the register state that it needs beside its CPUID bit (Intel SDM
 * volume 2A, CPUID; AMD APM volume 3, appendix E).
 *
 * On a virtual machine CPUID leaves to the hypervisor: 5 us here, and a model asks for dozens of
 * features. So each leaf is read once. Threads that do so at the same time store the same.
 *
 * AArch64: the system tells every program what it lets it use (Linux's Documentation/arch/arm64/
 * elf_hwcaps.rst). */
#include "runtime/internal.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum register_name { EAX, EBX, ECX, EDX };

/* Bits of XCR0 that must be set. */
enum saved_state { BASE = 0, AVX = 0x6, AVX512 = 0xe6, AMX = 0x60000 };

static const struct {
  const char *name;
  uint32_t leaf, subleaf;
  enum register_name reg;
  int bit;
  enum saved_state state;
} features[] = {
    {"cx8", 1, 0, EDX, 8, BASE},
    {"cmov", 1, 0, EDX, 15, BASE},
    {"mmx", 1, 0, EDX, 23, BASE},
    {"fxsr", 1, 0, EDX, 24, BASE},
    {"sse", 1, 0, EDX, 25, BASE},
    {"sse2", 1, 0, EDX, 26, BASE},
    {"sse3", 1, 0, ECX, 0, BASE},
    {"pclmul", 1, 0, ECX, 1, BASE},
    {"ssse3", 1, 0, ECX, 9, BASE},
    {"fma", 1, 0, ECX, 12, AVX},
    {"cx16", 1, 0, ECX, 13, BASE},
    {"sse4.1", 1, 0, ECX, 19, BASE},
    {"sse4.2", 1, 0, ECX, 20, BASE},
    {"crc32", 1, 0, ECX, 20, BASE},
    {"movbe", 1, 0, ECX, 22, BASE},
    {"popcnt", 1, 0, ECX, 23, BASE},
    {"aes", 1, 0, ECX, 25, BASE},
    {"xsave", 1, 0, ECX, 26, AVX},
    {"avx", 1, 0, ECX, 28, AVX},
    {"f16c", 1, 0, ECX, 29, AVX},
    {"rdrnd", 1, 0, ECX, 30, BASE},
    {"fsgsbase", 7, 0, EBX, 0, BASE},
    {"sgx", 7, 0, EBX, 2, BASE},
    {"bmi", 7, 0, EBX, 3, BASE},
    {"avx2", 7, 0, EBX, 5, AVX},
    {"bmi2", 7, 0, EBX, 8, BASE},
    {"invpcid", 7, 0, EBX, 10, BASE},
    {"rtm", 7, 0, EBX, 11, BASE},
    {"avx512f", 7, 0, EBX, 16, AVX512},
    {"avx512dq", 7, 0, EBX, 17, AVX512},
    {"rdseed", 7, 0, EBX, 18, BASE},
    {"adx", 7, 0, EBX, 19, BASE},
    {"avx512ifma", 7, 0, EBX, 21, AVX512},
    {"clflushopt", 7, 0, EBX, 23, BASE},
    {"clwb", 7, 0, EBX, 24, BASE},
    {"avx512cd", 7, 0, EBX, 28, AVX512},
    {"sha", 7, 0, EBX, 29, BASE},
    {"avx512bw", 7, 0, EBX, 30, AVX512},
    {"avx512vl", 7, 0, EBX, 31, AVX512},
    {"avx512vbmi", 7, 0, ECX, 1, AVX512},
    {"pku", 7, 0, ECX, 4, BASE},
    {"waitpkg", 7, 0, ECX, 5, BASE},
    {"avx512vbmi2", 7, 0, ECX, 6, AVX512},
    {"shstk", 7, 0, ECX, 7, BASE},
    {"gfni", 7, 0, ECX, 8, BASE},
    {"vaes", 7, 0, ECX, 9, AVX},
    {"vpclmulqdq", 7, 0, ECX, 10, AVX},
    {"avx512vnni", 7, 0, ECX, 11, AVX512},
    {"avx512bitalg", 7, 0, ECX, 12, AVX512},
    {"avx512vpopcntdq", 7, 0, ECX, 14, AVX512},
    {"rdpid", 7, 0, ECX, 22, BASE},
    {"kl", 7, 0, ECX, 23, BASE},
    {"cldemote", 7, 0, ECX, 25, BASE},
    {"movdiri", 7, 0, ECX, 27, BASE},
    {"movdir64b", 7, 0, ECX, 28, BASE},
    {"enqcmd", 7, 0, ECX, 29, BASE},
    {"uintr", 7, 0, EDX, 5, BASE},
    {"avx512vp2intersect", 7, 0, EDX, 8, AVX512},
    {"serialize", 7, 0, EDX, 14, BASE},
    {"tsxldtrk", 7, 0, EDX, 16, BASE},
    {"pconfig", 7, 0, EDX, 18, BASE},
    {"amx-bf16", 7, 0, EDX, 22, AMX},
    {"avx512fp16", 7, 0, EDX, 23, AVX512},
    {"amx-tile", 7, 0, EDX, 24, AMX},
    {"amx-int8", 7, 0, EDX, 25, AMX},
    {"sha512", 7, 1, EAX, 0, AVX},
    {"sm3", 7, 1, EAX, 1, AVX},
    {"sm4", 7, 1, EAX, 2, AVX},
    {"raoint", 7, 1, EAX, 3, BASE},
    {"avxvnni", 7, 1, EAX, 4, AVX},
    {"avx512bf16", 7, 1, EAX, 5, AVX512},
    {"cmpccxadd", 7, 1, EAX, 7, BASE},
    {"amx-fp16", 7, 1, EAX, 21, AMX},
    {"hreset", 7, 1, EAX, 22, BASE},
    {"avxifma", 7, 1, EAX, 23, AVX},
    {"movrs", 7, 1, EAX, 31, BASE},
    {"avxvnniint8", 7, 1, EDX, 4, AVX},
    {"avxneconvert", 7, 1, EDX, 5, AVX},
    {"amx-complex", 7, 1, EDX, 8, AMX},
    {"avxvnniint16", 7, 1, EDX, 10, AVX},
    {"prefetchi", 7, 1, EDX, 14, BASE},
    {"usermsr", 7, 1, EDX, 15, BASE},
    {"xsaveopt", 0xd, 1, EAX, 0, AVX},
    {"xsavec", 0xd, 1, EAX, 1, AVX},
    {"xsaves", 0xd, 1, EAX, 3, AVX},
    {"ptwrite", 0x14, 0, EBX, 4, BASE},
    {"widekl", 0x19, 0, EBX, 2, BASE},
    {"amx-fp8", 0x1e, 1, EAX, 4, AMX},
    {"amx-tf32", 0x1e, 1, EAX, 6, AMX},
    {"amx-avx512", 0x1e, 1, EAX, 7, AMX},
    {"amx-movrs", 0x1e, 1, EAX, 8, AMX},
    {"sahf", 0x80000001, 0, ECX, 0, BASE},
    {"lzcnt", 0x80000001, 0, ECX, 5, BASE},
    {"sse4a", 0x80000001, 0, ECX, 6, BASE},
    {"prfchw", 0x80000001, 0, ECX, 8, BASE},
    {"xop", 0x80000001, 0, ECX, 11, AVX},
    {"lwp", 0x80000001, 0, ECX, 15, BASE},
    {"fma4", 0x80000001, 0, ECX, 16, AVX},
    {"tbm", 0x80000001, 0, ECX, 21, BASE},
    {"mwaitx", 0x80000001, 0, ECX, 29, BASE},
    {"64bit", 0x80000001, 0, EDX, 29, BASE},
    {"clzero", 0x80000008, 0, EBX, 0, BASE},
    {"rdpru", 0x80000008, 0, EBX, 4, BASE},
    {"wbnoinvd", 0x80000008, 0, EBX, 9, BASE},
};

/* All leaves that are read, and the two that tell which ones there are. */
static struct known_leaf {
  uint32_t leaf, subleaf;
  _Atomic bool known;
  _Atomic uint32_t regs[4];
} leaves[] = {
    {.leaf = 0},
    {.leaf = 1},
    {.leaf = 7},
    {.leaf = 7, .subleaf = 1},
    {.leaf = 0xd, .subleaf = 1},
    {.leaf = 0x14},
    {.leaf = 0x19},
    {.leaf = 0x1e, .subleaf = 1},
    {.leaf = 0x24},
    {.leaf = 0x80000000},
    {.leaf = 0x80000001},
    {.leaf = 0x80000008},
};

/* A register of a leaf that the CPU may not have. */
static uint32_t read_unchecked(uint32_t leaf, uint32_t subleaf, enum register_name reg) {
  struct known_leaf *l = leaves;
  while (l->leaf != leaf || l->subleaf != subleaf)
    ++l;
  if (!atomic_load_explicit(&l->known, memory_order_acquire)) {
    uint32_t regs[4];
    __cpuid_count(leaf, subleaf, regs[EAX], regs[EBX], regs[ECX], regs[EDX]);
    for (int i = 0; i < 4; ++i)
      atomic_store_explicit(&l->regs[i], regs[i], memory_order_relaxed);
    atomic_store_explicit(&l->known, true, memory_order_release);
  }
  return atomic_load_explicit(&l->regs[reg], memory_order_relaxed);
}

/* 0 if the CPU does not have the leaf. */
static uint32_t read_cpuid(uint32_t leaf, uint32_t subleaf, enum register_name reg) {
  uint32_t last = read_unchecked(leaf & 0x80000000, 0, EAX);
  return leaf <= last ? read_unchecked(leaf, subleaf, reg) : 0;
}

static bool system_saves(uint32_t state) {
  uint32_t low, high;
  if (state == BASE)
    return true;
  // XGETBV itself exists only if the system has enabled XSAVE.
  if (!(read_cpuid(1, 0, ECX) >> 27 & 1))
    return false;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & state) == state;
}

/* AVX10 counts versions instead of setting one bit each. */
static bool has_avx10(uint32_t version) {
  return (read_cpuid(7, 1, EDX) >> 19 & 1) && (read_cpuid(0x24, 0, EBX) & 0xff) >= version &&
         system_saves(AVX512);
}

bool tn_cpu_has(const char *feature) {
  if (strcmp(feature, "avx10.1") == 0)
    return has_avx10(1);
  if (strcmp(feature, "avx10.2") == 0)
    return has_avx10(2);
  for (size_t i = 0; i < sizeof features / sizeof features[0]; ++i) {
    if (strcmp(features[i].name, feature) != 0)
      continue;
    uint32_t value = read_cpuid(features[i].leaf, features[i].subleaf, features[i].reg);
    return (value >> features[i].bit & 1) && system_saves(features[i].state);
  }
  return false;
}

bool tn_cpu_enable(const char *feature) {
  // Linux gives a process AMX's 8 KiB of tile registers only on request (Documentation/arch/x86/
  // xstate.rst); threads made later inherit the permission.
  enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
  if (strncmp(feature, "amx-", 4) != 0)
    return true;
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

static const struct {
  const char *name;
  unsigned long type, bit;
} features[] = {
    {"fp-armv8", AT_HWCAP, 0}, {"neon", AT_HWCAP, 1},   {"fullfp16", AT_HWCAP, 10},
    {"dotprod", AT_HWCAP, 20}, {"i8mm", AT_HWCAP2, 13}, {"bf16", AT_HWCAP2, 14},
};

bool tn_cpu_has(const char *feature) {
  for (size_t i = 0; i < sizeof features / sizeof features[0]; ++i)
    if (strcmp(features[i].name, feature) == 0)
      return getauxval(features[i].type) >> features[i].bit & 1;
  return false;
}

bool tn_cpu_enable(const char *feature) {
  (void)feature;
  return true;
}

#else

bool tn_cpu_has(const char *feature) {
  (void)feature;
  return false;
}

bool tn_cpu_enable(const char *feature) {
  (void)feature;
  return true;
}

#endif
