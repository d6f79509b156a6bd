// Asynchronous copies, mbarriers and tensor maps.

#include "SimulatorTest.h"

extern "C" int cuTensorMapEncodeTiled(tenon::sim::TensorMapBytes *, int, uint32_t, void *,
                                      const uint64_t *, const uint64_t *, const uint32_t *,
                                      const uint32_t *, int, int, int, int);
extern "C" int cuTensorMapEncodeIm2col(tenon::sim::TensorMapBytes *, int, uint32_t, void *,
                                       const uint64_t *, const uint64_t *, const int *, const int *,
                                       uint32_t, uint32_t, const uint32_t *, int, int, int, int);

namespace tenon::sim {

using Words = std::vector<uint32_t>;

static Words count(uint32_t n) {
  Words numbers(n);
  for (uint32_t i = 0; i < n; ++i)
    numbers[i] = 1000 + i;
  return numbers;
}

static const char *const shared4K = ".shared .align 1024 .b8 s[4096];\n.shared .align 8 .b64 bar;";

// Each lane copies 16 bytes and reads what its neighbour copied.
static std::string copyKernel(const char *wait) {
  return std::string(R"(
    mov.u32 %r1, s;
    mad.lo.u32 %r2, %r0, 16, %r1;
    mad.wide.u32 %d2, %r0, 16, %d0;
    cp.async.cg.shared.global [%r2], [%d2], 16;
    cp.async.commit_group;
    cp.async.ca.shared.global [%r2+2048], [%d2], 16, 8;
    cp.async.commit_group;
)") + wait +
         R"(
    bar.sync 0;
    xor.b32 %r3, %r2, 16;
    ld.shared.u32 %r4, [%r3];
    mad.wide.u32 %d3, %r0, 4, %d1;
    st.global.u32 [%d3], %r4;
    cp.async.wait_all;
    ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r2+2048];
    add.u32 %r5, %r7, %r8;
    st.global.u32 [%d3+256], %r5;
)";
}

TEST_F(SimulatorTest, CopiesAsynchronously) {
  unsigned long long in = upload(count(256)), out = allocate(512);
  load(kernel(copyKernel("cp.async.wait_group 1;"), 2, shared4K));
  ASSERT_EQ(launch({in, out}, 64), 0) << fault();
  Words results = download<uint32_t>(out, 128);
  for (uint32_t i = 0; i < 64; ++i) {
    EXPECT_EQ(results[i], 1000 + 4 * (i ^ 1));
    EXPECT_EQ(results[64 + i], 0u) << "what the source does not have is zero";
  }
}

TEST_F(SimulatorTest, FindsCopiesThatNobodyWaitedFor) {
  unsigned long long in = upload(count(256)), out = allocate(512);
  load(kernel(copyKernel("cp.async.wait_group 2;"), 2, shared4K));
  EXPECT_EQ(launch({in, out}, 64), LaunchFailed);
  EXPECT_HAS(fault(), "while an asynchronous copy into it is under way");
}

// Copies of all lanes arrive at an mbarrier.
TEST_F(SimulatorTest, ArrivesWhenCopiesAreDone) {
  unsigned long long in = upload(count(256)), out = allocate(256);
  load(kernel(R"(
    mov.u32 %r1, s;
    mov.u32 %r9, bar;
    setp.eq.u32 %p1, %r0, 0;
    @%p1 mbarrier.init.shared.b64 [%r9], 64;
    bar.sync 0;
    mad.lo.u32 %r2, %r0, 16, %r1;
    mad.wide.u32 %d2, %r0, 16, %d0;
    cp.async.cg.shared.global [%r2], [%d2], 16;
    cp.async.mbarrier.arrive.noinc.shared.b64 [%r9];
WAIT:
    mbarrier.test_wait.parity.shared.b64 %p2, [%r9], 0;
    @!%p2 bra WAIT;
    xor.b32 %r3, %r2, 512;
    ld.shared.u32 %r4, [%r3];
    mad.wide.u32 %d3, %r0, 4, %d1;
    st.global.u32 [%d3], %r4;
)",
              2, shared4K));
  for (unsigned seed = 1; seed < 4; ++seed) {
    tenon_cuda_sim_set_seed(seed);
    ASSERT_EQ(launch({in, out}, 64), 0) << fault();
    EXPECT_EQ(download<uint32_t>(out, 64)[3], 1000u + 4 * (3 ^ 32));
  }
}

