// Memory of all spaces, barriers, and what the detectors say about their misuse.

#include "SimulatorTest.h"

namespace tenon::sim {

using Words = std::vector<uint32_t>;

static const char *const sharedWords = ".shared .align 16 .b32 s[256];";

TEST_F(SimulatorTest, ReversesThroughSharedMemory) {
  unsigned long long out = allocate(256 * 4);
  load(kernel(R"(
    mov.u32 %r1, s;
    mad.lo.u32 %r2, %r0, 4, %r1;
    st.shared.u32 [%r2], %r0;
    bar.sync 0;
    sub.u32 %r3, 255, %r0;
    mad.lo.u32 %r4, %r3, 4, %r1;
    ld.shared.u32 %r5, [%r4];
    mad.wide.u32 %d2, %r0, 4, %d0;
    st.global.u32 [%d2], %r5;
)",
              1, sharedWords));
  ASSERT_EQ(launch({out}, 256), 0) << fault();
  Words results = download<uint32_t>(out, 256);
  for (uint32_t i = 0; i < 256; ++i)
    EXPECT_EQ(results[i], 255 - i);
}

TEST_F(SimulatorTest, MovesVectors) {
  Words in{1, 2, 3, 4};
  unsigned long long from = upload(in), to = allocate(16);
  load(kernel(R"(
    setp.ne.u32 %p1, %r0, 0;
    @%p1 ret;
    ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%d0];
    st.global.v2.b32 [%d1], {%r4, %r3};
    st.global.v2.b32 [%d1+8], {%r2, %r1};
)"));
  ASSERT_EQ(launch({from, to}), 0) << fault();
  EXPECT_EQ(download<uint32_t>(to, 4), (Words{4, 3, 2, 1}));
}

TEST_F(SimulatorTest, KeepsGlobalsAndConstants) {
  unsigned long long out = allocate(16), address = 0;
  size_t bytes = 0;
  void *module = nullptr;
  std::string text =
      kernel(R"(
    setp.ne.u32 %p1, %r0, 0;
    @%p1 ret;
    ld.const.u32 %r1, [table+4];
    mov.u64 %d2, counter;
    atom.global.add.u32 %r2, [%d2], %r1;
    st.global.v2.u32 [%d0], {%r1, %r2};
)",
             1, ".const .align 4 .u32 table[3] = {5, 6, 7};\n.global .u32 counter = 40;");
  ASSERT_EQ(loadText(text, &module), 0) << log;
  ASSERT_EQ(cuModuleGetFunction(&function, module, "k"), 0);
  ASSERT_EQ(launch({out}), 0) << fault();
  EXPECT_EQ(download<uint32_t>(out, 2), (Words{6, 40}));
  ASSERT_EQ(cuModuleGetGlobal_v2(&address, &bytes, module, "counter"), 0);
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(download<uint32_t>(address, 1)[0], 46u);
}

TEST_F(SimulatorTest, AddsAtomically) {
  unsigned long long sum = upload(Words{0}), floats = upload(std::vector<float>{0});
  load(kernel(R"(
    red.global.add.u32 [%d0], %r0;
    mov.f32 %f1, 0f3F000000;
    atom.global.add.f32 %f2, [%d1], %f1;
)"));
  ASSERT_EQ(launch({sum, floats}, 128, 20), 0) << fault();
  EXPECT_EQ(download<uint32_t>(sum, 1)[0], 20u * 127 * 64);
  EXPECT_EQ(download<float>(floats, 1)[0], 20 * 128 * 0.5f);
}

// A lock taken with atom.cas and given back with st.release, by one lane of each warp.
TEST_F(SimulatorTest, ExcludesWithLocks) {
  unsigned long long lock = upload(Words{0, 0});
  load(kernel(R"(
    and.b32 %r1, %r0, 31;
    setp.ne.u32 %p1, %r1, 0;
    @%p1 ret;
TAKE:
    atom.acquire.gpu.global.cas.b32 %r2, [%d0], 0, 1;
    setp.ne.u32 %p2, %r2, 0;
    @%p2 bra TAKE;
    ld.relaxed.gpu.global.u32 %r3, [%d0+4];
    add.u32 %r3, %r3, 1;
    st.relaxed.gpu.global.u32 [%d0+4], %r3;
    st.release.gpu.global.u32 [%d0], 0;
)",
              1));
  ASSERT_EQ(launch({lock}, 256, 8), 0) << fault();
  EXPECT_EQ(download<uint32_t>(lock, 2)[1], 64u);
}

// The first block waits for the last, and both run on one thread of the host.
TEST_F(SimulatorTest, LetsBlocksWaitForEachOther) {
  setenv("TENON_CUDA_SIM_THREADS", "1", 1);
  start("sm_80");
  for (const char *pause : {"", "nanosleep.u32 100;"}) {
    unsigned long long flag = upload(Words{0});
    load(kernel(std::string(R"(
    mov.u32 %r1, %ctaid.x;
    setp.eq.u32 %p1, %r1, 3;
    @%p1 st.release.gpu.global.u32 [%d0], 1;
WAIT:
    ld.acquire.gpu.global.u32 %r2, [%d0];
    setp.ne.u32 %p2, %r2, 0;
    @%p2 ret;
)") + pause + "bra WAIT;",
                1));
    EXPECT_EQ(launch({flag}, 32, 4), 0) << fault();
  }
  unsetenv("TENON_CUDA_SIM_THREADS");
}

