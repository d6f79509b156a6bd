// Guarded runs on a model that misuses memory (models/careless.c), one way at a time.
#include "tools/tenon/GuardedSession.h"
#include <gtest/gtest.h>

using namespace tenon;
using namespace tenon::cli;

namespace {

class Guarded : public testing::TestWithParam<GuardedEnd> {
protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    tenon_context_options options{};
    options.threads = 1;
    llvm::Expected<Session> loaded = Session::load(CARELESS_MODEL, options);
    ASSERT_TRUE(bool(loaded)) << llvm::toString(loaded.takeError());
    session = std::make_unique<Session>(std::move(*loaded));
  }

  /// Runs with the given misdeed: the results' first element, or what was noticed.
  std::string run(int misdeed, GuardedEnd end) {
    std::vector<Value> inputs, expected;
    inputs.emplace_back(llvm::cantFail(Tensor::create(TENON_FLOAT, {5})));
    inputs[0].tensor.setElement(0, misdeed);
    expected.push_back(inputs[0]);
    auto guarded = GuardedSession::create(session->model(), 1, end);
    if (!guarded)
      return llvm::toString(guarded.takeError());
    std::string text;
    // A session can be used again.
    for (int time = 0; time < 2; ++time) {
      llvm::Expected<std::vector<Value>> results = (*guarded)->run(inputs, expected);
      if (!results)
        return llvm::toString(results.takeError());
      const Tensor &result = (*results)[0].tensor;
      text = formatNumber(result.element(0)) + " " + formatNumber(result.element(4));
    }
    return text;
  }

  std::unique_ptr<Session> session;
};

constexpr GuardedEnd front = GuardedEnd::Front, back = GuardedEnd::Back;
const auto segv = testing::KilledBySignal(SIGSEGV);

TEST_F(Guarded, leavesGoodRunsAlone) {
  EXPECT_EQ(run(0, front), "0 0");
  EXPECT_EQ(run(0, back), "0 0");
}

TEST_F(Guarded, catchesReadsBehindAnInput) {
  EXPECT_EXIT(run(1, back), segv,
              "kernel 'copy_0' \\(node 'it'\\) touches byte 20 of input 0, which has 20 bytes");
}

TEST_F(Guarded, catchesReadsInFrontOfAnInput) {
  EXPECT_EXIT(run(2, front), segv, "touches byte -4 of input 0, which has 20 bytes");
}

TEST_F(Guarded, catchesWritesToAnInput) {
  EXPECT_EXIT(run(3, back), segv, "touches byte 16 of input 0, which has 20 bytes");
}

TEST_F(Guarded, catchesWritesBehindAnOutput) {
  EXPECT_EXIT(run(4, back), segv, "touches byte 20 of output 0, which has 20 bytes");
  EXPECT_EQ(run(4, front),
            "kernel 'copy_0' (node 'it') wrote byte 20 of output 0, which has 20 bytes");
}

TEST_F(Guarded, catchesWritesAroundTheArena) {
  EXPECT_EXIT(run(5, back), segv, "of the workspace, which has 4159 bytes");
  EXPECT_EXIT(run(6, front), segv, "touches byte -4 of the workspace");
}

TEST_F(Guarded, catchesWritesIntoTheRestOfABuffer) {
  EXPECT_EQ(run(7, back),
            "kernel 'copy_0' (node 'it') wrote byte 20 of a buffer, which has 20 bytes");
  EXPECT_EQ(run(7, front),
            "kernel 'copy_0' (node 'it') wrote byte 20 of a buffer, which has 20 bytes");
}

TEST_F(Guarded, catchesReadsOfWhatWasGivenBack) {
  EXPECT_EXIT(run(8, back), segv, "of a buffer, which was given back and had 4 bytes");
}

/// Each end has a pattern of its own, so what is read without having been written shows.
TEST_F(Guarded, showsReadsOfWhatWasNotWritten) { EXPECT_NE(run(9, front), run(9, back)); }

} // namespace
