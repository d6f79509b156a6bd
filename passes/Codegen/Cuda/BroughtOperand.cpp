// What the copy engine brings of an operand (see the header).
//
// | operand | dimensions of the map, innermost first | a box |
// |---|---|---|
// | matrix by rows or columns | depth, rows or columns, batches | a step of each row |
// | matrix by steps of the depth | columns, depth, batches | 128 bytes of each step |
// | input of a convolution | channels, W, H, images | a run of pixels, of a step's channels each |
// | its filters | channels, taps, outputs, groups | a step of each output |
// | weights without half of them | what is left, outputs, groups | half of a step of each output |
// | where these were | words, 64 of the depth each, 16 outputs each, groups | those of a step |
//
// What is outside of a tensor is zero: channels behind the last one of a tap, rows and columns
// behind the last. So tiles need no other care at edges, and the bytes of a box are always the
// same. Of filters the dimension of channels ends with a tap, so that zeros meet zeros there.
//
// Numbers are brought as words of their size, which the engine does not look at; but f32 as tf32,
// to which it rounds.

#include "passes/Codegen/Cuda/BroughtOperand.h"
#include "passes/Schedule/Cuda/MappedTensor.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// Of CUtensorMapDataType.
static int64_t getMapType(Type number) {
  constexpr int64_t word8 = 0, word16 = 1, word32 = 2, tf32 = 11;
  if (number.isF32())
    return tf32;
  unsigned bits = number.getIntOrFloatBitWidth();
  return bits == 32 ? word32 : bits == 16 ? word16 : word8;
}

BroughtOperand::BroughtOperand(KernelEmitter &e, Type number, Tiles tiles, bool isTurned)
    : e(&e), tiles(tiles), number(number) {
  Emitter &em = e.em;
  int64_t lines = tiles.size, width = tiles.depth;
  if (isTurned) {
    width = kLongestRow / getElementBytes(number);
    lines = tiles.size / width * tiles.depth;
    panel = em.getI64IntegerAttr(tiles.depth);
  }
  Type stored = number.getIntOrFloatBitWidth() == 8 ? Type(em.getI8Type()) : number;
  auto type =
      BufferType::get(em.getContext(), tiles.stages, lines, width, stored, Layout::Swizzled);
  buffer = em.create<BufferOp>(type, tiles.offset);
}

tenon_tensor_map_desc BroughtOperand::describe(Value tensor) const {
  MappedTensor mapped = *findMapped(tensor);
  KernelOp kernel = e->kernel;
  int64_t buffers = kernel.getArgumentTypes().size() + kernel.getResultTypes().size();
  int64_t elementBytes = getElementBytes(number);
  auto toSize = [&](const SizeFactors &size, int64_t unit) {
    return tenon_size_desc{size.factor * unit, size.symbols << buffers};
  };
  auto width = cast<BufferType>(buffer.getType()).getRowBytes();
  tenon_tensor_map_desc desc = {};
  desc.arg = mapped.argument.getArgNumber();
  desc.offset = mapped.offset * elementBytes;
  desc.type = getMapType(number);
  desc.rank = mapped.sizes.size();
  desc.row_bytes = width;
  for (int64_t i = 0; i < desc.rank; ++i) {
    desc.sizes[i] = toSize(mapped.sizes[desc.rank - 1 - i], 1);
    if (i)
      desc.strides[i - 1] = toSize(mapped.strides[desc.rank - 1 - i], elementBytes);
    desc.box[i] = desc.steps[i] = 1;
  }
  desc.box[0] = width / elementBytes;
  return desc;
}

static SmallVector<Value> reversed(ArrayRef<LaneIndex> index) {
  return llvm::map_to_vector(llvm::reverse(index), [](const LaneIndex &each) { return each.base; });
}

BroughtOperand BroughtOperand::makeMatrix(KernelEmitter &e, const ContractionOperand &operand,
                                          Type number, Tiles tiles) {
  BroughtOperand brought(e, number, tiles, /*isTurned=*/!operand.isDeep);
  tenon_tensor_map_desc desc = brought.describe(operand.tensor);
  desc.box[1] = operand.isDeep ? tiles.getOwn() : tiles.depth;
  brought.addMap(desc);
  brought.locate = [&e, &operand](Value outer, Value first, const DepthStep &step) {
    return Place{reversed(operand.index(outer, e.uniform(first), e.uniform(step.channel))), {}};
  };
  return brought;
}

BroughtOperand BroughtOperand::makePixels(KernelEmitter &e, ConvOp conv,
                                          const ContractionSizes &sizes,
                                          const ContractionOperand &operand, Type number,
                                          Tiles tiles) {
  BroughtOperand brought(e, number, tiles, /*isTurned=*/false);
  tenon_tensor_map_desc desc = brought.describe(operand.tensor);
  size_t spatial = conv.getSpatialRank();
  desc.box[1] = tiles.getOwn();
  desc.is_im2col = 1;
  for (size_t d = 0; d < spatial; ++d) {
    desc.steps[1 + d] = conv.getStrides()[spatial - 1 - d];
    desc.reach[d] =
        (conv.getKernelSizes()[spatial - 1 - d] - 1) * conv.getDilations()[spatial - 1 - d];
  }
  brought.addMap(desc);
  brought.locate = [&e, &sizes, conv, spatial](Value outer, Value first,
                                               const DepthStep &step) mutable {
    Emitter &em = e.em;
    SmallVector<LaneIndex> pixel = e.delinearize(e.uniform(first), sizes.rows);
    Value group = em.mul(outer, e.value(sizes.depth.back()));
    Place place = {{em.add(group, step.channel)}, {}};
    for (size_t d = spatial; d-- > 0;) {
      place.origin.push_back(em.mul(pixel[d + 1].base, conv.getStrides()[d]));
      place.tap.push_back(em.mul(step.taps[d].base, conv.getDilations()[d]));
    }
    place.origin.push_back(pixel[0].base);
    return place;
  };
  return brought;
}

