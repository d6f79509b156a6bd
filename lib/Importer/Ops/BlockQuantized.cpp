// Ops of com.microsoft on weights that are quantized in blocks, each with a scale, and are packed
// several to a byte: MatMulNBits, MatMulFpQ4, MatMulBnb4 and GatherBlockQuantized.
//
// Weights that are constants are unpacked when the model is compiled; as operands of products they
// stay as narrow as they are.

#include "lib/Importer/Ops/Contractions.h"
#include "lib/Importer/Ops/Quantize.h"

using namespace mlir;

namespace tenon {

Value unpackBits(NodeImporter &node, Value bytes, int64_t bits, bool highFirst) {
  TensorMath m(node);
  if (!node.checkRank(bytes, 1))
    return nullptr;
  if (!node.elementType(bytes).isUnsignedInteger(8)) {
    node.emitError() << "numbers of " << bits << " bits are packed into bytes, not "
                     << bytes.getType();
    return nullptr;
  }
  if (bits == 8)
    return bytes;
  DimExprs dims = node.dims(bytes);
  int64_t last = node.rank(bytes);
  SmallVector<Value> parts;
  for (int64_t shift = 0; shift < 8; shift += bits) {
    Value part = bytes;
    if (shift > 0)
      part = node.infer<ShiftRightOp>({part, m.scalar(bytes, static_cast<double>(shift))});
    part = m.logicalAnd(part, m.scalar(bytes, static_cast<double>((1 << bits) - 1)));
    parts.push_back(m.unsqueeze(part, {last}));
  }
  if (highFirst)
    std::reverse(parts.begin(), parts.end());
  dims.back() = dims.back() * (8 / bits);
  return node.reshape(m.concat(parts, last), dims);
}

/// Whether a size of a matrix, or of a block, is one.
static bool isSize(int64_t value) { return value > 0 && llvm::isInt<32>(value); }

// --- MatMulNBits ---

namespace {

/// The attributes of a product with weights [N, K] of `bits` bits in blocks along K.
struct PackedMatrix {
  int64_t columns, depth, bits, blockSize;

