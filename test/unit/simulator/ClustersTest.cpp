// Two blocks of a cluster, and what each sees of the other.

#include "SimulatorTest.h"

namespace tenon::sim {

static const char *const sharedWords = ".shared .align 16 .b8 s[128];\n.shared .align 8 .b64 bar;";

class ClustersTest : public SimulatorTest {
protected:
  void SetUp() override { start("sm_90a"); }

  /// The result of starting so many blocks of a warp, two for each cluster; and of the kernel.
  int launchClusters(unsigned long long out, unsigned blocks = 2) {
    LaunchAttribute cluster{};
    cluster.id = AttributeClusterDimension;
    cluster.value.clusterDimensions[0] = 2;
    cluster.value.clusterDimensions[1] = cluster.value.clusterDimensions[2] = 1;
    LaunchConfig config{{blocks, 1, 1}, {32, 1, 1}, 0, nullptr, &cluster, 1};
    void *arguments[] = {&out};
    int result = cuLaunchKernelEx(&config, function, arguments, nullptr);
    return result ? result : cuCtxSynchronize();
  }
};

// They write into each other's shared memory.
TEST_F(ClustersTest, ReachOtherBlocks) {
  unsigned long long out = allocate(256);
  load(kernel(R"(
    mov.u32 %r1, s;
    mov.u32 %r2, %cluster_ctarank;
    xor.b32 %r3, %r2, 1;
    mapa.shared::cluster.u32 %r4, %r1, %r3;
    mad.lo.u32 %r5, %r0, 4, %r4;
    mad.lo.u32 %r6, %r2, 100, %r0;
    barrier.cluster.arrive.aligned;
    barrier.cluster.wait.aligned;
    st.shared::cluster.u32 [%r5], %r6;
    barrier.cluster.arrive.release.aligned;
    barrier.cluster.wait.acquire.aligned;
    mad.lo.u32 %r7, %r0, 4, %r1;
    ld.shared.u32 %r8, [%r7];
    mad.lo.u32 %r9, %r2, 32, %r0;
    mad.wide.u32 %d2, %r9, 4, %d0;
    st.global.u32 [%d2], %r8;
)",
              1, sharedWords));
  ASSERT_EQ(launchClusters(out), 0) << fault();
  auto results = download<uint32_t>(out, 64);
  for (uint32_t i = 0; i < 64; ++i)
    EXPECT_EQ(results[i], i < 32 ? 100 + i : i - 32);
  EXPECT_EQ(launchClusters(out, 3), InvalidValue);
}

/// The first block writes to the second one's memory and arrives at its mbarrier; that waits, and
/// reads. Both meet at the end, or do not.
static std::string pass(const std::string &release, const std::string &acquire,
                        const std::string &end = "barrier.cluster.arrive;\nbarrier.cluster.wait;") {
  return R"(
    mov.u32 %r1, s;
    mov.u32 %r9, bar;
    mov.u32 %r2, %cluster_ctarank;
    setp.eq.u32 %p1, %r0, 0;
    @%p1 mbarrier.init.shared.b64 [%r9], 32;
    barrier.cluster.arrive.aligned;
    barrier.cluster.wait.aligned;
    setp.ne.u32 %p2, %r2, 0;
    @%p2 bra WAIT;
    mapa.shared::cluster.u32 %r4, %r1, 1;
    mapa.shared::cluster.u32 %r5, %r9, 1;
    mad.lo.u32 %r4, %r0, 4, %r4;
    st.shared::cluster.u32 [%r4], %r0;
    mbarrier.arrive)" +
         release + R"(.shared::cluster.b64 _, [%r5];
    bra DONE;
WAIT:
    mbarrier.try_wait.parity)" +
         acquire + R"(.shared::cta.b64 %p3, [%r9], 0;
    @!%p3 bra WAIT;
    mad.lo.u32 %r7, %r0, 4, %r1;
    ld.shared.u32 %r8, [%r7];
    mad.wide.u32 %d2, %r0, 4, %d0;
    st.global.u32 [%d2], %r8;
DONE:
)" + end;
}

// Arrivals from another block order accesses where both sides say that they are for the cluster.
TEST_F(ClustersTest, ArrivalsHaveScopes) {
  unsigned long long out = allocate(128);
  load(kernel(pass(".release.cluster", ".acquire.cluster"), 1, sharedWords));
  ASSERT_EQ(launchClusters(out), 0) << fault();
  auto results = download<uint32_t>(out, 32);
  for (uint32_t i = 0; i < 32; ++i)
    EXPECT_EQ(results[i], i);
  constexpr const char *orders[][2] = {{"", ".acquire.cluster"},
                                       {".release.cta", ".acquire.cluster"},
                                       {".release.cluster", ""},
                                       {".release.cluster", ".acquire.cta"},
                                       {".relaxed.cluster", ".acquire.cluster"},
                                       {".release.cluster", ".relaxed.cluster"}};
  for (auto [release, acquire] : orders) {
    start("sm_90a");
    out = allocate(128);
    load(kernel(pass(release, acquire), 1, sharedWords));
    EXPECT_NE(launchClusters(out), 0) << release << " " << acquire;
    EXPECT_NE(fault().find("data race"), std::string::npos) << fault();
  }
}

// A block exits once it knows that others will not reach it any more, by whatever tells it so.
TEST_F(ClustersTest, BlocksWaitForThoseWhoReachThem) {
  unsigned long long out = allocate(128);
  load(kernel(pass(".release.cluster", ".acquire.cluster", ""), 1, sharedWords));
  EXPECT_EQ(launchClusters(out), 0) << fault();
  std::string ignorant = pass(".release.cluster", ".acquire.cluster", "");
  ignorant.replace(ignorant.find("@%p2 bra WAIT"), 13, "@%p2 bra DONE");
  load(kernel(ignorant, 1, sharedWords));
  EXPECT_NE(launchClusters(out), 0);
  bool isToldAtExit = fault().find("may still reach its shared memory") != std::string::npos;
  EXPECT_TRUE(isToldAtExit || fault().find("which has exited") != std::string::npos) << fault();
}

} // namespace tenon::sim
