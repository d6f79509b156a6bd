// Where tensors lie in a kernel's buffers.
//
// A kernel reads slices of its arguments and writes its results into the middle of larger tensors
// without copying: a part of a buffer is the buffer with another start and the same strides.
//
//   yield pad(relu(conv(x, w)))
//
// computes relu(conv(x, w)) straight into the middle of the padded result. The frame around it is
// filled at the end of the kernel, by shares, so that every element is written once.

#include "passes/Codegen/Common/KernelEmitter.h"
#include <numeric>

using namespace mlir;

namespace tenon {

Buffer makeBuffer(Value pointer, Type type) {
  DimExprs dims = getDims(type);
  DimExprs strides(dims.size(), getAffineConstantExpr(1, type.getContext()));
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  bool hasElements = llvm::all_of(dims, [](AffineExpr dim) {
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    return constant && constant.getValue() > 0;
  });
  return {pointer, getElementTypeOrSelf(type), strides, hasElements};
}

/// The part of a buffer whose first element is at `starts`.
Buffer KernelEmitter::part(const Buffer &buffer, ArrayRef<AffineExpr> starts) {
  AffineExpr first = getAffineConstantExpr(0, em.getContext());
  for (auto [start, stride] : llvm::zip_equal(starts, buffer.strides))
    first = first + start * stride;
  Buffer result = buffer;
  result.pointer =
      em.offsetPointer(buffer.pointer, getStorageType(buffer.elementType), value(first));
  if (int64_t divisor = first.getLargestKnownDivisor(); getConstantOr(first, 1) != 0)
    result.alignment = std::gcd(buffer.alignment, divisor);
  return result;
}

Buffer KernelEmitter::buffer(Value tensor) {
  if (isa<BlockArgument>(tensor))
    return argument(tensor);
  auto slice = tensor.getDefiningOp<SliceOp>();
  assert(slice && slice.isView() && "only arguments and slices of them are in memory");
  return part(buffer(slice.getOperand()), slice.getStarts().getResults());
}

Value getComputed(Value yielded) {
  while (true) {
    auto pad = yielded.getDefiningOp<PadOp>();
    if (auto insert = yielded.getDefiningOp<InsertOp>())
      yielded = insert.getOperand();
    else if (pad && pad.isFrame())
      yielded = pad.getOperand();
    else
      return yielded;
  }
}

void KernelEmitter::addResult(Value yielded, Value pointer) {
  Buffer buffer = makeBuffer(pointer, yielded.getType());
  while (true) {
    if (auto insert = yielded.getDefiningOp<InsertOp>()) {
      buffer = part(buffer, insert.getLow().getResults());
      yielded = insert.getOperand();
    } else if (auto pad = yielded.getDefiningOp<PadOp>(); pad && pad.isFrame()) {
      frames.push_back({pad, buffer});
      buffer = part(buffer, pad.getLow().getResults());
      yielded = pad.getOperand();
    } else {
      break;
    }
  }
  computedResults.push_back(yielded);
  results.push_back(buffer);
}

static bool isZero(AffineExpr expr) {
  auto constant = dyn_cast<AffineConstantExpr>(expr);
  return constant && constant.getValue() == 0;
}

// The frame consists of two boxes per dimension, before and behind the inside. Dimensions further
// out span the inside only, those further in the whole result:
//
//   0 0 0 0 0      1st dimension, before
//   1 x x x 1      2nd dimension, before and behind
//   1 x x x 1
//   0 0 0 0 0      1st dimension, behind
void KernelEmitter::fill(const Frame &frame) {
  PadOp pad = frame.pad;
  DimExprs inside = getDims(pad.getOperand().getType()), whole = getDims(pad.getType());
  DimExprs starts(whole.size(), getAffineConstantExpr(0, em.getContext())), sizes = whole;
  for (size_t dim = 0; dim < whole.size(); ++dim) {
    AffineExpr low = pad.getLow().getResult(dim), behind = low + inside[dim];
    auto fillPart = [&](AffineExpr start, AffineExpr size) {
      starts[dim] = start;
      sizes[dim] = size;
      if (!isZero(size))
        fillBox(frame, starts, sizes, dim + 1);
    };
    fillPart(starts[dim], low);
    fillPart(behind, whole[dim] - behind);
    starts[dim] = low;
    sizes[dim] = inside[dim];
  }
}

// Dimensions from `firstWhole` on are full, so that with the one before them they are one run of
// elements, if they lie one behind another.
void KernelEmitter::fillBox(const Frame &frame, ArrayRef<AffineExpr> starts,
                            ArrayRef<AffineExpr> sizes, size_t firstWhole) {
  Buffer box = part(frame.buffer, starts);
  DimExprs shape(sizes);
  while (shape.size() > firstWhole &&
         box.strides[shape.size() - 2] == box.strides.back() * shape.back()) {
    AffineExpr last = shape.pop_back_val(), stride = box.strides.pop_back_val();
    shape.back() = shape.back() * last;
    box.strides.back() = stride;
  }
  Value pad = PadOp(frame.pad).getValue();
  forElements(shape, [&](ArrayRef<LaneIndex> at) {
    SmallVector<LaneIndex> first(getDims(pad.getType()).size(), index(0));
    store(box, at, broadcast(element(pad, first)));
  });
}

} // namespace tenon
