// Ways to compute a kernel, as objects that a target registers. Passes that know no device ask
// them: what fusion may put into a kernel, how it is scheduled, what it needs, whether it is as it
// should be.
//
// A kernel has a root, the op that it is there for and that a strategy of its own computes (a
// matrix product, attention, a function of the library), with pointwise ops around it; or none, and
// is made of ops that tell their elements one by one. A strategy for the latter kind of kernel is
// elemental.
#ifndef TENON_DIALECTS_TARGET_KERNELSTRATEGY_H
#define TENON_DIALECTS_TARGET_KERNELSTRATEGY_H

#include "dialects/Target/KnownWeights.h"
#include "dialects/Target/TargetInterfaces.h"
#include "dialects/Target/WeightLayout.h"
#include "dialects/Tenon/TenonDialect.h"
#include "mlir/IR/DialectInterface.h"
#include <memory>
#include <vector>

namespace tenon {

/// What fusion may put around the root of a kernel.
struct FusionRules {
  /// Pointwise ops on each finished element, before it is stored.
  bool takesEpilogue = false;
  /// Among these a broadcast of rows that only a run may find to be one.
  bool takesUncertainRows = false;
  /// The result may be the middle of a larger tensor: elements are stored one by one, anywhere.
  bool writesAnywhere = false;
  /// Neighbouring dimensions that no tensor of the kernel tells apart may become one.
  bool mergesDimensions = false;
  /// More ops than this do not join.
  size_t maxOps = 48;
};

/// What a kernel needs beyond its operands, as expressions over the symbols that its root sees.
struct KernelResources {
  /// i64 numbers in which the kernel reports: a status, and the sizes that only it knows.
  int64_t reportSlots = 0;
  /// Upper bounds of the results' dimensions; empty if these are what the types say.
  llvm::SmallVector<DimExprs> capacities;
};

/// An operand in a kernel that is known when the model is compiled, and how it is laid out then.
struct WeightForm {
  mlir::OpOperand *weights;
  WeightLayoutAttrInterface layout;
};

/// How floats of 8 bits are multiplied: after they were widened and scaled, as halves that hold the
/// same numbers, or as they are.
enum class Float8Products { Widened, AsHalves, AsTheyAre };

/// Numbers to which f32 is rounded where it is multiplied, and of how many products of them each
/// product of f32 is the sum. Without a type, f32 is multiplied as it is.
struct MultipliedParts {
  mlir::FloatType number;
  int64_t products = 1;
};

class KernelStrategy {
public:
  virtual ~KernelStrategy() = default;

  /// What `strategy` of a kernel says.
  virtual llvm::StringRef getName() const = 0;
  /// Whether it computes kernels that are there for `op`.
  virtual bool match(mlir::Operation *op, TargetAttrInterface target) const = 0;
  /// Whether its kernels have no root.
  virtual bool isElemental() const { return false; }
  /// Whether the target's host runs its kernels, in the host's memory.
  virtual bool runsOnHost() const { return false; }
  /// Whether kernels have it only because they were placed on the host (tenon-place-kernels): no op
  /// finds it.
  virtual bool needsPlacing() const { return false; }
  virtual FusionRules getFusionRules(mlir::Operation *root) const { return {}; }
  /// Whether the root reads an operand through a slice of memory as well as from memory.
  virtual bool readsSlice(mlir::OpOperand &operand) const { return false; }
  /// Whether the root reads an operand where the gather that picks it along its first dimension
  /// finds it, instead of a copy.
  virtual bool readsPicked(mlir::OpOperand &operand) const { return false; }
  /// Whether an instruction of the target multiplies the halves that a root's operands are, instead
  /// of widening them first.
  virtual bool multipliesHalves(mlir::Operation *root, TargetAttrInterface target) const {
    return false;
  }
  /// Whether the root's input, which is of halves, is better read so than as f32, what rounding to
  /// them costs included. Else it would be converted as often as it is read, or rounding gains
  /// nothing.
  virtual bool readsHalves(PrecisionOpInterface root, TargetAttrInterface target) const {
    return false;
  }
  /// Into how many parts the sums of a root are better cut, which a kernel of its own joins
  /// afterwards (tenon-split-sums): the depth of a product of known sizes, or the keys of
  /// attention; 1 if it stays whole.
  virtual int64_t countParts(mlir::Operation *root, TargetAttrInterface target) const { return 1; }
  /// How the target multiplies operands of a root that are floats of 8 bits.
  virtual Float8Products multipliesFloat8(mlir::Operation *root, TargetAttrInterface target) const {
    return Float8Products::Widened;
  }
  virtual KernelResources getResources(mlir::Operation *root) const { return {}; }
  /// The operand that may be laid out for the kernel if it is known when the model is compiled;
  /// null if there is none.
  virtual mlir::OpOperand *getWeights(mlir::Operation *root) const { return nullptr; }
  /// Shapes of blocks of weights that a kernel can skip where they are zero.
  virtual llvm::SmallVector<WeightBlock> getSkippableBlocks(KernelOp kernel,
                                                            TargetAttrInterface target) const {
    return {};
  }
  /// What a kernel with a schedule makes of zeros in its weights, in a few words; empty if it has
  /// few or does not know them.
  virtual std::string describeZeros(KernelOp kernel, TargetAttrInterface target) const {
    return {};
  }
  /// Why a kernel with a schedule has other instructions than the target's best ones, in a few
  /// words; empty if there is nothing to say.
  virtual std::string describeObstacle(KernelOp kernel, TargetAttrInterface target) const {
    return {};
  }
  /// Whether a root reads this operand, which `tenon.dequantize_blocks` computes, as narrow as that
  /// op's operands are: then the op belongs into the root's kernel, and is not folded.
  virtual bool readsNarrow(mlir::OpOperand &weights) const { return false; }

