// mma, mma.sp, ldmatrix and stmatrix against products that are computed element by element. The
// tests spread matrices over lanes as the tables of the PTX ISA do, one shape at a time.

#include "SimulatorTest.h"
#include <random>

namespace tenon::sim {

using Words = std::vector<uint32_t>;

namespace {

/// A type of matrices: its bits and the value of an element.
struct Format {
  const char *name;
  unsigned bits;
  uint32_t (*encode)(int);
};

} // namespace

static uint32_t halfOf(int v) { return std::bit_cast<uint16_t>(static_cast<_Float16>(v)); }
static uint32_t bfloatOf(int v) { return std::bit_cast<uint32_t>(static_cast<float>(v)) >> 16; }
static uint32_t floatOf(int v) { return std::bit_cast<uint32_t>(static_cast<float>(v)); }
static uint32_t byteOf(int v) { return v & 255; }
/// Whole numbers up to 8: sign, 4 bits of exponent with bias 7, 3 of mantissa; and 5 with 15, 2.
static uint32_t e4m3Of(int v) {
  static const uint32_t table[] = {0, 0x38, 0x40, 0x44, 0x48, 0x4a, 0x4c, 0x4e, 0x50};
  return table[std::abs(v)] | (v < 0 ? 0x80 : 0);
}
static uint32_t e5m2Of(int v) {
  static const uint32_t table[] = {0, 0x3c, 0x40, 0x42, 0x44, 0x45, 0x46, 0x47, 0x48};
  return table[std::abs(v)] | (v < 0 ? 0x80 : 0);
}

static const Format f16{"f16", 16, halfOf}, bf16{"bf16", 16, bfloatOf}, tf32{"tf32", 32, floatOf},
    s8{"s8", 8, byteOf}, e4m3{"e4m3", 8, e4m3Of}, e5m2{"e5m2", 8, e5m2Of};

/// Small whole numbers, so that every sum is exact.
static std::vector<int> randomMatrix(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> values(count);
  for (int &value : values)
    value = static_cast<int>(random() % 15) - 7;
  return values;
}

class MatrixTest : public SimulatorTest {
protected:
  /// Runs `mma` for registers that each lane has in `fragments` ([register][lane]): first all of A,
  /// then B, then C. Returns D.
  std::vector<Words> runMma(const std::string &opcode, const std::vector<Words> &a,
                            const std::vector<Words> &b, const std::vector<Words> &c,
                            unsigned countD, const std::string &tail = "") {
    Words memory;
    for (const auto *list : {&a, &b, &c})
      for (const Words &row : *list)
        memory.insert(memory.end(), row.begin(), row.end());
    std::string body = "mad.wide.u32 %d2, %r0, 4, %d0;\nmad.wide.u32 %d3, %r0, 4, %d1;\n", lists[4];
    unsigned next = 10, number = 0;
    auto list = [&](unsigned count, std::string &text) {
      for (unsigned i = 0; i < count; ++i, ++next)
        text += (i ? ", %r" : "%r") + std::to_string(next);
    };
    list(countD, lists[0]);
    unsigned part = 1;
    for (const auto *fragments : {&a, &b, &c}) {
      unsigned first = next;
      list(static_cast<unsigned>(fragments->size()), lists[part++]);
      for (unsigned r = first; r < next; ++r, ++number)
        body += "ld.global.b32 %r" + std::to_string(r) + ", [%d2+" + std::to_string(128 * number) +
                "];\n";
    }
    body += opcode + " {" + lists[0] + "}, {" + lists[1] + "}, {" + lists[2] + "}, {" + lists[3] +
            "}" + tail + ";\n";
    for (unsigned i = 0; i < countD; ++i)
      body += "st.global.b32 [%d3+" + std::to_string(128 * i) + "], %r" + std::to_string(10 + i) +
              ";\n";
    unsigned long long in = upload(memory), out = allocate(countD * 128);
    load(kernel(body));
    EXPECT_EQ(launch({in, out}), 0) << fault();
    Words flat = download<uint32_t>(out, countD * 32);
    std::vector<Words> d;
    for (unsigned i = 0; i < countD; ++i)
      d.emplace_back(flat.begin() + 32 * i, flat.begin() + 32 * (i + 1));
    return d;
  }

