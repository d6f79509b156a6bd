// Operators that move elements: each channel of the result is one of an operand.

#include "lib/Prune/Coupling.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"

using namespace llvm;

namespace tenon {

static int64_t normalize(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

/// `count` channels from `first` and from `otherFirst` on.
static void uniteRanges(Coupler &c, int64_t first, int64_t otherFirst, int64_t count) {
  for (int64_t position : seq(std::max<int64_t>(count, 0)))
    c.unite(first + position, otherFirst + position);
}

/// The values of one side stand one after the other on an axis of the value on the other side.
static void coupleParts(Coupler &c, StringRef whole, ArrayRef<StringRef> parts, int64_t axis) {
  axis = normalize(axis, c.getRank(whole));
  Axis channels = c.getAxis(whole, axis);
  bool isKnown = static_cast<bool>(channels);
  for (StringRef part : parts) {
    c.uniteAxes(whole, part, {axis});
    isKnown &= static_cast<bool>(c.getAxis(part, axis));
  }
  int64_t offset = 0;
  for (StringRef part : parts) {
    Axis each = c.getAxis(part, axis);
    if (isKnown && offset + each.size <= channels.size)
      uniteRanges(c, each.first, channels.first + offset, each.size);
    else
      c.pin(each, "the parts of " + c.describe() + " are not known");
    offset += each.size;
  }
  if (!isKnown || offset != channels.size)
    c.pin(channels, "the parts of " + c.describe() + " are not known");
}

static void coupleConcat(Coupler &c) {
  SmallVector<StringRef> parts(c.getNode().input().begin(), c.getNode().input().end());
  coupleParts(c, c.getOutput(0), parts, getInt(c.getNode(), "axis", 1));
}

static void coupleSplit(Coupler &c) {
  SmallVector<StringRef> parts(c.getNode().output().begin(), c.getNode().output().end());
  coupleParts(c, c.getInput(0), parts, getInt(c.getNode(), "axis", 0));
  if (c.hasInput(1) && !c.readIntegers(c.getInput(1)))
    c.pinAll("a run computes the sizes of " + c.describe());
}

/// Parts of equal sizes may become unequal: they are spelled out where any changes.
static void adjustSplit(Adjuster &a) {
  int64_t axis = normalize(getInt(a.getNode(), "axis", 0), a.getRank(a.getInput(0)));
  if (!a.isChanged(a.getInput(0), axis))
    return;
  SmallVector<int64_t> sizes;
  for (int output : seq(a.getNumOutputs()))
    sizes.push_back(a.countKept(a.getOutput(output), axis));
  if (a.getOpset() < 13)
    return setInts(a.getNode(), "split", sizes);
  auto &attributes = *a.getNode().mutable_attribute();
  auto count = find_if(attributes, [](const auto &each) { return each.name() == "num_outputs"; });
  if (count != attributes.end())
    attributes.erase(count);
  a.setIntegers(1, sizes);
}

namespace {
/// What a Slice with known bounds takes of one axis.
struct SliceRange {
  int64_t axis, start, end, step;
  size_t entry; // in the lists
};
} // namespace

static std::optional<SmallVector<int64_t>> readList(const NodeView &view, int operand,
                                                    StringRef attribute, bool isOperand) {
  if (isOperand)
    return view.readIntegers(view.getInput(operand));
  return getInts(view.getNode(), attribute);
}

static std::optional<SmallVector<SliceRange>> readSlice(const NodeView &view) {
  bool areOperands = view.getOpset() >= 10;
  auto starts = readList(view, 1, "starts", areOperands);
  auto ends = readList(view, 2, "ends", areOperands);
  if (!starts || !ends || starts->size() != ends->size())
    return std::nullopt;
  auto axes = readList(view, 3, "axes", areOperands), steps = view.readIntegers(view.getInput(4));
  if ((areOperands && view.hasInput(3) && !axes) || (view.hasInput(4) && !steps))
    return std::nullopt;
  SmallVector<SliceRange> ranges;
  for (auto [entry, start] : enumerate(*starts)) {
    int64_t axis = axes && entry < axes->size() ? (*axes)[entry] : static_cast<int64_t>(entry);
    axis = normalize(axis, view.getRank(view.getInput(0)));
    int64_t step = steps && entry < steps->size() ? (*steps)[entry] : 1;
    int64_t size = view.getSize(view.getInput(0), axis);
    if (size < 0)
      size = -1;
    auto clamp = [&](int64_t bound) {
      return std::clamp<int64_t>(bound < 0 ? bound + size : bound, 0, std::max<int64_t>(size, 0));
    };
    ranges.push_back({axis, clamp(start), clamp((*ends)[entry]), step, entry});
  }
  return ranges;
}

static void coupleSlice(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  std::optional<SmallVector<SliceRange>> ranges = readSlice(c);
  if (!ranges)
    return c.pinAll("a run computes the bounds of " + c.describe());
  SmallVector<int64_t> sliced;
  for (const SliceRange &range : *ranges) {
    sliced.push_back(range.axis);
    Axis from = c.getAxis(input, range.axis), to = c.getAxis(result, range.axis);
    if (from && to && range.step == 1 && to.size == range.end - range.start) {
      uniteRanges(c, from.first + range.start, to.first, to.size);
    } else {
      c.pin(from, c.describe() + " takes some of it");
      c.pin(to, c.describe() + " takes some of it");
    }
  }
  c.uniteAxes(input, result, sliced);
}

static void adjustSlice(Adjuster &a) {
  std::optional<SmallVector<SliceRange>> ranges = readSlice(a);
  if (!ranges)
    return;
  bool areOperands = a.getOpset() >= 10, isChanged = false;
  auto starts = *readList(a, 1, "starts", areOperands);
  auto ends = *readList(a, 2, "ends", areOperands);
  for (const SliceRange &range : *ranges) {
    if (!a.isChanged(a.getInput(0), range.axis))
      continue;
    isChanged = true;
    starts[range.entry] = a.countKept(a.getInput(0), range.axis, range.start);
    ends[range.entry] = a.countKept(a.getInput(0), range.axis, range.end);
  }
  if (!isChanged)
    return;
  if (!areOperands) {
    setInts(a.getNode(), "starts", starts);
    return setInts(a.getNode(), "ends", ends);
  }
  a.setIntegers(1, starts);
  a.setIntegers(2, ends);
}

static void couplePad(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  int64_t rank = c.getRank(input);
  bool areOperands = c.getOpset() >= 11;
  auto pads = readList(c, 1, "pads", areOperands);
  if (!pads || static_cast<int64_t>(pads->size()) != 2 * rank || c.hasInput(3))
    return c.pinAll("the pads of " + c.describe() + " are not known");
  bool isConstantMode = getString(c.getNode(), "mode", "constant") == "constant";
  for (int64_t axis : seq(rank)) {
    int64_t before = (*pads)[axis], after = (*pads)[axis + rank];
    Axis from = c.getAxis(input, axis), to = c.getAxis(result, axis);
    if (before == 0 && after == 0) {
      c.unite(from, to);
    } else if (isConstantMode && before >= 0 && after >= 0 && from &&
               to.size == from.size + before + after) {
      uniteRanges(c, from.first, to.first + before, from.size);
      for (int64_t position : seq(to.size))
        if (position < before || position >= before + from.size)
          c.pin(to.first + position, c.describe() + " adds it");
    } else {
      c.pin(from, c.describe() + " pads it");
      c.pin(to, c.describe() + " pads it");
    }
  }
}

static void coupleTranspose(Coupler &c) {
  int64_t rank = c.getRank(c.getInput(0));
  SmallVector<int64_t> order = getInts(c.getNode(), "perm");
  if (order.empty())
    order = to_vector(reverse(seq(rank)));
  if (!c.hasType(c.getInput(0)) || static_cast<int64_t>(order.size()) != rank)
    return c.pinAll("the rank around " + c.describe() + " is not known");
  for (auto [axis, from] : enumerate(order))
    c.unite(c.getAxis(c.getInput(0), from), c.getAxis(c.getOutput(0), axis));
}

static void coupleGather(Coupler &c) {
  StringRef data = c.getInput(0), result = c.getOutput(0);
  int64_t rank = c.getRank(data), count = c.getRank(c.getInput(1));
  int64_t axis = normalize(getInt(c.getNode(), "axis", 0), rank);
  if (!c.hasType(data) || !c.hasType(c.getInput(1)) || !c.hasType(result))
    return c.pinAll("shapes around " + c.describe() + " are not known");
  for (int64_t other : seq(rank))
    if (other != axis)
      c.unite(c.getAxis(data, other), c.getAxis(result, other < axis ? other : other + count - 1));
  std::optional<SmallVector<int64_t>> indices = c.readIntegers(c.getInput(1));
  Axis from = c.getAxis(data, axis);
  bool isRange = indices && from && all_of(*indices, [&](int64_t index) {
                   return index >= -from.size && index < from.size;
                 });
  if (isRange && count == 1) {
    Axis to = c.getAxis(result, axis);
    for (auto [position, index] : enumerate(*indices))
      c.unite(to.first + position, from.first + normalize(index, from.size));
  } else if (isRange && count == 0) {
    c.pin(from.first + normalize(indices->front(), from.size), c.describe() + " takes it");
  } else {
    c.pin(from, c.describe() + " chooses among it");
    for (int64_t other : seq(axis, axis + count))
      c.pin(c.getAxis(result, other), c.describe() + " chooses it");
  }
}

static void adjustGather(Adjuster &a) {
  StringRef data = a.getInput(0);
  int64_t axis = normalize(getInt(a.getNode(), "axis", 0), a.getRank(data));
  if (!a.isChanged(data, axis))
    return;
  SmallVector<int64_t> indices;
  SmallVector<int64_t> all = a.readIntegers(a.getInput(1)).value_or(SmallVector<int64_t>());
  for (int64_t index : all)
    if (index = normalize(index, a.getSize(data, axis)); a.isKept(data, axis, index))
      indices.push_back(a.countKept(data, axis, index));
  a.setIntegers(1, indices);
}

/// The channels of blocks: `depth` channels, each of which has `blocks` of them, next to each other
/// or one group after the other.
static void coupleBlocks(Coupler &c, StringRef deep, StringRef flat, bool areNeighbours) {
  int64_t size = getInt(c.getNode(), "blocksize", 0), blocks = size * size;
  Axis many = c.getAxis(deep, 1), few = c.getAxis(flat, 1);
  if (!many || !few || many.size != few.size * blocks)
    return c.pinAll("the channels of " + c.describe() + " are not known");
  c.unite(c.getAxis(deep, 0), c.getAxis(flat, 0));
  for (StringRef value : {deep, flat})
    for (int64_t axis : {2, 3})
      c.pin(c.getAxis(value, axis), "these are positions, not channels");
  for (int64_t position : seq(many.size))
    c.unite(many.first + position,
            few.first + (areNeighbours ? position / blocks : position % few.size));
}

static void coupleDepthToSpace(Coupler &c) {
  coupleBlocks(c, c.getInput(0), c.getOutput(0), getString(c.getNode(), "mode", "DCR") == "CRD");
}

static void coupleSpaceToDepth(Coupler &c) {
  coupleBlocks(c, c.getOutput(0), c.getInput(0), /*areNeighbours=*/false);
}

static void coupleTile(Coupler &c) {
  StringRef input = c.getInput(0), result = c.getOutput(0);
  for (int64_t axis : seq(c.getRank(input))) {
    Axis from = c.getAxis(input, axis), to = c.getAxis(result, axis);
    if (from.size < 2 || !to || to.size % from.size) {
      c.pin(from, c.describe() + " repeats it");
      c.pin(to, c.describe() + " repeats it");
      continue;
    }
    for (int64_t position : seq(to.size))
      c.unite(to.first + position, from.first + position % from.size);
  }
}

void addMovementRules(CouplingRules &rules) {
  rules.add({"Concat"}, {coupleConcat});
  rules.add({"Split"}, {coupleSplit, adjustSplit});
  rules.add({"Slice"}, {coupleSlice, adjustSlice});
  rules.add({"Pad"}, {couplePad});
  rules.add({"Transpose"}, {coupleTranspose});
  rules.add({"Gather"}, {coupleGather, adjustGather});
  rules.add({"DepthToSpace"}, {coupleDepthToSpace});
  rules.add({"SpaceToDepth"}, {coupleSpaceToDepth});
  rules.add({"Tile"}, {coupleTile});
}

} // namespace tenon
