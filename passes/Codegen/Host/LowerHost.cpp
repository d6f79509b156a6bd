// Lowers the function that runs a program's kernels.
//
// A tensor is a pointer; its dimensions are i64 values computed from the shape symbols, which are
// bound when their tensors come into being. The code is a control flow graph of LLVM blocks, since
// errors leave from anywhere: every service of the runtime that can fail is followed by a branch to
// a block that returns the error.

#include "passes/Codegen/Host/HostLowering.h"
#include "llvm/Support/MathExtras.h"

namespace tenon {

#define GEN_PASS_DEF_LOWERHOSTPASS
#include "passes/Codegen/Passes.h.inc"

using namespace mlir;

static constexpr char mark[] = {TENON_VALUE_MARK, 0};

void HostLowering::lower(BindSymbolOp op) {
  Value size = loadElement(op.getTensor(), op.getPosition());
  Value least = em.i64(op.getMinimum());
  SmallVector<StringRef> names = getSymbolNames(op);
  StringRef name = op.getSymbol() < names.size() ? names[op.getSymbol()] : "a size";
  failIf(em.less(size, least), TENON_EXEC_BAD_SHAPE,
         name + " is " + mark + ", but must be at least " + Twine(op.getMinimum()), size);
  symbols[op.getSymbol()] = size;
}

// Sizes of 1 give way, so that 1 and 0 give 0.
void HostLowering::lower(BindBroadcastOp op) {
  Value one = em.i64(1), size;
  for (AffineExpr expr : op.getSizes().getResults()) {
    Value next = value(expr);
    if (!size) {
      size = next;
      continue;
    }
    Value isOne = em.compare(arith::CmpIPredicate::eq, size, one);
    Value widened = em.select(isOne, next, size);
    Value differs = em.compare(arith::CmpIPredicate::ne, next, widened);
    Value isWide = em.compare(arith::CmpIPredicate::ne, next, one);
    failIf(em.create<arith::AndIOp>(differs, isWide), TENON_EXEC_BAD_SHAPE,
           Twine("sizes ") + mark + " and " + mark +
               " do not broadcast: they must be equal, or one of them 1",
           {size, next});
    size = widened;
  }
  symbols[op.getSymbol()] = size;
}

void HostLowering::lower(RequireOp op) {
  Value left = value(op.getSizes().getResult(0)), right = value(op.getSizes().getResult(1));
  Value isBad = em.compare(op.getRelation() == SizeRelation::AtLeast ? arith::CmpIPredicate::slt
                                                                     : arith::CmpIPredicate::ne,
                           left, right);
  StringRef rule = " differ: they must be equal";
  if (op.getRelation() == SizeRelation::AtLeast) {
    failIf(isBad, TENON_EXEC_BAD_SHAPE,
           op.getWhat() + " is " + mark + ", but must be at least " + mark, {left, right});
    return;
  }
  if (op.getRelation() == SizeRelation::Broadcasts) {
    Value isWide = em.compare(arith::CmpIPredicate::ne, left, em.i64(1));
    isBad = em.create<arith::AndIOp>(isBad, isWide);
    rule = " do not broadcast: they must be equal, or the first of them 1";
  }
  failIf(isBad, TENON_EXEC_BAD_SHAPE, op.getWhat() + " " + mark + " and " + mark + rule,
         {left, right});
}

LogicalResult HostLowering::lower(ConstantOp op) {
  if (op.use_empty())
    return success();
  FailureOr<uint64_t> offset = placer(op);
  if (failed(offset))
    return failure();
  pointers[op] = em.offsetPointer(weights, em.getI8Type(), *offset);
  offsets[op] = *offset;
  return success();
}

void HostLowering::lower(func::ReturnOp op) {
  writeOutputs(op);
  em.create<LLVM::ReturnOp>(
      Value(em.create<arith::ConstantOp>(em.getI32IntegerAttr(TENON_EXEC_OK))));
}

LogicalResult HostLowering::lower(Operation *op) {
  em.setLoc(op->getLoc());
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](ConstantOp op) { return lower(op); })
      .Case([&](ReshapeOp op) {
        pointers[op] = pointerOf(op.getOperand());
        return success();
      })
      .Case([&](IfOp op) { return lower(op); })
      .Case([&](LoopOp op) { return lower(op); })
      .Case<LaunchOp, TransferOp, BindSymbolOp, BindBroadcastOp, RequireOp, ReleaseOp,
            func::ReturnOp>([&](auto op) {
        lower(op);
        return success();
      })
      .Case<SequenceConstructOp, SequenceInsertOp, SequenceEraseOp, SequenceAtOp, SequenceLengthOp,
            SequenceConcatOp, SequenceSplitOp, MapEntriesOp, DecodeImageOp>([&](auto op) {
        lower(op);
        return success();
      })
      .Case([&](YieldOp) { return success(); })
      .Default([](Operation *op) {
        return op->emitOpError("is not part of a program: every op must be in a kernel");
      });
}

