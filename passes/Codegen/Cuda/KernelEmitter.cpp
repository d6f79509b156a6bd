// The element emitter for GPU kernels (see the header).

#include "passes/Codegen/Cuda/KernelEmitter.h"
#include "dialects/Tenon/NarrowFloat.h"
#include "dialects/Tenon/Reduction.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "passes/Codegen/Cuda/Float8.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

/// LLVM's numbers of address spaces.
static constexpr unsigned kSharedSpace = 3;

/// Where the architecture lets a kernel begin before the one in front of it has ended, it waits for
/// that before all else, and lets the next one begin. What is gained is the time of the launch
/// itself.
static void emitGridControl(OpBuilder &b, KernelOp kernel) {
  FailureOr<TargetAttr> target = getTargetAs<TargetAttr>(kernel);
  if (failed(target) || !target->overlapsLaunches())
    return;
  NVVM::GriddepcontrolOp::create(b, kernel.getLoc(), NVVM::GridDepActionKind::wait);
  NVVM::GriddepcontrolOp::create(b, kernel.getLoc(), NVVM::GridDepActionKind::launch_dependents);
}

/// Declares the kernel's entry; the emitter stands in its body.
static Emitter startEntry(KernelOp kernel, ModuleOp module, int64_t blockThreads,
                          int64_t residentBlocks) {
  MLIRContext *context = kernel.getContext();
  OpBuilder b(context);
  b.setInsertionPointToEnd(module.getBody());
  // The back end that compiles the module.
  module->setAttr(LLVM::LLVMDialect::getTargetTripleAttrName(),
                  b.getStringAttr("nvptx64-nvidia-cuda"));
  size_t numBuffers = kernel.getArgumentTypes().size() + kernel.getResultTypes().size();
  SmallVector<Type> types(numBuffers, LLVM::LLVMPointerType::get(context));
  types.append(kernel.getNumSymbols(), b.getI64Type());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context), types);
  auto entry = LLVM::LLVMFuncOp::create(b, kernel.getLoc(), kernel.getSymName(), type);
  entry->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  entry->setAttr(NVVM::NVVMDialect::getReqntidAttrName(),
                 b.getDenseI32ArrayAttr({static_cast<int32_t>(blockThreads)}));
  // With it, the registers that a thread may have.
  entry->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                 b.getI32IntegerAttr(static_cast<int32_t>(residentBlocks)));
  for (size_t i = 0; i < numBuffers; ++i)
    entry.setArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName(), b.getUnitAttr());
  b.setInsertionPointToStart(entry.addEntryBlock(b));
  emitGridControl(b, kernel);
  return Emitter(b, kernel.getLoc());
}

KernelEmitter::KernelEmitter(KernelOp kernel, ModuleOp module, RowsScheduleAttr rows,
                             int64_t blockThreads, int64_t residentBlocks)
    : tenon::KernelEmitter(kernel, module,
                           startEntry(kernel, module, blockThreads, residentBlocks)),
      rows(rows), blockThreads(blockThreads) {
  ArrayRef<BlockArgument> values = em.getInsertionBlock()->getArguments();
  SmallVector<Value> pointers(values.drop_back(kernel.getNumSymbols()));
  SmallVector<Value> symbols(values.take_back(kernel.getNumSymbols()));
  auto read = [&](Value special) -> Value {
    return em.create<arith::ExtUIOp>(em.getI64Type(), special);
  };
  Type i32 = em.getI32Type();
  thread = read(em.create<NVVM::ThreadIdXOp>(i32));
  block = read(em.create<NVVM::BlockIdXOp>(i32));
  blocks = read(em.create<NVVM::GridDimXOp>(i32));
  bind(pointers, symbols);
  FailureOr<TargetAttr> target = getTargetAs<TargetAttr>(kernel);
  convertsFloat8 = succeeded(target) && target->hasFloat8();
}

//===-- Loops --===//

// Where vectors would not fill the dimension, elements go one by one: threads have no need for long
// vectors, and masks cost branches.
int64_t KernelEmitter::lanesFor(AffineExpr size) const {
  int64_t known = getConstantOr(size, 0);
  int64_t lanes = rows.getLanes();
  while (lanes > 1 && (known == 0 || known % lanes != 0))
    lanes /= 2;
  return lanes;
}

void KernelEmitter::forSteps(Value first, Value count, Value step, function_ref<void(Value)> body) {
  em.loop(first, count, step, [&](Value i) { withLanes(numLanes, mask, [&] { body(i); }); });
}

