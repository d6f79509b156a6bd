// If and Loop.
//
// Types are inferred by importing the subgraphs. A dimension is the same inside and outside of a
// subgraph only if its expression uses no symbol that the subgraph binds; otherwise, and where
// branches or iterations disagree, the op binds a new symbol for it. Loops carry values whose types
// depend on themselves: the body is imported with the initial types and again, each time with more
// dimensions as symbols, until what it yields fits what it takes. The same goes for the elements of
// sequences, whose type gets wider until it is that of all that iterations put in.

#include "lib/Importer/Ops/Lists.h"
#include "lib/Importer/Ops/Loops.h"
#include "lib/Importer/TensorData.h"
#include "lib/Importer/ValueTypes.h"

using namespace mlir;

namespace tenon {

/// Whether `expr` uses no symbol that is as young as `firstLocal`.
static bool isVisibleOutside(AffineExpr expr, unsigned firstLocal) {
  bool isVisible = true;
  expr.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      isVisible &= symbol.getPosition() < firstLocal;
  });
  return isVisible;
}

/// A condition or count as a tensor of rank 0.
static Value makeScalarOperand(NodeImporter &node, Value value, Type elementType, StringRef what) {
  if (node.elementType(value) != elementType ||
      getConstantDims(node.dims(value)).value_or(SmallVector<int64_t, 6>{0}).size() > 1) {
    node.emitError() << what << " must be a scalar of " << elementType << ", not "
                     << value.getType();
    return nullptr;
  }
  return node.reshape(value, {});
}

/// A dimension's size as a scalar tensor.
static Value makeSize(NodeImporter &node, AffineExpr size) {
  auto type = RankedTensorType::get({}, node.builder().getI64Type());
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return node.makeConstant(DenseElementsAttr::get(type, constant.getValue()));
  return node.make<ShapeTensorOp>(type, {}, node.attr("contents", ArrayRef<AffineExpr>(size)));
}

static void yield(NodeImporter &node, ValueRange values) {
  YieldOp::create(node.builder(), values);
}

/// The name of a new symbol for a dimension of output `number`.
static AffineExpr addOutputSymbol(NodeImporter &node, unsigned number, unsigned axis) {
  return node.addSymbol((node.outputName(number) + "." + Twine(axis)).str());
}

// --- If ---

/// The rank of a tensor; -1 of other values.
static int64_t rankOf(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor ? tensor.getRank() : -1;
}

/// The type of a result that is one of two values that are no tensors.
static Type mergeHostTypes(NodeImporter &node, unsigned number, Type thenType, Type elseType) {
  if (Type joined = joinHostTypes(thenType, elseType))
    return joined;
  node.emitError() << "output " << number << " is " << describeValueType(thenType)
                   << " from then_branch, but " << describeValueType(elseType)
                   << " from else_branch";
  return nullptr;
}

/// The type of a result that is one of two values of the same rank, whichever branch ran.
static Type mergeBranchTypes(NodeImporter &node, unsigned number, Value thenValue, Value elseValue,
                             unsigned firstLocal) {
  if (isHostValue(thenValue) || isHostValue(elseValue))
    return mergeHostTypes(node, number, thenValue.getType(), elseValue.getType());
  if (node.elementType(thenValue) != node.elementType(elseValue)) {
    node.emitError() << "output " << number << " is " << thenValue.getType()
                     << " from then_branch, but " << elseValue.getType() << " from else_branch";
    return nullptr;
  }
  DimExprs dims = node.dims(thenValue);
  for (auto [axis, dim] : llvm::enumerate(node.dims(elseValue)))
    if (dims[axis] != dim || !isVisibleOutside(dim, firstLocal))
      dims[axis] = addOutputSymbol(node, number, axis);
  return makeTensorType(dims, node.elementType(thenValue));
}

