// Gradient of ai.onnx.preview.training: reverse-mode differentiation while the model is imported.
//
// What is differentiated is not the model's nodes but the ops that they have become, which are
// fewer and simpler: from y backwards, each op gets dy/d(its result), and its rule
// (GradientRules.h) says what that means for its operands, where contributions of all readers add
// up. An op with a name but no rule of its own (a normalization, attention) is taken apart first,
// as it would be before code is made of it. Derivatives are ops like others: they fuse, fold, and
// can be differentiated again.
//
// Of a tensor y the derivatives are those of the sum of its elements.

#include "dialects/Tenon/NodeLocation.h"
#include "dialects/Tenon/SequenceTypes.h"
#include "lib/Importer/Ops/GradientRules.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tenon {

const GradientRules &GradientRules::all() {
  static const GradientRules rules = [] {
    GradientRules result;
    addPointwiseGradients(result);
    addReductionGradients(result);
    addMovementGradients(result);
    addContractionGradients(result);
    return result;
  }();
  return rules;
}

/// Values that derivatives may be taken of, or flow through.
static bool isDifferentiable(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Whether the op, or one in its regions, reads such a value.
static bool reads(Operation *op, llvm::function_ref<bool(Value)> isSuch) {
  return op
      ->walk([&](Operation *inner) {
        return llvm::any_of(inner->getOperands(), isSuch) ? WalkResult::interrupt()
                                                          : WalkResult::advance();
      })
      .wasInterrupted();
}

namespace {

/// Takes a named op apart and remembers what became of it.
class Decomposition : public RewriterBase::Listener {
public:
  /// A copy of `op` at the builder's position. Null if that cannot be.
  static std::optional<Decomposition> of(OpBuilder &builder, Operation *op);

  SmallVector<Operation *> ops;
  SmallVector<Value> results;

  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    ops.push_back(op);
  }
  void notifyOperationReplaced(Operation *, ValueRange replacement) override {
    results.assign(replacement.begin(), replacement.end());
  }
};

/// Differentiates ops, the last one first.
class ReverseMode {
public:
  explicit ReverseMode(NodeImporter &node) : m(node), node(node) {}

  /// Of ops in the order of the graph, those through which y depends on `xs` become active.
  void findActive(ArrayRef<Operation *> ops, ArrayRef<Value> xs);
  /// Adds to dy/d(value).
  void contribute(Value value, Value gradient);
  LogicalResult run(ArrayRef<Operation *> ops);
  /// dy/d(value); null if y does not depend on it.
  Value get(Value value) const { return gradients.lookup(value); }

private:
  LogicalResult propagate(Operation *op);
  LogicalResult propagateTakenApart(Operation *op);
  /// Sums what the operand has been broadcast by.
  Value sumTo(Value gradient, Value operand);

  TensorMath m;
  NodeImporter &node;
  llvm::DenseSet<Value> active;
  llvm::DenseMap<Value, Value> gradients;
};

} // namespace

std::optional<Decomposition> Decomposition::of(OpBuilder &builder, Operation *op) {
  if (!isa<DecomposeOpInterface>(op))
    return std::nullopt;
  Decomposition result;
  Operation *copy = builder.clone(*op);
  IRRewriter rewriter(copy, &result);
  if (failed(cast<DecomposeOpInterface>(copy).decompose(rewriter)))
    return std::nullopt;
  return result;
}

void ReverseMode::findActive(ArrayRef<Operation *> ops, ArrayRef<Value> xs) {
  active.insert_range(xs);
  for (Operation *op : ops) {
    bool isReached = reads(op, [&](Value value) { return active.contains(value); });
    for (Value result : op->getResults())
      if (isReached && (isDifferentiable(result) || isHostValue(result)))
        active.insert(result);
  }
}

Value ReverseMode::sumTo(Value gradient, Value operand) {
  if (!gradient)
    return nullptr;
  DimExprs from = node.dims(gradient), to = node.dims(operand);
  auto added = static_cast<int64_t>(from.size()) - static_cast<int64_t>(to.size());
  NodeImporter::Ints axes = countUp(added);
  for (auto [axis, dim] : llvm::enumerate(to)) {
    AffineExpr size = from[added + axis];
    if (size == dim)
      continue;
    if (dim != node.expr(1)) {
      node.emitError() << "whether " << operand.getType() << " broadcasts to " << gradient.getType()
                       << " is known to a run alone";
      return nullptr;
    }
    axes.push_back(added + axis);
  }
  return node.reshape(m.sum(gradient, axes), to);
}

void ReverseMode::contribute(Value value, Value gradient) {
  Value &sum = gradients[value];
  sum = sum ? m.add(sum, gradient) : gradient;
}

LogicalResult ReverseMode::propagateTakenApart(Operation *op) {
  std::optional<Decomposition> parts = Decomposition::of(node.builder(), op);
  if (!parts)
    return node.emitError() << "cannot differentiate " << describeOrigin(op->getLoc())
                            << ", which is '" << op->getName() << "' here";
  findActive(parts->ops, {});
  for (auto [result, part] : llvm::zip_equal(op->getResults(), parts->results))
    if (Value gradient = get(result))
      contribute(part, gradient);
  return run(parts->ops);
}

