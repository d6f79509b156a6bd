// wgmma against products that are computed element by element. Operands are laid out in shared
// memory as the PTX ISA's canonical layouts say, by the host, and copied there byte by byte.

#include "SimulatorTest.h"
#include <functional>
#include <random>

namespace tenon::sim {

using Words = std::vector<uint32_t>;

namespace {

/// How one operand lies in shared memory: its descriptor without the address, and where the byte
/// `at` of K (K-major) or of M or N (MN-major) of row or index `index` is.
struct Layout {
  const char *name;
  bool mnMajor;
  unsigned swizzle; ///< bytes; 0: none
};

} // namespace

static constexpr Layout layouts[] = {
    {"K, no swizzle", false, 0}, {"K, 32", false, 32}, {"K, 64", false, 64}, {"K, 128", false, 128},
    {"MN, no swizzle", true, 0}, {"MN, 32", true, 32}, {"MN, 64", true, 64}, {"MN, 128", true, 128},
};

/// Bytes between units: chosen larger than needed, so that the two are told apart.
static unsigned leadingOf(const Layout &layout) {
  return !layout.mnMajor ? 2304 : layout.swizzle ? layout.swizzle * 16 : 128;
}
static unsigned strideOf(const Layout &layout) {
  if (!layout.mnMajor)
    return layout.swizzle ? layout.swizzle * 8 : 144;
  return layout.swizzle ? layout.swizzle * 8 : 256;
}

/// "rows" are M or N. The chunk of 16 bytes within a swizzled line changes with the line of 128
/// bytes.
static unsigned placeOf(const Layout &layout, unsigned row, unsigned k, unsigned size) {
  unsigned leading = leadingOf(layout), stride = strideOf(layout), at;
  if (!layout.mnMajor) {
    unsigned width = layout.swizzle ? layout.swizzle : 16, byte = k * size;
    at = row / 8 * stride + row % 8 * width +
         (layout.swizzle ? byte : byte / 16 * leading + byte % 16);
  } else {
    unsigned width = layout.swizzle ? layout.swizzle : 16, byte = row * size;
    at = k % 8 * width + byte % width;
    at += layout.swizzle ? k / 8 * stride + byte / width * leading
                         : k / 8 * leading + byte / width * stride;
  }
  if (layout.swizzle)
    at ^= (at >> 7 & (layout.swizzle / 16 - 1)) << 4;
  return at;
}

static uint64_t descriptorOf(const Layout &layout) {
  uint64_t mode = layout.swizzle == 128  ? 1
                  : layout.swizzle == 64 ? 2
                  : layout.swizzle == 32 ? 3
                                         : 0;
  return mode << 62 | uint64_t(strideOf(layout) >> 4) << 32 |
         uint64_t(leadingOf(layout) >> 4) << 16;
}

class WarpgroupTest : public SimulatorTest {
protected:
  void SetUp() override { start("sm_90a"); }

