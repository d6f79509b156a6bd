// Lowers the function that runs a program's kernels.
//
// A tensor is a pointer; its dimensions are i64 values computed from the shape symbols, which are
// bound when their tensors come into being. The code is a control flow graph of LLVM blocks, since
// errors leave from anywhere: every service of the runtime that can fail is followed by a branch to
// a block that returns the error.

#include "passes/Codegen/Host/LowerHost.h"
#include "dialects/Tenon/NodeLocation.h"
#include "passes/Codegen/Cpu/EmitHelpers.h"
#include "passes/Codegen/Cpu/LowerToLLVM.h"
#include "runtime/abi.h"

using namespace mlir;

namespace tenon {

namespace {

/// Kernels that do less than this are not worth waking threads for.
constexpr int64_t kMinParallelWork = 1 << 15;
/// More tasks than any machine has threads; the runtime takes as many as it has.
constexpr int64_t kManyTasks = 1024;

class HostLowering {
public:
  HostLowering(func::FuncOp function, const HostOptions &options)
      : function(function), options(options), context(function.getContext()),
        module(ModuleOp::create(function.getLoc(), "host")), em(function.getLoc(), context) {}

  FailureOr<OwningOpRef<ModuleOp>> run();

private:
  // Ops.
  LogicalResult lowerBlock(Block &block);
  LogicalResult lower(Operation *op);
  LogicalResult lower(ConstantOp op);
  void lower(LaunchOp op);
  void lower(BindSymbolOp op);
  LogicalResult lower(IfOp op);
  LogicalResult lower(LoopOp op);
  void lower(func::ReturnOp op);

  // Values.
  Value pointerOf(Value tensor) { return pointers.lookup(tensor); }
  Value value(AffineExpr expr);
  Value count(ArrayRef<AffineExpr> dims);
  Value bytesOf(Type type);
  Value loadElement(Value tensor, int64_t position);
  /// Binds the dimensions of `type` that are symbols nothing has bound yet.
  void bindDims(Type type, ArrayRef<Value> sizes);
  Value maxTasks(LaunchOp op, KernelOp kernel);

  // The runtime.
  template <typename T> Value field(T tenon_exec::*member, Type type) {
    tenon_exec probe;
    int64_t offset = reinterpret_cast<char *>(&(probe.*member)) - reinterpret_cast<char *>(&probe);
    return em.load(type, em.offsetPointer(exec, em.getI8Type(), offset));
  }
  Value callService(Value service, Type result, ValueRange arguments);
  Value allocate(Value bytes);
  void release(Value pointer);
  Value outputBuffer(int64_t number, Type type);
  void failIf(Value condition, int32_t code, const Twine &message);
  void returnIf(Value condition, int32_t code);
  Value stackSlots(Type type, int64_t count);
  void copy(Value to, Value from, Value bytes) {
    em.create<LLVM::MemcpyOp>(to, from, bytes, /*isVolatile=*/false);
  }

  // Control flow.
  Block *newBlock() { return &host.getBody().emplaceBlock(); }
  void branch(Block *to, ValueRange arguments = {}) { em.create<LLVM::BrOp>(arguments, to); }