TEST_F(SimulatorTest, UsesDynamicSharedMemory) {
  unsigned long long out = allocate(128);
  load(kernel(R"(
    mov.u32 %r1, big;
    and.b32 %r5, %r1, 1023;
    mad.lo.u32 %r2, %r0, 4, %r1;
    st.shared.u32 [%r2+60000], %r0;
    ld.shared.u32 %r3, [%r2+60000];
    add.u32 %r3, %r3, %r5;
    mad.wide.u32 %d2, %r0, 4, %d0;
    st.global.u32 [%d2], %r3;
)",
              1, ".extern .shared .align 1024 .b8 big[];"));
  EXPECT_EQ(launch({out}, 32, 1, 64 << 10), InvalidValue) << "more than 48 KiB must be asked for";
  ASSERT_EQ(cuFuncSetAttribute(function, 8, 64 << 10), 0);
  EXPECT_EQ(cuFuncSetAttribute(function, 8, 164 << 10), InvalidValue);
  ASSERT_EQ(launch({out}, 32, 1, 64 << 10), 0) << fault();
  EXPECT_EQ(download<uint32_t>(out, 32)[31], 31u);
}

namespace {

/// A kernel that is at fault, and what must be said.
struct Misuse {
  const char *name, *body;
  int result;
  const char *message;
};

} // namespace

static const Misuse misuses[] = {
    {"beyond the end", "mad.wide.u32 %d2, %r0, 4, %d0;\nld.global.u32 %r1, [%d2+4];",
     IllegalAddressResult, "bytes after memory of 128 bytes"},
    {"across the end",
     "ld.global.v2.u32 {%r1, %r2}, [%d0+120];\nld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%d0+112];\n"
     "ld.global.v2.u32 {%r1, %r2}, [%d0+128];",
     IllegalAddressResult, "after memory of 128 bytes"},
    {"null", "mov.u64 %d2, 0;\nld.global.u32 %r1, [%d2+16];", IllegalAddressResult,
     "is a null pointer"},
    {"misaligned", "ld.global.u32 %r1, [%d0+2];", MisalignedAddressResult,
     "is not a multiple of 4"},
    {"constant", "mov.u64 %d2, fixed;\nst.global.u32 [%d2], 1;", IllegalAddressResult,
     "a constant"},
    {"never written", "ld.global.u32 %r1, [%d1];", LaunchFailed, "was never written"},
    {"shared, never written", "mov.u32 %r1, s;\nld.shared.u32 %r2, [%r1];", LaunchFailed,
     "shared byte 1024 is read, but was never written"},
    {"shared, beyond", "mov.u32 %r1, s;\nst.shared.u32 [%r1+1024], 1;", IllegalAddressResult,
     "outside of the block's shared memory"},
    {"shared, misaligned", "mov.u32 %r1, s;\nst.shared.u32 [%r1+2], 1;", MisalignedAddressResult,
     "is not a multiple of 4"},
    {"race of reading",
     "mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], %r0;\n"
     "bar.sync 0;\nst.shared.u32 [%r2], 5;\nxor.b32 %r3, %r2, 128;\nld.shared.u32 %r4, [%r3];",
     LaunchFailed, "without synchronisation"},
    {"race of writing", "mov.u32 %r1, s;\nst.shared.u32 [%r1], 1;", LaunchFailed,
     "overwrites what was written by"},
    {"race of overwriting",
     "mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], %r0;\nbar.sync 0;\n"
     "xor.b32 %r3, %r2, 128;\nld.shared.u32 %r4, [%r3];\nst.shared.u32 [%r2], %r4;",
     LaunchFailed, "data race"},
    {"race within a warp",
     "mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], %r0;\n"
     "xor.b32 %r3, %r2, 4;\nld.shared.u32 %r4, [%r3];",
     LaunchFailed, "lane 1"},
    {"race within an instruction", "mov.u32 %r1, s;\nst.shared.u32 [%r1], %r0;", LaunchFailed,
     "store different values to one address"},
    {"trap", "setp.eq.u32 %p1, %r0, 3;\n@%p1 trap;", LaunchFailed,
     "thread (3,0,0): the program stopped itself"},
    {"barrier of some", "setp.lt.u32 %p1, %r0, 32;\n@%p1 bar.sync 1, 64;", LaunchTimeout,
     "deadlock"},
    {"count of a barrier", "bar.sync 1, 48;", LaunchFailed, "no multiple of 32"},
    {"counts that differ", "setp.lt.u32 %p1, %r0, 32;\n@%p1 bar.sync 1, 96;\nbar.sync 1, 64;",
     LaunchFailed, "others wait for"},
    {"endless loop", "L: bra L;", LaunchTimeout, "without an end"},
    {"external function", "call missing;", IllegalInstructionResult, "'missing'"},
    {"leak of a copy", "mov.u32 %r1, s;\ncp.async.ca.shared.global [%r1], [%d0], 16;", LaunchFailed,
     "cp.async"},
};