namespace {

struct Misuse {
  const char *name, *body;
  int result;
  const char *message;
};

} // namespace

static const Misuse misuses[] = {
    {"not initialised", "mbarrier.arrive.shared.b64 %d9, [%r9];", LaunchFailed,
     "no valid mbarrier"},
    {"too many arrivals",
     "@%p1 mbarrier.init.shared.b64 [%r9], 3;\nbar.sync 0;\nmbarrier.arrive.shared.b64 %d9, [%r9], "
     "2;",
     LaunchFailed, "arrivals, but phase"},
    {"initialised twice",
     "@%p1 mbarrier.init.shared.b64 [%r9], 3;\n@%p1 mbarrier.init.shared.b64 [%r9], 3;",
     LaunchFailed, "which is valid already"},
    {"overwritten", "@%p1 mbarrier.init.shared.b64 [%r9], 3;\n@%p1 st.shared.u32 [%r9], 0;",
     LaunchFailed, "belongs to an mbarrier and is overwritten"},
    {"misaligned", "@%p1 mbarrier.init.shared.b64 [%r9+4], 3;", MisalignedAddressResult,
     "multiple of 8"},
    {"parity",
     "@%p1 mbarrier.init.shared.b64 [%r9], 1;\nbar.sync 0;\nmov.u32 %r5, 2;\n"
     "mbarrier.try_wait.parity.shared.b64 %p2, [%r9], %r5;",
     LaunchFailed, "is not 0 or 1"},
    {"waiting for nothing",
     "@%p1 mbarrier.init.shared.b64 [%r9], 1;\nbar.sync 0;\n"
     "W: mbarrier.try_wait.parity.shared.b64 %p2, [%r9], 0;\n@!%p2 bra W;",
     LaunchTimeout, "deadlock"},
    {"race of a bulk copy",
     "@%p1 mbarrier.init.shared.b64 [%r9], 1;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], "
     "1;\nbar.sync 0;\n"
     "@%p1 mbarrier.arrive.expect_tx.shared.b64 %d9, [%r9], 128;\n"
     "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%d0], 128, "
     "[%r9];\n"
     "ld.shared.u32 %r3, [%r2];",
     LaunchFailed, "asynchronous copy"},
    {"bulk store without a fence",
     "mad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], 1;\nbar.sync 0;\n@!%p1 ret;\n"
     "cp.async.bulk.global.shared::cta.bulk_group [%d1], [%r1], 128;\ncp.async.bulk.commit_group;\n"
     "cp.async.bulk.wait_group 0;",
     LaunchFailed, "without a fence.proxy.async"},
    {"bulk store not waited for",
     "mad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], 1;\nfence.proxy.async;\nbar.sync "
     "0;\n@!%p1 ret;\n"
     "cp.async.bulk.global.shared::cta.bulk_group [%d1], [%r1], "
     "128;\ncp.async.bulk.commit_group;\n",
     LaunchFailed, "exits while a bulk copy"},
    {"bulk load not waited for",
     "@%p1 mbarrier.init.shared.b64 [%r9], 1;\nbar.sync 0;\n"
     "@%p1 mbarrier.arrive.expect_tx.shared.b64 %d9, [%r9], 128;\n"
     "@%p1 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%d0], 128, "
     "[%r9];",
     LaunchFailed, "that nobody waited for may be under way"},
    {"bulk copy of too few bytes",
     "@%p1 mbarrier.init.shared.b64 [%r9], 1;\n@%p1 "
     "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
     "[%r1], [%d0], 12, [%r9];",
     LaunchFailed, "only multiples of 16"},
};

TEST_F(SimulatorTest, ReportsMisuseOfMbarriers) {
  for (const Misuse &misuse : misuses) {
    start("sm_90a");
    unsigned long long in = upload(count(256)), out = allocate(1024);
    load(kernel("mov.u32 %r1, s;\nmov.u32 %r9, bar;\nsetp.eq.u32 %p1, %r0, 0;\n" +
                    std::string(misuse.body),
                2, shared4K));
    EXPECT_EQ(launch({in, out}, 64), misuse.result) << misuse.name << ": " << fault();
    EXPECT_HAS(fault(), misuse.message);
  }
}