LogicalResult ReverseMode::propagate(Operation *op) {
  bool isUsed = llvm::any_of(op->getResults(), [&](Value result) {
    return active.contains(result) && (get(result) || isHostValue(result));
  });
  if (!isUsed)
    return success();
  const GradientRule *rule = GradientRules::all().find(op);
  if (!rule)
    return propagateTakenApart(op);
  NodeImporter::Values found = (*rule)(node, op, get(op->getResult(0)));
  if (node.hasFailed())
    return failure();
  for (auto [operand, gradient] : llvm::zip_equal(op->getOperands(), found)) {
    if (!gradient || !active.contains(operand))
      continue;
    Value sum = sumTo(gradient, operand);
    if (!sum)
      return failure();
    contribute(operand, sum);
  }
  return success();
}

LogicalResult ReverseMode::run(ArrayRef<Operation *> ops) {
  for (Operation *op : llvm::reverse(ops))
    if (failed(propagate(op)))
      return failure();
  return success();
}

// --- The node ---

/// The ops of the block that compute `y` from `ends`, in their order.
static SmallVector<Operation *> findOps(Value y, ArrayRef<Value> ends) {
  llvm::DenseSet<Value> needed = {y};
  SmallVector<Operation *> ops;
  for (Operation *op = y.getDefiningOp(); op; op = op->getPrevNode()) {
    if (llvm::none_of(op->getResults(), [&](Value result) {
          return needed.contains(result) && !llvm::is_contained(ends, result);
        }))
      continue;
    ops.push_back(op);
    op->walk([&](Operation *inner) { needed.insert_range(inner->getOperands()); });
  }
  std::reverse(ops.begin(), ops.end());
  return ops;
}

/// Computes again, with values in place of others, what depends on these.
static LogicalResult evaluateElsewhere(NodeImporter &node, SmallVectorImpl<Operation *> &ops,
                                       IRMapping &values) {
  for (Operation *&op : ops) {
    if (!reads(op, [&](Value operand) { return values.contains(operand); }))
      continue;
    if (!isMemoryEffectFree(op))
      return node.emitError() << "cannot compute " << describeOrigin(op->getLoc())
                              << " again at other values";
    op = node.builder().clone(*op, values);
  }
  return success();
}

namespace {
/// What the attributes name, and the values to differentiate at.
struct Variables {
  SmallVector<Value> named, given;
  size_t count = 0; // of those that derivatives are wanted for
};
} // namespace

static FailureOr<Variables> getVariables(NodeImporter &node) {
  NodeImporter::Strings names = node.getStrings("xs");
  Variables result;
  result.count = names.size();
  names.append(node.getStrings("zs", NodeImporter::Strings()));
  if (node.hasFailed())
    return failure();
  if (names.size() != node.numOperands())
    return node.emitError() << "xs and zs name " << names.size() << " tensors, but there are "
                            << node.numOperands() << " inputs";
  Block *block = node.builder().getInsertionBlock();
  for (auto [number, name] : llvm::enumerate(names)) {
    Value value = node.find(name), given = node.operand(number);
    if (!value || !given)
      return node.emitError() << "there is no tensor '" << name << "'";
    if (number < result.count && value.getParentBlock() != block)
      return node.emitError() << "'" << name << "' belongs to the graph around this one";
    if (!isDifferentiable(value) && number < result.count)
      return node.emitError() << "'" << name << "' is no tensor of floats";
    if (value.getType() != given.getType())
      return node.emitError() << "'" << name << "' is " << value.getType() << ", but its value is "
                              << given.getType();
    result.named.push_back(value);
    result.given.push_back(given);
  }
  return result;
}

static Results importGradient(NodeImporter &node) {
  TensorMath m(node);
  FailureOr<Variables> variables = getVariables(node);
  if (failed(variables))
    return failure();
  StringRef name = node.getString("y");
  Value y = node.find(name);
  if (!y || !isDifferentiable(y))
    return node.emitError() << "there is no tensor '" << name << "' of floats in front of the node";
  SmallVector<Operation *> ops = findOps(y, variables->named);
  IRMapping values;
  for (auto [named, given] : llvm::zip_equal(variables->named, variables->given))
    if (named != given)
      values.map(named, given);
  if (failed(evaluateElsewhere(node, ops, values)))
    return failure();
  y = values.lookupOrDefault(y);
  ArrayRef<Value> xs = ArrayRef(variables->given).take_front(variables->count);
  ReverseMode reverse(node);
  reverse.findActive(ops, xs);
  reverse.contribute(y, m.broadcast(m.scalar(y, 1), node.dims(y)));
  if (failed(reverse.run(ops)))
    return failure();
  SmallVector<Value> results;
  for (Value x : xs) {
    Value gradient = reverse.get(x);
    results.push_back(gradient ? gradient : m.broadcast(m.scalar(x, 0), node.dims(x)));
  }
  return results;
}

void registerGradientOps(OpRegistry &registry) {
  registry.add("ai.onnx.preview.training", "Gradient", 1, {1, Arity::unbounded}, importGradient);
}

} // namespace tenon
