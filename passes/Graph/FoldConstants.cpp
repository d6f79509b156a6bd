// Computes at compile time what depends on constants alone, by compiling and running it.
//
// Weights that are quantized in blocks stay as narrow as they are where a strategy of the target
// reads them so: what they are computed from folds, and the dequantization becomes part of a
// kernel.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Graph/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

#define GEN_PASS_DEF_FOLDCONSTANTSPASS
#include "passes/Graph/Passes.h.inc"

using namespace mlir;

namespace {

/// Results up to this size fold whatever they are computed from.
constexpr int64_t kSmallBytes = 4096;
/// Larger ones may be this many times as large as the constants behind them.
constexpr int64_t kMaxGrowth = 4;
/// Nothing larger is computed on the way to them, unless the constants are that large.
constexpr int64_t kMaxIntermediateBytes = int64_t(1) << 30;
/// Sums of sizes stay below this: values are counted once for each way to them.
constexpr int64_t kMaxSourceBytes = int64_t(1) << 50;
/// Constants that one program computes with, so that not all weights of a model are in memory in
/// three forms at once.
constexpr int64_t kBytesPerProgram = 96 << 20;

bool isSplatConstant(Operation *op) {
  auto constant = dyn_cast<ConstantOp>(op);
  auto elements = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : nullptr;
  return elements && elements.isSplat();
}

class Folder {
public:
  Folder(ModuleOp module, const ConstantEvaluator &evaluator)
      : module(module), evaluator(evaluator) {
    if (auto target = module->getAttrOfType<TargetAttrInterface>(kTargetAttrName))
      strategies = TargetStrategies::of(target);
  }

  FailureOr<int64_t> run();

private:
  /// Whether an op stays, though it depends on constants alone.
  bool staysNarrow(Operation *op) const {
    auto dequantize = dyn_cast<DequantizeBlocksOp>(op);
    return dequantize && strategies && isReadNarrow(dequantize, *strategies);
  }
  /// Bytes of the constants that an op's value is computed from; nothing if it is not constant.
  std::optional<int64_t> sourceBytes(Operation *op);
  void collect();
  LogicalResult evaluate(ArrayRef<Value> values);

  ModuleOp module;
  const ConstantEvaluator &evaluator;
  /// Those of the target, if it is known yet.
  std::optional<TargetStrategies> strategies;
  llvm::DenseMap<Operation *, std::optional<int64_t>> sources;
  /// Values to replace, and the ops that compute them, operands first.
  llvm::SetVector<Value> targets;
  llvm::SetVector<Operation *> ops;
};

} // namespace

std::optional<int64_t> Folder::sourceBytes(Operation *op) {
  auto [entry, isNew] = sources.try_emplace(op, std::nullopt);
  if (!isNew)
    return entry->second;
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    bool isNumber = constant.getType().getElementType().isIntOrFloat();
    return isNumber ? sources[op] = isSplatConstant(op) ? 8 : *countBytes(constant.getType())
                    : std::nullopt;
  }
  bool computes = isa<ElementalOpInterface>(op) && !isa<LibraryOpInterface>(op);
  if (!computes || op->getNumResults() != 1 || !isStatic(op->getResult(0).getType()))
    return std::nullopt;
  // Starts, contents and the like may be symbols that only a run binds.
  for (NamedAttribute attribute : op->getAttrs())
    if (auto map = dyn_cast<AffineMapAttr>(attribute.getValue());
        map && !getConstantDims(map.getValue().getResults()))
      return std::nullopt;
  int64_t bytes = 0;
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    std::optional<int64_t> part = producer ? sourceBytes(producer) : std::nullopt;
    if (!part)
      return std::nullopt;
    bytes = std::min(bytes + *part, kMaxSourceBytes);
  }
  int64_t size = *countBytes(op->getResult(0).getType());
  if (size > kMaxIntermediateBytes && size / kMaxGrowth > bytes)
    return std::nullopt;
  return sources[op] = bytes;
}

