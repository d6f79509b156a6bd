// Dead channels go in rounds, since what nobody reads no longer reads others either:
//
//   unread      all weights that channels of the unit are multiplied by are zero
//   constant    channels hold a number: what it adds to sums goes into their biases. Where zeros
//               stand beside the input, only the number zero adds the same everywhere.
//   duplicate   all weights and parameters that make the unit equal those of another one: what
//               reads it reads the other one instead, with the sum of both weights
//
// The sum of all others keeps its order. A unit whose channels are read in a way that no
// WeightedSum tells stays.

#include "lib/Prune/DeadChannels.h"
#include "lib/Prune/AddedBiases.h"
#include "lib/Prune/RemoveChannels.h"
#include "lib/Prune/Slices.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace llvm;

namespace tenon {
namespace {

/// Where a unit's channel is multiplied.
struct Reader {
  const WeightedSum *sum;
  int64_t position; // on the input's axis
};

/// One round.
class Round {
public:
  Round(ModelEditor &editor, ValueTypes &types, const DeadChannelOptions &options)
      : editor(editor), types(types), options(options), groups(ChannelGroups::find(editor, types)),
        sets(groups.getSets()), cache(editor), constants(editor, types, groups, cache),
        removed(sets.size()), biases(editor, types, groups, cache) {}

  /// Whether channels have gone.
  Expected<bool> run(std::vector<DeadChannels> &report);

private:
  struct Dead {
    size_t unit;
    std::optional<size_t> like; // the unit that it equals
    bool isConstant = false;
  };

  void findReaders();
  bool isReadOpaquely(ArrayRef<int64_t> unit) const;
  /// Whether no reader of a unit needs it, nor a number in its place.
  bool isUnread(ArrayRef<int64_t> unit);
  bool canFold(ArrayRef<int64_t> unit);
  bool canFold(const Reader &reader);
  std::vector<Dead> findDead(const ChannelGroup &group);
  void findDuplicates(const ChannelGroup &group, std::vector<Dead> &dead);
  size_t countRemovable(const ChannelGroup &group, size_t dead) const;
  bool isReadOnly(StringRef weights, int64_t axis) const;

  void fold(const Reader &reader);
  void merge(ArrayRef<int64_t> unit, ArrayRef<int64_t> into);
  void renewTypes();

