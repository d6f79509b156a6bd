// Kernels around a matrix product or convolution: describes the op to the contraction emitters and
// computes the pointwise ops of the kernel on each finished vector of sums, before its only store.

#include "passes/Codegen/Cpu/Contraction.h"
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/Kernels.h"
#include "passes/Codegen/Cpu/Winograd.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class ContractionKernelEmitter {
public:
  explicit ContractionKernelEmitter(KernelEmitter &e) : e(e), em(e.em) {
    for (Operation &op : e.kernel.getEntryBlock())
      if (isa<MatMulOp, ConvOp>(op))
        root = &op;
  }

  void emit();
  void emitDepthwise();
  void emitWinograd();

private:
  /// What the kernel's root computes.
  ContractionSpec describe();
  ContractionSpec describe(MatMulOp op);
  ContractionSpec describe(ConvOp op);
  /// Sets where weights are; whether they are packed.
  bool readPacked(Value weights, ContractionSpec &spec);
  CodedWeights describe(DequantizeBlocksOp op);
  /// The kernel's schedule, which tenon-assign-schedules has written.
  template <typename AttrT> AttrT schedule() { return cast<AttrT>(*e.kernel.getSchedule()); }
  /// Emits what follows the sum at `index` of the root's result.
  void finish(OpBuilder &b, Value sum, ArrayRef<Value> index, Value mask) {
    storeFinished(e, b, root->getResult(0), sum, index, mask);
  }
  SmallVector<Value> values(ArrayRef<AffineExpr> exprs) {
    SmallVector<Value> result;
    for (AffineExpr expr : exprs)
      result.push_back(e.value(expr));
    return result;
  }
  template <typename Range> SmallVector<Value, 3> constants(Range &&sizes) {
    SmallVector<Value, 3> result;
    for (int64_t size : sizes)
      result.push_back(em.i64(size));
    return result;
  }

  KernelEmitter &e;
  Emitter &em;
  Operation *root = nullptr;
};

bool isUnsignedTensor(Value tensor) {
  return getElementTypeOrSelf(tensor.getType()).isUnsignedInteger();
}

} // namespace

// The weights of a kernel that reads codes are packed, scales and zero points as well.
CodedWeights ContractionKernelEmitter::describe(DequantizeBlocksOp op) {
  auto pointerOf = [&](Value packed) {
    return e.argument(packed.getDefiningOp<UnpackOp>().getPacked()).pointer;
  };
  auto type = cast<IntegerType>(getElementTypeOrSelf(op.getOperand()));
  CodedWeights codes;
  codes.bits = type.getWidth();
  codes.blockSize = op.getBlockSize();
  codes.scales = pointerOf(op.getScale());
  codes.bias = type.isUnsigned() ? 0 : float(int64_t(1) << (type.getWidth() - 1));
  if (Value zero = op.getZero()) {
    codes.zeros = pointerOf(zero);
    codes.zeroType = getStorageType(getElementTypeOrSelf(zero));
    codes.zerosAreUnsigned = isUnsignedTensor(zero);
  }
  return codes;
}

bool ContractionKernelEmitter::readPacked(Value weights, ContractionSpec &spec) {
  if (auto dequantize = weights.getDefiningOp<DequantizeBlocksOp>()) {
    spec.codes = describe(dequantize);
    weights = dequantize.getOperand();
  }
  if (auto gather = weights.getDefiningOp<GatherOp>()) {
    spec.picks = e.argument(gather.getIndices()).pointer;
    spec.pickType = getStorageType(getElementTypeOrSelf(gather.getIndices()));
    weights = gather.getOperand();
    spec.numMatrices = e.value(getDims(weights.getType()).front());
  }
  auto unpack = weights.getDefiningOp<UnpackOp>();
  if (auto sparse = dyn_cast_if_present<SparsePanelsAttr>(unpack ? unpack.getLayout() : nullptr))
    spec.sparse.emplace(sparse, cast<RankedTensorType>(unpack.getType()));
  spec.weights = e.argument(unpack ? unpack.getPacked() : weights).pointer;
  spec.weightLayout = WeightLayout::Packed;
  return bool(unpack);
}