static FailureOr<SmallVector<Value>> importBranch(NodeImporter &node, const onnx::GraphProto &graph,
                                                  Region &region) {
  OpBuilder::InsertionGuard guard(node.builder());
  GraphImporter::RegionScope scope = node.enterRegion();
  node.builder().createBlock(&region);
  FailureOr<SmallVector<Value>> values = node.inlineGraph(graph);
  if (succeeded(values))
    yield(node, *values);
  return values;
}

static bool haveSameRanks(ArrayRef<Value> values, ArrayRef<Value> others) {
  return llvm::all_of(llvm::zip(values, others), [](auto pair) {
    return rankOf(std::get<0>(pair)) == rankOf(std::get<1>(pair));
  });
}

/// Whether the values have the ranks that the model declares for the node's outputs, and it
/// declares one where `others` have another rank.
static bool haveDeclaredRanks(NodeImporter &node, ArrayRef<Value> values, ArrayRef<Value> others) {
  bool isTold = false;
  for (auto [number, value, other] : llvm::enumerate(values, others)) {
    std::optional<int64_t> declared = node.declaredRank(number);
    if (declared && *declared != rankOf(value))
      return false;
    isTold |= declared && rankOf(value) != rankOf(other);
  }
  return isTold;
}

static const onnx::NodeProto *findProducer(const onnx::GraphProto &graph, const std::string &name) {
  for (const onnx::NodeProto &node : graph.node())
    if (llvm::is_contained(node.output(), name))
      return &node;
  return nullptr;
}

/// Whether then_branch squeezes what else_branch gives as it is: how exporters write squeezing "a
/// dimension if it is 1". What follows is for the squeezed value.
static bool squeezesIfOne(const onnx::GraphProto &thenGraph, const onnx::GraphProto &elseGraph) {
  return llvm::all_of(llvm::zip_equal(thenGraph.output(), elseGraph.output()), [&](auto outputs) {
    const onnx::NodeProto *squeeze = findProducer(thenGraph, std::get<0>(outputs).name());
    const onnx::NodeProto *identity = findProducer(elseGraph, std::get<1>(outputs).name());
    return squeeze && identity && squeeze->op_type() == "Squeeze" &&
           identity->op_type() == "Identity" && squeeze->input_size() > 0 &&
           identity->input_size() > 0 && squeeze->input(0) == identity->input(0);
  });
}

/// Brings values of one element to the larger of their ranks. They broadcast alike; what else sees
/// the rank sees that of the other branch.
static void alignSingles(NodeImporter &node, MutableArrayRef<Value> values, ArrayRef<Value> others,
                         Region &region) {
  Operation *end = region.front().getTerminator();
  OpBuilder::InsertionGuard guard(node.builder());
  node.builder().setInsertionPoint(end);
  for (auto [number, value, other] : llvm::enumerate(values, others)) {
    int64_t rank = std::max(rankOf(value), rankOf(other));
    if (rankOf(value) == rankOf(other) || rankOf(value) < 0 || rankOf(other) < 0 ||
        !node.hasElements(value, 1) || !node.hasElements(other, 1))
      continue;
    value = node.reshape(value, DimExprs(rank, node.expr(1)));
    end->setOperand(number, value);
  }
}

/// Takes one of the branches, whose ranks differ. A run in which the condition chooses the other
/// ends with an error.
static Results importOneBranch(NodeImporter &node, const onnx::GraphProto &graph, bool isThen,
                               Value condition) {
  if (!isThen)
    condition = TensorMath(node).logicalNot(condition);
  Value flag = node.reshape(node.cast(condition, node.builder().getI64Type()), {node.expr(1)});
  if (!flag)
    return failure();
  auto symbol = cast<AffineSymbolExpr>(node.addSymbol((node.outputName(0) + ".taken").str()));
  BindSymbolOp::create(node.builder(), flag, /*position=*/0, symbol.getPosition(), /*minimum=*/1);
  return node.inlineGraph(graph);
}

