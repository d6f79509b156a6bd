// Norms of slices of weights, each constant read once (see the header).

#include "lib/Prune/Importance.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace llvm;

namespace tenon {

std::optional<Importance> parseImportance(StringRef text) {
  return StringSwitch<std::optional<Importance>>(text)
      .Case("l1", Importance::L1)
      .Case("l2", Importance::L2)
      .Case("bn", Importance::BatchNorm)
      .Case("activation", Importance::Activation)
      .Default(std::nullopt);
}

/// Adds the norm of each slice on an axis to `norms`.
static void addNorms(const Tensor &tensor, size_t axis, Importance importance,
                     MutableArrayRef<double> norms) {
  int64_t inner = 1, size = tensor.dims[axis], count = tensor.numElements();
  for (int64_t each : ArrayRef(tensor.dims).drop_front(axis + 1))
    inner *= each;
  auto add = [&](auto read) {
    for (int64_t element : seq(count)) {
      double value = std::fabs(read(element));
      norms[element / inner % size] += importance == Importance::L2 ? value * value : value;
    }
  };
  if (tensor.dtype == TENON_FLOAT)
    add([data = reinterpret_cast<const float *>(tensor.bytes.data())](int64_t i) {
      return data[i];
    });
  else
    add([&](int64_t i) { return tensor.element(i); });
}

/// Scales of batch normalizations, or all weights of products: what is no vector.
static bool isJudged(const ModelEditor &editor, StringRef value, int64_t rank,
                     Importance importance) {
  if (importance != Importance::BatchNorm)
    return rank >= 2;
  return any_of(editor.getUses(value), [](const ModelEditor::Use &use) {
    return use.node->op_type() == "BatchNormalization" && use.operand == 1;
  });
}

Expected<std::vector<std::vector<double>>>
measureImportance(const ModelEditor &editor, const ChannelGroups &groups, Importance importance) {
  if (importance == Importance::Activation)
    return makeError(editor.getName() + ": what channels add to sums needs samples to tell");
  const ChannelSets &sets = groups.getSets();
  std::vector<double> norms(sets.size());
  StringMap<Tensor> constants;
  Error error = Error::success();
  sets.forEachAxis([&](const ChannelSets::Place &place, Axis axis) {
    if (error || !editor.isConstant(place.value) || axis.size == 0 || sets.isPinned(axis) ||
        !isJudged(editor, place.value, sets.getAxes(place.value).size(), importance))
      return;
    // Axes of one value follow each other.
    if (!constants.contains(place.value)) {
      constants.clear();
      Expected<Tensor> tensor = editor.readConstant(place.value);
      if (!tensor)
        return (void)(error = joinErrors(std::move(error), tensor.takeError()));
      constants[place.value] = std::move(*tensor);
    }
    addNorms(constants[place.value], place.axis, importance,
             MutableArrayRef(norms).slice(axis.first, axis.size));
  });
  if (error)
    return std::move(error);

  std::vector<std::vector<double>> result;
  bool isJudgedAnywhere = false;
  for (const ChannelGroup &group : groups.getGroups()) {
    std::vector<double> &values = result.emplace_back();
    for (ArrayRef<int64_t> unit : group.units) {
      double sum = 0;
      for (int64_t channel : unit)
        sum += norms[channel];
      isJudgedAnywhere |= sum != 0;
      values.push_back(importance == Importance::L2 ? std::sqrt(sum) : sum);
    }
  }
  if (importance == Importance::BatchNorm && !isJudgedAnywhere && !result.empty())
    return makeError(
        editor.getName() +
        ": no batch normalization scales channels that could be removed; judge them by "
        "l1 or l2");
  return result;
}

} // namespace tenon
