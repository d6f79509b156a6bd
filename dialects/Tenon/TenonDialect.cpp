// Registration of the dialect, and what its ops share.

#include "dialects/Tenon/TenonDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "dialects/Tenon/TenonDialect.cpp.inc"
#include "dialects/Tenon/TenonEnums.cpp.inc"
#include "dialects/Tenon/TenonInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Tenon/TenonAttributes.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Tenon/TenonTypes.cpp.inc"

namespace tenon {

void TenonDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Tenon/TenonAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Tenon/TenonTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Tenon/TenonOps.cpp.inc"
      >();
}

Operation *TenonDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                             Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}

bool isConstantValue(Value value) {
  Operation *op = value.getDefiningOp();
  return op && (isa<ConstantOp>(op) ||
                (isa<ElementalOpInterface>(op) && !isa<LibraryOpInterface>(op) &&
                 op->getNumOperands() > 0 && llvm::all_of(op->getOperands(), isConstantValue)));
}

std::optional<double> getSplat(Value value) {
  Operation *op = value.getDefiningOp();
  while (isa_and_nonnull<ReshapeOp, BroadcastOp>(op))
    op = op->getOperand(0).getDefiningOp();
  auto constant = dyn_cast_or_null<ConstantOp>(op);
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  if (!elements || !elements.isSplat() || !elements.getElementType().isIntOrFloat())
    return std::nullopt;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().convertToDouble();
  APInt integer = elements.getSplatValue<APInt>();
  return elements.getElementType().isUnsignedInteger()
             ? static_cast<double>(integer.getZExtValue())
             : static_cast<double>(integer.getSExtValue());
}

LogicalResult inferBroadcastType(std::optional<Location> loc, ValueRange operands, Type elementType,
                                 SmallVectorImpl<Type> &types) {
  SmallVector<DimExprs> dims;
  for (Value operand : operands)
    dims.push_back(getDims(operand.getType()));
  FailureOr<DimExprs> result = broadcastDims(dims, elementType.getContext());
  if (failed(result)) {
    std::string shapes;
    llvm::raw_string_ostream stream(shapes);
    llvm::interleaveComma(operands.getTypes(), stream);
    return emitOptionalError(loc, "shapes do not broadcast: ", shapes);
  }
  types.push_back(makeTensorType(*result, elementType));
  return success();
}

bool areCompatibleTypes(TypeRange lhs, TypeRange rhs) {
  if (lhs.size() != rhs.size())
    return false;
  for (auto [left, right] : llvm::zip(lhs, rhs)) {
    auto a = dyn_cast<RankedTensorType>(left), b = dyn_cast<RankedTensorType>(right);
    if (!a && !b && left == right)
      continue;
    if (!a || !b || a.getElementType() != b.getElementType() || a.getRank() != b.getRank())
      return false;
    for (auto [x, y] : llvm::zip(a.getShape(), b.getShape()))
      if (x != y && !ShapedType::isDynamic(x) && !ShapedType::isDynamic(y))
        return false;
  }
  return true;
}

SmallVector<LaneIndex> broadcastIndex(ElementEmitter &emitter, Value operand,
                                      ArrayRef<AffineExpr> resultDims, ArrayRef<LaneIndex> index) {
  DimExprs dims = getDims(operand.getType());
  SmallVector<LaneIndex> result;
  size_t offset = resultDims.size() - dims.size();
  for (auto [number, dim] : llvm::enumerate(dims)) {
    LaneIndex position = index[offset + number];
    AffineExpr resultDim = resultDims[offset + number];
    auto constant = dyn_cast<AffineConstantExpr>(dim);
    if (dim == resultDim ||
        (constant ? constant.getValue() != 1 : emitter.sizesAgree() && number + 1 == dims.size())) {
      result.push_back(position);
      continue;
    }
    if (constant) {
      result.push_back(emitter.index(0));
      continue;
    }
    // Sizes that differ as expressions: equal at run time, or 1.
    Value size = emitter.value(dim);
    Value isOne = emitter.equal(emitter.uniform(size), emitter.index(1));
    result.push_back(emitter.select(isOne, emitter.index(0), position));
  }
  return result;
}

} // namespace tenon
