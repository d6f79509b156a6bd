// From models to modules: names, scopes, order, functions, and errors that name the node.

#include "TestModels.h"

using namespace tenon;
using namespace tenon::test;

namespace {

/// The errors of a model that must not import.
std::string errorsOf(const onnx::ModelProto &model, const ImportOptions &options = {}) {
  Outcome outcome = import(model, options);
  EXPECT_FALSE(outcome.succeeded) << outcome.text;
  return outcome.errors;
}

std::string textOf(const onnx::ModelProto &model, const ImportOptions &options = {}) {
  Outcome outcome = import(model, options);
  EXPECT_TRUE(outcome.succeeded) << outcome.errors;
  return outcome.text;
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST(ImportTest, KeepsNamesAndSharesSymbols) {
  std::string text =
      textOf(parseGraph("g (float[N, 3] a, float[N] b, float[?] c) => (float[N, 3] y, float[N] z) {"
                        "  y = Identity(a)  z = Identity(b) }"));
  EXPECT_TRUE(contains(text, R"(tenon.symbols = ["N", "c.0"])")) << text;
  EXPECT_TRUE(contains(text, R"(%arg0: tensor<?x3xf32, #map> {tenon.name = "a"})")) << text;
  EXPECT_TRUE(contains(text, R"(%arg1: tensor<?xf32, #map1> {tenon.name = "b"})")) << text;
  EXPECT_TRUE(contains(text, R"({tenon.name = "z"})")) << text;
}

TEST(ImportTest, TakesShapesFromTheUser) {
  onnx::ModelProto model =
      parseGraph("g (float[N, 3] a, float[N] b) => (float[N, 3] y) { y = Identity(a) }");
  auto withShapes = [](std::vector<const char *> texts) {
    ImportOptions options;
    for (const char *text : texts)
      options.shapes.push_back(llvm::cantFail(ShapeOverride::parse(text)));
    return options;
  };
  std::string text = textOf(model, withShapes({"a=4x3"}));
  EXPECT_TRUE(contains(text, "tensor<4x3xf32> {tenon.name = \"a\"}, %arg1: tensor<?xf32")) << text;
  text = textOf(model, withShapes({"N=7"}));
  EXPECT_TRUE(contains(text, "tensor<7x3xf32> {tenon.name = \"a\"}, %arg1: tensor<7xf32>")) << text;
  EXPECT_EQ(errorsOf(model, withShapes({"q=7"})),
            "model.onnx: --shape names 'q', which is neither an input nor a dimension of one\n");
  EXPECT_EQ(errorsOf(model, withShapes({"a=7"})),
            "model.onnx: input 'a' has rank 2, but --shape gives it 1 dimensions\n");
  EXPECT_EQ(errorsOf(model, withShapes({"a=7x5"})),
            "model.onnx: input 'a' has size 3 in dimension 1, but --shape says 5\n");
  EXPECT_EQ(llvm::toString(ShapeOverride::parse("a=3xb").takeError()),
            "'a=3xb': 'b' is not a dimension");
}

// Of a list that depends on data in part, only that part becomes symbols.
TEST(ImportTest, FollowsListsInPart) {
  std::string text = textOf(parseGraph(
      "g (float[N, 3] x, int64[1] p, int64[2] rows) => (y, z) <int64[1] none = {0}, int64[1] all = "
      "{-1}> { pads = Concat<axis = 0>(none, none, p, none) y = Pad(x, pads) "
      "n = ReduceProd(rows) shape = Concat<axis = 0>(n, all) z = Reshape(x, shape) }"));
  EXPECT_TRUE(contains(text, "-> (tensor<?x3xf32")) << text;
  EXPECT_TRUE(
      contains(text, R"(tenon.symbols = ["N", "pads.2", "pads.2_1", "shape.0", "shape.1"])"))
      << text;
}

// As many rows of a table as the operand has: no size is a broadcast one, only the end is clamped.
TEST(ImportTest, RowsOfATableFitTheirOperand) {
  std::string text = textOf(
      parseGraph("g (float[N, 2] x) => (float[N, 2] y) "
                 "<float[3, 2] table = {1, 2, 3, 4, 5, 6}, int64[1] zero = {0}> { n = Shape<start "
                 "= 0, end = 1>(x) t = Slice(table, zero, n, zero) y = Add(x, t) }"));
  EXPECT_TRUE(contains(text, R"(tenon.symbols = ["N", "slice.end.0"])")) << text;
  EXPECT_TRUE(contains(text, "tenon.require equal")) << text;
}

TEST(ImportTest, InitializersThatAreInputsAreConstants) {
  onnx::ModelProto model = parseGraph("g (float[2] x, float[1] w) => (float[1] y)"
                                      "<float[1] w = {3.0}> { y = Identity(w) }");
  std::string text = textOf(model);
  EXPECT_FALSE(contains(text, "%arg1")) << text;
  EXPECT_TRUE(contains(text, "tenon.constant dense<3.000000e+00>")) << text;
}

TEST(ImportTest, SortsNodes) {
  EXPECT_TRUE(import(parseGraph("g (float[2] x) => (float[2] y) {"
                                "  y = Identity(b)  b = Identity(a)  a = Identity(x) }"))
                  .succeeded);
}

TEST(ImportTest, NamesANodeOfACycle) {
  onnx::ModelProto model = parseGraph("g (float[2] x) => (float[2] y) {"
                                      "  a = Identity(b)  b = Identity(a)  y = Identity(a) }");
  model.mutable_graph()->mutable_node(0)->set_name("first");
  EXPECT_EQ(errorsOf(model), "model.onnx: node 'first' (Identity): the graph has a cycle through "
                             "this node: it needs its own output\n");
}

TEST(ImportTest, NamesUnknownOperators) {
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] y) { y = Frobnicate(x) }")),
            "model.onnx: node 'y' (Frobnicate): unknown operator Frobnicate of domain 'ai.onnx' "
            "version 17\n");
}

