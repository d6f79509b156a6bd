// The first steps: a vector addition through the whole driver, and what broken PTX says.

#include "SimulatorTest.h"
#include <random>

namespace tenon::sim {

static const char *const addition = R"(
.visible .entry add(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n) {
  .reg .pred %p; .reg .f32 %f<4>; .reg .b32 %r<6>; .reg .b64 %rd<8>;
  ld.param.u64 %rd1, [a];
  ld.param.u64 %rd2, [b];
  ld.param.u64 %rd3, [c];
  ld.param.u32 %r1, [n];
  mov.u32 %r2, %ctaid.x;
  mov.u32 %r3, %ntid.x;
  mov.u32 %r4, %tid.x;
  mad.lo.s32 %r5, %r2, %r3, %r4;
  setp.ge.s32 %p, %r5, %r1;
  @%p bra $done;
  cvta.to.global.u64 %rd1, %rd1;
  mul.wide.s32 %rd4, %r5, 4;
  add.s64 %rd5, %rd1, %rd4;
  add.s64 %rd6, %rd2, %rd4;
  ld.global.f32 %f1, [%rd5];
  ld.global.nc.f32 %f2, [%rd6];
  add.rn.f32 %f3, %f1, %f2;
  add.s64 %rd7, %rd3, %rd4;
  st.global.f32 [%rd7], %f3;
$done:
  ret;
}
)";

TEST_F(SimulatorTest, AddsVectors) {
  void *module = nullptr;
  ASSERT_EQ(loadText(header() + addition, &module), 0) << log;
  ASSERT_EQ(cuModuleGetFunction(&function, module, "add"), 0);
  unsigned n = 1000;
  std::vector<float> a(n), b(n);
  for (unsigned i = 0; i < n; ++i)
    a[i] = i * 0.5f, b[i] = 1000.0f - i;
  unsigned long long inA = upload(a), inB = upload(b), out = allocate(n * 4);
  void *arguments[] = {&inA, &inB, &out, &n};
  ASSERT_EQ(cuLaunchKernel(function, 8, 1, 1, 128, 1, 1, 0, nullptr, arguments, nullptr), 0);
  ASSERT_EQ(cuCtxSynchronize(), 0) << fault();
  std::vector<float> c = download<float>(out, n);
  for (unsigned i = 0; i < n; ++i)
    ASSERT_EQ(c[i], a[i] + b[i]) << i;
  tenon_cuda_sim_counters counters;
  ASSERT_EQ(tenon_cuda_sim_get_counters("add", &counters), 1);
  EXPECT_EQ(counters.launches, 1u);
  // 12 bytes for each element, but for the lanes beyond the end.
  EXPECT_EQ(counters.global_bytes, 12u * n);
  EXPECT_EQ(counters.wasted_bytes, 0u);
}

TEST_F(SimulatorTest, NamesWhatItCannotRead) {
  struct Case {
    const char *text, *message;
  };
  void *module = nullptr;
  for (const Case &broken : {
           Case{"", "line 1: expected '.version'"},
           Case{".version 8.0", "expected '.target'"},
           Case{".version 99999999999999999999.0", "does not fit into 64 bits"},
           Case{".version 8.0\n.target sm_80\n.entry k() {",
                "line 3: the function 'k' does not end"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\nfrobnicate.b32 %r1;\n}",
                "line 4: unknown instruction 'frobnicate'"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .b32 %r<2>;\n"
                "add.fast.u32 %r1, %r0, 1;\n}",
                "line 5: 'add.fast.u32': expected a type, found '.fast'"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .b32 %r<2>;\n"
                "add.u32.fast %r1, %r0, 1;\n}",
                "unknown or misplaced modifier '.fast'"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .b32 %r<2>;\n"
                "add.u64 %r1, %r0, 1;\n}",
                "the register '%r1' of type .b32 does not fit .u64"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .b32 %r<99999999>;\n}",
                "a number of registers is 99999999"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\nbra nowhere;\n}",
                "unknown label 'nowhere'"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .b32 %r<2>;\nadd.u32 %r1;\n}",
                "too few"},
           Case{".version 8.0\n.target sm_80\n.global .b8 x[99999999999];", "not below"},
           Case{".version 8.0\n.target sm_80\n.entry k() {\n.reg .f32 %f;\nmov.f32 %f, 0f12;\n}",
                "must have 8 hexadecimal digits"},
           Case{".version 8.0\n.target sm_80\n/* open", "a comment does not end"},
       }) {
    EXPECT_EQ(loadText(broken.text, &module), InvalidPtx) << broken.text;
    EXPECT_HAS(log, broken.message);
  }
  EXPECT_EQ(loadText(".version 8.0\n.target sm_90a\n", &module), NoBinaryForGpu);
  EXPECT_EQ(loadText(".version 99.0\n.target sm_80\n", &module), UnsupportedPtxVersion);
}

