// See the header.

#include "lib/Prune/AddedBiases.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

/// Empty where there is none.
StringRef AddedBiases::getBias(const WeightedSum &sum) const {
  bool isThere = sum.biasOperand >= 0 && sum.biasOperand < sum.node->input_size();
  return isThere ? StringRef(sum.node->input(sum.biasOperand)) : StringRef();
}

bool AddedBiases::canAdd(const WeightedSum &sum) {
  const Tensor *weights = cache.find(sum.weights);
  if (!weights || !isFloatingPoint(weights->dtype) || sum.weightsOut < 0)
    return false;
  // Where weights are quantized, a bias has their scales and stays as it is.
  if (!editor.isConstant(sum.weights))
    return false;
  if (sum.node->op_type() == "Gemm" && getFloat(*sum.node, "beta", 1) != 1)
    return false;
  StringRef name = getBias(sum);
  if (name.empty())
    return true;
  const Tensor *bias = editor.isConstant(name) ? cache.find(name) : nullptr;
  return bias && !bias->dims.empty() &&
         bias->numElements() == sets.getAxes(sum.result)[sum.resultAxis].size &&
         bias->dims.back() == bias->numElements();
}

MutableArrayRef<double> AddedBiases::get(const WeightedSum &sum) {
  std::vector<double> &numbers = added[&sum];
  numbers.resize(sets.getAxes(sum.result)[sum.resultAxis].size);
  return numbers;
}

Error AddedBiases::write(const BitVector &removed) {
  for (auto &[sum, numbers] : added)
    if (Error error = write(*sum, numbers, removed))
      return error;
  return Error::success();
}

/// The constant vector that the only reader of a product adds to its results; empty if there is
/// none.
StringRef AddedBiases::findAddedVector(const WeightedSum &sum) const {
  ArrayRef<ModelEditor::Use> uses = editor.getUses(sum.result);
  if (uses.size() != 1 || uses.front().node->op_type() != "Add" || editor.isOutput(sum.result) ||
      editor.isReadBySubgraph(sum.result))
    return {};
  StringRef other = uses.front().node->input(1 - uses.front().operand);
  const Tensor *vector = cache.find(other);
  int64_t size = sets.getAxes(sum.result)[sum.resultAxis].size;
  bool fits = vector && isFloatingPoint(vector->dtype) && vector->numElements() == size &&
              !vector->dims.empty() && vector->dims.back() == size &&
              static_cast<size_t>(sum.resultAxis) + 1 == sets.getAxes(sum.result).size();
  return fits ? other : StringRef();
}

/// Whether a constant is what one operand reads, and nothing else.
bool AddedBiases::isReadOnce(StringRef constant) const {
  return editor.isConstant(constant) && editor.getUses(constant).size() == 1 &&
         !editor.isReadBySubgraph(constant) && !editor.isOutput(constant);
}

Error AddedBiases::write(const WeightedSum &sum, ArrayRef<double> numbers,
                         const BitVector &removed) {
  StringRef known = sum.biasOperand >= 0 ? getBias(sum) : findAddedVector(sum);
  if (isReadOnce(known)) {
    Tensor changed = *cache.find(known);
    for (auto [index, number] : enumerate(numbers))
      changed.setElement(index, changed.element(index) + number);
    editor.setConstant(known, changed);
    return Error::success();
  }
  return writeNew(sum, numbers, removed);
}

Error AddedBiases::writeNew(const WeightedSum &sum, ArrayRef<double> numbers,
                            const BitVector &removed) {
  auto &node = const_cast<onnx::NodeProto &>(*sum.node); // of `editor`
  const Tensor *bias = cache.find(getBias(sum));
  Axis results = sets.getAxes(sum.result)[sum.resultAxis];
  SmallVector<double> kept;
  for (int64_t position : seq(results.size))
    if (!removed[sets.find(results.first + position)])
      kept.push_back((bias ? bias->element(position) : 0) + numbers[position]);
  Expected<Tensor> tensor = Tensor::create(cache.find(sum.weights)->dtype, {int64_t(kept.size())});
  if (!tensor)
    return tensor.takeError();
  for (auto [index, value] : enumerate(kept))
    tensor->setElement(index, value);
  std::string name = editor.addConstant(getNodeName(node).str() + "_bias", *tensor);
  types[name] = {tensor->dtype, {int64_t(kept.size())}};
  if (sum.biasOperand >= 0) {
    editor.setOperand(node, sum.biasOperand, name);
    return Error::success();
  }
  std::string result = sum.result.str(), inner = editor.makeName(result);
  types[inner] = types[result];
  editor.renameResult(node, 0, inner);
  editor.addNode("Add", getNodeName(node).str() + "_add", {inner, name}, {result});
  return Error::success();
}

} // namespace tenon