  func::FuncOp function;
  const HostOptions &options;
  MLIRContext *context;
  OwningOpRef<ModuleOp> module;
  cpu::Emitter em;
  LLVM::LLVMFuncOp host;
  Type pointerType, i64;
  Value exec, arena, weights;
  Block *entry = nullptr;
  llvm::DenseMap<Value, Value> pointers;
  llvm::DenseMap<unsigned, Value> symbols;
  llvm::StringMap<int64_t> kernelNumbers;
  int64_t numStrings = 0;
};

} // namespace

//===-- Values --===//

Value HostLowering::value(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return em.i64(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return symbols.lookup(symbol.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = value(binary.getLHS()), rhs = value(binary.getRHS());
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return em.add(lhs, rhs);
  case AffineExprKind::Mul:
    return em.mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return em.createOrFold<arith::FloorDivSIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return em.createOrFold<arith::CeilDivSIOp>(lhs, rhs);
  default:
    return em.createOrFold<arith::RemSIOp>(lhs, rhs);
  }
}

Value HostLowering::count(ArrayRef<AffineExpr> dims) {
  Value result = em.i64(1);
  for (AffineExpr dim : dims)
    result = em.mul(result, value(dim));
  return result;
}

static int64_t elementBytes(Type type) {
  Type storage = getStorageType(getElementTypeOrSelf(type));
  return std::max(1u, storage.getIntOrFloatBitWidth() / 8);
}

Value HostLowering::bytesOf(Type type) { return em.mul(count(getDims(type)), elementBytes(type)); }

Value HostLowering::loadElement(Value tensor, int64_t position) {
  Type elementType = getElementTypeOrSelf(tensor.getType());
  Type storage = getStorageType(elementType);
  Value loaded = em.load(storage, em.offsetPointer(pointerOf(tensor), storage, position));
  if (storage == i64)
    return loaded;
  bool isUnsigned = elementType.isUnsignedInteger() || elementType.isInteger(1);
  return isUnsigned ? Value(em.create<arith::ExtUIOp>(i64, loaded))
                    : Value(em.create<arith::ExtSIOp>(i64, loaded));
}

void HostLowering::bindDims(Type type, ArrayRef<Value> sizes) {
  for (auto [dim, size] : llvm::zip_equal(getDims(type), sizes))
    if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
      symbols.try_emplace(symbol.getPosition(), size);
}

//===-- The runtime --===//

Value HostLowering::callService(Value service, Type result, ValueRange arguments) {
  SmallVector<Value> operands = {service};
  llvm::append_range(operands, arguments);
  auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(context),
                                          llvm::to_vector(arguments.getTypes()));
  auto call = em.create<LLVM::CallOp>(type, operands);
  return result ? call.getResult() : Value();
}

Value HostLowering::stackSlots(Type type, int64_t count) {
  OpBuilder::InsertionGuard guard(em);
  em.setInsertionPointToStart(entry);
  return em.create<LLVM::AllocaOp>(pointerType, type, em.i64(std::max<int64_t>(count, 1)), 8);
}

void HostLowering::returnIf(Value condition, int32_t code) {
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(condition, failed, next);
  em.setInsertionPointToStart(failed);
  em.create<LLVM::ReturnOp>(Value(em.create<arith::ConstantOp>(em.getI32IntegerAttr(code))));
  em.setInsertionPointToStart(next);
}

void HostLowering::failIf(Value condition, int32_t code, const Twine &message) {
  Block *failed = newBlock(), *next = newBlock();
  em.create<LLVM::CondBrOp>(condition, failed, next);
  em.setInsertionPointToStart(failed);
  std::string text = message.str();
  text.push_back('\0');
  std::string name = "message." + std::to_string(numStrings++);
  auto type = LLVM::LLVMArrayType::get(em.getI8Type(), text.size());
  {
    OpBuilder::InsertionGuard guard(em);
    em.setInsertionPointToStart(module->getBody());
    em.create<LLVM::GlobalOp>(type, /*isConstant=*/true, LLVM::Linkage::Private, name,
                              em.getStringAttr(text));
  }
  Value pointer = em.create<LLVM::AddressOfOp>(pointerType, name);
  Value number = em.create<arith::ConstantOp>(em.getI32IntegerAttr(code));
  Value status =
      callService(field(&tenon_exec::fail, pointerType), em.getI32Type(), {exec, number, pointer});
  em.create<LLVM::ReturnOp>(status);
  em.setInsertionPointToStart(next);
}

static Value isNull(cpu::Emitter &em, Value pointer) {
  Value null = em.create<LLVM::ZeroOp>(pointer.getType());
  return em.create<LLVM::ICmpOp>(LLVM::ICmpPredicate::eq, pointer, null);
}

Value HostLowering::allocate(Value bytes) {
  Value block = callService(field(&tenon_exec::alloc, pointerType), pointerType, {exec, bytes});
  returnIf(isNull(em, block), TENON_EXEC_OUT_OF_MEMORY);
  return block;
}

void HostLowering::release(Value pointer) {
  callService(field(&tenon_exec::release, pointerType), Type(), {exec, pointer});
}

Value HostLowering::outputBuffer(int64_t number, Type type) {
  DimExprs dims = getDims(type);
  Value slots = stackSlots(i64, dims.size());
  for (auto [i, dim] : llvm::enumerate(dims))
    em.store(value(dim), em.offsetPointer(slots, i64, i));
  Value index = em.create<arith::ConstantOp>(em.getI32IntegerAttr(number));
  Value buffer =
      callService(field(&tenon_exec::output, pointerType), pointerType, {exec, index, slots});
  returnIf(isNull(em, buffer), TENON_EXEC_OUT_OF_MEMORY);
  return buffer;
}

//===-- Launches --===//

Value HostLowering::maxTasks(LaunchOp op, KernelOp kernel) {
  if (auto tasks = op.getMaxTasks())
    return value(tasks->getResult(0));
  int64_t flops = 0;
  for (auto root : kernel.getOps<KernelRootOpInterface>())
    flops += root.getFlops();
  Value work = em.i64(flops);
  for (Value tensor :
       llvm::concat<Value>(SmallVector<Value>(op.getInputs()), SmallVector<Value>(op.getOutputs())))
    work = em.add(work, em.mul(count(getDims(tensor.getType())), 2));
  Value isSmall = em.less(work, em.i64(kMinParallelWork));
  return em.select(isSmall, em.i64(1), em.i64(kManyTasks));
}

void HostLowering::lower(LaunchOp op) {
  auto program = function->getParentOfType<ModuleOp>();
  auto kernel = program.lookupSymbol<KernelOp>(op.getKernelAttr());
  SmallVector<int64_t> placement(*op.getPlacement());
  for (auto [number, result] : llvm::enumerate(op.getOutputs())) {
    Value &pointer = pointers[result];
    int64_t place = placement[number];
    if (op.getDestination()) {
      pointer = pointerOf(op.getDestination());
    } else if (place >= 0) {
      pointer = em.offsetPointer(arena, em.getI8Type(), place);
    } else if (place == -1) {
      DimExprs dims = getDims(result.getType());
      if (op.getCapacities() && number < op.getCapacities()->size())
        dims = DimExprs(cast<AffineMapAttr>((*op.getCapacities())[number]).getValue().getResults());
      pointer = allocate(em.mul(count(dims), elementBytes(result.getType())));
    } else {
      int64_t output = -2 - place;
      pointer = outputBuffer(output, function.getFunctionType().getResult(output));
    }
  }
  SmallVector<Value> arguments;
  for (Value input : op.getInputs())
    arguments.push_back(pointerOf(input));
  for (Value output : op.getOutputs())
    arguments.push_back(pointers[output]);
  if (op.getSymbols())
    for (AffineExpr expr : op.getSymbols()->getResults()) {
      // What this launch itself binds has no value yet, and the kernel does not read it.
      auto symbol = dyn_cast<AffineSymbolExpr>(expr);
      bool isBound = !symbol || symbols.contains(symbol.getPosition());
      arguments.push_back(isBound ? value(expr) : em.i64(0));
    }
  // Of a library function's tasks, those that fail write their status.
  if (op.getCapacities())
    em.store(em.i64(0), pointers[op.getOutputs()[op.getCapacities()->size()]]);
  Value slots = stackSlots(i64, arguments.size());
  for (auto [i, argument] : llvm::enumerate(arguments))
    em.store(argument, em.offsetPointer(slots, i64, i));
  Value tasks = maxTasks(op, kernel);
  int64_t number = kernelNumbers.lookup(op.getKernel());
  Value table = em.create<LLVM::AddressOfOp>(pointerType, "tenon_kernels");
  Value descriptor =
      em.offsetPointer(table, em.getI8Type(), number * int64_t(sizeof(tenon_kernel_desc)));
  callService(field(&tenon_exec::launch, pointerType), Type(), {exec, descriptor, slots, tasks});

  // A library function reports its status, and sizes that nothing else knows.
  if (!op.getCapacities())
    return;
  size_t numResults = op.getCapacities()->size();
  Value report = pointers[op.getOutputs()[numResults]];
  Value status = em.load(i64, report);
  failIf(em.compare(arith::CmpIPredicate::ne, status, em.i64(0)), TENON_EXEC_BAD_VALUE,
         kernel.getSymName() + " met an invalid value");
  int64_t slot = 1;
  for (Value result : op.getOutputs().take_front(numResults)) {
    SmallVector<Value> sizes;
    for (size_t i = 0; i < getDims(result.getType()).size(); ++i)
      sizes.push_back(em.load(i64, em.offsetPointer(report, i64, slot++)));
    bindDims(result.getType(), sizes);
  }
}

void HostLowering::lower(BindSymbolOp op) {
  Value size = loadElement(op.getTensor(), op.getPosition());
  NodeOrigin origin = getNodeOrigin(op.getLoc());
  failIf(em.less(size, em.i64(op.getMinimum())), TENON_EXEC_BAD_SHAPE,
         "node '" + origin.node + "' (" + origin.opType +
             "): the sizes that it meets in this run do not fit");
  symbols[op.getSymbol()] = size;
}

LogicalResult HostLowering::lower(ConstantOp op) {
  if (op.use_empty())
    return success();
  FailureOr<uint64_t> offset = options.placeConstant(op.getValue());
  if (failed(offset))
    return failure();
  pointers[op] = em.offsetPointer(weights, em.getI8Type(), *offset);
  return success();
}

//===-- Control flow --===//

LogicalResult HostLowering::lower(IfOp op) {
  Value condition =
      em.compare(arith::CmpIPredicate::ne, loadElement(op.getCondition(), 0), em.i64(0));
  Block *thenBlock = newBlock(), *elseBlock = newBlock(), *after = newBlock();
  em.create<LLVM::CondBrOp>(condition, thenBlock, elseBlock);
  // A result is a pointer and, where its size depends on the branch, its dimensions.
  SmallVector<std::pair<unsigned, unsigned>> sizes; // result, dimension
  for (OpResult result : op->getResults()) {
    after->addArgument(pointerType, op.getLoc());
    for (auto [number, dim] : llvm::enumerate(getDims(result.getType())))
      if (auto symbol = dyn_cast<AffineSymbolExpr>(dim);
          symbol && !symbols.contains(symbol.getPosition()))
        sizes.push_back({result.getResultNumber(), number});
  }
  for (size_t i = 0; i < sizes.size(); ++i)
    after->addArgument(i64, op.getLoc());
  for (auto [region, block] :
       {std::pair(&op.getThenRegion(), thenBlock), std::pair(&op.getElseRegion(), elseBlock)}) {
    em.setInsertionPointToStart(block);
    if (failed(lowerBlock(region->front())))
      return failure();
    SmallVector<Value> yielded;
    auto terminator = region->front().getTerminator();
    for (Value result : terminator->getOperands())
      yielded.push_back(pointerOf(result));
    for (auto [result, dim] : sizes)
      yielded.push_back(value(getDims(terminator->getOperand(result).getType())[dim]));
    branch(after, yielded);
  }
  em.setInsertionPointToStart(after);
  for (auto [result, pointer] : llvm::zip(op->getResults(), after->getArguments()))
    pointers[result] = pointer;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    AffineExpr dim = getDims(op->getResult(size.first).getType())[size.second];
    symbols.try_emplace(cast<AffineSymbolExpr>(dim).getPosition(),
                        after->getArgument(op->getNumResults() + i));
  }
  return success();
}

