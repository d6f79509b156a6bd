// LSTM, GRU and RNN.
//
// ONNX multiplies each step's input by W [D, G*H, I]. Here that is one matrix product for all
// steps, directions and gates before the recurrence:
//
//     gates [T, B, D*G*H] = X [T*B, I] · Wᵀ [I, D*G*H] + bias
//
// and R [D, G*H, H] is transposed and cut into panels, as dialects/Tenon/RecurrentOps.td says. Both
// are ops on constants, which fold.

#include "lib/Importer/Ops/Recurrent.h"
#include "lib/Importer/Ops/OptionalOperands.h"

using namespace mlir;

namespace tenon {
namespace {

/// An activation's parameters where the node gives none: those of the ONNX operator.
struct ActivationDefault {
  StringRef name;
  unsigned parameters;
  double alpha, beta;
};
constexpr ActivationDefault activationDefaults[] = {
    {"Sigmoid", 0, 0, 0},      {"Tanh", 0, 0, 0},
    {"Relu", 0, 0, 0},         {"Affine", 2, 1, 0},
    {"LeakyRelu", 1, 0.01, 0}, {"ThresholdedRelu", 1, 1, 0},
    {"ScaledTanh", 2, 1, 1},   {"HardSigmoid", 2, 0.2, 0.5},
    {"Elu", 1, 1, 0},          {"Softsign", 0, 0, 0},
    {"Softplus", 0, 0, 0},
};

constexpr StringRef rnnActivations[] = {"Tanh"};
constexpr StringRef gruActivations[] = {"Sigmoid", "Tanh"};
constexpr StringRef lstmActivations[] = {"Sigmoid", "Tanh", "Tanh"};
constexpr CellTraits rnnTraits = {1, rnnActivations}, gruTraits = {3, gruActivations};

} // namespace

constexpr CellTraits lstmTraits = {4, lstmActivations};

bool RecurrentImporter::read() {
  StringRef name = n.getString("direction", "forward");
  std::optional<RecurrentDirection> known = symbolizeRecurrentDirection(name);
  if (!known) {
    n.emitAttributeError("direction") << "unknown direction '" << name << "'";
    return false;
  }
  direction = *known;
  directions = direction == RecurrentDirection::Bidirectional ? 2 : 1;
  if (n.rank(n.operand(0)) != 3 || n.rank(n.operand(1)) != 3 || n.rank(n.operand(2)) != 3) {
    n.emitError() << "inputs and weights need rank 3";
    return false;
  }
  auto weights = n.type(n.operand(1)), recurrent = n.type(n.operand(2));
  int64_t depthAxis = order == WeightOrder::OutputsFirst ? 2 : 1;
  // The number of hidden units is an attribute or a size of the weights.
  constexpr int64_t maxHidden = 1 << 24;
  auto units = dyn_cast<AffineConstantExpr>(n.dim(n.operand(2), depthAxis));
  hidden = units ? units.getValue() : n.getInt("hidden_size", 0);
  int64_t wanted = n.getInt("hidden_size", hidden);
  if (hidden < 1 || hidden > maxHidden || wanted != hidden) {
    n.emitError() << "weights " << weights << " and " << recurrent << " do not fit " << wanted
                  << " hidden units";
    return false;
  }
  inputs = n.dim(n.operand(1), depthAxis);
  if (isa<AffineConstantExpr>(n.dim(n.operand(0), 2)))
    inputs = n.dim(n.operand(0), 2);
  int64_t width = traits.gates * hidden;
  auto setWeightSizes = [&](unsigned number, AffineExpr depth, StringRef what) {
    DimExprs dims(3, n.expr(width));
    dims[0] = n.expr(directions);
    dims[depthAxis] = depth;
    setSizes(number, dims, what);
  };
  setWeightSizes(1, inputs, "weights");
  setWeightSizes(2, n.expr(hidden), "recurrence weights");
  setSizes(3, {n.expr(directions), n.expr(2 * width)}, "bias");
  setSizes(7, {n.expr(directions), n.expr(3 * hidden)}, "peepholes");
  if (!n.hasFailed())
    setStateSizes();
  return !n.hasFailed() && readActivations() && !n.hasFailed();
}

void RecurrentImporter::setSizes(unsigned number, ArrayRef<AffineExpr> dims, StringRef what) {
  if (Value operand = n.operand(number))
    if (Value sized = m.sized(operand, dims, what))
      n.setOperand(number, sized);
}

void RecurrentImporter::setStateSizes() {
  DimExprs dims = n.dims(n.operand(0));
  AffineExpr batch = dims[batchFirst ? 0 : 1];
  // An initial state for one sequence says that there is one, which the input may leave open.
  for (unsigned number : {5, 6})
    if (Value state = n.operand(number); state && n.rank(state) == 3)
      if (auto size = dyn_cast<AffineConstantExpr>(n.dim(state, batchFirst ? 0 : 1)))
        batch = isa<AffineConstantExpr>(batch) ? batch : size;
  dims[batchFirst ? 0 : 1] = batch;
  dims[2] = inputs;
  setSizes(0, dims, "the input");
  setSizes(4, batch, "lengths");
  DimExprs state = {n.expr(directions), batch, n.expr(hidden)};
  if (batchFirst)
    std::swap(state[0], state[1]);
  setSizes(5, state, "the initial state");
  setSizes(6, state, "the initial cells");
}

bool RecurrentImporter::readActivations() {
  SmallVector<StringRef> all;
  for (int64_t d = 0; d < directions; ++d)
    llvm::append_range(all, traits.activations);
  all = n.getStrings("activations", all);
  if (all.size() != directions * traits.activations.size()) {
    n.emitAttributeError("activations")
        << "expected " << directions * traits.activations.size() << " names, got " << all.size();
    return false;
  }
  SmallVector<float> givenAlphas = n.getFloats("activation_alpha", SmallVector<float>());
  SmallVector<float> givenBetas = n.getFloats("activation_beta", SmallVector<float>());
  size_t usedAlphas = 0, usedBetas = 0;
  for (StringRef name : all) {
    const auto *entry = llvm::find_if(activationDefaults, [&](const ActivationDefault &candidate) {
      return candidate.name.equals_insensitive(name);
    });
    if (entry == std::end(activationDefaults)) {
      n.emitAttributeError("activations") << "unknown activation '" << name << "'";
      return false;
    }
    Activation activation = {*symbolizeRecurrentActivation(entry->name), entry->alpha, entry->beta};
    bool hasAlpha = entry->parameters >= 1 && usedAlphas < givenAlphas.size();
    bool hasBeta = entry->parameters >= 2 && usedBetas < givenBetas.size();
    if (hasAlpha)
      activation.alpha = givenAlphas[usedAlphas++];
    if (hasBeta)
      activation.beta = givenBetas[usedBetas++];
    activations.push_back(activation);
  }
  return true;
}

Value RecurrentImporter::buildGates(Value bias) {
  Value x = get(0);
  if (batchFirst)
    x = m.transpose(x, {1, 0, 2});
  if (!x)
    return x;
  DimExprs dims = n.dims(x);
  AffineExpr width = n.expr(directions * traits.gates * hidden);
  Value weights = n.reshape(get(1), {width, inputs});
  x = n.reshape(x, {dims[0] * dims[1], dims[2]});
  Value gates = n.infer<MatMulOp>({x, m.transpose(weights, {1, 0})});
  if (bias)
    gates = m.add(gates, n.reshape(bias, {width}));
  return n.reshape(gates, {dims[0], dims[1], width});
}

/// Panels end where gates end, and hold whole vectors wherever the number of units allows it.
static int64_t choosePanelWidth(int64_t hidden) {
  for (int64_t width : {64, 48, 80, 112, 32, 16})
    if (hidden % width == 0)
      return width;
  return hidden;
}

Value RecurrentImporter::buildRecurrent() {
  int64_t panel = choosePanelWidth(hidden);
  Value recurrent = n.reshape(get(2), {n.expr(directions), n.expr(traits.gates * hidden / panel),
                                       n.expr(panel), n.expr(hidden)});
  return m.transpose(recurrent, {0, 1, 3, 2});
}

Value RecurrentImporter::buildBias() {
  Value bias = get(3);
  if (!bias)
    return bias;
  int64_t width = traits.gates * hidden;
  return m.add(m.slice(bias, 1, 0, width), m.slice(bias, 1, width, width));
}

Value RecurrentImporter::getState(unsigned number) {
  Value state = get(number);
  return state && batchFirst ? m.transpose(state, {1, 0, 2}) : state;
}

Value RecurrentImporter::getLengths() {
  Value lengths = n.operand(4);
  return lengths ? n.cast(lengths, n.builder().getI32Type()) : lengths;
}

std::optional<double> RecurrentImporter::getClip() {
  return n.hasAttribute("clip") ? std::optional(n.getFloat("clip")) : std::nullopt;
}

SmallVector<NamedAttribute> RecurrentImporter::getAttributes(NamedAttribute segments) {
  SmallVector<Attribute> names;
  SmallVector<double> alphas, betas;
  for (const Activation &activation : activations) {
    names.push_back(n.builder().getStringAttr(stringifyRecurrentActivation(activation.kind)));
    alphas.push_back(activation.alpha);
    betas.push_back(activation.beta);
  }
  SmallVector<NamedAttribute> attributes = {
      segments,
      n.attr("direction", RecurrentDirectionAttr::get(n.context(), direction)),
      n.attr("activations", n.builder().getArrayAttr(names)),
      n.attr("alphas", n.builder().getDenseF64ArrayAttr(alphas)),
      n.attr("betas", n.builder().getDenseF64ArrayAttr(betas)),
  };
  if (std::optional<double> clip = getClip())
    attributes.push_back(n.attr("clip", n.builder().getF64FloatAttr(*clip)));
  return attributes;
}

Results RecurrentImporter::finish(Operation *op) {
  if (!op)
    return failure();
  SmallVector<Value> results;
  for (auto [number, result] : llvm::enumerate(op->getResults())) {
    Value value = n.cast(result, n.elementType(n.operand(0)));
    // [T, D, B, H] to [B, T, D, H], [D, B, H] to [B, D, H].
    if (batchFirst)
      value = number == 0 ? m.transpose(value, {2, 0, 1, 3}) : m.transpose(value, {1, 0, 2});
    results.push_back(value);
  }
  return results;
}

static Results importLstm(NodeImporter &node) {
  RecurrentImporter importer(node, lstmTraits);
  if (!importer.read())
    return failure();
  Value gates = importer.buildGates(importer.buildBias());
  OptionalOperands operands(node,
                            {gates, importer.buildRecurrent(), importer.getState(5),
                             importer.getLengths(), importer.getState(6), importer.get(7)},
                            2);
  SmallVector<NamedAttribute> attributes = importer.getAttributes(operands.segments);
  if (node.getBool("input_forget", false))
    attributes.push_back(node.attr("coupled", node.builder().getUnitAttr()));
  return importer.finish(node.inferOp<LstmOp>(operands.values, attributes));
}

static Results importGru(NodeImporter &node) {
  RecurrentImporter importer(node, gruTraits);
  if (!importer.read())
    return failure();
  TensorMath m(node);
  bool linearBeforeReset = node.getBool("linear_before_reset", false);
  Value bias = importer.buildBias(), newBias;
  if (bias && linearBeforeReset) {
    // The recurrence's bias of the new state goes through the reset gate: it stays out of the sum.
    int64_t hidden = importer.hidden;
    Value all = importer.get(3);
    newBias = m.slice(all, 1, 5 * hidden, hidden);
    bias = m.concat({m.slice(bias, 1, 0, 2 * hidden), m.slice(all, 1, 2 * hidden, hidden)}, 1);
  }
  OptionalOperands operands(node,
                            {importer.buildGates(bias), importer.buildRecurrent(),
                             importer.getState(5), importer.getLengths(), newBias},
                            2);
  SmallVector<NamedAttribute> attributes = importer.getAttributes(operands.segments);
  if (linearBeforeReset)
    attributes.push_back(node.attr("linearBeforeReset", node.builder().getUnitAttr()));
  return importer.finish(node.inferOp<GruOp>(operands.values, attributes));
}

static Results importRnn(NodeImporter &node) {
  RecurrentImporter importer(node, rnnTraits);
  if (!importer.read())
    return failure();
  OptionalOperands operands(node,
                            {importer.buildGates(importer.buildBias()), importer.buildRecurrent(),
                             importer.getState(5), importer.getLengths()},
                            2);
  return importer.finish(
      node.inferOp<RnnOp>(operands.values, importer.getAttributes(operands.segments)));
}

void registerRecurrentOps(OpRegistry &registry) {
  registry.add("LSTM", 1, {3, 8}, importLstm);
  registry.add("GRU", 1, {3, 6}, importGru);
  registry.add("RNN", 1, {3, 6}, importRnn);
}

} // namespace tenon
