#include "lib/CudaSimulator/Decode/Builder.h"
namespace tenon::sim {
void addMatrixProducts(OpcodeTable &) {}
} // namespace tenon::sim