  /// D = A * B + C of 16 x k and k x 8 with f32 or s32 sums.
  void checkMma(const Format &a, const Format &b, unsigned k, bool integers) {
    unsigned per = 32 / a.bits, countA = 16 * k / 32 / per, countB = countA / 2;
    std::vector<int> ma = randomMatrix(16 * k, 1), mb = randomMatrix(k * 8, 2),
                     mc = randomMatrix(128, 3);
    std::vector<Words> fa(countA, Words(32, 0)), fb(countB, Words(32, 0)), fc(4, Words(32));
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned group = lane / 4, member = lane % 4;
      // "row = groupID for the first half of each pair of registers, groupID + 8 for the second".
      for (unsigned i = 0; i < countA * per; ++i) {
        unsigned r = i / per, row = group + (r % 2 ? 8 : 0),
                 column = member * per + i % per + (r >= 2 ? 4 * per : 0);
        fa[r][lane] |= a.encode(ma[row * k + column]) << (i % per * a.bits);
      }
      for (unsigned i = 0; i < countB * per; ++i) {
        unsigned row = member * per + i % per + (i / per ? 4 * per : 0);
        fb[i / per][lane] |= b.encode(mb[row * 8 + group]) << (i % per * b.bits);
      }
      for (unsigned i = 0; i < 4; ++i) {
        int c = mc[(group + (i < 2 ? 0 : 8)) * 8 + member * 2 + (i & 1)];
        fc[i][lane] = integers ? static_cast<uint32_t>(c) : floatOf(c);
      }
    }
    std::string sum = integers ? "s32" : "f32";
    std::string opcode = "mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col." + sum + "." +
                         a.name + "." + b.name + "." + sum;
    std::vector<Words> d = runMma(opcode, fa, fb, fc, 4);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
        int expected = mc[row * 8 + column];
        for (unsigned x = 0; x < k; ++x)
          expected += ma[row * k + x] * mb[x * 8 + column];
        ASSERT_EQ(d[i][lane], integers ? static_cast<uint32_t>(expected) : floatOf(expected))
            << opcode << " at " << row << "," << column;
      }
  }
};

TEST_F(MatrixTest, MultipliesFragments) {
  checkMma(f16, f16, 8, false);
  checkMma(f16, f16, 16, false);
  checkMma(bf16, bf16, 16, false);
  checkMma(tf32, tf32, 4, false);
  checkMma(tf32, tf32, 8, false);
  checkMma(s8, s8, 16, true);
  checkMma(s8, s8, 32, true);
  start("sm_90a");
  version = "8.4";
  checkMma(e4m3, e5m2, 32, false);
  checkMma(e5m2, e5m2, 32, false);
}

/// What a code means ("Floats of 8 bits" of the OCP's specification): E4M3 has a bias of 7, E5M2 of
/// 15. Not for infinities and NaN.
static double valueOf(uint32_t code, int mantissaBits, int bias) {
  int exponent = int(code >> mantissaBits & ((128 >> mantissaBits) - 1));
  int mantissa = int(code & ((1u << mantissaBits) - 1));
  double unit = std::ldexp(1.0, std::max(exponent, 1) - bias - mantissaBits);
  double magnitude = unit * (mantissa + (exponent ? 1 << mantissaBits : 0));
  return code & 128 ? -magnitude : magnitude;
}

// Any numbers of both kinds; of E5M2 those below 256, so that double holds sums exactly.
TEST_F(MatrixTest, MultipliesFloatsOf8Bits) {
  start("sm_89");
  version = "8.4";
  std::mt19937 random(8);
  std::vector<uint32_t> a(16 * 32), b(32 * 8);
  for (uint32_t &code : a)
    do
      code = random() & 255;
    while ((code & 127) == 127);
  for (uint32_t &code : b)
    do
      code = random() & 255;
    while ((code & 127) >= 0x5c);
  std::vector<Words> fa(4, Words(32, 0)), fb(2, Words(32, 0)), fc(4, Words(32, floatOf(1)));
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 16; ++i) {
      unsigned group = lane / 4, member = lane % 4;
      unsigned row = group + (i / 4 % 2) * 8, column = member * 4 + i % 4 + (i >= 8 ? 16 : 0);
      fa[i / 4][lane] |= a[row * 32 + column] << (i % 4 * 8);
      if (i < 8)
        fb[i / 4][lane] |= b[(member * 4 + i % 4 + (i >= 4 ? 16 : 0)) * 8 + group] << (i % 4 * 8);
    }
  std::vector<Words> d =
      runMma("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e5m2.f32", fa, fb, fc, 4);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
      double sum = 1;
      for (unsigned x = 0; x < 32; ++x)
        sum += valueOf(a[row * 32 + x], 3, 7) * valueOf(b[x * 8 + column], 2, 15);
      EXPECT_EQ(std::bit_cast<float>(d[i][lane]), static_cast<float>(sum)) << row << "," << column;
    }
}