  int64_t countBlocks() const { return llvm::divideCeil(depth, blockSize); }
};

} // namespace

static std::optional<PackedMatrix> getPackedMatrix(NodeImporter &node) {
  PackedMatrix matrix = {node.getInt("N"), node.getInt("K"), node.getInt("bits", 4),
                         node.getInt("block_size")};
  if (node.hasFailed())
    return std::nullopt;
  bool hasBits = matrix.bits == 2 || matrix.bits == 4 || matrix.bits == 8;
  bool hasSizes = isSize(matrix.columns) && isSize(matrix.depth) && isSize(matrix.blockSize);
  if (!hasBits || !hasSizes || matrix.blockSize * matrix.bits % 8 != 0) {
    node.emitError() << "weights [" << matrix.columns << ", " << matrix.depth << "] of "
                     << matrix.bits << " bits in blocks of " << matrix.blockSize
                     << " are not supported";
    return std::nullopt;
  }
  if (node.getInt("weight_prepacked", 0) != 0) {
    node.emitAttributeError("weight_prepacked")
        << "weights in the form of one kind of device are not supported";
    return std::nullopt;
  }
  return matrix;
}

/// The integers [N, `count`] of a node's weights or zero points, of which each row starts on a
/// byte, in a type of as many bits; less the middle of their range if `isSigned`.
static Value getCodes(NodeImporter &node, Value bytes, const PackedMatrix &matrix, int64_t count,
                      bool isSigned) {
  TensorMath m(node);
  int64_t perByte = 8 / matrix.bits;
  AffineExpr n = node.expr(matrix.columns);
  Value codes = unpackBits(node, bytes, matrix.bits);
  if (!codes)
    return codes;
  codes = node.reshape(codes, {n, node.expr(llvm::alignTo(count, perByte))});
  codes = m.slice(codes, 1, 0, count);
  unsigned bits = static_cast<unsigned>(matrix.bits);
  if (!isSigned)
    return node.cast(codes, node.builder().getIntegerType(bits, /*isSigned=*/false));
  Value wide = node.cast(codes, node.builder().getIntegerType(16));
  return node.cast(m.sub(wide, std::ldexp(1.0, static_cast<int>(bits) - 1)),
                   node.builder().getIntegerType(bits));
}

/// The zero points [N, blocks] as integers like the weights, or f32; null if the node has none.
static Value getZeroPoints(NodeImporter &node, Value zeros, const PackedMatrix &matrix) {
  if (!zeros)
    return nullptr;
  DimExprs dims = {node.expr(matrix.columns), node.expr(matrix.countBlocks())};
  if (isa<FloatType>(node.elementType(zeros)))
    return node.cast(node.reshape(zeros, dims), node.builder().getF32Type());
  return getCodes(node, zeros, matrix, matrix.countBlocks(), /*isSigned=*/false);
}

/// The parameters [N, blocks] of the blocks that `order` names for each position of K.
static Value gatherParameters(NodeImporter &node, Value parameters, Value order,
                              const PackedMatrix &matrix) {
  TensorMath m(node);
  // It may be as long as whole blocks.
  Value blocks =
      m.slice(node.reshape(order, product(node.dims(order), node.context())), 0, 0, matrix.depth);
  return m.gather(parameters, blocks, 1);
}

/// The weights [N, K] in f32. Without zero points, these are the middle of the range of codes.
static Value dequantizeBlocks(NodeImporter &node, const PackedMatrix &matrix) {
  Type f32 = node.builder().getF32Type();
  int64_t padded = matrix.countBlocks() * matrix.blockSize;
  Value zeros = getZeroPoints(node, node.operand(3), matrix);
  Value codes = getCodes(node, node.operand(1), matrix, padded, /*isSigned=*/!node.operand(3));
  Value scales = node.cast(
      node.reshape(node.operand(2), {node.expr(matrix.columns), node.expr(matrix.countBlocks())}),
      f32);
  int64_t blockSize = matrix.blockSize;
  if (Value order = node.operand(4)) {
    scales = gatherParameters(node, scales, order, matrix);
    if (zeros)
      zeros = gatherParameters(node, zeros, order, matrix);
    blockSize = 1;
  }
  codes = TensorMath(node).slice(codes, 1, 0, matrix.depth);
  SmallVector<Value> operands = {codes, scales};
  if (zeros)
    operands.push_back(zeros);
  return node.infer<DequantizeBlocksOp>(
      operands, {node.attr("axis", int64_t(1)), node.attr("block_size", blockSize)});
}

// Operands: x, weights [N, blocks, bytes], scales, zero points, the block of each position along K,
// bias. `accuracy_level` 4 allows to round x to 8 bits in the blocks of the weights; what other
// levels allow would gain nothing. Halves are multiplied in f32.
static Results importMatMulNBits(NodeImporter &node) {
  TensorMath m(node);
  std::optional<PackedMatrix> matrix = getPackedMatrix(node);
  if (!matrix)
    return failure();
  Value x = node.operand(0), bias = node.operand(5);
  Type type = node.elementType(x);
  Value weights = dequantizeBlocks(node, *matrix);
  constexpr int64_t bytesLevel = 4;
  bool mayRound = node.getInt("accuracy_level", 0) == bytesLevel;
  Value result = buildMatMul(node, node.cast(x, node.builder().getF32Type()),
                             m.transpose(weights, {1, 0}), mayRound);
  result = node.cast(result, type);
  return {{bias ? m.add(result, bias) : result}};
}

// --- MatMulFpQ4 ---

/// The number that the first four bytes of the last dimension, the lowest first, hold as f32.
static Value readFloat(NodeImporter &node, Value bytes, int64_t axis) {
  TensorMath m(node);
  Type u32 = node.builder().getIntegerType(32, /*isSigned=*/false);
  Value bits;
  for (int64_t i = 0; i < 4; ++i) {
    Value byte = node.cast(m.slice(bytes, axis, i, 1), u32);
    byte = node.infer<ShiftLeftOp>({byte, node.makeScalar(u32, static_cast<double>(8 * i))});
    bits = bits ? m.logicalOr(bits, byte) : byte;
  }
  Type f32 = node.builder().getF32Type();
  return node.infer<BitCastOp>(bits, node.attr("to", TypeAttr::get(f32)));
}

// Operands: x, bytes, the shape [K, N]. Of each column, every block of 32 weights is a scale in
// f32, a zero point of one byte (type 1) or none (type 0: 8), and 16 bytes: the first half of the
// weights is in their lower bits.
static Results importMatMulFpQ4(NodeImporter &node) {
  TensorMath m(node);
  int64_t kind = node.getInt("blk_quant_type", 1);
  std::optional<NodeImporter::Ints> shape = node.constantInts(node.operand(2));
  if (kind != 0 && kind != 1)
    return node.emitAttributeError("blk_quant_type")
           << kind << " is not supported, only 0 and 1: blocks of 32";
  if (!shape || shape->size() != 2 || !isSize((*shape)[0]) || !isSize((*shape)[1]))
    return node.emitError() << "the shape of the weights must be two constants";
  constexpr int64_t blockSize = 32, scaleBytes = 4, codeBytes = blockSize / 2;
  int64_t depth = (*shape)[0], columns = (*shape)[1], start = scaleBytes + kind;
  AffineExpr blocks = node.expr(llvm::divideCeil(depth, blockSize));
  Value bytes = m.sized(node.operand(1), {blocks * columns * (start + codeBytes)}, "weights");
  if (!bytes)
    return failure();
  bytes = node.reshape(bytes, {node.expr(columns), blocks, node.expr(start + codeBytes)});
  Type f32 = node.builder().getF32Type(), u4 = node.builder().getIntegerType(4, false);
  Value scales = m.squeeze(readFloat(node, bytes, 2), {2});
  Value zeros = kind == 1 ? node.cast(m.squeeze(m.slice(bytes, 2, scaleBytes, 1), {2}), f32)
                          : m.broadcast(node.makeScalar(f32, 8), {node.expr(columns), blocks});
  Value packed = m.slice(bytes, 2, start, codeBytes);
  Value low = m.logicalAnd(packed, m.scalar(packed, 15));
  Value high = node.infer<ShiftRightOp>({packed, m.scalar(packed, 4)});
  Value codes = node.cast(m.concat({low, high}, 2), u4);
  if (!codes || !scales || !zeros)
    return failure();
  codes = m.slice(node.reshape(codes, {node.expr(columns), blocks * blockSize}), 1, 0, depth);
  Value weights = node.infer<DequantizeBlocksOp>(
      {codes, scales, zeros}, {node.attr("axis", int64_t(1)), node.attr("block_size", blockSize)});
  return {{buildMatMul(node, node.operand(0), m.transpose(weights, {1, 0}))}};
}

// --- MatMulBnb4 ---

/// The numbers of four bits as bitsandbytes defines them, for quant_type 0 (FP4) and 1 (NF4).
static constexpr double bnbNumbers[2][16] = {
    {0, 5.208333333e-03, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25, -0.0, -5.208333333e-03,
     -0.66666667, -1, -0.33333333, -0.5, -0.16666667, -0.25},
    {-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
     -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
     0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
     0.7229568362236023, 1.0}};

// Weights [N, K] are one list of pairs, high ones first; its blocks do not end where rows do.
static Results importMatMulBnb4(NodeImporter &node) {
  TensorMath m(node);
  int64_t columns = node.getInt("N"), depth = node.getInt("K");
  int64_t blockSize = node.getInt("block_size"), kind = node.getInt("quant_type");
  if (node.hasFailed())
    return failure();
  if (!isSize(columns) || !isSize(depth) || !isSize(blockSize) || kind < 0 || kind > 1)
    return node.emitError() << "weights [" << columns << ", " << depth << "] of type " << kind
                            << " in blocks of " << blockSize << " are not supported";
  Value x = node.operand(0);
  Type type = node.elementType(x);
  int64_t count = columns * depth, blocks = llvm::divideCeil(count, blockSize);
  Value bytes = node.reshape(node.operand(1), node.expr(llvm::divideCeil(count, int64_t(2))));
  Value codes = m.slice(unpackBits(node, bytes, 4, /*highFirst=*/true), 0, 0, count);
  Value numbers = m.constants(node.builder().getF32Type(), bnbNumbers[kind]);
  Value weights = node.cast(m.gather(numbers, codes, 0), type);
  Value scales =
      m.broadcast(m.unsqueeze(node.operand(2), {1}), {node.expr(blocks), node.expr(blockSize)});
  scales = m.slice(node.reshape(scales, node.expr(blocks * blockSize)), 0, 0, count);
  weights = node.reshape(m.mul(weights, scales), {node.expr(columns), node.expr(depth)});
  if (node.getBool("transB", true))
    weights = m.transpose(weights, {1, 0});
  return {{buildMatMul(node, x, weights)}};
}

// --- GatherBlockQuantized ---

namespace {

class BlockGather {
public:
  explicit BlockGather(NodeImporter &node) : n(node), m(node) {}

