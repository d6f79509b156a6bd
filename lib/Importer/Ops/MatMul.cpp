// Matrix products.

#include "lib/Importer/Ops/Contractions.h"

using namespace mlir;

namespace tenon {

Value buildMatMul(NodeImporter &node, Value lhs, Value rhs, bool mayRoundInput) {
  TensorMath m(node);
  if (!lhs || !rhs)
    return nullptr;
  int64_t leftRank = node.rank(lhs), rightRank = node.rank(rhs);
  if (leftRank == 0 || rightRank == 0) {
    node.emitError() << "scalars have no matrix product: " << lhs.getType() << " and "
                     << rhs.getType();
    return nullptr;
  }
  if (leftRank == 1)
    lhs = m.unsqueeze(lhs, {0});
  if (rightRank == 1)
    rhs = m.unsqueeze(rhs, {1});
  Value result = node.infer<MatMulOp>({lhs, rhs});
  if (!result)
    return result;
  result.getDefiningOp<MatMulOp>().setMayRoundInput(mayRoundInput);
  SmallVector<int64_t> dropped;
  if (leftRank == 1)
    dropped.push_back(node.rank(result) - 2);
  if (rightRank == 1)
    dropped.push_back(node.rank(result) - 1);
  return m.squeeze(result, dropped);
}

static Results importMatMul(NodeImporter &node) {
  return {{buildMatMul(node, node.operand(0), node.operand(1))}};
}

bool prepareGemm(NodeImporter &node, Value &lhs, Value &rhs, Value addend) {
  TensorMath m(node);
  if (node.rank(lhs) != 2 || node.rank(rhs) != 2) {
    node.emitError() << "needs matrices, not " << lhs.getType() << " and " << rhs.getType();
    return false;
  }
  if (addend && node.rank(addend) > 2) {
    node.emitError() << addend.getType() << " does not broadcast to a matrix";
    return false;
  }
  if (node.getBool("transA", false))
    lhs = m.transpose(lhs, {1, 0});
  if (node.getBool("transB", false))
    rhs = m.transpose(rhs, {1, 0});
  return !node.hasFailed();
}

Value buildGemm(NodeImporter &node) {
  TensorMath m(node);
  Value lhs = node.operand(0), rhs = node.operand(1), bias = node.operand(2);
  if (!prepareGemm(node, lhs, rhs, bias))
    return nullptr;
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  Value result = node.infer<MatMulOp>({lhs, rhs});
  if (alpha != 1)
    result = m.mul(result, alpha);
  if (!bias || beta == 0)
    return result;
  return m.add(result, beta == 1 ? bias : m.mul(bias, beta));
}

static Results importGemm(NodeImporter &node) { return {{buildGemm(node)}}; }

void registerMatMulOps(OpRegistry &registry) {
  registry.add("MatMul", 1, 2, importMatMul);
  registry.add("Gemm", 1, {2, 3}, importGemm);
}

} // namespace tenon
