// How rules couple channels (see the header).

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <cstring>
#include <numeric>

using namespace llvm;

namespace tenon {

Axis Coupler::getAxis(StringRef value, int64_t axis) const {
  ArrayRef<Axis> axes = state.sets.getAxes(value);
  if (axis < 0)
    axis += axes.size();
  return axis < 0 || axis >= static_cast<int64_t>(axes.size()) ? Axis() : axes[axis];
}

bool Coupler::isKnown(StringRef value) const {
  return isConstant(value) || state.knownValues.contains(value);
}

void Coupler::unite(Axis axis, Axis other) {
  if (axis.size != other.size) {
    pin(axis, "sizes around " + describe() + " are not known or differ");
    pin(other, "sizes around " + describe() + " are not known or differ");
    return;
  }
  for (int64_t position : seq(std::max<int64_t>(axis.size, 0)))
    unite(axis.first + position, other.first + position);
}

void Coupler::unite(int64_t channel, int64_t other) {
  state.sets.unite(channel, other);
  state.mentioned.set(channel);
  state.mentioned.set(other);
}

void Coupler::pin(int64_t channel, const Twine &reason) {
  state.sets.pin(channel, reason);
  state.mentioned.set(channel);
}

void Coupler::ignore(Axis axis) {
  if (axis.size > 0)
    state.mentioned.set(axis.first, axis.first + axis.size);
}

void Coupler::pinUnmentioned() {
  auto visit = [&](StringRef value, auto act) {
    for (Axis axis : state.sets.getAxes(value))
      if (axis.size > 0)
        act(axis);
  };
  for (const auto &values : {node.input(), node.output()})
    for (const std::string &value : values)
      visit(value, [&](Axis axis) {
        if (state.mentioned.find_first_in(axis.first, axis.first + axis.size) < 0)
          pin(axis, describe() + " needs all of it");
      });
  for (const auto &values : {node.input(), node.output()})
    for (const std::string &value : values)
      visit(value, [&](Axis axis) { state.mentioned.reset(axis.first, axis.first + axis.size); });
}

void Coupler::pin(Axis axis, const Twine &reason) {
  for (int64_t position : seq(std::max<int64_t>(axis.size, 0)))
    pin(axis.first + position, reason);
}

void Coupler::pin(StringRef value, const Twine &reason) {
  for (Axis axis : state.sets.getAxes(value))
    pin(axis, reason);
}

void Coupler::pinAll(const Twine &reason) {
  for (const std::string &value : node.input())
    pin(value, reason);
  for (const std::string &value : node.output())
    pin(value, reason);
}

void Coupler::uniteAxes(StringRef value, StringRef other, ArrayRef<int64_t> except) {
  if (value.empty() || other.empty())
    return;
  int64_t rank = getRank(value);
  if (!hasType(value) || !hasType(other) || rank != getRank(other)) {
    pin(value, "the rank of '" + other + "' is not known");
    pin(other, "the rank of '" + value + "' is not known");
    return;
  }
  for (int64_t axis : seq(rank))
    if (!is_contained(except, axis) && !is_contained(except, axis - rank))
      unite(getAxis(value, axis), getAxis(other, axis));
}

void Coupler::uniteBroadcast(StringRef operand, StringRef result, int64_t fromEnd) {
  if (operand.empty() || result.empty())
    return;
  int64_t rank = getRank(operand), resultRank = getRank(result);
  if (!hasType(operand) || !hasType(result) || rank > resultRank) {
    pin(operand, "the rank of '" + result + "' is not known");
    pin(result, "the rank of '" + operand + "' is not known");
    return;
  }
  for (int64_t axis : seq(std::max<int64_t>(rank - fromEnd, 0))) {
    Axis from = getAxis(operand, axis), to = getAxis(result, axis + resultRank - rank);
    if (from.size == 1 && to.size != 1)
      pin(from, "it is repeated by " + describe());
    else
      unite(from, to);
  }
}

void Coupler::uniteSummed(StringRef left, int64_t leftAxis, StringRef right, int64_t rightAxis) {
  if (isKnown(left) || isKnown(right))
    return unite(getAxis(left, leftAxis), getAxis(right, rightAxis));
  pin(getAxis(left, leftAxis), describe() + " multiplies it by other activations");
  pin(getAxis(right, rightAxis), describe() + " multiplies it by other activations");
}

void Coupler::addSum(WeightedSum sum) {
  sum.node = &node;
  state.sums.push_back(sum);
}

void Coupler::addOpaqueRead(Axis axis) {
  if (axis.size > 0)
    state.opaque.set(axis.first, axis.first + axis.size);
}

//===----------------------------------------------------------------------===//
// Reshapes: the elements of a few axes are those of a few others, in the same order. Of each side
// one axis has the channels, which go with whole slices of the block; the others must stay.
//===----------------------------------------------------------------------===//

struct Coupler::Block {
  SmallVector<Axis> axes, resultAxes;
};

static int64_t getInnerSize(ArrayRef<Axis> axes, size_t number) {
  int64_t size = 1;
  for (Axis axis : axes.drop_front(number + 1))
    size *= axis.size;
  return size;
}

/// The first axis that is neither short (a few parts, such as queries, keys and values) nor pinned;
/// of others the longest. A node whose first choice came to nothing is given the next one.
std::optional<size_t> Coupler::chooseAxis(ArrayRef<Axis> axes, bool isResult) {
  constexpr int64_t fewest = 4;
  SmallVector<size_t> candidates;
  for (size_t number : seq(axes.size()))
    if (axes[number].size > 1 && !state.sets.isPinned(axes[number]))
      candidates.push_back(number);
  if (candidates.empty())
    return std::nullopt;
  sort(candidates, [&](size_t first, size_t second) {
    auto rank = [&](size_t number) {
      int64_t size = axes[number].size;
      return std::tuple(size < fewest, size < fewest ? -size : 0, number);
    };
    return rank(first) < rank(second);
  });
  if (!isResult || candidates.size() == 1)
    return candidates.front();
  RegroupingChoice &choice = state.choices[&node];
  choice.candidates = candidates.size();
  size_t chosen = candidates[std::min<size_t>(choice.number, candidates.size() - 1)];
  choice.axis = axes[chosen];
  return chosen;
}

void Coupler::regroup(const Block &block) {
  std::optional<size_t> from = chooseAxis(block.axes, /*isResult=*/false);
  std::optional<size_t> to = chooseAxis(block.resultAxes, /*isResult=*/true);
  for (auto [axes, chosen] : {std::pair(ArrayRef(block.axes), from), {block.resultAxes, to}})
    for (auto [number, axis] : enumerate(axes))
      if (!from || !to || number != *chosen)
        pin(axis, "it is part of a channel in " + describe());
  if (!from || !to)
    return;
  Axis axis = block.axes[*from], result = block.resultAxes[*to];
  int64_t inner = getInnerSize(block.axes, *from),
          resultInner = getInnerSize(block.resultAxes, *to);
  // Both sides change their channels only at multiples of this.
  int64_t step = std::gcd(inner, resultInner), elements = 1;
  for (Axis each : block.axes)
    elements *= each.size;
  for (int64_t element = 0; element < elements; element += step)
    unite(axis.first + element / inner % axis.size,
          result.first + element / resultInner % result.size);
}

void Coupler::regroup(StringRef value, StringRef result) {
  ArrayRef<Axis> axes = state.sets.getAxes(value), results = state.sets.getAxes(result);
  if (!hasType(value) || !hasType(result)) {
    pin(value, "the shape of '" + result + "' is not known");
    pin(result, "the shape of '" + value + "' is not known");
    return;
  }
  // Blocks of known sizes from the end on, then from the front; what is between stays.
  auto takeBlock = [&](bool fromEnd) {
    auto take = [&](ArrayRef<Axis> &rest, SmallVector<Axis> &block, int64_t &size) {
      Axis axis = fromEnd ? rest.back() : rest.front();
      rest = fromEnd ? rest.drop_back() : rest.drop_front();
      block.insert(fromEnd ? block.begin() : block.end(), axis);
      size = axis ? size * axis.size : 0;
    };
    ArrayRef<Axis> rest = axes, resultRest = results;
    Block block;
    int64_t size = 1, resultSize = 1;
    if (rest.empty() || resultRest.empty())
      return false;
    take(rest, block.axes, size);
    take(resultRest, block.resultAxes, resultSize);
    while (size != resultSize && size > 0 && resultSize > 0) {
      bool isShorter = size < resultSize;
      if (isShorter ? rest.empty() : resultRest.empty())
        return false;
      isShorter ? take(rest, block.axes, size) : take(resultRest, block.resultAxes, resultSize);
    }
    if (size <= 0 || resultSize <= 0)
      return false;
    regroup(block);
    axes = rest, results = resultRest;
    return true;
  };
  while (takeBlock(/*fromEnd=*/true))
    ;
  while (takeBlock(/*fromEnd=*/false))
    ;
  for (ArrayRef<Axis> rest : {axes, results})
    for (Axis axis : rest)
      if (axis.size != 1)
        pin(axis, "sizes around " + describe() + " are not known");
}

//===----------------------------------------------------------------------===//
// Adjusting
//===----------------------------------------------------------------------===//

std::optional<Axis> Adjuster::findAxis(StringRef value, int64_t axis) const {
  ArrayRef<Axis> axes = sets.getAxes(value);
  if (axis < 0)
    axis += axes.size();
  if (axis < 0 || axis >= static_cast<int64_t>(axes.size()) || !axes[axis])
    return std::nullopt;
  return axes[axis];
}

bool Adjuster::isKept(StringRef value, int64_t axis, int64_t position) const {
  std::optional<Axis> found = findAxis(value, axis);
  return !found || !removed[sets.find(found->first + position)];
}

int64_t Adjuster::countKept(StringRef value, int64_t axis, int64_t end) const {
  return count_if(seq(end), [&](int64_t position) { return isKept(value, axis, position); });
}

int64_t Adjuster::countKept(StringRef value, int64_t axis) const {
  std::optional<Axis> found = findAxis(value, axis);
  return found ? countKept(value, axis, found->size) : -1;
}

bool Adjuster::isChanged(StringRef value, int64_t axis) const {
  std::optional<Axis> found = findAxis(value, axis);
  return found && countKept(value, axis, found->size) != found->size;
}

static Tensor makeIntegers(int32_t dtype, ArrayRef<int64_t> integers, ArrayRef<int64_t> dims) {
  Tensor tensor = cantFail(Tensor::create(dtype, dims));
  for (auto [index, value] : enumerate(integers)) {
    if (dtype == TENON_INT64)
      std::memcpy(tensor.bytes.data() + 8 * index, &value, 8);
    else
      tensor.setElement(index, static_cast<double>(value));
  }
  return tensor;
}

void Adjuster::setIntegers(int operand, ArrayRef<int64_t> integers) {
  std::string name = getInput(operand).str();
  auto type = types.find(name);
  int32_t dtype = type == types.end() ? TENON_INT64 : type->second.dtype;
  SmallVector<int64_t> dims(getDims(name));
  if (dims.size() == 1 || name.empty())
    dims.assign(1, integers.size());
  std::string wish = name.empty() ? (getNodeName(node) + "_sizes").str() : name;
  editor.setOperand(node, operand, editor.addConstant(wish, makeIntegers(dtype, integers, dims)));
}

void Adjuster::setSizes(int operand, StringRef value) {
  auto adjust = [&](int64_t axis, int64_t &size) {
    if (size <= 0 || axis < 0 || !isChanged(value, axis))
      return false;
    size = countKept(value, axis);
    return true;
  };
  if (std::optional<SmallVector<int64_t>> sizes = readIntegers(getInput(operand))) {
    int64_t leading = getRank(value) - static_cast<int64_t>(sizes->size());
    bool isChanged = false;
    for (auto [number, size] : enumerate(*sizes))
      isChanged |= adjust(leading + number, size);
    if (isChanged)
      setIntegers(operand, *sizes);
    return;
  }
  // A Concat of single sizes, which other nodes may read, too: this one gets its own.
  onnx::NodeProto *concat = editor.findProducer(getInput(operand));
  if (!concat || concat->op_type() != "Concat")
    return;
  SmallVector<std::string> parts(concat->input().begin(), concat->input().end());
  int64_t axis = 0;
  bool isChanged = false;
  for (std::string &part : parts) {
    std::optional<SmallVector<int64_t>> sizes = readIntegers(part);
    bool isPartChanged = false;
    if (sizes)
      for (auto [number, size] : enumerate(*sizes))
        isPartChanged |= adjust(axis + number, size);
    if (isPartChanged)
      part = editor.addConstant(part, makeIntegers(TENON_INT64, *sizes, {int64_t(sizes->size())}));
    isChanged |= isPartChanged;
    axis += std::max<int64_t>(getSize(part, 0), sizes ? sizes->size() : 1);
  }
  if (!isChanged)
    return;
  std::string list = editor.makeName(concat->output(0));
  onnx::NodeProto &own =
      editor.addNode("Concat", editor.makeName(getNodeName(*concat)), parts, {list});
  setInt(own, "axis", 0);
  editor.setOperand(node, operand, list);
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

void CouplingRules::add(ArrayRef<StringRef> types, CouplingRule rule, StringRef domain) {
  for (StringRef type : types)
    rules[(domain + ":" + type).str()] = rule;
}

const CouplingRule *CouplingRules::find(const onnx::NodeProto &node) const {
  StringRef domain = node.domain() == "ai.onnx" ? StringRef() : StringRef(node.domain());
  auto rule = rules.find((domain + ":" + node.op_type()).str());
  return rule == rules.end() ? nullptr : &rule->second;
}

const CouplingRules &CouplingRules::all() {
  static const CouplingRules rules = [] {
    CouplingRules rules;
    addContractionRules(rules);
    addElementwiseRules(rules);
    addMovementRules(rules);
    addShapeRules(rules);
    addWindowRules(rules);
    addNormalizationRules(rules);
    addAttentionRules(rules);
    addEinsumRules(rules);
    return rules;
  }();
  return rules;
}

} // namespace tenon
