#include "test/unit/codegen/ContractionCase.h"
#include "mlir/AsmParser/AsmParser.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/Winograd.h"
#include "test/unit/codegen/FloatParts.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using llvm::divideCeil;

namespace tenon::testing {
namespace {

/// Small reproducible numbers in [-0.5, 0.5).
struct Random {
  uint32_t state = 12345;
  double next() {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / double(1 << 24) - 0.5;
  }
  /// The same times a power of two from -exponents to exponents.
  double next(int64_t exponents) {
    double value = next();
    return exponents ? std::ldexp(value, std::lround(2 * next() * exponents)) : value;
  }
};

} // namespace

ContractionCase ContractionCase::matmul(int64_t m, int64_t n, int64_t k) {
  ContractionCase result;
  result.outSpatial = {m};
  result.kernel = result.stride = result.dilation = {1};
  result.inChannels = k;
  result.outChannels = n;
  return result;
}

ContractionCase ContractionCase::conv(int64_t out, int64_t inChannels, int64_t outChannels,
                                      int64_t kernel, int64_t stride) {
  ContractionCase result;
  result.outSpatial = {out, out};
  result.kernel = {kernel, kernel};
  result.stride = {stride, stride};
  result.dilation = {1, 1};
  result.inChannels = inChannels;
  result.outChannels = outChannels;
  return result;
}

ContractionCase ContractionCase::depthwiseConv(int64_t out, int64_t channels, int64_t kernel,
                                               int64_t stride) {
  ContractionCase result = conv(out, 1, 1, kernel, stride);
  result.group = channels;
  result.depthwise = true;
  return result;
}

std::string ContractionCase::name() const {
  auto join = [](const std::vector<int64_t> &values) {
    std::string text;
    for (int64_t value : values)
      text += (text.empty() ? "" : "x") + std::to_string(value);
    return text;
  };
  std::string text = llvm::formatv("b{0} g{1} out {2} k {3} s {4} d {5} c {6} -> {7}", batch, group,
                                   join(outSpatial), join(kernel), join(stride), join(dilation),
                                   inChannels, outChannels);
  if (winograd)
    text += " winograd" + std::to_string(winograd);
  if (dynamic)
    text += " dynamic";
  if (layout != cpu::WeightLayout::Packed)
    text += layout == cpu::WeightLayout::RowMajor ? " row-major" : " transposed";
  return text;
}

double ContractionCase::flops() const {
  return 2.0 * batch * group * product(outSpatial) * product(kernel) * inChannels * outChannels;
}

cpu::ContractionSizes ContractionCase::sizes(MLIRContext &context) const {
  cpu::ContractionSizes sizes;
  sizes.accumulatorBits = sizeOf(sumType) * 8;
  sizes.inputBits = sizeOf(inputType) * 8;
  sizes.weightBits = sizeOf(weightType) * 8;
  sizes.weightLayout = layout;
  sizes.weightsPerBatch = weightsPerBatch;
  sizes.taps = product(kernel);
  sizes.lastTaps = kernel.empty() ? 1 : kernel.back();
  if (codeBits) {
    sizes.hasCodes = true;
    sizes.mayRoundInput = mayRoundInput;
    sizes.weightBits = codeBits;
  }
  if (inputType == Scalar::BF16 && weightType == Scalar::BF16)
    sizes.inputType = sizes.weightType = BFloat16Type::get(&context);
  if (isInteger(inputType)) {
    auto typeIn = [&](Scalar type) -> Type {
      return type == Scalar::U8 ? IntegerType::get(&context, 8, IntegerType::Unsigned)
                                : IntegerType::get(&context, sizeOf(type) * 8);
    };
    sizes.inputType = typeIn(inputType);
    sizes.weightType = typeIn(weightType);
  }
  sizes.bfloatProducts = bfloatProducts;
  if (dynamic) {
    sizes.batch = sizes.group = sizes.lines = sizes.rows = -1;
    if (codeBits) {
      sizes.inChannels = inChannels;
      sizes.outChannels = outChannels;
    }
    return sizes;
  }
  sizes.batch = batch;
  sizes.group = group;
  sizes.rows = outSpatial.empty() ? 1 : outSpatial.back();
  sizes.lines = sizes.rows ? product(outSpatial) / sizes.rows : 0;
  sizes.inChannels = inChannels;
  sizes.outChannels = outChannels;
  if (outSpatial.empty())
    return sizes;
  int64_t pitch = group * inChannels + rowPadding;
  sizes.inputRowStride = stride.back() * pitch;
  sizes.tapsAreNeighbours = kernel.back() > 1 && dilation.back() == 1 && pitch == inChannels;
  return sizes;
}

std::vector<int64_t> ContractionCase::inputSpatial() const {
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < outSpatial.size(); ++i)
    sizes.push_back((outSpatial[i] - 1) * stride[i] + (kernel[i] - 1) * dilation[i] + 1);
  return sizes;
}

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

