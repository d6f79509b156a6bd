// Softmax needs every power twice: for the sum, and divided by the sum. What several passes over a
// row would compute again waits in memory in between:
//
//   - in the row of the result, if it can hold the value exactly,
//   - in a row of scratch memory, if the target has some for this: where the result is of bytes, as
//   that
//     of a softmax which is quantized at once.
//
// Only what is read at the position that is computed can wait, and it must be worth a store and
// loads.

#include "passes/Codegen/Common/RowPasses.h"
#include "dialects/Tenon/ByteTables.h"
#include "dialects/Tenon/ElementCost.h"
#include "passes/Codegen/Common/KernelEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

/// Saved instructions from which on the result's row, which costs no memory, or scratch memory is
/// used.
static constexpr int64_t worthResult = 10, worthScratch = 6;

/// The longest row, in elements, that waits in scratch memory: it stays in the nearest cache.
static constexpr int64_t longestRow = 4096;

RowPasses::RowPasses(KernelOp kernel) : block(&kernel.getEntryBlock()) {
  ReduceOp first = *kernel.getOps<ReduceOp>().begin();
  dims = tenon::getDims(first.getOperand().getType());
  reducedDims = tenon::getDims(first.getType());
  axes = SmallVector<int64_t>(first.getAxes());
  llvm::sort(axes);
  for (ReduceOp reduce : kernel.getOps<ReduceOp>())
    levels[levelOf(reduce)].push_back(reduce);
  auto yielded = kernel.getEntryBlock().getTerminator()->getOperands();
  if (yielded.size() == 1)
    computed = getComputed(yielded.front());
}

unsigned RowPasses::levelOf(Operation *op) const {
  unsigned level = 0;
  for (Value operand : op->getOperands())
    if (Operation *producer = operand.getDefiningOp())
      level = std::max(level, levelOf(producer) + isa<ReduceOp>(producer));
  return level;
}

bool RowPasses::isRowValue(Operation *op) const {
  return isa<PointwiseOpInterface>(op) &&
         tenon::getDims(op->getResult(0).getType()) == reducedDims && levelOf(op) > 0;
}

void RowPasses::collect(Value value, unsigned level, ArrayRef<KeptValue> kept, Ops &ops) const {
  Operation *op = value.getDefiningOp();
  bool isLoaded = llvm::any_of(
      kept, [&](const KeptValue &each) { return each.value == value && each.level < level; });
  if (!op || isLoaded || isa<ReduceOp>(op) || isRowValue(op) || !ops.insert(op).second)
    return;
  for (Value operand : op->getOperands())
    collect(operand, level, kept, ops);
}

auto RowPasses::collectPasses(ArrayRef<KeptValue> kept) const -> std::map<unsigned, Ops> {
  std::map<unsigned, Ops> passes;
  for (const auto &[number, level] : levels)
    for (ReduceOp reduce : level)
      collect(reduce.getOperand(), number, kept, passes[number]);
  collect(computed, getLastLevel(), kept, passes[getLastLevel()]);
  return passes;
}

int64_t RowPasses::countSaved(Operation *op, unsigned first,
                              const std::map<unsigned, Ops> &passes) const {
  Ops behind;
  collect(op->getResult(0), first, {}, behind);
  int64_t saved = 0;
  for (const auto &[level, ops] : passes)
    if (level > first && ops.contains(op))
      for (Operation *each : behind)
        saved += ops.contains(each) ? getElementCost(each) : 0;
  return saved;
}

/// Whether all that depends on `value` within a pass reads it at the position that it computes.
static bool isReadInPlace(Value value, Value result) {
  if (value == result)
    return true;
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<ReduceOp>(user))
      return true;
    return (isa<PointwiseOpInterface>(user) || readsByteTable(user)) &&
           getDims(user->getResult(0).getType()) == getDims(result.getType()) &&
           isReadInPlace(user->getResult(0), result);
  });
}

bool RowPasses::canKeep(Value value) const {
  Type element = getElementTypeOrSelf(value);
  return tenon::getDims(value.getType()) == dims && value != computed &&
         ElementEmitter::computeType(element) == getStorageType(element) &&
         isReadInPlace(value, computed);
}

bool RowPasses::fitsScratch(Value value) const {
  constexpr int64_t bits = 32;
  bool reducesLast = axes.size() == 1 && axes[0] + 1 == static_cast<int64_t>(dims.size());
  int64_t size = getConstantOr(dims.back(), -1);
  return reducesLast && size > 0 && size <= longestRow &&
         getStorageType(getElementTypeOrSelf(value)).getIntOrFloatBitWidth() == bits;
}

int64_t RowPasses::getSlotBytes() const {
  return llvm::alignTo(getConstantOr(dims.back(), 0) * 4, 64);
}

SmallVector<KeptValue> RowPasses::chooseKept(bool mayUseScratch) const {
  SmallVector<KeptValue> kept;
  if (!computed || tenon::getDims(computed.getType()) != dims)
    return kept;
  bool resultIsFree = true;
  int64_t slots = 0;
  // The last ones in the block hold most of the work.
  for (Operation &op : llvm::reverse(*block)) {
    if (op.getNumResults() != 1 || !canKeep(op.getResult(0)))
      continue;
    std::map<unsigned, Ops> passes = collectPasses(kept);
    auto first = llvm::find_if(passes, [&](const auto &pass) { return pass.second.contains(&op); });
    if (first == passes.end() || first->first == getLastLevel())
      continue;
    int64_t saved = countSaved(&op, first->first, passes);
    Value value = op.getResult(0);
    if (resultIsFree && value.getType() == computed.getType() && saved >= worthResult) {
      kept.push_back({value, first->first, /*inResult=*/true});
      resultIsFree = false;
    } else if (mayUseScratch && fitsScratch(value) && saved >= worthScratch) {
      kept.push_back({value, first->first, /*inResult=*/false, slots++});
    }
  }
  return kept;
}

} // namespace tenon
