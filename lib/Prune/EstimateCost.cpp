// What a model costs, from its products and the bytes that it moves. It tells how a smaller model
// compares with a larger one, not how long either takes.

#include "include/tenon/runtime.h"
#include "lib/Prune/ChooseChannels.h"
#include "lib/Prune/EinsumEquation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

/// How many products a processor's core computes while it reads or writes a byte that is in its
/// caches.
static constexpr double kProductsPerByte = 1;

namespace {
class Estimate {
public:
  Estimate(const ModelEditor &editor, const ValueTypes &types, const ChannelSets &sets,
           const BitVector &removed)
      : editor(editor), types(types), sets(sets), removed(removed) {}

  double run() const {
    double cost = 0;
    for (const onnx::NodeProto &node : editor.graph().node()) {
      NodeView view(editor, types, node);
      double bytes = 0;
      for (const auto &values : {node.input(), node.output()})
        for (const std::string &value : values)
          bytes += getBytes(value);
      cost += std::max(countProducts(view), bytes * kProductsPerByte);
    }
    return cost;
  }

private:
  /// Unknown sizes count once: they are the same before and after.
  double getKeptSize(StringRef value, int64_t axis) const {
    ArrayRef<Axis> axes = sets.getAxes(value);
    if (axis < 0)
      axis += axes.size();
    if (axis < 0 || axis >= static_cast<int64_t>(axes.size()) || !axes[axis])
      return 1;
    Axis each = axes[axis];
    return count_if(seq(each.first, each.first + each.size),
                    [&](int64_t channel) { return !removed[sets.find(channel)]; });
  }

  double countElements(StringRef value) const {
    double count = 1;
    for (size_t axis : seq(sets.getAxes(value).size()))
      count *= getKeptSize(value, axis);
    return sets.hasValue(value) ? count : 0;
  }

  double getBytes(StringRef value) const {
    auto type = types.find(value);
    return type == types.end() ? 0
                               : countElements(value) * tenon_dtype_bits(type->second.dtype) / 8;
  }

  double countProducts(const NodeView &view) const {
    StringRef type = view.getType(), result = view.getOutput(0);
    bool hasScales = type == "QLinearConv" || type == "QLinearMatMul";
    StringRef weights = view.getInput(hasScales ? 3 : 1);
    if (type == "Conv" || type == "FusedConv" || type == "QLinearConv" || type == "ConvInteger")
      return countElements(result) * countElements(weights) / getKeptSize(weights, 0);
    if (type == "ConvTranspose")
      return countElements(view.getInput(0)) * countElements(weights) / getKeptSize(weights, 0);
    if (type == "MatMul" || type == "QLinearMatMul" || type == "MatMulInteger")
      return countElements(result) * getKeptSize(view.getInput(0), -1);
    if (type == "Gemm")
      return countElements(result) *
             getKeptSize(weights, getInt(view.getNode(), "transB", 0) ? 1 : 0);
    return type == "Einsum" ? countEinsumProducts(view) : 0;
  }

  /// One for each combination of its labels.
  double countEinsumProducts(const NodeView &view) const {
    auto equation = EinsumEquation::parse(getString(view.getNode(), "equation", ""));
    if (!equation)
      return 0;
    double products = 1;
    std::string counted;
    for (auto [number, term] : enumerate(equation->operands))
      for (auto [axis, label] : enumerate(term))
        if (!is_contained(counted, label)) {
          products *= getKeptSize(view.getInput(number), axis);
          counted += label;
        }
    return products;
  }

  const ModelEditor &editor;
  const ValueTypes &types;
  const ChannelSets &sets;
  const BitVector &removed;
};
} // namespace

double estimateCost(const ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                    const BitVector &removed) {
  return Estimate(editor, types, groups.getSets(), removed).run();
}

} // namespace tenon