ContractionSpec ContractionKernelEmitter::describe(MatMulOp op) {
  ContractionSpec spec;
  DimExprs lhs = getDims(op.getLhs().getType()), rhs = getDims(op.getRhs().getType()),
           result = getDims(op.getType());
  const Buffer &input = e.argument(op.getLhs());
  Value rows = e.value(result[result.size() - 2]);
  Value batch = e.value(product(ArrayRef(result).drop_back(2), op.getContext()));
  spec.inChannels = e.value(lhs.back());
  spec.outChannels = e.value(result.back());
  spec.group = em.i64(1);
  spec.inputGroupStride = em.i64(0);
  spec.kernel = spec.stride = spec.dilation = {em.i64(1)};
  spec.inputSpatialStride = {e.value(input.strides[lhs.size() - 2])};
  if (op.sharesRhs()) { // all rows of all batches are rows of one product
    spec.batch = em.i64(1);
    spec.outSpatial = {em.mul(batch, rows)};
    spec.inputBatchStride = em.i64(0);
  } else {
    spec.batch = batch;
    spec.outSpatial = {rows};
    bool sharesLhs = product(ArrayRef(lhs).drop_back(2), op.getContext()) ==
                     getAffineConstantExpr(1, op.getContext());
    spec.inputBatchStride =
        sharesLhs ? em.i64(0) : em.mul(rows, e.value(input.strides[lhs.size() - 2]));
    spec.weightBatchStride = e.value(rhs[rhs.size() - 1] * rhs[rhs.size() - 2]);
  }
  if (!readPacked(op.getRhs(), spec)) {
    spec.weightLayout = op.getTransposeRhs() ? WeightLayout::Transposed : WeightLayout::RowMajor;
    spec.weightRowStride = e.value(rhs.back());
    spec.weightGroupStride = em.i64(0);
  }
  spec.input = input.pointer;
  return spec;
}

ContractionSpec ContractionKernelEmitter::describe(ConvOp op) {
  ContractionSpec spec;
  DimExprs in = getDims(op.getInput().getType()), result = getDims(op.getType());
  Buffer input = e.buffer(op.getInput());
  unsigned spatial = op.getSpatialRank();
  int64_t groups = op.getGroups(), outputs = op.getOutputChannels();
  SmallVector<Value> strides = values(input.strides);
  spec.batch = e.value(result.front());
  spec.group = em.i64(groups);
  llvm::append_range(spec.outSpatial, values(ArrayRef(result).slice(1, spatial)));
  spec.kernel = constants(op.getKernelSizes());
  spec.stride = constants(op.getStrides());
  spec.dilation = constants(op.getDilations());
  spec.inChannels = e.value(in.back().floorDiv(groups));
  spec.outChannels = em.i64(outputs / groups);
  spec.inputBatchStride = strides.front();
  spec.inputSpatialStride.append(strides.begin() + 1, strides.end() - 1);
  spec.inputGroupStride = spec.inChannels;
  if (!readPacked(op.getWeights(), spec)) {
    spec.weightLayout = WeightLayout::RowMajor;
    spec.weightRowStride = em.i64(outputs);
    spec.weightGroupStride = em.i64(outputs / groups);
  }
  spec.input = input.pointer;
  return spec;
}

void ContractionKernelEmitter::emitDepthwise() {
  auto op = cast<ConvOp>(root);
  DepthwiseSpec spec;
  DimExprs result = getDims(op.getType());
  Buffer input = e.buffer(op.getInput());
  SmallVector<Value> strides = values(input.strides);
  spec.batch = e.value(result.front());
  llvm::append_range(spec.outSpatial, values(ArrayRef(result).slice(1, op.getSpatialRank())));
  llvm::append_range(spec.kernel, op.getKernelSizes());
  llvm::append_range(spec.stride, op.getStrides());
  llvm::append_range(spec.dilation, op.getDilations());
  spec.channels = em.i64(op.getOutputChannels());
  spec.input = input.pointer;
  spec.inputType = getStorageType(input.elementType);
  spec.inputBatchStride = strides.front();
  spec.inputSpatialStride.append(strides.begin() + 1, strides.end() - 1);
  spec.weights = e.argument(op.getWeights()).pointer;
  spec.weightType = getStorageType(e.argument(op.getWeights()).elementType);
  spec.accumulatorType = getAccumulatorType(input.elementType);
  spec.inputIsUnsigned = isUnsignedTensor(op.getInput());
  spec.weightsAreUnsigned = isUnsignedTensor(op.getWeights());
  cpu::emitDepthwise(em, em.getLoc(), e.module, spec, schedule<DepthwiseScheduleAttr>(), e.task,
                     e.tasks,
                     [&](OpBuilder &b, Location, Value sum, const OutputIndex &at, Value mask) {
                       SmallVector<Value> index = {at.batch};
                       llvm::append_range(index, at.spatial);
                       index.push_back(at.channel);
                       finish(b, sum, index, mask);
                     });
}