void KernelEmitter::forShare(Value count, function_ref<void(Value)> body) {
  Value first = em.add(em.mul(block, blockThreads), thread);
  forSteps(first, count, em.mul(blocks, blockThreads), body);
}

void KernelEmitter::forRows(Value count, function_ref<void(Value)> body) {
  int64_t teams = blockThreads / rows.getTeam();
  Value first = em.add(em.mul(block, teams), em.div(thread, em.i64(rows.getTeam())));
  forSteps(first, count, em.mul(blocks, teams), body);
}

Value KernelEmitter::member() { return em.rem(thread, em.i64(rows.getTeam())); }

SmallVector<Value>
KernelEmitter::vectorLoop(Value lower, Value upper, int64_t lanes, bool, ValueRange init,
                          function_ref<SmallVector<Value>(LaneIndex, ValueRange)> body) {
  Value first = em.add(lower, em.mul(member(), lanes));
  return em.loop(
      first, upper, em.i64(lanes * rows.getTeam()), init, [&](Value i, ValueRange values) {
        SmallVector<Value> next;
        withLanes(lanes, nullptr, [&] { next = body({i, lanes > 1, false, lanes}, values); });
        return next;
      });
}

void KernelEmitter::forElements(ArrayRef<AffineExpr> shape,
                                function_ref<void(ArrayRef<LaneIndex>)> body) {
  int64_t lanes = shape.empty() ? 1 : lanesFor(shape.back());
  DimExprs units(shape);
  if (lanes > 1)
    units.back() = units.back().floorDiv(lanes);
  forShare(value(product(units, em.getContext())), [&](Value unit) {
    SmallVector<LaneIndex> index = delinearize(uniform(unit), units);
    if (lanes > 1)
      index.back() = {em.mul(index.back().base, lanes), 1, false, lanes};
    withLanes(lanes, nullptr, [&] { body(index); });
  });
}

//===-- Exchange in a team --===//

void KernelEmitter::barrier() { em.create<NVVM::Barrier0Op>(); }

Value KernelEmitter::sharedArray(Type elementType, int64_t count) {
  OpBuilder::InsertionGuard guard(em);
  auto type = LLVM::LLVMArrayType::get(elementType, count);
  auto pointer = LLVM::LLVMPointerType::get(em.getContext(), kSharedSpace);
  em.setInsertionPointToStart(module.getBody());
  std::string name = (kernel.getSymName() + "_shared_" + Twine(numShared++)).str();
  em.create<LLVM::GlobalOp>(type, /*isConstant=*/false, LLVM::Linkage::Internal, name, Attribute(),
                            /*alignment=*/16, kSharedSpace);
  em.setInsertionPointAfter(thread.getDefiningOp());
  return em.create<LLVM::AddressOfOp>(pointer, name);
}

//===-- What lib/Target/Ptx reads --===//

LLVM::LLVMFuncOp KernelEmitter::getEntry() {
  return em.getInsertionBlock()->getParent()->getParentOfType<LLVM::LLVMFuncOp>();
}

/// Pairs of names and values.
static SmallVector<std::pair<StringRef, StringRef>> getPassthroughs(LLVM::LLVMFuncOp entry) {
  SmallVector<std::pair<StringRef, StringRef>> pairs;
  if (ArrayAttr all = entry.getPassthroughAttr())
    for (auto pair : all.getAsRange<ArrayAttr>())
      pairs.push_back({cast<StringAttr>(pair[0]).getValue(), cast<StringAttr>(pair[1]).getValue()});
  return pairs;
}

std::string KernelEmitter::getPassthrough(StringRef name) {
  for (auto [known, value] : getPassthroughs(getEntry()))
    if (known == name)
      return value.str();
  return "";
}

void KernelEmitter::setPassthrough(StringRef name, StringRef value) {
  SmallVector<Attribute> all;
  auto add = [&](StringRef first, StringRef second) {
    all.push_back(em.getArrayAttr({em.getStringAttr(first), em.getStringAttr(second)}));
  };
  for (auto [known, other] : getPassthroughs(getEntry()))
    if (known != name)
      add(known, other);
  add(name, value);
  getEntry().setPassthroughAttr(em.getArrayAttr(all));
}

void KernelEmitter::setDynamicSharedBytes(int64_t bytes) {
  setPassthrough(kSharedBytesAttrName, std::to_string(bytes));
}