static Results importIf(NodeImporter &node) {
  const onnx::GraphProto *thenGraph = node.getGraph("then_branch");
  const onnx::GraphProto *elseGraph = node.getGraph("else_branch");
  if (!thenGraph || !elseGraph)
    return failure();
  // With the condition known, only one branch matters; the other need not even be importable.
  if (auto known = node.constantInts(node.operand(0)); known && known->size() == 1)
    return node.inlineGraph(known->front() ? *thenGraph : *elseGraph);

  Value condition =
      makeScalarOperand(node, node.operand(0), node.builder().getI1Type(), "the condition");
  if (!condition)
    return failure();
  unsigned firstLocal = node.numSymbols();
  Region thenRegion, elseRegion;
  auto thenValues = importBranch(node, *thenGraph, thenRegion);
  if (failed(thenValues))
    return failure();
  auto elseValues = importBranch(node, *elseGraph, elseRegion);
  if (failed(elseValues))
    return failure();
  if (thenValues->size() != elseValues->size())
    return node.emitError() << "then_branch has " << thenValues->size()
                            << " outputs, but else_branch has " << elseValues->size();
  if (!haveSameRanks(*thenValues, *elseValues)) {
    bool takesElse = haveDeclaredRanks(node, *elseValues, *thenValues);
    bool takesThen = haveDeclaredRanks(node, *thenValues, *elseValues) ||
                     (!takesElse && squeezesIfOne(*thenGraph, *elseGraph));
    if (takesThen || takesElse) {
      node.clear(thenRegion);
      node.clear(elseRegion);
      return importOneBranch(node, takesThen ? *thenGraph : *elseGraph, takesThen, condition);
    }
    SmallVector<Value> others = *thenValues;
    alignSingles(node, *thenValues, *elseValues, thenRegion);
    alignSingles(node, *elseValues, others, elseRegion);
  }
  if (!haveSameRanks(*thenValues, *elseValues)) {
    node.clear(thenRegion);
    node.clear(elseRegion);
    return node.emitError() << "then_branch and else_branch give different ranks, so that the "
                               "result's depends on data; declare the type of '"
                            << node.outputName(0) << "'";
  }
  SmallVector<Type> types;
  for (auto [number, values] : llvm::enumerate(llvm::zip(*thenValues, *elseValues)))
    types.push_back(
        mergeBranchTypes(node, number, std::get<0>(values), std::get<1>(values), firstLocal));
  if (node.hasFailed())
    return failure();
  auto op = IfOp::create(node.builder(), types, condition);
  op.getThenRegion().takeBody(thenRegion);
  op.getElseRegion().takeBody(elseRegion);
  return SmallVector<Value>(op.getResults());
}

// --- Loop ---

namespace {
/// A loop while it is being imported.
class LoopBuilder {
public:
  LoopBuilder(NodeImporter &node, Value max, Value condition, ValueRange inits)
      : node(node), max(max), condition(condition), inits(inits) {}

  Results build(LoopBody importBody);

private:
  LogicalResult importOnce(LoopBody importBody);
  /// Carried optionals of what is yielded as it is.
  void wrapYielded();
  /// The type of a carried value that is no tensor as its initial value has it, with the elements
  /// that the model declares: bodies may read what earlier iterations have put in.
  Type guessHostType(unsigned number);
  /// Widens what a carried value that is no tensor holds. Whether that changes its type.
  FailureOr<bool> widenHostType(unsigned number);
  /// Makes the dimensions that change symbols of the body's arguments. Whether there are new ones.
  FailureOr<bool> widenTypes();
  /// How often the body runs, if that can be told.
  AffineExpr getTripCount();
  SmallVector<Type> inferResultTypes();

  NodeImporter &node;
  Value max, condition;
  ValueRange inits;
  /// The dimensions of tensors as the body sees them, and the types of other values.
  SmallVector<DimExprs> carriedDims;
  SmallVector<Type> carriedTypes;
  /// Optionals whose element is what the loop gives: see wrapYielded.
  llvm::SmallSetVector<unsigned, 2> wrapped;
  Region body;
  unsigned firstLocal = 0;
  SmallVector<Value> yielded;
};
} // namespace

