// What ops of warps with different roles must be.

#include "dialects/Tile/TileDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::tile {

/// Columns of each of the sums, and the most of one instruction.
static constexpr int64_t kMostColumns = 256;

LogicalResult RegistersOp::verify() {
  constexpr uint32_t least = 24, most = 256, step = 8;
  if (getCount() >= least && getCount() <= most && getCount() % step == 0)
    return success();
  return emitOpError("gives threads ")
         << getCount() << " registers, which are " << least << " to " << most << " by eights";
}

//===-- Barriers --===//

LogicalResult BarriersType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t count) {
  if (count > 0)
    return success();
  return emitError() << "no barriers are " << count;
}

LogicalResult BarriersOp::verify() {
  if (getOffset() >= 0 && getOffset() % BarriersType::barrierBytes == 0)
    return success();
  return emitOpError("is at byte ")
         << getOffset() << ", which is no multiple of " << BarriersType::barrierBytes;
}

//===-- Copies --===//

/// Whether rows lie as the copy engine and matrix units swizzle them.
static LogicalResult verifyRows(Operation *op, BufferType buffer) {
  int64_t bytes = buffer.getRowBytes();
  if (buffer.getLayout() == Layout::Swizzled && llvm::isPowerOf2_64(bytes) &&
      bytes >= kShortestRow && bytes <= kLongestRow)
    return success();
  return op->emitOpError("takes swizzled rows of ")
         << kShortestRow << " to " << kLongestRow << " bytes, not " << buffer;
}

LogicalResult BringOp::verify() {
  constexpr size_t mostDimensions = 5;
  if (!isa<LLVM::LLVMPointerType>(getMap().getType()))
    return emitOpError("reads a tensor by a map at ") << getMap().getType() << ", no pointer";
  size_t rank = getOrigin().size();
  if (rank == 0 || rank > mostDimensions)
    return emitOpError("brings boxes of ") << rank << " dimensions, where 1 to 5 are possible";
  // All but channels and images are spatial.
  if (!getTap().empty() && getTap().size() + 2 != rank)
    return emitOpError("has a filter of ")
           << getTap().size() << " dimensions on a tensor of " << rank;
  return verifyRows(*this, getBuffer().getType());
}

//===-- Products --===//

LogicalResult MultiplyOp::verify() {
  if (failed(verifyRows(*this, getLeft().getType())) ||
      failed(verifyRows(*this, getRight().getType())) ||
      failed(verifyNumbers(*this, getLeftNumber(), getRightNumber(), getSums().getTypes())))
    return failure();
  if (getSums().empty() || static_cast<int64_t>(getSums().size()) * kSide > kMostColumns)
    return emitOpError("multiplies ") << getSums().size() * kSide << " columns, where " << kSide
                                      << " to " << kMostColumns << " are possible";
  if (getSums().getTypes() != getResults().getTypes())
    return emitOpError("adds to sums of another type than its results");
  if (getPlaces() && failed(verifyPlaces(*this, getLeftNumber(), getPart())))
    return failure();
  if (!getPanel())
    return success();
  BufferType right = getRight().getType();
  int64_t panelColumns = right.getColumns();
  if (right.getElementBytes() != 2 || right.getRowBytes() != kLongestRow)
    return emitOpError("turns elements of 16 bits in rows of ")
           << kLongestRow << " bytes, not " << right;
  if (static_cast<int64_t>(getSums().size()) * kSide % panelColumns != 0)
    return emitOpError("has panels of ")
           << panelColumns << " columns, of which " << getSums().size() * kSide << " is not made";
  return success();
}

LogicalResult WaitProductsOp::verify() {
  if (getSums().getTypes() != getResults().getTypes())
    return emitOpError("gives sums of another type than it gets");
  if (getPending() != 0 && !getSums().empty())
    return emitOpError("gives sums while products are under way");
  return success();
}

} // namespace tenon::tile
