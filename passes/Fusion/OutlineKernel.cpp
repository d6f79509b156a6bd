#include "passes/Fusion/OutlineKernel.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon {

namespace {

/// The numbers that a kernel gives the symbols it sees: its own, in the order in which they occur.
class SymbolNumbers {
public:
  explicit SymbolNumbers(MLIRContext *context) : context(context) {
    replacer.addReplacement([this](AffineMapAttr attr) { return renumber(attr); });
  }

  Type renumber(Type type) { return replacer.replace(type); }
  void renumber(Operation *op) {
    replacer.recursivelyReplaceElementsIn(op, /*replaceAttrs=*/true, /*replaceLocs=*/false,
                                          /*replaceTypes=*/true);
  }

  unsigned size() const { return numbers.size(); }
  /// What the function calls each of the kernel's symbols; null if there are none.
  AffineMapAttr getGiven() const {
    DimExprs given;
    for (auto &[original, number] : numbers)
      given.push_back(getAffineSymbolExpr(original, context));
    return given.empty() ? AffineMapAttr() : AffineMapAttr::get(makeDimsMap(given, context));
  }

private:
  Attribute renumber(AffineMapAttr attr) {
    DimExprs exprs;
    for (AffineExpr expr : attr.getValue().getResults()) {
      llvm::DenseMap<AffineExpr, AffineExpr> map;
      expr.walk([&](AffineExpr part) {
        if (auto symbol = dyn_cast<AffineSymbolExpr>(part)) {
          unsigned next = numbers.size();
          auto [entry, isNew] = numbers.insert({symbol.getPosition(), next});
          map[part] = getAffineSymbolExpr(entry->second, context);
        }
      });
      exprs.push_back(expr.replace(map));
    }
    return AffineMapAttr::get(makeDimsMap(exprs, context));
  }

  MLIRContext *context;
  llvm::MapVector<unsigned, unsigned> numbers;
  AttrTypeReplacer replacer;
};

/// What a group takes from outside.
struct GroupOperands {
  /// In the order of the kernel's arguments, each once.
  llvm::SetVector<Value> inputs;
  /// Small constants, which the kernel gets copies of.
  llvm::SetVector<Value> constants;
  /// Those of the inputs that are weights the kernel may have packed.
  SmallVector<Value> packable;
  /// What an insert at the kernel's end writes into, or null.
  Value destination;
};

} // namespace

static bool isSplat(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant)
    return false;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.isSplat();
}

static std::string nameFor(const KernelGroup &group) {
  SmallVector<StringRef> parts;
  for (Operation *op : llvm::reverse(group.ops)) {
    StringRef name = op->getName().stripDialect();
    if (parts.size() < 5 && (parts.empty() || parts.back() != name))
      parts.push_back(name);
  }
  // An op's own name may be that of the function of libm which its kernel calls.
  if (parts.size() == 1)
    parts.push_back("only");
  return llvm::join(parts, "_");
}

/// Takes the destination from the group's seed.
static GroupOperands takeOperands(KernelGroup &group, ArrayRef<Operation *> ops,
                                  DequantizeBlocksOp narrow) {
  GroupOperands operands;
  if (auto insert = dyn_cast<InsertOp>(group.seed)) {
    operands.destination = insert.getDestination();
    insert.getDestinationMutable().clear();
  }
  for (Operation *op : ops)
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() || !group.ops.contains(operand.getDefiningOp())) {
        bool copies = isSplat(operand) && op != group.root && op != narrow;
        (copies ? operands.constants : operands.inputs).insert(operand);
      }
  return operands;
}

static SmallVector<Value> findPackable(const KernelGroup &group, DequantizeBlocksOp narrow) {
  OpOperand *weights = group.root ? group.strategy->getWeights(group.root) : nullptr;
  if (!weights || !isPackable(*weights))
    return {};
  if (narrow)
    return narrow->getOperands();
  return {weights->get()};
}

/// What a kernel reports is a further result of its launch.
static SmallVector<Type> extraResults(const KernelResources &resources, MLIRContext *context) {
  if (!resources.reportSlots)
    return {};
  return {RankedTensorType::get({resources.reportSlots}, IntegerType::get(context, 64))};
}