// A ring of two buffers: one lane copies in, a warp consumes, several times round.
TEST_F(SimulatorTest, PassesBuffersRound) {
  start("sm_90a");
  const char *body = R"(
    mov.u32 %r1, s;
    setp.eq.u32 %p1, %r0, 0;
    @%p1 mbarrier.init.shared.b64 [full], 1;
    @%p1 mbarrier.init.shared.b64 [full+8], 1;
    @%p1 mbarrier.init.shared.b64 [empty], 32;
    @%p1 mbarrier.init.shared.b64 [empty+8], 32;
    bar.sync 0;
    mov.u32 %r2, 0;
    setp.ge.u32 %p2, %r0, 32;
    @%p2 bra CONSUME;
    @!%p1 ret;
PRODUCE:
    and.b32 %r3, %r2, 1;
    mad.lo.u32 %r4, %r3, 8, full;
    mad.lo.u32 %r5, %r3, 8, empty;
    shr.u32 %r6, %r2, 1;
    and.b32 %r6, %r6, 1;
    xor.b32 %r6, %r6, 1;
PW: mbarrier.try_wait.parity.shared.b64 %p3, [%r5], %r6;
    @!%p3 bra PW;
    mbarrier.arrive.expect_tx.shared.b64 %d9, [%r4], 128;
    mad.lo.u32 %r7, %r3, 128, %r1;
    mad.wide.u32 %d2, %r2, 128, %d0;
    cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r7], [%d2], 128, [%r4];
    add.u32 %r2, %r2, 1;
    setp.lt.u32 %p4, %r2, 8;
    @%p4 bra PRODUCE;
    ret;
CONSUME:
    sub.u32 %r10, %r0, 32;
    and.b32 %r3, %r2, 1;
    mad.lo.u32 %r4, %r3, 8, full;
    mad.lo.u32 %r5, %r3, 8, empty;
    shr.u32 %r6, %r2, 1;
    and.b32 %r6, %r6, 1;
CW: mbarrier.try_wait.parity.shared.b64 %p3, [%r4], %r6;
    @!%p3 bra CW;
    mad.lo.u32 %r7, %r3, 128, %r1;
    mad.lo.u32 %r8, %r10, 4, %r7;
    ld.shared.u32 %r11, [%r8];
    EMPTY
    mad.lo.u32 %r12, %r2, 32, %r10;
    mad.wide.u32 %d3, %r12, 4, %d1;
    st.global.u32 [%d3], %r11;
    add.u32 %r2, %r2, 1;
    setp.lt.u32 %p4, %r2, 8;
    @%p4 bra CONSUME;
)";
  std::string declarations =
      std::string(shared4K) + "\n.shared .align 8 .b64 full[2];\n.shared .align 8 .b64 empty[2];";
  auto with = [&](const char *arrival) {
    std::string text = body;
    text.replace(text.find("EMPTY"), 5, arrival);
    return kernel(text, 2, declarations);
  };
  for (unsigned seed = 1; seed < 10; ++seed) {
    tenon_cuda_sim_set_seed(seed);
    unsigned long long in = upload(count(256)), out = allocate(1024);
    load(with("mbarrier.arrive.shared.b64 %d9, [%r5];"));
    ASSERT_EQ(launch({in, out}, 64), 0) << fault();
    EXPECT_EQ(download<uint32_t>(out, 256), count(256));
  }
  // Arriving before the buffer was read is a race, or poison.
  std::string wrong = with("");
  wrong.replace(wrong.find("ld.shared.u32 %r11"), 0, "mbarrier.arrive.shared.b64 %d9, [%r5];\n");
  unsigned found = 0;
  for (unsigned seed = 1; seed < 10; ++seed) {
    start("sm_90a");
    tenon_cuda_sim_set_seed(seed);
    unsigned long long in = upload(count(256)), out = allocate(1024);
    load(wrong);
    found += launch({in, out}, 64) != 0;
  }
  EXPECT_GE(found, 5u) << "of nine orders";
}

