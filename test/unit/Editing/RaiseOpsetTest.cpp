// Models in later operators: each rule against what the checker accepts, and what cannot be raised.

#include "lib/Editing/RaiseOpset.h"
#include "lib/Editing/Attributes.h"
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/defs/parser.h>

using namespace tenon;

namespace {

ModelEditor parse(int opset, const std::string &graph) {
  onnx::ModelProto model;
  std::string text =
      "<ir_version: 3, opset_import: [\"\" : " + std::to_string(opset) + "]>\n" + graph;
  auto status = onnx::OnnxParser::Parse(model, text.c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  return ModelEditor(llvm::cantFail(ModelFile::create(std::move(model), "model.onnx", "")));
}

/// The model in version 13, which must be one.
ModelEditor raise(int opset, const std::string &graph) {
  ModelEditor model = parse(opset, graph);
  llvm::Error error = raiseOpset(model);
  EXPECT_FALSE(static_cast<bool>(error)) << llvm::toString(std::move(error));
  EXPECT_EQ(model.getOpset(), 13);
  onnx::checker::check_model(model.proto());
  return model;
}

std::string refusal(int opset, const std::string &graph) {
  ModelEditor model = parse(opset, graph);
  return llvm::toString(raiseOpset(model));
}

std::vector<int64_t> readInts(const ModelEditor &model, const std::string &constant) {
  Tensor tensor = llvm::cantFail(model.readConstant(constant));
  auto *values = reinterpret_cast<const int64_t *>(tensor.bytes.data());
  return {values, values + tensor.bytes.size() / sizeof(int64_t)};
}

double readNumber(const ModelEditor &model, const std::string &constant) {
  return llvm::cantFail(model.readConstant(constant)).element(0);
}

TEST(RaiseOpset, UpsampleBecomesResize) {
  ModelEditor model = raise(7, R"(g (float[1, 1, 2, 2] x) => (float[1, 1, 4, 6] y) {
    y = Upsample<scales = [1.0, 1.0, 2.0, 3.0], mode = "nearest">(x)
  })");
  const onnx::NodeProto &node = *model.findProducer("y");
  EXPECT_EQ(node.op_type(), "Resize");
  EXPECT_EQ(getString(node, "coordinate_transformation_mode", ""), "asymmetric");
  EXPECT_EQ(getString(node, "nearest_mode", ""), "floor");
  ASSERT_EQ(node.input_size(), 3);
  EXPECT_EQ(node.input(1), "");
  EXPECT_EQ(llvm::cantFail(model.readConstant(node.input(2))).element(3), 3);
}

TEST(RaiseOpset, ListsAndNumbersBecomeOperands) {
  ModelEditor model = raise(9, R"(g (float[4, 5] x) => (float[1, 3, 4] y, float[2] k, int64[2] i) {
    a = Slice<starts = [1], ends = [4], axes = [0]>(x)
    b = Pad<pads = [0, 0, 0, 1], value = 0.5>(a)
    c = Clip<max = 6.0>(b)
    d = Unsqueeze<axes = [0]>(c)
    e, f = Split<axis = 2, split = [4, 2]>(d)
    y = Identity(e)
    s = ReduceSum<axes = [0, 1], keepdims = 0>(d)
    k, i = TopK<k = 2>(s)
  })");
  const onnx::NodeProto &slice = *model.findProducer("a");
  EXPECT_EQ(slice.attribute_size(), 0);
  EXPECT_EQ(readInts(model, slice.input(1)), std::vector<int64_t>{1});
  EXPECT_EQ(readInts(model, slice.input(2)), std::vector<int64_t>{4});
  EXPECT_EQ(readInts(model, slice.input(3)), std::vector<int64_t>{0});
  const onnx::NodeProto &pad = *model.findProducer("b");
  EXPECT_EQ(readInts(model, pad.input(1)), (std::vector<int64_t>{0, 0, 0, 1}));
  EXPECT_EQ(readNumber(model, pad.input(2)), 0.5);
  const onnx::NodeProto &clip = *model.findProducer("c");
  EXPECT_EQ(clip.input(1), "");
  EXPECT_EQ(readNumber(model, clip.input(2)), 6);
  EXPECT_EQ(readInts(model, model.findProducer("d")->input(1)), std::vector<int64_t>{0});
  EXPECT_EQ(readInts(model, model.findProducer("e")->input(1)), (std::vector<int64_t>{4, 2}));
  EXPECT_EQ(readInts(model, model.findProducer("s")->input(1)), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(readInts(model, model.findProducer("k")->input(1)), std::vector<int64_t>{2});
}

TEST(RaiseOpset, SoftmaxOverSeveralDimensionsIsFlattened) {
  ModelEditor model = raise(11, R"(g (float[2, 3, 4] x) => (float[2, 3, 4] y, float[2, 3, 4] z) {
    y = Softmax(x)
    z = LogSoftmax<axis = 2>(x)
  })");
  EXPECT_EQ(model.findProducer("y")->op_type(), "Reshape");
  const onnx::NodeProto &softmax = *model.findProducer(model.findProducer("y")->input(0));
  EXPECT_EQ(softmax.op_type(), "Softmax");
  EXPECT_EQ(getInt(softmax, "axis", 0), -1);
  const onnx::NodeProto &flatten = *model.findProducer(softmax.input(0));
  EXPECT_EQ(flatten.op_type(), "Flatten");
  EXPECT_EQ(getInt(flatten, "axis", 0), 1);
  // Along the last one nothing is needed but to say so.
  EXPECT_EQ(model.findProducer("z")->op_type(), "LogSoftmax");
  EXPECT_EQ(getInt(*model.findProducer("z"), "axis", 0), -1);
}

