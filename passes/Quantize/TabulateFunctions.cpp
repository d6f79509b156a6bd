// Reads functions of a byte from tables.
//
// Between two steps through bytes a quantized network computes functions of one number, which has
// 256 values at most:
//
//     y = q(gelu(s v)),   v integral, low <= v <= low + 255
//
// Processors look bytes up in few instructions, fewer than exponentials take. So
//
//     y = table[v - low],   table = q(gelu(s [low, low + 1, ..., low + 255]))
//
// The table consists of the function's own ops on all values, which fold like any other constants.
// So its results are what the ops give, and the same on every processor.
//
// A function is looked for from its result back: ops join from the last to the first, and whenever
// all that they read is one value of a byte, they are one. The longest wins. None of its steps may
// have other readers.

#include "dialects/Target/TargetTables.h"
#include "dialects/Tenon/ByteTables.h"
#include "dialects/Tenon/DecomposeBuilder.h"
#include "dialects/Tenon/ElementCost.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Quantize/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

#define GEN_PASS_DEF_TABULATEFUNCTIONSPASS
#include "passes/Quantize/Passes.h.inc"

using namespace mlir;

namespace {

/// Tensors of fewer elements are not worth the time that compiling a table takes.
constexpr int64_t kFewElements = 1024;

/// The integers that a value's elements are, if a byte can number them.
struct ByteValues {
  int64_t low = 0, high = 0;

  static std::optional<ByteValues> of(Value value) {
    ElementRange range = getElementRange(value);
    if (!range.isIntegral || !(range.high - range.low < kByteValues))
      return std::nullopt;
    return ByteValues{static_cast<int64_t>(range.low), static_cast<int64_t>(range.high)};
  }
};

/// Ops whose one result that others read is a function of one value.
class ByteFunction {
public:
  /// The longest that ends in `result`; nullopt if there is none.
  static std::optional<ByteFunction> find(Value result);

  int64_t getCost() const { return cost; }
  bool contains(Operation *op) const { return ops.contains(op); }
  /// Reads the result from a table.
  void tabulate() const;

private:
  bool join(Operation *op, llvm::SetVector<Value> &inputs);
  Value makeTable(const DecomposeBuilder &make, const ByteValues &inputs) const;

  Value input, result;
  /// From the last to the first.
  llvm::SetVector<Operation *> ops;
  int64_t cost = 0;
};

/// Whether numbers of the type are exact as doubles, as bounds and constants are read.
bool isSmallType(Value value) {
  Type type = getElementTypeOrSelf(value);
  return type.isF32() || (isa<IntegerType>(type) && type.getIntOrFloatBitWidth() <= 32);
}

bool isByte(Value value) { return getElementTypeOrSelf(value).isInteger(8); }

/// A small integer in a type of 32 bits, less `low`, as a byte without a sign.
Value makeCode(const DecomposeBuilder &make, Value value, int64_t low) {
  Type byte = make.b.getIntegerType(8, /*isSigned=*/false);
  if (getElementTypeOrSelf(value) == byte && low == 0)
    return value;
  if (!getElementTypeOrSelf(value).isF32())
    value = make.cast(value, make.b.getI32Type());
  if (low != 0)
    value = make.make<SubOp>({value, make.scalar(value, static_cast<double>(low))});
  return make.cast(value, byte);
}

} // namespace

/// Adds the op if it is a step of a function, and what it reads to `inputs`.
bool ByteFunction::join(Operation *op, llvm::SetVector<Value> &inputs) {
  constexpr size_t mostOps = 48;
  bool isStep = isa<PointwiseOpInterface>(op) && isSmallType(op->getResult(0)) &&
                ops.size() < mostOps && op->getBlock() == result.getParentBlock();
  bool isOwn = op == result.getDefiningOp() ||
               llvm::all_of(op->getUsers(), [&](Operation *user) { return ops.contains(user); });
  if (!isStep || !isOwn)
    return false;
  SmallVector<Value> read;
  for (Value operand : op->getOperands()) {
    if (getSplat(operand) && isSmallType(operand))
      continue;
    if (getDims(operand.getType()) != getDims(result.getType()))
      return false;
    read.push_back(operand);
  }
  ops.insert(op);
  cost += getElementCost(op);
  inputs.remove(op->getResult(0));
  inputs.insert(read.begin(), read.end());
  return true;
}

