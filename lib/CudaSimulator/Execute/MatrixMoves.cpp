// ldmatrix, stmatrix and movmatrix: 8x8 matrices of 16-bit elements between shared memory and
// fragments (PTX ISA 9.7.14.5.15 to 9.7.14.5.17).
//
// Lane l names the row l % 8 of matrix l / 8: 16 bytes. Lane l gets, of each matrix, the elements
// 2 * (l % 4) and the next of row l / 4; transposed, of column l / 4.

#include "lib/CudaSimulator/Execute/Access.h"
#include "lib/CudaSimulator/Execute/Lanes.h"

namespace tenon::sim {

namespace {

struct Matrix8x8 {
  uint16_t elements[8][8];

  uint32_t fragment(unsigned lane, bool transposed) const {
    unsigned along = lane / 4, first = lane % 4 * 2;
    uint16_t low = transposed ? elements[first][along] : elements[along][first];
    uint16_t high = transposed ? elements[first + 1][along] : elements[along][first + 1];
    return low | uint32_t(high) << 16;
  }
  void setFragment(unsigned lane, bool transposed, uint32_t value) {
    unsigned along = lane / 4, first = lane % 4 * 2;
    (transposed ? elements[first][along] : elements[along][first]) = static_cast<uint16_t>(value);
    (transposed ? elements[first + 1][along] : elements[along][first + 1]) =
        static_cast<uint16_t>(value >> 16);
  }
};

} // namespace

static void requireAll(LaneMask mask) {
  if (mask != allLanes)
    throw Fault(FaultKind::Trap, "needs all 32 lanes of the warp");
}

/// Bank conflicts of eight rows of 16 bytes at a time.
static void countRows(Warp &warp, const Instruction &instruction, unsigned operand) {
  for (unsigned matrix = 0; matrix < instruction.vector; ++matrix) {
    unsigned uses[8] = {}, most = 1;
    for (unsigned row = 0; row < 8; ++row) {
      uint64_t address = addressOf(warp, instruction, operand, matrix * 8 + row);
      most = std::max(most, ++uses[address / 16 % 8]);
    }
    warp.block.counters.bankConflicts += most - 1;
  }
}

static Outcome loadMatrices(Warp &warp, const Instruction &instruction, LaneMask mask) {
  requireAll(mask);
  unsigned count = instruction.vector;
  Matrix8x8 matrices[4];
  countRows(warp, instruction, count);
  for (unsigned row = 0; row < 8 * count; ++row)
    std::memcpy(matrices[row / 8].elements[row % 8],
                locate(warp, Space::Shared, addressOf(warp, instruction, count, row), 16,
                       AccessMode::Read, row, false),
                16);
  for (unsigned i = 0; i < count; ++i)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      warp.row(instruction.operands[i])[lane] = matrices[i].fragment(lane, instruction.flags);
  return Outcome::Next;
}

static Outcome storeMatrices(Warp &warp, const Instruction &instruction, LaneMask mask) {
  requireAll(mask);
  unsigned count = instruction.vector;
  Matrix8x8 matrices[4];
  countRows(warp, instruction, 0);
  for (unsigned i = 0; i < count; ++i)
    for (unsigned lane = 0; lane < warpSize; ++lane)
      matrices[i].setFragment(lane, instruction.flags,
                              static_cast<uint32_t>(warp.row(instruction.operands[1 + i])[lane]));
  for (unsigned row = 0; row < 8 * count; ++row)
    std::memcpy(locate(warp, Space::Shared, addressOf(warp, instruction, 0, row), 16,
                       AccessMode::Write, row, false),
                matrices[row / 8].elements[row % 8], 16);
  warp.block.cluster.noteProgress();
  return Outcome::Next;
}

static Outcome transposeMatrix(Warp &warp, const Instruction &instruction, LaneMask mask) {
  requireAll(mask);
  Matrix8x8 matrix;
  for (unsigned lane = 0; lane < warpSize; ++lane)
    matrix.setFragment(lane, false, static_cast<uint32_t>(warp.row(instruction.operands[1])[lane]));
  for (unsigned lane = 0; lane < warpSize; ++lane)
    warp.row(instruction.operands[0])[lane] = matrix.fragment(lane, true);
  return Outcome::Next;
}

static void takeModifiers(Builder &builder) {
  Instruction &instruction = builder.instruction;
  instruction.kind = InstructionKind::SharedMemory;
  instruction.aligned = true;
  builder.expect("sync");
  builder.expect("aligned");
  builder.expect("m8n8");
  static constexpr uint8_t counts[] = {1, 2, 4};
  instruction.vector = counts[builder.expectOneOf({"x1", "x2", "x4"})];
  instruction.flags = builder.accept("trans");
  builder.acceptOneOf({"shared", "shared::cta"});
  builder.expect("b16");
  builder.end();
}

static void decodeLdmatrix(Builder &builder) {
  takeModifiers(builder);
  builder.instruction.handler = loadMatrices;
  builder.destinations(Type::B32, builder.instruction.vector);
  builder.address();
}

static void decodeStmatrix(Builder &builder) {
  builder.require(78, 90, false);
  takeModifiers(builder);
  builder.instruction.handler = storeMatrices;
  builder.address();
  builder.sources(Type::B32, builder.instruction.vector);
}

static void decodeMovmatrix(Builder &builder) {
  builder.instruction.kind = InstructionKind::Communication;
  builder.instruction.aligned = true;
  for (const char *modifier : {"sync", "aligned", "m8n8", "trans", "b16"})
    builder.expect(modifier);
  builder.end();
  builder.instruction.handler = transposeMatrix;
  builder.destination(Type::B32);
  builder.source(Type::B32);
}

void addMatrixMoves(OpcodeTable &table) {
  table["ldmatrix"] = decodeLdmatrix;
  table["stmatrix"] = decodeStmatrix;
  table["movmatrix"] = decodeMovmatrix;
}

} // namespace tenon::sim
