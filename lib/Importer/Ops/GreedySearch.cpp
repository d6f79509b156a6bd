// GreedySearch and Sampling: texts that a decoder writes token by token, one for each row of the
// batch.
//
// GreedySearch takes the token of the best score. Sampling draws one, from those tokens that have
// `top_p` of the probability together. From the end token on, a row gets padding.

#include "lib/Importer/Ops/Decoders.h"
#include "lib/Importer/Ops/Loops.h"
#include "lib/Importer/Ops/Random.h"
#include "lib/Importer/Ops/TokenScores.h"

using namespace mlir;

namespace tenon {
namespace {

class TokenSearch {
public:
  TokenSearch(NodeImporter &node, bool samples) : n(node), m(node), samples(samples) {}

  Results import();

private:
  /// What a step leaves to the next one: tokens i32 [B, T], which rows have ended i1 [B], and the
  /// states of the decoder.
  struct Text {
    Value tokens, hasEnded;
    SmallVector<Value> states;

    SmallVector<Value> pack() const {
      SmallVector<Value> values = {tokens, hasEnded};
      values.append(states);
      return values;
    }
    static Text unpack(ValueRange values) {
      return {values[0], values[1], SmallVector<Value>(values.drop_front(2))};
    }
  };

  bool read();
  void step(Text &text, const DecoderCall &call, bool isFirst);
  Value chooseBest(Value scores);
  Value filter(Value scores);
  Value anyGoesOn(Value hasEnded);