void ContractionKernelEmitter::emitWinograd() {
  ContractionSpec spec = describe();
  auto schedule = this->schedule<WinogradScheduleAttr>();
  cpu::emitWinograd(em, em.getLoc(), e.module, spec, schedule, e.task, e.tasks,
                    [&](OpBuilder &b, Location, Value sum, const OutputIndex &at, Value mask) {
                      finish(b, sum, {at.batch, at.spatial[0], at.spatial[1], at.channel}, mask);
                    });
}

ContractionSpec ContractionKernelEmitter::describe() {
  auto conv = dyn_cast<ConvOp>(root);
  ContractionSpec spec = conv ? describe(conv) : describe(cast<MatMulOp>(root));
  Type elementType = getElementTypeOrSelf(root->getOperand(0).getType());
  spec.inputType = getStorageType(elementType);
  spec.weightType = getStorageType(getElementTypeOrSelf(root->getOperand(1).getType()));
  if (spec.codes) { // whose number is known, even if the input's type does not tell it
    spec.weightType = em.getI32Type();
    spec.inChannels = e.value(getDims(root->getOperand(1).getType()).front());
  }
  spec.accumulatorType = getAccumulatorType(elementType);
  spec.inputIsUnsigned = isUnsignedTensor(root->getOperand(0));
  spec.weightsAreUnsigned = isUnsignedTensor(root->getOperand(1));
  spec.scratch = e.scratch;
  return spec;
}

void ContractionKernelEmitter::emit() {
  ContractionSpec spec = describe();
  auto schedule = this->schedule<ContractionScheduleAttr>();
  if (schedule.getMma().getParts() > 1) // as they are laid out
    spec.weightType = em.getBF16Type();

  // Rows of a product with shared weights are numbered through all batches.
  DimExprs dims = getDims(root->getResult(0).getType());
  auto matmul = dyn_cast<MatMulOp>(root);
  ArrayRef<AffineExpr> rowDims = ArrayRef(dims).drop_back();
  emitContraction(em, em.getLoc(), e.module, spec, schedule, e.task, e.tasks,
                  [&](OpBuilder &b, Location, Value sum, const OutputIndex &at, Value mask) {
                    SmallVector<Value> index;
                    if (matmul) {
                      OpBuilder::InsertionGuard guard(em);
                      em.setInsertionPoint(b.getInsertionBlock(), b.getInsertionPoint());
                      bool shares = matmul.sharesRhs();
                      ArrayRef<AffineExpr> split = shares ? rowDims : rowDims.drop_back();
                      for (LaneIndex part :
                           e.delinearize(e.uniform(shares ? at.spatial.front() : at.batch), split))
                        index.push_back(part.base);
                      if (!shares)
                        index.push_back(at.spatial.front());
                      b.setInsertionPoint(em.getInsertionBlock(), em.getInsertionPoint());
                    } else {
                      index.push_back(at.batch);
                      llvm::append_range(index, at.spatial);
                    }
                    index.push_back(at.channel);
                    finish(b, sum, index, mask);
                  });
}

/// The sizes between a contraction and the kernel's result that must be equal in a run, so that
/// each element of the product is one of the result.
static KernelEmitter::SizePairs collectUncertainRows(KernelOp kernel) {
  llvm::SmallPtrSet<Operation *, 8> dependent;
  KernelEmitter::SizePairs pairs;
  for (Operation &op : kernel.getEntryBlock()) {
    bool depends = isa<MatMulOp, ConvOp>(op) || llvm::any_of(op.getOperands(), [&](Value v) {
                     return v.getDefiningOp() && dependent.contains(v.getDefiningOp());
                   });
    if (!depends)
      continue;
    dependent.insert(&op);
    if (auto broadcast = dyn_cast<BroadcastOp>(op))
      for (auto [size, wide] :
           llvm::zip_equal(getDims(broadcast.getOperand().getType()), getDims(broadcast.getType())))
        if (size != wide)
          pairs.push_back({size, wide});
  }
  return pairs;
}

void emitWhereRowsAgree(KernelEmitter &emitter, function_ref<void(KernelEmitter &)> emit) {
  KernelEmitter::SizePairs pairs = collectUncertainRows(emitter.kernel);
  if (pairs.empty())
    return emit(emitter);
  emitter.ifSizesAgree(pairs, [&] { emit(emitter); }, [&] { emitRowsKernel(emitter); });
}

void emitContractionKernel(KernelEmitter &emitter) { ContractionKernelEmitter(emitter).emit(); }

void emitDepthwiseKernel(KernelEmitter &emitter) {
  ContractionKernelEmitter(emitter).emitDepthwise();
}

void emitWinogradKernel(KernelEmitter &emitter) {
  ContractionKernelEmitter(emitter).emitWinograd();
}

} // namespace tenon::cpu
