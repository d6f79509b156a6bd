// Lets kernels write straight into padded and concatenated tensors.
//
// A kernel may end with a pad or an insert: it then writes into the middle of a larger tensor
// (KernelViews.cpp). This pass brings graphs into a form where all that can be written so is.
//
// An operand of a pad that others read, too, lives in the padded tensor only:
//
//   %y = relu %x                      %y = relu %x
//   %p = pad %y                  ->   %p = pad %y
//   %c = conv %p                      %c = conv %p
//   %z = add %y, %w                   %z = add (slice %p), %w
//
// A concatenation is written operand by operand, each where it is computed, in that order. The rest
// of the tensor is not written yet at that time, but nobody reads it:
//
//   %a = conv %x                      %0 = insert (conv %x)
//   %b = conv %a                 ->   %1 = insert (conv (slice %0)) into %0
//   %c = concat %a, %b
//
// Concatenations of concatenations are written as one, and a padded concatenation is one of padded
// operands.
//
// Readers of slices must take them as they are: what reads element by element does, and the input
// of a convolution. If one reader does not, the value stays a tensor of its own and is copied.

#include "dialects/Target/KernelStrategy.h"
#include "dialects/Tenon/ByteTables.h"
#include "mlir/IR/Builders.h"
#include "passes/Fusion/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_WRITEINPLACEPASS
#include "passes/Fusion/Passes.h.inc"

using namespace mlir;

namespace {

/// Elements that lie one behind another: with fewer, vectors are mostly masked off.
constexpr int64_t kShortestRow = 16;
/// Below this many elements, copying costs less than launching several kernels.
constexpr int64_t kFewestElements = 2048;

/// A tensor that is written into a part of a larger one.
struct Part {
  Value value;
  DimExprs low;
  /// Where it is inserted: after its own op, or, if it is copied, before the concatenation.
  Operation *place;
  bool isCopied;
  InsertOp insert;
};

/// A concatenation that is an operand of another one: first and last of its parts.
struct InnerConcat {
  ConcatOp op;
  DimExprs low;
  size_t firstPart, endPart;
};

class InPlaceWriter {
public:
  InPlaceWriter(func::FuncOp function, const TargetStrategies &strategies)
      : strategies(strategies) {
    for (Type type : function.getArgumentTypes())
      collectSymbols(type, argumentSymbols);
  }

  void run(Block &block);

  int64_t numShared = 0, numConcats = 0;

private:
  bool takesSlice(OpOperand &use) const;
  bool othersTakeSlices(Value value, Operation *writer) const;
  bool isReadFromMemory(Value value) const;
  bool canWriteAnywhere(Value value, Block *block) const;
  bool isCopiedByConcat(Value operand) const;
  bool isWorthwhile(ConcatOp concat);
  bool knowsSizes(Type whole, Type part);
  PadOp findPad(ConcatOp concat);
  ConcatOp concatPads(ConcatOp concat, PadOp pad, SmallVectorImpl<PadOp> &pads);
  void sharePad(PadOp pad);
  void collectParts(ConcatOp concat, const DimExprs &low, SmallVectorImpl<Part> &parts,
                    SmallVectorImpl<InnerConcat> &inner);
  void writeParts(ConcatOp concat);

  const TargetStrategies &strategies;
  llvm::SmallDenseSet<AffineExpr> argumentSymbols;
  /// Concatenations that became part of others.
  llvm::SmallPtrSet<Operation *, 8> erased;
};

/// Whether vectors along the last dimension are full enough.
bool hasLongRows(Value value) {
  DimExprs dims = getDims(value.getType());
  return !dims.empty() &&
         (getConstantOr(dims.back(), -1) < 0 || getConstantOr(dims.back(), -1) >= kShortestRow);
}

/// Gives every reader of `value` but `writer` a slice of `whole`.
void redirectReaders(Value value, Operation *writer, Value whole, ArrayRef<AffineExpr> low) {
  SmallVector<int64_t> steps(low.size(), 1);
  llvm::SmallDenseMap<Operation *, Value> slices;
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *reader = use.getOwner();
    if (reader == writer)
      continue;
    Value &slice = slices[reader];
    if (!slice) {
      OpBuilder b(reader);
      slice = SliceOp::create(b, value.getLoc(), value.getType(), whole,
                              makeDimsMap(low, b.getContext()), steps);
    }
    use.set(slice);
  }
}

} // namespace

// Whether a reader takes a slice instead of a tensor at no cost.
bool InPlaceWriter::takesSlice(OpOperand &use) const {
  Operation *op = use.getOwner();
  const KernelStrategy *strategy = strategies.find(op);
  if (!strategy)
    return false;
  return strategy->isElemental() ? !isa<ReshapeOp>(op) : strategy->readsSlice(use);
}

// Whether `writer` reads the value once, and all others take slices.
bool InPlaceWriter::othersTakeSlices(Value value, Operation *writer) const {
  return llvm::count(value.getUsers(), writer) == 1 &&
         llvm::all_of(value.getUses(),
                      [&](OpOperand &use) { return use.getOwner() == writer || takesSlice(use); });
}

