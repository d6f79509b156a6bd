// Signals, regions and linear algebra: shapes, and what their library functions take.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

static constexpr int64_t doubleBytes = 8;

// --- DFT ---

LogicalResult DftOp::verify() {
  auto from = cast<RankedTensorType>(getOperand().getType());
  auto to = cast<RankedTensorType>(getResult().getType());
  auto axis = static_cast<int64_t>(getAxis());
  if (from.getRank() != to.getRank() || axis < 0 || axis + 1 >= from.getRank())
    return emitOpError("axis ") << axis << " does not fit " << from << " and " << to;
  auto isPart = [](RankedTensorType type) {
    return type.getShape().back() == 1 || type.getShape().back() == 2;
  };
  if (!isPart(from) || !isPart(to))
    return emitOpError("the last dimension holds one or two parts, not as in ") << from;
  auto length = static_cast<int64_t>(getLength());
  if (length < 0 || (length > 0 && (to.isDynamicDim(axis) || to.getShape()[axis] > length)))
    return emitOpError("transforms of length ") << getLength() << " do not give " << to;
  return success();
}

std::string DftOp::getLibraryFunction() {
  return getLibraryFunctionName("dft", getElementTypeOrSelf(getOperand()));
}

/// Lines that are transformed side by side: a vector of doubles, unless they would leave the
/// caches.
static int64_t linesAtOnce(DftOp op) {
  constexpr uint64_t longLine = 1 << 13;
  return op.getLength() <= longLine ? 8 : 1;
}

void DftOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.append({static_cast<int64_t>(getAxis()), static_cast<int64_t>(getLength()), getInverse(),
               linesAtOnce(*this)});
}

AffineExpr DftOp::getScratchBytes() {
  constexpr int64_t buffers = 2, parts = 2;
  int64_t perElement = (buffers * linesAtOnce(*this) + 1) * parts * doubleBytes;
  if (getLength() > 0)
    return getAffineConstantExpr(llvm::alignTo(perElement * getLength(), 64), getContext());
  // The sum of two sizes is not less than the larger one.
  AffineExpr from = getDims(getOperand().getType())[getAxis()], to = getDims(getType())[getAxis()];
  return (from == to ? from : from + to) * llvm::alignTo(perElement, 64);
}

AffineExpr DftOp::getMaxTasks() {
  DimExprs dims = getDims(getOperand().getType());
  dims.pop_back();
  dims.erase(dims.begin() + getAxis());
  return product(dims, getContext()).ceilDiv(linesAtOnce(*this));
}

// --- Regions ---

/// Every channel of every region is a task.
template <typename OpT> static AffineExpr countChannels(OpT op) {
  DimExprs dims = getDims(op.getResult().getType());
  return dims[0] * dims[1];
}

template <typename OpT> static LogicalResult verifyBoxes(OpT op, int64_t numbers) {
  auto images = cast<RankedTensorType>(op.getOperand().getType());
  auto regions = cast<RankedTensorType>(op.getBoxes().getType());
  auto result = cast<RankedTensorType>(op.getResult().getType());
  if (images.getRank() == 4 && result.getRank() == 4 && regions.getRank() == 2 &&
      regions.getShape()[1] == numbers)
    return success();
  return op.emitOpError("regions ") << regions << " of " << images << " do not give " << result;
}

LogicalResult RoiAlignOp::verify() {
  if (failed(verifyBoxes(*this, 4)))
    return failure();
  Type images = makeTensorType(getDims(getBoxes().getType())[0], getElementTypeOrSelf(getImages()));
  if (!areCompatibleTypes(images, getImages().getType()))
    return emitOpError("has images ") << getImages().getType() << " for " << getBoxes().getType();
  return success();
}

std::string RoiAlignOp::getLibraryFunction() {
  return getLibraryFunctionName("roi_align", getElementTypeOrSelf(getOperand()));
}

void RoiAlignOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                     SmallVectorImpl<double> &floats) {
  ints.append({static_cast<int64_t>(getSamples()), getLargest(), getHalfPixel()});
  floats.push_back(getScale().convertToDouble());
}

AffineExpr RoiAlignOp::getMaxTasks() { return countChannels(*this); }

StringRef RoiAlignOp::getFailureReason() {
  return "a region's image is not between 0 and the number of images less 1";
}

LogicalResult MaxRoiPoolOp::verify() { return verifyBoxes(*this, 5); }

std::string MaxRoiPoolOp::getLibraryFunction() {
  return getLibraryFunctionName("max_roi_pool", getElementTypeOrSelf(getOperand()));
}

void MaxRoiPoolOp::getLibraryArguments(SmallVectorImpl<int64_t> &,
                                       SmallVectorImpl<double> &floats) {
  floats.push_back(getScale().convertToDouble());
}

AffineExpr MaxRoiPoolOp::getMaxTasks() { return countChannels(*this); }

StringRef MaxRoiPoolOp::getFailureReason() {
  return "a region's image is not between 0 and the number of images less 1";
}

// --- Matrices ---

/// The dimensions of a stack of matrices before the last two; fails where they are not square.
static FailureOr<DimExprs> getStack(std::optional<Location> loc, Type type) {
  DimExprs dims = getDims(type);
  size_t rank = dims.size();
  bool isSquare =
      rank >= 2 && (dims[rank - 1] == dims[rank - 2] || !isa<AffineConstantExpr>(dims[rank - 1]) ||
                    !isa<AffineConstantExpr>(dims[rank - 2]));
  if (!isSquare)
    return emitOptionalError(loc, "needs square matrices, not ", type);
  return DimExprs(dims.begin(), dims.end() - 2);
}

LogicalResult DetOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                      ValueRange operands, DictionaryAttr, OpaqueProperties,
                                      RegionRange, SmallVectorImpl<Type> &types) {
  FailureOr<DimExprs> stack = getStack(loc, operands[0].getType());
  if (failed(stack))
    return failure();
  types.push_back(makeTensorType(*stack, getElementTypeOrSelf(operands[0].getType())));
  return success();
}

std::string DetOp::getLibraryFunction() {
  return getLibraryFunctionName("det", getElementTypeOrSelf(getOperand()));
}

AffineExpr DetOp::getScratchBytes() {
  AffineExpr size = getDims(getOperand().getType()).back();
  return size * size * doubleBytes;
}

AffineExpr DetOp::getMaxTasks() { return product(getDims(getType()), getContext()); }

LogicalResult InverseOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                          ValueRange operands, DictionaryAttr, OpaqueProperties,
                                          RegionRange, SmallVectorImpl<Type> &types) {
  types.push_back(operands[0].getType());
  return getStack(loc, operands[0].getType());
}

std::string InverseOp::getLibraryFunction() {
  return getLibraryFunctionName("inverse", getElementTypeOrSelf(getOperand()));
}

AffineExpr InverseOp::getScratchBytes() {
  AffineExpr size = getDims(getOperand().getType()).back();
  return size * size * (2 * doubleBytes);
}

AffineExpr InverseOp::getMaxTasks() {
  DimExprs stack = getDims(getType());
  stack.pop_back_n(2);
  return product(stack, getContext());
}

} // namespace tenon
