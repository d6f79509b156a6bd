// Says where zeros are among the weights of kernels, as far as their schedules may depend on it.
//
// Kernels are asked for the shapes of blocks that they can skip; how many of these are not zero is
// counted in the constants of each launch. Weights without zeros are recognised by a few of their
// elements. Launches that share a kernel go on sharing it if they keep about as many blocks; the
// others get copies of it.

#include "dialects/Target/KernelStrategy.h"
#include "mlir/IR/SymbolTable.h"
#include "passes/Schedule/Passes.h"

namespace tenon {

#define GEN_PASS_DEF_FINDZEROSPASS
#include "passes/Schedule/Passes.h.inc"

using namespace mlir;

namespace {

/// Fewer zeros than this are not worth counting.
constexpr double fewestZeros = 0.25;
/// By how much the counts of weights that one kernel reads may differ, which all take as much room
/// as the largest.
constexpr double largestRatio = 1.05;

/// Launches with about as many zeros in their weights.
struct Alike {
  /// The most that any of them keeps; none if weights are dense.
  SmallVector<KeptBlocks> blocks;
  SmallVector<LaunchOp> launches;

  bool accepts(ArrayRef<KeptBlocks> others) const;
  void add(LaunchOp launch, ArrayRef<KeptBlocks> others);
};

bool Alike::accepts(ArrayRef<KeptBlocks> others) const {
  if (others.size() != blocks.size())
    return false;
  return llvm::all_of(llvm::zip_equal(blocks, others), [](auto pair) {
    auto [mine, other] = pair;
    auto [least, most] = std::minmax(mine.kept, other.kept);
    return most <= least * largestRatio;
  });
}

void Alike::add(LaunchOp launch, ArrayRef<KeptBlocks> others) {
  for (auto [mine, other] : llvm::zip_equal(blocks, others))
    mine.kept = std::max(mine.kept, other.kept);
  launches.push_back(launch);
}

struct FindZeros : impl::FindZerosPassBase<FindZeros> {
  using FindZerosPassBase::FindZerosPassBase;

  void runOnOperation() override;

private:
  void find(KernelOp kernel, const KernelStrategy &strategy, TargetAttrInterface target,
            SymbolTable &symbols);

  llvm::DenseMap<StringAttr, SmallVector<LaunchOp>> launches;
  int64_t runBytes = 0;
};

} // namespace

/// Blocks of the weights that are not zero; none if there are few zeros, or if they are not known.
static SmallVector<KeptBlocks> countBlocks(Value weights, Operation *root,
                                           ArrayRef<WeightBlock> shapes) {
  std::optional<KnownWeights> known = KnownWeights::of(weights);
  if (!known || known->estimateZeros() < fewestZeros)
    return {};
  auto matmul = dyn_cast<MatMulOp>(root);
  if (matmul && matmul.getTransposeRhs())
    known = known->transposed();
  auto conv = dyn_cast<ConvOp>(root);
  SmallVector<KeptBlocks> blocks;
  for (WeightBlock shape : shapes)
    blocks.push_back({shape, known->countKept(shape, conv ? conv.getGroups() : 1)});
  return blocks;
}

void FindZeros::find(KernelOp kernel, const KernelStrategy &strategy, TargetAttrInterface target,
                     SymbolTable &symbols) {
  Operation *root = getRoot(kernel, strategy);
  OpOperand *weights = root ? strategy.getWeights(root) : nullptr;
  auto argument = weights ? dyn_cast<BlockArgument>(weights->get()) : BlockArgument();
  if (!argument || !isPackable(*weights))
    return;
  SmallVector<WeightBlock> shapes = strategy.getSkippableBlocks(kernel, target);
  if (shapes.empty())
    return;
  unsigned number = argument.getArgNumber();
  SmallVector<Alike> groups;
  for (LaunchOp launch : launches.lookup(kernel.getSymNameAttr())) {
    SmallVector<KeptBlocks> blocks = countBlocks(launch.getInputs()[number], root, shapes);
    auto group = llvm::find_if(groups, [&](const Alike &each) { return each.accepts(blocks); });
    if (group == groups.end())
      group = groups.insert(group, Alike{blocks, {}});
    group->add(launch, blocks);
  }
  for (auto [index, group] : llvm::enumerate(groups)) {
    KernelOp reader = kernel;
    if (index > 0) {
      reader = kernel.clone();
      reader.removeArgAttr(number, kZerosAttrName);
      symbols.insert(reader, std::next(kernel->getIterator()));
      for (LaunchOp launch : group.launches)
        launch.setKernelAttr(FlatSymbolRefAttr::get(reader.getSymNameAttr()));
    }
    if (group.blocks.empty())
      continue;
    reader.setArgAttr(number, kZerosAttrName,
                      makeZerosAttr(&getContext(), {group.blocks, runBytes}));
    ++numFound;
  }
}

void FindZeros::runOnOperation() {
  FailureOr<TargetStrategies> strategies = TargetStrategies::of(getOperation());
  if (failed(strategies))
    return signalPassFailure();
  getOperation().walk(
      [&](LaunchOp launch) { launches[launch.getKernelAttr().getAttr()].push_back(launch); });
  getOperation().walk([&](ConstantOp constant) {
    if (!constant->getParentOfType<KernelOp>())
      runBytes += countBytes(constant.getType()).value_or(0);
  });
  SymbolTable symbols(getOperation());
  for (KernelOp kernel : llvm::to_vector(getOperation().getOps<KernelOp>())) {
    const KernelStrategy *strategy = strategies->lookup(kernel);
    if (!strategy)
      return signalPassFailure();
    if (!kernel.getSchedule())
      find(kernel, *strategy, strategies->getTarget(), symbols);
  }
}

} // namespace tenon