/// A kernel of one warp that copies a box of a tensor into shared memory and the memory out.
static std::string boxKernel(const std::string &header, unsigned rank,
                             const std::string &coordinates, unsigned bytes,
                             const std::string &mode = "", const std::string &tail = "") {
  return header + R"(
.shared .align 1024 .b8 s[8192];
.shared .align 8 .b64 bar;
.visible .entry k(.param .align 64 .b8 map[128], .param .u64 out) {
  .reg .pred %p<4>; .reg .b32 %r<16>; .reg .b64 %d<8>;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, s;
  mov.u32 %r9, bar;
  mov.b64 %d1, map;
  cvta.param.u64 %d2, %d1;
  ld.param.u64 %d3, [out];
  setp.eq.u32 %p1, %r0, 0;
  @!%p1 bra WAIT;
  mbarrier.init.shared.b64 [%r9], 1;
  fence.mbarrier_init.release.cluster;
  mbarrier.arrive.expect_tx.shared.b64 %d4, [%r9], )" +
         std::to_string(bytes) + ";\n  cp.async.bulk.tensor." + std::to_string(rank) +
         "d.shared::cluster.global" + mode + ".mbarrier::complete_tx::bytes [%r1], [%d2, {" +
         coordinates + "}], [%r9]" + tail + R"(;
WAIT:
  bar.warp.sync 0xffffffff;
W: mbarrier.try_wait.parity.shared.b64 %p2, [%r9], 0;
  @!%p2 bra W;
  mov.u32 %r2, %r0;
COPY:
  mad.lo.u32 %r3, %r2, 2, %r1;
  .reg .b16 %h;
  ld.shared.u16 %h, [%r3];
  mad.wide.u32 %d5, %r2, 2, %d3;
  st.global.u16 [%d5], %h;
  add.u32 %r2, %r2, 32;
  setp.lt.u32 %p3, %r2, )" +
         std::to_string(bytes / 2) + ";\n  @%p3 bra COPY;\n  ret;\n}\n";
}

class TensorTest : public SimulatorTest {
protected:
  void SetUp() override { start("sm_90a"); }

  std::vector<uint16_t> runBox(const TensorMapBytes &map, const std::string &text, unsigned bytes) {
    unsigned long long out = allocate(bytes);
    load(text);
    TensorMapBytes copy = map;
    void *arguments[] = {&copy, &out};
    EXPECT_EQ(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, arguments, nullptr), 0);
    EXPECT_EQ(cuCtxSynchronize(), 0) << fault();
    return download<uint16_t>(out, bytes / 2);
  }
};

// Tiles with all swizzles, in the middle and across the edges.
TEST_F(TensorTest, LoadsTiles) {
  const unsigned width = 200, height = 20, boxHeight = 16;
  std::vector<uint16_t> tensor(width * height);
  for (size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<uint16_t>(i + 1);
  unsigned long long in = upload(tensor);
  for (unsigned mode = 0; mode < 4; ++mode) {
    unsigned rowBytes = mode ? 16u << mode : 48; // 32, 64 and 128
    uint64_t lengths[] = {width, height}, strides[] = {width * 2};
    uint32_t box[] = {rowBytes / 2, boxHeight}, steps[] = {1, 1};
    TensorMapBytes map;
    ASSERT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, reinterpret_cast<void *>(in), lengths, strides,
                                     box, steps, 0, static_cast<int>(mode), 0, 0),
              0);
    for (auto [x, y] : {std::pair{8, 2}, std::pair{-5, -3}, std::pair{190, 10}}) {
      unsigned bytes = rowBytes * boxHeight;
      auto result = runBox(
          map, boxKernel(header(), 2, std::to_string(x) + ", " + std::to_string(y), bytes), bytes);
      for (int row = 0; row < int(boxHeight); ++row)
        for (int column = 0; column < int(rowBytes / 2); ++column) {
          int tx = x + column, ty = y + row;
          bool inside = tx >= 0 && ty >= 0 && tx < int(width) && ty < int(height);
          // 16-byte chunks change places with the number of the 128-byte line.
          unsigned at = row * rowBytes + column * 2, line = at / 128 % (1u << mode);
          if (mode)
            at ^= line << 4;
          EXPECT_EQ(result[at / 2], inside ? tensor[ty * width + tx] : 0)
              << mode << ": " << tx << "," << ty;
        }
    }
  }
}

