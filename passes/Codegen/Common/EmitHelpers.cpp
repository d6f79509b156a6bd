// See EmitHelpers.h. Everything here is a thin wrapper; the one piece with substance is outlining,
// which lets callbacks use the kernel's values freely inside a microkernel.
#include "passes/Codegen/Common/EmitHelpers.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace tenon {

std::optional<int64_t> constantOf(Value value) {
  APInt constant;
  if (value && matchPattern(value, m_ConstantInt(&constant)))
    return constant.getSExtValue();
  return std::nullopt;
}

std::optional<int64_t> getStackBytes(LLVM::AllocaOp array) {
  std::optional<int64_t> count = constantOf(array.getArraySize());
  if (!count)
    return std::nullopt;
  return *count * int64_t(DataLayout().getTypeSize(array.getElemType()).getFixedValue());
}

Value Emitter::i64(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value Emitter::add(Value a, Value b) { return createOrFold<arith::AddIOp>(a, b); }
Value Emitter::sub(Value a, Value b) { return createOrFold<arith::SubIOp>(a, b); }
Value Emitter::mul(Value a, Value b) { return createOrFold<arith::MulIOp>(a, b); }
Value Emitter::div(Value a, Value b) { return createOrFold<arith::DivUIOp>(a, b); }
Value Emitter::rem(Value a, Value b) { return createOrFold<arith::RemUIOp>(a, b); }
Value Emitter::min(Value a, Value b) { return createOrFold<arith::MinSIOp>(a, b); }
Value Emitter::max(Value a, Value b) { return createOrFold<arith::MaxSIOp>(a, b); }

Value Emitter::ceilDiv(Value a, Value b) { return div(add(a, sub(b, i64(1))), b); }

Value Emitter::compare(arith::CmpIPredicate predicate, Value a, Value b) {
  return createOrFold<arith::CmpIOp>(predicate, a, b);
}

Value Emitter::select(Value condition, Value a, Value b) {
  return createOrFold<arith::SelectOp>(condition, a, b);
}

/// GEPOp keeps constant indices in so many bits and cuts off the rest.
static bool fitsConstantIndex(int64_t offset) {
  return llvm::isInt<LLVM::kGEPConstantBitWidth>(offset);
}

Value Emitter::evaluate(AffineExpr expr, llvm::function_ref<Value(unsigned)> valueOf) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return i64(constant.getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return valueOf(symbol.getPosition());
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value lhs = evaluate(binary.getLHS(), valueOf), rhs = evaluate(binary.getRHS(), valueOf);
  // A size that a run gives may be 0. What it divides is then 0 as well, or never used.
  bool divides = expr.getKind() != AffineExprKind::Add && expr.getKind() != AffineExprKind::Mul;
  if (divides && !constantOf(rhs))
    rhs = max(rhs, i64(1));
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return add(lhs, rhs);
  case AffineExprKind::Mul:
    return mul(lhs, rhs);
  case AffineExprKind::FloorDiv:
    return createOrFold<arith::FloorDivSIOp>(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return createOrFold<arith::CeilDivSIOp>(lhs, rhs);
  case AffineExprKind::Mod:
    return sub(lhs, mul(createOrFold<arith::FloorDivSIOp>(lhs, rhs), rhs));
  default:
    llvm_unreachable("shapes have no other expressions");
  }
}

Value Emitter::offsetPointer(Value pointer, Type elementType, Value offset) {
  if (std::optional<int64_t> constant = constantOf(offset);
      constant && fitsConstantIndex(*constant))
    return offsetPointer(pointer, elementType, *constant);
  return LLVM::GEPOp::create(*this, pointer.getType(), elementType, pointer,
                             ArrayRef<LLVM::GEPArg>{offset});
}

Value Emitter::offsetPointer(Value pointer, Type elementType, int64_t offset) {
  if (offset == 0)
    return pointer;
  if (!fitsConstantIndex(offset))
    return LLVM::GEPOp::create(*this, pointer.getType(), elementType, pointer,
                               ArrayRef<LLVM::GEPArg>{i64(offset)});
  return LLVM::GEPOp::create(*this, pointer.getType(), elementType, pointer,
                             ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(int32_t(offset))});
}