void KernelEmitter::setCluster(int64_t blocks) {
  getEntry()->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      em.getDenseI32ArrayAttr({static_cast<int32_t>(blocks)}));
}

static Value addParameter(LLVM::LLVMFuncOp entry, Type type, DictionaryAttr attributes) {
  SmallVector<Type> types(entry.getArgumentTypes());
  SmallVector<DictionaryAttr> all;
  entry.getAllArgAttrs(all);
  types.push_back(type);
  all.push_back(attributes);
  entry.setFunctionType(
      LLVM::LLVMFunctionType::get(entry.getFunctionType().getReturnType(), types));
  entry.setAllArgAttrs(all);
  return entry.getBody().front().addArgument(type, entry.getLoc());
}

Value KernelEmitter::addTensorMap(const tenon_tensor_map_desc &desc) {
  constexpr int64_t words = 16, alignment = 64;
  std::array<int64_t, sizeof desc / sizeof(int64_t)> numbers;
  std::memcpy(numbers.data(), &desc, sizeof desc);
  std::string others = getPassthrough(kTensorMapsAttrName);
  setPassthrough(kTensorMapsAttrName,
                 others + (others.empty() ? "" : ";") +
                     llvm::join(llvm::map_range(
                                    numbers, [](int64_t number) { return std::to_string(number); }),
                                ","));
  auto memory = LLVM::LLVMArrayType::get(em.getI64Type(), words);
  NamedAttribute attributes[] = {
      em.getNamedAttr(LLVM::LLVMDialect::getByValAttrName(), TypeAttr::get(memory)),
      em.getNamedAttr(LLVM::LLVMDialect::getAlignAttrName(), em.getI64IntegerAttr(alignment)),
      em.getNamedAttr(NVVM::NVVMDialect::getGridConstantAttrName(), em.getUnitAttr())};
  return addParameter(getEntry(), LLVM::LLVMPointerType::get(em.getContext()),
                      em.getDictionaryAttr(attributes));
}

Value KernelEmitter::exchange(Value value, int64_t distance) {
  Type type = value.getType();
  unsigned bits = type.getIntOrFloatBitWidth();
  auto i32 = em.getI32Type();
  auto number = [&](int64_t n) { return em.create<arith::ConstantIntOp>(i32, n); };
  auto shuffle = [&](Value word) -> Value {
    return em.create<NVVM::ShflOp>(i32, number(-1), word, number(distance), number(31),
                                   NVVM::ShflKind::bfly, UnitAttr());
  };
  Type integer = em.getIntegerType(bits);
  Value word = isa<FloatType>(type) ? Value(em.create<arith::BitcastOp>(integer, value)) : value;
  if (bits < 32) {
    word = em.create<arith::TruncIOp>(integer, shuffle(em.create<arith::ExtUIOp>(i32, word)));
  } else if (bits == 32) {
    word = shuffle(word);
  } else {
    Value half = em.create<arith::ConstantIntOp>(integer, 32);
    Value low = shuffle(em.create<arith::TruncIOp>(i32, word));
    Value high = shuffle(em.create<arith::TruncIOp>(i32, em.create<arith::ShRUIOp>(word, half)));
    Value upper = em.create<arith::ShLIOp>(em.create<arith::ExtUIOp>(integer, high), half);
    word = em.create<arith::OrIOp>(upper, em.create<arith::ExtUIOp>(integer, low));
  }
  return isa<FloatType>(type) ? Value(em.create<arith::BitcastOp>(type, word)) : word;
}

// Each step combines the same two values in both lanes, so that all lanes get the same bits.
Value KernelEmitter::foldLanes(ReduceKind kind, Type elementType, Value value, int64_t lanes) {
  for (int64_t distance = lanes / 2; distance > 0; distance /= 2)
    value = emitCombine(em, em.getLoc(), kind, elementType, value, exchange(value, distance));
  return value;
}

/// Combines the values of warps, in their order.
Value KernelEmitter::foldWarps(ReduceKind kind, Type elementType, Value value) {
  int64_t warps = blockThreads / TargetAttr::warpSize;
  Type type = value.getType();
  Type stored = type.isInteger(1) ? Type(em.getI8Type()) : type;
  Value array = sharedArray(stored, warps);
  Value lane = em.rem(thread, em.i64(TargetAttr::warpSize));
  Value kept = type == stored ? value : Value(em.create<arith::ExtUIOp>(stored, value));
  em.ifThen(em.compare(arith::CmpIPredicate::eq, lane, em.i64(0)), [&] {
    Value warp = em.div(thread, em.i64(TargetAttr::warpSize));
    em.store(kept, em.offsetPointer(array, stored, warp));
  });
  barrier();
  auto read = [&](int64_t warp) -> Value {
    Value word = em.load(stored, em.offsetPointer(array, stored, warp));
    return type == stored ? word : Value(em.create<arith::TruncIOp>(type, word));
  };
  Value result = read(0);
  for (int64_t warp = 1; warp < warps; ++warp)
    result = emitCombine(em, em.getLoc(), kind, elementType, result, read(warp));
  barrier(); // before the next row's values take the place
  return result;
}

