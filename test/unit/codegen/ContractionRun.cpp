// Kernels of contractions under test.
#include "mlir/AsmParser/AsmParser.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/Winograd.h"
#include "test/unit/codegen/ContractionCase.h"

using namespace mlir;

namespace tenon::testing {

ContractionRun::ContractionRun(const ContractionCase &description, llvm::StringRef targetName)
    : description(description), context(createKernelContext()),
      target(findTarget(targetName, *context)) {
  cpu::ContractionSizes sizes = description.sizes(*context);
  if (description.schedule.empty()) {
    schedule = cpu::chooseContraction(target, sizes);
  } else {
    std::string lanes = std::to_string(target.getLanes(sizes.accumulatorBits));
    std::string text = description.schedule.find("lanes = ") == 0
                           ? description.schedule
                           : "lanes = " + lanes + ", " + description.schedule;
    schedule = dyn_cast_if_present<cpu::ContractionScheduleAttr>(
        parseAttribute("#cpu.contraction_schedule<" + text + ">", context.get()));
    if (!schedule)
      return; // there is no kernel, and the parser has said why
  }
  makeData();
  buildKernel();
}

void ContractionRun::buildKernel() {
  const ContractionCase &c = description;
  Location loc = UnknownLoc::get(context.get());
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc, "contraction");
  Emitter e(loc, OpBuilder::atBlockEnd(module->getBody()));
  auto pointer = LLVM::LLVMPointerType::get(context.get());
  auto function = LLVM::LLVMFuncOp::create(
      e, "contraction",
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(context.get()),
                                  {pointer, e.getI64Type(), e.getI64Type()}));
  Block *entry = function.addEntryBlock(e);
  e.setInsertionPointToStart(entry);

  auto argument = [&](Type type, size_t slot) {
    return e.load(type, e.offsetPointer(entry->getArgument(0), pointer, slot));
  };
  arguments.resize(c.codeBits ? 7 : 5);
  // Dynamic sizes follow the buffers in the argument list.
  auto size = [&](int64_t value) -> Value {
    if (!c.dynamic)
      return e.i64(value);
    arguments.push_back(reinterpret_cast<void *>(value));
    return argument(e.getI64Type(), arguments.size() - 1);
  };

  cpu::ContractionSpec spec;
  spec.input = argument(pointer, 0);
  spec.weights = argument(pointer, 1);
  Value biasPointer = argument(pointer, 2), outputPointer = argument(pointer, 3);
  spec.scratch = argument(pointer, 4);
  spec.inputType = typeOf(c.inputType, e);
  spec.weightType = typeOf(c.weightType, e);
  spec.accumulatorType = typeOf(c.sumType, e);
  spec.inputIsUnsigned = c.inputType == Scalar::U8;
  spec.weightsAreUnsigned = c.weightType == Scalar::U8;
  spec.weightLayout = c.layout;
  if (c.codeBits) {
    spec.weightType = e.getI32Type();
    spec.codes = cpu::CodedWeights();
    spec.codes->bits = c.codeBits;
    spec.codes->blockSize = c.blockSize;
    spec.codes->scales = argument(pointer, 5);
    spec.codes->bias = c.codesAreSigned ? float(int64_t(1) << (c.codeBits - 1)) : 0;
    if (c.zeroPoints != ZeroPoints::None) {
      spec.codes->zeros = argument(pointer, 6);
      spec.codes->zeroType =
          c.zeroPoints == ZeroPoints::Integers ? Type(e.getI8Type()) : Type(e.getF32Type());
      spec.codes->zerosAreUnsigned = !c.codesAreSigned;
    }
  }
  spec.batch = size(c.batch);
  // That there is one group must be known for Winograd's algorithm.
  spec.group = c.winograd ? e.i64(c.group) : size(c.group);
  spec.inChannels = c.codeBits ? e.i64(c.inChannels) : size(c.inChannels);
  spec.outChannels = c.codeBits ? e.i64(c.outChannels) : size(c.outChannels);
  std::vector<int64_t> inputSpatial = c.inputSpatial();
  int64_t step = c.group * c.inChannels + c.rowPadding;
  for (size_t i = 0; i < c.outSpatial.size(); ++i) {
    spec.outSpatial.push_back(size(c.outSpatial[i]));
    spec.kernel.push_back(e.i64(c.kernel[i]));
    spec.stride.push_back(e.i64(c.stride[i]));
    spec.dilation.push_back(e.i64(c.dilation[i]));
  }
  for (size_t i = c.outSpatial.size(); i-- > 0; step *= inputSpatial[i])
    spec.inputSpatialStride.insert(spec.inputSpatialStride.begin(), size(step));
  spec.inputBatchStride = size(step);
  spec.inputGroupStride = size(c.inChannels);
  int64_t setSize = product(c.kernel) * c.inChannels * c.outChannels;
  if (c.layout == cpu::WeightLayout::Packed) {
    int64_t width = schedule.getPanelWidth();
    setSize = setSize / c.outChannels * ((c.outChannels + width - 1) / width * width);
  }
  spec.weightGroupStride = size(setSize);
  spec.weightRowStride =
      size(c.layout == cpu::WeightLayout::Transposed ? c.inChannels : c.outChannels);
  if (c.weightsPerBatch)
    spec.weightBatchStride = size(setSize * c.group);

  cpu::ScratchBytes scratchBytes = cpu::contractionScratchBytes(
      schedule, product(c.kernel), spec.accumulatorType, c.codeBits != 0);
  if (c.winograd)
    scratchBytes =
        cpu::winogradScratchBytes(cpu::chooseWinograd(target, c.winograd, c.sizes(*context)));
  // No numbers, whatever they are read as.
  scratch.resize(16 * (scratchBytes.fixed + scratchBytes.perChannel * c.inChannels) + 64, '\xff');

  Type sumType = spec.accumulatorType;
  Value outChannels = e.mul(spec.group, spec.outChannels);
  auto epilogue = [&](OpBuilder &builder, Location loc, Value sum, const cpu::OutputIndex &index,
                      Value mask) {
    Emitter e(builder, loc);
    auto vectorType = cast<VectorType>(sum.getType());
    Value biasVector =
        e.maskedLoad(vectorType, e.offsetPointer(biasPointer, sumType, index.channel), mask);
    if (isa<FloatType>(sumType))
      sum = arith::AddFOp::create(e, sum, biasVector);
    else
      sum = arith::AddIOp::create(e, sum, biasVector);
    Value zero = arith::ConstantOp::create(e, e.getZeroAttr(vectorType));
    if (c.relu && isa<FloatType>(sumType)) {
      Value isNegative = arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, zero, sum);
      sum = arith::SelectOp::create(e, isNegative, zero, sum);
    }
    Value position = index.batch;
    for (auto [size, coordinate] : llvm::zip_equal(spec.outSpatial, index.spatial))
      position = e.add(e.mul(position, size), coordinate);
    Value offset = e.add(e.mul(position, outChannels), index.channel);
    e.maskedStore(sum, e.offsetPointer(outputPointer, sumType, offset), mask);
  };
  emit(e, *module, spec, entry->getArgument(1), entry->getArgument(2), epilogue);
  LLVM::ReturnOp::create(e, ValueRange());

  auto aligned = [](std::vector<char> &bytes) {
    return reinterpret_cast<void *>((reinterpret_cast<uintptr_t>(bytes.data()) + 63) & ~63ull);
  };
  arguments[0] = input.data();
  arguments[1] = weights.data();
  arguments[2] = bias.data();
  arguments[3] = output.data();
  arguments[4] = aligned(scratch);
  if (c.codeBits) {
    arguments[5] = scales.data();
    arguments[6] = zeros.data();
  }
  kernel = CompiledKernel::compile(*module, "contraction", target);
}