void ContractionRun::makeData() {
  const ContractionCase &c = description;
  Random random;
  int64_t pixels = product(c.inputSpatial());
  int64_t inputSize = c.batch * pixels * (c.group * c.inChannels + c.rowPadding);
  for (int64_t i = 0; i < inputSize; ++i)
    inputValues.push_back(store(input, random.next(c.exponents), c.inputType));
  int64_t weightSize = (c.weightsPerBatch ? c.batch : 1) * c.group * product(c.kernel) *
                       c.inChannels * c.outChannels;
  std::vector<char> unused;
  for (int64_t i = 0; i < weightSize; ++i)
    weightValues.push_back(store(unused, random.next(c.exponents), c.weightType));
  if (c.codeBits)
    makeCodes();
  else
    packWeights();
  for (int64_t i = 0; i < c.group * c.outChannels; ++i)
    biasValues.push_back(store(bias, random.next(), c.sumType));
  bias.resize(bias.size() + guardBytes);
  outputSize = c.batch * product(c.outSpatial) * c.group * c.outChannels;
  output.resize(outputSize * sizeOf(c.sumType) + guardBytes);
}

/// Packs G g G^T of all filters g, of integers (2 G) g (2 G)^T, as Winograd kernels want them.
void ContractionRun::transformFilters() {
  const ContractionCase &c = description;
  cpu::WinogradScheduleAttr winograd = cpu::chooseWinograd(target, c.winograd, c.sizes(*context));
  llvm::ArrayRef<double> matrix = cpu::getWinogradFilterTransform(c.winograd);
  int64_t size = winograd.getInputTile(), panelWidth = winograd.getPanelWidth();
  int64_t interleave = winograd.getMma().getInterleave();
  auto put = [&](double value) {
    if (isInteger(c.weightType))
      storeInteger(weights, 4 * value, Scalar::I16);
    else
      store(weights, value, c.weightType);
  };
  for (int64_t panel = 0; panel < c.outChannels; panel += panelWidth) {
    for (int64_t point = 0; point < size * size; ++point) {
      int64_t steps = divideCeil(c.inChannels, interleave);
      for (int64_t i = 0; i < steps * panelWidth * interleave; ++i) {
        int64_t n = panel + i / interleave % panelWidth;
        int64_t k = i / interleave / panelWidth * interleave + i % interleave;
        double sum = 0;
        for (int64_t tap = 0; n < c.outChannels && k < c.inChannels && tap < 9; ++tap)
          sum += matrix[point / size * 3 + tap / 3] * matrix[point % size * 3 + tap % 3] *
                 weightValues[(tap * c.inChannels + k) * c.outChannels + n];
        put(sum);
      }
    }
  }
}

