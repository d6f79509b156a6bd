// Brings steps of operands, and starts their products (see the header).

#include "passes/Codegen/Cuda/PipelineOperands.h"
#include "passes/Codegen/Cuda/SparsePlaces.h"

using namespace mlir;

namespace tenon::cuda {

using namespace tile;

/// The form of a product's weights without half of them.
static SparseColumns getSparseForm(Operation *root) {
  auto unpack = root->getOperand(1).getDefiningOp<UnpackOp>();
  return {cast<SparseColumnsAttr>(unpack.getLayout()), cast<RankedTensorType>(unpack.getType())};
}

PipelineOperands::PipelineOperands(KernelEmitter &e, Operation *root,
                                   const PipelineSources &sources, PipelineScheduleAttr schedule,
                                   const PipelineMemory &memory)
    : e(e), em(e.em), root(root), schedule(schedule), left(makeLeft(sources)),
      right(makeRight(sources, memory)) {
  std::tie(leftNumber, rightNumber) = getMultipliedTypes(root);
  if (!schedule.isTurned())
    return;
  std::swap(leftNumber, rightNumber);
  places = makePlaces(sources, memory);
}

//===-- Copies --===//

BroughtOperand PipelineOperands::makeInput(const PipelineSources &sources,
                                           BroughtOperand::Tiles tiles) {
  Type number = getMultipliedTypes(root).first;
  auto conv = dyn_cast<ConvOp>(root);
  return conv ? BroughtOperand::makePixels(e, conv, sources.sizes, sources.input, number, tiles)
              : BroughtOperand::makeMatrix(e, sources.input, number, tiles);
}

BroughtOperand PipelineOperands::makeWeights(const PipelineSources &sources,
                                             BroughtOperand::Tiles tiles) {
  Type number = getMultipliedTypes(root).second;
  if (schedule.isTurned())
    return BroughtOperand::makeValues(e, getSparseForm(root), sources.sizes, sources.weights,
                                      number, tiles);
  auto conv = dyn_cast<ConvOp>(root);
  return conv ? BroughtOperand::makeFilters(e, conv, sources.sizes, sources.weights, number, tiles)
              : BroughtOperand::makeMatrix(e, sources.weights, number, tiles);
}

BroughtOperand PipelineOperands::makeLeft(const PipelineSources &sources) {
  BroughtOperand::Tiles tiles = {schedule.getTileRows(), schedule.getDepth(), schedule.getStages(),
                                 0};
  if (!schedule.isTurned())
    return makeInput(sources, tiles);
  tiles.depth /= 2;
  return makeWeights(sources, tiles);
}

BroughtOperand PipelineOperands::makeRight(const PipelineSources &sources,
                                           const PipelineMemory &memory) {
  BroughtOperand::Tiles tiles = {schedule.getTileColumns(), schedule.getDepth(),
                                 schedule.getStages(), memory.right, schedule.getCluster()};
  return schedule.isTurned() ? makeInput(sources, tiles) : makeWeights(sources, tiles);
}

BroughtOperand PipelineOperands::makePlaces(const PipelineSources &sources,
                                            const PipelineMemory &memory) {
  BroughtOperand::Tiles tiles = {memory.placesLines, SparseColumns::words, schedule.getStages(),
                                 memory.places};
  return BroughtOperand::makePlaces(e, getSparseForm(root), sources.sizes, sources.weights,
                                    schedule.getTileRows(), schedule.getDepth(), tiles);
}

void PipelineOperands::bring(Value outer, Value row, Value column, const DepthStep &step,
                             Value stage, Value barriers) {
  left.bring(outer, row, step, stage, barriers);
  if (places)
    places->bring(outer, row, step, stage, barriers);
  right.bring(outer, column, step, stage, barriers);
}

//===-- Products --===//

/// This lane's words of a step, of 64 channels each.
SmallVector<Value> PipelineOperands::loadWords(Value stage, Value groupRow) {
  SmallVector<Value> words;
  if (!places)
    return words;
  constexpr int64_t least = 0x44444444; // the first two of each four
  Value filler = em.create<arith::ConstantIntOp>(em.getI32Type(), least);
  Value lane = em.rem(e.thread, em.i64(TargetAttr::warpSize));
  Value inGroup = em.rem(e.thread, em.i64(PipelineScheduleAttr::groupThreads));
  Value warp = em.div(inGroup, em.i64(TargetAttr::warpSize));
  Value warpRow = em.add(groupRow, em.mul(warp, kSide));
  for (int64_t k = 0; k < schedule.getDepth(); k += kPlacesDepth) {
    Value word = loadPlaces(em, places->getTiles(), schedule.getDepth() / kPlacesDepth, lane, stage,
                            warpRow, em.i64(k));
    words.push_back(em.create<arith::MaxUIOp>(word, filler));
  }
  return words;
}

SmallVector<Value> PipelineOperands::multiply(Value accumulates, Value stage, Value groupRow,
                                              ValueRange sums) {
  SmallVector<Value> words = loadWords(stage, groupRow), next = llvm::to_vector(sums);
  em.create<FenceProductsOp>();
  int64_t leftDepth = kDepthBytes / getElementBytes(leftNumber);
  int64_t partDepth = places ? 2 * leftDepth : leftDepth;
  Value zero = em.i64(0);
  Value always = em.create<arith::ConstantOp>(em.getBoolAttr(true));
  for (int64_t k = 0; k < schedule.getDepth(); k += partDepth) {
    Value depth = em.i64(k), leftColumn = em.i64(k / partDepth * leftDepth), word;
    int64_t part = 0;
    if (places) {
      word = words[k / kPlacesDepth];
      part = k % kPlacesDepth / partDepth;
    }
    bool isPanel = bool(right.getPanel());
    auto op = em.create<MultiplyOp>(ValueRange(next).getTypes(), getNumber(leftNumber),
                                    left.getTiles(), stage, groupRow, leftColumn, word, part,
                                    getNumber(rightNumber), right.getTiles(), stage,
                                    isPanel ? depth : zero, isPanel ? zero : depth,
                                    k ? always : accumulates, next, right.getPanel());
    next = llvm::to_vector_of<Value>(op.getResults());
  }
  em.create<CommitProductsOp>();
  return next;
}

} // namespace tenon::cuda
