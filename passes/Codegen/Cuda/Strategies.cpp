// What each strategy of a GPU computes, and how. The emitters are in files of their own; the cost
// model is passes/Schedule/Cuda.

#include "passes/Codegen/Cuda/Strategies.h"
#include "dialects/Target/KernelStrategy.h"
#include "passes/Codegen/Common/ExpandMath.h"
#include "passes/Codegen/Common/HostStrategy.h"
#include "passes/Codegen/Cuda/AttentionKernel.h"
#include "passes/Codegen/Cuda/AttentionMma.h"
#include "passes/Codegen/Cuda/ContractionKernel.h"
#include "passes/Codegen/Cuda/ContractionMma.h"
#include "passes/Codegen/Cuda/ContractionWgmma.h"
#include "passes/Codegen/Cuda/GemvKernel.h"
#include "passes/Schedule/Cuda/AttentionTiles.h"
#include "passes/Schedule/Cuda/Choose.h"
#include "passes/Schedule/Cuda/Pipeline.h"
#include "passes/Schedule/Cuda/ProductSize.h"
#include "passes/Schedule/Cuda/Registers.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {
namespace {

/// The error for a kernel whose schedule is missing or of another kind.
LogicalResult complainAboutSchedule(KernelOp kernel) {
  return kernel.emitError("has no schedule for its strategy, ") << kernel.getStrategy();
}

/// Whether the kernel needs a function that only a processor's library has. Of f64 there are no
/// functions but those: of a kernel with such numbers, which powers of integers are on the way, the
/// code itself tells.
bool callsLibrary(KernelOp kernel) {
  auto holdsDoubles = [](Operation &op) {
    return isa<PowOp>(op) || llvm::any_of(op.getResultTypes(), [](Type type) {
             return getElementTypeOrSelf(type).isF64();
           });
  };
  if (llvm::none_of(kernel.getEntryBlock(), holdsDoubles))
    return false;
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernel.getLoc());
  auto schedule = RowsScheduleAttr::get(kernel.getContext(), /*lanes=*/1,
                                        /*threads=*/TargetAttr::warpSize, /*team=*/1);
  KernelEmitter emitter(kernel, *module, schedule, schedule.getThreads(), /*residentBlocks=*/1);
  emitter.withAgreeingLanes([&] { emitRows(emitter); });
  emitter.finish();
  return failed(expandMath(*module, {.scale = nullptr, .hasLibm = false})) ||
         llvm::any_of(module->getOps<LLVM::LLVMFuncOp>(),
                      [](LLVM::LLVMFuncOp function) { return function.isExternal(); });
}

using ComplainFn = function_ref<InFlightDiagnostic()>;

LogicalResult verifySharedBytes(int64_t bytes, int64_t most, ComplainFn complain) {
  if (bytes <= most)
    return success();
  return complain() << " that needs " << bytes << " bytes of shared memory, where " << most
                    << " are the most";
}

/// Emits a kernel around a root by `emit(emitter, root, schedule)`.
template <typename RootT, typename ScheduleT>
LogicalResult generateAround(RootT root, ScheduleT schedule, KernelOp kernel,
                             TargetAttrInterface target, ModuleOp module,
                             void (*emit)(KernelEmitter &, RootT, ScheduleT)) {
  int64_t threads = schedule.getThreads();
  // For what fills the frame around the results.
  auto rows = RowsScheduleAttr::get(kernel.getContext(), /*lanes=*/1, threads, /*team=*/1);
  KernelEmitter emitter(kernel, module, rows, threads,
                        countResidentBlocks(cast<TargetAttr>(target), threads,
                                            countRegisters(kernel, root, schedule)));
  emit(emitter, root, schedule);
  emitter.finish();
  return success();
}

