#include "lib/CudaSimulator/Decode/Builder.h"
namespace tenon::sim {
void addMatrixMoves(OpcodeTable &) {}
} // namespace tenon::sim
