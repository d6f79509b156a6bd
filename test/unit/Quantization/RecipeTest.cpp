// Recipes are written as they are read, and mistakes in them are found.
#include "lib/Quantize/Recipe.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

using namespace tenon::quantize;

static Recipe makeRecipe() {
  Recipe recipe;
  recipe.model = "net.onnx";
  recipe.digest = "0123456789abcdef";
  recipe.budget = "sqnr=30dB";
  recipe.calibrationSamples = 12;
  recipe.measured = {{"y", 31.25, 0.9995, 0.01, 1}, {"z", INFINITY, 1, 0, 1}};
  recipe.adjustments = {{"conv.bias", "bias correction", 0, {}, {0.5f, -0.25f}}};
  TensorRecipe input, weight, blocks;
  input.name = "x";
  input.dtype = TENON_UINT8;
  input.scales = {0.1f};
  input.zeroPoints = {128};
  input.method = "mse";
  input.low = -12.8;
  input.high = 12.7;
  input.predictedSqnr = 41.5;
  input.measuredSqnr = 40.25;
  input.outliers = {3, 17};
  weight.name = "w";
  weight.scales = {0.25f, 1e-8f};
  weight.axis = 0;
  blocks.name = "v";
  blocks.dtype = TENON_INT4;
  blocks.axis = 0;
  blocks.blockSize = 32;
  blocks.codes = {-8, 7, 0, 1};
  recipe.tensors = {input, weight, blocks};
  recipe.nodes = {{"conv", "Conv", NodePrecision::Int8, 3, ""},
                  {"soft \"max\"", "Softmax", NodePrecision::F32, std::nullopt, "costs 12 dB"}};
  return recipe;
}

TEST(Recipe, IsReadAsItWasWritten) {
  std::string text = formatRecipe(makeRecipe());
  llvm::Expected<Recipe> read = parseRecipe(text, "r");
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(formatRecipe(*read), text);
  EXPECT_EQ(read->findTensor("x")->scales, std::vector<float>{0.1f});
  EXPECT_EQ(read->findTensor("v")->codes, (std::vector<int8_t>{-8, 7, 0, 1}));
  EXPECT_EQ(read->findNode("conv")->precision, NodePrecision::Int8);
  EXPECT_EQ(read->measured[1].sqnr, INFINITY);
  EXPECT_EQ(read->findTensor("y"), nullptr);
}

TEST(Recipe, HasALineForEachEntry) {
  std::string text = formatRecipe(makeRecipe());
  EXPECT_NE(text.find("\n    {\"name\":\"x\",\"type\":\"uint8\",\"scale\":0.1,\"zero_point\":128,"
                      "\"method\":\"mse\",\"range\":[-12.8,12.7],\"predicted_sqnr\":41.5,"
                      "\"measured_sqnr\":40.25,\"outliers\":[3,17]},\n"),
            std::string::npos)
      << text;
}

/// What is said about the text in which one part is replaced.
static std::string complain(llvm::StringRef part, llvm::StringRef by) {
  std::string text = formatRecipe(makeRecipe());
  size_t place = text.find(part.str());
  EXPECT_NE(place, std::string::npos) << part.str();
  text.replace(place, part.size(), by.str());
  llvm::Expected<Recipe> read = parseRecipe(text, "net.precision.json");
  return read ? "no error" : llvm::toString(read.takeError());
}

TEST(Recipe, MistakesAreNamed) {
  EXPECT_EQ(complain("\"digest\": ", "\"digest\" "),
            "net.precision.json is not JSON: [5:12, byte=84]: Expected : after object key");
  EXPECT_EQ(complain("\"uint8\"", "\"int3\""),
            "net.precision.json: expected int8, uint8, int4 or uint4 at the "
            "recipe.tensors[0].type");
}

TEST(Recipe, ListsMustFit) {
  EXPECT_EQ(complain("\"zero_point\":128", "\"zero_point\":256"),
            "net.precision.json: expected numbers that the type holds at the "
            "recipe.tensors[0].zero_point");
  EXPECT_EQ(complain("\"scale\":0.1", "\"scale\":[0.1,0.2]"),
            "net.precision.json: expected as many numbers as scales at the "
            "recipe.tensors[0].zero_point");
  EXPECT_EQ(complain("\"scale\":0.1", "\"scale\":0"),
            "net.precision.json: expected numbers above zero at the recipe.tensors[0].scale");
  EXPECT_EQ(complain("\"axis\":0,\"scale\":[0.25", "\"scale\":[0.25"),
            "net.precision.json: missing, as there are several scales at the "
            "recipe.tensors[1].axis");
  EXPECT_EQ(complain("\"reason\"", "\"because\""),
            "net.precision.json: unknown member at the recipe.nodes[1].because");
  EXPECT_EQ(complain("\"version\": 1", "\"version\": 2"),
            "net.precision.json: expected 1: another Tenon wrote this file at the recipe.version");
}

/// y = relu(x), where `output` is y's name.
static onnx::GraphProto makeGraph(const char *output) {
  onnx::GraphProto graph;
  graph.add_input()->set_name("x");
  graph.add_output()->set_name(output);
  onnx::NodeProto *node = graph.add_node();
  node->set_op_type("Relu");
  node->add_input("x");
  node->add_output(output);
  return graph;
}

TEST(Recipe, DigestsTellGraphsApart) {
  onnx::GraphProto graph = makeGraph("y"), other = makeGraph("z");
  EXPECT_EQ(digestGraph(graph).size(), 16u);
  EXPECT_EQ(digestGraph(graph), digestGraph(makeGraph("y")));
  EXPECT_NE(digestGraph(graph), digestGraph(other));
  graph.mutable_node(0)->set_op_type("Tanh");
  EXPECT_NE(digestGraph(graph), digestGraph(makeGraph("y")));
}

TEST(Recipe, NodesWithoutNamesAreCalledByTheirResults) {
  onnx::GraphProto graph = makeGraph("y");
  EXPECT_EQ(getNodeName(graph.node(0)), "y");
  graph.mutable_node(0)->set_name("relu");
  EXPECT_EQ(getNodeName(graph.node(0)), "relu");
}