  NodeImporter &n;
  TensorMath m;
  bool samples;
  std::unique_ptr<Decoder> decoder;
  std::optional<TokenRules> rules;
  AffineExpr batch, maxLength;
  Value filtered; // the scores that the last token was drawn from
};

} // namespace

bool TokenSearch::read() {
  if (n.getInt("model_type", 0) != 0) {
    n.emitAttributeError("model_type") << n.getInt("model_type") << " is not supported, only 0";
    return false;
  }
  std::optional<DimExprs> length = n.contentsOrBind(n.operand(1), "max_length", /*minimum=*/1);
  if (!length || length->size() != 1) {
    if (!n.hasFailed())
      n.emitError() << "max_length must be one number";
    return false;
  }
  maxLength = length->front();
  decoder = makeDecoder(n, n.operand(0), n.operand(6));
  if (!decoder)
    return false;
  rules.emplace(n,
                TokenRules::Operands{.minLength = 2,
                                     .repetitionPenalty = 3,
                                     .vocabMask = 4,
                                     .prefixVocabMask = 5,
                                     .presenceMask = samples ? std::optional(7u) : std::nullopt},
                n.expr(1));
  batch = n.dim(decoder->getPrompt(), 0);
  return !n.hasFailed();
}

static Operation *sortScores(NodeImporter &node, Value scores, AffineExpr count, bool isLargest) {
  SmallVector<NamedAttribute> attributes = {node.attr("axis", 1),
                                            node.attr("count", DimExprs{count})};
  if (isLargest)
    attributes.push_back(node.attr("largest", node.builder().getUnitAttr()));
  return scores ? node.inferOp<TopKOp>(scores, attributes) : nullptr;
}

Value TokenSearch::chooseBest(Value scores) {
  Operation *best = sortScores(n, scores, n.expr(1), /*isLargest=*/true);
  return best ? m.squeeze(best->getResult(1), {1}) : Value();
}

/// Gives `filter_value` to the tokens that are not among the best which have `top_p` of the
/// probability together. In ascending order these are the first with at most 1 - `top_p`, but for
/// the last `min_tokens_to_keep`; with `custom`, the scores are in descending order, and what comes
/// behind a token with more than `top_p` so far goes.
Value TokenSearch::filter(Value scores) {
  bool isDescending = n.getBool("custom", false);
  double share = n.getFloat("top_p", 0);
  AffineExpr count = n.dim(scores, 1);
  Operation *sorted = sortScores(n, scores, count, isDescending);
  if (!sorted)
    return nullptr;
  Value values = sorted->getResult(0), order = sorted->getResult(1);
  SmallVector<NamedAttribute> attributes = {
      n.attr("axis", 1), n.attr("kind", ReduceKindAttr::get(n.context(), ReduceKind::Sum))};
  if (isDescending)
    attributes.push_back(n.attr("exclusive", n.builder().getUnitAttr()));
  Value sums = n.infer<CumulateOp>(n.infer<SoftmaxOp>(values, n.attr("axis", 1)), attributes);
  Value position = m.iotaAlong(2, 1, count), goes;
  if (isDescending) {
    goes = m.logicalAnd(m.less(share, sums), m.less(0.0, position));
  } else {
    AffineExpr last = count - n.getInt("min_tokens_to_keep", 0);
    Value mayGo = m.logicalOr(m.less(position, m.shapeScalar(last)), m.equal(position, 0.0));
    goes = m.logicalAnd(m.lessEqual(sums, 1.0F - static_cast<float>(share)), mayGo);
  }
  Value kept = m.select(goes, m.scalar(values, n.getFloat("filter_value", -1e20)), values);
  return n.infer<ScatterElementsOp>(
      {scores, order, kept},
      {n.attr("axis", 1), n.attr("kind", ScatterKindAttr::get(n.context(), ScatterKind::None))});
}

void TokenSearch::step(Text &text, const DecoderCall &call, bool isFirst) {
  Value scores = rules->apply(call.logits, text.tokens, isFirst), next;
  if (samples) {
    filtered = scores ? filter(scores) : Value();
    // Every step draws numbers of its own, and every seed.
    Value salt = m.shapeScalar(n.dim(text.tokens, 1));
    if (Value seed = n.operand(8))
      salt = m.add(salt, m.mul(n.cast(m.toScalar(seed), n.elementType(salt)), 1 << 16));
    next = m.squeeze(RandomBuilder(n, salt).chooseClass(filtered, n.expr(1)), {1});
  } else {
    next = chooseBest(scores);
  }
  Value isEnd = m.equal(next, static_cast<double>(n.getInt("eos_token_id")));
  isEnd = m.logicalOr(isEnd, text.hasEnded);
  next = m.select(isEnd, m.scalar(next, static_cast<double>(n.getInt("pad_token_id"))), next);
  next = n.cast(next, n.elementType(text.tokens));
  if (!next)
    return;
  text.hasEnded = isEnd;
  text.tokens = m.concat({text.tokens, n.reshape(next, {batch, n.expr(1)})}, 1);
  text.states = call.states;
}

Value TokenSearch::anyGoesOn(Value hasEnded) {
  Value goesOn = n.cast(m.logicalNot(hasEnded), n.builder().getI64Type());
  return m.less(0.0, n.reshape(m.sum(goesOn, 0), {}));
}

Results TokenSearch::import() {
  DecoderCall first = read() ? decoder->begin() : DecoderCall();
  if (!first)
    return failure();
  Text text = {
      decoder->getPrompt(), m.broadcast(n.makeScalar(n.builder().getI1Type(), 0), batch), {}};
  step(text, first, /*isFirst=*/true);
  if (n.hasFailed())
    return failure();
  AffineExpr steps = maxLength - n.dim(text.tokens, 1);
  requireNonNegative(n, steps, "max_length beyond the given tokens and one");
  bool givesScores = samples && n.hasOutput(1);
  SmallVector<Value> inits = text.pack();
  if (givesScores)
    inits.push_back(filtered);
  auto body = [&](Value, Block::BlockArgListType carried) -> Results {
    Text inside = Text::unpack(ValueRange(carried).drop_back(givesScores));
    DecoderCall call = decoder->next(inside.tokens, inside.states);
    if (!call)
      return failure();
    step(inside, call, /*isFirst=*/false);
    if (n.hasFailed())
      return failure();
    SmallVector<Value> values = {anyGoesOn(inside.hasEnded)};
    values.append(inside.pack());
    if (givesScores)
      values.push_back(filtered);
    return values;
  };
  Results results = buildLoop(n, steps, inits, body, anyGoesOn(text.hasEnded));
  if (failed(results))
    return failure();
  // ONNX Runtime leaves zeros behind the end.
  Value tokens = m.pad(results->front(), {n.expr(0), n.expr(0)}, {batch, maxLength});
  if (givesScores)
    return {{tokens, results->back()}};
  return {{tokens}};
}

static Results importGreedySearch(NodeImporter &node) {
  return TokenSearch(node, /*samples=*/false).import();
}

static Results importSampling(NodeImporter &node) {
  return TokenSearch(node, /*samples=*/true).import();
}

void registerGreedySearchOps(OpRegistry &registry) {
  auto add = registry.inDomain("com.microsoft");
  add("GreedySearch", {2, 7}, importGreedySearch);
  add("Sampling", {2, 9}, importSampling);
}

} // namespace tenon