static unsigned elementAlignment(Type type) {
  if (isa<LLVM::LLVMPointerType>(type))
    return 8;
  return std::max(1u, getElementTypeOrSelf(type).getIntOrFloatBitWidth() / 8);
}

static bool isBFloat(Type type) { return getElementTypeOrSelf(type).isBF16(); }

/// The integer type of a half's size, or vectors of it. A bf16 that stays in a register from one
/// block to another makes the back end call a library that models do not have.
static Type bitsOfHalf(Type type) {
  Type bits = IntegerType::get(type.getContext(), 16);
  auto vector = dyn_cast<VectorType>(type);
  return vector ? Type(vector.clone(bits)) : bits;
}

Value Emitter::load(Type type, Value pointer, Type stored) {
  if (isBFloat(type))
    return arith::BitcastOp::create(*this, type, load(bitsOfHalf(type), pointer));
  return LLVM::LoadOp::create(*this, type, pointer, elementAlignment(stored ? stored : type));
}

void Emitter::store(Value value, Value pointer) {
  if (isBFloat(value.getType()))
    value = arith::BitcastOp::create(*this, bitsOfHalf(value.getType()), value);
  LLVM::StoreOp::create(*this, value, pointer, elementAlignment(value.getType()));
}

/// Types that the back end masks, gathers and scatters only as integers of the same size.
static bool isNarrowFloat(VectorType type) {
  return type.getElementType().isF16() || type.getElementType().isBF16();
}

/// `value`, a vector of narrow floats, as integers; others as they are.
static Value toMaskable(Emitter &em, Value value) {
  auto type = cast<VectorType>(value.getType());
  return isNarrowFloat(type) ? arith::BitcastOp::create(em, bitsOfHalf(type), value) : value;
}

Value Emitter::maskedLoad(VectorType type, Value pointer, Value mask, Type stored) {
  if (!mask)
    return load(type, pointer, stored);
  if (isNarrowFloat(type)) {
    auto bitsType = cast<VectorType>(bitsOfHalf(type));
    return arith::BitcastOp::create(*this, type, maskedLoad(bitsType, pointer, mask));
  }
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(*this, type, pointer, mask, zero,
                                    elementAlignment(stored ? stored : type));
}

void Emitter::maskedStore(Value value, Value pointer, Value mask) {
  if (!mask)
    return store(value, pointer);
  value = toMaskable(*this, value);
  LLVM::MaskedStoreOp::create(*this, value, pointer, mask, elementAlignment(value.getType()));
}

Value Emitter::gather(VectorType type, Value pointers, Value mask) {
  if (isNarrowFloat(type)) {
    auto bitsType = cast<VectorType>(bitsOfHalf(type));
    return arith::BitcastOp::create(*this, type, gather(bitsType, pointers, mask));
  }
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return LLVM::masked_gather::create(*this, type, pointers, mask, ValueRange{zero},
                                     elementAlignment(type));
}

void Emitter::scatter(Value value, Value pointers, Value mask) {
  value = toMaskable(*this, value);
  LLVM::masked_scatter::create(*this, value, pointers, mask, elementAlignment(value.getType()));
}

Value Emitter::stackArray(Type elementType, int64_t count, int64_t alignment) {
  auto array = LLVM::AllocaOp::create(*this, LLVM::LLVMPointerType::get(getContext()), elementType,
                                      i64(std::max<int64_t>(count, 1)), alignment);
  assert(getStackBytes(array) <= kLargestStackArray && "large arrays belong into scratch memory");
  return array;
}

void Emitter::prefetch(Value pointer, int locality) {
  LLVM::Prefetch::create(*this, pointer, /*rw=*/0u, /*hint=*/unsigned(locality), /*cache=*/1u);
}