// Sums of halves: two in a register, of neighbouring columns.
TEST_F(MatrixTest, SumsInHalves) {
  std::vector<Words> fa(4, Words(32, halfOf(1) | halfOf(2) << 16)),
      fb(2, Words(32, halfOf(3) | halfOf(1) << 16)), fc(2, Words(32));
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned r = 0; r < 2; ++r)
      fc[r][lane] = halfOf(int(lane)) | halfOf(-int(lane) - int(100 * r)) << 16;
  std::vector<Words> d = runMma("mma.sync.aligned.m16n8k16.row.col.f16.f16.f16.f16", fa, fb, fc, 2);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned r = 0; r < 2; ++r)
      EXPECT_EQ(d[r][lane], halfOf(int(lane) + 40) | halfOf(40 - int(lane) - int(100 * r)) << 16);
}

// m8n8k4 of f64: each lane has one element of A and B, and two of C.
TEST_F(MatrixTest, MultipliesDoubles) {
  std::vector<double> a(32), b(32), result;
  for (unsigned i = 0; i < 32; ++i)
    a[i] = i * 0.5 - 3, b[i] = 2 - i * 0.25;
  unsigned long long inA = upload(a), inB = upload(b), out = allocate(512);
  load(kernel(R"(
    mad.wide.u32 %d3, %r0, 8, %d0;
    ld.global.f64 %g1, [%d3];
    mad.wide.u32 %d3, %r0, 8, %d1;
    ld.global.f64 %g2, [%d3];
    mov.f64 %g3, 0d3FF0000000000000;
    mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%g4, %g5}, {%g1}, {%g2}, {%g3, %g3};
    mad.wide.u32 %d3, %r0, 16, %d2;
    st.global.v2.f64 [%d3], {%g4, %g5};
)",
              3));
  ASSERT_EQ(launch({inA, inB, out}), 0) << fault();
  result = download<double>(out, 64);
  for (unsigned m = 0; m < 8; ++m)
    for (unsigned n = 0; n < 8; ++n) {
      double expected = 1;
      for (unsigned k = 0; k < 4; ++k)
        expected += a[m * 4 + k] * b[n * 4 + k];
      EXPECT_EQ(result[m * 8 + n], expected);
    }
}

// What stmatrix stores, ldmatrix loads; transposed, columns become rows.
TEST_F(MatrixTest, StoresMatrices) {
  start("sm_90a");
  unsigned long long out = allocate(512);
  load(kernel(R"(
    mov.u32 %r1, s;
    and.b32 %r2, %r0, 15;
    mad.lo.u32 %r3, %r2, 16, %r1;
    mad.lo.u32 %r4, %r0, 0x20002, 0x10000;
    add.u32 %r5, %r4, 0x400040;
    stmatrix.sync.aligned.m8n8.x2.shared.b16 [%r3], {%r4, %r5};
    stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%r3+256], {%r4, %r5};
    bar.warp.sync 0xffffffff;
    mad.lo.u32 %r6, %r0, 16, %r1;
    ld.shared.v4.b32 {%r7, %r8, %r9, %r10}, [%r6];
    mad.wide.u32 %d2, %r0, 16, %d0;
    st.global.v4.b32 [%d2], {%r7, %r8, %r9, %r10};
)",
              1, ".shared .align 16 .b8 s[512];"));
  ASSERT_EQ(launch({out}), 0) << fault();
  auto result = download<uint16_t>(out, 256);
  for (unsigned m = 0; m < 2; ++m)
    for (unsigned i = 0; i < 8; ++i)
      for (unsigned j = 0; j < 8; ++j) {
        EXPECT_EQ(result[64 * m + 8 * i + j], 64 * m + 8 * i + j);
        EXPECT_EQ(result[128 + 64 * m + 8 * i + j], 64 * m + 8 * j + i);
      }
}

TEST_F(MatrixTest, RefusesWrongProducts) {
  void *module = nullptr;
  std::string registers =
      " {%r1, %r2, %r3, %r4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%r1, %r2, %r3, %r4};";
  for (auto [opcode, message] : {
           std::pair{"mma.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32", "there is no shape"},
           std::pair{"mma.sync.aligned.m16n8k16.row.col.f32.f16.bf16.f32", "do not go together"},
           std::pair{"mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32", "needs PTX 8.4"},
           std::pair{"mma.sync.aligned.m16n8k16.col.col.f32.f16.f16.f32",
                     "expected the modifier '.row'"},
           std::pair{"wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16",
                     "needs the target sm_90a"},
       }) {
    EXPECT_EQ(loadText(kernel(opcode + registers), &module), InvalidPtx);
    EXPECT_HAS(log, message);
  }
}