TEST_F(TensorTest, LoadsTilesOfFiveDimensions) {
  const unsigned n[] = {16, 3, 4, 2, 3};
  std::vector<uint16_t> tensor(16 * 3 * 4 * 2 * 3);
  for (size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<uint16_t>(i + 1);
  unsigned long long in = upload(tensor);
  uint64_t lengths[] = {16, 3, 4, 2, 3}, strides[] = {32, 96, 384, 768};
  uint32_t box[] = {8, 2, 3, 1, 2}, steps[] = {1, 1, 2, 1, 1};
  TensorMapBytes map;
  ASSERT_EQ(cuTensorMapEncodeTiled(&map, 6, 5, reinterpret_cast<void *>(in), lengths, strides, box,
                                   steps, 0, 0, 0, 0),
            0);
  // Of three in dimension 2 every other one: two.
  auto result = runBox(map, boxKernel(header(), 5, "8, 1, 1, 1, 0", 128), 128);
  unsigned at = 0;
  for (unsigned e = 0; e < 2; ++e)
    for (unsigned c = 1; c < 5; c += 2)
      for (unsigned b = 1; b < 3; ++b)
        for (unsigned a = 8; a < 16; ++a, ++at)
          EXPECT_EQ(result[at], c < n[2] ? tensor[a + 16 * (b + 3 * (c + 4 * (1 + 2 * e)))] : 0);
}

// A 3x3 convolution's input at tap (2, 1), with padding 1: pixels of two images of 4 x 3.
TEST_F(TensorTest, LoadsColumns) {
  const int channels = 16, width = 4, height = 3, images = 2;
  std::vector<uint16_t> tensor(channels * width * height * images);
  for (size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<uint16_t>(i + 1);
  unsigned long long in = upload(tensor);
  uint64_t lengths[] = {16, 4, 3, 2}, strides[] = {32, 128, 384};
  int lower[] = {-1, -1}, upper[] = {-1, -1};
  uint32_t steps[] = {1, 1, 1, 1};
  TensorMapBytes map;
  ASSERT_EQ(cuTensorMapEncodeIm2col(&map, 6, 4, reinterpret_cast<void *>(in), lengths, strides,
                                    lower, upper, 16, 20, steps, 0, 0, 0, 0),
            0);
  auto result =
      runBox(map, boxKernel(header(), 4, "0, -1, -1, 0", 640, ".im2col", ", {2, 1}"), 640);
  for (int pixel = 0; pixel < 20; ++pixel) {
    // Output pixels are 4 x 3 with this padding; the box of base pixels is as large.
    int w = pixel % 4 - 1 + 2, h = pixel / 4 % 3 - 1 + 1, image = pixel / 12;
    for (int c = 0; c < channels; ++c) {
      bool inside = w >= 0 && w < width && h >= 0 && h < height;
      EXPECT_EQ(result[pixel * 16 + c],
                inside ? tensor[c + 16 * (w + width * (h + height * image))] : 0)
          << pixel;
    }
  }
}

TEST_F(TensorTest, RefusesWrongMaps) {
  uint64_t lengths[] = {64, 64}, strides[] = {128}, odd[] = {130};
  uint32_t box[] = {64, 64}, wide[] = {128, 64}, steps[] = {1, 1};
  void *address = reinterpret_cast<void *>(allocate(8192));
  TensorMapBytes map;
  EXPECT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, address, lengths, strides, box, steps, 0, 3, 0, 0),
            0);
  EXPECT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, address, lengths, odd, box, steps, 0, 3, 0, 0),
            InvalidValue);
  EXPECT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, address, lengths, strides, wide, steps, 0, 3, 0, 0),
            InvalidValue);
  EXPECT_EQ(cuTensorMapEncodeTiled(&map, 6, 6, address, lengths, strides, box, steps, 0, 3, 0, 0),
            InvalidValue);
  EXPECT_EQ(cuTensorMapEncodeTiled(&map, 0, 2, address, lengths, strides, box, steps, 0, 0, 0, 1),
            InvalidValue);
}