/// A matrix product or convolution, by tiles in shared memory, on matrix units or with FMAs, or of
/// few rows by warps, as the schedule says.
class ContractionStrategy final : public KernelStrategy {
public:
  StringRef getName() const override { return "contraction"; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<MatMulOp, ConvOp>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  // Operands are found element by element.
  bool readsSlice(OpOperand &operand) const override { return isa<ConvOp>(operand.getOwner()); }
  bool multipliesHalves(Operation *root, TargetAttrInterface target) const override {
    return isa<FloatType>(getElementTypeOrSelf(root->getOperand(0))) && fillsTiles(root) &&
           chooseTiles(cast<TargetAttr>(target), root);
  }
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return multipliesHalves(root, target);
  }
  Float8Products multipliesFloat8(Operation *root, TargetAttrInterface target) const override {
    if (!fillsTiles(root))
      return Float8Products::Widened;
    return cast<TargetAttr>(target).hasFloat8() ? Float8Products::AsTheyAre
                                                : Float8Products::AsHalves;
  }
  OpOperand *getWeights(Operation *root) const override {
    auto matmul = dyn_cast<MatMulOp>(root);
    return !matmul || matmul.sharesRhs() ? &root->getOpOperand(1) : nullptr;
  }
  SmallVector<WeightForm> getWeightForms(KernelOp kernel) const override;
  SmallVector<WeightBlock> getSkippableBlocks(KernelOp kernel, TargetAttrInterface) const override {
    if (!canLeaveOutHalf(getRoot(kernel, *this)))
      return {};
    return {kTwoOfFour, WeightBlock()};
  }
  std::string describeZeros(KernelOp kernel, TargetAttrInterface target) const override {
    return cuda::describeZeros(cast<TargetAttr>(target), getRoot(kernel, *this),
                               kernel.getScheduleAttr());
  }
  std::string describeObstacle(KernelOp kernel, TargetAttrInterface target) const override {
    return cuda::describeObstacle(cast<TargetAttr>(target), getRoot(kernel, *this),
                                  kernel.getScheduleAttr());
  }
  MultipliedParts getMultipliedParts(KernelOp kernel) const override;
  bool readsNarrow(OpOperand &weights) const override { return readsCodes(weights); }
  int64_t countParts(Operation *root, TargetAttrInterface target) const override {
    return chooseParts(cast<TargetAttr>(target), cast<MatMulOp>(root));
  }
  bool canCompute(KernelOp kernel) const override {
    return fillsTiles(getRoot(kernel, *this)) && !callsLibrary(kernel);
  }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseContraction(cast<TargetAttr>(target), getRoot(kernel, *this));
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseContractionBlocks(cast<TargetAttr>(target), getRoot(kernel, *this));
  }
  LogicalResult verify(KernelOp kernel) const override;
  LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                         ModuleOp module) const override;

private:
  /// A convolution with few outputs in each group, such as one filter per channel, has columns for
  /// a part of a tile only: its elements are better computed one by one.
  static bool fillsTiles(Operation *root) {
    constexpr int64_t fewest = 8;
    auto conv = dyn_cast<ConvOp>(root);
    return !conv || conv.getGroups() == 1 ||
           conv.getOutputChannels() / static_cast<int64_t>(conv.getGroups()) >= fewest;
  }
};

/// Of weights that a kernel of few rows reads as codes.
static SmallVector<WeightForm> getCodeForms(DequantizeBlocksOp narrow) {
  MLIRContext *context = narrow.getContext();
  auto columns = ColumnsAttr::get(context, /*groups=*/1);
  SmallVector<WeightForm> forms = {{&narrow.getOperandMutable(), CodeColumnsAttr::get(context)},
                                   {&narrow.getScaleMutable(), columns}};
  for (OpOperand &zero : narrow.getZeroMutable())
    forms.push_back({&zero, columns});
  return forms;
}

