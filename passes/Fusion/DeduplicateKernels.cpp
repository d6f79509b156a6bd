// Keeps one of several equal kernels, so that compile time and code size follow the number of
// distinct kernels. Equality is that of the printed form, which holds all that matters and no names
// of values or locations.

#include "dialects/Tenon/TenonDialect.h"
#include "passes/Fusion/Passes.h"
#include "llvm/ADT/StringMap.h"

namespace tenon {

#define GEN_PASS_DEF_DEDUPLICATEKERNELSPASS
#include "passes/Fusion/Passes.h.inc"

using namespace mlir;

static std::string printWithoutName(KernelOp kernel) {
  std::string name = kernel.getSymName().str(), text;
  kernel.setSymName("kernel");
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope().elideLargeElementsAttrs(1 << 16));
  kernel.setSymName(name);
  return text;
}

namespace {

struct DeduplicateKernels : impl::DeduplicateKernelsPassBase<DeduplicateKernels> {
  void runOnOperation() override {
    llvm::StringMap<StringAttr> first;
    llvm::DenseMap<StringAttr, StringAttr> replacement;
    for (KernelOp kernel : llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      auto [entry, isNew] = first.try_emplace(printWithoutName(kernel), kernel.getSymNameAttr());
      if (isNew)
        continue;
      replacement[kernel.getSymNameAttr()] = entry->second;
      kernel.erase();
      ++numRemoved;
    }
    getOperation().walk([&](LaunchOp launch) {
      if (StringAttr name = replacement.lookup(launch.getKernelAttr().getAttr()))
        launch.setKernelAttr(FlatSymbolRefAttr::get(name));
    });
  }
};

} // namespace

} // namespace tenon