Value Emitter::laneMask(int64_t lanes, Value count) {
  auto maskType = VectorType::get(lanes, getI1Type());
  if (std::optional<int64_t> constant = constantOf(count)) {
    if (*constant >= lanes)
      return nullptr;
    SmallVector<bool> bits(lanes, false);
    std::fill_n(bits.begin(), *constant, true);
    return arith::ConstantOp::create(*this, DenseElementsAttr::get(maskType, bits));
  }
  auto indexType = VectorType::get(lanes, getI32Type());
  auto numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
  Value iota = arith::ConstantOp::create(
      *this, DenseElementsAttr::get(indexType, ArrayRef<int32_t>(numbers)));
  Value limit = vector::BroadcastOp::create(*this, indexType,
                                            createOrFold<arith::TruncIOp>(getI32Type(), count));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, iota, limit);
}

Value Emitter::multiplyAdd(Value a, Value b, Value sum) {
  if (isa<FloatType>(getElementTypeOrSelf(sum.getType())))
    return create<vector::FMAOp>(a, b, sum);
  return create<arith::AddIOp>(sum, create<arith::MulIOp>(a, b));
}

Value Emitter::convert(Value value, Type elementType, bool isUnsigned) {
  Type from = getElementTypeOrSelf(value);
  if (from == elementType)
    return value;
  Type type = elementType;
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(elementType);
  unsigned fromBits = from.getIntOrFloatBitWidth(), toBits = elementType.getIntOrFloatBitWidth();
  if (isa<FloatType>(from) && isa<FloatType>(elementType))
    return fromBits < toBits ? arith::ExtFOp::create(*this, type, value).getResult()
                             : arith::TruncFOp::create(*this, type, value).getResult();
  if (isa<FloatType>(from))
    return isUnsigned ? arith::FPToUIOp::create(*this, type, value).getResult()
                      : arith::FPToSIOp::create(*this, type, value).getResult();
  if (isa<FloatType>(elementType))
    return isUnsigned ? arith::UIToFPOp::create(*this, type, value).getResult()
                      : arith::SIToFPOp::create(*this, type, value).getResult();
  if (fromBits > toBits)
    return arith::TruncIOp::create(*this, type, value);
  return isUnsigned ? arith::ExtUIOp::create(*this, type, value).getResult()
                    : arith::ExtSIOp::create(*this, type, value).getResult();
}

void Emitter::loop(Value lower, Value upper, Value step, llvm::function_ref<void(Value)> body) {
  loop(lower, upper, step, {}, [&](Value iv, ValueRange) {
    body(iv);
    return SmallVector<Value>();
  });
}

SmallVector<Value> Emitter::loop(Value lower, Value upper, Value step, ValueRange initial,
                                 llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto lowerConstant = constantOf(lower), upperConstant = constantOf(upper),
       stepConstant = constantOf(step);
  if (lowerConstant && upperConstant && *upperConstant <= *lowerConstant)
    return llvm::to_vector(initial);
  if (lowerConstant && upperConstant && stepConstant &&
      *upperConstant <= *lowerConstant + *stepConstant)
    return body(lower, initial);
  auto loopOp = scf::ForOp::create(*this, lower, upper, step, initial);
  OpBuilder::InsertionGuard guard(*this);
  // Without carried values the loop comes with its terminator.
  setInsertionPointToStart(loopOp.getBody());
  SmallVector<Value> yielded = body(loopOp.getInductionVar(), loopOp.getRegionIterArgs());
  if (!initial.empty())
    scf::YieldOp::create(*this, yielded);
  return llvm::to_vector_of<Value>(loopOp.getResults());
}

void Emitter::ifThen(Value condition, llvm::function_ref<void()> thenBody,
                     llvm::function_ref<void()> elseBody) {
  if (std::optional<int64_t> constant = constantOf(condition)) {
    if (*constant)
      thenBody();
    else if (elseBody)
      elseBody();
    return;
  }
  auto ifOp = scf::IfOp::create(*this, condition, /*withElseRegion=*/bool(elseBody));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(ifOp.thenBlock());
  thenBody();
  if (!elseBody)
    return;
  setInsertionPointToStart(ifOp.elseBlock());
  elseBody();
}

