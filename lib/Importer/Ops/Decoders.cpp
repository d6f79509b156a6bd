// Calls of decoders (see the header), of the two kinds that ONNX Runtime's searches know.
//
// GPT-2's: ids, positions, mask and one state [2, R, H, P, d] per layer go in; scores and as many
// states come out. The same subgraph, or `init_decoder`, reads the given tokens.
//
// T5's: the encoder reads the given ids, and the decoder writes a text of its own that begins with
// one known token. States are keys and values [R, H, P, d] of what has been written; those of the
// ids do not change. The encoder either calls the decoder for the first token itself, and gives its
// states in front of the others, or gives the ids' keys and values alone.

#include "lib/Importer/Ops/Decoders.h"
#include "lib/Importer/ElementTypes.h"
#include "lib/Importer/Ops/TokenScores.h"

using namespace mlir;

namespace tenon {

DecoderCall Decoder::call(const onnx::GraphProto &graph, ValueRange inputs, unsigned firstState,
                          unsigned numStates, AffineExpr length) {
  if (llvm::is_contained(inputs, Value()))
    return {};
  Results outputs = n.inlineGraph(graph, inputs);
  if (failed(outputs) || !n.checkRank(outputs->front(), 3))
    return {};
  Value logits = outputs->front();
  AffineExpr rows = n.dim(inputs.front(), 0), last = n.dim(logits, 1) - 1;
  logits = m.slice(n.cast(logits, n.builder().getF32Type()), 1, last, n.expr(1));
  DecoderCall result;
  result.logits = m.sized(m.squeeze(logits, {1}), {rows, n.dim(logits, 2)}, "scores of tokens");
  for (Value state : ArrayRef(*outputs).slice(firstState, numStates)) {
    DimExprs dims = n.dims(state);
    if (!n.checkRank(state, std::max(rowAxis, lengthAxis) + 1))
      return {};
    dims[rowAxis] = rows;
    dims[lengthAxis] = length;
    result.states.push_back(m.sized(state, dims, "a decoder's state"));
  }
  return n.hasFailed() ? DecoderCall() : result;
}

DecoderCall Decoder::spread(const DecoderCall &first, AffineExpr count) {
  DecoderCall result;
  result.logits = repeatRows(n, first.logits, 0, count);
  for (Value state : first.states)
    result.states.push_back(repeatRows(n, state, rowAxis, count));
  prompt = repeatRows(n, prompt, 0, count);
  return n.hasFailed() ? DecoderCall() : result;
}

SmallVector<Value> Decoder::pick(ValueRange states, Value rows) {
  return llvm::map_to_vector(states, [&](Value state) { return m.gather(state, rows, rowAxis); });
}

SmallVector<Value> Decoder::makeEmptyStates(const onnx::GraphProto &graph, unsigned first,
                                            unsigned count, AffineExpr rows) {
  SmallVector<Value> states;
  for (unsigned number = first; number < first + count; ++number) {
    const onnx::TypeProto_Tensor &type = graph.input(number).type().tensor_type();
    Type elementType = getElementType(type.elem_type(), n.context());
    DimExprs dims;
    for (const auto &dim : type.shape().dim())
      dims.push_back(n.expr(dim.dim_value()));
    bool isKnown = elementType && static_cast<int64_t>(dims.size()) > lengthAxis;
    for (auto [axis, dim] : llvm::enumerate(dims))
      isKnown &= dim != n.expr(0) || llvm::is_contained({rowAxis, lengthAxis}, axis);
    if (!isKnown) {
      n.emitAttributeError("decoder") << "input '" << graph.input(number).name()
                                      << "' must declare its element type and sizes, but for rows "
                                         "and tokens";
      return {};
    }
    dims[rowAxis] = rows;
    dims[lengthAxis] = n.expr(0);
    states.push_back(m.broadcast(n.makeScalar(elementType, 0), dims));
  }
  return states;
}

bool Decoder::checkArity(StringRef attribute, const onnx::GraphProto &graph, int64_t inputs,
                         int64_t outputs) {
  if (graph.input_size() == inputs && graph.output_size() == outputs)
    return true;
  n.emitAttributeError(attribute) << "a graph of " << graph.input_size() << " inputs and "
                                  << graph.output_size() << " outputs, where " << inputs << " and "
                                  << outputs << " are supported";
  return false;
}

Value Decoder::markTokens(Value ids) {
  Value isPadding = m.equal(ids, static_cast<double>(n.getInt("pad_token_id")));
  return n.cast(m.logicalNot(isPadding), n.builder().getI32Type());
}

static Value sumUpTo(NodeImporter &node, Value x, int64_t axis) {
  return node.infer<CumulateOp>(
      x, {node.attr("axis", axis),
          node.attr("kind", ReduceKindAttr::get(node.context(), ReduceKind::Sum))});
}

namespace {

class GptDecoder : public Decoder {
public:
  explicit GptDecoder(NodeImporter &node) : Decoder(node, /*rowAxis=*/1, /*lengthAxis=*/3) {}

