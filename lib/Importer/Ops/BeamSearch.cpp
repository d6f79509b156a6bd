// BeamSearch: the texts that a decoder gives the best scores, found by following several at once.
//
// Each row of the batch has K beams, texts that are being written. In a step the decoder scores the
// next token of each. A text's score is the sum over its tokens; of all texts that are one token
// longer than a beam, the 2 K best are looked at, in order:
//
//     those among the first K that end        are hypotheses: finished texts
//     the first K that do not end             are the beams of the next step
//
// A hypothesis' score is that of its text by a power of its length. K of them are kept, the best
// first. A row is done once it has K and, unless `early_stopping` says that this is enough, no beam
// can become better than the last of them. When all rows are done, or the texts have the length
// that is asked for, beams of rows that are not done count as hypotheses, too.
//
// The first step reads the given tokens, and each row of the batch once; the others are a loop.

#include "lib/Importer/Ops/Decoders.h"
#include "lib/Importer/Ops/Loops.h"
#include "lib/Importer/Ops/Softmax.h"
#include "lib/Importer/Ops/TokenScores.h"
#include <cfloat>

using namespace mlir;

namespace tenon {
namespace {

/// What a step leaves to the next one.
struct Beams {
  Value tokens;              // i32 [B * K, T]
  Value scores;              // f32 [B, K]
  Value sources;             // i64 [B * K]: the row of the decoder's states that each goes on from
  Value hypotheses;          // i32 [B, K, L], padded; the best first
  Value hypothesisScores;    // f32 [B, K]; minus infinity where there is none yet
  Value isDone;              // i1 [B]
  SmallVector<Value> states; // of the decoder

  SmallVector<Value> pack() const {
    SmallVector<Value> values = {tokens, scores, sources, hypotheses, hypothesisScores, isDone};
    values.append(states);
    return values;
  }
  static Beams unpack(ValueRange values) {
    return {values[0],
            values[1],
            values[2],
            values[3],
            values[4],
            values[5],
            SmallVector<Value>(values.drop_front(6))};
  }
};

/// The 2 K best continuations of each row of the batch: all [B, 2 K], the best first.
struct Continuations {
  Value scores, tokens, beams;
};

class BeamSearch {
public:
  explicit BeamSearch(NodeImporter &node) : n(node), m(node) {}

  Results import();

private:
  bool read();
  Beams begin();
  void step(Beams &beams, const DecoderCall &call, bool isFirst);
  Continuations findBest(Value scores);
  void goOn(Beams &beams, const Continuations &best, Value ends);
  void finish(Beams &beams, Value scores, Value rows);
  void markDone(Beams &beams, const Continuations &best, AffineExpr length);
  Value anyGoesOn(Value isDone);
  Results loop(Beams &beams);
  Results output(Beams &beams, Value stackedScores);

  Value pickColumns(Value x, Value columns) {
    return n.infer<GatherElementsOp>({x, columns}, n.attr("axis", 1));
  }
  Value weigh(Value scores, AffineExpr length) {
    Value tokens = n.cast(m.shapeScalar(length), f32);
    return m.div(scores, lengthPenalty ? m.pow(tokens, lengthPenalty) : tokens);
  }
  Value fill(Type type, double value, ArrayRef<AffineExpr> dims) {
    return m.broadcast(n.makeScalar(type, value), dims);
  }
  Value rowOffsets() { return m.mul(m.iotaAlong(2, 0, batch), m.shapeScalar(count)); }