void Emitter::dispatch(Value value, ArrayRef<int64_t> cases,
                       llvm::function_ref<void(int64_t)> body) {
  assert(!cases.empty() && "nothing to choose from");
  if (std::optional<int64_t> constant = constantOf(value))
    return body(*constant);
  if (cases.size() == 1)
    return body(cases.front());
  if (cases.size() == 2) {
    Value isFirst = compare(arith::CmpIPredicate::eq, value, i64(cases[0]));
    return ifThen(isFirst, [&] { body(cases[0]); }, [&] { body(cases[1]); });
  }
  Value index = arith::IndexCastOp::create(*this, getIndexType(), value);
  auto switchOp = scf::IndexSwitchOp::create(*this, TypeRange(), index, cases, cases.size());
  OpBuilder::InsertionGuard guard(*this);
  for (auto [number, region] : llvm::zip(cases, switchOp.getCaseRegions())) {
    setInsertionPointToStart(&region.emplaceBlock());
    body(number);
    scf::YieldOp::create(*this);
  }
  setInsertionPointToStart(&switchOp.getDefaultRegion().emplaceBlock());
  scf::YieldOp::create(*this);
}

/// Replaces what `function` uses from outside itself: constants by copies, other values by
/// arguments. Returns those values.
static SmallVector<Value> captureOuterValues(LLVM::LLVMFuncOp function) {
  Block &entry = function.getBody().front();
  llvm::MapVector<Value, Value> inner;
  llvm::DenseMap<Operation *, Operation *> copies;
  OpBuilder builder = OpBuilder::atBlockBegin(&entry);
  auto mapOperand = [&](OpOperand &operand) {
    Value value = operand.get();
    Region *region = value.getParentRegion();
    if (function.getBody().isAncestor(region))
      return;
    if (Operation *constant = value.getDefiningOp();
        constant && constant->hasTrait<OpTrait::ConstantLike>()) {
      Operation *&copy = copies[constant];
      if (!copy)
        copy = builder.clone(*constant);
      operand.set(copy->getResult(0));
      return;
    }
    Value &argument = inner[value];
    if (!argument)
      argument = entry.addArgument(value.getType(), value.getLoc());
    operand.set(argument);
  };
  SmallVector<Operation *> operations;
  function.walk([&](Operation *op) { operations.push_back(op); });
  for (Operation *op : operations)
    for (OpOperand &operand : op->getOpOperands())
      mapOperand(operand);
  return llvm::to_vector(llvm::make_first_range(inner));
}

OutlinedFunction outlineFunction(Emitter &emitter, ModuleOp module, StringRef name,
                                 TypeRange argumentTypes,
                                 llvm::function_ref<void(Emitter &, ValueRange)> body,
                                 unsigned noalias) {
  MLIRContext *context = emitter.getContext();
  auto voidType = LLVM::LLVMVoidType::get(context);
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  SymbolTable symbols(module);
  auto function = LLVM::LLVMFuncOp::create(
      builder, emitter.getLoc(), name,
      LLVM::LLVMFunctionType::get(voidType, llvm::to_vector(argumentTypes)),
      LLVM::Linkage::Internal, /*dsoLocal=*/true);
  // Gives it a name that no other function has.
  symbols.insert(function);
  Block *entry = function.addEntryBlock(builder);

  Emitter inner(emitter.getLoc(), OpBuilder::atBlockEnd(entry));
  body(inner, entry->getArguments());
  LLVM::ReturnOp::create(inner, ValueRange());

  OutlinedFunction result{function, captureOuterValues(function)};
  function.setFunctionType(
      LLVM::LLVMFunctionType::get(voidType, llvm::to_vector(entry->getArgumentTypes())));
  for (auto [number, type] : llvm::enumerate(argumentTypes))
    if (isa<LLVM::LLVMPointerType>(type) && number < noalias)
      function.setArgAttr(number, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
  return result;
}

void OutlinedFunction::call(Emitter &emitter, ValueRange arguments) const {
  SmallVector<Value> operands = llvm::to_vector(arguments);
  llvm::append_range(operands, captures);
  LLVM::LLVMFuncOp callee = function;
  LLVM::CallOp::create(emitter, callee, operands);
}

} // namespace tenon
