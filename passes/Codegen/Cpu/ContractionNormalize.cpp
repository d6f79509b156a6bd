// Brings every contraction to three spatial dimensions, merging dimensions that lie behind one
// another in memory: a 1x1 convolution with stride 1 becomes one long matrix product, so that tiles
// are full whatever the image's width.
#include "passes/Codegen/Cpu/ContractionMicrokernel.h"

using namespace mlir;

namespace tenon::cpu {

/// Whether walking `outer` and `inner` is the same as walking one dimension with `inner`'s step.
static bool canMerge(const SpatialDim &outer, const SpatialDim &inner) {
  if (!isConstant(outer.kernel, 1) || !isConstant(inner.kernel, 1))
    return false;
  auto size = constantOf(inner.size), innerStep = constantOf(inner.step),
       outerStep = constantOf(outer.step);
  return size && innerStep && outerStep && *size * *innerStep == *outerStep;
}

bool roundsInput(const ContractionSpec &spec, ContractionScheduleAttr schedule) {
  return spec.codes && schedule.getMma().getInterleave() > 1;
}

NormalizedContraction normalizeContraction(Emitter &emitter, const ContractionSpec &spec,
                                           ContractionScheduleAttr schedule) {
  NormalizedContraction result;
  result.spec = spec;
  Value one = emitter.i64(1), zero = emitter.i64(0);
  SmallVector<SpatialDim> dims;
  for (size_t i = 0; i < spec.outSpatial.size(); ++i)
    dims.push_back({spec.outSpatial[i],
                    spec.kernel[i],
                    emitter.mul(spec.stride[i], spec.inputSpatialStride[i]),
                    emitter.mul(spec.dilation[i], spec.inputSpatialStride[i]),
                    {int(i)}});
  if (dims.empty())
    dims.push_back({one, one, zero, zero, {}});

  result.batch = spec.batch;
  SmallVector<SpatialDim> merged{dims.pop_back_val()};
  auto pushOuter = [&](const SpatialDim &outer) {
    SpatialDim &inner = merged.front();
    if (!canMerge(outer, inner)) {
      merged.insert(merged.begin(), outer);
      return false;
    }
    inner.size = emitter.mul(outer.size, inner.size);
    inner.origins.insert(inner.origins.begin(), outer.origins.begin(), outer.origins.end());
    return true;
  };
  for (const SpatialDim &outer : llvm::reverse(dims))
    pushOuter(outer);
  bool sharesWeights = !spec.weightBatchStride || isConstant(spec.weightBatchStride, 0);
  SpatialDim batch{spec.batch, one, spec.inputBatchStride, zero, {-1}};
  if (merged.size() == 1 && sharesWeights && !isConstant(spec.batch, 1) &&
      canMerge(batch, merged.front())) {
    pushOuter(batch);
    result.batch = one;
  }

  SpatialDim absent{one, one, zero, zero, {}};
  merged.insert(merged.begin(), 3 - merged.size(), absent);
  result.depth = merged[0];
  result.height = merged[1];
  result.width = merged[2];

  auto tapStep = constantOf(result.width.tapStep), channels = constantOf(spec.inChannels);
  auto taps = constantOf(result.width.kernel);
  // Each tap of sparse weights has lists of its own.
  result.mergesWidthTaps =
      !spec.sparse && tapStep && channels && taps && *taps > 1 && *tapStep == *channels;
  // Where rows of weights are interleaved, they were packed as the schedule says.
  result.interleave = schedule.getMma().getInterleave();
  result.parts = schedule.getMma().getParts();
  result.packedInputType = schedule.getMma().getPackedType(spec.inputType, spec.accumulatorType);
  result.packedWeightType = schedule.getMma().getPackedType(spec.weightType, spec.accumulatorType);
  if (roundsInput(spec, schedule))
    result.packedInputType = result.packedWeightType = emitter.getI8Type();
  if (result.interleave > 1) {
    assert((!schedule.getMergeTaps() || result.mergesWidthTaps) && "taps are no neighbours");
    result.mergesWidthTaps = schedule.getMergeTaps();
  }
  result.sumChannels =
      result.mergesWidthTaps ? emitter.mul(spec.inChannels, result.width.kernel) : spec.inChannels;
  int64_t depth = schedule.getMma().getDepth(), channelsAtOnce = result.interleave * depth;
  result.sumSteps =
      channelsAtOnce == 1
          ? result.sumChannels
          : emitter.mul(emitter.ceilDiv(result.sumChannels, emitter.i64(channelsAtOnce)), depth);
  return result;
}

Value NormalizedContraction::countPanelRows(Emitter &emitter) const {
  Value taps = emitter.mul(depth.kernel, height.kernel);
  if (!mergesWidthTaps)
    taps = emitter.mul(taps, width.kernel);
  return emitter.mul(taps, emitter.mul(sumSteps, parts));
}

SmallVector<Value> NormalizedContraction::forTaps(
    Emitter &emitter, Value input, ValueRange initial,
    llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange)> body) const {
  Value zero = emitter.i64(0), one = emitter.i64(1);
  const SpatialDim *dims[] = {&depth, &height, &width};
  size_t count = mergesWidthTaps ? 2 : 3;
  auto visit = [&](auto &self, size_t dim, Value input, Value tap,
                   ValueRange carried) -> SmallVector<Value> {
    if (dim == count)
      return body(input, tap, carried);
    return emitter.loop(zero, dims[dim]->kernel, one, carried, [&](Value iv, ValueRange inner) {
      Value offset = emitter.mul(iv, dims[dim]->tapStep);
      return self(self, dim + 1, emitter.offsetPointer(input, spec.inputType, offset),
                  emitter.add(emitter.mul(tap, dims[dim]->kernel), iv), inner);
    });
  };
  return visit(visit, 0, input, zero, initial);
}

OutputIndex NormalizedContraction::outputIndex(Emitter &emitter, const TilePlace &place, Value line,
                                               Value row) const {
  OutputIndex index;
  index.batch = place.batch;
  index.group = place.group;
  index.spatial.assign(spec.outSpatial.size(), nullptr);
  auto resolve = [&](const SpatialDim &dim, Value position) {
    for (auto [number, origin] : llvm::enumerate(llvm::reverse(dim.origins))) {
      bool isOutermost = number + 1 == dim.origins.size();
      Value size = origin < 0 ? spec.batch : spec.outSpatial[origin];
      Value digit = isOutermost ? position : emitter.rem(position, size);
      position = isOutermost ? position : emitter.div(position, size);
      (origin < 0 ? index.batch : index.spatial[origin]) = digit;
    }
  };
  resolve(depth, place.depth);
  resolve(height, emitter.add(place.height, line));
  resolve(width, emitter.add(place.width, row));
  return index;
}

} // namespace tenon::cpu
