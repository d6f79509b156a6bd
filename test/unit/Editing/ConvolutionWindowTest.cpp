// Where convolutions read.

#include "lib/Editing/ConvolutionWindow.h"
#include "lib/Editing/Attributes.h"
#include <gtest/gtest.h>

using namespace tenon;

namespace {

TEST(ConvolutionWindow, CountsHowOftenEachElementReadsTheImage) {
  onnx::NodeProto node;
  node.set_op_type("Conv");
  setInts(node, "pads", {1, 0, 1, 0});
  auto window = ConvolutionWindow::create(node, {4, 3}, {3, 1});
  EXPECT_EQ(window.countPositions(), 12);
  EXPECT_EQ(window.find(0, 0), -1);
  EXPECT_EQ(window.find(4, 2), 7);
  EXPECT_EQ(window.findShares(), (llvm::SmallVector<double>{0.75, 1, 0.75}));
}

TEST(ConvolutionWindow, PadsByItself) {
  onnx::NodeProto node;
  setString(node, "auto_pad", "SAME_UPPER");
  setInts(node, "strides", {2});
  auto window = ConvolutionWindow::create(node, {5}, {4});
  EXPECT_EQ(window.output, (llvm::SmallVector<int64_t>{3}));
  EXPECT_EQ(window.begins, (llvm::SmallVector<int64_t>{1}));
  setString(node, "auto_pad", "VALID");
  EXPECT_EQ(ConvolutionWindow::create(node, {5}, {4}).countPositions(), 1);
}

} // namespace
