// Scan: a loop over slices of its inputs, whose body's results it stacks.
//
// In opset 8 there is a batch in front of everything, and each of its members may have a sequence
// of another length: a loop over the batch around the other one. That runs for the longest sequence
// there may be, and lets states be once a shorter one has ended.

#include "lib/Importer/Ops/Loops.h"

using namespace mlir;

namespace tenon {

namespace {
/// Where Scan takes slices from, or puts them: an axis and a direction.
struct ScanAxis {
  int64_t axis = 0;
  bool isReversed = false;
};
} // namespace

/// The axes and directions of `count` inputs or outputs. Axes count from the front once `ranks` are
/// known, so they are normalized by the caller.
static SmallVector<ScanAxis> getScanAxes(NodeImporter &node, StringRef axesName,
                                         StringRef directionsName, size_t count) {
  NodeImporter::Ints axes = node.getInts(axesName, NodeImporter::Ints(count, 0));
  NodeImporter::Ints directions = node.getInts(directionsName, NodeImporter::Ints(count, 0));
  SmallVector<ScanAxis> result(count);
  if (axes.size() != count || directions.size() != count) {
    node.emitAttributeError(axes.size() != count ? axesName : directionsName)
        << "expected " << count << " elements";
    return result;
  }
  for (auto [scan, axis, direction] : llvm::zip(result, axes, directions))
    scan = {axis, direction != 0};
  return result;
}

/// The stack of a scan's output, in the order and with the axis that the node asks for.
static Value arrangeStack(NodeImporter &node, Value stack, ScanAxis scan) {
  int64_t rank = node.rank(stack);
  int64_t axis = node.normalizeAxis(scan.axis, rank);
  if (scan.isReversed) {
    DimExprs starts(rank, node.expr(0));
    starts[0] = node.dim(stack, 0) - 1;
    SmallVector<int64_t> steps(rank, 1);
    steps[0] = -1;
    stack = node.make<SliceOp>(stack.getType(), stack,
                               {node.attr("starts", ArrayRef<AffineExpr>(starts)),
                                node.attr("steps", ArrayRef<int64_t>(steps))});
  }
  if (axis == 0 || !stack)
    return stack;
  SmallVector<int64_t> permutation;
  for (int64_t i = 1; i < rank; ++i)
    permutation.push_back(i);
  permutation.insert(permutation.begin() + axis, 0);
  return node.infer<TransposeOp>(stack, node.attr("permutation", ArrayRef<int64_t>(permutation)));
}

namespace {
/// A scan while it is being imported.
class ScanBuilder {
public:
  ScanBuilder(NodeImporter &node, const onnx::GraphProto &graph, ArrayRef<ScanAxis> inputAxes)
      : m(node), node(node), graph(graph), inputAxes(inputAxes) {}

  /// The last states, then the stacks. `count`, a scalar of i64, says how many of the `length`
  /// slices there are; null: all. Stacks hold zeros behind them.
  Results build(ValueRange states, ValueRange scanned, AffineExpr length, Value count);

private:
  /// The values of the body's inputs in an iteration.
  NodeImporter::Values takeSlices(Value iteration, ValueRange carried, ValueRange scanned,
                                  Value last);

