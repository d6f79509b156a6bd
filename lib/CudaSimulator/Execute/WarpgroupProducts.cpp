#include "lib/CudaSimulator/Decode/Builder.h"
namespace tenon::sim {
void addWarpgroupProducts(OpcodeTable &) {}
} // namespace tenon::sim
