// AttnLSTM of com.microsoft: an LSTM whose cell is also given what it attends to in a memory.
//
// A step of one direction, with the memory M [B, T', E], its keys K = M MW and the attention a:
//
//     i, o, f, c = [x, a] W' + h R' + bias         h, C: as in LSTM, with peepholes
//     p = softmax over memory of V · tanh(K + h QW)
//     a = p M, or [h, p M] AW if there is an attention layer
//
// Only the part of W that reads x is one product for all steps; the rest depends on the step
// before.

#include "lib/Importer/Ops/Loops.h"
#include "lib/Importer/Ops/Recurrent.h"

using namespace mlir;

namespace tenon {

/// An activation of a recurrent cell on a tensor.
static Value activate(NodeImporter &node, const Activation &activation, Value x) {
  TensorMath m(node);
  double alpha = activation.alpha, beta = activation.beta;
  switch (activation.kind) {
  case RecurrentActivation::Sigmoid:
    return node.infer<SigmoidOp>(x);
  case RecurrentActivation::Tanh:
    return node.infer<TanhOp>(x);
  case RecurrentActivation::Relu:
    return node.infer<ReluOp>(x);
  case RecurrentActivation::Affine:
    return m.add(m.mul(x, alpha), beta);
  case RecurrentActivation::LeakyRelu:
    return m.select(m.less(x, 0.0), m.mul(x, alpha), x);
  case RecurrentActivation::ThresholdedRelu:
    return m.select(m.less(alpha, x), x, m.scalar(x, 0));
  case RecurrentActivation::ScaledTanh:
    return m.mul(node.infer<TanhOp>(m.mul(x, beta)), alpha);
  case RecurrentActivation::HardSigmoid:
    return m.clamp(m.add(m.mul(x, alpha), beta), 0, 1);
  case RecurrentActivation::Elu:
    return m.select(m.less(x, 0.0), m.mul(m.sub(m.exp(x), 1), alpha), x);
  case RecurrentActivation::Softsign:
    return m.div(x, m.add(m.abs(x), 1));
  case RecurrentActivation::Softplus:
    return node.infer<SoftplusOp>(x);
  }
  llvm_unreachable("all activations are above");
}

namespace {

/// What one direction multiplies with.
struct Weights {
  Value input, attention, recurrent; // [I, 4H], [A, 4H] and [H, 4H]
  Value bias;                        // [4H]; may be null
  Value peepholes;                   // [3H], for i, o and f; may be null
  Value query, score;                // [H, D] and [D]
  Value keys, memory;                // [B, T', D] and [B, T', E]
  Value layer;                       // [H + E, A]; may be null
};

class AttentionLstm {
public:
  explicit AttentionLstm(NodeImporter &node) : n(node), m(node), cell(node, lstmTraits) {}

  Results import();

private:
  enum Operand { X, W, R, B, Lengths, InitialH, InitialC, P, QW, MW, V, M, MemoryLengths, AW };

  bool read();
  Weights getWeights(int64_t direction);
  Value getState(unsigned number, int64_t direction);
  SmallVector<Value> step(const Weights &weights, Value gates, ValueRange states);
  Value attend(const Weights &weights, Value hidden);
  Results run(int64_t direction);

  /// The part of an operand that belongs to a direction, as f32; null if there is none.
  Value pick(unsigned number, int64_t direction) {
    Value x = cell.get(number);
    return x ? m.squeeze(m.slice(x, 0, direction, 1), {0}) : x;
  }
  Value turn(Value x) { return m.transpose(x, {1, 0}); }
  Value multiply(Value a, Value b) { return n.infer<MatMulOp>({a, b}); }
  Value clip(Value x) {
    std::optional<double> limit = cell.getClip();
    return limit ? m.clamp(x, -*limit, *limit) : x;
  }
  const Activation &activation(int64_t direction, int64_t which) {
    return cell.activations[3 * direction + which];
  }

