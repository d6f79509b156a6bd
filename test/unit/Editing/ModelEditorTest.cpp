// Changing models: the index follows every change, and what is written is a model again.

#include "lib/Editing/ModelEditor.h"
#include "lib/Editing/Attributes.h"
#include "lib/Editing/ValueTypes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/defs/parser.h>

using namespace tenon;

namespace {

std::shared_ptr<ModelFile> parse(const std::string &graph, const std::string &folder = "") {
  onnx::ModelProto model;
  auto status = onnx::OnnxParser::Parse(
      model, ("<ir_version: 8, opset_import: [\"\" : 17]>\n" + graph).c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
  return llvm::cantFail(ModelFile::create(std::move(model), "model.onnx", folder));
}

Tensor floats(std::vector<int64_t> dims, std::vector<float> elements) {
  Tensor tensor = llvm::cantFail(Tensor::create(TENON_FLOAT, dims));
  std::memcpy(tensor.bytes.data(), elements.data(), tensor.bytes.size());
  return tensor;
}

const char *const chain = R"(g (float[2] x) => (float[2] y)
  <float[2] w = {1, 2}> {
  a = Add(x, w)
  b = Relu(a)
  y = Mul(a, b)
})";

TEST(ModelEditor, KnowsWhoReadsWhat) {
  ModelEditor editor(parse(chain));
  EXPECT_TRUE(editor.isInput("x"));
  EXPECT_TRUE(editor.isOutput("y"));
  EXPECT_TRUE(editor.isConstant("w"));
  EXPECT_FALSE(editor.isConstant("a"));
  EXPECT_EQ(editor.findProducer("b")->op_type(), "Relu");
  EXPECT_EQ(editor.findProducer("x"), nullptr);
  EXPECT_EQ(editor.getUses("a").size(), 2u);
  EXPECT_EQ(editor.getOpset(), 17);
  EXPECT_EQ(editor.getOpset("com.microsoft"), 0);
}

TEST(ModelEditor, InsertsANode) {
  ModelEditor editor(parse(chain));
  onnx::NodeProto &node = editor.addNode("Neg", "negate", {"a"}, {editor.makeName("a")});
  EXPECT_EQ(node.output(0), "a_1");
  editor.setOperand(*editor.findProducer("y"), 0, node.output(0));
  EXPECT_EQ(editor.getUses("a").size(), 2u); // Relu and Neg
  EXPECT_EQ(editor.getUses("a_1").size(), 1u);
  ASSERT_FALSE(editor.sortNodes());
  std::string order;
  for (const onnx::NodeProto &sorted : editor.graph().node())
    order += sorted.op_type() + " ";
  EXPECT_EQ(order, "Add Relu Neg Mul ");
  onnx::checker::check_model(editor.proto());
}

TEST(ModelEditor, RefusesACycle) {
  ModelEditor editor(parse(chain));
  editor.setOperand(*editor.findProducer("a"), 0, "y");
  EXPECT_NE(llvm::toString(editor.sortNodes()).find("cycle"), std::string::npos);
}

TEST(ModelEditor, RemovesWhatNobodyReads) {
  ModelEditor editor(parse(chain));
  editor.replaceUses("b", "x");
  editor.replaceUses("a", "x");
  editor.removeUnused();
  ASSERT_EQ(editor.graph().node_size(), 1);
  EXPECT_EQ(editor.graph().node(0).op_type(), "Mul");
  EXPECT_FALSE(editor.isConstant("w"));
  EXPECT_EQ(editor.graph().initializer_size(), 0);
}

TEST(ModelEditor, ReplacesConstants) {
  ModelEditor editor(parse(R"(g (float[2] x) => (float[2] y) {
    c = Constant<value_floats = [3.0, 4.0]>()
    y = Add(x, c)
  })"));
  Tensor tensor = llvm::cantFail(editor.readConstant("c"));
  EXPECT_EQ(tensor.element(1), 4);
  editor.setConstant("c", floats({2}, {5, 6}));
  EXPECT_EQ(llvm::cantFail(editor.readConstant("c")).element(1), 6);
  EXPECT_EQ(editor.graph().node_size(), 1);
  EXPECT_EQ(editor.addConstant("c", floats({1}, {7})), "c_1");
  EXPECT_EQ(llvm::toString(editor.readConstant("y").takeError()), "'y' is no dense constant");
}

TEST(ModelEditor, SeesWhatInnerGraphsRead) {
  ModelEditor editor(parse(R"(g (float[2] x, bool c) => (float[2] y) {
    a = Neg(x)
    y = If(c) <then_branch = t () => (float[2] p) { p = Abs(a) },
               else_branch = e () => (float[2] q) { q = Identity(x) }>
  })"));
  EXPECT_TRUE(editor.isReadBySubgraph("a"));
  EXPECT_TRUE(editor.isReadBySubgraph("x"));
  EXPECT_TRUE(editor.getUses("a").empty());
  EXPECT_EQ(editor.makeName("p"), "p_1");
  editor.replaceUses("a", "x");
  EXPECT_FALSE(editor.isReadBySubgraph("a"));
  editor.removeUnused();
  EXPECT_EQ(editor.graph().node_size(), 1);
  onnx::checker::check_model(editor.proto());
}

TEST(ModelEditor, ShowsAnInnerValue) {
  ModelEditor editor(parse(chain));
  editor.addOutput("a", TENON_FLOAT, {2});
  EXPECT_TRUE(editor.isOutput("a"));
  std::shared_ptr<ModelFile> file = llvm::cantFail(editor.toModelFile());
  EXPECT_EQ(file->graph().output_size(), 2);
}

TEST(ModelEditor, SetsAttributes) {
  ModelEditor editor(parse(chain));
  onnx::NodeProto &node = *editor.findProducer("a");
  EXPECT_EQ(getInt(node, "axis", 7), 7);
  setInt(node, "axis", 1);
  setInts(node, "pads", {1, 2});
  setInts(node, "pads", {3});
  EXPECT_EQ(getInt(node, "axis", 7), 1);
  EXPECT_EQ(getInts(node, "pads"), (llvm::SmallVector<int64_t>{3}));
}

TEST(ModelEditor, InfersTypes) {
  auto types = llvm::cantFail(inferValueTypes(parse(R"(g (float[N, 3] x) => (float[N, 4] y)
    <float[3, 4] w = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}> {
    y = MatMul(x, w)
  })")));
  EXPECT_EQ(types["y"].dtype, TENON_FLOAT);
  EXPECT_EQ(types["y"].dims, (llvm::SmallVector<int64_t>{-1, 4}));
  EXPECT_EQ(types["w"].dims, (llvm::SmallVector<int64_t>{3, 4}));
  auto refused = inferValueTypes(parse("g (float[2] x) => (float[2] y) { y = Nonsense(x) }"));
  EXPECT_NE(llvm::toString(refused.takeError()).find("Nonsense"), std::string::npos);
}

/// A folder that goes away with the test.
class SaveTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("tenon-editing", path));
    folder = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(folder); }

  std::string folder;
};