BroughtOperand BroughtOperand::makeFilters(KernelEmitter &e, ConvOp conv,
                                           const ContractionSizes &sizes,
                                           const ContractionOperand &operand, Type number,
                                           Tiles tiles) {
  BroughtOperand brought(e, number, tiles, /*isTurned=*/false);
  // [groups, outputs, taps * channels] with taps and channels apart.
  tenon_tensor_map_desc desc = brought.describe(operand.tensor);
  int64_t channels = getConstantOr(sizes.depth.back(), 0), elementBytes = getElementBytes(number);
  for (int64_t i = desc.rank - 1; i > 0; --i) {
    desc.sizes[i + 1] = desc.sizes[i];
    desc.strides[i] = desc.strides[i - 1];
  }
  ++desc.rank;
  desc.sizes[0] = {channels, 0};
  desc.sizes[1] = {llvm::product_of(conv.getKernelSizes()), 0};
  desc.strides[0] = {channels * elementBytes, 0};
  desc.box[1] = desc.box[3] = desc.steps[3] = 1;
  desc.box[2] = tiles.getOwn();
  brought.addMap(desc);
  brought.locate = [](Value outer, Value first, const DepthStep &step) {
    return Place{{step.channel, step.tap, first, outer}, {}};
  };
  return brought;
}

/// The number of a step's first channel, taps one behind the other.
static Value getDepth(Emitter &em, const ContractionSizes &sizes, const DepthStep &step) {
  int64_t channels = getConstantOr(sizes.depth.back(), 0);
  return em.add(em.mul(step.tap, channels), step.channel);
}

BroughtOperand BroughtOperand::makeValues(KernelEmitter &e, const SparseColumns &form,
                                          const ContractionSizes &sizes,
                                          const ContractionOperand &operand, Type number,
                                          Tiles tiles) {
  BroughtOperand brought(e, number, tiles, /*isTurned=*/false);
  tenon_tensor_map_desc desc = brought.describe(operand.tensor);
  desc.sizes[1] = {form.valueRows(), 0};
  desc.box[1] = tiles.getOwn();
  brought.addMap(desc);
  brought.locate = [&e, &sizes, &operand](Value outer, Value first, const DepthStep &step) {
    Value left = e.em.div(getDepth(e.em, sizes, step), e.em.i64(2));
    return Place{reversed(operand.index(outer, e.uniform(first), e.uniform(left))), {}};
  };
  return brought;
}

BroughtOperand BroughtOperand::makePlaces(KernelEmitter &e, const SparseColumns &form,
                                          const ContractionSizes &sizes,
                                          const ContractionOperand &operand, int64_t outputs,
                                          int64_t channels, Tiles tiles) {
  BroughtOperand brought(e, e.em.getI32Type(), tiles, /*isTurned=*/false);
  tenon_tensor_map_desc desc = brought.describe(operand.tensor);
  desc.offset = form.placesOffset();
  desc.rank = 4;
  desc.sizes[0] = {SparseColumns::words, 0};
  desc.sizes[1] = {form.depthBlocks(), 0};
  desc.sizes[2] = {form.outputBlocks(), 0};
  desc.sizes[3] = {form.groups, 0};
  desc.strides[0] = {SparseColumns::placesBytes, 0};
  desc.strides[1] = {form.depthBlocks() * SparseColumns::placesBytes, 0};
  desc.strides[2] = {form.groupBytes(), 0};
  desc.box[1] = channels / SparseColumns::blockDepth;
  desc.box[2] = outputs / SparseColumns::side;
  desc.box[3] = desc.steps[3] = 1;
  brought.addMap(desc);
  brought.locate = [&e, &sizes, &operand](Value outer, Value first, const DepthStep &step) {
    Emitter &em = e.em;
    Value group = operand.index(outer, e.uniform(first), e.index(0)).front().base;
    return Place{{em.i64(0), em.div(getDepth(em, sizes, step), em.i64(SparseColumns::blockDepth)),
                  em.div(first, em.i64(SparseColumns::side)), group},
                 {}};
  };
  return brought;
}

void BroughtOperand::bring(Value outer, Value first, const DepthStep &step, Value stage,
                           Value barriers) {
  Emitter &em = e->em;
  auto type = cast<BufferType>(buffer.getType());
  int64_t width = panel ? type.getColumns() : tiles.getOwn();
  Value begin = em.i64(0);
  IntegerAttr blocks;
  if (tiles.parts > 1) {
    begin = em.mul(em.create<ClusterRankOp>(em.getI64Type()), tiles.getOwn());
    blocks = em.getI16IntegerAttr(static_cast<int16_t>((1 << tiles.parts) - 1));
  }
  for (int64_t done = 0; done < tiles.getOwn(); done += width) {
    Value own = em.add(begin, done);
    Place place = locate(outer, em.add(first, own), step);
    Value row = panel ? em.i64(done / width * tiles.depth) : own;
    em.create<BringOp>(map, place.origin, place.tap, buffer, stage, row, barriers, stage, blocks);
  }
}

} // namespace tenon::cuda
