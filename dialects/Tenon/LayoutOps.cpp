// Weights in the forms that strategies read.

#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

LogicalResult UnpackOp::verify() {
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape() || type.getRank() < 2)
    return emitOpError("gives no weights of known sizes: ") << type;
  RankedTensorType packed = getLayout().getPackedType(type);
  if (!packed)
    return emitOpError("cannot lay out ") << type << " as " << getLayout();
  if (packed != getPacked().getType())
    return emitOpError("reads ") << getPacked().getType() << ", but " << type << " is " << packed
                                 << " in this form";
  return success();
}

Value UnpackOp::emitElement(ElementEmitter &e, unsigned, ArrayRef<LaneIndex> index) {
  return e.element(getPacked(), getLayout().getPackedIndex(e, getType(), index));
}

} // namespace tenon