TEST(RaiseOpset, InnerGraphsToo) {
  ModelEditor model = raise(11, R"(g (bool c, float[2, 3, 4] x) => (float[2, 3, 4] y) {
    y = If(c) <then_branch = t () => (float[2, 3, 4] u) {
                 r = Relu(x)
                 u = Softmax(x)
               },
               else_branch = e () => (float[2, 3, 4] v) {
                 w = Unsqueeze<axes = [0]>(x)
                 v = Squeeze<axes = [0]>(w)
               }>
  })");
  const onnx::NodeProto &node = *model.findProducer("y");
  EXPECT_TRUE(model.isReadBySubgraph("x"));
  for (const onnx::AttributeProto &branch : node.attribute())
    if (branch.name() == "else_branch")
      for (const onnx::NodeProto &inner : branch.g().node())
        EXPECT_EQ(inner.input_size(), 2);
}

TEST(RaiseOpset, ConstantsAreInputsNoMore) {
  ModelEditor model = parse(9, R"(g (float[2] x, float[2] w) => (float[2] y) {
    y = Add(x, w)
  })");
  Tensor weight = llvm::cantFail(Tensor::create(TENON_FLOAT, {2}));
  model.setConstant("w", weight);
  ASSERT_FALSE(raiseOpset(model));
  ASSERT_EQ(model.graph().input_size(), 1);
  EXPECT_EQ(model.graph().input(0).name(), "x");
  EXPECT_GE(model.proto().ir_version(), 7);
}

TEST(RaiseOpset, LaterVersionsStay) {
  ModelEditor model = parse(17, "g (float[2] x) => (float[2] y) { y = Relu(x) }");
  ASSERT_FALSE(raiseOpset(model));
  EXPECT_EQ(model.getOpset(), 17);
}

TEST(RaiseOpset, RefusesWhatHasNoLaterForm) {
  EXPECT_EQ(refusal(6, "g (float[2] x) => (float[2] y) { y = Relu(x) }"),
            "model.onnx: is of version 6 of ONNX's operators, of which nothing older than 7 can be "
            "raised");
  EXPECT_EQ(refusal(8, R"(g (float[2] x) => (float[2] y, float[2] m) { y, m = Dropout(x) })"),
            "model.onnx: node 'y' (Dropout of version 8): has a mask of floats, which later "
            "versions lack");
}

} // namespace
