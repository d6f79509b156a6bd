// Rules for the scores of tokens (see the header). A token that is forbidden gets the lowest finite
// score, as in ONNX Runtime, so that sums with it stay numbers.

#include "lib/Importer/Ops/TokenScores.h"
#include <cfloat>

using namespace mlir;

namespace tenon {

/// Whether each token [R, V] (`dims`) is one of `tokens` [R, T] for which `counts` holds.
static Value markTokens(NodeImporter &node, Value tokens, Value counts, ArrayRef<AffineExpr> dims) {
  TensorMath m(node);
  Type f32 = node.builder().getF32Type();
  Value hits = node.infer<ScatterElementsOp>(
      {m.broadcast(node.makeScalar(f32, 0), dims), tokens, node.cast(counts, f32)},
      {node.attr("axis", 1),
       node.attr("kind", ScatterKindAttr::get(node.context(), ScatterKind::Add))});
  return m.less(0.0, hits);
}

static Value allTokens(NodeImporter &node, Value tokens) {
  Value yes = node.makeScalar(node.builder().getI1Type(), 1);
  return TensorMath(node).broadcast(yes, node.dims(tokens));
}

Value markRepeats(NodeImporter &node, Value tokens, int64_t size, ArrayRef<AffineExpr> dims) {
  TensorMath m(node);
  Type i64 = node.builder().getI64Type();
  // Fewer tokens are none that repeat: -1 in front is no token.
  AffineExpr length = node.dim(tokens, 1), wide = length + (size - 1), rows = node.dim(tokens, 0);
  Value padded =
      m.pad(tokens, {node.expr(0), node.expr(size - 1)}, {rows, wide}, node.makeScalar(i64, -1));
  Value repeats = allTokens(node, tokens);
  for (int64_t i = 0; i + 1 < size; ++i) {
    Value last = m.slice(padded, 1, length + i, node.expr(1));
    Value here = m.slice(padded, 1, node.expr(i), length);
    Value isSame = m.logicalAnd(m.equal(here, last), m.lessEqual(m.scalar(here, 0), here));
    repeats = m.logicalAnd(repeats, isSame);
  }
  Value next = m.slice(padded, 1, node.expr(size - 1), length);
  return next && repeats ? markTokens(node, next, repeats, dims) : Value();
}

Value repeatRows(NodeImporter &node, Value x, int64_t axis, AffineExpr count) {
  TensorMath m(node);
  if (!node.checkRank(x, axis + 1))
    return nullptr;
  DimExprs merged = node.dims(x), wide = merged;
  wide.insert(wide.begin() + axis + 1, count);
  merged[axis] = merged[axis] * count;
  Value repeated = m.broadcast(m.unsqueeze(x, axis + 1), wide);
  return repeated ? node.reshape(repeated, merged) : repeated;
}

TokenRules::TokenRules(NodeImporter &node, Operands operands, AffineExpr beams)
    : n(node), m(node), beams(beams), endToken(node.getInt("eos_token_id")),
      ngramSize(node.getInt("no_repeat_ngram_size", 0)),
      temperature(node.getFloat("temperature", 1)),
      presencePenalty(node.getFloat("presence_penalty", 0)),
      vocabMask(node.operand(operands.vocabMask)),
      prefixVocabMask(node.operand(operands.prefixVocabMask)) {
  if (ngramSize < 0 || ngramSize > mostTokensOfNGram)
    node.emitAttributeError("no_repeat_ngram_size") << ngramSize << " tokens";
  if (Value length = node.operand(operands.minLength))
    minLength = m.toScalar(length);
  if (Value penalty = node.operand(operands.repetitionPenalty))
    repetitionPenalty = node.cast(m.toScalar(penalty), node.builder().getF32Type());
  if (operands.presenceMask)
    presenceMask = node.operand(*operands.presenceMask);
}

Value TokenRules::forbid(Value scores, Value condition) {
  return m.select(condition, m.scalar(scores, -FLT_MAX), scores);
}

// A score below zero gets lower by a product, others by a quotient.
Value TokenRules::penalizeRepetition(Value scores, Value tokens) {
  Value lower = m.select(m.less(scores, 0.0), m.mul(scores, repetitionPenalty),
                         m.div(scores, repetitionPenalty));
  return m.select(markTokens(n, tokens, allTokens(n, tokens), n.dims(scores)), lower, scores);
}

Value TokenRules::maskVocabulary(Value scores, Value mask) {
  return forbid(scores, m.equal(mask, 0.0));
}

Value TokenRules::forbidEarlyEnd(Value scores, Value tokens) {
  Value length = n.cast(m.shapeScalar(n.dim(tokens, 1)), n.elementType(minLength));
  Value isEnd = m.equal(m.iotaAlong(2, 1, n.dim(scores, 1)), static_cast<double>(endToken));
  return forbid(scores, m.logicalAnd(isEnd, m.less(length, minLength)));
}

Value TokenRules::apply(Value scores, Value tokens, bool isFirst) {
  tokens = n.cast(tokens, n.builder().getI64Type());
  if (!n.checkRank(scores, 2) || !tokens)
    return nullptr;
  if (repetitionPenalty)
    scores = penalizeRepetition(scores, tokens);
  if (ngramSize > 0)
    scores = forbid(scores, markRepeats(n, tokens, ngramSize, n.dims(scores)));
  if (vocabMask)
    scores = maskVocabulary(scores, m.unsqueeze(vocabMask, {0}));
  if (prefixVocabMask && isFirst)
    scores = maskVocabulary(scores, repeatRows(n, prefixVocabMask, 0, beams));
  if (minLength)
    scores = forbidEarlyEnd(scores, tokens);
  if (temperature > 0 && temperature != 1)
    scores = m.div(scores, temperature);
  if (presenceMask && presencePenalty != 0)
    scores = m.sub(scores, m.mul(n.cast(presenceMask, n.elementType(scores)), presencePenalty));
  return scores;
}

} // namespace tenon