LogicalResult LoopBuilder::importOnce(LoopBody importBody) {
  node.clear(body);
  SmallVector<Type> types = {RankedTensorType::get({}, node.builder().getI64Type())};
  for (auto [init, dims, type] : llvm::zip(inits, carriedDims, carriedTypes))
    types.push_back(type ? type : makeTensorType(dims, node.elementType(init)));
  OpBuilder::InsertionGuard guard(node.builder());
  GraphImporter::RegionScope scope = node.enterRegion();
  SmallVector<Location> locations(types.size(), node.loc());
  Block *block = node.builder().createBlock(&body, body.end(), types, locations);
  Results results = importBody(block->getArgument(0), block->getArguments().drop_front());
  if (failed(results))
    return failure();
  yielded = *results;
  if (yielded.size() < inits.size() + 1)
    return node.emitError() << "the body has " << yielded.size() << " outputs, but needs at least "
                            << inits.size() + 1;
  yielded[0] = makeScalarOperand(node, yielded[0], node.builder().getI1Type(),
                                 "the condition that the body computes");
  if (!yielded[0])
    return failure();
  wrapYielded();
  if (node.hasFailed())
    return failure();
  yield(node, yielded);
  return success();
}

// ONNX's Loop may start with an optional and go on with what it has: both are one type in Python.
void LoopBuilder::wrapYielded() {
  for (auto [number, type] : llvm::enumerate(carriedTypes)) {
    Value &next = yielded[number + 1];
    if (!type || !isa<OptionalType>(type) || isa<OptionalType>(next.getType()))
      continue;
    next = makeOptional(node, next, nullptr);
    wrapped.insert(number);
  }
}

Type LoopBuilder::guessHostType(unsigned number) {
  Type type = inits[number].getType(), declared = node.declaredHostType(number);
  Type joined = declared ? joinHostTypes(type, declared) : Type();
  bool isTold = joined && getListElement(joined) &&
                isa<RankedTensorType, SequenceType>(getListElement(joined));
  return isTold ? joined : type;
}

FailureOr<bool> LoopBuilder::widenHostType(unsigned number) {
  Type &inside = carriedTypes[number], next = yielded[number + 1].getType();
  Type joined = joinHostTypes(inside, next);
  if (!joined)
    return node.emitError() << "carried value " << number << " starts as "
                            << describeValueType(inside) << ", but becomes "
                            << describeValueType(next);
  bool hasChanged = joined != inside;
  inside = joined;
  return hasChanged;
}

FailureOr<bool> LoopBuilder::widenTypes() {
  bool hasChanged = false;
  for (auto [number, init] : llvm::enumerate(inits)) {
    Value next = yielded[number + 1];
    if (carriedTypes[number]) {
      FailureOr<bool> isWider = widenHostType(number);
      if (failed(isWider))
        return failure();
      hasChanged |= *isWider;
      continue;
    }
    if (isHostValue(next))
      return node.emitError() << "carried value " << number << " starts as " << init.getType()
                              << ", but becomes " << describeValueType(next.getType());
    if (node.elementType(next) != node.elementType(init) || node.rank(next) != node.rank(init))
      return node.emitError() << "carried value " << number << " starts as " << init.getType()
                              << ", but becomes " << next.getType();
    for (auto [axis, dim] : llvm::enumerate(node.dims(next))) {
      AffineExpr &inside = carriedDims[number][axis];
      auto symbol = dyn_cast<AffineSymbolExpr>(inside);
      bool isOwn = symbol && symbol.getPosition() >= firstLocal;
      if (dim == inside || isOwn)
        continue;
      inside = addOutputSymbol(node, number, axis);
      hasChanged = true;
    }
  }
  return hasChanged;
}

