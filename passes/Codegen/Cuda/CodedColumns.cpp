// Codes become floats without a conversion, of which a multiprocessor does few at a time: below the
// bits of 2^23, a code is the number 2^23 + code. What is taken away from it is 2^23 and a zero
// point at once if that is an integer, so that a weight takes a shift, one logical instruction, a
// difference and a product. The difference is exact.

#include "passes/Codegen/Cuda/CodedColumns.h"

using namespace mlir;

namespace tenon::cuda {

/// The memory of an operand that is laid out for the kernel.
static Buffer getPacked(KernelEmitter &e, Value operand) {
  return e.buffer(operand.getDefiningOp<UnpackOp>().getPacked());
}

CodedColumns::CodedColumns(KernelEmitter &e, DequantizeBlocksOp op)
    : e(e), em(e.em), op(op), codes(getPacked(e, op.getOperand())),
      scales(getPacked(e, op.getScale())) {
  auto type = cast<IntegerType>(getElementTypeOrSelf(op.getOperand()));
  bits = type.getWidth();
  raised = type.isUnsigned() ? 0 : double(int64_t(1) << (bits - 1));
  if (op.getZero())
    zeros = getPacked(e, op.getZero());
}

Value CodedColumns::number(double value) {
  return em.create<arith::ConstantOp>(em.getF32FloatAttr(static_cast<float>(value)));
}

/// The neighbours' codes in words of 32 bits.
SmallVector<Value> CodedColumns::loadWords(Value column, Value depth) {
  constexpr int64_t wordBits = 32;
  int64_t all = e.lanes() * bits, perByte = 8 / bits;
  Type word = em.getIntegerType(std::min(all, wordBits));
  auto type = VectorType::get({int64_t(llvm::divideCeil(all, wordBits))}, word);
  Value row = em.mul(column, *constantOf(e.value(codes.strides[1])));
  Value pointer =
      em.offsetPointer(codes.pointer, em.getI8Type(), em.add(row, em.div(depth, em.i64(perByte))));
  Value loaded = em.create<LLVM::LoadOp>(type, pointer, static_cast<unsigned>(all / 8));
  return llvm::map_to_vector(llvm::seq(type.getNumElements()), [&](int64_t i) {
    return em.convert(em.create<vector::ExtractOp>(loaded, i), em.getI32Type(),
                      /*isUnsigned=*/true);
  });
}

Value CodedColumns::loadParameter(const Buffer &buffer, Value column, Value block) {
  Value loaded;
  e.withLanes(1, nullptr,
              [&] { loaded = e.load(buffer, {e.index(0), e.uniform(column), e.uniform(block)}); });
  return loaded;
}

Value CodedColumns::load(Value column, LaneIndex depth) {
  constexpr double base = 1 << 23;
  constexpr int64_t baseBits = 0x4B000000;
  Value block = em.div(depth.base, em.i64(op.getBlockSize()));
  Value scale = loadParameter(scales, column, block), origin = number(base + raised), zero;
  if (zeros)
    zero = loadParameter(*zeros, column, block);
  if (zero && isa<IntegerType>(zero.getType())) {
    bool isUnsigned = cast<IntegerType>(zeros->elementType).isUnsigned();
    Value whole = em.convert(zero, em.getF32Type(), isUnsigned);
    origin = em.create<arith::AddFOp>(whole, origin);
    zero = nullptr;
  }
  auto word = [&](int64_t value) {
    return em.create<arith::ConstantIntOp>(em.getI32Type(), value);
  };
  SmallVector<Value> words = loadWords(column, depth.base), weights;
  int64_t perWord = 32 / bits;
  for (int64_t i = 0; i < e.lanes(); ++i) {
    Value code = words[i / perWord];
    if (int64_t shift = i % perWord * bits)
      code = em.create<arith::ShRUIOp>(code, word(shift));
    code = em.create<arith::AndIOp>(code, word((int64_t(1) << bits) - 1));
    code = em.create<arith::OrIOp>(code, word(baseBits));
    Value weight =
        em.create<arith::SubFOp>(em.create<arith::BitcastOp>(em.getF32Type(), code), origin);
    if (zero)
      weight = em.create<arith::SubFOp>(weight, zero);
    weights.push_back(em.create<arith::MulFOp>(weight, scale));
  }
  if (weights.size() == 1)
    return weights.front();
  auto type = VectorType::get({e.lanes()}, em.getF32Type());
  return em.create<vector::FromElementsOp>(type, weights);
}

} // namespace tenon::cuda