// Carried values live in buffers of their own, into which each iteration's results are copied: the
// buffers inside the body are the same ones in every iteration.
LogicalResult HostLowering::lower(LoopOp op) {
  Location loc = op.getLoc();
  size_t numCarried = op.getInits().size(), numStacks = op.getStacks().size();
  Value limit =
      op.getMax() ? loadElement(op.getMax(), 0) : em.i64(std::numeric_limits<int64_t>::max());
  Value condition = op.getCondition() ? loadElement(op.getCondition(), 0) : em.i64(1);
  Value counter = stackSlots(i64, 1);

  // What goes around: the iteration, the condition, carried pointers and sizes, stacks.
  SmallVector<Value> init = {em.i64(0), condition};
  for (Value value : op.getInits()) {
    Value bytes = bytesOf(value.getType());
    Value buffer = allocate(bytes);
    copy(buffer, pointerOf(value), bytes);
    init.push_back(buffer);
  }
  for (Value tensor : op.getInits())
    for (AffineExpr dim : getDims(tensor.getType()))
      init.push_back(value(dim));
  for (size_t i = 0; i < numStacks; ++i)
    init.append({em.create<LLVM::ZeroOp>(pointerType), em.i64(0)});
  for (Value stack : op.getStacks())
    for (size_t i = 1; i < getDims(stack.getType()).size(); ++i)
      init.push_back(em.i64(0));

  Block *header = newBlock(), *body = newBlock(), *after = newBlock();
  for (Value initial : init)
    header->addArgument(initial.getType(), loc);
  branch(header, init);
  em.setInsertionPointToStart(header);
  auto arguments = header->getArguments();
  Value more = em.create<arith::AndIOp>(
      em.less(arguments[0], limit), em.compare(arith::CmpIPredicate::ne, arguments[1], em.i64(0)));
  em.create<LLVM::CondBrOp>(more, body, after);

  // Body.
  em.setInsertionPointToStart(body);
  em.store(arguments[0], counter);
  pointers[op.getIteration()] = counter;
  size_t next = 2 + numCarried;
  for (auto [i, argument] : llvm::enumerate(op.getCarried())) {
    pointers[argument] = arguments[2 + i];
    size_t rank = getDims(argument.getType()).size();
    SmallVector<Value> sizes(arguments.slice(next, rank));
    bindDims(argument.getType(), sizes);
    next += rank;
  }
  size_t firstStack = next;
  if (failed(lowerBlock(op.getBody().front())))
    return failure();
  ValueRange yielded = op.getYielded();
  SmallVector<Value> carriedNext, sizesNext, stackNext, stackSizes;
  // New buffers first: a carried value may be yielded in another's place.
  for (size_t i = 0; i < numCarried; ++i) {
    Value tensor = yielded[1 + i];
    Value bytes = bytesOf(tensor.getType());
    Value buffer = allocate(bytes);
    copy(buffer, pointerOf(tensor), bytes);
    carriedNext.push_back(buffer);
    for (AffineExpr dim : getDims(tensor.getType()))
      sizesNext.push_back(value(dim));
  }
  for (size_t i = 0; i < numStacks; ++i) {
    Value tensor = yielded[1 + numCarried + i];
    Value bytes = bytesOf(tensor.getType());
    Value stack = arguments[firstStack + 2 * i], capacity = arguments[firstStack + 2 * i + 1];
    Value used = em.mul(arguments[0], bytes), needed = em.add(used, bytes);
    // Full: move to twice the room.
    Block *grow = newBlock(), *append = newBlock();
    append->addArgument(pointerType, loc);
    append->addArgument(i64, loc);
    em.create<LLVM::CondBrOp>(em.less(capacity, needed), grow, ValueRange(), append,
                              ValueRange{stack, capacity});
    em.setInsertionPointToStart(grow);
    Value larger = em.max(em.mul(needed, 2), em.mul(bytes, 16));
    Value moved = allocate(larger);
    copy(moved, stack, used);
    release(stack);
    branch(append, {moved, larger});
    em.setInsertionPointToStart(append);
    Value place = em.offsetPointer(append->getArgument(0), em.getI8Type(), used);
    copy(place, pointerOf(tensor), bytes);
    stackNext.append({append->getArgument(0), append->getArgument(1)});
    for (AffineExpr dim : getDims(tensor.getType()))
      stackSizes.push_back(value(dim));
  }
  for (size_t i = 0; i < numCarried; ++i)
    release(arguments[2 + i]);
  SmallVector<Value> values = {em.add(arguments[0], 1), loadElement(yielded[0], 0)};
  for (const SmallVector<Value> &part : {carriedNext, sizesNext, stackNext, stackSizes})
    llvm::append_range(values, part);
  branch(header, values);

  // Results.
  em.setInsertionPointToStart(after);
  next = 2 + numCarried;
  for (auto [i, result] : llvm::enumerate(op.getFinals())) {
    pointers[result] = arguments[2 + i];
    size_t rank = getDims(result.getType()).size();
    bindDims(result.getType(), SmallVector<Value>(arguments.slice(next, rank)));
    next += rank;
  }
  next = firstStack + 2 * numStacks;
  for (auto [i, result] : llvm::enumerate(op.getStacks())) {
    Value stack = arguments[firstStack + 2 * i];
    // No iteration leaves no stack, but readers expect some address.
    pointers[result] = em.create<LLVM::SelectOp>(isNull(em, stack), counter, stack);
    size_t rank = getDims(result.getType()).size();
    SmallVector<Value> sizes = {arguments[0]};
    llvm::append_range(sizes, arguments.slice(next, rank - 1));
    bindDims(result.getType(), sizes);
    next += rank - 1;
  }
  return success();
}