  TensorMath m;
  NodeImporter &node;
  const onnx::GraphProto &graph;
  ArrayRef<ScanAxis> inputAxes;
};
} // namespace

NodeImporter::Values ScanBuilder::takeSlices(Value iteration, ValueRange carried,
                                             ValueRange scanned, Value last) {
  NodeImporter::Values arguments(carried);
  for (auto [value, scan] : llvm::zip(scanned, inputAxes))
    arguments.push_back(
        m.gather(value, scan.isReversed ? m.sub(last, iteration) : iteration, scan.axis));
  return arguments;
}

Results ScanBuilder::build(ValueRange states, ValueRange scanned, AffineExpr length, Value count) {
  auto importBody = [&](Value iteration, Block::BlockArgListType carried) -> Results {
    Value last = count ? m.sub(count, 1) : m.shapeScalar(length - 1);
    NodeImporter::Values arguments = takeSlices(iteration, carried, scanned, last);
    if (node.hasFailed())
      return failure();
    Results values = node.inlineGraph(graph, arguments);
    if (failed(values))
      return failure();
    for (auto [number, value] : llvm::enumerate(*values))
      if (count)
        value = m.select(m.less(iteration, count), value,
                         number < carried.size() ? Value(carried[number]) : m.scalar(value, 0));
    values->insert(values->begin(), node.makeScalar(node.builder().getI1Type(), 1));
    return values;
  };
  return buildLoop(node, length, states, importBody);
}

/// The common length of what is scanned; null after an error. Normalizes the axes.
static AffineExpr getScanLength(NodeImporter &node, ArrayRef<Value> scanned,
                                MutableArrayRef<ScanAxis> axes) {
  AffineExpr length;
  for (auto [value, scan] : llvm::zip(scanned, axes)) {
    scan.axis = node.normalizeAxis(scan.axis, node.rank(value));
    if (node.hasFailed())
      return nullptr;
    AffineExpr size = node.dim(value, scan.axis);
    if (length && length != size && isa<AffineConstantExpr>(length) &&
        isa<AffineConstantExpr>(size)) {
      node.emitError() << "inputs are scanned over different lengths: " << scanned.front().getType()
                       << " and " << value.getType();
      return nullptr;
    }
    length = length && isa<AffineConstantExpr>(length) ? length : size;
  }
  return length;
}

namespace {
/// What both versions of the operator have.
struct ScanOperands {
  const onnx::GraphProto *graph = nullptr;
  ArrayRef<Value> states, scanned;
  int64_t numOutputs = 0; // that are stacks
};
} // namespace

/// The operands of which the first `others` are neither states nor scanned.
static FailureOr<ScanOperands> getScanOperands(NodeImporter &node, unsigned others) {
  ScanOperands result;
  result.graph = node.getGraph("body");
  int64_t numScanned = node.getInt("num_scan_inputs");
  ArrayRef<Value> operands = node.operands().drop_front(std::min(others, node.numOperands()));
  int64_t numStates = static_cast<int64_t>(operands.size()) - std::max<int64_t>(numScanned, 0);
  if (!result.graph || node.hasFailed())
    return failure();
  if (numScanned < 1 || numStates < 0 || result.graph->output_size() < numStates)
    return node.emitAttributeError("num_scan_inputs")
           << numScanned << " does not fit " << operands.size() << " inputs and "
           << result.graph->output_size() << " outputs of the body";
  if (llvm::is_contained(operands, Value()))
    return node.emitError() << "an input is missing";
  result.states = operands.take_front(numStates);
  result.scanned = operands.drop_front(numStates);
  result.numOutputs = result.graph->output_size() - numStates;
  return result;
}

static Results importScan(NodeImporter &node) {
  FailureOr<ScanOperands> operands = getScanOperands(node, /*others=*/0);
  if (failed(operands))
    return failure();
  auto inputAxes =
      getScanAxes(node, "scan_input_axes", "scan_input_directions", operands->scanned.size());
  auto outputAxes =
      getScanAxes(node, "scan_output_axes", "scan_output_directions", operands->numOutputs);
  AffineExpr length = getScanLength(node, operands->scanned, inputAxes);
  if (!length || node.hasFailed())
    return failure();
  Results results = ScanBuilder(node, *operands->graph, inputAxes)
                        .build(operands->states, operands->scanned, length, /*count=*/nullptr);
  if (failed(results))
    return failure();
  for (auto [stack, scan] :
       llvm::zip(llvm::drop_begin(*results, operands->states.size()), outputAxes))
    stack = arrangeStack(node, stack, scan);
  return results;
}

/// Operands are the sequences' lengths, which may be omitted, then as later, each with a batch in
/// front.
static Results importBatchedScan(NodeImporter &node) {
  TensorMath m(node);
  FailureOr<ScanOperands> operands = getScanOperands(node, /*others=*/1);
  if (failed(operands))
    return failure();
  Value lengths = node.operand(0);
  auto axes = getScanAxes(node, /*axesName=*/"", "directions", operands->scanned.size());
  for (ScanAxis &scan : axes)
    scan.axis = 1;
  for (Value value : operands->states)
    node.checkRank(value, 1);
  AffineExpr length = getScanLength(node, operands->scanned, axes);
  if (!length || node.hasFailed())
    return failure();
  AffineExpr batch = node.dim(operands->scanned.front(), 0);
  // Those of one member.
  for (ScanAxis &scan : axes)
    scan.axis = 0;
  ScanBuilder builder(node, *operands->graph, axes);
  auto importMember = [&](Value member, Block::BlockArgListType) -> Results {
    auto select = [&](Value value) { return value ? m.gather(value, member, 0) : Value(); };
    Results values =
        builder.build(llvm::map_to_vector(operands->states, select),
                      llvm::map_to_vector(operands->scanned, select), length, select(lengths));
    if (succeeded(values))
      values->insert(values->begin(), node.makeScalar(node.builder().getI1Type(), 1));
    return values;
  };
  return buildLoop(node, batch, /*inits=*/{}, importMember);
}

void registerScanOps(OpRegistry &registry) {
  registry.add("Scan", 8, {0, Arity::unbounded}, importBatchedScan);
  registry.add("Scan", 9, {1, Arity::unbounded}, importScan);
}

} // namespace tenon