LogicalResult HostLowering::lowerBlock(Block &block) {
  for (Operation &op : block)
    if (failed(lower(&op)))
      return failure();
  return success();
}

LogicalResult HostLowering::run() {
  auto program = function->getParentOfType<ModuleOp>();
  // Where it does not say for what it is compiled, it is for a processor.
  auto target = program->getAttrOfType<TargetAttrInterface>(kTargetAttrName);
  isRemote = target && hasOwnMemory(target);
  int64_t number = 0;
  for (KernelOp kernel : program.getOps<KernelOp>())
    kernelNumbers[kernel.getSymName()] = number++;
  pointerType = LLVM::LLVMPointerType::get(context);
  i64 = em.getI64Type();
  em.setInsertionPointToEnd(module.getBody());
  host = em.create<LLVM::LLVMFuncOp>("tenon_run",
                                     LLVM::LLVMFunctionType::get(em.getI32Type(), {pointerType}));
  entry = host.addEntryBlock(em);
  exec = entry->getArgument(0);
  Block *body = newBlock();
  em.setInsertionPointToStart(body);
  arena = field(&tenon_exec::arena, pointerType);
  weights = field(&tenon_exec::weights, pointerType);
  if (isRemote)
    hostWeights = field(&tenon_exec::host_weights, pointerType);
  slots = makeSlots();
  Value inputs = field(&tenon_exec::inputs, pointerType);
  Value dims = field(&tenon_exec::input_dims, pointerType);
  int64_t firstDim = 0;
  for (auto [i, argument] : llvm::enumerate(function.getArguments())) {
    pointers[argument] = em.load(pointerType, em.offsetPointer(inputs, pointerType, i));
    SmallVector<Value> sizes;
    for (size_t d = 0; d < getDims(argument.getType()).size(); ++d)
      sizes.push_back(em.load(i64, em.offsetPointer(dims, i64, firstDim++)));
    bindDims(argument.getType(), sizes);
  }
  if (failed(lowerBlock(function.getBody().front())))
    return failure();
  em.setInsertionPointToEnd(entry);
  branch(body);
  return success();
}

/// One constant behind another, each where any vector is aligned.
static ConstantPlacer placeInOrder() {
  return [end = uint64_t(0)](ConstantOp op) mutable -> FailureOr<uint64_t> {
    if (!getElementTypeOrSelf(op.getType()).isIntOrFloat())
      return op.emitError() << "cannot store a constant of type " << op.getType();
    uint64_t offset = llvm::alignTo(end, 64);
    end = offset + *countBytes(op.getType());
    return offset;
  };
}

namespace {

struct LowerHost : impl::LowerHostPassBase<LowerHost> {
  LowerHost() = default;
  explicit LowerHost(ConstantPlacer placer) : placer(std::move(placer)) {}

  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("main");
    if (!function)
      return;
    OpBuilder builder(function);
    auto module = ModuleOp::create(builder, function.getLoc(), "host");
    if (failed(HostLowering(function, module, placer ? placer : placeInOrder()).run()))
      return signalPassFailure();
    function.erase();
  }

  ConstantPlacer placer;
};

} // namespace

std::unique_ptr<Pass> createLowerHostPass(ConstantPlacer placer) {
  return std::make_unique<LowerHost>(std::move(placer));
}

} // namespace tenon