TEST(ImportTest, NamesMissingValues) {
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] y) { y = Identity(w) }")),
            "model.onnx: node 'y' (Identity): input 0 'w' is not defined: no node, input or "
            "initializer has this name\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] z) { y = Identity(x) }")),
            "model.onnx: graph 'g': output 'z' is not computed by any node\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] y) { y = Identity() }")),
            "model.onnx: node 'y' (Identity): input 0 is missing\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] y) { y = Identity(x, x) }")),
            "model.onnx: node 'y' (Identity): has 2 inputs, but takes at most 1\n");
}

TEST(ImportTest, NamesDuplicates) {
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] y) { y = Identity(x) "
                                "y = Identity(x) }")),
            "model.onnx: node 'y' (Identity): output 'y' is already defined by another node\n"
            "model.onnx: node 'y' (Identity): note: it is defined here first\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x, float[2] x) => (float[2] y) { y = Identity(x) }")),
            "model.onnx: input 'x' is listed twice\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2] x) { x = Identity(x) }")).empty(),
            false);
}

TEST(ImportTest, ChecksAttributeTypes) {
  EXPECT_EQ(errorsOf(parseGraph("g () => (int64 y) { y = Constant<value_int = \"one\">() }")),
            "model.onnx: node 'y' (Constant): attribute 'value_int': expected an int, found a "
            "string\n");
}

TEST(ImportTest, ChecksDeclaredTypes) {
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[3] y) { y = Identity(x) }")),
            "model.onnx: node 'y' (Identity): value 'y' is declared with size 3 in dimension 0, "
            "but has shape 'tensor<2xf32>'\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (int64[2] y) { y = Identity(x) }")),
            "model.onnx: node 'y' (Identity): value 'y' is declared with element type int64 (7), "
            "but has float\n");
  EXPECT_EQ(errorsOf(parseGraph("g (float[2] x) => (float[2, 1] y) { y = Identity(x) }")),
            "model.onnx: node 'y' (Identity): value 'y' is declared with rank 2, but has shape "
            "'tensor<2xf32>'\n");
}

TEST(ImportTest, RefusesNonsenseInputs) {
  onnx::ModelProto model = parseGraph("g (float[2] x) => (float[2] y) { y = Identity(x) }");
  auto *dim = model.mutable_graph()
                  ->mutable_input(0)
                  ->mutable_type()
                  ->mutable_tensor_type()
                  ->mutable_shape()
                  ->mutable_dim(0);
  dim->set_dim_value(-5);
  EXPECT_EQ(errorsOf(model), "model.onnx: input 'x': dimension -5 is negative\n");
  dim->set_dim_value(-1);
  EXPECT_NE(import(model).text.find("%arg0: tensor<?xf32"), std::string::npos);
  dim->set_dim_value(int64_t(1) << 60);
  EXPECT_EQ(errorsOf(model), "model.onnx: input 'x': its shape has more than 2^46 elements\n");
}

const char *const functionModel = R"(
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
g (float[2] x) => (float[1] y) { y = local.Pick <value = [1.5]> (x) }
<opset_import: ["" : 17], domain: "local">
Pick <value> (a) => (c) { b = Identity(a) c = Constant <value_floats: floats = @value>() }
)";

TEST(ImportTest, InlinesFunctions) {
  onnx::ModelProto model = parseText(functionModel);
  auto *attribute = model.mutable_graph()->mutable_node(0)->mutable_attribute(0);
  attribute->set_type(onnx::AttributeProto::FLOATS);
  std::string text = textOf(model);
  EXPECT_TRUE(contains(text, "tenon.constant dense<1.500000e+00> : tensor<1xf32>")) << text;
}

TEST(ImportTest, RefusesRecursiveFunctions) {
  onnx::ModelProto model = parseText(functionModel);
  onnx::NodeProto *node = model.mutable_functions(0)->mutable_node(0);
  node->set_op_type("Pick");
  node->set_domain("local");
  EXPECT_EQ(errorsOf(model), "model.onnx: node 'b' (Pick): function 'Pick' calls itself\n");
}

// Each function calls the next twice: 2^40 nodes from a few hundred bytes.
TEST(ImportTest, RefusesFunctionsThatMultiply) {
  std::string text = "<ir_version: 8, opset_import: [\"\" : 17, \"l\" : 1]>\n"
                     "g (float[2] x) => (float[2] y) { y = l.F0(x) }\n";
  for (int i = 0; i < 40; ++i) {
    std::string callee = i == 39 ? "Identity" : "l.F" + std::to_string(i + 1);
    text += "<opset_import: [\"\" : 17, \"l\" : 1], domain: \"l\">\nF" + std::to_string(i) +
            " (a) => (c) { b = " + callee + "(a) c = " + callee + "(b) }\n";
  }
  EXPECT_TRUE(contains(errorsOf(parseText(text)),
                       "the model is too large once functions and subgraphs are inlined"));
}

} // namespace
