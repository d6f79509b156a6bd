// What an element costs to compute: functions of the math dialect become polynomials of about ten
// instructions, nearly everything else is one.

#include "dialects/Tenon/ElementCost.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

int64_t getElementCost(Operation *op) {
  if (isa<ExpOp, LogOp, ErfOp, SigmoidOp, SoftplusOp, TanhOp, SiluOp, GeluOp, PowOp, SinOp, CosOp,
          TransposeOp, GatherOp>(op))
    return 10;
  return isa<ConstantOp, ReshapeOp>(op) ? 0 : 1;
}

} // namespace tenon
