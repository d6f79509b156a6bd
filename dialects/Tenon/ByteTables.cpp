// Functions of a byte as tables of their 256 values.

#include "dialects/Tenon/ByteTables.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

bool readsByteTable(Operation *op) {
  auto gather = dyn_cast_or_null<GatherOp>(op);
  if (!gather || !getElementTypeOrSelf(gather.getIndices()).isInteger(8))
    return false;
  auto table = cast<RankedTensorType>(gather.getOperand().getType());
  return table.getElementType().isInteger(8) && table.getShape() == ArrayRef<int64_t>{kByteValues};
}

} // namespace tenon