void ContractionRun::makeCodes() {
  const ContractionCase &c = description;
  int64_t columns = c.outChannels, width = schedule.getPanelWidth(), blocks = countBlocks();
  int64_t perLane = 32 / c.codeBits, codes = int64_t(1) << c.codeBits;
  int64_t lowest = c.codesAreSigned ? -codes / 2 : 0;
  Random random;
  auto draw = [&](int64_t count) { return std::floor((random.next() + 0.5) * count); };
  for (int64_t i = 0; i < c.inChannels * columns; ++i)
    codeValues.push_back(draw(codes));
  for (int64_t i = 0; i < blocks * columns; ++i) {
    scaleValues.push_back(float(random.next() + 0.75));
    zeroValues.push_back(c.zeroPoints == ZeroPoints::None       ? 0
                         : c.zeroPoints == ZeroPoints::Integers ? draw(codes) + lowest
                                                                : float(random.next() * codes));
  }
  for (int64_t panel = 0; panel < columns; panel += width) {
    for (int64_t first = 0; first < c.inChannels; first += perLane) {
      for (int64_t n = panel; n < panel + width; ++n) {
        uint32_t lane = 0;
        for (int64_t k = first; k < std::min(first + perLane, c.inChannels) && n < columns; ++k)
          lane |= uint32_t(codeValues[k * columns + n]) << ((k - first) * c.codeBits);
        append(weights, lane);
      }
    }
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t n = panel; n < panel + width; ++n) {
        bool exists = n < columns;
        append(scales, exists ? float(scaleValues[block * columns + n]) : 0.0f);
        double zero = exists ? zeroValues[block * columns + n] : 0;
        if (c.zeroPoints == ZeroPoints::Integers)
          append(zeros, char(int(zero)));
        else
          append(zeros, float(zero));
      }
    }
  }
}

void ContractionRun::packWeights() {
  const ContractionCase &c = description;
  int64_t parts = schedule.getMma().getParts();
  auto put = [&](double value, int64_t part = 0) {
    if (isInteger(c.weightType))
      storeInteger(weights, value, c.weightType);
    else if (parts > 1)
      store(weights, splitFloat(value, parts)[part], Scalar::BF16);
    else
      store(weights, value, c.weightType);
  };
  if (c.winograd)
    return transformFilters();
  if (c.depthwise) {
    int64_t taps = product(c.kernel);
    for (int64_t tap = 0; tap < taps; ++tap)
      for (int64_t channel = 0; channel < c.group; ++channel)
        put(weightValues[channel * taps + tap]);
    return;
  }
  int64_t sets = (c.weightsPerBatch ? c.batch : 1) * c.group;
  int64_t rows = product(c.kernel) * c.inChannels, columns = c.outChannels;
  int64_t width = schedule.getPanelWidth(), interleave = schedule.getMma().getInterleave();
  int64_t mergedTaps = schedule.getMergeTaps() ? c.kernel.back() : 1;
  int64_t depth = c.inChannels * mergedTaps, taps = product(c.kernel) / mergedTaps;
  int64_t steps = llvm::alignTo(divideCeil(depth, interleave), schedule.getMma().getDepth());
  for (int64_t set = 0; set < sets; ++set) {
    const double *values = weightValues.data() + set * rows * columns;
    switch (c.layout) {
    case cpu::WeightLayout::Packed:
      for (int64_t panel = 0; panel < columns; panel += width)
        for (int64_t row = 0; row < taps * parts; ++row)
          for (int64_t i = 0; i < steps * width * interleave; ++i) {
            int64_t n = panel + i / interleave % width;
            int64_t k = i / interleave / width * interleave + i % interleave;
            put(n < columns && k < depth ? values[(row / parts * depth + k) * columns + n] : 0,
                row % parts);
          }
      break;
    case cpu::WeightLayout::RowMajor:
      for (int64_t i = 0; i < rows * columns; ++i)
        put(values[i]);
      break;
    case cpu::WeightLayout::Transposed:
      for (int64_t n = 0; n < columns; ++n)
        for (int64_t row = 0; row < rows; ++row)
          put(values[row * columns + n]);
      break;
    }
  }
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
  spec.weightType =
      schedule && schedule.getMma().getParts() > 1 ? e.getBF16Type() : typeOf(c.weightType, e);
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

void ContractionRun::clearOutput() { std::fill(output.begin(), output.end(), guardPattern); }
} // namespace tenon::testing