  /// Whether it can compute a kernel that was formed for it; else the target's elemental strategy
  /// does.
  virtual bool canCompute(KernelOp kernel) const { return true; }
  /// The schedule that the target's cost model picks; null if kernels have none.
  virtual ScheduleAttrInterface choose(KernelOp kernel, TargetAttrInterface target) const {
    return nullptr;
  }
  /// How the weights of a kernel with a schedule are laid out, or what they are computed from;
  /// those that are not listed stay as they are.
  virtual llvm::SmallVector<WeightForm> getWeightForms(KernelOp kernel) const { return {}; }
  /// The type to which a kernel rounds elements of the root's input before it multiplies them, as
  /// its schedule says; null if it multiplies them as they are.
  virtual mlir::Type getRoundedInput(KernelOp kernel) const { return nullptr; }
  /// What a kernel multiplies in the place of numbers of f32, as its schedule says.
  virtual MultipliedParts getMultipliedParts(KernelOp kernel) const { return {}; }
  /// How many tasks the work is worth, as expressions over the kernel's symbols: the least of them,
  /// and one at least.
  virtual DimExprs chooseTasks(KernelOp kernel, TargetAttrInterface target) const = 0;
  /// Bytes of scratch memory that each task needs by the kernel's root and schedule, over the
  /// kernel's symbols; null if it needs none, or if the kernel is not as it should be.
  virtual mlir::AffineExpr getScratchBytes(KernelOp kernel) const { return nullptr; }
  /// Calls `take` with the schedules that a tuner may try, the cost model's among them.
  virtual void enumerate(KernelOp kernel, TargetAttrInterface target,
                         llvm::function_ref<void(ScheduleAttrInterface)> take) const;
  /// Checks that code can be generated as the kernel's schedule says; reports all that is wrong.
  virtual llvm::LogicalResult verify(KernelOp kernel) const = 0;
  /// Writes `void kernel(ptr args, i64 task, i64 tasks)` (runtime/abi.h), and what it calls, into a
  /// module. Fails with diagnostics.
  virtual llvm::LogicalResult generate(KernelOp kernel, TargetAttrInterface target,
                                       mlir::ModuleOp module) const = 0;
};

/// The op of a kernel that its strategy is for; null if it is elemental, or if there is none.
mlir::Operation *getRoot(KernelOp kernel, const KernelStrategy &strategy);

/// What `scratch` of a kernel that the strategy computes must say: whole cache lines, so that tasks
/// share none.
mlir::AffineMapAttr getScratch(KernelOp kernel, const KernelStrategy &strategy);

/// Checks that the kernel says it.
llvm::LogicalResult verifyScratch(KernelOp kernel, const KernelStrategy &strategy);

/// The attribute of a kernel's argument that is packable.
inline constexpr llvm::StringLiteral kWeightsAttrName = "tenon.weights";

/// Whether an operand is known when the model is compiled, so that it can be laid out as the kernel
/// likes to read it. In a kernel, whether the argument says so. Of weights that a kernel
/// dequantizes, whether their codes are.
bool isPackable(mlir::OpOperand &weights);

class TargetStrategies;

/// Whether all that read the result read it as narrow as the op's operands are.
bool isReadNarrow(DequantizeBlocksOp op, const TargetStrategies &strategies);

/// The strategies of one kind of targets, in order: an interface of the dialect of their target
/// attribute.
class KernelStrategies : public mlir::DialectInterface::Base<KernelStrategies> {
public:
  using Ordered = std::vector<std::unique_ptr<KernelStrategy>>;

  KernelStrategies(mlir::Dialect *dialect, Ordered strategies)
      : Base(dialect), strategies(std::move(strategies)) {}

  const Ordered &get() const { return strategies; }

private:
  Ordered strategies;
};

/// The strategies for one target. The first that matches an op computes it.
class TargetStrategies {
public:
  /// Those for the target of the module that `op` is in. Without a target, or for one that has
  /// none, an error on `op`.
  static mlir::FailureOr<TargetStrategies> of(mlir::Operation *op);
  /// Those for a target; nullopt if it has none.
  static std::optional<TargetStrategies> of(TargetAttrInterface target);

  TargetAttrInterface getTarget() const { return target; }
  /// Null if there is none.
  const KernelStrategy *find(mlir::Operation *op) const;
  /// The strategy that a kernel names. Null, and an error on the kernel, if there is none.
  const KernelStrategy *lookup(KernelOp kernel) const;
  /// The strategy of kernels without a root.
  const KernelStrategy &getElemental() const;
  /// Whether a strategy is there for the op itself.
  bool isRoot(mlir::Operation *op) const {
    const KernelStrategy *strategy = find(op);
    return strategy && !strategy->isElemental();
  }

private:
  TargetStrategies(const KernelStrategies &strategies, TargetAttrInterface target)
      : strategies(&strategies), target(target) {}

  const KernelStrategies *strategies;
  TargetAttrInterface target;
};

} // namespace tenon

#endif