AffineExpr LoopBuilder::getTripCount() {
  auto isTrue = [&](Value value) {
    auto known = node.constantInts(value);
    return known && known->size() == 1 && known->front();
  };
  if (!max || (condition && !isTrue(condition)) || !isTrue(yielded[0]))
    return nullptr;
  std::optional<DimExprs> count = node.contents(max);
  if (!count || count->size() != 1)
    return nullptr;
  // A negative count is none; where only a run tells, so does the loop.
  if (auto constant = dyn_cast<AffineConstantExpr>(count->front()))
    return node.expr(std::max<int64_t>(constant.getValue(), 0));
  return isKnownNonNegative(count->front()) ? count->front() : nullptr;
}

SmallVector<Type> LoopBuilder::inferResultTypes() {
  SmallVector<Type> types;
  for (unsigned number = 0; number + 1 < yielded.size(); ++number) {
    Value value = yielded[number + 1];
    bool isCarried = number < inits.size();
    if (isCarried && carriedTypes[number]) {
      types.push_back(carriedTypes[number]);
      continue;
    }
    DimExprs dims = isCarried ? carriedDims[number] : node.dims(value);
    for (auto [axis, dim] : llvm::enumerate(dims))
      if (!isVisibleOutside(dim, firstLocal))
        dim = addOutputSymbol(node, number, isCarried ? axis : axis + 1);
    if (!isCarried) {
      AffineExpr count = getTripCount();
      dims.insert(dims.begin(), count ? count : addOutputSymbol(node, number, 0));
    }
    types.push_back(makeTensorType(dims, node.elementType(value)));
  }
  return types;
}

Results LoopBuilder::build(LoopBody importBody) {
  for (auto [number, init] : llvm::enumerate(inits)) {
    carriedTypes.push_back(isHostValue(init) ? guessHostType(number) : Type());
    carriedDims.push_back(getDims(init.getType()));
  }
  firstLocal = node.numSymbols();
  while (true) {
    wrapped.clear();
    if (failed(importOnce(importBody)))
      return failure();
    FailureOr<bool> hasChanged = widenTypes();
    if (failed(hasChanged))
      return failure();
    if (!*hasChanged)
      break;
  }
  SmallVector<Type> types = inferResultTypes();
  for (auto [number, type] : llvm::enumerate(types))
    if (llvm::Error error = checkDims(getDims(type)))
      return node.emitError() << "output " << number
                              << " is impossible: " << llvm::toString(std::move(error));
  auto op = LoopOp::create(node.builder(), types, max, condition, inits);
  op.getBody().takeBody(body);
  SmallVector<Value> results(op.getResults());
  for (unsigned number : wrapped)
    results[number] = takeElement(node, results[number], nullptr, std::nullopt);
  return results;
}

Results buildLoop(NodeImporter &node, AffineExpr count, ValueRange inits, LoopBody importBody,
                  Value condition) {
  Value max = makeSize(node, count);
  if (!max)
    return failure();
  return LoopBuilder(node, max, condition, inits).build(importBody);
}

static Results importLoop(NodeImporter &node) {
  const onnx::GraphProto *graph = node.getGraph("body");
  if (!graph)
    return failure();
  Value max = node.operand(0), condition = node.operand(1);
  if (max)
    max = makeScalarOperand(node, max, node.builder().getI64Type(), "the trip count");
  if (condition)
    condition = makeScalarOperand(node, condition, node.builder().getI1Type(), "the condition");
  if (node.hasFailed())
    return failure();
  ArrayRef<Value> inits = node.operands();
  inits = inits.drop_front(std::min<size_t>(2, inits.size()));
  if (llvm::is_contained(inits, Value()))
    return node.emitError() << "an initial value is missing";
  return LoopBuilder(node, max, condition, inits)
      .build([&](Value iteration, Block::BlockArgListType carried) -> Results {
        // The body only runs when the condition holds.
        SmallVector<Value> arguments = {iteration, node.makeScalar(node.builder().getI1Type(), 1)};
        arguments.append(carried.begin(), carried.end());
        return node.inlineGraph(*graph, arguments);
      });
}

void registerControlFlowOps(OpRegistry &registry) {
  registry.add("If", 1, 1, importIf);
  registry.add("Loop", 1, {0, Arity::unbounded}, importLoop);
}

} // namespace tenon
