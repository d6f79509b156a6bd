// Optimizer steps of ai.onnx.preview.training: arithmetic on each parameter and its state.

#include "lib/Importer/Ops/TensorMath.h"

using namespace mlir;

namespace tenon {

using Group = SmallVector<Value>;

/// Operands are a learning rate, a count of steps, then `parts` lists: parameters, gradients,
/// states. `update` gives the new parameter and states of one parameter; the outputs are lists
/// again.
static Results importOptimizer(NodeImporter &node, unsigned parts,
                               llvm::function_ref<Group(ArrayRef<Value>)> update) {
  unsigned count = (node.numOperands() - 2) / parts;
  if (count * parts + 2 != node.numOperands())
    return node.emitError() << "parameters, gradients and states differ in number";
  SmallVector<Value> outputs((parts - 1) * count);
  for (unsigned i = 0; i < count; ++i) {
    Group operands;
    for (unsigned part = 0; part < parts; ++part)
      operands.push_back(node.operand(2 + part * count + i));
    for (auto [part, value] : llvm::enumerate(update(operands)))
      outputs[part * count + i] = value;
  }
  return outputs;
}

static Value regularize(NodeImporter &node, Value x, Value gradient) {
  TensorMath m(node);
  return m.add(m.mul(x, node.getFloat("norm_coefficient", 0)), gradient);
}

static Results importMomentum(NodeImporter &node) {
  TensorMath m(node);
  Value rate = node.operand(0), isFirst = m.lessEqual(node.operand(1), 0.0);
  double alpha = node.getFloat("alpha"), beta = node.getFloat("beta");
  StringRef mode = node.getString("mode");
  return importOptimizer(node, 3, [&](ArrayRef<Value> p) -> Group {
    Value gradient = regularize(node, p[0], p[1]);
    // The first gradient counts in full.
    Value weight = m.select(isFirst, m.scalar(p[0], 1), m.scalar(p[0], beta));
    Value velocity = m.add(m.mul(p[2], alpha), m.mul(weight, gradient));
    Value step = mode == "nesterov" ? m.add(gradient, m.mul(velocity, alpha)) : velocity;
    return {m.sub(p[0], m.mul(step, rate)), velocity};
  });
}

static Results importAdagrad(NodeImporter &node) {
  TensorMath m(node);
  double decay = node.getFloat("decay_factor", 0), epsilon = node.getFloat("epsilon", 0);
  Value rate = node.operand(0);
  Value time = node.cast(node.operand(1), node.elementType(rate));
  rate = m.div(rate, m.add(m.mul(time, decay), 1));
  return importOptimizer(node, 3, [&](ArrayRef<Value> p) -> Group {
    Value gradient = regularize(node, p[0], p[1]);
    Value sum = m.add(p[2], m.mul(gradient, gradient));
    Value step = m.div(m.mul(gradient, rate), m.add(m.sqrt(sum), epsilon));
    return {m.sub(p[0], step), sum};
  });
}

static Results importAdam(NodeImporter &node) {
  TensorMath m(node);
  double alpha = node.getFloat("alpha", 0.9), beta = node.getFloat("beta", 0.999);
  double epsilon = node.getFloat("epsilon", 0);
  double post = node.getFloat("norm_coefficient_post", 0);
  Value rate = node.operand(0);
  Value time = node.cast(node.operand(1), node.elementType(rate));
  // Both averages start at zero, which later steps correct.
  auto missing = [&](double decay) {
    return m.sub(m.scalar(rate, 1), m.pow(m.scalar(rate, decay), time));
  };
  Value corrected = m.div(m.mul(rate, m.sqrt(missing(beta))), missing(alpha));
  rate = m.select(m.less(0.0, time), corrected, rate);
  return importOptimizer(node, 4, [&](ArrayRef<Value> p) -> Group {
    Value gradient = regularize(node, p[0], p[1]);
    Value mean = m.add(m.mul(p[2], alpha), m.mul(gradient, 1 - alpha));
    Value square = m.add(m.mul(p[3], beta), m.mul(m.mul(gradient, gradient), 1 - beta));
    Value step = m.div(m.mul(mean, rate), m.add(m.sqrt(square), epsilon));
    return {m.mul(m.sub(p[0], step), 1 - post), mean, square};
  });
}

void registerTrainingOps(OpRegistry &registry) {
  auto add = [&](StringRef name, ImportFunction import) {
    registry.add("ai.onnx.preview.training", name, 1, {3, Arity::unbounded}, import);
  };
  add("Momentum", importMomentum);
  add("Adagrad", importAdagrad);
  add("Adam", importAdam);
}

} // namespace tenon