  ModelEditor &editor;
  ValueTypes &types;
  const DeadChannelOptions &options;
  ChannelGroups groups;
  const ChannelSets &sets;
  ConstantCache cache;
  ChannelConstants constants;
  BitVector removed; // sets
  AddedBiases biases;
  DenseMap<int64_t, SmallVector<Reader, 2>> readers; // by set
  StringMap<Tensor> merged;                          // weights that read other channels, too
};

} // namespace

//===----------------------------------------------------------------------===//
// Finding
//===----------------------------------------------------------------------===//

void Round::findReaders() {
  for (const WeightedSum &sum : groups.getSums()) {
    if (sum.weightsIn < 0)
      continue;
    Axis axis = sets.getAxes(sum.input)[sum.inputAxis];
    for (int64_t position : seq(std::max<int64_t>(axis.size, 0)))
      if (int64_t channel = axis.first + position; !sets.isPinned(channel))
        readers[sets.find(channel)].push_back({&sum, position});
  }
}

bool Round::isReadOpaquely(ArrayRef<int64_t> unit) const {
  return any_of(unit, [&](int64_t channel) { return groups.isReadOpaquely(channel); });
}

/// Whether constant weights are the right operand of sums alone, along this axis.
bool Round::isReadOnly(StringRef weights, int64_t axis) const {
  return all_of(editor.getUses(weights), [&](const ModelEditor::Use &use) {
    return use.operand == 1 && any_of(groups.getSums(), [&](const WeightedSum &sum) {
             return sum.node == use.node && sum.weightsIn == axis;
           });
  });
}

bool Round::isUnread(ArrayRef<int64_t> unit) {
  return all_of(readers[sets.find(unit.front())], [&](const Reader &reader) {
    const Tensor *weights = cache.find(reader.sum->weights);
    return weights && Slices(*weights, reader.sum->weightsIn).isZero(reader.position);
  });
}

/// Whether what a reader adds for a channel is the same everywhere, and has a place to go.
bool Round::canFold(const Reader &reader) {
  const WeightedSum &sum = *reader.sum;
  const Tensor *weights = cache.find(sum.weights);
  if (!weights || !isFloatingPoint(weights->dtype))
    return false;
  if (Slices(*weights, sum.weightsIn).isZero(reader.position))
    return true;
  Axis axis = sets.getAxes(sum.input)[sum.inputAxis];
  std::optional<double> number = constants.find(axis.first + reader.position);
  if (!number || *number == 0)
    return number.has_value();
  return !sum.isPadded && biases.canAdd(sum);
}

bool Round::canFold(ArrayRef<int64_t> unit) {
  return all_of(readers[sets.find(unit.front())],
                [&](const Reader &reader) { return canFold(reader); });
}

/// Units are equal where every constant that makes them has equal slices. Only units of one channel
/// per axis are compared: the order of several might differ from value to value.
void Round::findDuplicates(const ChannelGroup &group, std::vector<Dead> &dead) {
  if (any_of(group.channelsAtPlaces, [](int64_t count) { return count != 1; }))
    return;
  std::vector<std::pair<size_t, Slices>> makers; // by their number in the unit
  bool makesAny = false;
  for (auto [number, place] : enumerate(group.places)) {
    if (!editor.isConstant(place.value))
      continue;
    bool isRead = any_of(groups.getSums(), [&](const WeightedSum &sum) {
      return sum.weights == place.value && sum.weightsIn == place.axis;
    });
    const Tensor *tensor = cache.find(place.value);
    if (!tensor ||
        (isRead && (!isReadOnly(place.value, place.axis) || !isFloatingPoint(tensor->dtype))))
      return;
    if (isRead)
      continue;
    makers.emplace_back(number, Slices(*tensor, place.axis));
    makesAny |= tensor->dims.size() > 1;
  }
  for (const Reader &reader : readers[sets.find(group.units.front().front())])
    if (!editor.isConstant(reader.sum->weights) || !cache.find(reader.sum->weights))
      return;
  if (!makesAny)
    return;
  auto getPosition = [&](size_t unit, size_t place) {
    const ChannelSets::Place &at = group.places[place];
    return group.units[unit][place] - sets.getAxes(at.value)[at.axis].first;
  };
  std::map<uint64_t, SmallVector<size_t, 1>> byHash;
  SmallVector<bool> isDead(group.units.size());
  for (const Dead &each : dead)
    isDead[each.unit] = true;
  for (size_t unit : seq(group.units.size())) {
    if (isDead[unit])
      continue;
    uint64_t hash = 0;
    for (auto &[place, slices] : makers)
      hash = hash * 31 + slices.hash(getPosition(unit, place));
    SmallVector<size_t, 1> &others = byHash[hash];
    auto equal = find_if(others, [&](size_t other) {
      return all_of(makers, [&](const auto &maker) {
        return maker.second.areEqual(getPosition(unit, maker.first),
                                     getPosition(other, maker.first));
      });
    });
    if (equal == others.end())
      others.push_back(unit);
    else
      dead.push_back({unit, *equal});
  }
}

/// Those that cost nothing to remove come first.
std::vector<Round::Dead> Round::findDead(const ChannelGroup &group) {
  std::vector<Dead> dead, constant;
  for (size_t unit : seq(group.units.size())) {
    ArrayRef<int64_t> channels = group.units[unit];
    if (isReadOpaquely(channels))
      return {};
    if (isUnread(channels))
      dead.push_back({unit, std::nullopt});
    else if (canFold(channels))
      constant.push_back({unit, std::nullopt, /*isConstant=*/true});
  }
  append_range(dead, constant);
  findDuplicates(group, dead);
  dead.erase(dead.begin() + countRemovable(group, dead.size()), dead.end());
  return dead;
}

/// A group keeps a unit at least, and whole vectors of channels where there is more than one.
size_t Round::countRemovable(const ChannelGroup &group, size_t dead) const {
  int64_t units = group.units.size(), kept = std::max<int64_t>(units - dead, 1);
  int64_t step = std::max<int64_t>(options.multiple / group.channelsPerUnit, 1);
  if (kept > step)
    kept = std::min<int64_t>(alignTo(kept, step), units);
  return units - kept;
}

//===----------------------------------------------------------------------===//
// Changing
//===----------------------------------------------------------------------===//

/// Remembers what a channel adds to each sum of a reader.
void Round::fold(const Reader &reader) {
  const WeightedSum &sum = *reader.sum;
  Axis axis = sets.getAxes(sum.input)[sum.inputAxis];
  const Tensor &weights = *cache.find(sum.weights);
  Slices columns(weights, sum.weightsIn);
  double number = constants.find(axis.first + reader.position).value_or(0);
  if (number == 0 || columns.isZero(reader.position))
    return;
  int64_t inner = 1, size = weights.dims[sum.weightsOut];
  for (int64_t each : ArrayRef(weights.dims).drop_front(sum.weightsOut + 1))
    inner *= each;
  MutableArrayRef<double> sums = biases.get(sum);
  double scale = sum.node->op_type() == "Gemm" ? getFloat(*sum.node, "alpha", 1) : 1;
  columns.forEach(reader.position, [&](int64_t index) {
    sums[index / inner % size] += scale * weights.element(index) * number;
  });
}

void Round::merge(ArrayRef<int64_t> unit, ArrayRef<int64_t> into) {
  StringSet<> done; // weights that several sums read
  auto &from = readers[sets.find(unit.front())], &to = readers[sets.find(into.front())];
  for (auto [reader, other] : zip(from, to)) {
    if (!done.insert(reader.sum->weights).second)
      continue;
    auto [entry, isNew] = merged.try_emplace(reader.sum->weights);
    if (isNew)
      entry->second = *cache.find(reader.sum->weights);
    Tensor &weights = entry->second;
    Slices columns(weights, reader.sum->weightsIn);
    SmallVector<double> values;
    columns.forEach(reader.position,
                    [&](int64_t index) { values.push_back(weights.element(index)); });
    size_t next = 0;
    columns.forEach(other.position, [&](int64_t index) {
      weights.setElement(index, weights.element(index) + values[next++]);
    });
  }
}

void Round::renewTypes() {
  sets.forEachAxis([&](const ChannelSets::Place &place, Axis axis) {
    types[place.value].dims[place.axis] =
        count_if(seq(axis.first, axis.first + axis.size),
                 [&](int64_t channel) { return !removed[sets.find(channel)]; });
  });
  for (const onnx::TensorProto &tensor : editor.graph().initializer())
    if (!types.contains(tensor.name()))
      types[tensor.name()] = {tensor.data_type(), {tensor.dims().begin(), tensor.dims().end()}};
}

Expected<bool> Round::run(std::vector<DeadChannels> &report) {
  findReaders();
  bool isChanged = false;
  for (const ChannelGroup &group : groups.getGroups()) {
    DeadChannels found;
    found.node = group.name;
    found.before = group.countChannels();
    for (const Dead &dead : findDead(group)) {
      ArrayRef<int64_t> unit = group.units[dead.unit];
      removed.set(sets.find(unit.front()));
      if (dead.like)
        merge(unit, group.units[*dead.like]);
      else if (dead.isConstant)
        for (const Reader &reader : readers[sets.find(unit.front())])
          fold(reader);
      (dead.like         ? found.duplicate
       : dead.isConstant ? found.constant
                         : found.unread) += group.channelsPerUnit;
    }
    isChanged |= found.count() > 0;
    if (found.count())
      report.push_back(std::move(found));
  }
  if (!isChanged)
    return false;
  for (const auto &entry : merged)
    editor.setConstant(entry.getKey(), entry.second);
  if (Error error = biases.write(removed))
    return std::move(error);
  if (Error error = removeChannels(editor, types, groups, removed))
    return std::move(error);
  renewTypes();
  return true;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

Expected<DeadChannelResult> removeDeadChannels(const std::shared_ptr<ModelFile> &model,
                                               const DeadChannelOptions &options) {
  DeadChannelResult result{model, {}};
  if (!mayHaveDeadChannels(model))
    return result;
  Expected<ValueTypes> types = inferValueTypes(model, options.import);
  if (!types) {
    consumeError(types.takeError());
    return result;
  }
  ModelEditor editor(model);
  if (Error error = editor.sortNodes())
    return std::move(error);
  for (bool isChanged = true; isChanged;) {
    Expected<bool> round = Round(editor, *types, options).run(result.removed);
    if (!round)
      return round.takeError();
    isChanged = *round;
  }
  if (result.removed.empty())
    return result;
  auto file = editor.toModelFile();
  if (!file)
    return file.takeError();
  result.model = std::move(*file);
  return result;
}

} // namespace tenon
