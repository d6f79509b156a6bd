// Another method for the ranges of activations: which one loses least at the outputs differs from
// model to model.

#include "lib/Quantize/Repair.h"

namespace tenon::quantize {

namespace {

class FullShortcuts : public Repair {
public:
  llvm::StringRef getName() const override { return "shortcuts in fp32"; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override {
    return removeShortcuts(recipe, context.plan);
  }
  double getMostNoiseLeft() const override { return 0.5; }
};

class RangeChoice : public Repair {
public:
  explicit RangeChoice(RangeMethod method)
      : method(method), name(("ranges by " + quantize::getName(method)).str()) {}

  llvm::StringRef getName() const override { return name; }
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;

private:
  RangeMethod method;
  std::string name;
};

} // namespace

llvm::Expected<bool> RangeChoice::apply(Recipe &recipe, const RepairContext &context) const {
  ModelEditor model(context.model);
  bool changed = false;
  for (TensorRecipe &entry : recipe.tensors)
    if (!model.isConstant(entry.name) && entry.method != quantize::getName(method)) {
      entry.method = quantize::getName(method).str();
      changed = true;
    }
  if (changed)
    if (llvm::Error error = context.recalibrate(recipe))
      return std::move(error);
  return changed;
}

std::unique_ptr<Repair> makeFullShortcuts() { return std::make_unique<FullShortcuts>(); }

std::unique_ptr<Repair> makeRangeChoice(RangeMethod method) {
  return std::make_unique<RangeChoice>(method);
}

} // namespace tenon::quantize
