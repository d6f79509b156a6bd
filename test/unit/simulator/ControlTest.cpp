// Divergence, loops, calls, and what lanes of a warp tell each other.

#include "SimulatorTest.h"

namespace tenon::sim {

using Words = std::vector<uint32_t>;

static Words lanes() {
  Words numbers(32);
  for (uint32_t i = 0; i < 32; ++i)
    numbers[i] = i;
  return numbers;
}

// Collatz: every lane leaves the loop at another time, and branches differently within it.
TEST_F(SimulatorTest, ReconvergesAfterLoops) {
  Words results = compute<uint32_t, uint32_t>(R"(
    mov.u32 %r9, 0;
    add.u32 %r1, %r1, 1;
LOOP:
    setp.eq.u32 %p1, %r1, 1;
    @%p1 bra DONE;
    and.b32 %r2, %r1, 1;
    setp.eq.u32 %p2, %r2, 0;
    @%p2 bra EVEN;
    mad.lo.u32 %r1, %r1, 3, 1;
    bra NEXT;
EVEN:
    shr.u32 %r1, %r1, 1;
NEXT:
    add.u32 %r9, %r9, 1;
    bra LOOP;
DONE:
    activemask.b32 %r3;
    setp.ne.u32 %p3, %r3, 0xffffffff;
    @%p3 mov.u32 %r9, 99999;
)",
                                              {lanes()});
  for (uint32_t i = 0; i < 32; ++i) {
    uint32_t n = i + 1, steps = 0;
    for (; n != 1; ++steps)
      n = n % 2 ? 3 * n + 1 : n / 2;
    EXPECT_EQ(results[i], steps) << i;
  }
}

// Half of the lanes wait in a spin loop for the other half, which comes later in the text and
// earlier in time.
TEST_F(SimulatorTest, LetsLanesWaitForEachOther) {
  unsigned long long flag = upload(Words{0}), out = allocate(4);
  load(kernel(R"(
    setp.lt.u32 %p1, %r0, 16;
    @%p1 bra WAIT;
    red.release.gpu.global.add.u32 [%d0], 1;
    bra DONE;
WAIT:
    ld.acquire.gpu.global.u32 %r1, [%d0];
    setp.lt.u32 %p2, %r1, 16;
    @%p2 bra WAIT;
DONE:
    bar.warp.sync 0xffffffff;
    st.global.u32 [%d1], 1;
)"));
  EXPECT_EQ(launch({flag, out}), 0) << fault();
  EXPECT_EQ(download<uint32_t>(out, 1)[0], 1u);
}

TEST_F(SimulatorTest, CallsFunctions) {
  unsigned long long out = allocate(128);
  load(header() + R"(
.func (.param .b32 result) twice(.param .b32 value) {
  .reg .b32 %r<3>;
  ld.param.b32 %r1, [value];
  add.u32 %r2, %r1, %r1;
  st.param.b32 [result], %r2;
  ret;
}
.visible .entry k(.param .u64 out) {
  .reg .b32 %r<8>; .reg .b64 %d<4>; .reg .pred %p;
  ld.param.u64 %d1, [out];
  mov.u32 %r1, %tid.x;
  and.b32 %r2, %r1, 1;
  setp.eq.u32 %p, %r2, 0;
  mov.u32 %r3, 7;
  @%p bra SKIP;
  { .param .b32 argument; .param .b32 back;
    st.param.b32 [argument+0], %r1;
    call.uni (back), twice, (argument);
    ld.param.b32 %r3, [back+0];
  }
SKIP:
  mad.wide.u32 %d2, %r1, 4, %d1;
  st.global.u32 [%d2], %r3;
  ret;
}
)");
  ASSERT_EQ(launch({out}), 0) << fault();
  Words results = download<uint32_t>(out, 32);
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(results[i], i % 2 ? 2 * i : 7) << i;
}

TEST_F(SimulatorTest, RefusesRecursion) {
  void *module = nullptr;
  EXPECT_EQ(loadText(header() + ".func f() { call f; ret; }\n.entry k() { call f; ret; }", &module),
            InvalidPtx);
  EXPECT_HAS(log, "may call itself");
}

TEST_F(SimulatorTest, BranchesByTables) {
  Words results = compute<uint32_t, uint32_t>(R"(
    and.b32 %r2, %r1, 3;
    TABLE: .branchtargets A, B, A, C;
    brx.idx %r2, TABLE;
A:  mov.u32 %r9, 10; bra END;
B:  mov.u32 %r9, 20; bra END;
C:  mov.u32 %r9, 30;
END:
)",
                                              {lanes()});
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(results[i], i % 4 == 1 ? 20u : i % 4 == 3 ? 30u : 10u);
}

