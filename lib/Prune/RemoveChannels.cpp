// Slicing and adjusting (see the header).

#include "lib/Prune/RemoveChannels.h"
#include "include/tenon/runtime.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cstring>

using namespace llvm;

namespace tenon {

BitVector selectSets(const ChannelGroups &groups, const ChannelSelection &selection) {
  BitVector removed(groups.getSets().size());
  for (auto [group, units] : zip(groups.getGroups(), selection))
    for (size_t unit : units)
      removed.set(groups.getSets().find(group.units[unit].front()));
  return removed;
}

/// The positions of one axis that stay.
static SmallVector<int64_t> listKept(const ChannelSets &sets, Axis axis, const BitVector &removed) {
  SmallVector<int64_t> kept;
  for (int64_t position : seq(axis.size))
    if (!removed[sets.find(axis.first + position)])
      kept.push_back(position);
  return kept;
}

static Expected<Tensor> takeSlices(const Tensor &tensor, size_t axis, ArrayRef<int64_t> kept) {
  SmallVector<int64_t> dims(tensor.dims.begin(), tensor.dims.end());
  int64_t outer = 1, inner = 1;
  for (int64_t size : ArrayRef(dims).take_front(axis))
    outer *= size;
  for (int64_t size : ArrayRef(dims).drop_front(axis + 1))
    inner *= size;
  int64_t size = dims[axis];
  dims[axis] = kept.size();
  Expected<Tensor> result = Tensor::create(tensor.dtype, dims);
  if (!result)
    return result.takeError();
  int64_t bits = tenon_dtype_bits(tensor.dtype), next = 0;
  for (int64_t block : seq(outer)) {
    for (int64_t position : kept) {
      int64_t from = (block * size + position) * inner;
      if (bits % 8 == 0)
        std::memcpy(result->bytes.data() + next * (bits / 8),
                    tensor.bytes.data() + from * (bits / 8), inner * (bits / 8));
      else
        for (int64_t element : seq(inner))
          result->setElement(next + element, tensor.element(from + element));
      next += inner;
    }
  }
  return *std::move(result);
}

static Error sliceConstants(ModelEditor &editor, const ChannelSets &sets,
                            const BitVector &removed) {
  // Each constant once, though several of its axes may change.
  StringMap<SmallVector<std::pair<int64_t, SmallVector<int64_t>>, 1>> changes;
  sets.forEachAxis([&](const ChannelSets::Place &place, Axis axis) {
    if (!editor.isConstant(place.value))
      return;
    SmallVector<int64_t> kept = listKept(sets, axis, removed);
    if (static_cast<int64_t>(kept.size()) != axis.size)
      changes[place.value].emplace_back(place.axis, std::move(kept));
  });
  for (auto &[name, axes] : changes) {
    Expected<Tensor> tensor = editor.readConstant(name);
    for (auto &[axis, kept] : axes)
      if (tensor)
        tensor = takeSlices(*tensor, axis, kept);
    if (!tensor)
      return tensor.takeError();
    editor.setConstant(name, *tensor);
  }
  return Error::success();
}

/// Declared shapes of values in between follow, and those of weights that are declared as inputs.
static void renewDeclarations(ModelEditor &editor, const ChannelSets &sets,
                              const BitVector &removed) {
  auto renew = [&](auto &declarations) {
    for (onnx::ValueInfoProto &info : declarations) {
      if (!info.type().tensor_type().has_shape())
        continue;
      auto &dims = *info.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim();
      ArrayRef<Axis> axes = sets.getAxes(info.name());
      if (static_cast<int64_t>(axes.size()) != dims.size())
        continue;
      for (auto [axis, dim] : zip(axes, dims))
        if (axis)
          if (size_t kept = listKept(sets, axis, removed).size();
              static_cast<int64_t>(kept) != axis.size)
            dim.set_dim_value(kept);
    }
  };
  renew(*editor.graph().mutable_value_info());
  renew(*editor.graph().mutable_input());
}

Error removeChannels(ModelEditor &editor, const ValueTypes &types, const ChannelGroups &groups,
                     const BitVector &removed) {
  const ChannelSets &sets = groups.getSets();
  renewDeclarations(editor, sets, removed);
  // Rules may add nodes.
  SmallVector<onnx::NodeProto *> nodes;
  for (onnx::NodeProto &node : *editor.graph().mutable_node())
    nodes.push_back(&node);
  for (onnx::NodeProto *node : nodes)
    if (const CouplingRule *rule = CouplingRules::all().find(*node); rule && rule->adjust) {
      Adjuster adjuster(editor, types, *node, sets, removed);
      rule->adjust(adjuster);
    }
  if (Error error = sliceConstants(editor, sets, removed))
    return error;
  editor.removeUnused();
  return editor.sortNodes();
}

} // namespace tenon
