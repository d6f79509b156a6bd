// What rules ask of nodes (see the header).

#include "lib/Prune/NodeView.h"
#include "llvm/ADT/Sequence.h"
#include <cstring>

using namespace llvm;

namespace tenon {

StringRef getNodeName(const onnx::NodeProto &node) {
  return node.name().empty() && node.output_size() ? StringRef(node.output(0))
                                                   : StringRef(node.name());
}

std::string NodeView::describe() const {
  return ("'" + getNodeName(node) + "' (" + getType() + ")").str();
}

ArrayRef<int64_t> NodeView::getDims(StringRef value) const {
  auto type = types.find(value);
  return type == types.end() ? ArrayRef<int64_t>() : ArrayRef<int64_t>(type->second.dims);
}

int64_t NodeView::getSize(StringRef value, int64_t axis) const {
  ArrayRef<int64_t> dims = getDims(value);
  int64_t rank = dims.size();
  if (axis < 0)
    axis += rank;
  return axis < 0 || axis >= rank ? -1 : dims[axis];
}

std::optional<SmallVector<int64_t>> NodeView::readIntegers(StringRef value) const {
  if (value.empty() || !isConstant(value))
    return std::nullopt;
  Expected<Tensor> tensor = editor.readConstant(value);
  if (!tensor) {
    consumeError(tensor.takeError());
    return std::nullopt;
  }
  if (tensor->dtype != TENON_INT64 && tensor->dtype != TENON_INT32)
    return std::nullopt;
  SmallVector<int64_t> integers;
  for (int64_t index : seq(tensor->numElements())) {
    // Ends of slices are often the largest integer, which no double holds.
    int64_t wide = 0;
    if (tensor->dtype == TENON_INT64)
      std::memcpy(&wide, tensor->bytes.data() + 8 * index, 8);
    else
      wide = static_cast<int64_t>(tensor->element(index));
    integers.push_back(wide);
  }
  return integers;
}

} // namespace tenon