SmallVector<WeightForm> ContractionStrategy::getWeightForms(KernelOp kernel) const {
  Operation *root = getRoot(kernel, *this);
  if (auto narrow = root->getOperand(1).getDefiningOp<DequantizeBlocksOp>())
    return isa<GemvScheduleAttr>(kernel.getScheduleAttr()) ? getCodeForms(narrow)
                                                           : SmallVector<WeightForm>();
  OpOperand *weights = getWeights(root);
  auto matmul = dyn_cast<MatMulOp>(root);
  ScheduleAttrInterface schedule = kernel.getScheduleAttr();
  bool isSparse = leavesOutHalf(schedule);
  bool readsColumns =
      isa<GemvScheduleAttr>(schedule)
          ? !matmul || !matmul.getTransposeRhs()
          : isa<TileScheduleAttr, PipelineScheduleAttr>(schedule) && wantsColumns(root, schedule);
  if (!weights || !isPackable(*weights) || (!readsColumns && !isSparse))
    return {};
  auto conv = dyn_cast<ConvOp>(root);
  int64_t groups = conv ? conv.getGroups() : 1;
  if (isSparse)
    return {{weights, SparseColumnsAttr::get(kernel.getContext(), groups)}};
  return {{weights, ColumnsAttr::get(kernel.getContext(), groups)}};
}

MultipliedParts ContractionStrategy::getMultipliedParts(KernelOp kernel) const {
  MmaAttr mma = getInstruction(kernel.getScheduleAttr());
  return mma ? MultipliedParts{mma.getPart(), mma.getProducts()} : MultipliedParts();
}

/// What must hold of a schedule for FMAs.
LogicalResult verifySchedule(ContractionScheduleAttr schedule, Operation *root, TargetAttr,
                             ComplainFn complain) {
  int64_t threads = schedule.getThreads(), depth = schedule.getDepth();
  if (schedule.getTileRows() * depth % threads || schedule.getTileColumns() * depth % threads)
    return complain() << " of which " << threads << " threads do not load equal parts";
  if (!llvm::isPowerOf2_64(schedule.getThreadRows()) ||
      !llvm::isPowerOf2_64(schedule.getThreadColumns()))
    return complain() << " whose threads do not have powers of two of rows and columns";
  return verifySharedBytes(contractionSharedBytes(schedule, root), kStaticSharedBytes, complain);
}

/// What must hold of a schedule for matrix units.
LogicalResult verifySchedule(TileScheduleAttr schedule, Operation *root, TargetAttr target,
                             ComplainFn complain) {
  auto [left, right] = getMultipliedTypes(root);
  if (!multiplies(target, schedule.getMma(), left, right))
    return complain() << " with " << schedule.getMma() << ", which does not multiply " << left
                      << " by " << right;
  int64_t stepBytes = schedule.getDepth() * getElementBytes(left);
  if (schedule.getMma().isSparse()) {
    if (!canLeaveOutHalf(root))
      return complain() << " without two of four weights, but these are not known or have others";
    if (schedule.getDepth() % (schedule.getSlices() * tile::kPlacesDepth) != 0)
      return complain() << " without two of four weights, whose " << schedule.getSlices()
                        << " slices share steps of " << schedule.getDepth() << " channels, not "
                        << tile::kPlacesDepth << " at a time";
  }
  if (stepBytes % (schedule.getSlices() * tile::kDepthBytes) != 0)
    return complain() << " whose " << schedule.getSlices() << " slices share steps of " << stepBytes
                      << " bytes, not " << tile::kDepthBytes << " at a time";
  constexpr int64_t longestLine = 512; // a chunk of each thread of a warp
  int64_t columnBytes = schedule.getTileColumns() * getElementBytes(right);
  if (std::max(stepBytes, columnBytes) > longestLine)
    return complain() << " with lines of " << std::max(stepBytes, columnBytes) << " bytes, where "
                      << longestLine << " are the most";
  return verifySharedBytes(mmaSharedBytes(schedule, left), target.getSharedBytes(), complain);
}

/// What must hold of a schedule for warps with different roles.
LogicalResult verifySchedule(PipelineScheduleAttr schedule, Operation *root, TargetAttr target,
                             ComplainFn complain) {
  auto [left, right] = getMultipliedTypes(root);
  if (!multiplies(target, schedule.getMma(), left, right))
    return complain() << " with " << schedule.getMma() << ", which does not multiply " << left
                      << " by " << right;
  std::string obstacle = findObstacle(schedule, root, target);
  if (!obstacle.empty())
    return complain() << " for warps with different roles, but " << obstacle;
  return success();
}

