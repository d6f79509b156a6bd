// mma.sync and mma.sp (PTX ISA 9.7.14.5 and 9.7.14.6).
//
// All fragments follow one rule. With e elements in a register, group = lane / 4 and member = lane
// % 4: register r of A holds row group + 8 * (r mod 2), columns member * e … of the (r / 2)-th
// block of 4 e columns; register r of B holds column group and rows member * e … of the r-th block
// of 4 e rows; of C and D there are two neighbouring columns, 2 * member and the next, for row
// group and then for row group + 8. (The ISA gives this shape by shape, "Matrix Fragments for
// mma.m16n8k16 with floating point type" and so on.)
//
// In mma.sp A holds half of its columns: two of four neighbours, named by two bits each in the
// metadata. The order of these bits is in `sparseColumn`.

#include "lib/CudaSimulator/Decode/Builder.h"
#include "lib/CudaSimulator/Execute/Block.h"
#include "lib/CudaSimulator/Execute/Lanes.h"
#include "lib/CudaSimulator/Execute/Matrices.h"

namespace tenon::sim {

namespace {

struct Product final : Details {
  unsigned m = 16, n = 8, k = 16;
  Type d = Type::F32, a = Type::F16, b = Type::F16, c = Type::F32;
  bool saturates = false, sparse = false;
  unsigned selector = 0;
  // Registers per lane.
  unsigned countA = 0, countB = 0, countC = 0, countD = 0;
  // Places of the operands.
  unsigned firstA = 0, firstB = 0, firstC = 0, metadata = 0;
};

} // namespace

/// Elements in one register of an operand: one of f64, else as many as 32 bits hold.
static unsigned elementsPerRegister(Type type) { return type == Type::F64 ? 1 : 32 / bitsOf(type); }

static uint64_t elementBits(uint64_t bits, Type type, unsigned index) {
  unsigned width = bitsOf(type);
  if (width == 64)
    return bits;
  return bits >> (index * width) & ((uint64_t(1) << width) - 1);
}

static std::vector<double> gatherA(Warp &warp, const Instruction &instruction,
                                   const Product &product) {
  std::vector<double> matrix(product.m * product.k, 0);
  unsigned e = elementsPerRegister(product.a), rowGroups = product.m / 8;
  const uint64_t *metadata =
      product.sparse ? warp.row(instruction.operands[product.metadata]) : nullptr;
  for (unsigned r = 0; r < product.countA; ++r) {
    const uint64_t *source = warp.row(instruction.operands[product.firstA + r]);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (unsigned i = 0; i < e; ++i) {
        unsigned row = lane / 4 + 8 * (r % rowGroups);
        unsigned column = lane % 4 * e + i + 4 * e * (r / rowGroups);
        double value = decodeElement(product.a, elementBits(source[lane], product.a, i));
        if (product.sparse)
          column = sparseColumn({product.a, product.k, product.selector}, metadata, row, column);
        matrix[row * product.k + column] = value;
      }
  }
  return matrix;
}

static std::vector<double> gatherB(Warp &warp, const Instruction &instruction,
                                   const Product &product) {
  std::vector<double> matrix(product.k * product.n);
  unsigned e = elementsPerRegister(product.b);
  for (unsigned r = 0; r < product.countB; ++r) {
    const uint64_t *source = warp.row(instruction.operands[product.firstB + r]);
    for (unsigned lane = 0; lane < warpSize; ++lane)
      for (unsigned i = 0; i < e; ++i) {
        unsigned row = lane % 4 * e + i + 4 * e * r;
        matrix[row * product.n + lane / 4] =
            decodeElement(product.b, elementBits(source[lane], product.b, i));
      }
  }
  return matrix;
}

/// Row and column of element i of a lane's accumulators.
static std::pair<unsigned, unsigned> accumulatorPlace(unsigned lane, unsigned i) {
  return {lane / 4 + 8 * (i / 2), lane % 4 * 2 + i % 2};
}

static Outcome multiply(Warp &warp, const Instruction &instruction, LaneMask mask) {
  const auto &product = static_cast<const Product &>(*instruction.details);
  if (mask != allLanes)
    throw Fault(FaultKind::Trap, "mma needs all 32 lanes of the warp");
  std::vector<double> a = gatherA(warp, instruction, product),
                      b = gatherB(warp, instruction, product);
  std::vector<double> result(product.m * product.n);
  unsigned perC = product.c == Type::F16 ? 2 : 1, perD = product.d == Type::F16 ? 2 : 1;
  unsigned elements = product.m * product.n / warpSize;
  for (unsigned i = 0; i < elements; ++i) {
    const uint64_t *source = warp.row(instruction.operands[product.firstC + i / perC]);
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      auto [row, column] = accumulatorPlace(lane, i);
      result[row * product.n + column] =
          decodeAccumulator(product.c, source[lane] >> (16 * (i % perC) * (perC - 1)));
    }
  }
  multiplyInto(result, a, b, product.m, product.n, product.k);
  for (unsigned i = 0; i < elements; ++i) {
    uint64_t *target = warp.row(instruction.operands[i / perD]);
    for (unsigned lane = 0; lane < warpSize; ++lane) {
      auto [row, column] = accumulatorPlace(lane, i);
      uint64_t bits =
          encodeAccumulator(product.d, result[row * product.n + column], product.saturates);
      target[lane] = perD == 1 ? bits : i % 2 ? (target[lane] & 0xffff) | bits << 16 : bits;
    }
  }
  ++warp.block.counters.matrixInstructions;
  warp.block.counters.matrixProducts +=
      product.m * product.n * product.k / (product.sparse ? 2 : 1);
  return Outcome::Next;
}