// Every text that is cut off somewhere is refused, or is a module still.
TEST_F(SimulatorTest, SurvivesTruncatedText) {
  std::string whole = header() + addition;
  for (size_t length = 0; length < whole.size(); length += 3) {
    void *module = nullptr;
    int result = loadText(whole.substr(0, length), &module);
    EXPECT_TRUE(result == Success || result == InvalidPtx) << length;
  }
}

// Text with pieces deleted, doubled or replaced is refused, or is a module still; nothing crashes,
// and nothing is left of what is refused.
TEST_F(SimulatorTest, SurvivesMutatedText) {
  start("sm_90a");
  std::string whole = kernel(R"(
    { .reg .b32 %q<4>; mov.u32 %q1, s; st.shared.v2.b32 [%q1+8], {%r1, %r2}; }
    setp.lt.and.f32 %p1|%p2, %f1, 0f3F800000, !%p3;
    @!%p1 bra $L;
    cvt.rn.satfinite.e4m3x2.f32 %h1, %f1, %f2;
    atom.global.cas.b64 %d3, [%d0], %d1, %d2;
    shfl.sync.bfly.b32 %r3|%p1, %r4, 5, 0x1f, -1;
    ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r1, %r2, %r3, %r4}, [%r5];
    mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r3, %r4}, {%r5, %r6}, {%f1, %f2, %f3, %f4};
    wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %d1, %d2, %p1, 1, -1, 0, 1;
    cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%d0, {%r2, %r3}], [%r4];
    T: .branchtargets $L, $M;
    brx.idx %r1, T;
$L: { .param .b64 a; st.param.b64 [a], %d1; call.uni f, (a); }
$M: bar.sync 0, 64;
)",
                             2,
                             ".shared .align 16 .b8 s[64];\n.const .b32 c[2] = {1, 0x2};\n.func "
                             "f(.param .b64 x) { ret; }");
  load(whole);
  std::mt19937 random(3);
  static const char pieces[] = "{}[]();,.%$:@!|<>-+0189xf_ \n\"/*";
  for (unsigned i = 0; i < 1000; ++i) {
    std::string text = whole;
    for (unsigned edits = 1 + random() % 3; edits; --edits) {
      size_t at = random() % text.size(),
             length = random() % std::min<size_t>(12, text.size() - at);
      switch (random() % 3) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(random() % text.size(), length));
        break;
      default:
        text[at] = pieces[random() % (sizeof pieces - 1)];
      }
    }
    void *module = nullptr;
    int result = loadText(text, &module);
    ASSERT_TRUE(result == Success || result == InvalidPtx || result == NoBinaryForGpu ||
                result == UnsupportedPtxVersion)
        << result << " of " << text;
    if (result == Success)
      ASSERT_EQ(cuModuleUnload(module), 0);
    else
      ASSERT_NE(log, "");
  }
  EXPECT_STREQ(tenon_cuda_sim_leaks(), "  1 module\n") << "the text as it was";
}

} // namespace tenon::sim
