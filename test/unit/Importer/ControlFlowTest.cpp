// If, Loop and Scan: which branch is imported, what types flow in and out.

#include "TestModels.h"

using namespace tenon;
using namespace tenon::test;

namespace {

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

std::string errorsOf(const std::string &graph) {
  Outcome outcome = import(parseGraph(graph));
  EXPECT_FALSE(outcome.succeeded) << outcome.text;
  return outcome.errors;
}

/// A subgraph in textual form as attribute `name` of the model's first node: the parser of the
/// textual form that ships with ONNX 1.12 does not know graph attributes.
void addGraph(onnx::ModelProto &model, const std::string &name, const std::string &text) {
  onnx::AttributeProto *attribute = model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::GRAPH);
  auto status = onnx::OnnxParser::Parse(*attribute->mutable_g(), text.c_str());
  EXPECT_TRUE(status.IsOK()) << status.ErrorMessage();
}

onnx::ModelProto makeIf(const std::string &graph, const std::string &thenBranch,
                        const std::string &elseBranch) {
  onnx::ModelProto model = parseGraph(graph);
  addGraph(model, "then_branch", thenBranch);
  addGraph(model, "else_branch", elseBranch);
  return model;
}

onnx::ModelProto makeLoop(const std::string &graph, const std::string &body) {
  onnx::ModelProto model = parseGraph(graph);
  addGraph(model, "body", body);
  return model;
}

TEST(IfTest, CapturesAndMergesTypes) {
  Outcome outcome =
      import(makeIf("g (bool c, float[N] a, float[3] b, float[3] d) => (float[M] y, float[3] z) "
                    "{ y, z = If(c) }",
                    "t () => (float[N] u, float[3] v) { u = Identity(a) v = Identity(b) }",
                    "e () => (float[3] u, float[3] v) { u = Identity(b) v = Identity(d) }"));
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_TRUE(contains(outcome.text, R"(tenon.symbols = ["N", "y.0"])")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "-> (tensor<?xf32, #map1>, tensor<3xf32>) {")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "tenon.yield %arg1, %arg2")) << outcome.text;
}

// Only the taken branch is imported: the other one has an operator that does not exist.
TEST(IfTest, WithKnownConditionIsItsBranch) {
  Outcome outcome = import(makeIf("g (float[3] a) => (float[3] y) <bool c = {1}> { y = If(c) }",
                                  "t () => (float[3] u) { u = Identity(a) }",
                                  "e () => (float[3] u) { u = Frobnicate(a) }"));
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_FALSE(contains(outcome.text, "tenon.if")) << outcome.text;
}

// torch.squeeze exports as this: the rank that follows is that of then_branch.
TEST(IfTest, SqueezingIfOneTakesThenAndChecks) {
  Outcome outcome = import(makeIf("g (bool c, float[3, N] a) => (y) { y = If(c) }",
                                  "t () => (u) { one = Constant<value_ints = [1]>() "
                                  "u = Squeeze(a, one) }",
                                  "e () => (u) { u = Identity(a) }"));
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_TRUE(contains(outcome.text, "tenon.bind_symbol")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "-> (tensor<3xf32>")) << outcome.text;
}

// Any other two ranks are told apart by nothing but a declaration.
TEST(IfTest, OfTwoRanksIsRefused) {
  Outcome outcome = import(makeIf("g (bool c, float[3, 1] a, float[3] b) => (y) { y = If(c) }",
                                  "t () => (float[3] u) { u = Identity(b) }",
                                  "e () => (float[3, 1] u) { u = Identity(a) }"));
  EXPECT_EQ(outcome.errors, "model.onnx: node 'y' (If): then_branch and else_branch give different "
                            "ranks, so that the result's depends on data; declare the type of "
                            "'y'\n");
}

TEST(IfTest, NamesWhatIsWrong) {
  EXPECT_EQ(errorsOf("g (bool c) => (float[3] y) { y = If(c) }"),
            "model.onnx: node 'y' (If): attribute 'then_branch': is missing\n"
            "model.onnx: node 'y' (If): attribute 'else_branch': is missing\n");
  Outcome outcome = import(makeIf(
      "g (bool c, float[3] a, int64[3] b) => (float[3] y) { y = If(c) }",
      "t () => (float[3] u) { u = Identity(a) }", "e () => (int64[3] u) { u = Identity(b) }"));
  EXPECT_EQ(outcome.errors,
            "model.onnx: node 'y' (If): output 0 is 'tensor<3xf32>' from then_branch, but "
            "'tensor<3xi64>' from else_branch\n");
  outcome = import(makeIf("g (float[2] c, float[3] a) => (float[3] y) { y = If(c) }",
                          "t () => (float[3] u) { u = Identity(a) }",
                          "e () => (float[3] u) { u = Identity(a) }"));
  EXPECT_EQ(outcome.errors, "model.onnx: node 'y' (If): the condition must be a scalar of 'i1', "
                            "not 'tensor<2xf32>'\n");
  outcome = import(makeIf("g (bool c, float[3] a) => (float[3] y) { y = If(c) }",
                          "t () => (float[3] u) { u = Frobnicate(a) }",
                          "e () => (float[3] u) { u = Identity(a) }"));
  EXPECT_EQ(outcome.errors, "model.onnx: node 'u' (Frobnicate): unknown operator Frobnicate of "
                            "domain 'ai.onnx' version 17\n");
}