namespace {

/// The shapes that there are for a type of A, by the table of PTX ISA 9.7.14.1 ("Matrix shape").
struct Shape {
  unsigned m, k;
  unsigned bits; ///< of an element
  bool sparse;
};

} // namespace

static constexpr Shape shapes[] = {
    {16, 8, 16, false}, {16, 16, 16, false}, {16, 16, 16, true}, {16, 32, 16, true},
    {16, 4, 32, false}, {16, 8, 32, false},  {16, 8, 32, true},  {16, 16, 32, true},
    {8, 16, 8, false},  {16, 16, 8, false},  {16, 32, 8, false}, {16, 32, 8, true},
    {16, 64, 8, true},  {8, 32, 4, false},   {16, 32, 4, false}, {16, 64, 4, false},
    {8, 4, 64, false},  {16, 4, 64, false},  {16, 8, 64, false}, {16, 16, 64, false},
};

static void takeShape(Builder &builder, Product &product) {
  std::string shape(builder.take());
  if (std::sscanf(shape.c_str(), "m%un%uk%u", &product.m, &product.n, &product.k) != 3 ||
      product.n != 8)
    builder.fail("unknown shape '." + shape + "'");
}

static void checkShape(Builder &builder, const Product &product) {
  for (const Shape &shape : shapes)
    if (shape.m == product.m && shape.k == product.k && shape.bits == bitsOf(product.a) &&
        shape.sparse == product.sparse)
      return;
  builder.fail("there is no " + std::string(product.sparse ? "sparse " : "") + "shape m" +
               std::to_string(product.m) + "n8k" + std::to_string(product.k) + " of ." +
               std::string(nameOf(product.a)));
}

static bool isFp8(Type type) { return type == Type::E4M3 || type == Type::E5M2; }
static bool isByte(Type type) { return type == Type::S8 || type == Type::U8; }
static bool isNibble(Type type) { return type == Type::S4 || type == Type::U4; }

/// Since when there are products of floats of 8 bits (PTX ISA 9.7.14.5, "PTX ISA Notes").
static void checkFp8(Builder &builder, const Product &product) {
  if (product.m != 16)
    builder.fail("there is no shape m8n8 of floats of 8 bits");
  bool isLater = product.k == 16 || product.d == Type::F16;
  builder.require(isLater ? 87 : 84, 89, false);
}

static void checkTypes(Builder &builder, const Product &product) {
  bool alike = product.a == product.b || (isFp8(product.a) && isFp8(product.b)) ||
               (isByte(product.a) && isByte(product.b)) ||
               (isNibble(product.a) && isNibble(product.b));
  bool integers = isByte(product.a) || isNibble(product.a);
  bool fits;
  if (integers)
    fits = product.d == Type::S32 && product.c == Type::S32;
  else if (product.a == Type::F64)
    fits = product.d == Type::F64 && product.c == Type::F64;
  else if (product.a == Type::F16 || isFp8(product.a))
    fits = (product.d == Type::F32 || product.d == Type::F16) && product.c == product.d;
  else
    fits = (product.a == Type::BF16 || product.a == Type::TF32) && product.d == Type::F32 &&
           product.c == Type::F32;
  if (!alike || !fits || (product.saturates && !integers))
    builder.fail("these types do not go together");
  if (isFp8(product.a))
    checkFp8(builder, product);
}

/// The registers of A, B, C and D for a lane.
static void countRegisters(Product &product) {
  unsigned stored = product.k / (product.sparse ? 2 : 1);
  product.countA = product.m * stored / warpSize / elementsPerRegister(product.a);
  product.countB = product.k * product.n / warpSize / elementsPerRegister(product.b);
  unsigned elements = product.m * product.n / warpSize;
  product.countC = elements / (product.c == Type::F16 ? 2 : 1);
  product.countD = elements / (product.d == Type::F16 ? 2 : 1);
  product.firstA = product.countD;
  product.firstB = product.firstA + product.countA;
  product.firstC = product.firstB + product.countB;
  product.metadata = product.firstC + product.countC;
}

static Type registerType(Type type) { return type == Type::F64 ? Type::F64 : Type::B32; }

static void takeMetadata(Builder &builder, Product &product) {
  builder.source(Type::B32);
  product.selector = takeSelector(builder, product.a, product.k);
}

static void decodeMma(Builder &builder) {
  builder.instruction.kind = InstructionKind::Matrix;
  builder.instruction.aligned = true;
  auto &product = builder.details<Product>();
  product.sparse = builder.acceptOneOf({"sp", "sp::ordered_metadata"}) >= 0;
  builder.expect("sync");
  builder.expect("aligned");
  takeShape(builder, product);
  builder.expect("row");
  builder.expect("col");
  builder.accept("kind::f8f6f4");
  product.saturates = builder.accept("satfinite");
  product.d = builder.expectType();
  product.a = builder.expectType();
  product.b = builder.expectType();
  product.c = builder.expectType();
  builder.end();
  checkShape(builder, product);
  checkTypes(builder, product);
  countRegisters(product);
  builder.instruction.handler = multiply;
  builder.destinations(registerType(product.d), product.countD);
  builder.sources(registerType(product.a), product.countA);
  builder.sources(registerType(product.b), product.countB);
  builder.sources(registerType(product.c), product.countC);
  if (product.sparse)
    takeMetadata(builder, product);
}

void addMatrixProducts(OpcodeTable &table) { table["mma"] = decodeMma; }

} // namespace tenon::sim