/// Launches are made of whole clusters.
LogicalResult verifyClusters(KernelOp kernel, int64_t cluster) {
  AffineMapAttr tasks = kernel.getTasksAttr();
  if (!tasks || llvm::all_of(tasks.getValue().getResults(),
                             [&](AffineExpr count) { return count.isMultipleOf(cluster); }))
    return success();
  return kernel.emitError("has tasks ") << tasks << ", which are no clusters of " << cluster;
}

/// What must hold of a schedule for few rows.
LogicalResult verifySchedule(GemvScheduleAttr schedule, Operation *root, TargetAttr,
                             ComplainFn complain) {
  ContractionSizes sizes = getContractionSizes(root);
  MLIRContext *context = root->getContext();
  int64_t rows = getConstantOr(product(sizes.rows, context), -1),
          depth = getConstantOr(product(sizes.depth, context), -1);
  if (!getElementTypeOrSelf(root->getResult(0)).isF32())
    return complain() << " of sums of f32, not " << root->getResult(0).getType();
  if (rows < 1 || rows * schedule.getColumns() > TargetAttr::warpSize)
    return complain() << " with " << schedule.getColumns() << " columns of " << rows
                      << " rows in a warp of " << TargetAttr::warpSize << " lanes";
  if (depth < 1 || depth % schedule.getLanes() != 0)
    return complain() << " with " << schedule.getLanes() << " neighbours at a time of a depth of "
                      << depth;
  auto narrow = root->getOperand(1).getDefiningOp<DequantizeBlocksOp>();
  if (narrow && !areWholeCodes(narrow, schedule.getLanes()))
    return complain() << " with " << schedule.getLanes()
                      << " neighbours at a time, which are no whole bytes of blocks of "
                      << narrow.getBlockSize();
  return success();
}

LogicalResult ContractionStrategy::verify(KernelOp kernel) const {
  ScheduleAttrInterface schedule = kernel.getScheduleAttr();
  Operation *root = getRoot(kernel, *this);
  if (!isa_and_present<ContractionScheduleAttr, TileScheduleAttr, PipelineScheduleAttr,
                       GemvScheduleAttr>(schedule) ||
      !root)
    return complainAboutSchedule(kernel);
  if (!isa<MatMulOp, ConvOp>(root))
    return root->emitError("is nothing that the strategy of @")
           << kernel.getSymName() << " computes: " << getName();
  FailureOr<TargetAttr> target = getTargetAs<TargetAttr>(kernel);
  if (failed(target))
    return failure();
  auto complain = [&] { return root->emitError("has a schedule in @") << kernel.getSymName(); };
  if (auto tiles = dyn_cast<TileScheduleAttr>(schedule))
    return verifySchedule(tiles, root, *target, complain);
  if (auto pipeline = dyn_cast<PipelineScheduleAttr>(schedule))
    return failure(failed(verifySchedule(pipeline, root, *target, complain)) ||
                   failed(verifyClusters(kernel, pipeline.getCluster())));
  if (auto gemv = dyn_cast<GemvScheduleAttr>(schedule))
    return verifySchedule(gemv, root, *target, complain);
  return verifySchedule(cast<ContractionScheduleAttr>(schedule), root, *target, complain);
}

LogicalResult ContractionStrategy::generate(KernelOp kernel, TargetAttrInterface target,
                                            ModuleOp module) const {
  Operation *root = getRoot(kernel, *this);
  if (auto tiles = dyn_cast<TileScheduleAttr>(kernel.getScheduleAttr()))
    return generateAround(root, tiles, kernel, target, module, emitMmaKernel);
  if (auto pipeline = dyn_cast<PipelineScheduleAttr>(kernel.getScheduleAttr()))
    return generateAround(root, pipeline, kernel, target, module, emitWgmmaKernel);
  if (auto gemv = dyn_cast<GemvScheduleAttr>(kernel.getScheduleAttr()))
    return generateAround(root, gemv, kernel, target, module, emitGemvKernel);
  return generateAround(root, cast<ContractionScheduleAttr>(kernel.getScheduleAttr()), kernel,
                        target, module, emitContractionKernel);
}