// Whether someone reads the value from memory, not as it is computed.
bool InPlaceWriter::isReadFromMemory(Value value) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (auto pad = dyn_cast<PadOp>(user); pad && pad.isFrame())
      return isReadFromMemory(pad);
    auto elemental = dyn_cast<ElementalOpInterface>(user);
    return !elemental || isa<ReshapeOp>(user) || strategies.isRoot(user) ||
           elemental.isExpensiveElement();
  });
}

// Whether a kernel of this function's block computes the value and could write it anywhere.
bool InPlaceWriter::canWriteAnywhere(Value value, Block *block) const {
  Operation *op = value.getDefiningOp();
  if (!op || op->getBlock() != block || op->getNumResults() != 1 || isa<ReshapeOp>(op))
    return false;
  const KernelStrategy *strategy = strategies.find(op);
  return strategy && strategy->getFusionRules(op).writesAnywhere;
}

// Whether a concatenation's kernel would read the operand from memory: then writing it in place
// saves that.
bool InPlaceWriter::isCopiedByConcat(Value operand) const {
  Operation *op = operand.getDefiningOp();
  if (!op || !operand.hasOneUse())
    return true;
  auto elemental = dyn_cast<ElementalOpInterface>(op);
  if (!elemental || isa<TransposeOp, ConcatOp>(op) || strategies.isRoot(op) ||
      elemental.isExpensiveElement())
    return true;
  return (elemental.isPointwise() || readsByteTable(op) || isa<PadOp>(op)) &&
         llvm::any_of(op->getOperands(), [&](Value value) {
           Operation *producer = value.getDefiningOp();
           return producer &&
                  (strategies.isRoot(producer) || (value.hasOneUse() && isCopiedByConcat(value)));
         });
}

/// Whether all sizes of `whole` are known where `part` is computed.
bool InPlaceWriter::knowsSizes(Type whole, Type part) {
  llvm::SmallDenseSet<AffineExpr> known = argumentSymbols, needed;
  collectSymbols(part, known);
  collectSymbols(whole, needed);
  return llvm::all_of(needed, [&](AffineExpr symbol) { return known.contains(symbol); });
}

//===-- Pads --===//

void InPlaceWriter::sharePad(PadOp pad) {
  Value inside = pad.getOperand();
  if (!pad.isFrame() || inside.hasOneUse() || !canWriteAnywhere(inside, pad->getBlock()) ||
      !hasLongRows(inside) || !knowsSizes(pad.getType(), inside.getType()) ||
      !isReadFromMemory(pad) || !othersTakeSlices(inside, pad))
    return;
  Operation *constant = pad.getValue().getDefiningOp();
  if (!isa_and_nonnull<ConstantOp>(constant))
    return;
  Operation *producer = inside.getDefiningOp();
  if (constant->getBlock() == pad->getBlock() && producer->isBeforeInBlock(constant))
    constant->moveBefore(producer);
  pad->moveAfter(producer);
  redirectReaders(inside, pad, pad, pad.getLow().getResults());
  ++numShared;
}

/// A pad of the concatenation that operands can be written into, with its frame.
PadOp InPlaceWriter::findPad(ConcatOp concat) {
  for (Operation *user : concat->getUsers()) {
    auto pad = dyn_cast<PadOp>(user);
    if (!pad || !pad.isFrame() || pad->getBlock() != concat->getBlock() ||
        !pad.getValue().getDefiningOp<ConstantOp>() || !isReadFromMemory(pad) ||
        !othersTakeSlices(concat, pad))
      continue;
    int64_t axis = concat.getAxis();
    if (getDims(pad.getType())[axis] == getDims(concat.getType())[axis])
      return pad;
  }
  return nullptr;
}

// pad (concat a, b)  ->  concat (pad a), (pad b), if the pad leaves the axis alone.
ConcatOp InPlaceWriter::concatPads(ConcatOp concat, PadOp pad, SmallVectorImpl<PadOp> &pads) {
  OpBuilder b(concat);
  Operation *constant = pad.getValue().getDefiningOp();
  if (constant->getBlock() == concat->getBlock() && concat->isBeforeInBlock(constant))
    constant->moveBefore(concat);
  SmallVector<Value> padded;
  for (Value input : concat.getInputs()) {
    DimExprs dims = getDims(pad.getType());
    dims[concat.getAxis()] = getDims(input.getType())[concat.getAxis()];
    Type type = makeTensorType(dims, getElementTypeOrSelf(pad.getType()));
    pads.push_back(PadOp::create(b, pad.getLoc(), type, input, pad.getValue(), pad.getLowAttr(),
                                 pad.getModeAttr()));
    padded.push_back(pads.back());
  }
  auto result = ConcatOp::create(b, concat.getLoc(), pad.getType(), padded, concat.getAxisAttr());
  redirectReaders(concat, pad, result, pad.getLow().getResults());
  pad.getResult().replaceAllUsesWith(result);
  llvm::erase(pads, pad);
  pad.erase();
  concat.erase();
  return result;
}

