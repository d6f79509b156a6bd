// Registration of the dialect, and what its types and ops must be.

#include "dialects/Tile/TileDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

#include "dialects/Tile/TileDialect.cpp.inc"
#include "dialects/Tile/TileEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Tile/TileTypes.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/Tile/TileOps.cpp.inc"

namespace tenon::tile {

/// Bytes that padded rows are longer than their elements.
static constexpr int64_t kPaddingBytes = 32;
/// All banks of shared memory, one word of each.
static constexpr int64_t kBankBytes = 128;

void TileDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Tile/TileTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Tile/TileOps.cpp.inc"
      >();
}

//===-- Buffers --===//

int64_t BufferType::getRowBytes() const {
  int64_t bytes = getColumns() * getElementBytes();
  return getLayout() == Layout::Padded ? bytes + kPaddingBytes : bytes;
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t stages,
                                 int64_t rows, int64_t columns, Type element, Layout layout) {
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0 ||
      element.getIntOrFloatBitWidth() > 32)
    return emitError() << "tiles hold elements of 1, 2 or 4 bytes, not " << element;
  if (stages < 1 || rows < 1 || columns < 1)
    return emitError() << "no tiles are " << stages << " stages of " << rows << " x " << columns;
  int64_t bytes = columns * element.getIntOrFloatBitWidth() / 8;
  if (bytes % chunkBytes != 0)
    return emitError() << "rows of " << bytes << " bytes are no chunks of " << chunkBytes;
  if (layout == Layout::Swizzled && !llvm::isPowerOf2_64(bytes))
    return emitError() << "rows of " << bytes << " bytes, no power of two, cannot be swizzled";
  return success();
}

LogicalResult BufferOp::verify() {
  if (getOffset() >= 0 && getOffset() % kBankBytes == 0)
    return success();
  return emitOpError("is at byte ") << getOffset() << ", which is no multiple of " << kBankBytes;
}

//===-- Accesses --===//

/// Whether a thread can access so many neighbours at once.
static LogicalResult verifyNeighbours(Operation *op, Type elements, BufferType buffer) {
  auto vector = cast<VectorType>(elements);
  int64_t count = vector.getNumElements();
  if (vector.getRank() != 1 || vector.getElementType() != buffer.getElement())
    return op->emitOpError("accesses elements of ") << buffer.getElement() << " as " << vector;
  if (!llvm::isPowerOf2_64(count) || count > buffer.getChunk())
    return op->emitOpError("accesses ")
           << count << " neighbours, where a chunk has " << buffer.getChunk();
  return success();
}

LogicalResult StoreOp::verify() {
  return verifyNeighbours(*this, getElements().getType(), getBuffer().getType());
}

LogicalResult LoadOp::verify() {
  return verifyNeighbours(*this, getElements().getType(), getBuffer().getType());
}

//===-- Products --===//

LogicalResult OperandOp::verify() {
  BufferType buffer = getBuffer().getType();
  if (buffer.getLayout() != Layout::Swizzled)
    return emitOpError("reads sixteen rows at a time, which conflict in ") << buffer;
  if (getRole() == Role::Lines && buffer.getElementBytes() != 2)
    return emitOpError("turns elements of 16 bits, not ") << buffer.getElement();
  if (getRole() == Role::PairedLines && !buffer.getElement().isF32())
    return emitOpError("pairs lines of f32, not of ") << buffer.getElement();
  int64_t width = getRole() == Role::PairedLines ? kBankBytes : kDepthBytes;
  if (buffer.getRowBytes() < width || buffer.getRows() < kSide)
    return emitOpError("is larger than a tile of ") << buffer;
  return success();
}

Number getNumber(Type element) {
  if (element.isF32())
    return Number::TF32;
  if (element.isF16())
    return Number::F16;
  if (element.isBF16())
    return Number::BF16;
  if (isa<Float8E4M3FNType>(element))
    return Number::E4M3;
  if (isa<Float8E5M2Type>(element))
    return Number::E5M2;
  return element.isUnsignedInteger() ? Number::U8 : Number::S8;
}

static bool isByte(Number number) { return number == Number::S8 || number == Number::U8; }
static bool isFloat8(Number number) { return number == Number::E4M3 || number == Number::E5M2; }

LogicalResult verifyNumbers(Operation *op, Number left, Number right, TypeRange sums) {
  bool areAlike =
      left == right || (isByte(left) && isByte(right)) || (isFloat8(left) && isFloat8(right));
  if (!areAlike)
    return op->emitOpError("multiplies ")
           << stringifyNumber(left) << " by " << stringifyNumber(right);
  for (Type each : sums)
    if (Type sum = cast<VectorType>(each).getElementType(); isByte(left) != sum.isInteger(32))
      return op->emitOpError("sums up products of ") << stringifyNumber(left) << " as " << sum;
  return success();
}

LogicalResult MmaOp::verify() {
  return verifyNumbers(*this, getLeftNumber(), getRightNumber(), getSums().getType());
}

LogicalResult verifyPlaces(Operation *op, Number number, int64_t part) {
  if (number == Number::TF32)
    return op->emitOpError("leaves out half of tf32, of which one of two is left, not two of four");
  int64_t parts = number == Number::F16 || number == Number::BF16 ? 2 : 1;
  if (part < 0 || part >= parts)
    return op->emitOpError("is part ") << part << " of " << parts;
  return success();
}

LogicalResult MmaSparseOp::verify() {
  if (failed(verifyPlaces(*this, getLeftNumber(), getPart())))
    return failure();
  return verifyNumbers(*this, getLeftNumber(), getRightNumber(), getSums().getType());
}

LogicalResult LeftOfSumsOp::verify() {
  if (isByte(getNumber()))
    return emitOpError("rounds sums to ") << stringifyNumber(getNumber()) << ", which is no float";
  if (isFloat8(getNumber()))
    return emitOpError("rounds sums to ")
           << stringifyNumber(getNumber()) << ", of which columns of sums are not a lane's";
  int64_t parts = getNumber() == Number::TF32 ? 2 : 1;
  if (getPart() >= parts)
    return emitOpError("is part ") << getPart() << " of " << parts;
  return success();
}

LogicalResult StoreSumsOp::verify() {
  BufferType buffer = getBuffer().getType();
  if (cast<VectorType>(getSums().getType()).getElementType() != buffer.getElement())
    return emitOpError("stores ") << getSums().getType() << " as " << buffer.getElement();
  if (buffer.getLayout() != Layout::Padded)
    return emitOpError("stores eight rows at a time, which conflict in ") << buffer;
  if (buffer.getRows() < kSide || buffer.getColumns() < kSide)
    return emitOpError("is larger than a tile of ") << buffer;
  return success();
}

} // namespace tenon::tile