/// Attention, by tiles in shared memory: on matrix units or with FMAs, as the schedule says.
class AttentionStrategy final : public KernelStrategy {
public:
  StringRef getName() const override { return "attention"; }
  bool match(Operation *op, TargetAttrInterface) const override;
  FusionRules getFusionRules(Operation *) const override { return {.takesEpilogue = true}; }
  bool multipliesHalves(Operation *root, TargetAttrInterface target) const override {
    return static_cast<bool>(
        chooseAttentionTiles(cast<TargetAttr>(target), cast<AttentionOp>(root)));
  }
  bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const override {
    return multipliesHalves(root, target);
  }
  int64_t countParts(Operation *root, TargetAttrInterface target) const override {
    return chooseKeyParts(cast<TargetAttr>(target), cast<AttentionOp>(root));
  }
  // Powers would need a scale.
  Float8Products multipliesFloat8(Operation *, TargetAttrInterface) const override {
    return Float8Products::AsHalves;
  }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseAttention(cast<TargetAttr>(target), rootOf(kernel));
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseAttentionBlocks(cast<TargetAttr>(target), rootOf(kernel));
  }
  LogicalResult verify(KernelOp kernel) const override;
  LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                         ModuleOp module) const override;

private:
  AttentionOp rootOf(KernelOp kernel) const { return cast<AttentionOp>(getRoot(kernel, *this)); }
};

bool AttentionStrategy::match(Operation *op, TargetAttrInterface) const {
  constexpr int64_t longestRow = 256;
  auto attention = dyn_cast<AttentionOp>(op);
  if (!attention || getElementTypeOrSelf(attention.getType()).isF64())
    return false;
  AttentionSizes sizes = getAttentionSizes(attention);
  int64_t last = attention.getQueryPermutation().size() - 1;
  return sizes.depth > 0 && sizes.depth <= longestRow && sizes.width > 0 &&
         sizes.width <= longestRow && attention.getResultPermutation()[last] == last;
}

/// What must hold of a schedule for FMAs.
LogicalResult verifySchedule(AttentionScheduleAttr schedule, AttentionOp root, TargetAttr,
                             ComplainFn complain) {
  return verifySharedBytes(
      getSharedBytes(getAttentionSizes(root), schedule.getTileRows(), schedule.getTileKeys()),
      kStaticSharedBytes, complain);
}

/// What must hold of a schedule for matrix units.
LogicalResult verifySchedule(AttentionTileScheduleAttr schedule, AttentionOp root,
                             TargetAttr target, ComplainFn complain) {
  FloatType multiplied = getMultipliedType(root);
  if (!multiplied || schedule.getMma() != getMma(multiplied))
    return complain() << " with " << schedule.getMma() << ", which does not multiply "
                      << root.getQueries().getType() << " by " << root.getKeys().getType();
  AttentionTiles tiles(getAttentionSizes(root), schedule, multiplied);
  int64_t chunks = std::max(tiles.depthLine, tiles.widthLine) / tiles.chunk;
  if (chunks > schedule.getThreads())
    return complain() << " whose " << schedule.getThreads() << " threads do not copy lines of "
                      << chunks << " chunks together";
  return verifySharedBytes(tiles.getBytes(), target.getSharedBytes(), complain);
}