  /// Reads and checks operands and attributes. False after an error.
  bool read();
  Results build();

private:
  bool checkBits();
  bool checkBlocks();
  /// Gives parameters the sizes that follow from the data's: one number for each block, which
  /// neighbours may share in other dimensions.
  void setSizes();
  /// The slices of `table`, a data operand or parameters of it, that indices choose.
  Value choose(Value table);
  /// The zero points like the chosen scales; null for zero.
  Value chooseZeros(Value chosen, Value chosenScales);
  /// Parameters of blocks as the chosen elements have them.
  Value spread(Value parameter, Value chosen);
  /// Zeros where indices are out of range.
  Value clear(Value result);

  NodeImporter &n;
  TensorMath m;
  Value data, indices, scales, zeros;
  int64_t rank = 0, axis = 0, blockAxis = 0, blockSize = 0, bits = 0;
  /// Whether several elements are packed into a byte, so that `bits` says how many.
  bool isPacked = false;
};

} // namespace

bool BlockGather::checkBits() {
  bits = n.getInt("bits", 4);
  if (bits != 2 && bits != 4 && bits != 8)
    n.emitAttributeError("bits") << "expected 2, 4 or 8, found " << bits;
  else if (axis != 0 || blockAxis == 0)
    n.emitError() << "bytes are gathered along axis 0 and quantized along another one, not " << axis
                  << " and " << blockAxis;
  return !n.hasFailed();
}

bool BlockGather::checkBlocks() {
  bool isFloat = m.isFloat(data);
  if (isFloat ? blockSize < 0 : blockSize < 1)
    n.emitAttributeError("block_size") << "no size of a block: " << blockSize;
  else if (n.rank(scales) != rank || !m.isFloat(scales))
    n.emitError() << "scales " << scales.getType() << " do not fit " << data.getType();
  else if (isFloat && zeros)
    n.emitError() << "data of floats has no zero points";
  return !n.hasFailed();
}

void BlockGather::setSizes() {
  int64_t perByte = isPacked ? 8 / bits : 1;
  DimExprs dims = n.dims(data), own = n.dims(scales);
  dims.back() = dims.back() * perByte;
  dims[blockAxis] = blockSize > 0 ? dims[blockAxis].ceilDiv(blockSize) : own[blockAxis];
  for (int64_t d = 0; d < rank; ++d)
    if (d != blockAxis && own[d] == n.expr(1))
      dims[d] = own[d];
  scales = m.sized(scales, dims, "scales");
  dims.back() = dims.back().ceilDiv(perByte);
  zeros = m.sized(zeros, dims, "zero points");
}

bool BlockGather::read() {
  data = n.operand(0);
  indices = n.operand(1);
  scales = n.operand(2);
  zeros = n.operand(3);
  rank = n.rank(data);
  axis = n.getAxis("gather_axis", 0, rank);
  blockAxis = n.getAxis("quantize_axis", 1, rank);
  blockSize = n.getInt("block_size", 128);
  isPacked = n.elementType(data).isUnsignedInteger(8);
  if (n.hasFailed() || !checkBlocks() || (isPacked && !checkBits()))
    return false;
  setSizes();
  return !n.hasFailed();
}

Value BlockGather::choose(Value table) {
  Value where = indices;
  if (!table)
    return table;
  if (table != data && axis == blockAxis && blockSize > 0) {
    Value size = m.shapeScalar(n.dim(data, axis));
    where = n.cast(where, n.builder().getI64Type());
    where = m.select(m.less(where, 0.0), m.add(where, size), where);
    where = m.div(m.max(where, 0.0), static_cast<double>(blockSize));
  }
  // One scale for all positions.
  if (table != data && n.dim(table, axis) == n.expr(1))
    where = m.mul(where, 0.0);
  return m.gather(table, where, axis);
}

Value BlockGather::spread(Value parameter, Value chosen) {
  if (!parameter || axis == blockAxis)
    return parameter;
  int64_t position = blockAxis > axis ? blockAxis + n.rank(indices) - 1 : blockAxis;
  return spreadParameter(n, parameter, chosen, position, blockSize);
}

Value BlockGather::chooseZeros(Value chosen, Value chosenScales) {
  if (!zeros)
    return isPacked ? m.scalar(chosen, std::ldexp(1.0, bits - 1)) : Value();
  Value chosenZeros = choose(zeros);
  if (!isPacked || !chosenScales)
    return chosenZeros;
  int64_t last = n.rank(chosenScales) - 1;
  return m.slice(unpackBits(n, chosenZeros, bits), last, n.expr(0), n.dim(chosenScales, last));
}

Value BlockGather::clear(Value result) {
  if (!result)
    return result;
  Value size = m.shapeScalar(n.dim(data, axis));
  Value where = n.cast(indices, n.builder().getI64Type());
  Value isInside = m.logicalAnd(m.less(where, size), m.lessEqual(m.neg(size), where));
  DimExprs dims(axis, n.expr(1));
  dims.append(n.dims(indices));
  dims.resize(n.rank(result), n.expr(1));
  return m.select(n.reshape(isInside, dims), result, m.scalar(result, 0));
}

Results BlockGather::build() {
  Value chosen = choose(data);
  if (isPacked)
    chosen = unpackBits(n, chosen, bits);
  Value chosenScales = choose(scales);
  if (!chosen || !chosenScales)
    return failure();
  Value zeros = spread(chooseZeros(chosen, chosenScales), chosen);
  Type type = n.elementType(scales), f32 = n.builder().getF32Type();
  Value wideScales = n.cast(spread(chosenScales, chosen), f32);
  if (n.hasFailed())
    return failure();
  return {{clear(n.cast(dequantize(n, chosen, wideScales, zeros), type))}};
}

static Results importGatherBlockQuantized(NodeImporter &node) {
  BlockGather gather(node);
  if (!gather.read())
    return failure();
  return gather.build();
}

void registerBlockQuantizedOps(OpRegistry &registry) {
  registry.add("com.microsoft", "MatMulNBits", 1, {3, 6}, importMatMulNBits);
  registry.add("com.microsoft", "MatMulFpQ4", 1, 3, importMatMulFpQ4);
  registry.add("com.microsoft", "MatMulBnb4", 1, 3, importMatMulBnb4);
  registry.add("com.microsoft", "GatherBlockQuantized", 1, {3, 4}, importGatherBlockQuantized);
}

} // namespace tenon
