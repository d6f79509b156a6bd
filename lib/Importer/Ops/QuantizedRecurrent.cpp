// DynamicQuantizeLSTM of com.microsoft: an LSTM whose weights are quantized, and whose inputs and
// states are quantized on the way by their own ranges.
//
//     gates [T, B, 4*H] = (quantize(X) · (W - zw)) * (sx sw) + bias      for all steps at once
//     sums = gates[t] + (quantize(h) · (R - zr)) * (sh sr)               in step t
//
// The states of all rows of a step are quantized together, as ONNX Runtime does on one thread. So
// the recurrence is a loop over integer products, one for each direction; one that goes backwards
// gets its sequences turned around.

#include "lib/Importer/Ops/Activations.h"
#include "lib/Importer/Ops/Loops.h"
#include "lib/Importer/Ops/Quantize.h"
#include "lib/Importer/Ops/Recurrent.h"

using namespace mlir;

namespace tenon {
namespace {

/// An operand of weights, where its scales are, and where its zero points.
struct WeightOperands {
  unsigned values, scale, zero;
};
constexpr WeightOperands inputWeights = {1, 8, 9}, recurrentWeights = {2, 10, 11};

/// Quantized weights of one direction.
struct Weights {
  Value values, scale, zero;
};

/// What a direction leaves: all hidden states [T, B, H], the last ones and the last cells [B, H].
struct DirectionResults {
  Value all, last, cells;
};

class QuantizedLstm {
public:
  explicit QuantizedLstm(NodeImporter &node)
      : n(node), m(node), cell(node, lstmTraits, WeightOrder::InputsFirst) {}

  Results build();

private:
  bool read();
  bool checkParameter(unsigned number, StringRef what);
  /// What an operand [D, ...] has for direction d; null where it is missing.
  Value getPart(Value all, int64_t d);
  Weights getWeights(WeightOperands operands, int64_t d) {
    return {getPart(n.operand(operands.values), d), getPart(n.operand(operands.scale), d),
            getPart(n.operand(operands.zero), d)};
  }
  /// The product in f32.
  Value multiply(const DynamicallyQuantized &x, const Weights &weights);
  Value buildGates(int64_t d);
  Value turnAround(Value steps);
  Value activate(int64_t number, Value x);
  /// The next hidden state and cells from the sums of the gates.
  std::pair<Value, Value> step(Value sums, Value cells, Value peepholes, int64_t d);
  DirectionResults runDirection(int64_t d);

