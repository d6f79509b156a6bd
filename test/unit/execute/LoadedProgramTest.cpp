// Programs that run in this process: inputs and results, what is refused, and how long it takes.
#include "test/unit/execute/TestPrograms.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;

namespace {

using LoadedProgramTest = ExecuteTest;

constexpr StringLiteral kAdd = R"(
  func.func @main(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2x3xf32> {
    %0 = tenon.add %x, %y : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  })";

constexpr StringLiteral kDouble = R"(
  func.func @main(%x: tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>)
      -> tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>> attributes {tenon.symbols = ["rows"]} {
    %0 = tenon.add %x, %x : (tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>, tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>) -> tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>
    return %0 : tensor<?x2xf32, affine_map<()[s0] -> (s0, 2)>>
  })";

constexpr StringLiteral kProduct = R"(
  func.func @main(%x: tensor<96x200xf32>, %y: tensor<200x150xf32>) -> tensor<96x150xf32> {
    %0 = tenon.matmul %x, %y : (tensor<96x200xf32>, tensor<200x150xf32>) -> tensor<96x150xf32>
    %1 = tenon.tanh %0 : (tensor<96x150xf32>) -> tensor<96x150xf32>
    return %1 : tensor<96x150xf32>
  })";

TEST_F(LoadedProgramTest, ResultsAreThoseOfTheInputs) {
  LoadedProgram program = load(kAdd);
  for (float first : {1.0f, 10.0f}) {
    auto results =
        program.run(list(floats({2, 3}, {first, 2, 3, 4, 5, 6}), floats({3}, {1, 2, 3})));
    ASSERT_TRUE(bool(results)) << toString(results.takeError());
    ASSERT_EQ(results->size(), 1u);
    EXPECT_EQ((*results)[0].type, program.getType().getResult(0));
    EXPECT_EQ(floatsOf((*results)[0]), (std::vector<float>{first + 1, 4, 6, 5, 7, 9}));
  }
}

TEST_F(LoadedProgramTest, NarrowElementsAreBytes) {
  LoadedProgram program = load(R"(
    func.func @main(%x: tensor<5xi4>) -> tensor<5xi4> {
      %0 = tenon.neg %x : (tensor<5xi4>) -> tensor<5xi4>
      return %0 : tensor<5xi4>
    })");
  HostTensor input =
      HostTensor::allocate(cast<mlir::RankedTensorType>(program.getType().getInput(0)));
  ASSERT_EQ(input.bytes.getData().size(), 5u);
  llvm::copy(std::array<char, 5>{1, -2, 7, 0, -7}, input.bytes.getMutableData().begin());
  std::vector<HostTensor> inputs;
  inputs.push_back(std::move(input));
  auto results = program.run(inputs);
  ASSERT_TRUE(bool(results)) << toString(results.takeError());
  ArrayRef<char> bytes = (*results)[0].bytes.getData();
  EXPECT_EQ(std::vector<char>(bytes.begin(), bytes.end()), (std::vector<char>{-1, 2, -7, 0, 7}));
}

TEST_F(LoadedProgramTest, ARunTellsSizes) {
  LoadedProgram program = load(kDouble);
  for (int64_t rows : {1, 4, 2}) {
    std::vector<float> values(rows * 2, 3.0f), doubled(rows * 2, 6.0f);
    auto results = program.run(list(floats({rows, 2}, values)));
    ASSERT_TRUE(bool(results)) << toString(results.takeError());
    EXPECT_EQ((*results)[0].type.getShape(), ArrayRef<int64_t>({rows, 2}));
    EXPECT_EQ(floatsOf((*results)[0]), doubled);
  }
}

TEST_F(LoadedProgramTest, ResultsDoNotDependOnThreads) {
  LoadedProgram program = load(kProduct);
  std::vector<float> x(96 * 200), y(200 * 150);
  for (auto [number, value] : enumerate(x))
    value = 0.01f * (number % 31) - 0.1f;
  for (auto [number, value] : enumerate(y))
    value = 0.02f * (number % 17) - 0.2f;
  std::vector<HostTensor> inputs = list(floats({96, 200}, x), floats({200, 150}, y));
  std::vector<float> expected;
  for (int32_t threads : {1, 3, 0}) {
    auto results = program.run(inputs, {threads});
    ASSERT_TRUE(bool(results)) << toString(results.takeError());
    if (threads == 1)
      expected = floatsOf((*results)[0]);
    EXPECT_EQ(floatsOf((*results)[0]), expected) << threads << " threads";
  }
}

TEST_F(LoadedProgramTest, InputsThatDoNotFitAreRefused) {
  LoadedProgram program = load(kAdd);
  auto errorOf = [&](std::vector<HostTensor> inputs) {
    auto results = program.run(inputs);
    return results ? "" : toString(results.takeError());
  };
  HostTensor y = floats({3}, {1, 2, 3});
  EXPECT_EQ(errorOf(list(y)), "1 inputs given, model 'program' has 2");
  auto pair = [&](HostTensor x) { return list(std::move(x), floats({3}, {1, 2, 3})); };
  std::vector<int32_t> integers(6);
  EXPECT_EQ(errorOf(pair(tensor<int32_t>({2, 3}, mlir::IntegerType::get(&context, 32), integers))),
            "input 0 '' is int32, expected float");
  EXPECT_EQ(errorOf(pair(floats({3, 2}, std::vector<float>(6)))),
            "input 0 '': dimension 0 is 3, expected 2");
  EXPECT_EQ(errorOf(pair(floats({6}, std::vector<float>(6)))),
            "input 0 '' has 1 dimensions, expected 2");
  // The program is as good as before.
  EXPECT_EQ(errorOf(pair(floats({2, 3}, std::vector<float>(6)))), "");
}