TEST_F(SaveTest, WritesAWholeModel) {
  ModelEditor editor(parse(chain));
  editor.setConstant("w", floats({2}, {8, 9}));
  std::string path = folder + "/changed.onnx";
  ASSERT_FALSE(editor.save(path));
  ModelEditor again(llvm::cantFail(ModelFile::open(path)));
  EXPECT_EQ(llvm::cantFail(again.readConstant("w")).element(0), 8);
}

TEST_F(SaveTest, TakesInWhatLiesInOtherFiles) {
  std::ofstream(folder + "/weights", std::ios::binary).write("\0\0\x80\x3f\0\0\0\x40", 8);
  onnx::ModelProto model = parse(chain)->proto();
  onnx::TensorProto &tensor = *model.mutable_graph()->mutable_initializer(0);
  tensor.clear_float_data();
  tensor.clear_raw_data();
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto &entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value("weights");
  auto file = llvm::cantFail(ModelFile::create(model, "model.onnx", folder));

  ModelEditor editor(file);
  EXPECT_EQ(llvm::cantFail(editor.readConstant("w")).element(1), 2);
  std::string path = folder + "/alone.onnx";
  ASSERT_FALSE(editor.save(path));
  llvm::sys::fs::remove(folder + "/weights");
  ModelEditor again(llvm::cantFail(ModelFile::open(path)));
  EXPECT_EQ(llvm::cantFail(again.readConstant("w")).element(1), 2);

  ModelEditor without(llvm::cantFail(ModelFile::create(model, "model.onnx", folder)));
  EXPECT_NE(llvm::toString(without.save(folder + "/without-data.onnx")).find("'weights'"),
            std::string::npos);
  EXPECT_FALSE(llvm::sys::fs::exists(folder + "/without-data.onnx"));
}

} // namespace