std::optional<ByteFunction> ByteFunction::find(Value result) {
  std::optional<ByteFunction> longest;
  ByteFunction function;
  function.result = result;
  llvm::SetVector<Value> inputs;
  inputs.insert(result);
  while (!inputs.empty()) {
    Operation *last = nullptr;
    for (Value input : inputs) {
      Operation *op = input.getDefiningOp();
      if (!op || op->getBlock() != result.getParentBlock())
        return longest;
      if (!last || last->isBeforeInBlock(op))
        last = op;
    }
    if (!function.join(last, inputs))
      return longest;
    if (inputs.size() == 1 && isSmallType(inputs.front()) && ByteValues::of(inputs.front())) {
      function.input = inputs.front();
      longest = function;
    }
  }
  return longest;
}

/// The function of all values of the input, in order.
Value ByteFunction::makeTable(const DecomposeBuilder &make, const ByteValues &values) const {
  Type element = getElementTypeOrSelf(input);
  auto makeType = [](Type element) { return RankedTensorType::get({kByteValues}, element); };
  SmallVector<Attribute> numbers;
  for (int64_t i = 0; i < kByteValues; ++i) {
    int64_t number = std::min(values.low + i, values.high);
    numbers.push_back(element.isF32()
                          ? Attribute(make.b.getFloatAttr(element, static_cast<double>(number)))
                          : Attribute(make.b.getIntegerAttr(element, number)));
  }
  auto type = makeType(element);
  IRMapping mapping;
  mapping.map(input,
              ConstantOp::create(make.b, make.loc, type, DenseElementsAttr::get(type, numbers)));
  for (Operation *op : llvm::reverse(ops)) {
    for (Value operand : op->getOperands())
      if (std::optional<double> number = getSplat(operand); number && !mapping.contains(operand))
        mapping.map(operand, make.scalar(getElementTypeOrSelf(operand), *number));
    Operation *copy = make.b.clone(*op, mapping);
    copy->getResult(0).setType(makeType(getElementTypeOrSelf(op->getResult(0))));
  }
  return mapping.lookup(result);
}

void ByteFunction::tabulate() const {
  OpBuilder b(result.getDefiningOp());
  DecomposeBuilder make{b, result.getLoc()};
  ByteValues inputs = *ByteValues::of(input), results = *ByteValues::of(result);
  Value table = makeTable(make, inputs);
  if (!isByte(result))
    table = makeCode(make, table, results.low);
  Value read = GatherOp::create(b, make.loc, table, makeCode(make, input, inputs.low), 0);
  if (!isByte(result)) {
    read = make.cast(read, getElementTypeOrSelf(result));
    if (results.low != 0)
      read = make.make<AddOp>({read, make.scalar(read, static_cast<double>(results.low))});
  }
  Value(result).replaceAllUsesWith(read);
}

/// Whether the value may be what a table holds.
static bool isTabular(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !(isByte(value) || type.getElementType().isF32()))
    return false;
  return !(isStatic(type) && type.getNumElements() < kFewElements) && ByteValues::of(value);
}

namespace {

struct TabulateFunctions : impl::TabulateFunctionsPassBase<TabulateFunctions> {
  void runOnOperation() override {
    FailureOr<TargetAttrInterface> target = getTarget(getOperation());
    if (failed(target))
      return signalPassFailure();
    auto *tables = target->getDialect().getRegisteredInterface<TargetTables>();
    std::optional<int64_t> readCost = tables ? tables->getReadCost(*target) : std::nullopt;
    if (!readCost)
      return;
    SmallVector<Value> results;
    getOperation().walk([&](Operation *op) {
      if (op->getNumResults() == 1 && isTabular(op->getResult(0)))
        results.push_back(op->getResult(0));
    });
    // From the last to the first, so that what is a step of a longer function is none of its own.
    std::vector<ByteFunction> functions;
    for (Value result : llvm::reverse(results)) {
      auto isStep = [&](const ByteFunction &each) { return each.contains(result.getDefiningOp()); };
      if (llvm::any_of(functions, isStep))
        continue;
      std::optional<ByteFunction> function = ByteFunction::find(result);
      if (function && function->getCost() > *readCost)
        functions.push_back(std::move(*function));
    }
    for (const ByteFunction &function : functions)
      function.tabulate();
    numTables += functions.size();
    // The ops that computed what tables hold.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation().getBody());
  }
};

} // namespace

} // namespace tenon