// 2:4 sparsity: of four neighbours two are kept.
TEST_F(MatrixTest, MultipliesSparseFragments) {
  const unsigned k = 32;
  std::mt19937 random(5);
  std::vector<int> kept = randomMatrix(16 * k / 2, 6), mb = randomMatrix(k * 8, 7), ma(16 * k, 0);
  // Bits of the metadata: [row][chunk of four].
  std::vector<uint32_t> bits(16 * k / 4);
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned chunk = 0; chunk < k / 4; ++chunk) {
      unsigned first = random() % 3, second = first + 1 + random() % (3 - first);
      bits[row * k / 4 + chunk] = first | second << 2;
      ma[row * k + 4 * chunk + first] = kept[row * k / 2 + 2 * chunk];
      ma[row * k + 4 * chunk + second] = kept[row * k / 2 + 2 * chunk + 1];
    }
  std::vector<Words> fa(4, Words(32, 0)), fb(4, Words(32, 0)), fc(5, Words(32, 0));
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned group = lane / 4, member = lane % 4;
    for (unsigned i = 0; i < 8; ++i)
      fa[i / 2][lane] |=
          halfOf(
              kept[(group + (i / 2 % 2 ? 8 : 0)) * k / 2 + member * 2 + i % 2 + (i >= 4 ? 8 : 0)])
          << (i % 2 * 16);
    for (unsigned i = 0; i < 8; ++i)
      fb[i / 2][lane] |= halfOf(mb[(member * 2 + i % 2 + 8 * (i / 2)) * 8 + group]) << (i % 2 * 16);
    // Selector 1: the pair of lanes 2 and 3 of each four; 16 columns each.
    if (member >= 2)
      for (unsigned chunk = 0; chunk < 4; ++chunk) {
        fc[4][lane] |= bits[group * k / 4 + 4 * (member - 2) + chunk] << (4 * chunk);
        fc[4][lane] |= bits[(group + 8) * k / 4 + 4 * (member - 2) + chunk] << (16 + 4 * chunk);
      }
  }
  // The fifth register of C is the metadata.
  unsigned long long in, out = allocate(4 * 128);
  Words memory;
  for (const auto *list : {&fa, &fb, &fc})
    for (const Words &row : *list)
      memory.insert(memory.end(), row.begin(), row.end());
  in = upload(memory);
  std::string body = "mad.wide.u32 %d2, %r0, 4, %d0;\nmad.wide.u32 %d3, %r0, 4, %d1;\n";
  for (unsigned i = 0; i < 13; ++i)
    body +=
        "ld.global.b32 %r" + std::to_string(20 + i) + ", [%d2+" + std::to_string(128 * i) + "];\n";
  body += "mma.sp.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 {%r10, %r11, %r12, %r13}, {%r20, "
          "%r21, %r22, %r23}, "
          "{%r24, %r25, %r26, %r27}, {%r28, %r29, %r30, %r31}, %r32, 1;\n";
  for (unsigned i = 0; i < 4; ++i)
    body +=
        "st.global.b32 [%d3+" + std::to_string(128 * i) + "], %r" + std::to_string(10 + i) + ";\n";
  load(kernel(body));
  ASSERT_EQ(launch({in, out}), 0) << fault();
  Words d = download<uint32_t>(out, 128);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + (i < 2 ? 0 : 8), column = lane % 4 * 2 + (i & 1);
      int expected = 0;
      for (unsigned x = 0; x < k; ++x)
        expected += ma[row * k + x] * mb[x * 8 + column];
      ASSERT_EQ(d[32 * i + lane], floatOf(expected)) << row << "," << column;
    }
}

