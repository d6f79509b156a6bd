// Additions of shortcuts that read f32 instead of bytes.

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

} // namespace

std::unique_ptr<Repair> makeFullShortcuts() { return std::make_unique<FullShortcuts>(); }

} // namespace tenon::quantize