void HostLowering::lower(func::ReturnOp op) {
  llvm::DenseSet<int64_t> written;
  for (LaunchOp launch : function.getOps<LaunchOp>())
    for (int64_t place : SmallVector<int64_t>(*launch.getPlacement()))
      if (place <= -2)
        written.insert(-2 - place);
  for (auto [number, tensor] : llvm::enumerate(op.getOperands())) {
    if (written.contains(number))
      continue;
    Value buffer = outputBuffer(number, tensor.getType());
    copy(buffer, pointerOf(tensor), bytesOf(tensor.getType()));
  }
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
      .Case<LaunchOp, BindSymbolOp, func::ReturnOp>([&](auto op) {
        lower(op);
        return success();
      })
      .Case([&](ReleaseOp op) {
        release(pointerOf(op.getBuffer()));
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

FailureOr<OwningOpRef<ModuleOp>> HostLowering::run() {
  auto program = function->getParentOfType<ModuleOp>();
  int64_t number = 0;
  for (KernelOp kernel : program.getOps<KernelOp>())
    kernelNumbers[kernel.getSymName()] = number++;
  pointerType = LLVM::LLVMPointerType::get(context);
  i64 = em.getI64Type();
  em.setInsertionPointToEnd(module->getBody());
  em.create<LLVM::GlobalOp>(LLVM::LLVMArrayType::get(em.getI8Type(), 0), /*isConstant=*/true,
                            LLVM::Linkage::External, "tenon_kernels", Attribute());
  host = em.create<LLVM::LLVMFuncOp>("tenon_run",
                                     LLVM::LLVMFunctionType::get(em.getI32Type(), {pointerType}));
  entry = host.addEntryBlock(em);
  exec = entry->getArgument(0);
  Block *body = newBlock();
  em.setInsertionPointToStart(body);
  arena = field(&tenon_exec::arena, pointerType);
  weights = field(&tenon_exec::weights, pointerType);
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
  if (failed(cpu::lowerKernelModule(*module)))
    return failure();
  return std::move(module);
}

FailureOr<OwningOpRef<ModuleOp>> lowerHost(func::FuncOp function, const HostOptions &options) {
  return HostLowering(function, options).run();
}

} // namespace tenon