/// Adds the ops that a value is computed with, operands first.
static void collectOps(Operation *op, llvm::SetVector<Operation *> &ops) {
  if (ops.contains(op))
    return;
  for (Value operand : op->getOperands())
    collectOps(operand.getDefiningOp(), ops);
  ops.insert(op);
}

void Folder::collect() {
  auto isWorthwhile = [&](Operation *op) {
    std::optional<int64_t> bytes = sourceBytes(op);
    if (!bytes || isa<ConstantOp>(op) || staysNarrow(op))
      return false;
    if (llvm::any_of(op->getUsers(), [&](Operation *user) { return staysNarrow(user); }))
      return true; // or what is packed would be made in each run
    int64_t size = *countBytes(op->getResult(0).getType());
    return size <= kSmallBytes || size <= kMaxGrowth * *bytes;
  };
  for (auto function : module.getOps<func::FuncOp>())
    function.walk([&](Operation *op) {
      if (op->use_empty() || !isWorthwhile(op))
        return;
      // Only what others need: an op all of whose users fold is on the way.
      bool isFrontier =
          llvm::any_of(op->getUsers(), [&](Operation *user) { return !isWorthwhile(user); });
      if (!isFrontier)
        return;
      targets.insert(op->getResult(0));
      collectOps(op, ops);
    });
}

/// Replaces values by constants.
LogicalResult Folder::evaluate(ArrayRef<Value> values) {
  MLIRContext *context = module.getContext();
  OwningOpRef<ModuleOp> program = ModuleOp::create(module.getLoc(), "constants");
  OpBuilder b = OpBuilder::atBlockEnd(program->getBody());
  auto function = func::FuncOp::create(
      b, module.getLoc(), "main", FunctionType::get(context, {}, ValueRange(values).getTypes()));
  b.setInsertionPointToStart(function.addEntryBlock());
  llvm::SetVector<Operation *> needed;
  for (Value value : values)
    collectOps(value.getDefiningOp(), needed);
  IRMapping mapping;
  for (Operation *op : needed)
    b.clone(*op, mapping);
  SmallVector<Value> results;
  for (Value value : values)
    results.push_back(mapping.lookup(value));
  func::ReturnOp::create(b, module.getLoc(), results);

  FailureOr<SmallVector<ElementsAttr>> computed = evaluator(*program);
  if (failed(computed))
    return failure();
  for (auto [value, attribute] : llvm::zip_equal(values, *computed)) {
    OpBuilder at(value.getDefiningOp());
    Value constant = ConstantOp::create(at, value.getLoc(), value.getType(), attribute);
    Value(value).replaceAllUsesWith(constant);
  }
  return success();
}

FailureOr<int64_t> Folder::run() {
  collect();
  SmallVector<Value> batch;
  int64_t bytes = 0;
  for (Value target : targets) {
    int64_t more = *sourceBytes(target.getDefiningOp());
    if (!batch.empty() && bytes + more > kBytesPerProgram) {
      if (failed(evaluate(batch)))
        return failure();
      batch.clear();
      bytes = 0;
    }
    batch.push_back(target);
    bytes += more;
  }
  if (!batch.empty() && failed(evaluate(batch)))
    return failure();
  int64_t folded = 0;
  for (Operation *op : llvm::reverse(ops))
    if (op->use_empty()) {
      folded += !isa<ConstantOp>(op);
      op->erase();
    }
  return folded;
}

namespace {

struct FoldConstants : impl::FoldConstantsPassBase<FoldConstants> {
  FoldConstants() = default;
  explicit FoldConstants(ConstantEvaluator evaluator) : evaluator(std::move(evaluator)) {}

  void runOnOperation() override {
    if (!evaluator)
      return;
    FailureOr<int64_t> folded = Folder(getOperation(), evaluator).run();
    if (failed(folded))
      return signalPassFailure();
    numFolded += *folded;
  }

  ConstantEvaluator evaluator;
};

} // namespace

std::unique_ptr<Pass> createFoldConstantsPass(ConstantEvaluator evaluator) {
  return std::make_unique<FoldConstants>(std::move(evaluator));
}

} // namespace tenon