  bool prepare(Value ids, Value givenMask);
  DecoderCall begin() override;
  DecoderCall spread(const DecoderCall &first, AffineExpr count) override;
  DecoderCall next(Value tokens, ValueRange states) override;

private:
  static constexpr unsigned firstInput = 3, firstOutput = 1;
  const onnx::GraphProto *graph = nullptr, *firstGraph = nullptr;
  unsigned numStates = 0;
  Value mask, lengths; // of the given tokens: i32 [R, S] and [R, 1]
};

class EncoderDecoder : public Decoder {
public:
  explicit EncoderDecoder(NodeImporter &node) : Decoder(node, /*rowAxis=*/0, /*lengthAxis=*/2) {}

  bool prepare(Value givenIds, Value givenMask);
  DecoderCall begin() override;
  DecoderCall spread(const DecoderCall &first, AffineExpr count) override;
  DecoderCall next(Value tokens, ValueRange states) override;

private:
  bool readsHiddenStates() const {
    return decoder->input_size() > 2 && decoder->input(2).name() == "encoder_hidden_states";
  }
  bool readsAllTokens() const;
  const onnx::GraphProto *encoder = nullptr, *decoder = nullptr;
  unsigned numStates = 0;
  Value ids, mask;
  SmallVector<Value> constants; // what all calls of the decoder read beside tokens, mask and states
};

} // namespace

bool GptDecoder::prepare(Value ids, Value givenMask) {
  graph = n.getGraph("decoder");
  firstGraph = n.hasAttribute("init_decoder") ? n.getGraph("init_decoder") : graph;
  if (!graph || !firstGraph || !n.checkRank(ids, 2))
    return false;
  numStates = std::max(graph->output_size() - 1, 0);
  for (auto [name, called] : {std::pair("decoder", graph), {"init_decoder", firstGraph}})
    if (!checkArity(name, *called, firstInput + numStates, firstOutput + numStates))
      return false;
  prompt = n.cast(ids, n.builder().getI32Type());
  Value isToken = markTokens(prompt);
  lengths = m.sum(isToken, 1);
  mask = givenMask ? m.sized(givenMask, n.dims(prompt), "the mask") : isToken;
  return lengths && mask;
}

DecoderCall GptDecoder::begin() {
  // Positions count tokens; padding has position 0.
  Value isToken = markTokens(prompt);
  Value positions = m.mul(m.sub(sumUpTo(n, isToken, 1), 1.0), isToken);
  SmallVector<Value> inputs = {prompt, positions, mask};
  inputs.append(makeEmptyStates(*graph, firstInput, numStates, n.dim(prompt, 0)));
  return n.hasFailed() ? DecoderCall()
                       : call(*firstGraph, inputs, firstOutput, numStates, n.dim(prompt, 1));
}

DecoderCall GptDecoder::spread(const DecoderCall &first, AffineExpr count) {
  mask = repeatRows(n, mask, 0, count);
  lengths = repeatRows(n, lengths, 0, count);
  return Decoder::spread(first, count);
}

DecoderCall GptDecoder::next(Value tokens, ValueRange states) {
  Type i32 = n.builder().getI32Type();
  AffineExpr rows = n.dim(prompt, 0), length = n.dim(tokens, 1), given = n.dim(prompt, 1);
  Value written = n.cast(m.shapeScalar(length - given - 1), i32);
  Value ones = m.broadcast(n.makeScalar(i32, 1), {rows, length - given});
  SmallVector<Value> inputs = {m.slice(tokens, 1, length - 1, n.expr(1)), m.add(lengths, written),
                               m.concat({mask, ones}, 1)};
  inputs.append(states.begin(), states.end());
  return call(*graph, inputs, firstOutput, numStates, length);
}

bool EncoderDecoder::prepare(Value givenIds, Value givenMask) {
  encoder = n.getGraph("encoder");
  decoder = n.getGraph("decoder");
  int64_t start = n.getInt("decoder_start_token_id", -1);
  if (!encoder || !decoder || !n.checkRank(givenIds, 2))
    return false;
  if (start < 0)
    return n.emitAttributeError("decoder_start_token_id") << "no token " << start, false;
  numStates = std::max(decoder->output_size() - 1, 0);
  bool callsDecoder = encoder->input_size() == 3;
  unsigned firstInput = readsHiddenStates() ? 3 : 2;
  if (!checkArity("decoder", *decoder, firstInput + 2 * numStates, 1 + numStates) ||
      !checkArity("encoder", *encoder, callsDecoder ? 3 : 2,
                  callsDecoder ? 2 + 2 * numStates : numStates + readsHiddenStates()))
    return false;
  ids = n.cast(givenIds, n.builder().getI32Type());
  // Only padding in front of all tokens does not count.
  mask = givenMask ? m.sized(givenMask, n.dims(ids), "the mask")
                   : m.min(sumUpTo(n, markTokens(ids), 1), 1.0);
  prompt = m.broadcast(n.makeScalar(n.builder().getI32Type(), static_cast<double>(start)),
                       {n.dim(ids, 0), n.expr(1)});
  return mask && prompt;
}

DecoderCall EncoderDecoder::begin() {
  AffineExpr one = n.expr(1);
  if (encoder->input_size() == 3) {
    // Scores, hidden states, the states of the first token, the keys and values of the ids.
    Results outputs = n.inlineGraph(*encoder, {ids, mask, prompt});
    if (failed(outputs))
      return {};
    ArrayRef<Value> all = *outputs;
    if (readsHiddenStates())
      constants.push_back(all[1]);
    llvm::append_range(constants, all.drop_front(2 + numStates));
    DecoderCall result;
    result.logits = n.cast(all.front(), n.builder().getF32Type());
    if (!n.checkRank(result.logits, 3))
      return {};
    result.logits = m.squeeze(m.slice(result.logits, 1, n.dim(result.logits, 1) - 1, one), {1});
    llvm::append_range(result.states, all.slice(2, numStates));
    return result;
  }
  Results outputs = n.inlineGraph(*encoder, {ids, mask});
  if (failed(outputs))
    return {};
  constants = *outputs;
  unsigned firstInput = readsHiddenStates() ? 3 : 2;
  return next(prompt, makeEmptyStates(*decoder, firstInput, numStates, n.dim(prompt, 0)));
}

DecoderCall EncoderDecoder::spread(const DecoderCall &first, AffineExpr count) {
  mask = repeatRows(n, mask, 0, count);
  for (Value &constant : constants)
    constant = repeatRows(n, constant, 0, count);
  return Decoder::spread(first, count);
}

/// Unless it declares to read one token, the decoder is given all.
bool EncoderDecoder::readsAllTokens() const {
  const onnx::TensorShapeProto &shape = decoder->input(0).type().tensor_type().shape();
  return shape.dim_size() != 2 || shape.dim(1).dim_value() != 1;
}

DecoderCall EncoderDecoder::next(Value tokens, ValueRange states) {
  AffineExpr length = n.dim(tokens, 1);
  ArrayRef<Value> rest = constants;
  SmallVector<Value> inputs = {
      readsAllTokens() ? tokens : m.slice(tokens, 1, length - 1, n.expr(1)), mask};
  if (readsHiddenStates()) {
    inputs.push_back(rest.front());
    rest = rest.drop_front();
  }
  inputs.append(states.begin(), states.end());
  inputs.append(rest.begin(), rest.end());
  return call(*decoder, inputs, /*firstState=*/1, numStates, length);
}

template <typename T>
static std::unique_ptr<Decoder> prepareDecoder(NodeImporter &node, Value ids, Value mask) {
  auto decoder = std::make_unique<T>(node);
  return decoder->prepare(ids, mask) ? std::move(decoder) : nullptr;
}

std::unique_ptr<Decoder> makeDecoder(NodeImporter &node, Value ids, Value mask) {
  switch (int64_t type = node.getInt("model_type", 0)) {
  case 0:
    return prepareDecoder<GptDecoder>(node, ids, mask);
  case 1:
    return prepareDecoder<EncoderDecoder>(node, ids, mask);
  default:
    node.emitAttributeError("model_type") << type
                                          << " is not supported, only 0 (a decoder) and 1 "
                                             "(encoder and decoder)";
    return nullptr;
  }
}

} // namespace tenon
