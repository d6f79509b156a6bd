// See KnownWeights.h.

#include "dialects/Target/KnownWeights.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <numeric>

using namespace mlir;

namespace tenon {

/// The bytes of a constant; empty if they are not there, or are those of one element for all.
static ArrayRef<char> bytesOf(ElementsAttr constant) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  auto elements = dyn_cast<DenseElementsAttr>(constant);
  return elements && !elements.isSplat() ? elements.getRawData() : ArrayRef<char>();
}

/// Whether an operation swaps the last two dimensions and no others.
static bool swapsLast(TransposeOp op) {
  ArrayRef<int64_t> permutation = op.getPermutation();
  int64_t rank = permutation.size();
  if (rank < 2 || permutation[rank - 1] != rank - 2 || permutation[rank - 2] != rank - 1)
    return false;
  for (int64_t i = 0; i < rank - 2; ++i)
    if (permutation[i] != i)
      return false;
  return true;
}

std::optional<KnownWeights> KnownWeights::of(Value weights) {
  if (auto transpose = weights.getDefiningOp<TransposeOp>()) {
    std::optional<KnownWeights> known;
    if (swapsLast(transpose) && transpose.getOperand().getDefiningOp<ConstantOp>())
      known = of(transpose.getOperand());
    return known ? std::optional(known->transposed()) : std::nullopt;
  }
  auto constant = weights.getDefiningOp<ConstantOp>();
  auto type = dyn_cast<RankedTensorType>(weights.getType());
  if (!constant || !type || type.getRank() < 2 || !type.getElementType().isIntOrFloat())
    return std::nullopt;
  int64_t bits = type.getElementTypeBitWidth();
  KnownWeights known;
  known.bytes = bytesOf(constant.getValue());
  known.elementBytes = bits / 8;
  if (!llvm::is_contained({8, 16, 32, 64}, bits) ||
      static_cast<int64_t>(known.bytes.size()) != type.getNumElements() * known.elementBytes ||
      type.getNumElements() == 0)
    return std::nullopt;
  known.magnitude =
      llvm::maskTrailingOnes<uint64_t>(isa<FloatType>(type.getElementType()) ? bits - 1 : bits);
  ArrayRef<int64_t> shape = type.getShape();
  known.inputs = shape[shape.size() - 2];
  known.outputs = shape.back();
  known.taps = type.getNumElements() / (known.inputs * known.outputs);
  known.inputStride = known.outputs;
  return known;
}

KnownWeights KnownWeights::transposed() const {
  KnownWeights other = *this;
  std::swap(other.inputs, other.outputs);
  std::swap(other.inputStride, other.outputStride);
  return other;
}

bool KnownWeights::isZero(int64_t tap, int64_t input, int64_t output) const {
  uint64_t bits = 0;
  std::memcpy(&bits, getElement(tap, input, output), elementBytes);
  return (bits & magnitude) == 0;
}

bool KnownWeights::isZero(int64_t tap, int64_t input, int64_t output, WeightBlock block) const {
  int64_t inputEnd = std::min(input + block.depth, inputs),
          outputEnd = std::min(output + block.width, outputs), left = 0;
  for (int64_t i = input; i < inputEnd; ++i)
    for (int64_t o = output; o < outputEnd; ++o)
      if (!isZero(tap, i, o) && ++left > block.left)
        return false;
  return true;
}

// Steps of a golden part of all weights visit places of every kind alike: with short steps, rows
// that are looked at may all be even ones, where a pattern has no zeros.
double KnownWeights::estimateZeros() const {
  constexpr int64_t samples = 2048;
  int64_t count = taps * inputs * outputs, zeros = 0;
  int64_t step = static_cast<int64_t>(0.6180339887 * static_cast<double>(count)) | 1;
  while (std::gcd(step, count) > 1)
    step += 2;
  int64_t seen = std::min(count, samples), place = 0;
  for (int64_t i = 0; i < seen; ++i, place = (place + step) % count)
    zeros += isZero(place / (inputs * outputs), place / outputs % inputs, place % outputs);
  return static_cast<double>(zeros) / static_cast<double>(seen);
}

int64_t KnownWeights::countKept(WeightBlock block, int64_t groups) const {
  int64_t kept = 0, outputsOfGroup = outputs / groups;
  for (int64_t tap = 0; tap < taps; ++tap)
    for (int64_t input = 0; input < inputs; input += block.depth)
      for (int64_t group = 0; group < groups; ++group)
        for (int64_t first = 0; first < outputsOfGroup; first += block.width) {
          WeightBlock inside = block;
          inside.width = std::min(block.width, outputsOfGroup - first);
          kept += !isZero(tap, input, group * outputsOfGroup + first, inside);
        }
  return kept;
}

Attribute makeZerosAttr(MLIRContext *context, const WeightZeros &zeros) {
  Builder b(context);
  SmallVector<Attribute> blocks;
  for (const auto &[block, kept] : zeros.blocks) {
    SmallVector<int64_t> numbers = {block.depth, block.width, kept};
    if (block.left)
      numbers.push_back(block.left);
    blocks.push_back(b.getDenseI64ArrayAttr(numbers));
  }
  return b.getDictionaryAttr({b.getNamedAttr("blocks", b.getArrayAttr(blocks)),
                              b.getNamedAttr("run_bytes", b.getI64IntegerAttr(zeros.runBytes))});
}

WeightZeros readZerosAttr(Attribute attribute) {
  WeightZeros zeros;
  auto entries = dyn_cast_if_present<DictionaryAttr>(attribute);
  if (!entries)
    return zeros;
  if (auto blocks = entries.getAs<ArrayAttr>("blocks"))
    for (auto numbers : blocks.getAsRange<DenseI64ArrayAttr>())
      if (numbers.size() == 3 || numbers.size() == 4)
        zeros.blocks.push_back(
            {{numbers[0], numbers[1], numbers.size() == 4 ? numbers[3] : 0}, numbers[2]});
  if (auto bytes = entries.getAs<IntegerAttr>("run_bytes"))
    zeros.runBytes = bytes.getInt();
  return zeros;
}

WeightZeros readZeros(Value weights) {
  if (auto unpack = weights.getDefiningOp<UnpackOp>())
    weights = unpack.getPacked();
  auto argument = dyn_cast<BlockArgument>(weights);
  auto kernel =
      dyn_cast_if_present<KernelOp>(argument ? argument.getOwner()->getParentOp() : nullptr);
  if (!kernel)
    return {};
  return readZerosAttr(kernel.getArgAttr(argument.getArgNumber(), kZerosAttrName));
}

} // namespace tenon