void ContractionRun::emit(Emitter &e, ModuleOp module, const cpu::ContractionSpec &spec, Value task,
                          Value tasks, cpu::EpilogueFn epilogue) {
  if (description.winograd) {
    return cpu::emitWinograd(
        e, e.getLoc(), module, spec,
        cpu::chooseWinograd(target, description.winograd, description.sizes(*context)), task, tasks,
        epilogue);
  }
  if (!description.depthwise)
    return cpu::emitContraction(e, e.getLoc(), module, spec, schedule, task, tasks, epilogue);
  cpu::DepthwiseSpec depthwise;
  depthwise.batch = spec.batch;
  depthwise.outSpatial = spec.outSpatial;
  depthwise.kernel.assign(description.kernel.begin(), description.kernel.end());
  depthwise.stride.assign(description.stride.begin(), description.stride.end());
  depthwise.dilation.assign(description.dilation.begin(), description.dilation.end());
  depthwise.channels = spec.group;
  depthwise.input = spec.input;
  depthwise.inputType = spec.inputType;
  depthwise.inputBatchStride = spec.inputBatchStride;
  depthwise.inputSpatialStride = spec.inputSpatialStride;
  depthwise.weights = spec.weights;
  depthwise.weightType = spec.weightType;
  depthwise.accumulatorType = spec.accumulatorType;
  depthwise.inputIsUnsigned = spec.inputIsUnsigned;
  depthwise.weightsAreUnsigned = spec.weightsAreUnsigned;
  cpu::DepthwiseSizes sizes{depthwise.kernel, depthwise.stride};
  cpu::ContractionSizes types = description.sizes(*e.getContext());
  sizes.inputType = types.inputType;
  sizes.weightType = types.weightType;
  sizes.accumulatorBits = spec.accumulatorType.getIntOrFloatBitWidth();
  if (auto stride = constantOf(spec.inputBatchStride))
    sizes.imageBytes = *stride * spec.inputType.getIntOrFloatBitWidth() / 8;
  cpu::emitDepthwise(e, e.getLoc(), module, depthwise, cpu::chooseDepthwise(target, sizes), task,
                     tasks, epilogue);
}

} // namespace tenon::testing
