// Repairs that choose other codes for weights: GPTQ and adaptive rounding. Scales of blocks are
// fitted on the way.

#include "lib/Quantize/CodedProducts.h"
#include "lib/Quantize/Rounding.h"

namespace tenon::quantize {

namespace {

/// One of both ways to round.
class RoundingRepair : public Repair {
public:
  llvm::Expected<bool> apply(Recipe &recipe, const RepairContext &context) const override;

protected:
  virtual llvm::ArrayRef<NodePrecision> getPrecisions() const = 0;
  virtual void round(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram,
                     const CodedProduct &product) const = 0;

private:
  llvm::Expected<bool> changeWeight(CodedProduct &product) const;
};

class CompensatedRounding : public RoundingRepair {
public:
  llvm::StringRef getName() const override { return "compensated rounding"; }

protected:
  llvm::ArrayRef<NodePrecision> getPrecisions() const override {
    static constexpr NodePrecision narrow[] = {NodePrecision::Int4Weights};
    return narrow;
  }
  void round(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram,
             const CodedProduct &product) const override {
    ScaleGrid grid(product.constant.dims, product.entry);
    fitScales(weight, group, gram, grid, grid.count(product.constant.numElements()));
    roundCompensated(weight, group, gram);
  }
};

class AdaptiveRounding : public RoundingRepair {
public:
  llvm::StringRef getName() const override { return "adaptive rounding"; }

protected:
  llvm::ArrayRef<NodePrecision> getPrecisions() const override {
    static constexpr NodePrecision all[] = {NodePrecision::Int8, NodePrecision::Int8Weights,
                                            NodePrecision::Int4Weights};
    return all;
  }
  void round(CodedWeight &weight, int64_t group, const Eigen::MatrixXf &gram,
             const CodedProduct &) const override {
    roundAdaptively(weight, group, gram);
  }
};

} // namespace

/// Whether the new codes are better on the samples that they were found with.
llvm::Expected<bool> RoundingRepair::changeWeight(CodedProduct &product) const {
  llvm::Expected<CodedWeight> weight =
      CodedWeight::create(product.constant, product.layout, product.entry);
  if (!weight)
    return weight.takeError();
  double before = 0, after = 0;
  for (int64_t group = 0; group < product.layout.groups; ++group) {
    Eigen::MatrixXf gram = product.inputs->getGram(group);
    before += measureResultError(*weight, group, gram);
    round(*weight, group, gram, product);
    after += measureResultError(*weight, group, gram);
  }
  if (!(after < before))
    return false;
  weight->store(product.constant, product.entry);
  product.entry.method = getName().str();
  return true;
}

llvm::Expected<bool> RoundingRepair::apply(Recipe &recipe, const RepairContext &context) const {
  llvm::Expected<std::shared_ptr<ModelFile>> adjusted = context.adjust(recipe);
  if (!adjusted)
    return adjusted.takeError();
  ModelEditor model(*adjusted);
  bool changed = false;
  auto visitor = [&](CodedProduct &product) -> llvm::Error {
    llvm::Expected<bool> result = changeWeight(product);
    if (!result)
      return result.takeError();
    changed |= *result;
    return llvm::Error::success();
  };
  if (llvm::Error error = CodedProducts(model, recipe, context).visit(getPrecisions(), {}, visitor))
    return std::move(error);
  return changed;
}

std::unique_ptr<Repair> makeCompensatedRounding() {
  return std::make_unique<CompensatedRounding>();
}

std::unique_ptr<Repair> makeAdaptiveRounding() { return std::make_unique<AdaptiveRounding>(); }

} // namespace tenon::quantize
