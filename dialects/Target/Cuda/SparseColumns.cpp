// Writes weights without two zeros of each four (see the header).

#include "dialects/Target/Cuda/SparseColumns.h"
#include "dialects/Target/KnownWeights.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace tenon::cuda {

SparseColumns::SparseColumns(SparseColumnsAttr layout, RankedTensorType weights)
    : groups(layout.getGroups()), outputs(weights.getShape().back() / groups),
      depth(llvm::product_of(weights.getShape().drop_back())),
      elementBytes(weights.getElementTypeBitWidth() / 8) {}

namespace {

/// Four neighbours in depth of one output.
constexpr int64_t kGroup = 4;

class SparseColumnsWriter {
public:
  SparseColumnsWriter(const KnownWeights &weights, const SparseColumns &form,
                      MutableArrayRef<char> bytes)
      : weights(weights), form(form), bytes(bytes) {}

  /// Whether of each four two are zero.
  bool write();

private:
  const char *find(int64_t group, int64_t output, int64_t depth) const;
  std::optional<std::pair<unsigned, unsigned>> choose(int64_t group, int64_t output,
                                                      int64_t depth) const;
  void writeValue(int64_t group, int64_t output, int64_t place, const char *element);
  void writePlaces(int64_t group, int64_t output, int64_t depth, uint32_t places);

  const KnownWeights &weights;
  const SparseColumns &form;
  MutableArrayRef<char> bytes;
};

} // namespace

/// A weight that is not zero; null for others, and outside.
const char *SparseColumnsWriter::find(int64_t group, int64_t output, int64_t depth) const {
  if (output >= form.outputs || depth >= form.depth)
    return nullptr;
  int64_t tap = depth / weights.getInputs(), input = depth % weights.getInputs(),
          own = group * form.outputs + output;
  return weights.isZero(tap, input, own) ? nullptr : weights.getElement(tap, input, own);
}

/// Which two of four are left, zeros where fewer are something else.
std::optional<std::pair<unsigned, unsigned>>
SparseColumnsWriter::choose(int64_t group, int64_t output, int64_t depth) const {
  SmallVector<unsigned, kGroup> left;
  for (unsigned i = 0; i < kGroup; ++i)
    if (find(group, output, depth + i))
      left.push_back(i);
  if (left.size() > 2)
    return std::nullopt;
  if (left.empty())
    return std::pair(0u, 1u);
  if (left.size() == 2)
    return std::pair(left[0], left[1]);
  constexpr unsigned last = kGroup - 1;
  return left[0] == last ? std::pair(last - 1, last) : std::pair(left[0], last);
}

void SparseColumnsWriter::writeValue(int64_t group, int64_t output, int64_t place,
                                     const char *element) {
  int64_t row = group * form.rows() + output;
  if (element)
    std::memcpy(bytes.data() + (row * form.rowElements() + place) * form.elementBytes, element,
                form.elementBytes);
}

void SparseColumnsWriter::writePlaces(int64_t group, int64_t output, int64_t depth,
                                      uint32_t places) {
  int64_t row = output % SparseColumns::side, number = depth % SparseColumns::blockDepth / kGroup;
  int64_t lane = row % 8 * 4, shift;
  if (form.elementBytes == 1) {
    lane += number / 8 * 2 + row / 8;
    shift = number % 8 * 4;
  } else {
    lane += number / 4;
    shift = row / 8 * 16 + number % 4 * 4;
  }
  int64_t block =
      output / SparseColumns::side * form.depthBlocks() + depth / SparseColumns::blockDepth;
  char *target = bytes.data() + group * form.groupBytes() + form.placesOffset() +
                 block * SparseColumns::placesBytes + lane * sizeof(uint32_t);
  uint32_t word;
  std::memcpy(&word, target, sizeof(word));
  word |= places << shift;
  std::memcpy(target, &word, sizeof(word));
}

bool SparseColumnsWriter::write() {
  for (int64_t group = 0; group < form.groups; ++group)
    for (int64_t output = 0; output < form.valueRows(); ++output)
      for (int64_t depth = 0; depth < form.rowElements() * 2; depth += kGroup) {
        auto places = choose(group, output, depth);
        if (!places)
          return false;
        writeValue(group, output, depth / 2, find(group, output, depth + places->first));
        writeValue(group, output, depth / 2 + 1, find(group, output, depth + places->second));
        writePlaces(group, output, depth, places->first | places->second << 2);
      }
  return true;
}

RankedTensorType SparseColumnsAttr::getPackedType(RankedTensorType weights) const {
  int64_t outputs = weights.getShape().back(), bits = weights.getElementTypeBitWidth();
  if (getGroups() < 1 || outputs % getGroups() != 0 || (bits != 8 && bits != 16))
    return nullptr;
  SparseColumns form(*this, weights);
  return RankedTensorType::get({form.groups, form.rows(), form.rowElements()},
                               weights.getElementType());
}

// Which weights are zero no op on tensors tells, so this writes at once.
Value SparseColumnsAttr::buildPacking(OpBuilder &builder, Location loc, Value weights) const {
  std::optional<KnownWeights> known = KnownWeights::of(weights);
  if (!known)
    return nullptr;
  auto own = cast<RankedTensorType>(weights.getType());
  SparseColumns form(*this, own);
  constexpr size_t alignment = 64;
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(form.groups * form.groupBytes(), alignment,
                                                       /*dataIsMutable=*/true);
  MutableArrayRef<char> bytes = blob.getMutableData();
  std::fill(bytes.begin(), bytes.end(), 0);
  if (!SparseColumnsWriter(*known, form, bytes).write())
    return nullptr;
  RankedTensorType type = getPackedType(own);
  return ConstantOp::create(builder, loc, type,
                            DenseResourceElementsAttr::get(type, "sparse", std::move(blob)));
}

bool SparseColumnsAttr::canUnpack() const { return false; }

} // namespace tenon::cuda