TEST(LoopTest, CarriesAndStacks) {
  Outcome outcome =
      import(makeLoop("g (float[3] a) => (float[3] y, float[4, 3] s) <int64 m = {4}> "
                      "{ y, s = Loop(m, , a) }",
                      "b (int64 i, bool c, float[3] x) => (bool d, float[3] z, float[3] t) "
                      "{ d = Identity(c) z = Identity(x) t = Identity(x) }"));
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_TRUE(contains(outcome.text, "} : tensor<3xf32>, tensor<4x3xf32>")) << outcome.text;
}

// The shape that the body yields is another than it takes: the dimension becomes a symbol, inside
// and after the loop.
TEST(LoopTest, WidensShapesThatChange) {
  Outcome outcome =
      import(makeLoop("g (int64 m, bool k, float[1] a, float[2] b) => (float[N] y, float[M, N] s) "
                      "{ y, s = Loop(m, k, a) }",
                      "b (int64 i, bool c, float[1] x) => (bool d, float[2] z, float[1] t) "
                      "{ d = Identity(k) z = Identity(b) t = Identity(x) }"));
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_TRUE(contains(outcome.text, "(%arg4: tensor<i64>, %arg5: tensor<?xf32")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "} : tensor<?xf32, #map>, tensor<?x?xf32, #map1>"))
      << outcome.text;
}

TEST(LoopTest, NamesWhatIsWrong) {
  Outcome outcome = import(makeLoop("g (int64 m, float[3] a) => (float[3] y) { y = Loop(m, , a) }",
                                    "b (int64 i, bool c) => (bool d, float[3] z) "
                                    "{ d = Identity(c) z = Identity(a) }"));
  EXPECT_EQ(outcome.errors, "model.onnx: node 'y' (Loop): the subgraph has 2 inputs, expected 3\n");
  outcome = import(makeLoop("g (int64 m, float[3] a) => (float[3] y) { y = Loop(m, , a) }",
                            "b (int64 i, bool c, float[3] x) => (bool d, int64 z) "
                            "{ d = Identity(c) z = Identity(i) }"));
  EXPECT_EQ(outcome.errors, "model.onnx: node 'y' (Loop): carried value 0 starts as "
                            "'tensor<3xf32>', but becomes 'tensor<i64>'\n");
  outcome = import(makeLoop("g (int64 m, float[3] a) => (float[3] y) { y = Loop(m, , a) }",
                            "b (int64 i, bool c, float[3] x) => (bool d) { d = Identity(c) }"));
  EXPECT_EQ(outcome.errors,
            "model.onnx: node 'y' (Loop): the body has 1 outputs, but needs at least 2\n");
}

TEST(ScanTest, BecomesALoop) {
  onnx::ModelProto model =
      makeLoop("g (float[3] a, float[2, 5, 7] x) => (float[3] y, float[2, 7, 5] s) "
               "{ y, s = Scan<num_scan_inputs = 1, scan_input_axes = [1], scan_output_axes = [-1], "
               "scan_input_directions = [1], scan_output_directions = [1]>(a, x) }",
               "b (float[3] h, float[2, 7] e) => (float[3] k, float[2, 7] t) "
               "{ k = Identity(h) t = Identity(e) }");
  Outcome outcome = import(model);
  ASSERT_TRUE(outcome.succeeded) << outcome.errors;
  EXPECT_TRUE(contains(outcome.text, "} : tensor<3xf32>, tensor<5x2x7xf32>")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "steps = array<i64: -1, 1, 1>")) << outcome.text;
  EXPECT_TRUE(contains(outcome.text, "permutation = array<i64: 1, 2, 0>")) << outcome.text;
}

TEST(ScanTest, NamesWhatIsWrong) {
  onnx::ModelProto model =
      makeLoop("g (float[5] x, float[6] w) => (float[5] s) { s = Scan<num_scan_inputs = 2>(x, w) }",
               "b (float e, float f) => (float t) { t = Identity(e) }");
  EXPECT_EQ(import(model).errors, "model.onnx: node 's' (Scan): inputs are scanned over different "
                                  "lengths: 'tensor<5xf32>' and 'tensor<6xf32>'\n");
  model.mutable_graph()->mutable_node(0)->mutable_attribute(0)->set_i(3);
  EXPECT_EQ(import(model).errors,
            "model.onnx: node 's' (Scan): attribute 'num_scan_inputs': 3 does "
            "not fit 2 inputs and 1 outputs of the body\n");
}

} // namespace