Value KernelEmitter::foldTeam(ReduceKind kind, Type elementType, Value value) {
  if (rows.getTeam() == 1)
    return value;
  value = foldLanes(kind, elementType, value, TargetAttr::warpSize);
  return rows.getTeam() == TargetAttr::warpSize ? value : foldWarps(kind, elementType, value);
}

void KernelEmitter::onceInTeam(function_ref<void()> body) {
  if (rows.getTeam() == 1)
    return body();
  Value isFirst = em.compare(arith::CmpIPredicate::eq, member(), em.i64(0));
  em.ifThen(isFirst, [&] { withLanes(numLanes, mask, body); });
}

//===-- Memory --===//

// A tensor begins at a multiple of 64 bytes, wherever it is.
unsigned KernelEmitter::vectorAlignment(Type vector, const Buffer &buffer,
                                        LaneIndex position) const {
  constexpr uint64_t longest = 16; // bytes that a thread loads at once
  uint64_t elementBytes = std::max(getElementTypeOrSelf(vector).getIntOrFloatBitWidth() / 8, 1u);
  uint64_t known = std::gcd<uint64_t>(position.alignment, buffer.alignment) * elementBytes;
  uint64_t whole = cast<VectorType>(vector).getNumElements() * elementBytes;
  return std::min({longest, llvm::bit_floor(whole), known & -known});
}

Value KernelEmitter::loadNeighbours(VectorType type, const Buffer &buffer, LaneIndex position) {
  if (mask)
    return tenon::KernelEmitter::loadNeighbours(type, buffer, position);
  Value pointer = em.offsetPointer(buffer.pointer, type.getElementType(), position.base);
  unsigned alignment = vectorAlignment(type, buffer, position);
  if (!type.getElementType().isBF16())
    return em.create<LLVM::LoadOp>(type, pointer, alignment);
  Value words = em.create<LLVM::LoadOp>(type.clone(em.getI16Type()), pointer, alignment);
  return em.create<LLVM::BitcastOp>(type, words);
}

void KernelEmitter::storeNeighbours(Value stored, const Buffer &buffer, LaneIndex position) {
  Type element = getElementTypeOrSelf(stored.getType());
  if (mask || element.isBF16())
    return tenon::KernelEmitter::storeNeighbours(stored, buffer, position);
  Value pointer = em.offsetPointer(buffer.pointer, element, position.base);
  em.create<LLVM::StoreOp>(stored, pointer, vectorAlignment(stored.getType(), buffer, position));
}

//===-- Floats of 8 bits --===//

Value KernelEmitter::decodeFloats(Value stored, FloatType type) {
  return isFloat8(type) ? decodeFloat8(em, stored, type, convertsFloat8)
                        : tenon::KernelEmitter::decodeFloats(stored, type);
}

Value KernelEmitter::encodeFloats(Value computed, FloatType type) {
  if (Value known = rounded.lookup(computed))
    return known;
  return isFloat8(type) && convertsFloat8 ? encodeFloat8(em, computed, type)
                                          : tenon::KernelEmitter::encodeFloats(computed, type);
}

// What rounds and saturates is one instruction, whose result is stored as it is.
Value KernelEmitter::computeElement(ElementalOpInterface op, unsigned result,
                                    ArrayRef<LaneIndex> index) {
  auto cast = dyn_cast<CastOp>(op.getOperation());
  if (!cast || !convertsFloat8 || !isFloat8(cast.getTo()) || !cast.getSaturate() ||
      !computeType(getElementTypeOrSelf(cast.getOperand())).isF32())
    return tenon::KernelEmitter::computeElement(op, result, index);
  auto type = llvm::cast<FloatType>(cast.getTo());
  Value code = roundToFloat8(em, element(cast.getOperand(), index), type);
  Value number = decodeFloats(code, type);
  rounded[number] = code;
  return number;
}

} // namespace tenon::cuda