LogicalResult AttentionStrategy::verify(KernelOp kernel) const {
  ScheduleAttrInterface schedule = kernel.getScheduleAttr();
  auto root = dyn_cast_if_present<AttentionOp>(getRoot(kernel, *this));
  if (!isa_and_present<AttentionScheduleAttr, AttentionTileScheduleAttr>(schedule) || !root)
    return complainAboutSchedule(kernel);
  FailureOr<TargetAttr> target = getTargetAs<TargetAttr>(kernel);
  if (failed(target))
    return failure();
  auto complain = [&] { return root->emitError("has a schedule in @") << kernel.getSymName(); };
  if (auto tiles = dyn_cast<AttentionTileScheduleAttr>(schedule))
    return verifySchedule(tiles, root, *target, complain);
  return verifySchedule(cast<AttentionScheduleAttr>(schedule), root, *target, complain);
}

LogicalResult AttentionStrategy::generate(KernelOp kernel, TargetAttrInterface target,
                                          ModuleOp module) const {
  if (auto tiles = dyn_cast<AttentionTileScheduleAttr>(kernel.getScheduleAttr()))
    return generateAround(rootOf(kernel), tiles, kernel, target, module, emitAttentionMmaKernel);
  return generateAround(rootOf(kernel), cast<AttentionScheduleAttr>(kernel.getScheduleAttr()),
                        kernel, target, module, emitAttentionKernel);
}

/// Ops that tell their elements one by one, and reductions of rows.
class RowsStrategy final : public KernelStrategy {
public:
  StringRef getName() const override { return "rows"; }
  bool isElemental() const override { return true; }
  bool match(Operation *op, TargetAttrInterface) const override {
    return isa<ElementalOpInterface>(op);
  }
  FusionRules getFusionRules(Operation *) const override {
    return {.takesEpilogue = true, .writesAnywhere = true, .mergesDimensions = true};
  }
  ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseRows(cast<TargetAttr>(target), kernel);
  }
  DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const override {
    return chooseRowBlocks(cast<TargetAttr>(target), kernel);
  }
  bool canCompute(KernelOp kernel) const override { return !callsLibrary(kernel); }
  LogicalResult verify(KernelOp kernel) const override {
    bool isScheduled = isa_and_present<RowsScheduleAttr>(kernel.getScheduleAttr());
    return isScheduled ? success() : complainAboutSchedule(kernel);
  }
  LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                         ModuleOp module) const override {
    auto schedule = cast<RowsScheduleAttr>(kernel.getScheduleAttr());
    int64_t registers = countRowsRegisters(kernel, schedule.getLanes());
    KernelEmitter emitter(
        kernel, module, schedule, schedule.getThreads(),
        countResidentBlocks(cast<TargetAttr>(target), schedule.getThreads(), registers));
    emitter.withAgreeingLanes([&] { emitRows(emitter); });
    emitter.finish();
    return success();
  }
};

KernelStrategies::Ordered makeStrategies() {
  KernelStrategies::Ordered strategies;
  strategies.push_back(std::make_unique<AttentionStrategy>());
  strategies.push_back(std::make_unique<ContractionStrategy>());
  strategies.push_back(
      std::make_unique<HostStrategy>("library", "library", HostStrategy::Use::Ops));
  strategies.push_back(std::make_unique<RowsStrategy>());
  // What rows cannot compute.
  strategies.push_back(
      std::make_unique<HostStrategy>("host_rows", "rows", HostStrategy::Use::Elements));
  // What is put there, in the host's own order (tenon-place-kernels).
  static constexpr std::pair<StringLiteral, StringLiteral> placed[] = {
      {"host_attention", "attention"},
      {"host_winograd", "winograd"},
      {"host_depthwise", "depthwise"},
      {"host_contraction", "contraction"}};
  for (auto [name, hostName] : placed)
    strategies.push_back(std::make_unique<HostStrategy>(name, hostName, HostStrategy::Use::Placed));
  return strategies;
}

/// The dialect's interface.
struct CudaStrategies : KernelStrategies {
  explicit CudaStrategies(Dialect *dialect) : KernelStrategies(dialect, makeStrategies()) {}
};

} // namespace

void registerStrategies(DialectRegistry &registry) {
  registry.addExtension(
      +[](MLIRContext *, CudaDialect *dialect) { dialect->addInterfaces<CudaStrategies>(); });
}

} // namespace tenon::cuda
