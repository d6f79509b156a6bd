// wgmma (PTX ISA 9.7.15): products of four warps, whose operands are in shared memory. They are
// done when their group is waited for: until then the accumulators hold poison, and operands in
// registers and in shared memory must stay as they are.
//
// Each warp computes the 16 rows that its accumulators hold. Within a warp, accumulators are laid
// out like those of mma.m16n8, for each 8 columns; A in registers is the A of mma.m16n8k16.
//
// In wgmma.sp (PTX ISA 9.7.15.6) A has half of its columns, as in mma.sp, whose metadata each warp
// has for its rows.

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Execute/Matrices.h"
#include "lib/CudaSimulator/Execute/Swizzle.h"

namespace tenon::sim {

namespace {

struct WarpgroupProduct final : Details {
  unsigned n = 8, k = 16;
  Type d = Type::F32, a = Type::F16, b = Type::F16;
  bool saturates = false, aInRegisters = false, transposesA = false, transposesB = false;
  bool sparse = false;
  unsigned selector = 0;
  double scaleA = 1, scaleB = 1;
  unsigned countD = 0;
  // Places of the operands.
  unsigned a0 = 0, b0 = 0, metadata = 0, scaleD = 0;

  /// Columns of A that are stored.
  unsigned storedK() const { return sparse ? k / 2 : k; }
};

/// A matrix in shared memory (PTX ISA 9.7.15.5.1.2.2, "Matrix Descriptor").
struct MatrixDescriptor {
  uint64_t start, leading, stride;
  unsigned base;
  Swizzle mode;

  explicit MatrixDescriptor(uint64_t bits)
      : start((bits & 0x3fff) << 4), leading((bits >> 16 & 0x3fff) << 4),
        stride((bits >> 32 & 0x3fff) << 4), base(bits >> 49 & 7) {
    static constexpr Swizzle modes[] = {Swizzle::None, Swizzle::Bytes128, Swizzle::Bytes64,
                                        Swizzle::Bytes32};
    mode = modes[bits >> 62];
  }

  /// The byte where 16 bytes of the matrix begin: those of row `row` (of M or N) from byte `at` of
  /// K on, in K-major order (PTX ISA 9.7.15.5.1.2.1, "Strides").
  uint64_t kMajor(unsigned row, unsigned at) const {
    if (mode == Swizzle::None)
      return start + row / 8 * stride + row % 8 * 16 + at / 16 * leading;
    auto width = static_cast<unsigned>(mode);
    return swizzle(start + row / 8 * stride + row % 8 * width + at, mode, base);
  }

  /// Those of index `k` of K from byte `at` of M or N on, in MN-major order. Eight indices of K are
  /// a unit; without swizzling, 16 bytes of M or N are one, too.
  uint64_t mnMajor(unsigned k, unsigned at) const {
    if (mode == Swizzle::None)
      return start + k / 8 * leading + k % 8 * 16 + at / 16 * stride;
    auto width = static_cast<unsigned>(mode);
    return swizzle(start + k / 8 * stride + k % 8 * width + at / width * leading + at % width, mode,
                   base);
  }
};

/// One warp's share of a product that was started.
class PendingProduct final : public PendingWork {
public:
  PendingProduct(Warp &warp, const Instruction &instruction);
  void finish(Warp &warp) override;

private:
  std::vector<double> loadA(Warp &warp) const;
  std::vector<double> spread(Warp &warp, const std::vector<double> &stored) const;
  std::vector<double> loadB(Warp &warp) const;
  void loadShared(Warp &warp, const MatrixDescriptor &descriptor, Type type, bool transposed,
                  unsigned firstRow, unsigned rows, unsigned depth, std::vector<double> &matrix,
                  unsigned rowStep, unsigned depthStep) const;