// A tile goes in and out again, to another place.
TEST_F(TensorTest, StoresTiles) {
  const unsigned width = 64, height = 8;
  unsigned long long out = upload(std::vector<uint16_t>(width * height, 9));
  uint64_t lengths[] = {width, height}, strides[] = {width * 2};
  uint32_t box[] = {32, 4}, steps[] = {1, 1};
  TensorMapBytes map;
  ASSERT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, reinterpret_cast<void *>(out), lengths, strides, box,
                                   steps, 0, 2, 0, 0),
            0);
  load(header() + R"(
.shared .align 1024 .b8 s[1024];
.visible .entry k(.param .align 64 .b8 map[128]) {
  .reg .pred %p; .reg .b32 %r<8>; .reg .b64 %d<4>;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, s;
  mad.lo.u32 %r2, %r0, 8, %r1;
  mad.lo.u32 %r3, %r0, 0x40004, 0x10000;
  add.u32 %r4, %r3, 0x20002;
  st.shared.v2.u32 [%r2], {%r3, %r4};
  fence.proxy.async.shared::cta;
  bar.sync 0;
  setp.ne.u32 %p, %r0, 0;
  @%p ret;
  mov.b64 %d1, map;
  cvta.param.u64 %d2, %d1;
  cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%d2, {40, 5}], [%r1];
  cp.async.bulk.commit_group;
  cp.async.bulk.wait_group.read 0;
  ret;
}
)");
  TensorMapBytes copy = map;
  void *arguments[] = {&copy};
  ASSERT_EQ(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, nullptr, arguments, nullptr), 0);
  ASSERT_EQ(cuCtxSynchronize(), 0) << fault();
  auto result = download<uint16_t>(out, width * height);
  for (unsigned y = 0; y < height; ++y)
    for (unsigned x = 0; x < width; ++x) {
      // Shared memory holds 0, 1, 2, … in its halves of words: rows of 64 bytes, swizzled.
      unsigned at = (y - 5) * 64 + (x - 40) * 2;
      at ^= (at >> 7 & 3) << 4;
      EXPECT_EQ(result[y * width + x], y >= 5 && y < 9 && x >= 40 ? at / 2 : 9) << x << "," << y;
    }
}

// One block's copy goes to both of its cluster.
TEST_F(TensorTest, MulticastsTiles) {
  std::vector<uint16_t> tensor(64 * 8);
  for (size_t i = 0; i < tensor.size(); ++i)
    tensor[i] = static_cast<uint16_t>(i);
  unsigned long long in = upload(tensor), out = allocate(1024);
  uint64_t lengths[] = {64, 8}, strides[] = {128};
  uint32_t box[] = {64, 4}, steps[] = {1, 1};
  TensorMapBytes map;
  ASSERT_EQ(cuTensorMapEncodeTiled(&map, 6, 2, reinterpret_cast<void *>(in), lengths, strides, box,
                                   steps, 0, 0, 0, 0),
            0);
  load(header() + R"(
.shared .align 1024 .b8 s[1024];
.shared .align 8 .b64 bar;
.visible .entry k(.param .align 64 .b8 map[128], .param .u64 out) .reqnctapercluster 2 {
  .reg .pred %p<4>; .reg .b16 %h; .reg .b32 %r<12>; .reg .b64 %d<8>;
  mov.u32 %r0, %tid.x;
  mov.u32 %r1, s;
  mov.u32 %r9, bar;
  mov.u32 %r2, %cluster_ctarank;
  ld.param.u64 %d3, [out];
  setp.eq.u32 %p1, %r0, 0;
  @%p1 mbarrier.init.shared.b64 [%r9], 1;
  @%p1 mbarrier.arrive.expect_tx.shared.b64 %d4, [%r9], 512;
  barrier.cluster.arrive.aligned;
  barrier.cluster.wait.aligned;
  setp.eq.u32 %p2, %r2, 0;
  and.pred %p2, %p2, %p1;
  mov.b64 %d1, map;
  cvta.param.u64 %d2, %d1;
  mov.u16 %h, 3;
  @%p2 cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r1], [%d2, {0, 2}], [%r9], %h;
W: mbarrier.try_wait.parity.shared.b64 %p3, [%r9], 0;
  @!%p3 bra W;
  mad.lo.u32 %r3, %r0, 16, %r1;
  ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%r3];
  mad.lo.u32 %r8, %r2, 512, 0;
  mad.lo.u32 %r8, %r0, 16, %r8;
  cvt.u64.u32 %d5, %r8;
  add.u64 %d5, %d5, %d3;
  st.global.v4.b32 [%d5], {%r4, %r5, %r6, %r7};
  barrier.cluster.arrive.aligned;
  barrier.cluster.wait.aligned;
  ret;
}
)");
  TensorMapBytes copy = map;
  void *arguments[] = {&copy, &out};
  ASSERT_EQ(cuLaunchKernel(function, 2, 1, 1, 32, 1, 1, 0, nullptr, arguments, nullptr), 0);
  ASSERT_EQ(cuCtxSynchronize(), 0) << fault();
  auto result = download<uint16_t>(out, 512);
  for (unsigned i = 0; i < 512; ++i)
    EXPECT_EQ(result[i], 128 + i % 256);
}

} // namespace tenon::sim
