// Halves are widened as the target says: not at all where it computes with them.
#include "dialects/Target/Cpu/CpuDialect.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Graph/Passes.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace tenon;

namespace {

/// A device, in the place of a unit attribute: it computes with bf16 as it is, and with f16 in f32.
struct HalfTarget : TargetAttrInterface::ExternalModel<HalfTarget, UnitAttr> {
  std::string getTargetName(Attribute) const { return "test:half"; }
  SmallVector<MmaAttrInterface> getMmas(Attribute) const { return {}; }
  Type getComputeType(Attribute, Type element) const {
    return element.isF16() ? Float32Type::get(element.getContext()) : element;
  }
  Attribute getHost(Attribute target) const { return target; }
};

class WidenHalvesTest : public testing::Test {
protected:
  WidenHalvesTest() {
    context.loadDialect<TenonDialect, cpu::CpuDialect, func::FuncDialect>();
    UnitAttr::attachInterface<HalfTarget>(context);
  }

  /// The types of the results of the ops named `name`, after the pass.
  std::vector<Type> widen(StringRef text, Attribute target, StringRef name) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
    (*module)->setAttr(kTargetAttrName, target);
    PassManager passes(&context);
    passes.addNestedPass<func::FuncOp>(createWidenHalvesPass());
    EXPECT_TRUE(succeeded(passes.run(*module)));
    std::vector<Type> types;
    module->walk([&](Operation *op) {
      if (op->getName().getStringRef() == name)
        types.push_back(getElementTypeOrSelf(op->getResult(0)));
    });
    return types;
  }

  Attribute onCpu() { return llvm::cantFail(cpu::lookupTarget("x86-64-v3", &context)); }
  Attribute onDevice() { return UnitAttr::get(&context); }

  MLIRContext context;
};

TEST_F(WidenHalvesTest, TheTargetSaysInWhichTypeItComputes) {
  constexpr llvm::StringLiteral text = R"(
    func.func @main(%x: tensor<4xf16>, %y: tensor<4xbf16>) -> (tensor<4xf16>, tensor<4xbf16>) {
      %0 = tenon.exp %x : (tensor<4xf16>) -> tensor<4xf16>
      %1 = tenon.exp %y : (tensor<4xbf16>) -> tensor<4xbf16>
      return %0, %1 : tensor<4xf16>, tensor<4xbf16>
    })";
  Builder b(&context);
  EXPECT_EQ(widen(text, onCpu(), "tenon.exp"), (std::vector<Type>{b.getF32Type(), b.getF32Type()}));
  EXPECT_EQ(widen(text, onDevice(), "tenon.exp"),
            (std::vector<Type>{b.getF32Type(), b.getBF16Type()}));
}

// What is multiplied by halves is widened, and the result is rounded; weights stay.
TEST_F(WidenHalvesTest, WeightsStayHalves) {
  constexpr llvm::StringLiteral text = R"(
    func.func @main(%x: tensor<10x4xf16>) -> tensor<10x8xf16> {
      %w = tenon.constant dense<0.5> : tensor<4x8xf16>
      %0 = tenon.matmul %x, %w : (tensor<10x4xf16>, tensor<4x8xf16>) -> tensor<10x8xf16>
      return %0 : tensor<10x8xf16>
    })";
  Builder b(&context);
  for (Attribute target : {onCpu(), onDevice()})
    EXPECT_EQ(widen(text, target, "tenon.cast"),
              (std::vector<Type>{b.getF32Type(), b.getF16Type()}));
}

} // namespace
