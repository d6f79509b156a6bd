#include "test/unit/codegen/ContractionCase.h"
#include "mlir/AsmParser/AsmParser.h"
#include "passes/Codegen/Common/EmitHelpers.h"
#include "passes/Codegen/Cpu/Depthwise.h"
#include "passes/Codegen/Cpu/Winograd.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using llvm::divideCeil;

namespace tenon::testing {
namespace {

int64_t product(const std::vector<int64_t> &values) {
  return std::accumulate(values.begin(), values.end(), int64_t(1), std::multiplies<>());
}

int64_t sizeOf(Scalar type) {
  switch (type) {
  case Scalar::F64:
    return 8;
  case Scalar::F16:
  case Scalar::BF16:
  case Scalar::I16:
    return 2;
  case Scalar::I8:
  case Scalar::U8:
    return 1;
  case Scalar::F32:
  case Scalar::I32:
    return 4;
  }
  return 0;
}

Type typeOf(Scalar type, OpBuilder &builder) {
  switch (type) {
  case Scalar::F32:
    return builder.getF32Type();
  case Scalar::F64:
    return builder.getF64Type();
  case Scalar::F16:
    return builder.getF16Type();
  case Scalar::BF16:
    return builder.getBF16Type();
  case Scalar::I32:
    return builder.getI32Type();
  case Scalar::I16:
    return builder.getI16Type();
  case Scalar::I8:
  case Scalar::U8:
    return builder.getI8Type();
  }
  return nullptr;
}

template <typename T> void append(std::vector<char> &bytes, T value) {
  const char *begin = reinterpret_cast<const char *>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

/// Stores an integer as `type`.
void storeInteger(std::vector<char> &bytes, int64_t value, Scalar type) {
  if (type == Scalar::I32)
    append(bytes, int32_t(value));
  else if (type == Scalar::I16)
    append(bytes, int16_t(value));
  else
    append(bytes, uint8_t(value));
}

/// The integer of `type` that stands for `value` in [-0.5, 0.5): of narrow ones, any that it has.
int64_t toInteger(double value, Scalar type) {
  switch (type) {
  case Scalar::I16:
    return std::floor(value * 0x10000);
  case Scalar::I8:
    return std::floor(value * 0x100);
  case Scalar::U8:
    return std::floor((value + 0.5) * 0x100);
  default:
    return std::lround(value * 100);
  }
}

/// Stores `value` as `type`; returns what it became.
double store(std::vector<char> &bytes, double value, Scalar type) {
  auto half = [&](const llvm::fltSemantics &semantics) {
    llvm::APFloat rounded(value);
    bool losesInfo;
    rounded.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    append(bytes, uint16_t(rounded.bitcastToAPInt().getZExtValue()));
    rounded.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
    return rounded.convertToDouble();
  };
  if (isInteger(type)) {
    storeInteger(bytes, toInteger(value, type), type);
    return toInteger(value, type);
  }
  switch (type) {
  case Scalar::F32:
    append(bytes, float(value));
    return float(value);
  case Scalar::F64:
    append(bytes, value);
    return value;
  case Scalar::F16:
    return half(llvm::APFloat::IEEEhalf());
  case Scalar::BF16:
    return half(llvm::APFloat::BFloat());
  default:
    return 0;
  }
}

/// Small reproducible numbers in [-0.5, 0.5).
struct Random {
  uint32_t state = 12345;
  double next() {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) / double(1 << 24) - 0.5;
  }
};

constexpr int64_t guardBytes = 256;
constexpr unsigned char guardPattern = 0xAB;

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
    inputValues.push_back(store(input, random.next(), c.inputType));
  int64_t weightSize = (c.weightsPerBatch ? c.batch : 1) * c.group * product(c.kernel) *
                       c.inChannels * c.outChannels;
  std::vector<char> unused;
  for (int64_t i = 0; i < weightSize; ++i)
    weightValues.push_back(store(unused, random.next(), c.weightType));
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

float ContractionRun::multiplyCodes(const double *x, int64_t n) const {
  const ContractionCase &c = description;
  float bias = c.codesAreSigned ? float(int64_t(1) << (c.codeBits - 1)) : 0, total = 0;
  bool hasZeros = c.zeroPoints != ZeroPoints::None || bias != 0;
  for (int64_t block = 0; block < countBlocks(); ++block) {
    float scale = scaleValues[block * c.outChannels + n];
    float zero = float(zeroValues[block * c.outChannels + n]) + bias;
    float sum = 0, inputs[8] = {};
    int64_t begin = block * c.blockSize, end = std::min(begin + c.blockSize, c.inChannels);
    for (int64_t k = begin; k < end; ++k) {
      float code = codeValues[k * c.outChannels + n];
      if (schedule.getPackWeights())
        total = std::fma(float(x[k]), (hasZeros ? code - zero : code) * scale, total);
      sum = std::fma(float(x[k]), code, sum);
      inputs[(k - begin) % 8] += float(x[k]);
    }
    if (schedule.getPackWeights())
      continue;
    float inputSum = std::accumulate(inputs, inputs + 8, 0.0f);
    total = std::fma(hasZeros ? std::fma(-zero, inputSum, sum) : sum, scale, total);
  }
  return total;
}

float ContractionRun::multiplyBytes(const double *x, int64_t n) const {
  const ContractionCase &c = description;
  double bias = c.codesAreSigned ? double(int64_t(1) << (c.codeBits - 1)) : 0;
  float total = 0;
  for (int64_t block = 0; block < countBlocks(); ++block) {
    int64_t begin = block * c.blockSize, end = std::min(begin + c.blockSize, c.inChannels);
    float largest = 0;
    for (int64_t k = begin; k < end; ++k)
      largest = std::isnan(x[k]) ? float(x[k]) : std::max(largest, std::abs(float(x[k])));
    bool isNothing = largest < 0x1p-100f;
    float factor = isNothing ? 0 : 127 / largest, scale = isNothing ? 0 : largest / 127;
    double sum = 0;
    for (int64_t k = begin; k < end; ++k)
      sum += std::nearbyint(x[k] * double(factor)) *
             (codeValues[k * c.outChannels + n] - zeroValues[block * c.outChannels + n] - bias);
    total = std::fma(float(sum), scale * float(scaleValues[block * c.outChannels + n]), total);
  }
  return total;
}

void ContractionRun::packWeights() {
  const ContractionCase &c = description;
  auto put = [&](double value) {
    if (isInteger(c.weightType))
      storeInteger(weights, value, c.weightType);
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
        for (int64_t tap = 0; tap < taps; ++tap)
          for (int64_t i = 0; i < steps * width * interleave; ++i) {
            int64_t n = panel + i / interleave % width;
            int64_t k = i / interleave / width * interleave + i % interleave;
            put(n < columns && k < depth ? values[(tap * depth + k) * columns + n] : 0);
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

void ContractionRun::clearOutput() { std::fill(output.begin(), output.end(), guardPattern); }

std::string ContractionRun::check() const {
  const ContractionCase &c = description;
  std::vector<int64_t> inputSpatial = c.inputSpatial();
  int64_t rank = c.outSpatial.size();
  int64_t pixelStride = c.group * c.inChannels + c.rowPadding;
  int64_t taps = product(c.kernel), positions = product(c.outSpatial);
  auto digits = [&](int64_t number, const std::vector<int64_t> &sizes) {
    std::vector<int64_t> result(rank);
    for (int64_t i = rank - 1; i >= 0; --i) {
      result[i] = number % sizes[i];
      number /= sizes[i];
    }
    return result;
  };
  auto addTap = [&](auto sum, const double *x, const double *w) {
    for (int64_t k = 0; k < c.inChannels; ++k)
      sum = std::fma(decltype(sum)(x[k]), decltype(sum)(w[k * c.outChannels]), sum);
    return sum;
  };
  auto expect = [&](auto sum, int64_t b, int64_t g, const std::vector<int64_t> &position,
                    int64_t n) {
    // Without input channels the sum is empty, and so are the arrays.
    for (int64_t tap = 0; tap < taps && c.inChannels > 0; ++tap) {
      std::vector<int64_t> tapPosition = digits(tap, c.kernel);
      int64_t pixel = b;
      for (int64_t i = 0; i < rank; ++i)
        pixel =
            pixel * inputSpatial[i] + position[i] * c.stride[i] + tapPosition[i] * c.dilation[i];
      int64_t set = (c.weightsPerBatch ? b : 0) * c.group + g;
      if (c.codeBits && schedule.getMma().getInterleave() > 1)
        sum = multiplyBytes(&inputValues[pixel * pixelStride], n);
      else if (c.codeBits)
        sum = multiplyCodes(&inputValues[pixel * pixelStride], n);
      else
        sum = addTap(sum, &inputValues[pixel * pixelStride + g * c.inChannels],
                     &weightValues[(set * taps + tap) * c.inChannels * c.outChannels + n]);
    }
    sum += decltype(sum)(biasValues[g * c.outChannels + n]);
    if (isInteger(c.sumType)) // exact so far, and then modulo its width
      return double(int32_t(int64_t(sum)));
    return double(c.relu ? std::max(sum, decltype(sum)(0)) : sum);
  };
  auto actual = [&](int64_t index) -> double {
    const char *bytes = output.data() + index * sizeOf(c.sumType);
    auto read = [&](auto value) {
      std::memcpy(&value, bytes, sizeof(value));
      return double(value);
    };
    return c.sumType == Scalar::F64   ? read(double())
           : c.sumType == Scalar::I32 ? read(int32_t())
                                      : read(float());
  };

  int64_t index = 0;
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t p = 0; p < positions; ++p) {
      std::vector<int64_t> position = digits(p, c.outSpatial);
      for (int64_t g = 0; g < c.group; ++g) {
        for (int64_t n = 0; n < c.outChannels; ++n, ++index) {
          double expected = c.sumType == Scalar::F32 ? expect(float(), b, g, position, n)
                                                     : expect(double(), b, g, position, n);
          double tolerance = c.exact ? 0 : 1e-6 * (1 + taps * c.inChannels);
          if (!(std::abs(actual(index) - expected) <= tolerance))
            return llvm::formatv("{0}: batch {1} position {2} channel {3}: {4}, expected {5}",
                                 c.name(), b, p, g * c.outChannels + n, actual(index), expected);
        }
      }
    }
  }
  for (size_t i = outputSize * sizeOf(c.sumType); i < output.size(); ++i)
    if (static_cast<unsigned char>(output[i]) != guardPattern)
      return c.name() + ": wrote behind the output";
  return "";
}

} // namespace tenon::testing
