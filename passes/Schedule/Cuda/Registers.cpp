// Counts registers (see the header).

#include "passes/Schedule/Cuda/Registers.h"
#include "passes/Schedule/Cuda/Sizes.h"

using namespace mlir;

namespace tenon::cuda {

/// Numbers of the thread and of loops, and what is computed on the way to an address.
static constexpr int64_t kCommon = 48;
/// A pointer, which leads to a buffer's element, or an index.
static constexpr int64_t kAddress = 2;
/// With fewer a thread waits for each element that it loads before it asks for the next.
static constexpr int64_t kLeast = 80;
/// What an instruction can name.
static constexpr int64_t kMost = 255;

/// Registers of an element while it is computed with.
static int64_t countWords(Type element) { return element.getIntOrFloatBitWidth() > 32 ? 2 : 1; }

/// The op of the block after which the value is not needed, by its number.
static int64_t findLastUse(Value value, const DenseMap<Operation *, int64_t> &numbers) {
  int64_t last = numbers.lookup(value.getDefiningOp());
  for (Operation *user : value.getUsers())
    last = std::max(last, numbers.lookup(value.getParentBlock()->findAncestorOpInBlock(*user)));
  return last;
}

/// The most words that values of the kernel's ops take at one time, of each lane. What is read from
/// memory, and constants, are there when they are needed.
static int64_t countLiveWords(KernelOp kernel) {
  Block &block = kernel.getEntryBlock();
  DenseMap<Operation *, int64_t> numbers;
  for (auto [number, op] : llvm::enumerate(block))
    numbers[&op] = static_cast<int64_t>(number);
  std::vector<int64_t> live(numbers.size() + 1);
  for (Operation &op : block)
    for (Value value : op.getResults()) {
      if (op.hasTrait<OpTrait::ConstantLike>())
        continue;
      int64_t words = countWords(getElementTypeOrSelf(value));
      for (int64_t i = numbers[&op], last = findLastUse(value, numbers); i <= last; ++i)
        live[i] += words;
    }
  return *llvm::max_element(live);
}

/// Pointers and sizes that the kernel gets.
static int64_t countArguments(KernelOp kernel) {
  return kAddress * static_cast<int64_t>(kernel.getArgumentTypes().size() +
                                         kernel.getResultTypes().size() + kernel.getNumSymbols());
}

/// For walking through operands that are not read where the thread computes: windows, say. Along
/// each dimension there are a position, its end, its step, and what that is in memory; and its size
/// if only a run tells it.
static int64_t countWalkRegisters(KernelOp kernel) {
  constexpr int64_t perDimension = 4 * kAddress;
  int64_t most = 0;
  for (Operation &op : kernel.getEntryBlock().without_terminator()) {
    if (isa<PointwiseOpInterface, BroadcastOp, ReduceOp>(op) ||
        op.hasTrait<OpTrait::ConstantLike>())
      continue;
    int64_t registers = 0;
    for (Value operand : op.getOperands())
      for (AffineExpr size : getDims(operand.getType()))
        registers += perDimension + (isa<AffineConstantExpr>(size) ? 0 : kAddress);
    most = std::max(most, registers);
  }
  return most;
}

int64_t countRowsRegisters(KernelOp kernel, int64_t lanes) {
  return kCommon + countArguments(kernel) + countWalkRegisters(kernel) +
         lanes * countLiveWords(kernel);
}

/// For what a thread brings to shared memory at a time: where its elements are does not change
/// along the depth, and is a number for each dimension that is walked.
static int64_t countIndexRegisters(Operation *root, ContractionScheduleAttr schedule) {
  int64_t dimensions = isa<ConvOp>(root) ? getDims(root->getOperand(0).getType()).size() - 1 : 1;
  int64_t rows = schedule.getTileRows() * schedule.getDepth() / schedule.getThreads();
  int64_t columns = schedule.getTileColumns() * schedule.getDepth() / schedule.getThreads();
  return kAddress * (rows * dimensions + columns);
}

int64_t countRegisters(KernelOp kernel, Operation *root, ContractionScheduleAttr schedule) {
  int64_t rows = schedule.getThreadRows(), columns = schedule.getThreadColumns();
  int64_t words = countWords(getElementTypeOrSelf(root->getResult(0)));
  int64_t operands = (rows + columns) * words, epilogue = columns * (countLiveWords(kernel) - 1);
  // Of a short product the assembler reads many trips of the loop at once.
  constexpr int64_t unrolled = 32;
  int64_t products = std::max(rows * columns * words + std::max(operands, epilogue), unrolled);
  return kCommon + countIndexRegisters(root, schedule) + products;
}

/// A trip's operands as they are multiplied, and as many on their way.
int64_t countRegisters(KernelOp kernel, Operation *root, GemvScheduleAttr schedule) {
  AffineExpr rowCount = product(getContractionSizes(root).rows, kernel.getContext());
  int64_t rows = getConstantOr(rowCount, 1), columns = schedule.getColumns();
  return kCommon + countArguments(kernel) + kAddress * (rows + columns) + rows * columns +
         2 * (rows + columns) * schedule.getLanes() + countLiveWords(kernel);
}

int64_t countRegisters(KernelOp, Operation *, TileScheduleAttr) { return kMost; }
int64_t countRegisters(KernelOp, Operation *, PipelineScheduleAttr) { return kMost; }
int64_t countRegisters(KernelOp, AttentionOp, AttentionTileScheduleAttr) { return kMost; }

/// Results are in registers while scores, or values and powers of one key, are. The assembler reads
/// what several trips of a loop over keys need before it is there.
int64_t countRegisters(KernelOp kernel, AttentionOp root, AttentionScheduleAttr schedule) {
  constexpr int64_t across = AttentionScheduleAttr::threadsAcross, trips = 2;
  int64_t width = llvm::divideCeil(getAttentionSizes(root).width, across);
  int64_t rows = schedule.getTileRows() / across, keys = schedule.getTileKeys() / across;
  int64_t states = rows * (width + 2), scores = rows * (keys + kAddress) + keys * kAddress;
  int64_t operands = trips * (rows + std::max(keys, width));
  int64_t epilogue = width * (countLiveWords(kernel) - 1);
  return kCommon + countArguments(kernel) + states + std::max(scores + operands, epilogue);
}

int64_t countResidentBlocks(TargetAttr target, int64_t threads, int64_t registers) {
  registers = std::clamp(llvm::alignTo(registers, 8), static_cast<uint64_t>(kLeast),
                         static_cast<uint64_t>(kMost));
  return std::max<int64_t>(1, target.getRegisters() / (threads * static_cast<int64_t>(registers)));
}

} // namespace tenon::cuda
