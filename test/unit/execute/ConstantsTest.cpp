// Constants in and out of programs: their bytes, large ones as resources, and folding by running.
#include "dialects/Tenon/TenonDialect.h"
#include "lib/Execute/EvaluateConstants.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Pass/PassManager.h"
#include "test/unit/execute/TestPrograms.h"

using namespace llvm;
using namespace tenon;
using namespace tenon::testing;
using namespace mlir;

namespace {

class ConstantsTest : public ExecuteTest {
protected:
  /// The constant in text form, or its parsed form.
  ElementsAttr constant(StringRef text) {
    return cast<ElementsAttr>(parseAttribute(text, &context));
  }

  /// A resource of this many numbers, all of them `value`.
  ElementsAttr resource(int64_t count, float value) {
    auto type = RankedTensorType::get({count}, Float32Type::get(&context));
    return DenseResourceElementsAttr::get(
        type, "weights",
        HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef(std::vector<float>(count, value))));
  }

  void fold(ModuleOp module) {
    PassManager passes(&context);
    passes.addPass(createFoldConstantsPass(makeConstantEvaluator(1)));
    ASSERT_TRUE(succeeded(passes.run(module)));
  }

  /// What the one function of a module returns.
  static Value resultOf(ModuleOp module) {
    return module.lookupSymbol<func::FuncOp>("main").getBody().front().getTerminator()->getOperand(
        0);
  }
};

template <typename T> std::vector<T> valuesOf(const HostTensor &tensor) {
  return tensor.bytes.getDataAs<T>().vec();
}

TEST_F(ConstantsTest, BytesAreRowMajorWithABytePerBoolean) {
  EXPECT_EQ(
      valuesOf<int16_t>(*HostTensor::get(constant("dense<[[1, 2], [3, 4]]> : tensor<2x2xi16>"))),
      (std::vector<int16_t>{1, 2, 3, 4}));
  EXPECT_EQ(valuesOf<float>(*HostTensor::get(constant("dense<2.5> : tensor<3xf32>"))),
            (std::vector<float>{2.5, 2.5, 2.5}));
  EXPECT_EQ(valuesOf<char>(*HostTensor::get(constant("dense<[true, false, true]> : tensor<3xi1>"))),
            (std::vector<char>{1, 0, 1}));
  EXPECT_EQ(valuesOf<char>(*HostTensor::get(constant("dense<true> : tensor<2xi1>"))),
            (std::vector<char>{1, 1}));
  EXPECT_TRUE(valuesOf<char>(*HostTensor::get(constant("dense<> : tensor<0xf32>"))).empty());
  EXPECT_TRUE(failed(HostTensor::get(constant(R"(dense<["a"]> : tensor<1x!tenon.string>)"))));
}

TEST_F(ConstantsTest, ConstantsBecomeTensorsAndComeBack) {
  for (StringRef text :
       {"dense<[[1, 2], [3, 4]]> : tensor<2x2xi16>", "dense<[true, false]> : tensor<2xi1>",
        "dense<[1.0, -2.0]> : tensor<2xf16>", "dense<[1, 255]> : tensor<2xui8>"})
    EXPECT_EQ(std::move(*HostTensor::get(constant(text))).takeConstant(), constant(text));
}

TEST_F(ConstantsTest, LargeConstantsAreNotCopied) {
  ElementsAttr weights = resource(1000, 1.0f);
  const char *data =
      cast<DenseResourceElementsAttr>(weights).getRawHandle().getBlob()->getData().data();
  EXPECT_EQ(HostTensor::get(weights)->bytes.getData().data(), data);

  HostTensor result = floats({1000}, std::vector<float>(1000, 2.0f));
  data = result.bytes.getData().data();
  auto kept = cast<DenseResourceElementsAttr>(std::move(result).takeConstant());
  EXPECT_EQ(kept.getRawHandle().getBlob()->getData().data(), data);
}

TEST_F(ConstantsTest, ProgramsReadLargeConstants) {
  OwningOpRef<ModuleOp> module = parse(R"(
    func.func @main(%x: tensor<1000xf32>) -> tensor<1000xf32> {
      %w = tenon.constant dense<0.0> : tensor<1000xf32>
      %0 = tenon.mul %x, %w : (tensor<1000xf32>, tensor<1000xf32>) -> tensor<1000xf32>
      return %0 : tensor<1000xf32>
    })");
  module->walk([&](ConstantOp op) { op.setValueAttr(resource(1000, 3.0f)); });
  LoadedProgram program = cantFail(LoadedProgram::load(*module));
  auto results = program.run(list(floats({1000}, std::vector<float>(1000, 2.0f))));
  ASSERT_TRUE(bool(results)) << toString(results.takeError());
  EXPECT_EQ(floatsOf((*results)[0]), std::vector<float>(1000, 6.0f));
}

TEST_F(ConstantsTest, FoldingGivesSmallResultsAsElementsAndLargeOnesAsResources) {
  OwningOpRef<ModuleOp> module = parse(R"(
    func.func @main() -> tensor<2xf32> {
      %a = tenon.constant dense<[1.0, 2.0]> : tensor<2xf32>
      %b = tenon.constant dense<[0.5, 0.25]> : tensor<2xf32>
      %0 = tenon.mul %a, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      %1 = tenon.add %0, %b : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
      return %1 : tensor<2xf32>
    })");
  fold(*module);
  auto folded = resultOf(*module).getDefiningOp<ConstantOp>();
  ASSERT_TRUE(folded);
  EXPECT_EQ(folded.getValue(), constant("dense<[1.0, 0.75]> : tensor<2xf32>"));

  module = parse(R"(
    func.func @main() -> tensor<600xf32> {
      %a = tenon.constant dense<0.0> : tensor<600xf32>
      %0 = tenon.exp %a : (tensor<600xf32>) -> tensor<600xf32>
      return %0 : tensor<600xf32>
    })");
  fold(*module);
  folded = resultOf(*module).getDefiningOp<ConstantOp>();
  ASSERT_TRUE(folded && isa<DenseResourceElementsAttr>(folded.getValue()));
  EXPECT_EQ(valuesOf<float>(*HostTensor::get(folded.getValue())), std::vector<float>(600, 1.0f));
}

TEST_F(ConstantsTest, AProgramThatWasSeenBeforeDoesNotRunAgain) {
  ConstantEvaluator evaluate = makeConstantEvaluator(1);
  // A result that was computed again would be another resource.
  auto run = [&](StringRef op) {
    std::string text = (R"(
      func.func @main() -> tensor<600xf32> {
        %a = tenon.constant dense<0.5> : tensor<600xf32>
        %0 = tenon.)" + op +
                        R"( %a : (tensor<600xf32>) -> tensor<600xf32>
        return %0 : tensor<600xf32>
      })")
                           .str();
    FailureOr<SmallVector<ElementsAttr>> results = evaluate(*parse(text));
    return succeeded(results) ? results->front() : ElementsAttr();
  };
  ElementsAttr first = run("exp");
  ASSERT_TRUE(first);
  EXPECT_EQ(run("exp"), first);
  EXPECT_NE(run("neg"), first);
  EXPECT_EQ(valuesOf<float>(*HostTensor::get(run("neg"))), std::vector<float>(600, -0.5f));
}

} // namespace