static ArrayAttr getCapacities(const KernelResources &resources, MLIRContext *context) {
  SmallVector<Attribute> capacities;
  for (const DimExprs &dims : resources.capacities)
    capacities.push_back(AffineMapAttr::get(makeDimsMap(dims, context)));
  return capacities.empty() ? ArrayAttr() : ArrayAttr::get(context, capacities);
}

/// Errors about the kernel name the first node: that of the op that it is there for.
static Location getLocation(const KernelGroup &group, ArrayRef<Operation *> ops) {
  SmallVector<Location> locations = {(group.root ? group.root : group.seed)->getLoc()};
  for (Operation *op : ops)
    locations.push_back(op->getLoc());
  return FusedLoc::get(group.seed->getContext(), locations);
}

/// Fills the kernel's body with copies of the group's ops.
static void fillKernel(KernelOp kernel, KernelGroup &group, ArrayRef<Operation *> ops,
                       const GroupOperands &operands, SymbolNumbers &symbols) {
  IRMapping mapping;
  mapping.map(operands.inputs.getArrayRef(), kernel.getEntryBlock().getArguments());
  OpBuilder body = OpBuilder::atBlockEnd(&kernel.getEntryBlock());
  for (Value constant : operands.constants)
    body.clone(*constant.getDefiningOp(), mapping);
  for (Operation *op : ops)
    symbols.renumber(body.clone(*op, mapping));
  SmallVector<Value> yielded;
  for (Value output : group.seed->getResults())
    yielded.push_back(mapping.lookup(output));
  for (Type extra : kernel.getFunctionType().getResults().drop_front(yielded.size()))
    yielded.push_back(UninitializedOp::create(body, kernel.getLoc(), extra));
  YieldOp::create(body, kernel.getLoc(), yielded);
  kernel.setNumSymbols(symbols.size());
  for (Value known : operands.packable)
    if (auto argument = dyn_cast<BlockArgument>(mapping.lookup(known)))
      kernel.setArgAttr(argument.getArgNumber(), kWeightsAttrName,
                        UnitAttr::get(kernel.getContext()));
}

void KernelOutliner::outline(KernelGroup &group) {
  MLIRContext *context = module.getContext();
  SmallVector<Operation *> ops = llvm::to_vector(llvm::reverse(group.ops));
  DequantizeBlocksOp narrow = rules.getNarrowWeights(group);
  if (narrow && !group.ops.contains(narrow))
    narrow = nullptr;
  GroupOperands operands = takeOperands(group, ops, narrow);
  if (marksWeights)
    operands.packable = findPackable(group, narrow);

  const KernelStrategy &strategy = group.root ? *group.strategy : strategies.getElemental();
  KernelResources resources = group.root ? strategy.getResources(group.root) : KernelResources();
  SmallVector<Type> launchTypes(group.seed->getResultTypes());
  llvm::append_range(launchTypes, extraResults(resources, context));

  SymbolNumbers symbols(context);
  SmallVector<Type> inputTypes, resultTypes;
  for (Value input : operands.inputs)
    inputTypes.push_back(symbols.renumber(input.getType()));
  for (Type type : launchTypes)
    resultTypes.push_back(symbols.renumber(type));

  Location loc = getLocation(group, ops);
  OpBuilder moduleBuilder = OpBuilder::atBlockEnd(module.getBody());
  auto kernel =
      KernelOp::create(moduleBuilder, loc, nameFor(group),
                       FunctionType::get(context, inputTypes, resultTypes), strategy.getName(), 0);
  symbolTable.insert(kernel);
  fillKernel(kernel, group, ops, operands, symbols);

  OpBuilder b(group.seed);
  auto launch = LaunchOp::create(b, loc, launchTypes, kernel.getSymName(),
                                 operands.inputs.getArrayRef(), symbols.getGiven());
  if (operands.destination)
    launch.getDestinationMutable().assign(operands.destination);
  if (ArrayAttr capacities = getCapacities(resources, context))
    launch.setCapacitiesAttr(capacities);
  if (auto broadcast = dyn_cast<BroadcastOp>(group.seed); broadcast && ops.size() == 1)
    if (DimExprs differences = broadcast.getDifferences(); !differences.empty())
      launch.setDifferencesAttr(AffineMapAttr::get(makeDimsMap(differences, context)));
  for (auto [output, result] : llvm::zip(group.seed->getResults(), launch.getOutputs()))
    output.replaceAllUsesWith(result);
  for (Operation *op : llvm::reverse(ops))
    op->erase();
}

} // namespace tenon
