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

/// The indices with as many numbers per tuple as the result's rank tells, and the operand's
/// batches.
static Value sizeTuples(NodeImporter &node, Value indices, int64_t batch) {
  DimExprs dims = node.dims(node.operand(0)), sizes = node.dims(indices);
  int64_t rank = dims.size(), outer = static_cast<int64_t>(sizes.size()) - 1;
  if (!isa<AffineConstantExpr>(sizes[outer])) {
    std::optional<int64_t> declared = node.declaredRank(0);
    if (!declared) {
      node.emitError()
          << "the rank of the result depends on the length of index tuples, which only "
             "a run tells; the model must declare the type of '"
          << node.outputName(0) << "'";
      return nullptr;
    }
    sizes[outer] = node.expr(outer + rank - batch - *declared);
  }
  for (int64_t i = 0; i < std::min(batch, std::min(rank, outer)); ++i)
    sizes[i] = dims[i];
  return TensorMath(node).sized(indices, sizes, "indices");
}

static Results importGatherND(NodeImporter &node) {
  int64_t batch = node.getInt("batch_dims", 0);
  if (!node.checkRank(node.operand(1), 1))
    return failure();
  Value indices = sizeTuples(node, node.operand(1), batch);
  return {{node.infer<GatherNDOp>({node.operand(0), indices}, node.attr("batchDims", batch))}};
}

void registerGatherOps(OpRegistry &registry) {
  registry.add("Gather", 1, 2, importGather);
  registry.add("GatherElements", 11, 2, importGatherElements);
  registry.add("GatherND", 11, 2, importGatherND);
  registry.add("com.microsoft", "GatherND", 1, 2, importGatherND);
}

} // namespace tenon
