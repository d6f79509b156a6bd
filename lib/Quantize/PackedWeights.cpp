// MatMulNBits: weights [N, K] of 4 or 8 bits, in blocks along K.

#include "lib/Quantize/PackedWeights.h"
#include "lib/Editing/Attributes.h"
#include "lib/Quantize/QuantizableNodes.h"
#include "lib/Quantize/QuantizeConstant.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>

namespace tenon::quantize {

bool canPackWeights(const onnx::NodeProto &node) {
  if (!isProduct(node))
    return false;
  if (node.op_type() == "Gemm")
    return getInt(node, "transA", 0) == 0 && getFloat(node, "alpha", 1) == 1 &&
           getFloat(node, "beta", 1) == 1;
  return node.op_type() == "MatMul";
}

namespace {

/// A quantized matrix in the order in which MatMulNBits has it.
class PackedMatrix {
public:
  PackedMatrix(const QuantizedConstant &matrix, const TensorRecipe &entry)
      : matrix(matrix), dtype(entry.dtype), summed(*entry.axis), blockSize(entry.blockSize),
        depth(matrix.dims[summed]), columns(matrix.dims[1 - summed]),
        blocks(llvm::divideCeil(depth, blockSize)) {}

  int64_t getDepth() const { return depth; }
  int64_t getColumns() const { return columns; }
  int64_t getBits() const { return isByte() ? 8 : 4; }

  Tensor packCodes() const {
    Tensor bytes =
        llvm::cantFail(Tensor::create(TENON_UINT8, {columns, blocks, blockSize * getBits() / 8}));
    for (int64_t n = 0; n < columns; ++n)
      for (int64_t k = 0; k < depth; ++k)
        put(bytes, n * blocks * blockSize + k,
            matrix.getCode(summed == 0 ? k * columns + n : n * depth + k, dtype));
    return bytes;
  }

  Tensor getScales() const {
    Tensor scales = llvm::cantFail(Tensor::create(TENON_FLOAT, {columns * blocks}));
    forEachBlock([&](int64_t n, int64_t b, int64_t at) {
      std::memcpy(&scales.bytes[4 * (n * blocks + b)], &matrix.scales[at], 4);
    });
    return scales;
  }

  /// Whether all are the middle of the range, which need not be said.
  bool hasZeroPoints() const {
    return llvm::any_of(matrix.zeroPoints,
                        [&](int64_t zero) { return toUnsigned(zero) != getMiddle(); });
  }

  /// Each row starts on a byte.
  Tensor packZeroPoints() const {
    int64_t rowBytes = llvm::divideCeil(blocks * getBits(), 8);
    Tensor bytes = llvm::cantFail(Tensor::create(TENON_UINT8, {columns * rowBytes}));
    forEachBlock([&](int64_t n, int64_t b, int64_t at) {
      put(bytes, n * rowBytes * 8 / getBits() + b, matrix.zeroPoints[at]);
    });
    return bytes;
  }

private:
  bool isByte() const { return dtype == TENON_INT8 || dtype == TENON_UINT8; }
  int64_t getMiddle() const { return isByte() ? 128 : 8; }
  /// Codes have no sign there.
  int64_t toUnsigned(int64_t code) const {
    bool isSigned = dtype == TENON_INT8 || dtype == TENON_INT4;
    return isSigned ? code + getMiddle() : code;
  }

  /// Calls `visit` with column, block and the place of its parameters.
  void forEachBlock(llvm::function_ref<void(int64_t, int64_t, int64_t)> visit) const {
    for (int64_t n = 0; n < columns; ++n)
      for (int64_t b = 0; b < blocks; ++b)
        visit(n, b, summed == 0 ? b * columns + n : n * blocks + b);
  }

  void put(Tensor &bytes, int64_t position, int64_t code) const {
    auto number = static_cast<unsigned>(toUnsigned(code));
    if (isByte())
      bytes.bytes[position] = static_cast<char>(number);
    else
      bytes.bytes[position / 2] |= static_cast<char>(number << (position % 2 * 4));
  }

  const QuantizedConstant &matrix;
  int32_t dtype;
  int64_t summed, blockSize, depth, columns, blocks;
};

} // namespace

/// An error unless the entry fits a product by a matrix.
static llvm::Error check(const onnx::NodeProto &node, const Tensor &weight,
                         const TensorRecipe &entry) {
  auto fail = [&](const llvm::Twine &reason) {
    return llvm::createStringError("entry of tensor '" + entry.name + "': " + reason);
  };
  if (!canPackWeights(node) || node.input(1) != entry.name || weight.dims.size() != 2)
    return fail("node '" + getNodeName(node) + "' (" + node.op_type() +
                ") cannot have weights in blocks, only MatMul and plain Gemm by a matrix");
  int64_t summed = node.op_type() == "Gemm" && getInt(node, "transB", 0) ? 1 : 0;
  if (entry.axis != summed)
    return fail("blocks must lie along axis " + llvm::Twine(summed) + ", which is summed");
  if (entry.blockSize < 16 || !llvm::isPowerOf2_64(entry.blockSize))
    return fail("blocks of " + llvm::Twine(entry.blockSize) +
                " are not possible: a power of two, 16 at least");
  return llvm::Error::success();
}

llvm::Error packWeights(ModelEditor &model, onnx::NodeProto &node, const TensorRecipe &entry) {
  llvm::Expected<Tensor> weight = model.readConstant(entry.name);
  if (!weight)
    return weight.takeError();
  if (llvm::Error error = check(node, *weight, entry))
    return error;
  llvm::Expected<QuantizedConstant> quantized = quantizeConstant(*weight, entry);
  if (!quantized)
    return quantized.takeError();
  PackedMatrix matrix(*quantized, entry);
  std::string bias = node.input_size() > 2 ? node.input(2) : "";
  model.setOpset("com.microsoft", 1);
  node.set_op_type("MatMulNBits");
  node.set_domain("com.microsoft");
  node.clear_attribute();
  setInt(node, "K", matrix.getDepth());
  setInt(node, "N", matrix.getColumns());
  setInt(node, "bits", matrix.getBits());
  setInt(node, "block_size", entry.blockSize);
  model.setOperand(node, 1, model.addConstant(entry.name + "_quantized", matrix.packCodes()));
  model.setOperand(node, 2, model.addConstant(entry.name + "_scale", matrix.getScales()));
  if (matrix.hasZeroPoints())
    model.setOperand(node, 3,
                     model.addConstant(entry.name + "_zero_point", matrix.packZeroPoints()));
  if (!bias.empty())
    model.setOperand(node, 5, bias);
  return llvm::Error::success();
}

} // namespace tenon::quantize