TEST_F(LoadedProgramTest, ARefusedValueNamesTheNode) {
  LoadedProgram program = load(R"(
    func.func @main(%x: tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<2xf32>
        attributes {tenon.symbols = ["n"]} {
      tenon.require equal affine_map<()[s0] -> (s0, 2)>, "sizes" loc(fused<"Add">["add_1"("model.onnx":0:0)])
      %0 = tenon.slice %x {starts = affine_map<() -> (0)>, steps = array<i64: 1>} : (tensor<?xf32, affine_map<()[s0] -> (s0)>>) -> tensor<2xf32>
      return %0 : tensor<2xf32>
    })");
  auto results = program.run(list(floats({3}, {1, 2, 3})));
  ASSERT_FALSE(bool(results));
  EXPECT_EQ(toString(results.takeError()),
            "model 'program': node 'add_1' (Add): sizes 3 and 2 differ: they must be equal");
}

TEST_F(LoadedProgramTest, AnErrorOfTheCompilerNamesTheNode) {
  std::string error = loadError(R"(
    func.func @main(%x: tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string> {
      %0 = tenon.reshape %x : (tensor<2x!tenon.string>) -> tensor<2x1x!tenon.string> loc(fused<"Reshape">["names"("model.onnx":0:0)])
      return %0 : tensor<2x1x!tenon.string>
    })");
  EXPECT_NE(
      error.find("model.onnx: node 'names' (Reshape): holds elements for which cpu:native has "
                 "no code: 'tensor<2x1x!tenon.string>'"),
      std::string::npos)
      << error;
  EXPECT_EQ(loadError("func.func private @other()"), "the module has no function 'main'");
}

// What a tuner runs: one kernel with a schedule of its own, for a target of its own.
TEST_F(LoadedProgramTest, KernelsRunAsTheirScheduleSays) {
  LoadOptions options;
  options.stage = Stage::Kernels;
  for (StringRef schedule : {"lanes = 8, tile_rows = 4", "lanes = 8, tile_vectors = 2"}) {
    std::string text = (R"(
      module attributes {tenon.target = #cpu.target<name = "x86-64-v3", features = ["avx2", "fma"]>} {
        func.func @main(%x: tensor<4x2xf32>, %y: tensor<2x3xf32>) -> tensor<4x3xf32> {
          %0 = tenon.launch @product(%x, %y) : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
          return %0 : tensor<4x3xf32>
        }
        tenon.kernel @product(%x: tensor<4x2xf32>, %y: tensor<2x3xf32>) -> tensor<4x3xf32>
            attributes {strategy = "contraction", schedule = #cpu.contraction_schedule<)" +
                        schedule + R"(>} {
          %0 = tenon.matmul %x, %y : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
          tenon.yield %0 : tensor<4x3xf32>
        }
      })")
                           .str();
    LoadedProgram program = load(text, options);
    auto results = program.run(
        list(floats({4, 2}, {1, 0, 0, 1, 1, 1, 2, 0}), floats({2, 3}, {1, 2, 3, 4, 5, 6})));
    ASSERT_TRUE(bool(results)) << toString(results.takeError());
    EXPECT_EQ(floatsOf((*results)[0]), (std::vector<float>{1, 2, 3, 4, 5, 6, 5, 7, 9, 2, 4, 6}));
  }
}

TEST_F(LoadedProgramTest, AMeasurementTellsEachKernelsTime) {
  LoadedProgram program = load(kProduct);
  std::vector<HostTensor> inputs = list(floats({96, 200}, std::vector<float>(96 * 200, 0.5f)),
                                        floats({200, 150}, std::vector<float>(200 * 150, 0.25f)));
  MeasureOptions options;
  options.runs = 5;
  for (int32_t threads : {1, 2}) {
    options.run.threads = threads;
    auto measured = program.measure(inputs, options);
    ASSERT_TRUE(bool(measured)) << toString(measured.takeError());
    EXPECT_EQ(measured->runs, 5);
    EXPECT_GT(measured->best, 0);
    EXPECT_GE(measured->total, 5 * measured->best);
    ASSERT_EQ(measured->kernels.size(), 1u);
    const KernelTime &kernel = measured->kernels[0];
    EXPECT_EQ(kernel.name, "matmul_tanh");
    EXPECT_EQ(kernel.calls, 5);
    EXPECT_GT(kernel.best, 0);
    EXPECT_LE(5 * kernel.best, kernel.total);
    EXPECT_LE(kernel.total, measured->total);
  }
}

TEST_F(LoadedProgramTest, WhatARunRefusesIsNotMeasured) {
  LoadedProgram program = load(kAdd);
  auto measured = program.measure({});
  ASSERT_FALSE(bool(measured));
  EXPECT_EQ(toString(measured.takeError()), "0 inputs given, model 'program' has 2");
}

} // namespace