//===-- Concatenations --===//

bool InPlaceWriter::isWorthwhile(ConcatOp concat) {
  if (!isReadFromMemory(concat.getResult()) || concat.getInputs().size() < 2)
    return false;
  int64_t saved = 0;
  for (Value input : concat.getInputs()) {
    bool isWritten = canWriteAnywhere(input, concat->getBlock()) && othersTakeSlices(input, concat);
    if (!isWritten || !isCopiedByConcat(input))
      continue;
    Operation *producer = input.getDefiningOp();
    if (!hasLongRows(input) && !(producer && strategies.isRoot(producer)))
      return false;
    saved += isStatic(input.getType()) ? cast<RankedTensorType>(input.getType()).getNumElements()
                                       : kFewestElements;
  }
  return saved >= kFewestElements;
}

void InPlaceWriter::collectParts(ConcatOp concat, const DimExprs &low, SmallVectorImpl<Part> &parts,
                                 SmallVectorImpl<InnerConcat> &inner) {
  DimExprs start = low;
  for (Value input : concat.getInputs()) {
    bool isWritten = canWriteAnywhere(input, concat->getBlock()) && othersTakeSlices(input, concat);
    if (auto nested = input.getDefiningOp<ConcatOp>(); nested && isWritten) {
      size_t first = parts.size();
      collectParts(nested, start, parts, inner);
      inner.push_back({nested, start, first, parts.size()});
    } else {
      Operation *place = isWritten ? input.getDefiningOp() : concat.getOperation();
      parts.push_back({input, start, place, !isWritten, nullptr});
    }
    start[concat.getAxis()] = start[concat.getAxis()] + getDims(input.getType())[concat.getAxis()];
  }
}

void InPlaceWriter::writeParts(ConcatOp concat) {
  SmallVector<Part> parts;
  SmallVector<InnerConcat> inner;
  DimExprs zero(getDims(concat.getType()).size(), getAffineConstantExpr(0, concat.getContext()));
  collectParts(concat, zero, parts, inner);
  SmallVector<Part *> inOrder;
  for (Part &part : parts)
    inOrder.push_back(&part);
  llvm::stable_sort(inOrder, [](Part *a, Part *b) {
    return a->place != b->place && a->place->isBeforeInBlock(b->place);
  });
  if (!knowsSizes(concat.getType(), inOrder.front()->value.getType()))
    return;
  OpBuilder b(concat);
  Value whole;
  for (Part *part : inOrder) {
    if (part->isCopied)
      b.setInsertionPoint(part->place);
    else
      b.setInsertionPointAfter(part->place);
    part->insert = InsertOp::create(b, part->value.getLoc(), concat.getType(), part->value, whole,
                                    makeDimsMap(part->low, b.getContext()));
    whole = part->insert;
  }
  concat.getResult().replaceAllUsesWith(whole);
  concat.erase();
  // From the outside in: the readers of a concatenation are gone before it is erased.
  for (InnerConcat &nested : llvm::reverse(inner)) {
    auto begin = parts.begin() + nested.firstPart, end = parts.begin() + nested.endPart;
    InsertOp last = begin->insert;
    for (Part &part : llvm::make_range(begin, end))
      if (last->isBeforeInBlock(part.insert))
        last = part.insert;
    redirectReaders(nested.op, nullptr, last, nested.low);
    erased.insert(nested.op);
    nested.op.erase();
  }
  for (Part &part : parts)
    if (!part.isCopied)
      redirectReaders(part.value, part.insert, part.insert, part.low);
  ++numConcats;
}

void InPlaceWriter::run(Block &block) {
  SmallVector<PadOp> pads;
  SmallVector<ConcatOp> concats;
  for (Operation &op : block) {
    for (Region &region : op.getRegions())
      for (Block &inner : region)
        run(inner);
    if (auto pad = dyn_cast<PadOp>(op))
      pads.push_back(pad);
    if (auto concat = dyn_cast<ConcatOp>(op))
      concats.push_back(concat);
  }
  for (ConcatOp &concat : llvm::reverse(concats))
    if (PadOp pad = isWorthwhile(concat) ? findPad(concat) : nullptr)
      concat = concatPads(concat, pad, pads);
  for (PadOp pad : pads)
    sharePad(pad);
  for (ConcatOp concat : llvm::reverse(concats))
    if (!erased.contains(concat) && isWorthwhile(concat))
      writeParts(concat);
}

namespace {

struct WriteInPlace : impl::WriteInPlacePassBase<WriteInPlace> {
  void runOnOperation() override {
    FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
    if (failed(strategies))
      return signalPassFailure();
    InPlaceWriter writer(getOperation(), *strategies);
    for (Block &block : getOperation().getBody())
      writer.run(block);
    numShared += writer.numShared;
    numConcats += writer.numConcats;
  }
};

} // namespace

} // namespace tenon