  /// 64 x n x k with operands at shared offsets 1024 and 1024 + 16384 of a buffer that is copied
  /// in. With a selector, A has two of each four columns, and metadata in the first register.
  void check(const std::string &types, unsigned size, unsigned n, unsigned k, const Layout &a,
             const Layout &b, const std::function<uint32_t(int)> &encode, bool integers,
             bool aInRegisters = false, int selector = -1) {
    std::mt19937 random(n + k);
    auto number = [&] { return static_cast<int>(random() % 9) - 4; };
    std::vector<int> ma(64 * k), mb(n * k);
    std::vector<uint8_t> bytes(65536, 0);
    auto put = [&](unsigned at, int value) {
      uint32_t bits = encode(value);
      std::memcpy(&bytes[at], &bits, size);
    };
    Words registers(128 * 4, 0);
    bool isSparse = selector >= 0;
    for (unsigned m = 0; m < 64; ++m)
      for (unsigned x = 0; x < k; ++x) {
        if (isSparse && x % 4 == 0) {
          unsigned first = random() % 3, second = first + 1 + random() % (3 - first);
          for (unsigned i : {0u, 1u})
            put(placeOf(a, m, x / 2 + i, size), ma[m * k + x + (i ? second : first)] = number());
          // Of a row, sixteen columns (bytes: 32) are in a lane of the selected ones.
          unsigned perLane = size == 1 ? 32 : 16, row = m % 16, part = x / perLane;
          unsigned lane = row % 8 * 4 + (size == 1 ? 2 * part + row / 8 : 2 * selector + part);
          unsigned shift = x % perLane + (size == 1 ? 0 : row / 8 * 16);
          registers[(m / 16 * 32 + lane) * 4] |= (first | second << 2) << shift;
        } else if (!isSparse) {
          put(placeOf(a, m, x, size), ma[m * k + x] = number());
        }
      }
    for (unsigned j = 0; j < n; ++j)
      for (unsigned x = 0; x < k; ++x)
        put(32768 + placeOf(b, j, x, size), mb[j * k + x] = number());
    // A in registers: as mma.m16n8k16 has it, rows 16 per warp.
    for (unsigned t = 0; t < 128; ++t)
      for (unsigned i = 0; i < 8; ++i) {
        unsigned row = t / 32 * 16 + t % 32 / 4 + (i / 2 % 2) * 8,
                 column = t % 4 * 2 + i % 2 + i / 4 * 8;
        if (aInRegisters)
          registers[t * 4 + i / 2] |= encode(ma[row * k + column]) << (16 * (i % 2));
      }
    unsigned count = n / 2;
    std::string d, tail = integers ? "" : ", 1, 1";
    for (unsigned i = 0; i < count; ++i)
      d += (i ? ", %r" : "%r") + std::to_string(20 + i);
    if (size == 2)
      tail += std::string(aInRegisters ? ""
                          : a.mnMajor  ? ", 1"
                                       : ", 0") +
              (b.mnMajor ? ", 1" : ", 0");
    std::string body = R"(
    mov.u32 %r1, s;
    mov.u32 %r2, %r0;
COPY:
    mad.wide.u32 %d4, %r2, 16, %d0;
    mad.lo.u32 %r3, %r2, 16, %r1;
    ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%d4];
    st.shared.v4.b32 [%r3], {%r4, %r5, %r6, %r7};
    add.u32 %r2, %r2, 128;
    setp.lt.u32 %p1, %r2, 4096;
    @%p1 bra COPY;
    mad.wide.u32 %d4, %r0, 16, %d2;
    ld.global.v4.b32 {%r10, %r11, %r12, %r13}, [%d4];
    fence.proxy.async;
    bar.sync 0;
    shr.u32 %r3, %r1, 4;
    cvt.u64.u32 %d5, %r3;
    or.b64 %d6, %d5, )" +
                       std::to_string(descriptorOf(a)) + R"(;
    add.u64 %d5, %d5, 2048;
    or.b64 %d7, %d5, )" +
                       std::to_string(descriptorOf(b)) + ";\n";
    for (unsigned i = 0; i < count; ++i)
      body += "mov.b32 %r" + std::to_string(20 + i) + (integers ? ", 3;\n" : ", 0f40400000;\n");
    std::string opA = aInRegisters ? "{%r10, %r11, %r12, %r13}" : "%d6";
    std::string opcode = std::string("wgmma.mma_async.") + (isSparse ? "sp." : "") +
                         "sync.aligned.m64n" + std::to_string(n) + "k" + std::to_string(k) + types;
    std::string metadata = isSparse ? ", %r10, " + std::to_string(selector) : "";
    body += "wgmma.fence.sync.aligned;\nsetp.eq.u32 %p2, 1, 1;\n" + opcode + " {" + d + "}, " +
            opA + ", %d7" + metadata + ", %p2" + tail +
            ";\nwgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
    body += "mad.wide.u32 %d4, %r0, " + std::to_string(count * 4) + ", %d1;\n";
    for (unsigned i = 0; i < count; ++i)
      body +=
          "st.global.b32 [%d4+" + std::to_string(4 * i) + "], %r" + std::to_string(20 + i) + ";\n";
    unsigned long long in = upload(bytes), out = allocate(128 * count * 4), inA = upload(registers);
    std::string text = kernel(body, 3, ".shared .align 1024 .b8 s[65536];");
    if (isSparse) {
      const std::string version = ".version 8.0";
      text.replace(text.find(version), version.size(), ".version 8.2");
    }
    load(text);
    cuFuncSetAttribute(function, 8, 0);
    ASSERT_EQ(launch({in, out, inA}, 128), 0) << fault();
    Words result = download<uint32_t>(out, 128 * count);
    for (unsigned t = 0; t < 128; ++t)
      for (unsigned i = 0; i < count; ++i) {
        unsigned row = t / 32 * 16 + t % 32 / 4 + (i / 2 % 2) * 8,
                 column = i / 4 * 8 + t % 4 * 2 + i % 2;
        int expected = 3;
        for (unsigned x = 0; x < k; ++x)
          expected += ma[row * k + x] * mb[column * k + x];
        uint32_t bits = integers ? static_cast<uint32_t>(expected)
                                 : std::bit_cast<uint32_t>(static_cast<float>(expected));
        ASSERT_EQ(result[t * count + i], bits)
            << opcode << " " << a.name << " / " << b.name << " at " << row << "," << column;
      }
  }
};