// Of bytes all lanes of four have metadata, each for a row.
TEST_F(MatrixTest, MultipliesSparseBytes) {
  const unsigned k = 64;
  std::mt19937 random(8);
  std::vector<int> kept = randomMatrix(16 * k / 2, 9), mb = randomMatrix(k * 8, 10), ma(16 * k, 0);
  std::vector<Words> words(9, Words(32, 0));
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned x = 0; x < k; x += 4) {
      unsigned first = random() % 3, second = first + 1 + random() % (3 - first);
      ma[row * k + x + first] = kept[(row * k + x) / 2];
      ma[row * k + x + second] = kept[(row * k + x) / 2 + 1];
      words[8][row % 8 * 4 + row / 8 + x / 32 * 2] |= (first | second << 2) << x % 32;
    }
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned r = 0; r < 4; ++r)
      for (unsigned i = 0; i < 4; ++i) {
        unsigned row = lane / 4 + r % 2 * 8, column = lane % 4 * 4 + i + r / 2 * 16;
        words[r][lane] |= uint32_t(kept[row * k / 2 + column] & 255) << (8 * i);
        unsigned depth = lane % 4 * 4 + i + r * 16;
        words[4 + r][lane] |= uint32_t(mb[depth * 8 + lane / 4] & 255) << (8 * i);
      }
  Words memory;
  for (const Words &row : words)
    memory.insert(memory.end(), row.begin(), row.end());
  unsigned long long in = upload(memory), out = allocate(4 * 128);
  std::string body = "mad.wide.u32 %d2, %r0, 4, %d0;\nmad.wide.u32 %d3, %r0, 16, %d1;\n";
  for (unsigned i = 0; i < 9; ++i)
    body +=
        "ld.global.b32 %r" + std::to_string(20 + i) + ", [%d2+" + std::to_string(128 * i) + "];\n";
  body += "mov.b32 %r1, 0;\nmma.sp.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32 {%r10, %r11, %r12, "
          "%r13}, {%r20, %r21, %r22, %r23}, {%r24, %r25, %r26, %r27}, {%r1, %r1, %r1, %r1}, %r28, "
          "0;\nst.global.v4.b32 [%d3], {%r10, %r11, %r12, %r13};\n";
  load(kernel(body));
  ASSERT_EQ(launch({in, out}), 0) << fault();
  Words d = download<uint32_t>(out, 128);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned i = 0; i < 4; ++i) {
      unsigned row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      int expected = 0;
      for (unsigned x = 0; x < k; ++x)
        expected += ma[row * k + x] * mb[x * 8 + column];
      ASSERT_EQ(d[4 * lane + i], uint32_t(expected)) << row << "," << column;
    }
}

TEST_F(MatrixTest, MetadataMustAscend) {
  for (const char *places : {"0x44444440", "0x44444441", "0x4444444a"}) {
    start("sm_80");
    load(kernel(std::string("mov.b32 %r1, 0;\nmov.b32 %r2, ") + places +
                ";\nmma.sp.sync.aligned.m16n8k64.row.col.s32.s8.s8.s32 {%r1, %r1, %r1, %r1}, "
                "{%r1, %r1, %r1, %r1}, {%r1, %r1, %r1, %r1}, {%r1, %r1, %r1, %r1}, %r2, 0;\n"));
    unsigned long long out = allocate(4);
    EXPECT_NE(launch({out, out}), 0);
    EXPECT_HAS(fault(), "which do not ascend");
  }
}

TEST_F(MatrixTest, LoadsMatrices) {
  // Element (matrix m, row i, column j) is 64 m + 8 i + j.
  std::vector<uint16_t> elements(256);
  for (unsigned i = 0; i < 256; ++i)
    elements[i] = static_cast<uint16_t>(i);
  unsigned long long in = upload(elements), out = allocate(8 * 128);
  load(kernel(R"(
    mov.u32 %r1, s;
    mad.wide.u32 %d2, %r0, 16, %d0;
    ld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%d2];
    mad.lo.u32 %r6, %r0, 16, %r1;
    st.shared.v4.b32 [%r6], {%r2, %r3, %r4, %r5};
    bar.warp.sync 0xffffffff;
    ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r6];
    ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r14, %r15, %r16, %r17}, [%r6];
    mad.wide.u32 %d3, %r0, 32, %d1;
    st.global.v4.b32 [%d3], {%r10, %r11, %r12, %r13};
    st.global.v4.b32 [%d3+16], {%r14, %r15, %r16, %r17};
)",
              2, ".shared .align 16 .b8 s[512];"));
  ASSERT_EQ(launch({in, out}), 0) << fault();
  Words results = download<uint32_t>(out, 256);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned m = 0; m < 4; ++m) {
      unsigned i = lane / 4, j = lane % 4 * 2;
      EXPECT_EQ(results[8 * lane + m], (64 * m + 8 * i + j) | (64 * m + 8 * i + j + 1) << 16);
      EXPECT_EQ(results[8 * lane + 4 + m], (64 * m + 8 * j + i) | (64 * m + 8 * (j + 1) + i) << 16);
    }
}

} // namespace tenon::sim