  NodeImporter &n;
  TensorMath m;
  Type f32 = n.builder().getF32Type(), i64 = n.builder().getI64Type();
  std::unique_ptr<Decoder> decoder;
  std::optional<TokenRules> rules;
  AffineExpr batch, count, maxLength, numResults, vocabulary;
  int64_t endToken = 0, padToken = 0;
  Value lengthPenalty;
  Value candidates; // of the last step, [B, K, V]
};

} // namespace

/// A number that an operand holds; 1 after an error.
static AffineExpr getSize(NodeImporter &node, unsigned number, StringRef what) {
  std::optional<DimExprs> known = node.contentsOrBind(node.operand(number), what, /*minimum=*/1);
  if (known && known->size() == 1)
    return known->front();
  if (!node.hasFailed())
    node.emitError() << what << " must be one number";
  return node.expr(1);
}

bool BeamSearch::read() {
  if (n.operand(10))
    n.emitError() << "decoder_input_ids are not supported";
  if (n.operand(11))
    n.emitError() << "logits_processor is not supported";
  maxLength = getSize(n, 1, "max_length");
  count = getSize(n, 3, "num_beams");
  numResults = getSize(n, 4, "num_return_sequences");
  requireNonNegative(n, count - numResults, "num_beams beyond num_return_sequences");
  endToken = n.getInt("eos_token_id");
  padToken = n.getInt("pad_token_id");
  if (Value penalty = n.operand(5))
    lengthPenalty = n.cast(m.toScalar(penalty), f32);
  if (n.hasFailed())
    return false;
  decoder = makeDecoder(n, n.operand(0), n.operand(9));
  if (!decoder)
    return false;
  rules.emplace(n,
                TokenRules::Operands{.minLength = 2,
                                     .repetitionPenalty = 6,
                                     .vocabMask = 7,
                                     .prefixVocabMask = 8,
                                     .presenceMask = std::nullopt},
                count);
  batch = n.dim(decoder->getPrompt(), 0);
  return !n.hasFailed();
}

/// All beams of a row begin with the same tokens; only the first may be continued at once.
Beams BeamSearch::begin() {
  Value isFirst = m.equal(m.iotaAlong(2, 1, count), 0.0);
  Value scores = m.select(isFirst, n.makeScalar(f32, 0), n.makeScalar(f32, -1e9));
  Beams beams;
  beams.tokens = decoder->getPrompt();
  beams.scores = m.broadcast(scores, {batch, count});
  beams.hypotheses =
      fill(n.elementType(beams.tokens), static_cast<double>(padToken), {batch, count, maxLength});
  beams.hypothesisScores = fill(f32, -HUGE_VAL, {batch, count});
  beams.isDone = fill(n.builder().getI1Type(), 0, batch);
  return beams;
}

Continuations BeamSearch::findBest(Value scores) {
  Value flat = n.reshape(scores, {batch, count * vocabulary});
  Operation *best =
      flat ? n.inferOp<TopKOp>(flat, {n.attr("axis", 1), n.attr("count", DimExprs{count * 2}),
                                      n.attr("largest", n.builder().getUnitAttr())})
           : nullptr;
  if (!best)
    return {};
  Value position = best->getResult(1), width = m.shapeScalar(vocabulary);
  Value beams = m.div(position, width);
  return {best->getResult(0), m.sub(position, m.mul(beams, width)), beams};
}

/// Makes the first K continuations that do not end the beams.
void BeamSearch::goOn(Beams &beams, const Continuations &best, Value ends) {
  Value goesOn = n.cast(m.logicalNot(ends), i64);
  Value before = n.infer<CumulateOp>(
      goesOn, {n.attr("axis", 1), n.attr("kind", ReduceKindAttr::get(n.context(), ReduceKind::Sum)),
               n.attr("exclusive", n.builder().getUnitAttr())});
  // [B, K, 2 K]: which continuation is which beam.
  Value isBeam = m.logicalAnd(m.equal(m.unsqueeze(before, {1}), m.iotaAlong(3, 1, count)),
                              m.unsqueeze(m.logicalNot(ends), {1}));
  Value position = m.mul(n.cast(isBeam, i64), m.iotaAlong(3, 2, count * 2));
  Value chosen = m.squeeze(m.sum(position, 2), {2});
  // Rows that are done go on with padding.
  Value isDone = m.unsqueeze(beams.isDone, {1});
  auto choose = [&](Value x, double otherwise) {
    return m.select(isDone, m.scalar(x, otherwise), pickColumns(x, chosen));
  };
  beams.scores = choose(best.scores, 0);
  Value sources = m.add(pickColumns(best.beams, chosen), rowOffsets());
  sources = m.select(isDone, m.scalar(sources, 0), sources);
  Value next =
      n.cast(choose(best.tokens, static_cast<double>(padToken)), n.elementType(beams.tokens));
  beams.sources = n.reshape(sources, batch * count);
  beams.tokens = m.concat(
      {m.gather(beams.tokens, beams.sources, 0), n.reshape(next, {batch * count, n.expr(1)})}, 1);
}

/// Keeps the best K of the hypotheses and the texts [B * K, T] at `rows`, [B, K]. Their scores [B,
/// K] are minus infinity where they are none.
void BeamSearch::finish(Beams &beams, Value scores, Value rows) {
  DimExprs room = {batch * count, maxLength};
  Value padded = m.pad(beams.tokens, {n.expr(0), n.expr(0)}, room,
                       m.scalar(beams.tokens, static_cast<double>(padToken)));
  Value texts = m.gather(padded, rows, 0); // [B, K, L]
  Value all = m.concat({beams.hypothesisScores, scores}, 1);
  Operation *best =
      all ? n.inferOp<TopKOp>(all, {n.attr("axis", 1), n.attr("count", DimExprs{count}),
                                    n.attr("largest", n.builder().getUnitAttr())})
          : nullptr;
  texts = m.concat({beams.hypotheses, texts}, 1);
  if (!best || !texts)
    return;
  texts = n.reshape(texts, {batch * (count * 2), maxLength});
  Value chosen = m.add(best->getResult(1), m.mul(rowOffsets(), 2.0));
  beams.hypothesisScores = best->getResult(0);
  beams.hypotheses = m.gather(texts, chosen, 0);
}

/// As ONNX Runtime does it: the score that the last hypothesis is compared with is the best one of
/// 2 K continuations, but from position b K on for row b of the batch.
void BeamSearch::markDone(Beams &beams, const Continuations &best, AffineExpr length) {
  Value worst = m.squeeze(m.slice(beams.hypothesisScores, 1, count - 1, n.expr(1)), {1});
  Value isDone = m.less(m.scalar(worst, -HUGE_VAL), worst);
  if (!n.getBool("early_stopping", false)) {
    Value halves = n.reshape(best.scores, {batch * 2, count});
    halves = m.squeeze(m.slice(halves, 1, 0, 1), {1});
    Value top = m.max(m.slice(halves, 0, n.expr(0), batch), m.slice(halves, 0, n.expr(1), batch));
    Value improves = m.less(worst, weigh(top, length));
    isDone = m.logicalAnd(isDone, m.logicalNot(improves));
  }
  beams.isDone = m.logicalOr(beams.isDone, isDone);
}

void BeamSearch::step(Beams &beams, const DecoderCall &call, bool isFirst) {
  beams.states = call.states;
  vocabulary = n.dim(call.logits, 1);
  AffineExpr length = n.dim(beams.tokens, 1);
  Value scores = rules->apply(buildLogSoftmax(n, call.logits, 1), beams.tokens, isFirst);
  if (!scores)
    return;
  scores = n.reshape(scores, {batch, count, vocabulary});
  candidates = m.add(scores, m.unsqueeze(beams.scores, {2}));
  Continuations best = findBest(candidates);
  if (!best.scores)
    return;
  Value ends = m.equal(best.tokens, static_cast<double>(endToken));
  // Those that end now, while `tokens` are still the texts that they end.
  Value isFinal = m.logicalAnd(m.slice(ends, 1, n.expr(0), count),
                               m.unsqueeze(m.logicalNot(beams.isDone), {1}));
  Value finalScores = m.max(weigh(m.slice(best.scores, 1, n.expr(0), count), length), -FLT_MAX);
  finalScores = m.select(isFinal, finalScores, m.scalar(finalScores, -HUGE_VAL));
  Value rows = m.add(m.slice(best.beams, 1, n.expr(0), count), rowOffsets());
  finish(beams, finalScores, rows);
  goOn(beams, best, ends);
  markDone(beams, best, length);
}

Value BeamSearch::anyGoesOn(Value isDone) {
  Value goesOn = n.cast(m.logicalNot(isDone), i64);
  return m.less(0.0, n.reshape(m.sum(goesOn, 0), {}));
}

/// Replaces the beams by those after all steps but the first; the result are the scores of each.
Results BeamSearch::loop(Beams &beams) {
  bool givesScores = n.hasOutput(2);
  AffineExpr steps = maxLength - n.dim(beams.tokens, 1);
  requireNonNegative(n, steps, "max_length beyond the given tokens and one");
  auto body = [&](Value, Block::BlockArgListType carried) -> Results {
    Beams inside = Beams::unpack(ValueRange(carried));
    DecoderCall call = decoder->next(inside.tokens, decoder->pick(inside.states, inside.sources));
    if (!call)
      return failure();
    step(inside, call, /*isFirst=*/false);
    if (n.hasFailed())
      return failure();
    SmallVector<Value> values = {anyGoesOn(inside.isDone)};
    values.append(inside.pack());
    if (givesScores)
      values.push_back(candidates);
    return values;
  };
  SmallVector<Value> inits = beams.pack();
  Results results = buildLoop(n, steps, inits, body, anyGoesOn(beams.isDone));
  if (failed(results))
    return failure();
  beams = Beams::unpack(ArrayRef(*results).take_front(inits.size()));
  return SmallVector<Value>(ArrayRef(*results).drop_front(inits.size()));
}

Results BeamSearch::output(Beams &beams, Value stackedScores) {
  // Texts of rows that are not done have the length that is asked for.
  Value scores = m.max(weigh(beams.scores, maxLength), -FLT_MAX);
  scores = m.select(m.unsqueeze(beams.isDone, {1}), m.scalar(scores, -HUGE_VAL), scores);
  finish(beams, scores, m.add(m.iotaAlong(2, 1, count), rowOffsets()));
  Type type = n.operand(5) ? n.elementType(n.operand(5)) : f32;
  Value best = m.slice(beams.hypothesisScores, 1, n.expr(0), numResults);
  SmallVector<Value> results = {m.slice(beams.hypotheses, 1, n.expr(0), numResults),
                                n.cast(best, type)};
  if (stackedScores)
    results.push_back(n.cast(stackedScores, type));
  return results;
}

Results BeamSearch::import() {
  if (!read())
    return failure();
  DecoderCall first = decoder->begin();
  if (first)
    first = decoder->spread(first, count);
  if (!first)
    return failure();
  Beams beams = begin();
  AffineExpr given = n.dim(beams.tokens, 1);
  step(beams, first, /*isFirst=*/true);
  Value firstScores = candidates;
  if (n.hasFailed())
    return failure();
  Results stacks = loop(beams);
  if (failed(stacks))
    return failure();
  Value scores;
  if (!stacks->empty()) {
    scores = m.concat({m.unsqueeze(firstScores, {0}), stacks->front()}, 0);
    DimExprs dims = {maxLength - given, batch, count, vocabulary}, low(4, n.expr(0));
    scores = m.pad(scores, low, dims);
  }
  return output(beams, scores);
}

static Results importBeamSearch(NodeImporter &node) { return BeamSearch(node).import(); }

void registerBeamSearchOps(OpRegistry &registry) {
  registry.add("com.microsoft", "BeamSearch", 1, {5, 12}, importBeamSearch);
}

} // namespace tenon