TEST_F(SimulatorTest, ReportsMisuseOfMemoryAndBarriers) {
  for (const Misuse &misuse : misuses) {
    setenv("TENON_CUDA_SIM_MAX_STEPS", "1000000", 1);
    start("sm_80");
    unsigned long long in = upload(Words(32, 1)), empty = allocate(128);
    load(kernel(misuse.body, 2, std::string(sharedWords) + "\n.const .align 4 .u32 fixed = 1;"));
    EXPECT_EQ(launch({in, empty}, 64), misuse.result) << misuse.name << ": " << fault();
    EXPECT_HAS(fault(), misuse.message);
    EXPECT_HAS(fault(), "kernel 'k'");
    // The context stays broken, as on hardware.
    unsigned long long more = 0;
    EXPECT_EQ(cuMemAlloc_v2(&more, 16), misuse.result) << misuse.name;
  }
  unsetenv("TENON_CUDA_SIM_MAX_STEPS");
}

// The same accesses as above with the synchronisation that they need.
TEST_F(SimulatorTest, AcceptsWhatIsSynchronised) {
  unsigned long long out = allocate(256);
  for (
      const char *body : {
          "mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], %r0;\nbar.sync 0;\n"
          "xor.b32 %r3, %r2, 128;\nld.shared.u32 %r4, [%r3];\nbar.sync 0;\nst.shared.u32 [%r2], "
          "%r4;",
          "mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 4, %r1;\nst.shared.u32 [%r2], %r0;\n"
          "bar.warp.sync 0xffffffff;\nxor.b32 %r3, %r2, 4;\nld.shared.u32 %r4, [%r3];",
          // A producer arrives, a consumer waits.
          "mov.u32 %r1, s;\nsetp.lt.u32 %p1, %r0, 32;\n@!%p1 bra C;\nmad.lo.u32 %r2, %r0, 4, %r1;\n"
          "st.shared.u32 [%r2], %r0;\nbar.arrive 2, 64;\nbra E;\nC: bar.sync 2, 64;\n"
          "ld.shared.u32 %r4, [%r1];\nE:",
          // A flag, released and acquired.
          "mov.u32 %r1, s;\nsetp.eq.u32 %p2, %r0, 0;\n@%p2 st.shared.u32 [%r1+4], 0;\nbar.sync 0;\n"
          "setp.lt.u32 %p1, %r0, 32;\n@!%p1 bra W;\n@!%p2 bra E;\nst.shared.u32 [%r1+64], 5;\n"
          "st.release.cta.shared.u32 [%r1+4], 1;\nbra E;\nW: ld.acquire.cta.shared.u32 %r3, "
          "[%r1+4];\n"
          "setp.eq.u32 %p3, %r3, 0;\n@%p3 bra W;\nld.shared.u32 %r4, [%r1+64];\nE:",
      }) {
    for (unsigned seed = 1; seed < 5; ++seed) {
      tenon_cuda_sim_set_seed(seed);
      load(kernel(body, 1, sharedWords));
      ASSERT_EQ(launch({out}, 64), 0) << fault();
    }
  }
}

TEST_F(SimulatorTest, ReducesAcrossBarriers) {
  unsigned long long out = allocate(256 * 4);
  load(kernel(R"(
    and.b32 %r1, %r0, 3;
    setp.eq.u32 %p1, %r1, 0;
    bar.red.popc.u32 %r2, 0, %p1;
    bar.red.or.pred %p2, 0, %p1;
    selp.u32 %r3, 1000, 0, %p2;
    add.u32 %r2, %r2, %r3;
    mad.wide.u32 %d2, %r0, 4, %d0;
    st.global.u32 [%d2], %r2;
)",
              1));
  ASSERT_EQ(launch({out}, 256), 0) << fault();
  EXPECT_EQ(download<uint32_t>(out, 256), Words(256, 1064));
}

TEST_F(SimulatorTest, CountsBankConflicts) {
  unsigned long long out = allocate(4);
  load(kernel("mov.u32 %r1, s;\nmad.lo.u32 %r2, %r0, 128, %r1;\nst.shared.u32 [%r2], %r0;\n"
              "mad.lo.u32 %r3, %r0, 4, %r1;\nst.shared.u32 [%r3+4096], %r0;",
              1, ".shared .align 16 .b32 s[2048];"));
  ASSERT_EQ(launch({out}), 0) << fault();
  tenon_cuda_sim_counters counters;
  ASSERT_EQ(tenon_cuda_sim_get_counters("k", &counters), 1);
  EXPECT_EQ(counters.bank_conflicts, 31u);
}

} // namespace tenon::sim
