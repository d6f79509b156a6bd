// Reading at positions that data gives.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

static Results importGather(NodeImporter &node) {
  int64_t axis = node.getAxis("axis", 0, node.rank(node.operand(0)));
  return {{TensorMath(node).gather(node.operand(0), node.operand(1), axis)}};
}

static Results importGatherElements(NodeImporter &node) {
  int64_t axis = node.getAxis("axis", 0, node.rank(node.operand(0)));
  return {{node.infer<GatherElementsOp>(node.operands(), node.attr("axis", axis))}};
}

static Results importGatherND(NodeImporter &node) {
  return {{node.infer<GatherNDOp>(node.operands(),
                                  node.attr("batchDims", node.getInt("batch_dims", 0)))}};
}

void registerGatherOps(OpRegistry &registry) {
  registry.add("Gather", 1, 2, importGather);
  registry.add("GatherElements", 11, 2, importGatherElements);
  registry.add("GatherND", 11, 2, importGatherND);
}

} // namespace tenon