static uint32_t halfOf(int v) { return std::bit_cast<uint16_t>(static_cast<_Float16>(v)); }
static uint32_t bfloatOf(int v) { return std::bit_cast<uint32_t>(static_cast<float>(v)) >> 16; }
static uint32_t floatOf(int v) { return std::bit_cast<uint32_t>(static_cast<float>(v)); }
static uint32_t e4m3Of(int v) {
  static const uint32_t table[] = {0, 0x38, 0x40, 0x44, 0x48};
  return table[std::abs(v)] | (v < 0 ? 0x80 : 0);
}

TEST_F(WarpgroupTest, MultipliesInEveryLayout) {
  for (const Layout &layout : layouts) {
    check(".f32.f16.f16", 2, 64, 16, layout, layouts[3], halfOf, false);
    check(".f32.bf16.bf16", 2, 72, 16, layouts[0], layout, bfloatOf, false);
  }
}

TEST_F(WarpgroupTest, MultipliesOtherTypes) {
  check(".f32.tf32.tf32", 4, 24, 8, layouts[3], layouts[2], floatOf, false);
  check(".f32.e4m3.e4m3", 1, 128, 32, layouts[1], layouts[3], e4m3Of, false);
  check(
      ".s32.s8.s8", 1, 96, 32, layouts[3], layouts[0], [](int v) { return uint32_t(v) & 255; },
      true);
  check(".f32.f16.f16", 2, 256, 16, layouts[3], layouts[3], halfOf, false, true);
}

TEST_F(WarpgroupTest, MultipliesSparseMatrices) {
  for (int selector : {0, 1}) {
    check(".f32.f16.f16", 2, 64, 32, layouts[1], layouts[3], halfOf, false, false, selector);
    check(".f32.bf16.bf16", 2, 24, 32, layouts[3], layouts[2], bfloatOf, false, false, selector);
  }
  check(
      ".s32.s8.s8", 1, 32, 64, layouts[2], layouts[3], [](int v) { return uint32_t(v) & 255; },
      true, false, 0);
}

namespace {

struct Misuse {
  const char *name, *before, *after, *message;
};

} // namespace

TEST_F(WarpgroupTest, ReportsMisuse) {
  for (const Misuse &misuse : {
           Misuse{"no fence of registers", "fence.proxy.async;\nbar.sync 0;",
                  "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;",
                  "wgmma.fence must come before"},
           Misuse{"no fence of the proxy", "bar.sync 0;\nwgmma.fence.sync.aligned;",
                  "wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;",
                  "without a fence.proxy.async"},
           Misuse{"not waited for", "fence.proxy.async;\nbar.sync 0;\nwgmma.fence.sync.aligned;",
                  "wgmma.commit_group.sync.aligned;", "exits while a wgmma"},
           Misuse{"accumulators written",
                  "fence.proxy.async;\nbar.sync 0;\nwgmma.fence.sync.aligned;",
                  "wgmma.commit_group.sync.aligned;\nmov.b32 %r21, "
                  "1;\nwgmma.wait_group.sync.aligned 0;",
                  "an accumulator was written"},
           Misuse{"operands overwritten",
                  "fence.proxy.async;\nbar.sync 0;\nwgmma.fence.sync.aligned;",
                  "wgmma.commit_group.sync.aligned;\nst.shared.u32 [%r2], "
                  "5;\nwgmma.wait_group.sync.aligned 0;",
                  "race"},
       }) {
    start("sm_90a");
    unsigned long long out = allocate(16);
    std::string body =
        "mov.u32 %r1, s;\nmov.u32 %r2, %r1;\nmad.lo.u32 %r2, %r0, 16, %r1;\nmov.u32 %r3, 0;\n"
        "st.shared.v4.b32 [%r2], {%r3, %r3, %r3, %r3};\nst.shared.v4.b32 [%r2+2048], {%r3, %r3, "
        "%r3, %r3};\n"
        "st.shared.v4.b32 [%r2+4096], {%r3, %r3, %r3, %r3};\nst.shared.v4.b32 [%r2+6144], {%r3, "
        "%r3, %r3, %r3};\n";
    for (unsigned i = 20; i < 24; ++i)
      body += "mov.b32 %r" + std::to_string(i) + ", 0;\n";
    body += std::string(misuse.before) +
            "\nshr.u32 %r3, %r1, 4;\ncvt.u64.u32 %d5, %r3;\nor.b64 %d6, %d5, 0x4000004000010000;\n"
            "setp.eq.u32 %p2, 1, 1;\nwgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%r20, "
            "%r21, %r22, %r23}, %d6, %d6, %p2, 1, 1, 0, 0;\n" +
            misuse.after;
    load(kernel(body, 1, ".shared .align 1024 .b8 s[8192];"));
    EXPECT_NE(launch({out}, 128), 0) << misuse.name;
    EXPECT_HAS(fault(), misuse.message);
  }
}

} // namespace tenon::sim
