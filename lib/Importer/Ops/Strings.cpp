// What reads or makes the characters of strings: StringConcat, StringSplit, StringNormalizer,
// RegexFullMatch, ONNX Runtime's Tokenizer, and conversion of numbers.
//
// An op's library function writes to memory whose size is known before it runs. Into how many parts
// strings split only a run tells, so a first op counts them, and the largest count becomes a
// symbol.

#include "lib/Importer/Ops/Strings.h"
#include "lib/Importer/Broadcasting.h"
#include "lib/Importer/Ops/TensorMath.h"
#include "lib/Support/Regex.h"
#include "lib/Support/Unicode.h"

using namespace mlir;

namespace tenon {

/// Whether an operand is there and holds strings; reports an error if not.
static bool checkString(NodeImporter &node, Value value) {
  if (value && node.isString(value))
    return true;
  if (value)
    node.emitError() << "takes strings, not " << value.getType();
  return false;
}

/// The tensor of strings with an operand's shape.
static Type stringsLike(NodeImporter &node, Value value) {
  return makeTensorType(node.dims(value), StringType::get(node.context()));
}

// --- Numbers ---

/// The type among those that strings spell in which all numbers of `type` are exact; null after an
/// error.
static Type getSpelledType(NodeImporter &node, Type type) {
  OpBuilder &b = node.builder();
  if (isa<FloatType>(type))
    return type.isF64() ? type : b.getF32Type();
  auto integer = dyn_cast_if_present<IntegerType>(type);
  if (!integer) {
    node.emitError() << "cannot convert strings and " << type;
    return nullptr;
  }
  return integer.isUnsigned() ? b.getIntegerType(64, /*isSigned=*/false) : b.getI64Type();
}

Value formatNumbers(NodeImporter &node, Value numbers) {
  Type spelled = getSpelledType(node, node.elementType(numbers));
  if (!spelled)
    return nullptr;
  Value wide = node.cast(numbers, spelled);
  return wide ? node.make<FormatNumbersOp>(stringsLike(node, numbers), wide) : Value();
}

Value parseNumbers(NodeImporter &node, Value strings, Type to) {
  Type spelled = getSpelledType(node, to);
  if (!spelled)
    return nullptr;
  return node.make<ParseNumbersOp>(makeTensorType(node.dims(strings), spelled), strings);
}

// --- Parts ---

static Results importStringConcat(NodeImporter &node) {
  Value a = node.operand(0), b = node.operand(1);
  if (!checkString(node, a) || !checkString(node, b))
    return failure();
  TensorMath m(node);
  DimExprs dims = broadcastSizes(node, node.dims(a), node.dims(b));
  a = m.broadcast(a, dims);
  b = m.broadcast(b, dims);
  if (!a || !b)
    return failure();
  return {{node.make<StringConcatOp>(stringsLike(node, a), {a, b})}};
}

/// The largest of the counts, as a symbol; at least `least`.
static std::optional<AffineExpr> bindLargest(NodeImporter &node, Value counts, int64_t least,
                                             StringRef what) {
  TensorMath m(node);
  Value flat = node.reshape(counts, product(node.dims(counts), node.context()));
  // One more element, so that there is a largest one in any case.
  Value floor = node.makeInts({least});
  Value largest = m.squeeze(m.maximum(m.concat({flat, floor}, 0), 0), {0});
  std::optional<DimExprs> size = node.contentsOrBind(node.reshape(largest, node.expr(1)), what);
  if (!size || size->size() != 1)
    return std::nullopt;
  return size->front();
}

static Results importStringSplit(NodeImporter &node) {
  Value x = node.operand(0);
  if (!checkString(node, x))
    return failure();
  Value delimiter = node.makeString(node.getString("delimiter", ""));
  NamedAttribute limit = node.attr("max_splits", node.getInt("maxsplit", -1));
  Type i64 = node.builder().getI64Type();
  Value counts =
      node.make<StringSplitCountsOp>(makeTensorType(node.dims(x), i64), {x, delimiter}, limit);
  std::optional<AffineExpr> most = bindLargest(node, counts, 0, "parts");
  if (!most)
    return failure();
  DimExprs dims = node.dims(x);
  dims.push_back(*most);
  Value parts = node.make<StringSplitOp>(makeTensorType(dims, StringType::get(node.context())),
                                         {x, delimiter}, limit);
  return {{parts, counts}};
}

// --- StringNormalizer ---

/// Strings with letters in lower or upper case; as they are without either.
static Value changeCase(NodeImporter &node, Value strings, std::optional<Letters> letters) {
  if (!letters)
    return strings;
  ArrayRef<std::pair<int32_t, int32_t>> pairs = getCaseMapping(*letters);
  SmallVector<int32_t> points;
  for (auto [from, to] : pairs)
    points.append({from, to});
  auto type =
      RankedTensorType::get({static_cast<int64_t>(pairs.size()), 2}, node.builder().getI32Type());
  Value mapping = node.makeConstant(DenseElementsAttr::get(type, ArrayRef<int32_t>(points)));
  return node.make<MapCharactersOp>(stringsLike(node, strings), {strings, mapping});
}

/// Whether each of the strings [C] is among others [W].
static Value isAmong(NodeImporter &node, Value strings, Value others) {
  TensorMath m(node);
  Value equal = m.equal(m.unsqueeze(strings, {1}), others);
  Value found = m.maximum(node.cast(equal, node.builder().getI64Type()), 1);
  return m.lessEqual(m.scalar(found, 1), m.squeeze(found, {1}));
}

/// The strings [C] where the condition does not hold; one empty string if there are none.
static Value dropStrings(NodeImporter &node, Value strings, Value condition) {
  TensorMath m(node);
  AffineExpr count = node.dim(strings, 0);
  Value kept = m.nonZero(m.logicalNot(condition), "words");
  if (!kept)
    return nullptr;
  AffineExpr numKept = node.dim(kept, 1);
  // The empty string behind all others is gathered last, and then cut off if there is another.
  Value positions =
      m.concat({node.reshape(kept, numKept), node.reshape(m.shapeScalar(count), node.expr(1))}, 0);
  Value all = m.gather(m.concat({strings, node.makeStrings({""})}, 0), positions, 0);
  Value size = m.max(m.shapeScalar(numKept), 1.0);
  std::optional<DimExprs> bound = node.contentsOrBind(node.reshape(size, node.expr(1)), "words", 1);
  return bound ? m.slice(all, 0, node.expr(0), bound->front()) : Value();
}

/// The attribute case_change_action; nullopt within for NONE, and without after an error.
static std::optional<std::optional<Letters>> getCaseChange(NodeImporter &node) {
  StringRef name = node.getString("case_change_action", "NONE");
  if (name == "NONE")
    return std::optional<Letters>();
  if (name == "LOWER" || name == "UPPER")
    return name == "LOWER" ? Letters::Lower : Letters::Upper;
  node.emitAttributeError("case_change_action") << "unknown action '" << name << "'";
  return std::nullopt;
}

// Case follows Unicode's simple mappings whatever the attribute `locale` says: few languages
// differ.
static Results importStringNormalizer(NodeImporter &node) {
  TensorMath m(node);
  Value x = node.operand(0);
  std::optional<std::optional<Letters>> letters = getCaseChange(node);
  Value stopwords = node.makeStrings(node.getStrings("stopwords", NodeImporter::Strings()));
  if (!letters || !checkString(node, x) || node.hasFailed())
    return failure();
  int64_t rank = node.rank(x);
  bool isOneRow =
      rank == 2 && (node.dim(x, 0) == node.expr(1) || !isa<AffineConstantExpr>(node.dim(x, 0)));
  if (rank != 1 && !isOneRow)
    return node.emitError() << "takes strings [C] or [1, C], not " << x.getType();
  if (isOneRow)
    x = m.sized(x, {node.expr(1), node.dim(x, 1)}, "rows");
  Value words = node.reshape(x, node.dim(x, rank - 1));
  if (node.hasElements(stopwords, 0) && node.dim(x, rank - 1) != node.expr(0)) {
    words = changeCase(node, words, *letters);
  } else {
    bool ignoresCase = !node.getBool("is_case_sensitive", false);
    auto compared = ignoresCase ? std::optional(Letters::Lower) : std::nullopt;
    Value isStopword =
        isAmong(node, changeCase(node, words, compared), changeCase(node, stopwords, compared));
    words = dropStrings(node, changeCase(node, words, *letters), isStopword);
  }
  return {{rank == 2 ? m.unsqueeze(words, {0}) : words}};
}

// --- Regular expressions ---

namespace {
/// Regular expressions as the ops take them: their programs one behind another.
struct Programs {
  Value rows; // int32 [N, 3]
  SmallVector<int64_t> starts;
};
} // namespace

/// Reports what is wrong with an expression at the attribute.
static std::optional<Programs> compilePrograms(NodeImporter &node, ArrayRef<StringRef> patterns,
                                               StringRef attribute) {
  SmallVector<int32_t> rows;
  Programs programs;
  for (StringRef pattern : patterns) {
    programs.starts.push_back(static_cast<int64_t>(rows.size() / 3));
    llvm::Expected<std::vector<regex::Row>> program = compileRegex(pattern);
    if (!program) {
      node.emitAttributeError(attribute) << llvm::toString(program.takeError());
      return std::nullopt;
    }
    for (const regex::Row &row : *program)
      rows.append({row.op, row.x, row.y});
  }
  auto type = RankedTensorType::get({static_cast<int64_t>(rows.size() / 3), 3},
                                    node.builder().getI32Type());
  programs.rows = node.makeConstant(DenseElementsAttr::get(type, ArrayRef<int32_t>(rows)));
  return programs;
}

static Results importRegexFullMatch(NodeImporter &node) {
  Value x = node.operand(0);
  StringRef pattern = node.getString("pattern");
  if (!checkString(node, x) || node.hasFailed())
    return failure();
  std::optional<Programs> programs = compilePrograms(node, pattern, "pattern");
  if (!programs)
    return failure();
  Type type = makeTensorType(node.dims(x), node.builder().getI1Type());
  return {{node.make<RegexFullMatchOp>(type, {x, programs->rows})}};
}

// --- Tokens ---

namespace {
/// What a Tokenizer cuts by.
struct Tokens {
  TokenRule rule = TokenRule::Characters;
  Programs programs;
};
} // namespace

static std::optional<Tokens> getTokens(NodeImporter &node) {
  // Each level of separators cuts what the one before has left.
  constexpr size_t maxSeparators = 256;
  NodeImporter::Strings separators = node.getStrings("separators", NodeImporter::Strings());
  StringRef expression = node.getString("tokenexp", "");
  Tokens tokens;
  if (separators.empty() == expression.empty()) {
    node.emitError() << "needs one of the attributes 'separators' and 'tokenexp'";
    return std::nullopt;
  }
  if (separators.size() > maxSeparators) {
    node.emitAttributeError("separators")
        << separators.size() << " are more than " << maxSeparators;
    return std::nullopt;
  }
  bool areCharacters = separators.size() == 1 && separators[0].empty();
  if (!areCharacters)
    tokens.rule = expression.empty() ? TokenRule::Separators : TokenRule::Expression;
  if (areCharacters)
    separators.clear();
  std::optional<Programs> programs = compilePrograms(
      node, expression.empty() ? ArrayRef<StringRef>(separators) : ArrayRef(expression),
      expression.empty() ? "separators" : "tokenexp");
  if (!programs)
    return std::nullopt;
  tokens.programs = *programs;
  return tokens;
}

static Results importTokenizer(NodeImporter &node) {
  Value x = node.operand(0);
  bool marks = node.getBool("mark", false);
  int64_t least = node.getInt("mincharnum");
  Value padding = node.makeString(node.getString("pad_value"));
  if (!checkString(node, x) || node.hasFailed())
    return failure();
  std::optional<Tokens> tokens = getTokens(node);
  if (!tokens)
    return failure();
  if (node.rank(x) != 1 && node.rank(x) != 2)
    return node.emitError() << "takes strings [C] or [N, C], not " << x.getType();
  if (least < 1 || (tokens->rule == TokenRule::Characters && least > 1))
    return node.emitAttributeError("mincharnum") << "cannot be " << least;
  SmallVector<NamedAttribute> attributes = {
      node.attr("rule", TokenRuleAttr::get(node.context(), tokens->rule)),
      node.attr("starts", tokens->programs.starts), node.attr("least", least)};
  Value rows = tokens->programs.rows;
  Value counts = node.make<TokenCountsOp>(makeTensorType(node.dims(x), node.builder().getI64Type()),
                                          {x, rows}, attributes);
  std::optional<AffineExpr> most = bindLargest(node, counts, 0, "tokens");
  if (!most)
    return failure();
  DimExprs dims = node.dims(x);
  dims.push_back(*most + (marks ? 2 : 0));
  if (marks)
    attributes.push_back(node.attr("mark", node.builder().getUnitAttr()));
  return {{node.make<TokenizeOp>(makeTensorType(dims, StringType::get(node.context())),
                                 {x, rows, padding}, attributes)}};
}

void registerStringOps(OpRegistry &registry) {
  registry.add("StringConcat", 20, 2, importStringConcat);
  registry.add("StringSplit", 20, 1, importStringSplit);
  registry.add("StringNormalizer", 10, 1, importStringNormalizer);
  registry.add("RegexFullMatch", 20, 1, importRegexFullMatch);
  registry.add("com.microsoft", "Tokenizer", 1, 1, importTokenizer);
}

} // namespace tenon
