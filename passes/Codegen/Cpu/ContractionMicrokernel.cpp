// The microkernels of a contraction: one function for each shape of tiles, emitted where it is
// first called.
#include "passes/Codegen/Cpu/MicrokernelBody.h"

using namespace mlir;

namespace tenon::cpu {

Value loadSomeChannels(Emitter &e, Type type, Type part, bool isUnsigned, Value pointer,
                       int64_t interleave, Value count) {
  int64_t bits = part.getIntOrFloatBitWidth();
  Type whole = e.getIntegerType(interleave * bits);
  Value result, last = e.sub(count, e.i64(1));
  // As bits, whatever they stand for. An infinity times zero would be NaN.
  bool isFloat = isa<FloatType>(type);
  if (isFloat)
    type = part = e.getIntegerType(bits);
  for (int64_t i = 0; i < interleave; ++i) {
    Value channel = e.load(type, e.offsetPointer(pointer, type, e.min(e.i64(i), last)));
    channel = e.convert(e.convert(channel, part, isUnsigned), whole, /*isUnsigned=*/true);
    if (i > 0 && isFloat)
      channel = e.select(e.less(e.i64(i), count), channel,
                         arith::ConstantOp::create(e, e.getIntegerAttr(whole, 0)));
    if (i > 0) {
      Value shift = arith::ConstantOp::create(e, e.getIntegerAttr(whole, i * bits));
      channel = arith::OrIOp::create(e, result, arith::ShLIOp::create(e, channel, shift));
    }
    result = channel;
  }
  return result;
}

MicrokernelEmitter::MicrokernelEmitter(ModuleOp module, const NormalizedContraction &contraction,
                                       ContractionScheduleAttr schedule, EpilogueFn epilogue,
                                       StringRef namePrefix)
    : module(module), contraction(contraction), schedule(schedule), epilogue(epilogue),
      namePrefix(namePrefix) {
  const ContractionSpec &spec = contraction.spec;
  MmaTypes types{spec.accumulatorType, spec.inputIsUnsigned, spec.weightsAreUnsigned};
  if (roundsInput(spec, schedule))
    types = getByteTypes(schedule.getMma());
  if (!schedule.getMma().hasTiles())
    mma = createMma(schedule.getMma(), types, schedule.getLanes());
}

SmallVector<Value *> MicrokernelEmitter::passedNumbers(TileOperands &operands) const {
  TilePlace &place = operands.place;
  SmallVector<Value *> numbers{&place.channel};
  auto passUnlessOne = [&](Value size, Value &coordinate) {
    if (!isConstant(size, 1))
      numbers.push_back(&coordinate);
  };
  passUnlessOne(contraction.batch, place.batch);
  passUnlessOne(contraction.spec.group, place.group);
  passUnlessOne(contraction.depth.size, place.depth);
  passUnlessOne(contraction.height.size, place.height);
  passUnlessOne(contraction.width.size, place.width);
  if (schedule.getMma().hasTiles())
    numbers.append({&operands.lines, &operands.rows});
  return numbers;
}

ChannelMasks::ChannelMasks(Emitter &emitter, const ContractionSpec &spec, const TileShape &shape,
                           int64_t lanes, Value firstChannel)
    : lanes(lanes) {
  if (!shape.masked)
    return;
  if (std::optional<int64_t> channels = constantOf(spec.outChannels))
    count = emitter.i64((shape.vectors - 1) * lanes + *channels % lanes);
  else
    count = emitter.sub(spec.outChannels, firstChannel);
}

Value ChannelMasks::of(Emitter &emitter, int64_t number) const {
  if (!count)
    return nullptr;
  return emitter.laneMask(lanes, emitter.sub(count, emitter.i64(number * lanes)));
}

void MicrokernelEmitter::prefetchNext(Emitter &emitter, const TileOperands &operands,
                                      Value trip) const {
  constexpr int64_t lineBytes = 64;
  Type byte = emitter.getI8Type();
  Value offset = emitter.mul(trip, schedule.getPrefetchLines() * lineBytes);
  Value pointer = emitter.offsetPointer(operands.prefetch, byte, offset);
  for (int64_t i = 0; i < schedule.getPrefetchLines(); ++i)
    emitter.prefetch(emitter.offsetPointer(pointer, byte, i * lineBytes), /*locality=*/2);
}

void MicrokernelEmitter::finish(Emitter &emitter, const TilePlace &place, Value line, Value row,
                                ValueRange sums, const ChannelMasks &masks) const {
  OutputIndex index = contraction.outputIndex(emitter, place, line, row);
  Value first = emitter.mul(place.group, contraction.spec.outChannels);
  for (auto [v, sum] : llvm::enumerate(sums)) {
    index.channel = emitter.add(first, emitter.add(place.channel, v * schedule.getLanes()));
    epilogue(emitter, emitter.getLoc(), sum, index, masks.of(emitter, v));
  }
}

const OutlinedFunction &MicrokernelEmitter::get(Emitter &emitter, const TileShape &shape) {
  auto [it, isNew] = kernels.try_emplace(shape);
  if (!isNew)
    return it->second;

  Type pointerType = contraction.spec.input.getType();
  SmallVector<Type> types(schedule.getPrefetchLines() ? 3 : 2, pointerType);
  TileOperands unused;
  types.append(passedNumbers(unused).size(), emitter.getI64Type());
  std::string name = namePrefix + "_" + std::to_string(shape.lines * shape.rows) + "x" +
                     std::to_string(shape.vectors);
  it->second = outlineFunction(
      emitter, module, name, types,
      [&](Emitter &inner, ValueRange arguments) {
        TileOperands operands;
        operands.input = arguments[0];
        operands.weights = arguments[1];
        operands.prefetch = schedule.getPrefetchLines() ? arguments[2] : nullptr;
        arguments = arguments.drop_front(schedule.getPrefetchLines() ? 3 : 2);
        Value zero = inner.i64(0);
        operands.place = {zero, zero, zero, zero, zero, zero};
        for (auto [number, argument] : llvm::zip_equal(passedNumbers(operands), arguments))
          *number = argument;
        if (schedule.getMma().hasTiles())
          emitTiles(inner, shape, operands);
        else if (roundsInput(contraction.spec, schedule))
          emitBlocks(inner, shape, operands);
        else if (contraction.spec.sparse && contraction.spec.sparse->zeros == Zeros::Columns)
          emitColumns(inner, shape, operands);
        else
          Body(*this, inner, shape, operands).emit();
      },
      /*noalias=*/2);
  return it->second;
}

void MicrokernelEmitter::call(Emitter &emitter, const TileShape &shape, TileOperands operands) {
  SmallVector<Value> arguments{operands.input, operands.weights};
  if (schedule.getPrefetchLines())
    arguments.push_back(operands.prefetch);
  for (Value *number : passedNumbers(operands))
    arguments.push_back(*number);
  get(emitter, shape).call(emitter, arguments);
}

bool MicrokernelEmitter::multipliesCodes() const {
  return contraction.spec.codes && !schedule.getPackWeights();
}

bool MicrokernelEmitter::readsWeightsInPlace() const {
  return contraction.spec.weightLayout != WeightLayout::Packed && !schedule.getPackWeights();
}

bool MicrokernelEmitter::addsAcrossLanes() const {
  return contraction.spec.weightLayout == WeightLayout::Transposed && !schedule.getPackWeights();
}

} // namespace tenon::cpu