TEST_F(SimulatorTest, ShufflesValues) {
  auto check = [&](const char *text, auto expected) {
    Words results = compute<uint32_t, uint32_t>(text, {lanes()});
    for (uint32_t i = 0; i < 32; ++i)
      EXPECT_EQ(results[i], static_cast<uint32_t>(expected(i))) << text << " at " << i;
  };
  check("shfl.sync.bfly.b32 %r9, %r1, 5, 0x1f, 0xffffffff;", [](uint32_t i) { return i ^ 5; });
  check("shfl.sync.up.b32 %r9|%p1, %r1, 3, 0, 0xffffffff;\n@!%p1 mov.u32 %r9, 77;",
        [](uint32_t i) { return i < 3 ? 77 : i - 3; });
  check("shfl.sync.down.b32 %r9, %r1, 2, 0x1f, 0xffffffff;",
        [](uint32_t i) { return i < 30 ? i + 2 : i; });
  // Segments of 8 lanes: the mask is 0x18, the clamp 31.
  check("shfl.sync.idx.b32 %r9, %r1, 1, 0x181f, 0xffffffff;",
        [](uint32_t i) { return i / 8 * 8 + 1; });
  check("setp.gt.u32 %p1, %r1, 28;\nvote.sync.ballot.b32 %r9, %p1, 0xffffffff;",
        [](uint32_t) { return 0xe0000000; });
  check("redux.sync.add.s32 %r9, %r1, 0xffffffff;", [](uint32_t) { return 31 * 16; });
  check("redux.sync.max.u32 %r9, %r1, 0xffffffff;", [](uint32_t) { return 31; });
  check("and.b32 %r2, %r1, 3;\nmatch.any.sync.b32 %r9, %r2, 0xffffffff;",
        [](uint32_t i) { return 0x11111111u << (i % 4); });
  // Only the odd lanes take part.
  check("mov.u32 %r9, 5;\nand.b32 %r2, %r1, 1;\nsetp.eq.u32 %p1, %r2, 1;\n"
        "@%p1 shfl.sync.bfly.b32 %r9, %r1, 2, 0x1f, 0xaaaaaaaa;",
        [](uint32_t i) { return i % 2 ? i ^ 2 : 5; });
}

TEST_F(SimulatorTest, RefusesToReadLanesThatDoNotTakePart) {
  unsigned long long out = allocate(128);
  load(kernel("setp.lt.u32 %p1, %r0, 16;\n@%p1 shfl.sync.bfly.b32 %r1, %r0, 16, 0x1f, 0xffff;\n"));
  EXPECT_EQ(launch({out, out}), LaunchFailed);
  EXPECT_HAS(fault(), "reads from lane 16, which does not take part");
}

TEST_F(SimulatorTest, ReportsLanesThatNeverCome) {
  unsigned long long out = allocate(128);
  load(kernel(
      "setp.lt.u32 %p1, %r0, 16;\n@%p1 bra L;\nbar.sync 0;\nL: @%p1 bar.warp.sync 0xffffffff;\n"));
  EXPECT_EQ(launch({out, out}), LaunchTimeout);
  EXPECT_HAS(fault(), "deadlock");
}

// Beside the kernel in front of it (programmatic dependent launch) a kernel must wait before it
// touches what that may write.
class OverlapTest : public SimulatorTest {
protected:
  int launchEarly(const std::string &body) {
    start("sm_90a");
    version = "8.0";
    unsigned long long out = allocate(4);
    load(kernel("mov.u32 %r1, 7;\n" + body, 1));
    LaunchAttribute attribute{};
    attribute.id = AttributeProgrammaticStreamSerialization;
    attribute.value.number = 1;
    LaunchConfig config{{1, 1, 1}, {32, 1, 1}, 0, nullptr, &attribute, 1};
    void *arguments[] = {&out};
    EXPECT_EQ(cuLaunchKernelEx(&config, function, arguments, nullptr), 0);
    return cuCtxSynchronize();
  }
};

TEST_F(OverlapTest, WaitsBeforeItWrites) {
  EXPECT_EQ(launchEarly("griddepcontrol.wait;\ngriddepcontrol.launch_dependents;\n"
                        "st.global.u32 [%d0], %r1;\n"),
            0);
}

TEST_F(OverlapTest, FindsAccessesThatDoNotWait) {
  EXPECT_EQ(launchEarly("st.global.u32 [%d0], %r1;\ngriddepcontrol.wait;\n"), LaunchFailed);
  EXPECT_HAS(fault(), "accessed before griddepcontrol.wait");
}

TEST_F(OverlapTest, FindsLanesThatDoNotWait) {
  EXPECT_EQ(launchEarly("setp.lt.u32 %p1, %r0, 16;\n@%p1 griddepcontrol.wait;\n"
                        "st.global.u32 [%d0], %r1;\n"),
            LaunchFailed);
  EXPECT_HAS(fault(), "accessed before griddepcontrol.wait");
}

} // namespace tenon::sim