  const Instruction &instruction;
  const WarpgroupProduct &product;
  uint64_t descriptorA = 0, descriptorB;
  bool accumulates;
};

} // namespace

static uint64_t uniform(Warp &warp, Slot slot, const char *what) {
  const uint64_t *row = warp.row(slot);
  for (unsigned lane = 1; lane < warpSize; ++lane)
    if (row[lane] != row[0])
      throw Fault(FaultKind::Trap, std::string(what) + " differs between lanes",
                  static_cast<int>(lane));
  return row[0];
}

PendingProduct::PendingProduct(Warp &warp, const Instruction &instruction)
    : instruction(instruction),
      product(static_cast<const WarpgroupProduct &>(*instruction.details)) {
  if (!product.aInRegisters)
    descriptorA = uniform(warp, instruction.operands[product.a0], "the descriptor of A");
  descriptorB = uniform(warp, instruction.operands[product.b0], "the descriptor of B");
  LaneMask scale = warp.predicate(instruction.operands[product.scaleD]);
  if (scale != 0 && scale != allLanes)
    throw Fault(FaultKind::Trap, "scale-d differs between lanes");
  accumulates = scale != 0;
  // The values so far go where nobody can see them.
  for (unsigned i = 0; i < product.countD; ++i)
    warp.hide(instruction.operands[i]);
}

/// matrix[row * rowStep + k * depthStep] for rows of M or N and indices of K.
void PendingProduct::loadShared(Warp &warp, const MatrixDescriptor &descriptor, Type type,
                                bool transposed, unsigned firstRow, unsigned rows, unsigned depth,
                                std::vector<double> &matrix, unsigned rowStep,
                                unsigned depthStep) const {
  unsigned size = bytesOf(type), per = 16 / size;
  Accessor by = warp.accessor(-1);
  unsigned outer = transposed ? depth : rows, inner = transposed ? rows : depth;
  for (unsigned o = 0; o < outer; ++o)
    for (unsigned i = 0; i < inner; i += per) {
      uint64_t address = transposed ? descriptor.mnMajor(o, (firstRow + i) * size)
                                    : descriptor.kMajor(firstRow + o, i * size);
      const uint8_t *bytes = warp.block.shared.readAsync(address, 16, by, warp.proxyClock);
      for (unsigned j = 0; j < per; ++j) {
        uint64_t bits = 0;
        std::memcpy(&bits, bytes + j * size, size);
        unsigned row = transposed ? i + j : o, k = transposed ? o : i + j;
        matrix[row * rowStep + k * depthStep] = decodeElement(type, bits);
      }
    }
}

std::vector<double> PendingProduct::loadA(Warp &warp) const {
  unsigned stored = product.storedK();
  std::vector<double> matrix(16 * stored);
  unsigned size = bytesOf(product.a), per = 4 / size;
  if (!product.aInRegisters) {
    loadShared(warp, MatrixDescriptor(descriptorA), product.a, product.transposesA,
               warp.index % 4 * 16, 16, stored, matrix, stored, 1);
  } else {
    for (unsigned r = 0; r < 4; ++r)
      for (unsigned lane = 0; lane < warpSize; ++lane)
        for (unsigned i = 0; i < per; ++i) {
          unsigned row = lane / 4 + 8 * (r % 2), column = lane % 4 * per + i + 4 * per * (r / 2);
          uint64_t bits = warp.row(instruction.operands[product.a0 + r])[lane];
          bits = bits >> (8 * size * i) & ((uint64_t(1) << (8 * size)) - 1);
          matrix[row * stored + column] = decodeElement(product.a, bits);
        }
  }
  for (double &element : matrix)
    element *= product.scaleA;
  return product.sparse ? spread(warp, matrix) : matrix;
}

/// The dense matrix of 16 rows of which half of the columns are stored.
std::vector<double> PendingProduct::spread(Warp &warp, const std::vector<double> &stored) const {
  const uint64_t *metadata = warp.row(instruction.operands[product.metadata]);
  std::vector<double> matrix(16 * product.k, 0);
  unsigned count = product.storedK();
  for (unsigned row = 0; row < 16; ++row)
    for (unsigned column = 0; column < count; ++column) {
      unsigned dense =
          sparseColumn({product.a, product.k, product.selector}, metadata, row, column);
      matrix[row * product.k + dense] = stored[row * count + column];
    }
  return matrix;
}

std::vector<double> PendingProduct::loadB(Warp &warp) const {
  std::vector<double> matrix(product.k * product.n);
  loadShared(warp, MatrixDescriptor(descriptorB), product.b, product.transposesB, 0, product.n,
             product.k, matrix, 1, product.n);
  for (double &element : matrix)
    element *= product.scaleB;
  return matrix;
}

/// Row of the warp's 16, and column, of element i of a lane's accumulators.
static std::pair<unsigned, unsigned> accumulatorPlace(unsigned lane, unsigned i) {
  return {lane / 4 + 8 * (i / 2 % 2), 8 * (i / 4) + lane % 4 * 2 + i % 2};
}

void PendingProduct::finish(Warp &warp) {
  std::vector<double> a = loadA(warp), b = loadB(warp), result(16 * product.n, 0);
  bool halves = product.d == Type::F16;
  unsigned elements = product.n / 2;
  auto visit = [&](auto &&f) {
    for (unsigned i = 0; i < elements; ++i) {
      uint64_t *hidden = warp.hidden(instruction.operands[halves ? i / 2 : i]);
      for (unsigned lane = 0; lane < warpSize; ++lane) {
        auto [row, column] = accumulatorPlace(lane, i);
        f(hidden[lane], halves ? i % 2 * 16 : 0, result[row * product.n + column]);
      }
    }
  };
  if (accumulates)
    visit([&](uint64_t bits, unsigned shift, double &value) {
      value = decodeAccumulator(product.d, bits >> shift);
    });
  multiplyInto(result, a, b, 16, product.n, product.k);
  visit([&](uint64_t &bits, unsigned shift, double value) {
    uint64_t encoded = encodeAccumulator(product.d, value, product.saturates);
    bits = halves ? (bits & ~(uint64_t(0xffff) << shift)) | encoded << shift : encoded;
  });
  for (unsigned i = 0; i < product.countD; ++i)
    warp.reveal(instruction.operands[i]);
}

static void requireWarpgroup(Warp &warp, LaneMask mask) {
  if (mask != allLanes || warp.index / 4 * 4 + 4 > warp.block.warps.size())
    throw Fault(FaultKind::Trap, "wgmma needs four whole warps");
}

static Outcome start(Warp &warp, const Instruction &instruction, LaneMask mask) {
  requireWarpgroup(warp, mask);
  if (!warp.hasFencedRegisters)
    throw Fault(FaultKind::Trap, "wgmma.fence must come before the first wgmma.mma_async");
  warp.openWork.push_back(std::make_unique<PendingProduct>(warp, instruction));
  const auto &product = static_cast<const WarpgroupProduct &>(*instruction.details);
  ++warp.block.counters.matrixInstructions;
  warp.block.counters.matrixProducts += uint64_t(16) * product.n * product.storedK();
  return Outcome::Next;
}

static Outcome fence(Warp &warp, const Instruction &, LaneMask mask) {
  requireWarpgroup(warp, mask);
  warp.hasFencedRegisters = true;
  return Outcome::Next;
}

static Outcome commit(Warp &warp, const Instruction &, LaneMask mask) {
  requireWarpgroup(warp, mask);
  warp.workGroups.push_back(std::move(warp.openWork));
  warp.openWork.clear();
  return Outcome::Next;
}

static Outcome wait(Warp &warp, const Instruction &instruction, LaneMask mask) {
  requireWarpgroup(warp, mask);
  while (warp.workGroups.size() > instruction.target) {
    for (const auto &work : warp.workGroups.front())
      work->finish(warp);
    warp.workGroups.pop_front();
  }
  return Outcome::Next;
}

static void takeShape(Builder &builder, WarpgroupProduct &product) {
  std::string shape(builder.take());
  unsigned m = 0;
  if (std::sscanf(shape.c_str(), "m%un%uk%u", &m, &product.n, &product.k) != 3 || m != 64 ||
      product.n < 8 || product.n > 256 || product.n % 8)
    builder.fail("unknown shape '." + shape + "'");
}

static bool isFp8(Type type) { return type == Type::E4M3 || type == Type::E5M2; }
static bool isByte(Type type) { return type == Type::S8 || type == Type::U8; }

static void checkTypes(Builder &builder, const WarpgroupProduct &product) {
  bool alike = product.a == product.b || (isFp8(product.a) && isFp8(product.b)) ||
               (isByte(product.a) && isByte(product.b));
  bool fits = isByte(product.a) ? product.d == Type::S32
              : product.a == Type::F16 || isFp8(product.a)
                  ? product.d == Type::F32 || product.d == Type::F16
                  : (product.a == Type::BF16 || product.a == Type::TF32) && product.d == Type::F32;
  if (!alike || !fits)
    builder.fail("these types do not go together");
  if (product.storedK() != 256 / bitsOf(product.a))
    builder.fail("K must be " + std::to_string((product.sparse ? 512 : 256) / bitsOf(product.a)) +
                 " for ." + std::string(nameOf(product.a)));
  // PTX ISA 9.7.15.2: with integers, N is 8, 24, or a multiple of 16.
  if (isByte(product.a) && product.n % 16 && product.n != 8 && product.n != 24)
    builder.fail("there is no N of " + std::to_string(product.n) + " with integers");
}

static double takeScale(Builder &builder) {
  auto scale = static_cast<int64_t>(builder.immediate());
  if (scale != 1 && scale != -1)
    builder.fail("the scale " + std::to_string(scale) + " is neither 1 nor -1");
  return static_cast<double>(scale);
}

static bool takeTransposition(Builder &builder) {
  uint64_t transposes = builder.immediate();
  if (transposes > 1)
    builder.fail("the transposition " + std::to_string(transposes) + " is neither 0 nor 1");
  return transposes;
}

static void takeOperands(Builder &builder, WarpgroupProduct &product) {
  product.countD = product.n / 2 / (product.d == Type::F16 ? 2 : 1);
  builder.destinations(Type::B32, product.countD);
  product.aInRegisters = builder.peekOperandIs(Operand::Kind::Vector);
  product.a0 = product.countD;
  if (product.aInRegisters)
    builder.sources(Type::B32, 4);
  else
    builder.source(Type::B64);
  product.b0 = product.a0 + (product.aInRegisters ? 4 : 1);
  builder.source(Type::B64);
  product.scaleD = product.b0 + 1;
  if (product.sparse) {
    product.metadata = product.scaleD++;
    builder.source(Type::B32);
    product.selector = takeSelector(builder, product.a, product.k);
  }
  builder.predicateSource();
  if (isByte(product.a))
    return;
  product.scaleA = takeScale(builder);
  product.scaleB = takeScale(builder);
  if (bitsOf(product.a) != 16)
    return;
  if (!product.aInRegisters)
    product.transposesA = takeTransposition(builder);
  product.transposesB = takeTransposition(builder);
}

static void decodeProduct(Builder &builder) {
  auto &product = builder.details<WarpgroupProduct>();
  product.sparse = builder.accept("sp");
  if (product.sparse)
    builder.require(82, 90, true);
  builder.expect("sync");
  builder.expect("aligned");
  takeShape(builder, product);
  product.saturates = builder.accept("satfinite");
  product.d = builder.expectType();
  product.a = builder.expectType();
  product.b = builder.expectType();
  builder.end();
  checkTypes(builder, product);
  builder.instruction.handler = start;
  takeOperands(builder, product);
}

static void decodeWgmma(Builder &builder) {
  Instruction &instruction = builder.instruction;
  builder.require(80, 90, true);
  instruction.kind = InstructionKind::Matrix;
  instruction.aligned = true;
  int form = builder.expectOneOf({"mma_async", "fence", "commit_group", "wait_group"});
  if (form == 0)
    return decodeProduct(builder);
  builder.expect("sync");
  builder.expect("aligned");
  builder.end();
  instruction.kind = InstructionKind::Synchronisation;
  instruction.handler = form == 1 ? fence : form == 2 ? commit : wait;
  if (form == 3)
    instruction.target = static_cast<uint32_t>(builder.immediate());
}

void addWarpgroupProducts(OpcodeTable &table) { table["wgmma"] = decodeWgmma; }

} // namespace tenon::sim