  NodeImporter &n;
  TensorMath m;
  RecurrentImporter cell;
  DynamicallyQuantized inputs;
  /// [B] between 0 and T; null: all steps count.
  Value lengths;
  AffineExpr steps, batch;
};

} // namespace

bool QuantizedLstm::checkParameter(unsigned number, StringRef what) {
  Value parameter = n.operand(number);
  if (!parameter) {
    n.emitError() << "input " << number << ", " << what << ", is missing";
    return false;
  }
  DimExprs dims = {n.expr(cell.directions)};
  if (n.rank(parameter) != 1)
    dims.push_back(n.expr(cell.traits.gates * cell.hidden));
  cell.setSizes(number, dims, what);
  return !n.hasFailed();
}

bool QuantizedLstm::read() {
  if (cell.batchFirst) {
    n.emitAttributeError("layout") << "is not supported";
    return false;
  }
  if (!cell.read())
    return false;
  for (WeightOperands weights : {inputWeights, recurrentWeights})
    if (!checkParameter(weights.scale, "scales of weights") ||
        !checkParameter(weights.zero, "zero points of weights"))
      return false;
  Value x = n.operand(0);
  steps = n.dim(x, 0);
  batch = n.dim(x, 1);
  if (Value given = n.operand(4)) {
    Value most = m.shapeScalar(steps);
    lengths = m.max(m.min(n.cast(given, n.builder().getI64Type()), most), 0.0);
    // Steps beyond the longest sequence have no part in the range.
    Value longest = m.toScalar(m.maximum(lengths, 0));
    x = m.select(m.less(m.iotaAlong(3, 0, steps), longest), x, m.scalar(x, 0));
  }
  inputs = quantizeDynamically(n, x);
  return !n.hasFailed();
}

Value QuantizedLstm::getPart(Value all, int64_t d) {
  return all ? m.squeeze(m.slice(all, 0, d, 1), {0}) : all;
}

Value QuantizedLstm::multiply(const DynamicallyQuantized &x, const Weights &weights) {
  Value sums = multiplyQuantized(n, x.values, x.zero, weights.values, weights.zero);
  return scaleSums(n, sums, m.mul(x.scale, weights.scale));
}

Value QuantizedLstm::buildGates(int64_t d) {
  Value gates = multiply(inputs, getWeights(inputWeights, d));
  Value bias = getPart(cell.buildBias(), d);
  return bias ? m.add(gates, bias) : gates;
}

Value QuantizedLstm::turnAround(Value sequences) {
  return lengths ? reverseSequences(n, sequences, lengths, 0, 1)
                 : m.slice(sequences, 0, steps - 1, steps, -1);
}

Value QuantizedLstm::activate(int64_t number, Value x) {
  auto [kind, alpha, beta] = cell.activations[number];
  switch (kind) {
  case RecurrentActivation::Sigmoid:
    return n.infer<SigmoidOp>(x);
  case RecurrentActivation::Tanh:
    return n.infer<TanhOp>(x);
  case RecurrentActivation::Relu:
    return m.max(x, 0.0);
  case RecurrentActivation::Affine:
    return m.add(m.mul(x, alpha), beta);
  case RecurrentActivation::LeakyRelu:
    return buildLeakyRelu(n, x, alpha);
  case RecurrentActivation::ThresholdedRelu:
    return buildThresholdedRelu(n, x, alpha);
  case RecurrentActivation::ScaledTanh:
    return m.mul(n.infer<TanhOp>(m.mul(x, beta)), alpha);
  case RecurrentActivation::HardSigmoid:
    return buildHardSigmoid(n, x, alpha, beta);
  case RecurrentActivation::Elu:
    return buildElu(n, x, alpha);
  case RecurrentActivation::Softsign:
    return buildSoftsign(n, x);
  case RecurrentActivation::Softplus:
    return n.infer<SoftplusOp>(x);
  }
  llvm_unreachable("unknown activation");
}

// i = f(gi + pi C)   f = f(gf + pf C)   C' = f C + i g(gc)   o = f(go + po C')   h = o h(C')
std::pair<Value, Value> QuantizedLstm::step(Value sums, Value cells, Value peepholes, int64_t d) {
  auto part = [&](Value all, int64_t number) {
    return m.slice(all, n.rank(all) - 1, number * cell.hidden, cell.hidden);
  };
  auto look = [&](Value gate, int64_t number, Value state) {
    return peepholes ? m.add(gate, m.mul(part(peepholes, number), state)) : gate;
  };
  std::optional<double> clip = cell.getClip();
  auto call = [&](int64_t number, Value x) {
    return activate(3 * d + number, clip ? m.clamp(x, -*clip, *clip) : x);
  };
  if (!sums)
    return {};
  Value input = call(0, look(part(sums, 0), 0, cells));
  Value forget = n.getBool("input_forget", false) ? m.sub(m.scalar(input, 1), input)
                                                  : call(0, look(part(sums, 2), 2, cells));
  cells = m.add(m.mul(forget, cells), m.mul(input, call(1, part(sums, 3))));
  Value output = call(0, look(part(sums, 1), 1, cells));
  return {m.mul(output, activate(3 * d + 2, cells)), cells};
}

DirectionResults QuantizedLstm::runDirection(int64_t d) {
  bool isReversed = cell.direction == RecurrentDirection::Reverse || d == 1;
  Value gates = buildGates(d), zeros = n.makeScalar(n.builder().getF32Type(), 0);
  Weights recurrent = getWeights(recurrentWeights, d);
  Value peepholes = getPart(cell.get(7), d);
  if (isReversed)
    gates = turnAround(gates);
  auto getInitial = [&](unsigned number) {
    Value state = getPart(cell.getState(number), d);
    return state ? state : m.broadcast(zeros, {batch, n.expr(cell.hidden)});
  };
  Value hidden = getInitial(5), cells = getInitial(6);
  if (!gates || n.hasFailed())
    return {};
  // Carried: the hidden states that the next step takes, the last ones of each row, the cells.
  auto importStep = [&](Value t, Block::BlockArgListType carried) -> Results {
    Value product = multiply(quantizeDynamically(n, carried[0]), recurrent);
    Value sums = m.add(m.gather(gates, t, 0), product);
    auto [next, nextCells] = step(sums, carried[2], peepholes, d);
    Value shown = next, last = next;
    if (lengths) {
      // Rows that have ended have the states that they show.
      Value isActive = m.unsqueeze(m.less(t, lengths), {1});
      shown = m.select(isActive, next, zeros);
      last = m.select(isActive, next, carried[1]);
      nextCells = m.select(isActive, nextCells, carried[2]);
    }
    Value taken = n.hasOutput(0) ? shown : last;
    if (n.hasFailed())
      return failure();
    Value goesOn = n.makeScalar(n.builder().getI1Type(), 1);
    return SmallVector<Value>{goesOn, taken, last, nextCells, shown};
  };
  Results results = buildLoop(n, steps, {hidden, hidden, cells}, importStep);
  if (failed(results))
    return {};
  Value all = (*results)[3];
  return {isReversed ? turnAround(all) : all, (*results)[1], (*results)[2]};
}

Results QuantizedLstm::build() {
  if (!read())
    return failure();
  SmallVector<Value> all, last, cells;
  for (int64_t d = 0; d < cell.directions; ++d) {
    DirectionResults results = runDirection(d);
    all.push_back(m.unsqueeze(results.all, {1}));
    last.push_back(m.unsqueeze(results.last, {0}));
    cells.push_back(m.unsqueeze(results.cells, {0}));
  }
  if (!all.front() || !all.back())
    return failure();
  return {{m.concat(all, 1), m.concat(last, 0), m.concat(cells, 0)}};
}

static Results importDynamicQuantizeLstm(NodeImporter &node) { return QuantizedLstm(node).build(); }

void registerQuantizedRecurrentOps(OpRegistry &registry) {
  registry.add("com.microsoft", "DynamicQuantizeLSTM", 1, {3, 12}, importDynamicQuantizeLstm);
}

} // namespace tenon
