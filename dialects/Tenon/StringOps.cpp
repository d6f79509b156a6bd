// Ops on strings: which ops take them, and what the library functions of those that read or make
// characters get.

#include "dialects/Tenon/LibraryOp.h"
#include "dialects/Tenon/TenonDialect.h"

using namespace mlir;

namespace tenon {

// What the host executes computes with sizes alone; sequences and the like hold any elements.
bool mayHaveStrings(OperationName op) {
  return op.hasTrait<MovesElements>() || op.hasTrait<TakesStrings>() ||
         op.hasTrait<UsesStrings>() || op.hasTrait<HostOp>();
}

bool usesStrings(Operation *kernel) {
  return kernel
      ->walk([](Operation *op) {
        return op->hasTrait<UsesStrings>() ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static bool isString(Type type) { return isa<StringType>(getElementTypeOrSelf(type)); }

LogicalResult verifyStrings(Operation *op) {
  if (mayHaveStrings(op->getName()))
    return success();
  for (Type type : op->getOperandTypes())
    if (isString(type))
      return op->emitOpError("takes no strings, but has the operand ") << type;
  for (Type type : op->getResultTypes())
    if (isString(type))
      return op->emitOpError("gives no strings, but has the result ") << type;
  return success();
}

/// Fails unless `value` has the operand's dimensions, and `further` ones behind them.
static LogicalResult checkDims(Operation *op, Value operand, Value value, int64_t further = 0) {
  auto from = cast<RankedTensorType>(operand.getType());
  auto to = cast<RankedTensorType>(value.getType());
  if (to.getRank() == from.getRank() + further &&
      succeeded(verifyCompatibleShape(from.getShape(), to.getShape().take_front(from.getRank()))))
    return success();
  return op->emitOpError("makes ") << to << " of " << from;
}

static LogicalResult checkRank(Operation *op, StringRef name, Value value, int64_t rank) {
  if (cast<RankedTensorType>(value.getType()).getRank() == rank)
    return success();
  return op->emitOpError(name) << " needs rank " << rank << ", got " << value.getType();
}

// --- StringConcat ---

LogicalResult StringConcatOp::verify() {
  if (failed(checkDims(*this, getLhs(), getRhs())))
    return failure();
  return checkDims(*this, getLhs(), getResult());
}

std::string StringConcatOp::getLibraryFunction() { return "tenon_string_concat"; }

// --- StringSplit ---

LogicalResult StringSplitCountsOp::verify() {
  if (failed(checkRank(*this, "the delimiter", getDelimiter(), 0)))
    return failure();
  return checkDims(*this, getOperand(), getCounts());
}

std::string StringSplitCountsOp::getLibraryFunction() { return "tenon_string_split_counts"; }

void StringSplitCountsOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints,
                                              SmallVectorImpl<double> &) {
  ints.push_back(static_cast<int64_t>(getMaxSplits()));
}

LogicalResult StringSplitOp::verify() {
  if (failed(checkRank(*this, "the delimiter", getDelimiter(), 0)))
    return failure();
  return checkDims(*this, getOperand(), getResult(), /*further=*/1);
}

std::string StringSplitOp::getLibraryFunction() { return "tenon_string_split"; }

void StringSplitOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  ints.push_back(static_cast<int64_t>(getMaxSplits()));
}

// --- Characters ---

LogicalResult MapCharactersOp::verify() {
  if (cast<RankedTensorType>(getMapping().getType()).getRank() != 2 ||
      cast<RankedTensorType>(getMapping().getType()).getDimSize(1) != 2)
    return emitOpError("takes pairs of code points, not ") << getMapping().getType();
  return checkDims(*this, getOperand(), getResult());
}

std::string MapCharactersOp::getLibraryFunction() { return "tenon_map_characters"; }

// --- Regular expressions ---

static LogicalResult checkProgram(Operation *op, Value program) {
  auto type = cast<RankedTensorType>(program.getType());
  if (type.getRank() == 2 && type.getDimSize(1) == 3)
    return success();
  return op->emitOpError("takes the program of an automaton [N, 3], not ") << type;
}

LogicalResult RegexFullMatchOp::verify() {
  if (failed(checkProgram(*this, getProgram())))
    return failure();
  return checkDims(*this, getOperand(), getResult());
}

std::string RegexFullMatchOp::getLibraryFunction() { return "tenon_regex_full_match"; }

// --- Numbers ---

LogicalResult ParseNumbersOp::verify() { return checkDims(*this, getOperand(), getResult()); }

std::string ParseNumbersOp::getLibraryFunction() {
  return getLibraryFunctionName("parse_numbers", getElementTypeOrSelf(getResult()));
}

StringRef ParseNumbersOp::getFailureReason() {
  return "a string is no number of the type that it is converted to";
}

LogicalResult FormatNumbersOp::verify() { return checkDims(*this, getOperand(), getResult()); }

std::string FormatNumbersOp::getLibraryFunction() {
  return getLibraryFunctionName("format_numbers", getElementTypeOrSelf(getOperand()));
}

// --- Order ---

LogicalResult StringRanksOp::verify() { return checkDims(*this, getOperand(), getRanks()); }

std::string StringRanksOp::getLibraryFunction() { return "tenon_string_ranks"; }

// --- Tokens ---

template <typename OpT> static LogicalResult verifyPrograms(OpT op) {
  size_t count = op.getStarts().size();
  if (op.getRule() == TokenRule::Expression && count != 1)
    return op.emitOpError("takes one expression, not ") << count;
  if (op.getRule() == TokenRule::Characters && count != 0)
    return op.emitOpError("takes no expression for characters, but has ") << count;
  int64_t rows = cast<RankedTensorType>(op.getPrograms().getType()).getDimSize(0);
  for (int64_t start : op.getStarts())
    if (start < 0 || start >= rows)
      return op.emitOpError("begins a program at row ") << start << " of " << rows;
  return checkProgram(op, op.getPrograms());
}

template <typename OpT>
static void addTokenArguments(OpT op, SmallVectorImpl<int64_t> &ints, bool marks) {
  ints.append({static_cast<int64_t>(op.getRule()), static_cast<int64_t>(op.getLeast()), marks,
               static_cast<int64_t>(op.getStarts().size())});
  llvm::append_range(ints, op.getStarts());
}

LogicalResult TokenCountsOp::verify() {
  if (failed(verifyPrograms(*this)))
    return failure();
  return checkDims(*this, getOperand(), getCounts());
}

std::string TokenCountsOp::getLibraryFunction() { return "tenon_token_counts"; }

void TokenCountsOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  addTokenArguments(*this, ints, /*marks=*/false);
}

LogicalResult TokenizeOp::verify() {
  if (failed(verifyPrograms(*this)) || failed(checkRank(*this, "the padding", getPadding(), 0)))
    return failure();
  return checkDims(*this, getOperand(), getResult(), /*further=*/1);
}

std::string TokenizeOp::getLibraryFunction() { return "tenon_tokenize"; }

void TokenizeOp::getLibraryArguments(SmallVectorImpl<int64_t> &ints, SmallVectorImpl<double> &) {
  addTokenArguments(*this, ints, getMark());
}

} // namespace tenon
