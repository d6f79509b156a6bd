#include "lib/CudaSimulator/Decode/Builder.h"
namespace tenon::sim {
void addMbarriers(OpcodeTable &) {}
} // namespace tenon::sim