  NodeImporter &n;
  TensorMath m;
  RecurrentImporter cell;
  int64_t hidden = 0, current = 0;
  AffineExpr steps, batch, width, attentionWidth;
  Value lengths; // i64 [B, 1]; may be null
};

} // namespace

bool AttentionLstm::read() {
  for (unsigned number : {QW, MW, V, M})
    if (!n.operand(number))
      n.emitError() << "input " << number << " is missing: without attention, this is an LSTM";
  if (n.hasFailed() || !n.checkRank(n.operand(X), 3) || !n.checkRank(n.operand(M), 3) ||
      !n.checkRank(n.operand(QW), 3) || !n.checkRank(n.operand(MW), 3) ||
      !n.checkRank(n.operand(V), 2))
    return false;
  steps = n.dim(n.operand(X), 0);
  batch = n.dim(n.operand(X), 1);
  width = n.dim(n.operand(X), 2);
  attentionWidth = n.operand(AW) ? n.dim(n.operand(AW), -1) : n.dim(n.operand(M), 2);
  if (Value given = n.operand(Lengths))
    lengths = m.unsqueeze(n.cast(given, n.builder().getI64Type()), {1});
  return true;
}

Weights AttentionLstm::getWeights(int64_t direction) {
  Weights weights;
  Value input = turn(pick(W, direction));
  weights.input = m.slice(input, 0, n.expr(0), width);
  weights.attention = m.slice(input, 0, width, attentionWidth);
  weights.recurrent = turn(pick(R, direction));
  if (Value bias = pick(B, direction))
    weights.bias = m.add(m.slice(bias, 0, 0, 4 * hidden), m.slice(bias, 0, 4 * hidden, 4 * hidden));
  weights.peepholes = pick(P, direction);
  weights.query = pick(QW, direction);
  weights.score = pick(V, direction);
  weights.layer = pick(AW, direction);
  weights.memory = cell.get(M);
  weights.keys = multiply(weights.memory, pick(MW, direction));
  return weights;
}

Value AttentionLstm::attend(const Weights &weights, Value hidden) {
  Value query = m.unsqueeze(multiply(hidden, weights.query), {1});
  Value energy = n.infer<TanhOp>(m.add(weights.keys, query));
  Value scores = m.squeeze(m.sum(m.mul(energy, weights.score), 2), {2});
  if (Value ends = n.operand(MemoryLengths)) {
    ends = m.unsqueeze(n.cast(ends, n.builder().getI64Type()), {1});
    Value counts = m.less(m.iotaAlong(2, 1, n.dim(weights.memory, 1)), ends);
    scores = m.select(counts, scores, m.scalar(scores, -HUGE_VAL));
  }
  Value shares = m.unsqueeze(n.infer<SoftmaxOp>(scores, n.attr("axis", 1)), {1});
  Value context = m.squeeze(multiply(shares, weights.memory), {1});
  return weights.layer ? multiply(m.concat({hidden, context}, 1), weights.layer) : context;
}

/// The states [hidden, cell, attention] after a step.
SmallVector<Value> AttentionLstm::step(const Weights &weights, Value gates, ValueRange states) {
  Value before = states[1];
  gates = m.add(gates, multiply(states[2], weights.attention));
  gates = m.add(gates, multiply(states[0], weights.recurrent));
  if (weights.bias)
    gates = m.add(gates, weights.bias);
  auto gate = [&](int64_t which) { return m.slice(gates, 1, which * hidden, hidden); };
  auto peep = [&](Value x, Value state, int64_t which) {
    Value weight = weights.peepholes;
    return weight ? m.add(x, m.mul(state, m.slice(weight, 0, which * hidden, hidden))) : x;
  };
  auto apply = [&](int64_t which, Value x) {
    return activate(n, activation(current, which), clip(x));
  };
  Value input = apply(0, peep(gate(0), before, 0));
  Value forget = n.getBool("input_forget", false) ? m.sub(m.scalar(input, 1), input)
                                                  : apply(0, peep(gate(2), before, 2));
  Value next = m.add(m.mul(forget, before), m.mul(input, apply(1, gate(3))));
  Value output = apply(0, peep(gate(1), next, 1));
  Value result = m.mul(output, activate(n, activation(current, 2), next));
  return {result, next, attend(weights, result)};
}

Value AttentionLstm::getState(unsigned number, int64_t direction) {
  if (Value state = pick(number, direction))
    return m.sized(state, {batch, n.expr(hidden)}, "an initial state");
  return m.broadcast(n.makeScalar(n.builder().getF32Type(), 0), {batch, n.expr(hidden)});
}

/// The outputs [T, B, H], and the last hidden state and cell [B, H].
Results AttentionLstm::run(int64_t direction) {
  current = direction;
  bool isReversed = cell.direction == RecurrentDirection::Reverse || direction == 1;
  Weights weights = getWeights(direction);
  Value x = cell.get(X), ends = lengths;
  if (!ends)
    ends = m.broadcast(m.shapeScalar(steps), {batch, n.expr(1)});
  if (isReversed)
    x = reverseSequences(n, x, m.squeeze(ends, {1}), 0, 1);
  Value all = multiply(x, weights.input);
  Value attention = m.broadcast(n.makeScalar(n.builder().getF32Type(), 0), {batch, attentionWidth});
  SmallVector<Value> inits = {getState(InitialH, direction), getState(InitialC, direction),
                              attention};
  if (n.hasFailed() || !all)
    return failure();
  auto body = [&](Value iteration, Block::BlockArgListType carried) -> Results {
    SmallVector<Value> next = step(weights, m.gather(all, iteration, 0), ValueRange(carried));
    // A row that has ended keeps its states, and gives zeros.
    Value goesOn = m.less(iteration, ends);
    SmallVector<Value> values = {n.makeScalar(n.builder().getI1Type(), 1)};
    for (auto [state, last] : llvm::zip_equal(next, carried))
      values.push_back(m.select(goesOn, state, last));
    values.push_back(m.select(goesOn, next[0], m.scalar(next[0], 0)));
    if (n.hasFailed())
      return failure();
    return values;
  };
  Results results = buildLoop(n, steps, inits, body);
  if (failed(results))
    return failure();
  Value outputs = results->back();
  if (isReversed)
    outputs = reverseSequences(n, outputs, m.squeeze(ends, {1}), 0, 1);
  return {{outputs, (*results)[0], (*results)[1]}};
}

Results AttentionLstm::import() {
  if (!read())
    return failure();
  // The cell's input is x and the attention: it is read as if the node's were as wide.
  Value x = n.operand(X);
  DimExprs wide = n.dims(x);
  wide[2] = width + attentionWidth;
  n.setOperand(X, m.pad(x, {n.expr(0), n.expr(0), n.expr(0)}, wide));
  if (!n.operand(X) || !cell.read())
    return failure();
  n.setOperand(X, x);
  hidden = cell.hidden;
  SmallVector<Value> parts[3];
  for (int64_t direction = 0; direction < cell.directions; ++direction) {
    Results results = run(direction);
    if (failed(results))
      return failure();
    for (auto [number, result] : llvm::enumerate(*results))
      parts[number].push_back(m.unsqueeze(result, number == 0 ? 1 : 0));
  }
  Type type = n.elementType(x);
  return {{n.cast(m.concat(parts[0], 1), type), n.cast(m.concat(parts[1], 0), type),
           n.cast(m.concat(parts[2], 0), type)}};
}

// Operands: those of LSTM, weights of the query and of the memory, the vector of scores, the
// memory, its lengths, weights of the attention layer.
static Results importAttentionLstm(NodeImporter &node) { return AttentionLstm(node).import(); }

void registerAttentionLstmOps(OpRegistry &registry) {
  registry.add("com.microsoft", "AttnLSTM", 1, {3, 14}, importAttentionLstm);
}

} // namespace tenon
