// What is dead, and where what it did goes.

#include "lib/Prune/DeadChannels.h"
#include "test/unit/Prune/TestModel.h"

using namespace tenon;

namespace {

struct Lean {
  explicit Lean(const std::string &graph)
      : file(parseModel(graph)), result(llvm::cantFail(removeDeadChannels(file, {}))),
        editor(result.model) {}

  std::shared_ptr<ModelFile> file;
  DeadChannelResult result;
  ModelEditor editor;
};

/// Two products with four channels between them.
std::string chain(const std::string &weights, const std::string &bias, const std::string &readers,
                  const std::string &between = "Relu(b)") {
  return "g (float[1,2] x) => (float[1,2] y) <float[4,2] w0 = {" + weights + "}, float[4] c = {" +
         bias + "}, float[2,4] w1 = {" + readers + R"(}, float[2] d = {10, 20}> {
    b = Gemm<transB = 1>(x, w0, c)
    a = )" +
         between + R"(
    y = Gemm<transB = 1>(a, w1, d)
  })";
}

TEST(DeadChannels, LeavesALivingModelAlone) {
  Lean lean(chain("1, 2, 3, 4, 5, 6, 7, 8", "1, 2, 3, 4", "1, 2, 3, 4, 5, 6, 7, 8"));
  EXPECT_EQ(lean.result.model, lean.file);
  EXPECT_FALSE(mayHaveDeadChannels(lean.file));
}

TEST(DeadChannels, RemovesWhatNobodyReads) {
  Lean lean(chain("1, 2, 3, 4, 5, 6, 7, 8", "1, 2, 3, 4", "1, 0, 3, -0.0, 5, 0, 7, 0"));
  ASSERT_EQ(lean.result.removed.size(), 1u);
  EXPECT_EQ(lean.result.removed[0].node, "b");
  EXPECT_EQ(lean.result.removed[0].unread, 2);
  EXPECT_EQ(readElements(lean.editor, "w0"), (std::vector<double>{1, 2, 5, 6}));
  EXPECT_EQ(readElements(lean.editor, "c"), (std::vector<double>{1, 3}));
  EXPECT_EQ(readElements(lean.editor, "w1"), (std::vector<double>{1, 3, 5, 7}));
}

TEST(DeadChannels, FoldsNumbersIntoBiases) {
  Lean lean(chain("0, 0, 3, 4, 5, 6, 0, 0", "2, 1, 1, -3", "1, 2, 3, 4, 5, 6, 7, 8"));
  ASSERT_EQ(lean.result.removed.size(), 1u);
  EXPECT_EQ(lean.result.removed[0].constant, 2);
  EXPECT_EQ(readElements(lean.editor, "w0"), (std::vector<double>{3, 4, 5, 6}));
  std::string bias = lean.editor.findProducer("y")->input(2);
  EXPECT_EQ(readElements(lean.editor, bias), (std::vector<double>{10 + 2 * 1, 20 + 2 * 5}));
}

TEST(DeadChannels, MergesEqualChannels) {
  Lean lean(chain("1, 2, 3, 4, 1, 2, 1, 2", "1, 2, 1, 7", "1, 2, 3, 4, 5, 6, 7, 8"));
  ASSERT_EQ(lean.result.removed.size(), 1u);
  EXPECT_EQ(lean.result.removed[0].duplicate, 1);
  EXPECT_EQ(readElements(lean.editor, "w1"), (std::vector<double>{4, 2, 4, 12, 6, 8}));
}

TEST(DeadChannels, GoesOnWhereItsReadersHaveGone) {
  Lean lean(R"(g (float[1,2] x) => (float[1,1] y)
    <float[2,2] w0 = {1, 2, 3, 4}, float[2,2] w1 = {1, 5, 0, 0}, float[2,1] w2 = {0, 1}> {
    a = MatMul(x, w0)
    b = MatMul(a, w1)
    y = MatMul(b, w2)
  })");
  ASSERT_EQ(lean.result.removed.size(), 2u);
  EXPECT_EQ(readDims(lean.editor, "w0"), (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(readElements(lean.editor, "w1"), (std::vector<double>{5}));
}

TEST(DeadChannels, KeepsOneChannelOfAnAxis) {
  Lean lean(chain("1, 2, 3, 4, 5, 6, 7, 8", "1, 2, 3, 4", "0, 0, 0, 0, 0, 0, 0, 0"));
  EXPECT_EQ(readDims(lean.editor, "w0"), (std::vector<int64_t>{1, 2}));
}

/// Zeros beside an image are no constant channel of ones.
TEST(DeadChannels, LeavesNumbersThatPaddingInterrupts) {
  auto graph = [](const std::string &pads, const std::string &bias) {
    return R"(g (float[1,1,4] x) => (float[1,1,N] y)
    <float[2,1,1] w0 = {0, 2}, float[2] c = {)" +
           bias + R"(, 1}, float[1,2,3] w1 = {1, 2, 3, 4, 5, 6}> {
    a = Conv(x, w0, c)
    y = Conv<pads = [)" +
           pads + "]>(a, w1)\n}";
  };
  EXPECT_TRUE(Lean(graph("1, 1", "1")).result.removed.empty());
  EXPECT_EQ(Lean(graph("0, 0", "1")).result.removed.size(), 1u);
  Lean zero(graph("1, 1", "0"));
  EXPECT_EQ(readElements(zero.editor, "w1"), (std::vector<double>{4, 5, 6}));
}

} // namespace
